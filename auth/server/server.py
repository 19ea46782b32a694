"""Authlib's authorization server on our rows: one per request, bound to that request's transaction.

Every default of Authlib that SMART contradicts is set here, in grants.py or in assertion.py.
"""

from typing import Any, Final

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc9207 import IssuerParameter
from sqlalchemy import Connection

from auth import store
from auth.keys.fetched import PublicKey
from auth.scopes import intersect, names, parse, render
from auth.server import endpoints, grants
from auth.server.assertion import Expected, PrivateKeyJwt
from auth.server.authlib_models import AuthlibClient, AuthlibRequest, backend_scopes
from auth.server.grants import Holder
from auth.server.issuer import Issuer

BACKEND_LIFE: Final = 300  # seconds, as SMART recommends for backend services
ACCESS_LIFE: Final = 3_600  # seconds: the most that SMART recommends for an app in a person's hands


class Server(AuthorizationServer):  # type: ignore[misc]
    """Answers one request. `published`: the keys at the asking client's JWKS URL, fetched beforehand so that no
    transaction waits for a network."""

    def __init__(self, issuer: Issuer, conn: Connection, now: int, published: tuple[PublicKey, ...] = ()) -> None:
        super().__init__()
        self.issuer, self.conn, self.now = issuer, conn, now
        expected = Expected(issuer.audiences, now, self._spend, published)
        self.register_client_auth_method("private_key_jwt", PrivateKeyJwt(expected))
        self.register_client_auth_method("bearer", endpoints.by_token(conn, now))
        self.register_client_auth_method("holder", grants.by_refresh_token(conn))
        self.register_grant(grants.BackendService)
        self.register_grant(grants.CodeGrant, [grants.Pkce(), grants.ForThisServer(), grants.IdToken(self)])
        self.register_grant(grants.RefreshGrant)
        self.register_endpoint(endpoints.Introspection)
        self.register_endpoint(endpoints.Revocation)
        self.register_extension(_named_after(issuer))

    def query_client(self, client_id: str) -> AuthlibClient | None:
        """The client, if it may do anything. Raises UnauthorizedClientError for one that waits for an admin."""
        row = store.find_client(self.conn, client_id)
        if row is not None and row.pending:
            raise UnauthorizedClientError("This registration waits for approval by an admin of this server.")
        return None if row is None or row.disabled else AuthlibClient(row, self.conn, self.issuer)

    def create_oauth2_request(self, request: AuthlibRequest) -> AuthlibRequest:
        return request

    def generate_token(self, grant_type: str, client: AuthlibClient, **asked: Any) -> dict[str, Any]:
        """The token response; scope is always named, and the launch context stands at its top level."""
        if grant_type == "client_credentials":
            return self._backend_token(client.row, asked["scope"])
        return self._persons_token(client.row, asked["user"], asked["scope"])

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        row, holder = request.client.row, request.user
        access = _for_person(row, holder) if isinstance(holder, Holder) else _for_service(row)
        until = self.now + token["expires_in"]
        kept = {**access, "scope": token["scope"], "issued": self.now}
        store.issue(self.conn, store.Token("access", expires=until, **kept), token["access_token"])
        if "refresh_token" in token:
            whole = {**kept, "scope": holder.authorization.scope}
            until = holder.authorization.expires
            store.issue(self.conn, store.Token("refresh", expires=until, **whole), token["refresh_token"])

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what happens is written in the rows."""

    def _backend_token(self, client: store.Client, asked: str | None) -> dict[str, Any]:
        granted = render(backend_scopes(self.issuer, client, asked))
        if not asked:
            raise InvalidScopeError("Say which scopes you need: the parameter scope is required.")
        if not granted:
            raise InvalidScopeError("None of the scopes asked is registered for this client.")
        return _response(BACKEND_LIFE, granted)

    def _persons_token(self, client: store.Client, holder: Holder, scope: str | None) -> dict[str, Any]:
        """Within the client's registration of today: it may have been cut since the person agreed."""
        granted = render(intersect(parse(scope or holder.authorization.scope), parse(client.scope)))
        token = _response(ACCESS_LIFE, granted) | holder.authorization.context
        if names(parse(holder.authorization.scope)) & {"offline_access", "online_access"}:
            token["refresh_token"] = store.fresh()
        return token

    def _spend(self, client_id: str, jti: str, expires: int) -> bool:
        return store.spend_jti(self.conn, client_id, jti, expires)


def _response(life: int, scope: str) -> dict[str, Any]:
    return {"access_token": store.fresh(), "token_type": "Bearer", "expires_in": life, "scope": scope}


def _for_service(row: store.Client) -> dict[str, Any]:
    return {"client": row.id, "subject": row.id, "name": row.name, "roles": row.roles, "organization": row.organization}


def _for_person(row: store.Client, holder: Holder) -> dict[str, Any]:
    """What the person may do is asked of their row each time, so a change counts at the next refresh at the latest."""
    who, given = holder.user, holder.authorization
    return {
        "client": row.id, "subject": who.id, "name": who.name, "roles": who.roles, "organization": who.organization,
        "fhir_user": who.fhir_user, "patient": given.context.get("patient"), "family": given.id,
    }  # fmt: skip


def _named_after(issuer: Issuer) -> IssuerParameter:
    """RFC 9207: every authorization response says who gave it, against mix-up attacks."""

    class Named(IssuerParameter):  # type: ignore[misc]
        def get_issuer(self) -> str:
            return issuer.url

    return Named()
