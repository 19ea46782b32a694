"""CDS Hooks: what there is to ask at /cds-services, and the answers. Whoever calls is a registered client that signs
each call (CDS Hooks 2.0, Trusting CDS Clients): its client_id is the issuer, the service's address the audience."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from flask import Blueprint, Response, request

from auth.grant import Grant
from auth.keys.fetched import KeySets, KeysUnavailable
from auth.scopes import parse, resources
from auth.server import assertion
from auth.server.assertion import Expected
from auth.store import find_client, spend_jti
from carecoord.actions.prior_auth.crd import discovery
from carecoord.domain.prior_auth.crd import services
from carecoord.errors import Problem, Unauthorized
from carecoord.fhir import text
from carecoord.fhir.outcome import outcome
from carecoord.store.database.engine import reading, writing
from carecoord.web.server.exchange import request_id
from carecoord.world import World

_JSON = "application/json"


def blueprint(world: World, keys: KeySets) -> Blueprint:
    """The two addresses. keys: the key sets that clients publish."""
    routes = Blueprint("cds_services", __name__)

    @routes.get("/cds-services")
    def listed() -> Response:
        return _answer(services.discovery(), 200)

    @routes.post("/cds-services/<id>")
    def call(id: str) -> Response:
        try:
            asker = _caller(world, keys, f"{world.settings.url}/cds-services/{id}")
            body = text.loads(request.get_data(cache=False))
            return _answer(discovery.answered(world, asker, id, body, request_id()), 200)
        except Problem as problem:
            return _answer(outcome(problem.all_issues()), problem.status)

    return routes


def _caller(world: World, keys: KeySets, service: str) -> Grant:
    """Who calls. Raises Unauthorized."""
    scheme, _, signed = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not signed:
        raise Unauthorized("Sign the call: Authorization: Bearer and a JWT.", "http.Authorization")
    id, kid = assertion.peek(signed, "iss")
    now = world.clock().timestamp()
    with reading(world.engine) as conn:  # anybody may call: no lock is taken for somebody unknown
        client = find_client(conn, id) if id else None
    if client is None or client.disabled or client.pending:
        raise Unauthorized("The issuer is none of this server's clients.", "http.Authorization")
    try:
        published = keys.get(client.jwks_url, now, kid) if client.jwks_url else ()
        with writing(world.engine) as conn:
            spent = Expected((service,), now, lambda *jti: spend_jti(conn, *jti), published, ("iss",))
            assertion.verify(signed, client, spent)
    except KeysUnavailable as e:
        raise Unauthorized(str(e), "http.Authorization") from e
    except InvalidClientError as e:
        raise Unauthorized(str(e.description), "http.Authorization") from e
    scopes = resources(parse(client.scope))
    return Grant(client.id, client.id, scopes, client.roles, client.organization, name=client.name)


def _answer(body: dict[str, Any], status: int) -> Response:
    return Response(text.dumps(body), status, content_type=_JSON)
