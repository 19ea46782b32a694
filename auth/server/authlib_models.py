"""What Authlib is handed: our rows and requests in the shape of its own models, and nothing of Flask."""

from collections import defaultdict
from typing import Any, Final

from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, OAuth2Payload, OAuth2Request
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from auth import store
from auth.scopes import Scope, Special, intersect, parse, render
from auth.server.issuer import Issuer

# An app registered with a secret may send it either way (RFC 6749 section 2.3.1).
_CLIENT_AUTH_METHODS: Final = {
    "private_key_jwt": {"private_key_jwt"},
    "client_secret_basic": {"client_secret_basic", "client_secret_post"},
    "none": {"none", "holder"},
}
_REFRESHING: Final = (Special("offline_access"), Special("online_access"))


class AuthlibRequest(OAuth2Request):  # type: ignore[misc]
    """One request. `address` is the one that the client used: behind a proxy that ends TLS, Flask's says http."""

    def __init__(self, address: str, params: MultiDict[str, str], headers: Any, method: str) -> None:
        super().__init__(method=method, uri=address, headers=headers)
        self._params = params
        self.payload = AuthlibPayload(params)

    @property
    def form(self) -> MultiDict[str, str]:
        return self._params if self.method == "POST" else MultiDict()

    @property
    def args(self) -> MultiDict[str, str]:
        return self._params if self.method == "GET" else MultiDict()


class AuthlibPayload(OAuth2Payload):  # type: ignore[misc]
    """The parameters, from the one place where they belong (RFC 6749 section 3.2): a POST's form, a GET's query."""

    def __init__(self, params: MultiDict[str, str]) -> None:
        self._params = params

    @property
    def data(self) -> MultiDict[str, str]:
        return self._params

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, self._params.lists())


class AuthlibClient(ClientMixin):  # type: ignore[misc]
    """A row of ours, answering what Authlib asks a client."""

    def __init__(self, row: store.Client, conn: Connection, issuer: Issuer) -> None:
        self.row, self._conn, self._issuer = row, conn, issuer

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """None: which of the registered ones is meant must be said (SMART App Launch, authorization request)."""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.row.method == "client_secret_basic" and store.is_secret(self._conn, self.row.id, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in _CLIENT_AUTH_METHODS[self.row.method] or (method == "bearer" and endpoint == "introspection")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grants

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What a person may be asked to grant; None, hence invalid_scope, when nothing is left."""
        return render(people_scopes(self._issuer, self.row, scope or "")) or None


def people_scopes(issuer: Issuer, client: store.Client, asked: str) -> tuple[Scope | Special, ...]:
    """What was asked within what the client is registered for: no system scope, no type that is not here, and a long
    life only for those who may refresh."""
    kept = intersect(parse(asked), parse(client.scope))
    return tuple(scope for scope in kept if _for_people(issuer, client, scope))


def backend_scopes(issuer: Issuer, client: store.Client, asked: str | None) -> tuple[Scope | Special, ...]:
    """What a backend service gets: of what it asks, system scopes only, within its registration. The scope is required
    (SMART App Launch 2.2, backend services: "scope: required"): nothing asked is nothing given."""
    allowed = [scope for scope in parse(client.scope) if isinstance(scope, Scope) and scope.level == "system"]
    wanted = intersect(parse(asked or ""), allowed)
    return tuple(scope for scope in wanted if isinstance(scope, Scope) and issuer.knows(scope))


def refuse_repeated(params: MultiDict[str, str]) -> None:
    """Refuse a parameter sent twice (RFC 6749 section 3.1 and 3.2). Raises InvalidRequestError."""
    if any(len(values) > 1 for _, values in params.lists()):
        raise InvalidRequestError("A parameter is sent more than once.")


def refuse_unprintable(params: MultiDict[str, str], *names: str) -> None:
    """Refuse parameters with a character that no URI and no code word has. Authlib repeats these in its errors, where
    RFC 6749 section 5.2 forbids such characters, and would fail over that. Raises InvalidRequestError."""
    for name in names:
        if not all("!" <= c <= "~" and c not in '"\\' for c in params.get(name, "").replace(" ", "")):
            raise InvalidRequestError(f"{name} has a character that it can not have.")


def _for_people(issuer: Issuer, client: store.Client, scope: Scope | Special) -> bool:
    if isinstance(scope, Special):
        return scope not in _REFRESHING or "refresh_token" in client.grants
    return scope.level != "system" and issuer.knows(scope)
