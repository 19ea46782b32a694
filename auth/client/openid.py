"""We as a client with a person in front: authorization code with PKCE, at an OpenID provider or at an EHR.

    provider = OpenIDProvider(issuer, authorize_url, token_url, client_id, "openid profile", jwks_url=...)
    begun = start(conn, provider, redirect_uri, "provider", {"next": "/"}, now)  # send the browser to begun.url
    pending = take_state(conn, "provider", state, now)                           # None: unknown, too old or used
    check_issuer(provider, request.args.get("iss"))                              # RFC 9207
    answer = exchange_code(session, provider, pending, code, clock, new_id)      # the token response
    claims = verify_id_token(answer["id_token"], provider, keysets, pending.nonce, now, answer["access_token"])

Who proves what: the state that the answer belongs to a question of ours, PKCE that the code was given for it, the nonce
that the id_token was. None of them proves that the browser which comes back is the one that went: bind the state to a
cookie (`data`), else somebody can be signed in as another.

Clause: RFC 6749 section 4.1, RFC 7636, RFC 9207, RFC 9700 sections 2.1 and 4.4; OpenID Connect Core 1.0 section 3.1;
SMART App Launch 2.2 app-launch.html. Times are whole seconds.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus

import requests
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry
from sqlalchemy import Connection
from urllib3.exceptions import HTTPError

from auth.client.backend import ASSERTION, Key, TokenError, assertion, choose_key, retry_after
from auth.errors import Refused
from auth.keys.fetched import KeySets, KeysUnavailable, PublicKey
from auth.outgoing import limited_body
from auth.people import one_time
from auth.store import fresh, storable

LIFE: Final = 600  # seconds from going to coming pending: somebody may have to find their telephone
ALGORITHMS: Final = ("RS256", "ES256", "ES384", "PS256")  # of id_tokens; never none, never one with a shared secret
LEEWAY: Final = 60  # seconds that two clocks may differ
LONGEST: Final = 32_768  # characters of an id_token
LONGEST_SUBJECT: Final = 255  # OpenID Connect Core section 2


class InvalidIdToken(Refused):
    """What came back does not prove what it should: the id_token, or the issuer (`iss`). The person may see `text`."""

    status, error = 403, "access_denied"


@dataclass(frozen=True)
class OpenIDProvider:
    """Whom we ask. With `secret` we prove ourselves by it, with `keys` by a signed assertion (private_key_jwt), with
    neither we are a public client. An EHR's `issuer` is the one of its id_tokens, not its FHIR base.

    methods: token_endpoint_auth_methods_supported, as far as said: a secret goes in the form where only
    client_secret_post is offered. algorithms: token_endpoint_auth_signing_alg_values_supported. tells_issuer:
    authorization_response_iss_parameter_supported.
    """

    issuer: str
    authorize_url: str
    token_url: str
    client_id: str
    scope: str
    secret: str | None = None
    keys: tuple[Key, ...] = ()
    jwks_url: str | None = None
    algorithms: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    tells_issuer: bool = False


@dataclass(frozen=True)
class AuthorizationRedirect:
    """Where to send the browser, and the state that will come back with it."""

    url: str
    state: str


@dataclass(frozen=True)
class PendingSignIn:
    """What was kept while the browser was away. `data` is what `start` was given."""

    issuer: str
    redirect_uri: str
    verifier: str
    nonce: str | None
    data: dict[str, Any]


def start(
    conn: Connection,
    provider: OpenIDProvider,
    redirect_uri: str,
    purpose: str,
    data: dict[str, Any],
    now: int,
    **extra: str,
) -> AuthorizationRedirect:
    """Keep what must be known when the browser comes pending, and say where it goes. `extra`: further parameters of the
    authorization request, such as `aud` and `launch`."""
    verifier, nonce = fresh(), fresh() if "openid" in provider.scope.split() else None
    kept = {
        "issuer": provider.issuer, "redirect_uri": redirect_uri, "verifier": verifier, "nonce": nonce, "data": data,
    }  # fmt: skip
    state = one_time.keep(conn, f"relying:{purpose}", kept, now, LIFE)
    asked = {
        "response_type": "code", "client_id": provider.client_id, "redirect_uri": redirect_uri, "scope": provider.scope,
        "state": state, "code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256",
        **({"nonce": nonce} if nonce else {}), **extra,
    }  # fmt: skip
    return AuthorizationRedirect(str(add_params_to_uri(provider.authorize_url, list(asked.items()))), state)


def take_state(conn: Connection, purpose: str, state: str, now: int) -> PendingSignIn | None:
    """What was kept under this state for this purpose. It is taken: nobody comes back twice."""
    taken = one_time.take(conn, f"relying:{purpose}", state, now)
    return PendingSignIn(**taken.data) if taken else None


def check_issuer(provider: OpenIDProvider, said: str | None) -> None:
    """Hold the `iss` of an authorization response against the issuer that was asked (RFC 9207 section 2.4): it defeats
    an attacker's server that passes on a code of an honest one. Raises InvalidIdToken."""
    if said is None and not provider.tells_issuer:
        return
    if said != provider.issuer:
        raise InvalidIdToken("The answer came from another server than the one that was asked. Please begin again.")


def exchange_code(
    session: requests.Session,
    provider: OpenIDProvider,
    pending: PendingSignIn,
    code: str,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> dict[str, Any]:
    """The token response for a code. Raises backend.TokenError: its text is for whoever looks after this server,
    `retry` says whether beginning again may help."""
    if pending.issuer != provider.issuer:
        raise ValueError("a code goes to nobody but the server that gave it")
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
    }  # fmt: skip
    now = clock()
    proof, header = _proof(provider, now, new_id)
    try:
        with session.post(
            provider.token_url,
            data=form | proof,
            headers={"Accept": "application/json"} | header,
            timeout=limited_body.TIMEOUT,
            allow_redirects=False,  # else code and proof would go along to wherever it points
            auth=lambda request: request,  # keeps a .netrc from adding its own
            stream=True,
        ) as answer:
            return _token_response(provider, answer, limited_body.body(answer), now)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise TokenError(f"{provider.token_url} did not answer ({type(error).__name__}).", retry=True) from error


def verify_id_token(
    id_token: str, provider: OpenIDProvider, keys: KeySets, nonce: str | None, now: int, access_token: str | None = None
) -> dict[str, Any]:
    """The claims of an id_token that its issuer signed for us, now, in answer to this very question (OpenID Connect
    Core section 3.1.3.7). Raises InvalidIdToken."""
    if not isinstance(id_token, str) or len(id_token) > LONGEST or not provider.jwks_url:
        raise InvalidIdToken("The server did not say who you are in a way that can be checked.")
    url = provider.jwks_url
    try:
        token = jwt.decode(id_token, lambda guest: _choose_key(guest.headers(), keys, url, now), algorithms=ALGORITHMS)
        _claims_registry(provider, now).validate(token.claims)
        _check_claims(token.claims, provider, nonce)
        _check_at_hash(access_token, token.claims.get("at_hash"), str(token.header["alg"]))
    except KeysUnavailable as error:
        raise InvalidIdToken("The keys of the server that should say who you are can not be had.") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        why = getattr(error, "description", "") or str(error)
        raise InvalidIdToken(f"What the server says of you does not hold: {why[:200]}") from error
    return token.claims


def _proof(provider: OpenIDProvider, now: datetime, new_id: Callable[[], str]) -> tuple[dict[str, str], dict[str, str]]:
    """What shows that we are the client: form fields and header fields (RFC 6749 section 2.3, RFC 7523 section 2.2)."""
    if provider.keys:
        key, algorithm = choose_key(provider.keys, provider.algorithms)
        signed = assertion(provider.client_id, provider.token_url, key, algorithm, now, new_id())
        return {"client_assertion_type": ASSERTION, "client_assertion": signed, "client_id": provider.client_id}, {}
    if provider.secret is None:
        return {"client_id": provider.client_id}, {}
    if "client_secret_post" in provider.methods and "client_secret_basic" not in provider.methods:
        return {"client_id": provider.client_id, "client_secret": provider.secret}, {}
    pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.secret)}"  # encoded first: RFC 6749 section 2.3.1
    return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _token_response(provider: OpenIDProvider, answer: requests.Response, body: bytes, now: datetime) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    token: dict[str, Any] = document if isinstance(document, dict) else {}
    if answer.status_code == 200 and isinstance(token.get("access_token"), str) and token["access_token"]:
        if str(token.get("token_type") or "bearer").lower() != "bearer":
            raise TokenError(f"{provider.token_url} gave a token of another type than bearer.")
        return token
    said = " ".join(str(token[name]) for name in ("error", "error_description") if token.get(name))
    status = answer.status_code
    what = said[:300] or ("no access_token" if token else "and no JSON")
    raise TokenError(
        f"{provider.token_url} gave client {provider.client_id} nothing for the code: {status} {what}",
        retry=status in (408, 429) or status >= 500 or token.get("error") == "invalid_grant",
        seconds=retry_after(answer.headers.get("Retry-After"), now),
    )


def _choose_key(header: dict[str, Any], keys: KeySets, url: str, now: int) -> PublicKey:
    """The key that a header names, of those that the issuer publishes. What the header itself brings (jwk, jku, x5u) is
    never looked at. Without a kid there must be no choice (OpenID Connect Core section 10.1)."""
    kid, alg = header.get("kid", ""), header.get("alg")
    if alg not in ALGORITHMS or header.get("typ", "JWT") != "JWT" or not isinstance(kid, str):
        raise ValueError("it is not signed in a way that counts here")
    kind = "EC" if str(alg).startswith("ES") else "RSA"
    fitting = [key for key in keys.get(url, now, kid) if key.key_type == kind and kid in ("", key.kid)]
    if len(fitting) != 1:
        raise ValueError("its key is not among those that the server publishes")
    return fitting[0]


def _claims_registry(provider: OpenIDProvider, now: int) -> JWTClaimsRegistry:
    """The claims that joserfc judges: iss and aud are ours, exp and iat fit the clock, sub is there."""
    must: ClaimsOption = {"essential": True}
    issuer: ClaimsOption = {"essential": True, "value": provider.issuer}
    audience: ClaimsOption = {"essential": True, "value": provider.client_id}
    return JWTClaimsRegistry(now=now, leeway=LEEWAY, iss=issuer, aud=audience, sub=must, exp=must, iat=must)


def _check_claims(claims: dict[str, Any], provider: OpenIDProvider, nonce: str | None) -> None:
    """The claims that OpenID adds: for whom among several, who it is, and in answer to what."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several and "azp" not in claims) or claims.get("azp", provider.client_id) != provider.client_id:
        raise ValueError("it was made for another client (azp)")
    if not 0 < len(claims["sub"].strip()) <= len(claims["sub"]) <= LONGEST_SUBJECT or not storable(claims["sub"]):
        raise ValueError("it names nobody (sub)")
    if nonce is not None and not _same(nonce, claims.get("nonce")):
        raise ValueError("it answers another question (nonce)")


def _check_at_hash(access_token: str | None, half: Any, algorithm: str) -> None:
    """An at_hash ties an id_token to the access token beside it (OpenID Connect Core section 3.1.3.8)."""
    if half is not None and access_token is not None:
        expected = create_half_hash(access_token, algorithm)
        if expected is None or not _same(expected.decode(), half):
            raise ValueError("it came with another access token (at_hash)")


def _same(expected: str, said: Any) -> bool:
    return isinstance(said, str) and hmac.compare_digest(expected.encode(), said.encode("utf-8", "surrogatepass"))
