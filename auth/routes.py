"""The endpoints of the authorization server, as a Flask blueprint made for one Issuer."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection

from auth import discovery, store
from auth.assertion import peek
from auth.issuer import TOKEN_PATH, Issuer
from auth.jwks import KeySets, NoKeys, PublicKey
from auth.server import Server, once_each

LARGEST: Final = 64_000  # bytes of a form

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True)
class Effects:
    """What the endpoints need of the world: transactions to read and to write in, the time, and other parties' keys."""

    reading: Transaction
    writing: Transaction
    clock: Callable[[], datetime]
    keys: KeySets

    def now(self) -> int:
        return int(self.clock().timestamp())


def blueprint(issuer: Issuer, effects: Effects) -> Blueprint:
    """Token endpoint and discovery."""
    routes = Blueprint("oauth", __name__)
    well_known = f"{issuer.fhir_path}/.well-known/smart-configuration"

    @routes.get(well_known)
    def smart_configuration() -> Response:
        return jsonify(discovery.smart_configuration(issuer))

    @routes.post(TOKEN_PATH)
    def token() -> Response:
        return issue_token(issuer, effects)

    @routes.after_request
    def for_browsers(response: Response) -> Response:
        """Any origin may ask: no answer here depends on a cookie."""
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Accept"
        return response

    return routes


def issue_token(issuer: Issuer, effects: Effects) -> Response:
    """The token endpoint. What it refuses is committed too: a jti is spent, whatever came of the request."""
    request.max_content_length = LARGEST
    now = effects.now()
    published = _published(effects, now)
    with effects.writing() as conn:
        server = Server(issuer, conn, now, published)
        try:
            once_each(request)
        except OAuth2Error as error:
            refused: Response = server.handle_error_response(None, error)
            return refused
        answer: Response = server.create_token_response()
        return answer


def _published(effects: Effects, now: int) -> tuple[PublicKey, ...]:
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
    except NoKeys:
        return ()
