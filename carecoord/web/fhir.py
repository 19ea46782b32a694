"""The FHIR API: the whole surface is the table ROUTES.

Clause: FHIR R4 http.html. Every route but `metadata` needs a bearer token. Stored bytes go out as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Request, Response, request
from flask.globals import request_ctx
from sqlalchemy import Connection

from auth import bearer
from auth.errors import BadToken, NoToken
from auth.grant import Grant
from carecoord.actions import bundles, clearing, resources
from carecoord.actions.entries import conditions
from carecoord.errors import Invalid, NotFound, TooLarge, Unauthorized
from carecoord.fhir import text
from carecoord.fhir.capability import Abilities, statement
from carecoord.fhir.etag import expected
from carecoord.store.engine import reading
from carecoord.web import answers
from carecoord.web.exchange import id_of
from carecoord.web.negotiation import Wish, refuse_foreign, wish
from carecoord.world import World

FORM = frozenset({"application/x-www-form-urlencoded"})
CHANGED = "2026-11-22"  # when the abilities below last changed
ABILITIES = Abilities(
    interactions=(
        "read",
        "vread",
        "update",
        "delete",
        "history-instance",
        "history-type",
        "create",
        "search-type",
    ),
    system=("transaction", "batch", "history-system"),
    conditional_create=True,
    conditional_read="full-support",
    conditional_update=True,
    conditional_delete="single",
    operations={"ServiceRequest": [("clearance", "https://carecoord.example/fhir/OperationDefinition/clearance")]},
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: how its answer is wanted, the request itself, its id; and who asks."""

    world: World
    wish: Wish
    request: Request
    id: str

    def asker(self, conn: Connection, now: datetime) -> Grant:
        """Who asks. Raises Unauthorized with the challenge of RFC 6750."""
        try:
            return bearer.check(conn, self.request.environ.get("HTTP_AUTHORIZATION"), now)
        except (NoToken, BadToken) as refused:
            challenge = {"WWW-Authenticate": bearer.challenge(refused)}
            raise Unauthorized(refused.text, "http.Authorization", headers=challenge) from refused

    def grant(self) -> Grant:
        """Who asks, found out beforehand: a write takes no lock for, and reads no body of, somebody unknown."""
        with reading(self.world.engine) as conn:
            return self.asker(conn, self.world.clock())

    @property
    def base(self) -> str:
        """[base]."""
        return self.world.settings.fhir_url

    @property
    def args(self) -> Mapping[str, str] | None:
        """The query, if there is one."""
        return self.request.args if self.request.query_string else None

    def pairs(self) -> list[tuple[str, str]]:
        """The arguments of the query, in their order."""
        return _pairs(self.request.query_string)

    def body(self) -> bytes:
        """The body. Raises TooLarge: in pieces, without a length told, the framework would just cut it off."""
        found = self.request.get_data(cache=False)
        if self.request.content_length is None and len(found) == self.request.max_content_length:
            raise TooLarge("The body is larger than this server takes. Send it in parts.")
        return found

    def resource(self) -> dict[str, Any]:
        """The body as JSON. Raises Unsupported or Invalid."""
        refuse_foreign(self.request.headers.get("Content-Type"))
        return text.loads(self.body())

    def header(self, name: str) -> str | None:
        """A request header."""
        return self.request.headers.get(name)


def read(call: Call, type: str, id: str) -> Response:
    row = resources.read(call.world, call.asker, type, id, request=call.id)
    return answers.resource(row, call.wish, call.request.environ, call.args)


def vread(call: Call, type: str, id: str, number: str) -> Response:
    row = resources.vread(call.world, call.asker, type, id, number, request=call.id)
    return answers.resource(row, call.wish, call.request.environ, None)


def history(call: Call, type: str, id: str) -> Response:
    return answers.answer(resources.history(call.world, call.asker, type, id, call.pairs(), request=call.id), call.wish)


def changes(call: Call, type: str | None = None) -> Response:
    return answers.answer(resources.changes(call.world, call.asker, type, call.pairs(), request=call.id), call.wish)


def search(call: Call, type: str) -> Response:
    found = resources.search(call.world, call.asker, type, call.pairs(), call.wish.strict, request=call.id)
    return answers.answer(found, call.wish)


def post_search(call: Call, type: str) -> Response:
    grant = call.grant()
    pairs = [*call.pairs(), *_form(call)]
    found = resources.search(call.world, grant, type, pairs, call.wish.strict, request=call.id)
    return answers.answer(found, call.wish)


def compartment(call: Call, owner: str, id: str, type: str) -> Response:
    inside = (owner, id)
    found = resources.search(
        call.world, call.asker, type, call.pairs(), call.wish.strict, within=inside, request=call.id
    )
    return answers.answer(found, call.wish)


def create(call: Call, type: str) -> Response:
    unless = conditions(call.header("If-None-Exist"))
    made = resources.create(call.world, call.grant(), type, call.resource(), unless=unless, request=call.id)
    return answers.written(made, call.wish, call.base)


def update(call: Call, type: str, id: str) -> Response:
    made = resources.update(
        call.world,
        call.grant(),
        type,
        id,
        call.resource(),
        expected=expected(call.header("If-Match")),
        only_new=call.header("If-None-Match") == "*",
        request=call.id,
    )
    return answers.written(made, call.wish, call.base)


def update_match(call: Call, type: str) -> Response:
    made = resources.update_match(
        call.world,
        call.grant(),
        type,
        call.pairs(),
        call.resource(),
        expected=expected(call.header("If-Match")),
        request=call.id,
    )
    return answers.written(made, call.wish, call.base)


def delete(call: Call, type: str, id: str) -> Response:
    version = expected(call.header("If-Match"))
    gone = resources.delete(call.world, call.grant(), type, id, expected=version, request=call.id)
    return answers.deleted(gone, call.wish)


def delete_match(call: Call, type: str) -> Response:
    version = expected(call.header("If-Match"))
    gone = resources.delete_match(call.world, call.grant(), type, call.pairs(), expected=version, request=call.id)
    return answers.deleted(gone, call.wish)


def bundle(call: Call) -> Response:
    full = call.wish.returning == "representation"
    return answers.answer(
        bundles.process(call.world, call.grant(), call.resource(), full=full, request=call.id), call.wish
    )


def clearance(call: Call, id: str) -> Response:
    args = call.request.args
    found = clearing.clearance(call.world, call.asker, id, args.get("date"), args.get("as-of"), request=call.id)
    return answers.answer(text.dumps(found), call.wish)


def nowhere(call: Call) -> Response:
    call.grant()
    raise NotFound("Search one type at a time: [base]/[type]?arguments.", "http.url")


Handler = Callable[..., Response]
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "", bundle),
    ("GET", "", nowhere),
    ("GET", "/_history", changes),
    ("GET", "/<type>/_history", changes),
    ("GET", "/<type>", search),
    ("POST", "/<type>", create),
    ("PUT", "/<type>", update_match),
    ("DELETE", "/<type>", delete_match),
    ("POST", "/<type>/_search", post_search),
    ("GET", "/<type>/<id>", read),
    ("PUT", "/<type>/<id>", update),
    ("DELETE", "/<type>/<id>", delete),
    ("GET", "/<type>/<id>/_history", history),
    ("GET", "/<type>/<id>/_history/<number>", vread),
    ("GET", "/ServiceRequest/<id>/$clearance", clearance),
    ("GET", "/<owner>/<id>/<type>", compartment),
)


def blueprint(world: World, endpoints: Mapping[str, str]) -> Blueprint:
    """The routes, at /fhir. endpoints: the OAuth addresses that `metadata` tells, by their oauth-uris names."""
    routes = Blueprint("fhir", __name__, url_prefix="/fhir")

    def metadata() -> Response:
        headers = request.headers
        return answers.answer(_statement(), wish(headers.get("Accept"), None, request.args))

    @cache
    def _statement() -> bytes:
        base, ours = world.settings.fhir_url, version("carecoord")
        return text.dumps(statement(base, version=ours, date=CHANGED, endpoints=endpoints, abilities=ABILITIES))

    routes.add_url_rule("/metadata", "metadata", metadata, provide_automatic_options=False)
    for method, path, handler in ROUTES:
        name = endpoint(method, path, handler).removeprefix("fhir.")
        routes.add_url_rule(path, name, _view(world, handler), methods=[method], provide_automatic_options=False)
    return routes


def endpoint(method: str, path: str, handler: Handler) -> str:
    """What the framework calls a route."""
    return "fhir." + f"{method} {path} {handler.__name__}".replace(".", "")


def _view(world: World, handler: Handler) -> Handler:
    def view(**path: str) -> Response:
        return handler(call_of(world, request_ctx.request), **path)  # the proxy would look itself up on each use

    return view


def call_of(world: World, asked: Request) -> Call:
    """A request as its handler takes it. Raises NotAcceptable or Invalid for a form of answer that we do not make."""
    environ = asked.environ
    args = asked.args if environ.get("QUERY_STRING") else None
    wanted = wish(environ.get("HTTP_ACCEPT"), environ.get("HTTP_PREFER"), args)
    return Call(world, wanted, asked, id_of(environ))


def _pairs(query: bytes) -> list[tuple[str, str]]:
    return parse_qsl(query.decode(errors="replace"), keep_blank_values=True) if query else []


def _form(call: Call) -> list[tuple[str, str]]:
    body = call.body()
    if not body:
        return []
    refuse_foreign(call.header("Content-Type"), FORM)
    if len(body) > 500_000:
        raise Invalid("The arguments of a search do not take half a megabyte.", "http.body")
    return _pairs(body)
