"""A client proves itself by a signed JWT. Authlib finds and parses the assertion; what SMART demands of it is here.

Clause: SMART App Launch 2.2 client-confidential-asymmetric.html, RFC 7523 section 3, RFC 7521 section 4.2. Authlib's
own defaults (HS256, RS256 and ES256 only; any life; no kid, no jku) would let too little and too much through.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jws, jwt
from joserfc.errors import JoseError

from auth.keys.fetched import KeysUnavailable, PublicKey, parse_jwks
from auth.store import Client

ALGORITHMS: Final = ("RS384", "ES384")
_KINDS: Final = {"RS384": "RSA", "ES384": "EC"}
LIFE: Final = 300  # seconds that an assertion may still live
LEEWAY: Final = 30  # seconds that two clocks may differ
LONGEST: Final = 16_384  # characters
LONGEST_JTI: Final = 512

SpendJti = Callable[[str, str, int], bool]


@dataclass(frozen=True)
class Expected:
    """What an assertion is held against. `now` in seconds; `audiences`: our token URL and our issuer, or the service
    that is called (CDS Hooks)."""

    audiences: tuple[str, ...]
    now: float
    spend_jti: SpendJti  # (client id, jti, expires) -> False when it was used before
    published: tuple[PublicKey, ...] = ()  # what stands at the client's JWKS URL
    named: tuple[str, ...] = ("iss", "sub")  # the claims that name the client


def verify(text: str, client: Client, expected: Expected) -> dict[str, Any]:
    """The claims of a good assertion of this client; its jti is spent by that. Raises InvalidClientError."""
    if len(text) > LONGEST:
        raise _bad("The assertion is too long.")
    try:
        token = jwt.decode(text, lambda guest: _pick(guest.headers(), client, expected), algorithms=ALGORITHMS)
    except (JoseError, KeysUnavailable, ValueError, TypeError, KeyError) as error:
        raise _bad(f"The assertion can not be verified: {_ascii(error)}") from error
    _judge(token.claims, client, expected)
    claims = token.claims
    if not expected.spend_jti(client.id, claims["jti"], int(claims["exp"]) + LEEWAY + 1):
        raise _bad("This jti was used before; make a new one for each assertion.")
    return claims


def peek(text: str, claim: str = "sub") -> tuple[str, str]:
    """The client id and the kid that an assertion claims, unverified: enough to fetch that client's keys beforehand.
    claim: the one that names the client."""
    try:
        guest = jws.extract_compact(text[:LONGEST].encode())
        return str(json.loads(guest.payload)[claim]), str(guest.headers()["kid"])
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        return "", ""


class PrivateKeyJwt(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's reading of `client_assertion`, with the verification above."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, expected: Expected) -> None:
        super().__init__(leeway=LEEWAY)
        self._expected = expected

    def __call__(self, query_client: Any, request: Any) -> Any:
        try:
            client = super().__call__(query_client, request)
        except RecursionError as error:
            raise _bad("The assertion is no JWT.") from error
        if client and request.form.get("client_id", client.row.id) != client.row.id:
            raise _bad("client_id and the assertion name different clients.")
        return client

    def resolve_client_public_key(self, client: Any) -> Any:
        """The registration goes where Authlib expects a key: which key it is depends on the header, read below."""
        return client.row

    def process_assertion_claims(self, assertion: str, row: Client) -> dict[str, Any]:
        return verify(assertion, row, self._expected)


def _pick(header: dict[str, Any], client: Client, expected: Expected) -> PublicKey:
    """The one key that the header names: by kid and by the kind of key that its algorithm takes."""
    kid, alg, jku = header.get("kid"), header.get("alg"), header.get("jku")
    if header.get("typ") != "JWT":
        raise ValueError("header typ must be JWT")
    if not isinstance(kid, str) or not kid:
        raise ValueError("header kid is missing")
    if jku is not None and jku != client.jwks_url:
        raise ValueError("header jku is not the registered JWKS URL")
    for key in (*(parse_jwks(client.jwks) if client.jwks else ()), *expected.published):
        if key.kid == kid and key.key_type == _KINDS.get(str(alg)):
            return key
    raise ValueError("no registered key has this kid and fits this alg")


def _judge(claims: dict[str, Any], client: Client, expected: Expected) -> None:
    """Every claim that RFC 7523 section 3 and SMART name, each with its own refusal."""
    now, audience = expected.now, claims.get("aud")
    if any(claims.get(name) != client.id for name in expected.named):
        raise _bad(f"{' and '.join(expected.named)} must be the client_id.")
    if not any(known == audience or (isinstance(audience, list) and known in audience) for known in expected.audiences):
        raise _bad("aud must be the URL of this token endpoint.")
    exp, iat, nbf = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if exp is None or exp <= now - LEEWAY:
        raise _bad("exp is missing or past.")
    if exp > now + LIFE + LEEWAY:
        raise _bad("exp is more than five minutes ahead.")
    if any(moment is not None and moment > now + LEEWAY for moment in (iat, nbf)):
        raise _bad("iat or nbf lies in the future.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise _bad("jti is missing or no string of at most 512 characters.")


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise _bad(f"{name} must be a number of seconds.")
    return value


def _bad(text: str) -> InvalidClientError:
    return InvalidClientError(description=text)


def _ascii(error: Exception) -> str:
    """An error's words, in the letters that RFC 6749 section 5.2 lets an error_description have."""
    text = getattr(error, "description", "") or str(error) or type(error).__name__
    return "".join(c if " " <= c <= "~" and c not in '"\\' else " " for c in text)[:200]
