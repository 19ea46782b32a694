"""What every exchange carries: an id to find it by in the log and the audit, and under /fhir the word that browser apps
of any origin may read the answer (SMART App Launch 2.2 conformance: CORS).

`*` is safe: the API knows a caller by the Authorization header alone, never by a cookie. Headers are added where WSGI
hands them over, as plain tuples: on a read the framework's ways would cost more than the read.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "carecoord.request_id"
_PIECE: Final = 65_536  # bytes
_PATIENCE: Final = 4  # how many times the largest body is read and thrown away before the line is cut
_ORIGIN = "Access-Control-Allow-Origin"
_ANY = [
    (_ORIGIN, "*"),
    ("Access-Control-Expose-Headers", "Content-Location, ETag, Last-Modified, Location, Retry-After, X-Request-Id"),
]
_PREFLIGHT = [
    *_ANY,
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, "
        "X-Request-Id",
    ),
    ("Access-Control-Max-Age", "86400"),
]


def install(app: Flask) -> None:
    """Answer preflights under /fhir; add the id and the CORS headers to every answer."""
    inner = app.wsgi_app

    def carried(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        fhir = is_fhir(environ["PATH_INFO"])
        statuses: list[str] = []
        if fhir and environ["REQUEST_METHOD"] == "OPTIONS":
            start_response("204 No Content", [*_PREFLIGHT, ("X-Request-Id", _id(environ))])
            return []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            statuses.append(status)
            headers.append(("X-Request-Id", _id(environ)))
            if fhir and not any(name == _ORIGIN for name, _ in headers):
                headers += _ANY
            return start_response(status, headers, exc_info)

        answer = inner(environ, start)
        if statuses and statuses[-1].startswith("413"):
            _drain(environ, _PATIENCE * int(app.config["MAX_CONTENT_LENGTH"]))
        return answer

    app.wsgi_app = carried  # type: ignore[method-assign]


def request_id() -> str:
    """The id of this request: the client's X-Request-Id where it is a plain one, else a new one."""
    return _id(request.environ)


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
    except (OSError, ClientDisconnected):
        pass  # nobody is there to read the answer


def _id(environ: "WSGIEnvironment") -> str:
    found: str | None = environ.get(_KEY)
    if found is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        found = environ[_KEY] = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
    return found
