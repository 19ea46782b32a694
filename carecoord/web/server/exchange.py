"""What every exchange carries: an id to find it by in the log and the audit, a line in the log and a count, and under
/fhir the word that browser apps of any origin may read the answer (SMART App Launch 2.2 conformance: CORS).

`*` is safe: the API knows a caller by the Authorization header alone, never by a cookie. Headers are added where WSGI
hands them over, as plain tuples: on a read the framework's ways would cost more than the read.
"""

import os
import re
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog
from flask import Flask, request
from flask.globals import request_ctx
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from carecoord.errors import Unavailable
from carecoord.logs import REQUEST, access, traced

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "carecoord.request_id"
_ROUTE = "carecoord.route"
_PIECE: Final = 65_536  # bytes
_PATIENCE: Final = 4  # how many times the largest body is read and thrown away before the line is cut
_ORIGIN = "Access-Control-Allow-Origin"
_ANY = [
    (_ORIGIN, "*"),
    ("Access-Control-Expose-Headers", "Content-Location, ETag, Last-Modified, Location, Retry-After, X-Request-Id"),
]
_PREFLIGHT = [
    *_ANY,
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, "
        "X-Request-Id",
    ),
    ("Access-Control-Max-Age", "86400"),
]
# What stands behind a parameter is worked out for each function that is made, of which each request makes some.
Headers = list[tuple[str, str]]
Write = Callable[[bytes], object]
_log = structlog.get_logger()


class Done(NamedTuple):
    """One exchange that is over. route: the template of its address, empty where no route was meant. args: what stood
    in the template's places."""

    method: str
    route: str
    args: dict[str, Any]
    status: int
    seconds: float


def install(app: Flask, observe: Callable[[Done], None], *, lines: bool) -> None:
    """Answer preflights under /fhir; add the id and the CORS headers to every answer. Each exchange is told to
    `observe`, and with `lines` to the log. To be installed after the headers, so that they are on every answer."""
    inner = app.wsgi_app

    @app.before_request
    def note() -> None:
        asked = request_ctx.request
        if asked.url_rule is not None:
            meant(asked.environ, asked.url_rule.rule, asked.view_args or {})

    def told(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began, statuses, id = perf_counter(), [500], id_of(environ)
        fhir = is_fhir(environ["PATH_INFO"])

        def start(status: str, headers: Headers, exc_info: Any = None) -> Write:
            statuses.append(int(status[:3]))
            headers.append(("X-Request-Id", id))
            if fhir and _ORIGIN not in [name for name, _ in headers]:
                headers += _ANY
            return start_response(status, headers, exc_info)

        own = REQUEST.set(id)
        try:
            if fhir and environ["REQUEST_METHOD"] == "OPTIONS":
                start("204 No Content", [*_PREFLIGHT])
                return []
            answer = inner(environ, start)
            if statuses[-1] == 413:
                _drain(environ, _PATIENCE * int(app.config["MAX_CONTENT_LENGTH"]))
            return answer
        except Exception as error:  # from outside of the framework's own care
            _log.error("failed", **traced(error))
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [f"Something failed on our side. It is in the log under the id {id}.\n".encode()]
        finally:
            done = _done(environ, statuses[-1], perf_counter() - began)
            observe(done)
            if lines:
                access(done.method, done.route, done.status, done.seconds, environ.get("REMOTE_ADDR") or "", id)
            REQUEST.reset(own)

    app.wsgi_app = told  # type: ignore[method-assign]


def _done(environ: "WSGIEnvironment", status: int, seconds: float) -> Done:
    route, args = environ.get(_ROUTE, ("", {}))
    return Done(environ["REQUEST_METHOD"], route, args, status, seconds)


def request_id() -> str:
    """The id of this request: the client's X-Request-Id where it is a plain one, else a new one."""
    return id_of(request.environ)


def meant(environ: "WSGIEnvironment", route: str, args: dict[str, Any]) -> None:
    """Note which route a request was for: the template of its address, and what stood in the template's places."""
    environ[_ROUTE] = route, args


def route_of(environ: "WSGIEnvironment") -> str:
    """The template of the address that a request was for; empty where no route was meant."""
    return str(environ.get(_ROUTE, ("", {}))[0])


def is_fhir(path: str) -> bool:
    """Whether a path is the API's."""
    return path.startswith("/fhir") and path[5:6] in ("", "/")


def _drain(environ: "WSGIEnvironment", most: int) -> None:
    """Read what is left of a body that was too large. A server that answers and hangs up while the client still sends
    resets the line, and the client sees a broken pipe in place of the answer (RFC 9112 section 9.6)."""
    try:
        rest = get_input_stream(environ)
        while most > 0 and (piece := rest.read(_PIECE)):
            most -= len(piece)
    except (OSError, ClientDisconnected, Unavailable):
        pass  # nobody is there to read the answer, or too many send slowly


def id_of(environ: "WSGIEnvironment") -> str:
    """As `request_id`, of any request."""
    found: str | None = environ.get(_KEY)
    if found is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        found = environ[_KEY] = given if given and _GIVEN.fullmatch(given) else os.urandom(16).hex()
    return found
