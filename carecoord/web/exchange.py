"""What every exchange carries: an id to find it by in the log and the audit, and under /fhir the word that browser apps
of any origin may read the answer (SMART App Launch 2.2 conformance: CORS).

`*` is safe: the API knows a caller by the Authorization header alone, never by a cookie.
"""

import re
import uuid

from flask import Flask, Response, request

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "carecoord.request_id"
_ANY = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Location, ETag, Last-Modified, Location, Retry-After, X-Request-Id",
}
_PREFLIGHT = {
    **_ANY,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, "
    "If-None-Match, Prefer, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}


def install(app: Flask) -> None:
    """Answer preflights under /fhir; add the id and the CORS headers to every answer."""

    @app.before_request
    def preflight() -> Response | None:
        return Response(status=204, headers=_PREFLIGHT) if request.method == "OPTIONS" and _is_fhir() else None

    @app.after_request
    def carry(answer: Response) -> Response:
        answer.headers["X-Request-Id"] = request_id()
        if _is_fhir():
            for name, value in _ANY.items():
                answer.headers.setdefault(name, value)
        return answer


def request_id() -> str:
    """The id of this request: the client's X-Request-Id where it is a plain one, else a new one."""
    found: str | None = request.environ.get(_KEY)
    if found is None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        found = request.environ[_KEY] = given if _GIVEN.fullmatch(given) else str(uuid.uuid4())
    return found


def _is_fhir() -> bool:
    path = request.environ["PATH_INFO"]
    return bool(path.startswith("/fhir") and path[5:6] in ("", "/"))
