"""The three ways to a token: a backend service's own, a person's authorization code, and its refresh.

Clause: RFC 6749 sections 4.1, 4.4 and 6; RFC 7636; RFC 9700 sections 2.1.1, 4.14; OpenID Connect Core 3.1;
SMART App Launch 2.2 app-launch.html and backend-services.html.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc.jwk import RSAKey
from sqlalchemy import Connection

from auth import store
from auth.keys import signing as keys_signing
from auth.scopes import covers, names, parse
from auth.server import authorizations
from auth.server.authorizations import Authorization, Code

CODE_LIFE: Final = 60  # seconds; RFC 6749 allows ten minutes, an app needs a moment
CHALLENGE_LENGTH: Final = 43  # characters of a base64url sha256
PLAIN: Final = {"openid", "profile", "email", "address", "phone", "offline_access"}  # OpenID's own: who somebody is
AUTH_METHODS: Final = ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True)
class Holder:
    """The person behind a token and the permission that they gave."""

    user: store.User
    authorization: Authorization


@dataclass(frozen=True)
class Refresh:
    """A refresh token as Authlib asks for it."""

    plain: str
    row: store.Token
    authorization: Authorization

    def check_client(self, client: Any) -> bool:
        return bool(client.row.id == self.row.client)

    def get_scope(self) -> str:
        return self.authorization.scope


class BackendService(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials, and by a signed assertion only: no client secret is accepted for it."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["private_key_jwt"]


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """A code, stored by its hash, good once: shown again, everything that came of it dies."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = AUTH_METHODS

    def generate_authorization_code(self) -> str:
        return store.fresh()

    def save_authorization_code(self, code: str, request: Any) -> None:
        """`request.user` is the authorize.Decision that the person made."""
        decision, sent = request.user, request.payload.data
        authorizations.permit(self.server.conn, decision.authorization)
        new = Code(
            store.digest(code), decision.authorization.id, request.client.row.id, sent["redirect_uri"],
            sent["code_challenge"], sent.get("nonce"), decision.signed_in, self.server.now + CODE_LIFE, False,
            decision.amr,
        )  # fmt: skip
        authorizations.add_code(self.server.conn, new)

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        found = authorizations.find_code(self.server.conn, code)
        if found is None or found.client != client.row.id:
            return None
        if found.spent:
            authorizations.revoke(self.server.conn, found.family)
            return None
        return None if found.expires <= self.server.now else found

    def authenticate_user(self, authorization_code: Code) -> Holder | None:
        """Last of the checks, so it is here that the code is used up; of two at the same moment one loses all."""
        conn, now = self.server.conn, self.server.now
        if not authorizations.spend_code(conn, authorization_code):
            authorizations.revoke(conn, authorization_code.family)
            return None
        return holder(conn, authorizations.find(conn, authorization_code.family, now))

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It stays, spent, to be recognised if it is shown again."""


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Each refresh token is good once and brings the next; using one twice kills the family.

    A public app need not say who it is: RFC 6749 section 6 does not ask it, and fhirclient for one does not.
    """

    TOKEN_ENDPOINT_AUTH_METHODS: Final = [*AUTH_METHODS, "holder"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        conn, now = self.server.conn, self.server.now
        row = store.find_token(conn, refresh_token, "refresh")
        if row is None or row.family is None or row.client != self.request.client.row.id:
            return None
        if row.spent:
            authorizations.revoke(conn, row.family)
        given = authorizations.find(conn, row.family, now)
        return None if given is None or row.expires <= now else Refresh(refresh_token, row, given)

    def _validate_token_scope(self, token: Refresh) -> None:
        """Narrower is fine, wider is refused, measured by what scopes permit and not by how they are spelt."""
        granted = parse(token.get_scope())
        for scope in (self.request.payload.scope or "").split():
            wanted = parse(scope)
            if not wanted or not any(covers(have, wanted[0]) for have in granted):
                raise InvalidScopeError("The scope is wider than what was granted.")

    def authenticate_user(self, refresh_token: Refresh) -> Holder:
        found = holder(self.server.conn, refresh_token.authorization)
        if found is None:
            raise InvalidGrantError("The person may not sign in any more.")
        return found

    def issue_token(self, user: Holder, refresh_token: Refresh) -> Any:
        if not authorizations.spend_refresh(self.server.conn, refresh_token.plain):
            authorizations.revoke(self.server.conn, refresh_token.authorization.id)
            raise InvalidGrantError("The refresh token was used before.")
        authorizations.use(self.server.conn, refresh_token.authorization.id, self.server.now)
        return super().issue_token(user, refresh_token)

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """It is spent already, and stays to be recognised if it is shown again."""


class Pkce(CodeChallenge):  # type: ignore[misc]
    """S256 from everybody, confidential clients too; plain, and silence about the method, are refused."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        sent = grant.request.payload.data
        if sent.get("code_challenge_method") != "S256" or len(sent.get("code_challenge", "")) != CHALLENGE_LENGTH:
            raise InvalidRequestError("PKCE is required: a code_challenge with code_challenge_method S256.")
        super().validate_code_challenge(grant, redirect_uri)


class ForThisServer:
    """The app must name our FHIR base as `aud`, lest it send our token to somebody who posed as us. One that asks for
    nothing but who the person is gets a token that opens nothing, and as a plain OpenID client knows no `aud`."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _redirect_uri: str) -> None:
        sent = grant.request.payload.data
        said = sent.get("aud", "")
        if not said and "openid" in (asked := set(sent.get("scope", "").split())) and asked <= PLAIN:
            return
        if said.rstrip("/") != grant.server.issuer.fhir_url:
            raise InvalidRequestError("aud must be the FHIR base URL of this server.")


class IdToken(OpenIDCode):  # type: ignore[misc]
    """An id_token, RS256 with a key of its own, when `openid` was granted."""

    def __init__(self, server: Any) -> None:
        super().__init__(require_nonce=False)
        self._server = server
        self._key: RSAKey | None = None

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """A nonce binds an id_token to one request of the app; a code is good once, so it needs no memory here."""
        return False

    def resolve_client_private_key(self, client: Any) -> RSAKey:
        self._key = self._key or keys_signing.signing(self._server.conn, self._server.now)
        return self._key

    def get_client_algorithm(self, client: Any) -> str:
        return keys_signing.ALGORITHM

    def get_encode_header(self, client: Any) -> dict[str, Any]:
        return {"typ": "JWT", "alg": keys_signing.ALGORITHM, "kid": self.resolve_client_private_key(client).kid}

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        now = self._server.now
        return {"iss": self._server.issuer.url, "aud": client.row.id, "iat": now, "exp": now + 3600}

    def generate_user_info(self, user: Holder, scope: str) -> dict[str, Any]:
        granted, who = names(parse(scope)), user.user
        info: dict[str, Any] = {"sub": who.id}
        if granted & {"fhirUser", "profile"} and who.fhir_user:
            info["fhirUser"] = f"{self._server.issuer.fhir_url}/{who.fhir_user}"
        if "profile" in granted:
            info["name"] = who.name
        return info


def by_refresh_token(conn: Connection) -> Callable[[Any, Any], Any]:
    """The app that a refresh token was given to, when the request names none."""

    def authenticate(query_client: Any, request: Any) -> Any:
        row = store.find_token(conn, request.form.get("refresh_token", ""), "refresh")
        silent = not request.form.get("client_id") and "Authorization" not in request.headers
        return query_client(row.client) if row and silent else None

    return authenticate


def holder(conn: Connection, given: Authorization | None) -> Holder | None:
    """The person of an authorization, unless it is over or they are disabled."""
    who = store.find_user(conn, given.user) if given else None
    return None if given is None or who is None or who.disabled else Holder(who, given)
