"""The endpoint at which apps register themselves, and the one at which each looks after its registration.

Clause: RFC 7591 section 3, RFC 7592 section 2. Nobody needs to be known to register; what is registered opens nothing
until an admin has said yes, and a changed registration waits anew.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection
from werkzeug.exceptions import RequestEntityTooLarge

from auth import store
from auth.errors import BadRegistration
from auth.server import registration, registrations
from auth.server.issuer import REGISTER_PATH, Issuer
from auth.server.registration import Metadata
from auth.server.routes import Effects
from auth.store import Client, fresh

LARGEST: Final = 64_000  # bytes of a registration
SERVER_SAID: Final = (  # what only we may say (RFC 7592 section 2.2)
    "registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
)  # fmt: skip

Noted = Callable[[Connection, str, str], None]  # (transaction, what happened, client id): for the audit


def blueprint(issuer: Issuer, effects: Effects, new_id: Callable[[], str], noted: Noted) -> Blueprint:
    """POST [REGISTER_PATH], and GET, PUT and DELETE of [REGISTER_PATH]/<id> with the token given there."""
    routes = Blueprint("registration", __name__)

    @routes.post(REGISTER_PATH)
    def register() -> Response:
        told = registration.parse_metadata(_document(), issuer)
        new, secret = registration.to_client(new_id(), told), fresh() if registration.has_secret(told) else None
        with effects.writing() as conn:
            opens = _enrol(conn, new, effects.now(), secret)
            noted(conn, "register-app", new.id)
            answer = _client_information(issuer, new, opens, secret, {"client_id_issued_at": effects.now()})
        answer.status_code = 201
        return answer

    @routes.get(f"{REGISTER_PATH}/<id>")
    def show(id: str) -> Response:
        with effects.reading() as conn:
            return _client_information(issuer, *_authorized(conn, id))

    @routes.put(f"{REGISTER_PATH}/<id>")
    def change(id: str) -> Response:
        said = _document()
        with effects.writing() as conn:
            found, opens = _authorized(conn, id)
            told = registration.parse_metadata(_own(conn, said, found), issuer)
            changed, kept = registration.to_client(id, told), said.get("client_secret")
            secret = (kept or fresh()) if registration.has_secret(told) else None
            registrations.replace_metadata(conn, changed, secret, effects.now())
            noted(conn, "change-registration", id)
            return _client_information(issuer, changed, opens, None if kept else secret)

    @routes.delete(f"{REGISTER_PATH}/<id>")
    def end(id: str) -> Response:
        with effects.writing() as conn:
            _authorized(conn, id)
            registrations.forget(conn, id)
            noted(conn, "end-registration", id)
        return Response(status=204)

    routes.register_error_handler(OAuth2Error, _error_response)
    routes.after_request(_for_browsers)
    return routes


def _document() -> Metadata:
    request.max_content_length = LARGEST
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise InvalidClientMetadataError("A registration has at most 64,000 bytes.") from None
    if request.mimetype != "application/json":
        raise InvalidClientMetadataError("Send the metadata as application/json.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidClientMetadataError("The body is not one JSON object.")
    return found


def _enrol(conn: Connection, new: Client, now: int, secret: str | None) -> str:
    try:
        return registrations.enrol(conn, new, now, secret)
    except BadRegistration as refused:
        raise OAuth2Error(str(refused), error="temporarily_unavailable", status_code=429) from refused


def _authorized(conn: Connection, id: str) -> tuple[Client, str]:
    """The registration that the bearer token opens; the same words whether there is none or the token is another's."""
    scheme, _, opens = request.headers.get("Authorization", "").partition(" ")
    found = registrations.with_token(conn, id, opens.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise InvalidTokenError("Send the registration_access_token that came with this registration.")
    return found, opens.strip()


def _own(conn: Connection, said: Metadata, found: Client) -> Metadata:
    """A replacement that speaks of this registration and of nothing that is ours to say (RFC 7592 section 2.2)."""
    if said.get("client_id") != found.id:
        raise InvalidClientMetadataError("client_id must be the one that is registered.")
    if wrong := [name for name in SERVER_SAID if name in said]:
        raise InvalidClientMetadataError(f"{wrong[0]} is the server's to say; leave it out.")
    secret = said.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and store.is_secret(conn, found.id, secret)):
        raise InvalidClientMetadataError("client_secret is not the present one; leave it out to get a new one.")
    return said


def _client_information(
    issuer: Issuer, of: Client, opens: str, secret: str | None = None, more: Metadata | None = None
) -> Response:
    """The client information response. A secret is in it only when it was just made: we keep none to show again."""
    told: dict[str, Any] = json.loads(of.metadata or "{}")
    if not of.pending:
        told["scope"] = of.scope  # an admin may have let it in with less than it asked
    told |= {
        "client_id": of.id, **(more or {}),
        "registration_access_token": opens, "registration_client_uri": f"{issuer.url}{REGISTER_PATH}/{of.id}",
        "approved": not of.pending and not of.disabled,
    }  # fmt: skip
    if secret:
        told |= {"client_secret": secret, "client_secret_expires_at": 0}
    answer = jsonify(told)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer


def _error_response(error: OAuth2Error) -> Response:
    status, body, headers = error()
    return Response(json.dumps(dict(body)), status, headers)


def _for_browsers(response: Response) -> Response:
    """Any origin may ask: no answer here depends on a cookie."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Accept"
    return response
