"""A span for each request, with the template of its address, its status and the id that the log has."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from carecoord import traces
from carecoord.logs import METHODS
from carecoord.web.server.exchange import Headers, Write, id_of, route_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

QUIET: Final = ("/healthz", "/readyz", "/metrics")  # asked again and again, by machines
_FAILED: Final = 500


def install(app: Flask) -> None:
    """Tell of the requests to `app`. To be installed last: all that is done for a request is inside its span."""
    inner = app.wsgi_app

    def traced(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] in QUIET:
            return inner(environ, start_response)
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else "OTHER"
        statuses = [_FAILED]

        def start(status: str, headers: Headers, exc_info: Any = None) -> Write:
            statuses.append(int(status[:3]))
            return start_response(status, headers, exc_info)

        parent = environ.get("HTTP_TRACEPARENT", "")
        with traces.span(method, "SERVER", {"http.request.method": method}, parent) as opened:
            try:
                return inner(environ, start)
            finally:
                route = route_of(environ) or "none"
                said = {"http.route": route, "http.response.status_code": statuses[-1],
                        "carecoord.request": id_of(environ)}  # fmt: skip
                traces.tell(opened, f"{method} {route}", said, failed=statuses[-1] >= _FAILED)

    app.wsgi_app = traced  # type: ignore[method-assign]
