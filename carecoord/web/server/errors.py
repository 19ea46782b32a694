"""The one place where an error becomes an answer: an OperationOutcome for machines under /fhir, a page for people.

Clause: FHIR R4 http.html#Status-Codes. An unknown error shows only the request's id; the log has the rest.
"""

from collections.abc import Mapping
from typing import NamedTuple

import structlog
from flask import Flask, Response, render_template, request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from carecoord import errors
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.fhir.outcome import outcome
from carecoord.logs import traced
from carecoord.web.server.exchange import request_id
from carecoord.web.server.negotiation import ANSWER
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import Sentence, sentence

log = structlog.get_logger()


class Words(NamedTuple):
    """An HTTP error of the framework in our own tree and words."""

    kind: type[Problem]
    text: Sentence


_HTTP = {
    400: Words(errors.Invalid, sentence("people.http.400")),
    404: Words(errors.NotFound, sentence("people.http.404")),
    405: Words(errors.NotAllowed, sentence("people.http.405")),
    413: Words(errors.TooLarge, sentence("people.http.413")),
    415: Words(errors.Unsupported, sentence("people.http.415")),
    429: Words(errors.TooMany, sentence("people.http.429")),
}
_CHALLENGES = {403: {"WWW-Authenticate": 'Bearer realm="fhir", error="insufficient_scope"'}}  # RFC 6750 section 3.1
_TITLES: Mapping[int, str] = Glossary(
    {
        400: sentence("people.titles.400"),
        401: sentence("people.titles.401"),
        403: sentence("people.titles.403"),
        404: sentence("people.titles.404"),
        409: sentence("people.titles.409"),
        410: sentence("people.titles.410"),
        412: sentence("people.titles.412"),
        413: sentence("people.titles.413"),
        429: sentence("people.titles.429"),
        503: sentence("people.titles.503"),
    }
)


def install(app: Flask) -> None:
    """Answer every error of `app`, known or not."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NoConnection, _busy)
    app.register_error_handler(IntegrityError, _collided)
    app.register_error_handler(Exception, _unknown)


def _problem(problem: Problem) -> Response:
    if problem.status >= 500:
        log.warning("refused", status=problem.status, error=type(problem).__name__)
    return show(problem)


def _http(error: HTTPException) -> Response:
    words = _HTTP.get(error.code or 500)
    if words is None:  # a redirect, or a status that only a framework gives
        return Response(error.get_response(request.environ).get_data(), error.code, error.get_headers())
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return show(words.kind(say(words.text), headers=headers))


def _busy(error: NoConnection) -> Response:
    """Every connection was in use for as long as we wait. A lock or a server that is away the store tells itself, as
    Unavailable; what else a database refuses, a missing table, is no matter of trying again."""
    log.warning("database_busy", **traced(error))
    return show(errors.Unavailable(spoken("people.database-busy-try-again"), headers={"Retry-After": "1"}))


def _collided(error: IntegrityError) -> Response:
    log.info("write_collided", **traced(error))
    return show(errors.Conflict(spoken("people.somebody-else-wrote-same-thing")))


def _unknown(error: Exception) -> Response:
    log.error("failed", **traced(error))
    return show(Problem(spoken("people.something-failed-on-our-side", request_id=request_id())))


def show(problem: Problem) -> Response:
    """The answer for a problem, for whoever asked: under /oauth/ an app reads it (RFC 6749 section 5.2) or a person."""
    if request.path == "/fhir" or request.path.startswith("/fhir/"):
        body = text.dumps(outcome(problem.all_issues()))
        headers = {**_CHALLENGES.get(problem.status, {}), **problem.headers}
        return Response(body, problem.status, headers, content_type=ANSWER)
    if request.path.startswith("/oauth/") and "text/html" not in request.headers.get("Accept", ""):
        body = text.dumps({"error": _oauth(problem.status), "error_description": problem.text})
        return Response(body, problem.status, dict(problem.headers), content_type="application/json")
    title = _TITLES.get(problem.status, spoken("people.something-went-wrong"))
    page = render_template("error.html", title=title, problem=problem, request_id=request_id())
    return Response(page, problem.status, dict(problem.headers), content_type="text/html; charset=utf-8")


def _oauth(status: int) -> str:
    """The code of RFC 6749 that comes nearest: section 4.1.2.1 has the ones for a server that can not."""
    if status in (429, 503):
        return "temporarily_unavailable"
    return "server_error" if status >= 500 else "invalid_request"
