"""Introspection (RFC 7662) and revocation (RFC 7009) of tokens."""

from collections.abc import Callable
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import Connection

from auth import store
from auth.scopes import names, parse
from auth.server import authorizations
from auth.server.grants import AUTH_METHODS

RESOURCE_SERVER: Final = "resource-server"  # the role of a client that may look into everybody's tokens


class AuthlibToken:
    """A token found, with its plain text and the methods that Authlib asks of it."""

    def __init__(self, plain: str, row: store.Token, now: int) -> None:
        self.plain, self.row, self._now = plain, row, now

    def check_client(self, client: Any) -> bool:
        return bool(client.row.id == self.row.client)

    def is_expired(self) -> bool:
        return self.row.expires <= self._now

    def is_revoked(self) -> bool:
        return self.row.spent


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """What a token is good for: told to the app that holds it, and to the resource servers that an admin named."""

    CLIENT_AUTH_METHODS: Final = ["private_key_jwt", "bearer", "client_secret_basic", "client_secret_post"]

    def query_token(self, token_string: str, token_type_hint: str | None) -> AuthlibToken | None:
        return _find(self.server, token_string)

    def check_permission(self, token: AuthlibToken, client: Any, request: Any) -> bool:
        return token.check_client(client) or RESOURCE_SERVER in client.row.roles

    def introspect_token(self, token: AuthlibToken) -> dict[str, Any]:
        row, issuer = token.row, self.server.issuer
        told = {
            "active": True, "scope": row.scope, "client_id": row.client, "sub": row.subject, "iss": issuer.url,
            "exp": row.expires, "iat": row.issued, "aud": issuer.fhir_url, "token_type": "Bearer",
        }  # fmt: skip
        given = authorizations.find(self.server.conn, row.family, self.server.now)
        if row.fhir_user and names(parse(row.scope)) & {"fhirUser", "profile"}:
            told["fhirUser"] = f"{issuer.fhir_url}/{row.fhir_user}"
        return (given.context if given else {}) | told


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """An access token dies alone; with a refresh token dies all that came of the same permission."""

    CLIENT_AUTH_METHODS: Final = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> AuthlibToken | None:
        return _find(self.server, token_string)

    def revoke_token(self, token: AuthlibToken, request: Any) -> None:
        store.revoke(self.server.conn, token.plain)
        if token.row.kind == "refresh" and token.row.family:
            authorizations.revoke(self.server.conn, token.row.family)


def by_token(conn: Connection, now: int) -> Callable[[Any, Any], Any]:
    """A client that shows an access token of its own in place of its credentials."""

    def authenticate(query_client: Any, request: Any) -> Any:
        scheme, _, plain = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        row = store.find_token(conn, plain.strip(), "access")
        client = query_client(row.client) if row and row.expires > now else None
        if client is None:
            raise InvalidClientError("The bearer token is not good.", status_code=401)
        return client

    return authenticate


def _find(server: Any, plain: str) -> AuthlibToken | None:
    row = store.find_token(server.conn, plain, "access") or store.find_token(server.conn, plain, "refresh")
    return AuthlibToken(plain, row, server.now) if row else None
