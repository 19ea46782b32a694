"""The endpoints that machines call, as a Flask blueprint made for one Issuer. Those with a page for people (authorize,
consent, management) are the application's own, on `auth.server.authorize`."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection
from werkzeug.exceptions import RequestEntityTooLarge

from auth import store
from auth.keys import signing as keys_signing
from auth.keys.fetched import KeySets, KeysUnavailable, PublicKey
from auth.server import discovery
from auth.server.assertion import peek
from auth.server.authlib_models import AuthlibRequest, refuse_repeated
from auth.server.events import AuthEvent
from auth.server.issuer import INTROSPECT_PATH, KEYS_PATH, REVOKE_PATH, STYLE_PATH, TOKEN_PATH, Issuer
from auth.server.server import Server

LARGEST: Final = 64_000  # bytes of a form
TIDY: Final = 50  # one request in so many deletes what has expired, so that no job is needed for it
KEYS_AGE: Final = 300  # seconds that others may keep our keys

# What a styled app may match (SMART App Launch, "smart_style_url"): the tokens of our own desk.
STYLE: Final = {
    "color_background": "#f3f5f7", "color_error": "#a8201a", "color_highlight": "#0b5cab",
    "color_modal_backdrop": "#15202b", "color_success": "#17643a", "color_text": "#15202b",
    "dim_border_radius": "6px", "dim_font_size": "13px", "dim_spacing_size": "8px",
    "font_family_body": "Inter, system-ui, sans-serif", "font_family_heading": "Inter, system-ui, sans-serif",
}  # fmt: skip

Transaction = Callable[[], AbstractContextManager[Connection]]


def _no_listener(conn: Connection, it: AuthEvent) -> None:
    """For those who keep no trail."""


@dataclass(frozen=True)
class Effects:
    """What the endpoints need of the world: transactions to read and to write in, the time, and other parties' keys.
    note: hears what happened, inside the transaction in which it did."""

    reading: Transaction
    writing: Transaction
    clock: Callable[[], datetime]
    keys: KeySets
    note: Callable[[Connection, AuthEvent], None] = _no_listener

    def now(self) -> int:
        return int(self.clock().timestamp())


def blueprint(issuer: Issuer, effects: Effects) -> Blueprint:
    """Token, introspection, revocation, keys and discovery."""
    routes = Blueprint("oauth", __name__)
    _publish(routes, issuer, effects)

    @routes.post(TOKEN_PATH)
    def token() -> Response:
        return _endpoint_response(issuer, effects, issuer.token_url, Server.create_token_response, "token")

    @routes.post(INTROSPECT_PATH)
    def introspect() -> Response:
        ask = lambda server, asked: server.create_endpoint_response("introspection", asked)  # noqa: E731
        return _endpoint_response(issuer, effects, issuer.url + INTROSPECT_PATH, ask)

    @routes.post(REVOKE_PATH)
    def revoke() -> Response:
        ask = lambda server, asked: server.create_endpoint_response("revocation", asked)  # noqa: E731
        return _endpoint_response(issuer, effects, issuer.url + REVOKE_PATH, ask, "token-revoked")

    @routes.after_request
    def for_browsers(response: Response) -> Response:
        """Any origin may ask: no answer here depends on a cookie."""
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Accept"
        return response

    return routes


def _publish(routes: Blueprint, issuer: Issuer, effects: Effects) -> None:
    """What anybody may read."""

    def smart_configuration() -> Response:
        return jsonify(discovery.smart_configuration(issuer))

    for base in ("", *issuer.further):
        routes.get(f"{issuer.fhir_path}{base}/.well-known/smart-configuration")(smart_configuration)

    @routes.get("/.well-known/openid-configuration")
    @routes.get("/.well-known/oauth-authorization-server")
    def openid_configuration() -> Response:
        return jsonify(discovery.openid_configuration(issuer))

    @routes.get(KEYS_PATH)
    def jwks() -> Response:
        with effects.reading() as conn:
            found = keys_signing.published(conn, effects.now())
        if not found["keys"]:  # nobody has signed in through an app yet
            with effects.writing() as conn:
                keys_signing.signing(conn, effects.now())
                found = keys_signing.published(conn, effects.now())
        answer = jsonify(found)
        answer.cache_control.max_age = KEYS_AGE
        return answer

    @routes.get(STYLE_PATH)
    def style() -> Response:
        return jsonify(STYLE)


def _endpoint_response(
    issuer: Issuer, effects: Effects, address: str, ask: Callable[[Server, AuthlibRequest], Any], what: str = ""
) -> Response:
    """One request in one transaction. What is refused is committed too: a jti stays spent, a family dead. what: under
    which name it is noted; empty: it is not."""
    request.max_content_length = LARGEST
    now = effects.now()
    try:
        asked = AuthlibRequest(address, request.form, request.headers, "POST")
        published = _client_keys(effects, now)
    except OAuth2Error as error:
        return _error_response(error)
    except RequestEntityTooLarge:
        return _error_response(OAuth2Error("The form is too large.", error="invalid_request", status_code=413))
    with effects.writing() as conn:
        try:
            refuse_repeated(request.form)
        except OAuth2Error as error:
            return _error_response(error)
        meant = _token_to_revoke(conn, request.form.get("token", ""))
        answer: Response = ask(Server(issuer, conn, now, published), asked)
        if what:
            effects.note(conn, _event(conn, what, answer, meant))
        if secrets.randbelow(TIDY) == 0:
            store.purge(conn, now)
        return answer


def _token_to_revoke(conn: Connection, plain: str) -> store.Token | None:
    """The token that is to be revoked."""
    return (store.find_token(conn, plain, "access") or store.find_token(conn, plain, "refresh")) if plain else None


def _event(conn: Connection, what: str, answer: Response, meant: store.Token | None) -> AuthEvent:
    """Who got which token, or was refused one. Of a refusal only the client's own word is known."""
    status, detail = answer.status_code, request.form.get("grant_type", "")[:80]
    given = (answer.get_json(silent=True) or {}).get("access_token") if what == "token" else None
    token = store.find_token(conn, given, "access") if given else meant if status == 200 else None
    if token:
        return AuthEvent(what, status, detail, token.client, token.subject, token.organization, token.family)
    basic = request.authorization.username if request.authorization else None
    client = request.form.get("client_id") or basic or peek(request.form.get("client_assertion", ""))[0]
    return AuthEvent(what, status, detail, client[:200] if client and store.storable(client) else None)


def _error_response(error: OAuth2Error) -> Response:
    status, body, headers = error()
    return Response(body if isinstance(body, str) else jsonify(body).data, status, headers)


def _client_keys(effects: Effects, now: int) -> tuple[PublicKey, ...]:
    """The keys at the JWKS URL of the client that the assertion names; none when it has no such URL or none answers."""
    client_id, kid = peek(request.form.get("client_assertion", ""))
    if not client_id:
        return ()
    with effects.reading() as conn:
        client = store.find_client(conn, client_id)
    if client is None or client.disabled or not client.jwks_url:
        return ()
    try:
        return effects.keys.get(client.jwks_url, now, kid)
    except KeysUnavailable:
        return ()
