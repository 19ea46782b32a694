"""Authlib's authorization server on our rows: one per request, bound to that request's transaction.

Clause: RFC 6749, SMART App Launch 2.2 backend-services.html. Every default of Authlib that SMART contradicts is set
here.
"""

from typing import Any, Final

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from flask import Request
from flask import request as current
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from auth import store
from auth.assertion import Expected, PrivateKeyJwt
from auth.issuer import Issuer
from auth.jwks import PublicKey
from auth.scopes import Scope, intersect, parse, render

BACKEND_LIFE: Final = 300  # seconds, as SMART recommends for backend services


class Server(AuthorizationServer):  # type: ignore[misc]
    """Answers one request of the token endpoint. `published`: the keys at the asking client's JWKS URL, fetched
    beforehand so that no transaction waits for a network."""

    def __init__(self, issuer: Issuer, conn: Connection, now: int, published: tuple[PublicKey, ...] = ()) -> None:
        super().__init__()
        self.issuer, self.conn, self.now = issuer, conn, now
        expected = Expected(issuer.audiences, now, self._spend, published)
        self.register_client_auth_method("private_key_jwt", PrivateKeyJwt(expected))
        self.register_grant(BackendService)

    def query_client(self, client_id: str) -> "Registered | None":
        row = store.find_client(self.conn, client_id)
        return None if row is None or row.disabled else Registered(row)

    def create_oauth2_request(self, request: Request | None) -> "Asked":
        return Asked(current, self.issuer.url + current.path)

    def generate_token(self, grant_type: str, client: "Registered", **asked: Any) -> dict[str, Any]:
        """The token response, scope always named."""
        granted = backend_scope(self.issuer, client.row, asked["scope"])
        if not granted:
            raise InvalidScopeError("None of the scopes asked is registered for this client.")
        return {"access_token": store.fresh(), "token_type": "Bearer", "expires_in": BACKEND_LIFE, "scope": granted}

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        row = request.client.row
        kept = store.Token(
            kind="access", client=row.id, subject=row.id, scope=token["scope"], issued=self.now,
            expires=self.now + token["expires_in"], name=row.name, roles=row.roles, organization=row.organization,
        )  # fmt: skip
        store.issue(self.conn, kept, token["access_token"])

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what happens is written in the rows."""

    def _spend(self, client_id: str, jti: str, expires: int) -> bool:
        return store.spend_jti(self.conn, client_id, jti, expires)


class BackendService(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials, and by a signed assertion only: no client secret is accepted for it."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["private_key_jwt"]


class Registered(ClientMixin):  # type: ignore[misc]
    """A row of ours, answering what Authlib asks a client."""

    def __init__(self, row: store.Client) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return self.row.id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.row.method

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grants


class Asked(FlaskOAuth2Request):  # type: ignore[misc]
    """The request, under the address that the client used: behind a proxy that ends TLS ours says http."""

    def __init__(self, request: Request, address: str) -> None:
        OAuth2Request.__init__(self, method=request.method, uri=address, headers=request.headers)
        self._request = request
        self.payload = Sent(request)


class Sent(FlaskOAuth2Payload):  # type: ignore[misc]
    """The parameters from the one place where they belong (RFC 6749 section 3.2): a POST's form, a GET's query."""

    @property
    def data(self) -> MultiDict[str, str]:
        request: Request = self._request
        return request.form if request.method == "POST" else request.args


def once_each(request: Request) -> None:
    """Refuse a parameter sent twice (RFC 6749 section 3.2). Raises InvalidRequestError."""
    sent = Sent(request).data
    if any(len(sent.getlist(name)) > 1 for name in sent):
        raise InvalidRequestError("A parameter is sent more than once.")


def backend_scope(issuer: Issuer, client: store.Client, asked: str | None) -> str:
    """What a backend service gets: system scopes only, within its registration; all of that when it asks for none."""
    allowed = [scope for scope in parse(client.scope) if isinstance(scope, Scope) and scope.level == "system"]
    wanted = intersect(parse(asked), allowed) if asked else allowed
    return render(s for s in wanted if isinstance(s, Scope) and (s.type == "*" or issuer.knows(s.type)))
