"""One request of the FHIR API, as its handler takes it: who asks, the arguments, the body in each of its forms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask import Request
from sqlalchemy import Connection

from auth.errors import BadToken, NoToken
from auth.grant import Grant
from auth.server import bearer
from carecoord.actions.access import glance
from carecoord.actions.access.turn import Asker
from carecoord.actions.fhir import interactions
from carecoord.errors import Invalid, NotAcceptable, TooLarge, Unauthorized, Unsupported
from carecoord.fhir import text
from carecoord.fhir.operations import told
from carecoord.fhir.patch.json_patch import JSON_PATCH, Patch, json_patch, parameters_patch
from carecoord.store.access import glances
from carecoord.store.database.engine import glancing
from carecoord.store.resources.read import Row
from carecoord.web.server.exchange import id_of
from carecoord.web.server.negotiation import JSON, Wish, bare, is_file, refuse_foreign, refuse_packed, wish
from carecoord.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_FILE = re.compile(r"/fhir/Binary/[^/]+(?:/_history/[^/]+)?")
FORM = frozenset({"application/x-www-form-urlencoded"})


@dataclass(slots=True)
class Call:
    """One request: how its answer is wanted, the request itself as WSGI has it, its id; and who asks."""

    world: World
    wish: Wish
    environ: "WSGIEnvironment"
    id: str
    _pairs: list[tuple[str, str]]
    _request: Request | None = None

    @property
    def request(self) -> Request:
        """The request as the framework has it: to make it takes as long as to look a resource up, and few reads ask."""
        if self._request is None:
            self._request = _asked(self.environ, self.world)
        return self._request

    def asker(self, conn: Connection, now: datetime) -> Grant:
        """Who asks. Raises Unauthorized with the challenge of RFC 6750."""
        try:
            return bearer.granted(glances.token_of(conn, bearer.key(self.environ.get("HTTP_AUTHORIZATION"))), now)
        except (NoToken, BadToken) as refused:
            raise _unauthorized(refused) from refused

    def read(self, type: str, id: str) -> Row:
        """The present version of a resource, as who asks reads it."""
        try:
            key = bearer.key(self.environ.get("HTTP_AUTHORIZATION"))
            seen = glance.present(self.world, key, type, id, request=self.id)
        except (NoToken, BadToken) as refused:
            raise _unauthorized(refused) from refused
        if isinstance(seen, Row):
            return seen
        return interactions.read(self.world, seen or self.asker, type, id, request=self.id)

    def grant(self) -> Grant:
        """Who asks, found out beforehand: a write takes no lock for, and reads no body of, somebody unknown."""
        with glancing(self.world.engine) as conn:
            return self.asker(conn, self.world.clock())

    @property
    def base(self) -> str:
        """[base]."""
        return self.world.settings.fhir_url

    @property
    def args(self) -> Mapping[str, str] | None:
        """The query, if there is one: of an argument that is given several times, the first."""
        return _firsts(self._pairs)

    def pairs(self) -> list[tuple[str, str]]:
        """The arguments of the query, in their order."""
        return list(self._pairs)

    def body(self) -> bytes:
        """The body. Raises TooLarge: in pieces, without a length told, the framework would just cut it off; Unsupported
        for one that is packed."""
        refuse_packed(self.header("Content-Encoding"))
        found = self.request.get_data(cache=False)
        if self.request.content_length is None and len(found) == self.request.max_content_length:
            raise TooLarge("The body is larger than this server takes. Send it in parts.")
        return found

    def form(self) -> list[tuple[str, str]]:
        """The arguments of a body that is a form. Raises Unsupported, or Invalid for a very long one."""
        body = self.body()
        if not body:
            return []
        refuse_foreign(self.header("Content-Type"), FORM)
        if len(body) > 500_000:
            raise Invalid("The arguments of a search do not take half a megabyte.", "http.body")
        return _pairs(body)

    def asked(self) -> tuple[Asker, list[tuple[str, str]]]:
        """Who asks for an operation, and with what: in the query, and of a POST in the Parameters of its body too."""
        if self.request.method != "POST":
            return self.asker, self.pairs()
        grant, body = self.grant(), self.body()
        if not body:
            return grant, self.pairs()
        refuse_foreign(self.header("Content-Type"))
        return grant, [*self.pairs(), *told(text.loads(body))]

    def resource(self) -> dict[str, Any]:
        """The body as JSON. Raises Unsupported or Invalid."""
        refuse_foreign(self.request.headers.get("Content-Type"))
        return text.loads(self.body())

    def patch(self) -> Patch:
        """The body as a patch; a list in plain JSON can only be a JSON Patch.

        Raises Unsupported with the Accept-Patch of RFC 5789, or Invalid."""
        kind = self.header("Content-Type")
        if bare(kind or "") == JSON_PATCH:
            return json_patch(text.values(self.body()))
        try:
            refuse_foreign(kind)
        except Unsupported as refused:
            told = f"A patch is a JSON Patch ({JSON_PATCH}) or FHIRPath Patch Parameters ({JSON}), not {kind!r}."
            raise Unsupported(told, "http.Content-Type", headers={"Accept-Patch": f"{JSON_PATCH}, {JSON}"}) from refused
        value = text.values(self.body())
        return json_patch(value) if isinstance(value, list) else parameters_patch(value)

    def header(self, name: str) -> str | None:
        """A request header."""
        return self.request.headers.get(name)


def call_of(world: World, environ: "WSGIEnvironment", asked: Request | None = None) -> Call:
    """A request as its handler takes it. asked: as the framework has it, if it does. Raises NotAcceptable or Invalid
    for a form of answer that we do not make."""
    query = environ.get("QUERY_STRING")
    pairs = _pairs(query.encode("latin-1")) if query else []
    args = _firsts(pairs)
    accept, prefer = environ.get("HTTP_ACCEPT"), environ.get("HTTP_PREFER")
    try:
        wanted = wish(accept, prefer, args)
    except NotAcceptable:
        asked = asked or _asked(environ, world)
        if asked.method not in ("GET", "HEAD") or not _FILE.fullmatch(asked.path) or not is_file(accept, args):
            raise
        wanted = replace(wish(None, prefer, None), raw=True)
    return Call(world, wanted, environ, id_of(environ), pairs, asked)


def _firsts(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str] | None:
    return dict(reversed(pairs)) if pairs else None


def _asked(environ: "WSGIEnvironment", world: World) -> Request:
    asked = Request(environ, populate_request=False)
    asked.max_content_length = world.settings.max_body
    return asked


def _unauthorized(refused: NoToken | BadToken) -> Unauthorized:
    return Unauthorized(refused.text, "http.Authorization", headers={"WWW-Authenticate": bearer.challenge(refused)})


def _pairs(query: bytes) -> list[tuple[str, str]]:
    return parse_qsl(query.decode(errors="replace"), keep_blank_values=True) if query else []
