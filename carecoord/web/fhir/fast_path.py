"""The four requests that a FHIR server lives on, read and search by GET, create and update, go straight to their
handlers.

The framework's routing, contexts and signals take as long as a read itself. Here the address is matched by one
expression, and the same handler answers with the same objects; everything else, and whatever goes wrong, takes the
framework's road. What stands around the application (headers, exchange, limits) stands around this too. Decision 0019.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, Request
from werkzeug.http import HTTP_STATUS_CODES

from carecoord.domain.measures.reports import PUBLISHED
from carecoord.fhir import operations
from carecoord.fhir.types import TYPES
from carecoord.web.fhir import routes as fhir_routes
from carecoord.web.fhir.call import call_of
from carecoord.web.fhir.responses import Answer
from carecoord.web.page import language
from carecoord.web.server.exchange import meant
from carecoord.words import reader
from carecoord.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Hold = Callable[[Request, str | None], None]

READ: Final = "/fhir/<type>/<id>"
_MEASURES: Final = tuple(f"Measure/{name}" for name in PUBLISHED)
OURS: Final = frozenset(f"/fhir/{each}" for each in (*operations.OURS, *_MEASURES))  # no resources of the store
SEARCH: Final = "/fhir/<type>"
_ADDRESS: Final = re.compile(r"/fhir/([A-Z][A-Za-z]+)(?:/([A-Za-z0-9.-]{1,64}))?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9:/._\[\]-]*")
_OF_A_TYPE: Final = frozenset({"GET", "POST"})
_OF_ONE: Final = frozenset({"GET", "PUT"})
_STATUS: Final = {code: f"{code} {words.upper()}" for code, words in HTTP_STATUS_CODES.items()}


class Lane:
    """Installed innermost, before the routes are known; `hold` counts a search against its limit and is set when they
    are. Raises what the handlers raise, into the application's own care."""

    def __init__(self, app: Flask, world: World) -> None:
        self.hold: Hold = lambda request, endpoint: None
        self._app, self._world, self._inner = app, world, app.wsgi_app
        app.wsgi_app = self.answer  # type: ignore[method-assign]

    def answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The answer, as WSGI has it."""
        found = _ADDRESS.fullmatch(environ["PATH_INFO"])
        if found is None or found[1] not in TYPES or environ["PATH_INFO"] in OURS:
            return self._inner(environ, start_response)
        type, id = found.groups()
        if environ["REQUEST_METHOD"] not in (_OF_A_TYPE if id is None else _OF_ONE):
            return self._inner(environ, start_response)
        asked = "HTTP_ACCEPT_LANGUAGE" in environ
        reading = reader.begin(language.asked(Request(environ, populate_request=False))) if asked else None
        try:
            answer = self._handled(environ, type, id)
        except Exception as error:
            with self._app.request_context(environ):
                return self._app.make_response(self._app.handle_user_exception(error))(environ, start_response)
        finally:
            if reading:
                reader.end(reading)
        return _out(answer, environ, start_response)

    def _handled(self, environ: "WSGIEnvironment", type: str, id: str | None) -> fhir_routes.Reply:
        method = environ["REQUEST_METHOD"]
        if id is None:
            meant(environ, SEARCH, {"type": type})
            if method == "GET":
                asked = Request(environ, populate_request=False)
                self.hold(asked, SEARCHED)
                return fhir_routes.search(call_of(self._world, environ, asked), type)
            return fhir_routes.create(call_of(self._world, environ), type)
        meant(environ, READ, {"type": type, "id": id})
        if method == "GET":
            return fhir_routes.read(call_of(self._world, environ), type, id)
        return fhir_routes.update(call_of(self._world, environ), type, id)


def _out(
    answer: fhir_routes.Reply, environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    """The answer as it goes out. Of one with a body the framework would quote the addresses in its headers, which takes
    longer than to look the resource up: ours are of letters that need none."""
    if not isinstance(answer, Answer):
        return answer(environ, start_response)
    status, headers, body = answer
    if any(name == "Location" and not _PLAIN.fullmatch(place) for name, place in headers):
        return answer.response()(environ, start_response)
    start_response(_STATUS[status], [*headers, ("Content-Length", str(len(body)))])
    return [body]


SEARCHED: Final = fhir_routes.endpoint("GET", "/<type>", fhir_routes.search)
