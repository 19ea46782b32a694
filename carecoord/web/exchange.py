"""What every exchange carries: an id to find it by in the log and the audit, and under /fhir the word that browser apps
of any origin may read the answer (SMART App Launch 2.2 conformance: CORS).

`*` is safe: the API knows a caller by the Authorization header alone, never by a cookie. Headers are added where WSGI
hands them over, as plain tuples: on a read the framework's ways would cost more than the read.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "carecoord.request_id"
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
        if fhir and environ["REQUEST_METHOD"] == "OPTIONS":
            start_response("204 No Content", [*_PREFLIGHT, ("X-Request-Id", _id(environ))])
            return []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers.append(("X-Request-Id", _id(environ)))
            if fhir and not any(name == _ORIGIN for name, _ in headers):
                headers += _ANY
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    app.wsgi_app = carried  # type: ignore[method-assign]


def request_id() -> str:
    """The id of this request: the client's X-Request-Id where it is a plain one, else a new one."""
    return _id(request.environ)


def is_fhir(path: str) -> bool:
    """Whether a path is the API's."""
    return path.startswith("/fhir") and path[5:6] in ("", "/")


def _id(environ: "WSGIEnvironment") -> str:
    found: str | None = environ.get(_KEY)
    if found is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        found = environ[_KEY] = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
    return found
