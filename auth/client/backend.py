"""We as a SMART Backend Services client of an EHR: keys, the signed assertion, the token and what it permits.

Clause: SMART App Launch 2.2 backend-services.html and client-confidential-asymmetric.html; RFC 7523 section 2.2;
RFC 6749 section 5. What real token endpoints do beside the standard is tolerated: an `expires_in` that is a string, a
`token_type` in any case or none, no `scope`, an error without a description, fields that nobody asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from urllib3.exceptions import HTTPError

from auth.outgoing import limited_body
from auth.outgoing.guard import Forbidden
from auth.scopes import Scope, covers, parse, render

ALGORITHMS = ("ES384", "RS384")  # SMART: a client SHALL be able to sign with one of these
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE = timedelta(minutes=4)  # at most 5 by the standard; a minute is left for clocks that differ
UNSAID = 300.0  # the token life, in seconds, that SMART recommends and we assume when none is told
RENEW_AT = 0.8  # of a token's life
MAX_ANSWER = 1_000_000  # bytes

Key = ECKey | RSAKey


class BadKey(ValueError):
    """A file does not hold a private key that SMART can use; the text says what would be right."""


class TokenError(Exception):
    """No token. `retry` says whether the same request may work a moment later, `seconds` after how long, if told."""

    def __init__(self, text: str, *, retry: bool = False, seconds: float | None = None) -> None:
        super().__init__(text)
        self.text, self.retry, self.seconds = text, retry, seconds


@dataclass(frozen=True)
class Token:
    """An access token and how long to use it. `scope` is what was granted, as the server said it."""

    value: str
    scope: str
    renew_at: datetime


@dataclass(frozen=True)
class Difference:
    """Scopes that were asked and not granted, and scopes granted beyond what was asked."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]


def load_keys(data: bytes) -> tuple[Key, ...]:
    """The private keys of a file: PEM (one), JWK, or JWKS. Each has a kid: its own, or its RFC 7638 thumbprint.

    Raises BadKey for a public key, another curve than P-384, or an RSA key under 2048 bits.
    """
    try:
        found = _read_keys(data)
    except (JoseError, ValueError, KeyError, TypeError) as e:
        raise BadKey(f"The key file holds no PEM, JWK or JWKS that can be read ({type(e).__name__}).") from e
    for key in found:
        _check(key)
        key.ensure_kid()
    return tuple(key for key in found if isinstance(key, ECKey | RSAKey))


def choose_key(keys: Sequence[Key], offered: Sequence[str], preferred: Sequence[str] = ALGORITHMS) -> tuple[Key, str]:
    """The key to sign with and its algorithm: the first preferred one that the server offers and that we have.

    A server that offers nothing has not said, so anything goes. Raises TokenError when nothing fits.
    """
    own = {_algorithm(key): key for key in reversed(keys)}
    for algorithm in preferred:
        if algorithm in own and (algorithm in offered or not offered):
            return own[algorithm], algorithm
    raise TokenError(
        f"No key fits: the server accepts {', '.join(offered) or 'any'}, we may use {', '.join(preferred)}, "
        f"our keys sign {', '.join(own) or 'nothing'}. Add a key of an accepted kind."
    )


def assertion(client_id: str, token_url: str, key: Key, algorithm: str, now: datetime, jti: str) -> str:
    """The signed JWT that says we are `client_id`. `jti` must be new each time: a server refuses one it has seen."""
    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "iat": issued,
        "exp": issued + int(LIFE.total_seconds()),
        "jti": jti,
    }
    return jwt.encode({"alg": algorithm, "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=[algorithm])


def difference(asked: str, granted: str) -> Difference:
    """Compare what was asked with what was granted, by what they permit and not by how they are written."""
    wants, has = parse(asked), parse(granted)
    return Difference(
        missing=tuple(render([want]) for want in wants if not _covered(want, has)),
        extra=tuple(render([have]) for have in has if not _covered(have, wants)),
    )


class Backend:
    """A token of one server for one run: fetched when first needed, renewed at 80 % of its life."""

    def __init__(
        self,
        session: requests.Session,
        token_url: str,
        client_id: str,
        keys: Sequence[Key],
        scope: str,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        offered: Sequence[str] = (),
        preferred: Sequence[str] = ALGORITHMS,
        timeout: tuple[float, float] = (10, 30),
    ) -> None:
        self.session, self.token_url, self.client_id, self.scope = session, token_url, client_id, scope
        self.clock, self.new_id, self.timeout = clock, new_id, timeout
        self.key, self.algorithm = choose_key(keys, offered, preferred)
        self._token: Token | None = None

    def token(self) -> str:
        """A token that is good for a while. Raises TokenError."""
        if self._token is None or self.clock() >= self._token.renew_at:
            self._token = self._fetch()
        return self._token.value

    def renew(self) -> str:
        """A new token, because the present one was not accepted. Raises TokenError."""
        self._token = None
        return self.token()

    @property
    def granted(self) -> str:
        """The scopes of the present token as the server said them; empty as long as there is none."""
        return self._token.scope if self._token else ""

    def difference(self) -> Difference:
        """What the present token lacks and what it has beyond what was asked. Empty as long as there is none."""
        return difference(self.scope, self._token.scope) if self._token else Difference((), ())

    def _fetch(self) -> Token:
        now = self.clock()
        form = {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion(self.client_id, self.token_url, self.key, self.algorithm, now, self.new_id()),
        }
        try:
            # A redirect is not followed, for the assertion would go along; `auth` keeps a .netrc from adding its own.
            with self.session.post(
                self.token_url,
                data=form,
                headers={"Accept": "application/json"},
                timeout=self.timeout,
                allow_redirects=False,
                auth=lambda request: request,
                stream=True,
            ) as response:
                return self._read(response, limited_body.body(response, MAX_ANSWER, self.timeout[1]), now)
        except Forbidden as e:
            raise TokenError(str(e)) from e
        except (requests.RequestException, HTTPError, OSError) as e:
            raise TokenError(f"{self.token_url} did not answer ({type(e).__name__}).", retry=True) from e

    def _read(self, response: requests.Response, body: bytes, now: datetime) -> Token:
        answer = _json(body)
        if response.status_code != 200:
            raise self._refusal(response, answer, now)
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise TokenError(f"{self.token_url} answered 200 without an access_token.", retry=True)
        if str(answer.get("token_type") or "bearer").lower() != "bearer":
            raise TokenError(f"{self.token_url} gave a token of another type than bearer.")
        return Token(value, _scope(answer.get("scope"), self.scope), now + RENEW_AT * _life(answer.get("expires_in")))

    def _refusal(self, response: requests.Response, answer: Mapping[str, Any], now: datetime) -> TokenError:
        status = response.status_code
        said = " ".join(str(answer[name]) for name in ("error", "error_description") if answer.get(name))
        retry = status in (408, 429) or status >= 500
        text = f"{self.token_url} gave no token to client {self.client_id}: {status} {said[:300]}".rstrip()
        if answer.get("error") == "invalid_client":
            text += f" (is our key {self.key.kid}, {self.algorithm}, registered there? a new one can take a day or two)"
        return TokenError(text, retry=retry, seconds=retry_after(response.headers.get("Retry-After"), now))


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which is a number of them or a date (RFC 9110 section 10.2.3)."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:12])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter of a zone that is no number of hours
        return None
    return max(0.0, (at - now).total_seconds()) if at.tzinfo else None


def _read_keys(data: bytes) -> list[Any]:
    if data.lstrip().startswith(b"{"):
        document = json.loads(data)
        return list(KeySet.import_key_set(document).keys) if "keys" in document else [_import(document)]
    text = data.decode()
    kind = RSAKey if "RSA PRIVATE" in text else ECKey if "EC PRIVATE" in text else None
    return [kind.import_key(text) if kind else _import_pkcs8(text)]


def _import(document: dict[str, Any]) -> Key:
    return RSAKey.import_key(document) if document["kty"] == "RSA" else ECKey.import_key(document)


def _import_pkcs8(text: str) -> Key:
    try:
        return ECKey.import_key(text)
    except (JoseError, ValueError, TypeError):
        return RSAKey.import_key(text)


def _check(key: Any) -> None:
    if not isinstance(key, ECKey | RSAKey) or not key.is_private:
        raise BadKey("The key file must hold private keys, EC P-384 (for ES384) or RSA (for RS384).")
    if isinstance(key, ECKey) and key.curve_name != "P-384":
        raise BadKey(f"A SMART client signs with ES384, so the curve must be P-384, not {key.curve_name}.")
    if isinstance(key, RSAKey) and key.raw_value.key_size < 2048:
        raise BadKey(f"An RSA key needs 2048 bits at least, not {key.raw_value.key_size}.")


def _algorithm(key: Key) -> str:
    return "ES384" if isinstance(key, ECKey) else "RS384"


def _covered(narrow: Any, wide: Sequence[Any]) -> bool:
    """Whether `wide` permits all of `narrow`, letter by letter, for a server may answer one scope with several."""
    if not isinstance(narrow, Scope):
        return narrow in wide
    letters = (Scope(narrow.level, narrow.type, frozenset(letter), narrow.query) for letter in narrow.perms)
    return all(any(covers(have, letter) for have in wide) for letter in letters)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _scope(said: Any, asked: str) -> str:
    """The granted scope; left out means as asked (RFC 6749 section 5.1)."""
    if isinstance(said, list):
        return " ".join(map(str, said))
    return said if isinstance(said, str) and said.strip() else asked


def _life(said: Any) -> timedelta:
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        seconds = UNSAID
    return timedelta(seconds=seconds if 0 <= seconds < 1e8 else UNSAID)
