"""What this process says: events as lines of JSON on the standard error, each with the id of its request, and never a
word about a patient.

What may be said is a list (`SAID`), not what may not: a value under a name that is not on it, or of another shape than
its name allows, leaves only its name. So an error's own text, a query, a body or a token can not get into the log by
mistake. Where somebody needs the text of an error, the page that shows the work has it, behind sign-in.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import msgspec
import structlog

REQUEST: ContextVar[str] = ContextVar("request", default="")
HIDDEN: Final = "[not logged]"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Event = MutableMapping[str, Any]
Shape = Callable[[Any], bool]

_encode = msgspec.json.Encoder(enc_hook=lambda value: HIDDEN).encode
_log = structlog.get_logger()


def _like(pattern: str) -> Shape:
    whole = re.compile(pattern)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _number(value: Any) -> bool:
    return value is None or isinstance(value, (int, float))


def _places(value: Any) -> bool:
    return isinstance(value, list) and all(map(_PLACE, value))


_PLACE = _like(r"[^/]{1,80} [\w./<>+@-]{1,300}:\d{1,6}")
_WORD = _like(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_CODE = _like(r"[A-Z0-9_]{5,40}")
SAID: Final[dict[str, Shape]] = {
    "event": _like(r"[a-z][a-z0-9_]{0,63}"), "level": _WORD, "timestamp": _like(r"[0-9TZ:.+-]{1,40}"),
    "request": _like(r"[A-Za-z0-9._-]{0,64}"), "at": _places, "error": _WORD, "kind": _WORD, "limit": _WORD,
    "logger": _like(r"[\w.-]{1,100}"), "client": _like(r"[0-9a-f.:]{1,45}"),
    "where": _like(r"[\w./<>+@-]{1,300}:\d{1,6}"),
    "cause": _WORD, "place": _like(r"[^\n?#]{1,300}"),  # of a database that does not answer: where we were told it is
    "method": lambda value: value in METHODS, "status": _number, "attempt": _number, "ms": _number, "count": _number,
    "n": _number, "seconds": _number, "bytes": _number, "file": _like(r"[\w.-]{1,100}"), "provider": _WORD,
    "ehr": _like(r"[a-z0-9][a-z0-9._-]{0,63}"), "code": lambda value: value is None or _CODE(value),
}  # fmt: skip


class _Stream:
    """The standard error as it is at this moment, which a test or a service may have put elsewhere."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(level: str) -> None:
    """Say events of this level and above from now on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            _of_request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _where_it_failed,
            scrub,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # One write for a line with its end: of two, another thread's line came between, and neither was JSON.
        logger_factory=structlog.WriteLoggerFactory(_Stream()),  # type: ignore[arg-type]
    )


def take_over(level: str) -> None:
    """The same, in a process that is all ours: also what libraries log, and what ends a thread or the process."""
    configure(level)
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(handlers=[Library()], level=max(number, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _ended
    threading.excepthook = lambda args: _ended(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _ended(args.exc_type, args.exc_value, args.exc_traceback)


def scrub(logger: object, name: str, event: Event) -> Event:
    """A structlog processor: leaves what is on the list and looks as it should."""
    return {key: value if _may_be_said(key, value) else HIDDEN for key, value in event.items()}


def access(method: str, route: str, status: int, seconds: float, client: str, request: str) -> None:
    """One line for one request. route: its template, never its path. Written past structlog, whose way costs as much as
    a read; every value here is one of ours but the client's address and the request's id, which have been judged."""
    line = {
        "event": "asked", "method": method if method in METHODS else "OTHER", "route": route, "status": status,
        "ms": round(seconds * 1000, 2), "client": client if SAID["client"](client) else HIDDEN, "request": request,
        "level": "info", "timestamp": datetime.now(UTC),
    }  # fmt: skip
    sys.stderr.write(_encode(line).decode() + "\n")


def ended(text: str) -> None:
    """Why a service did not start, or ended: a line of the log like any other, so that whoever gathers those has it.
    text: what its operator is told, of settings and places; no patient has been read for it."""
    line = {"event": "ended", "level": "error", "text": text, "timestamp": datetime.now(UTC)}
    sys.stderr.write(_encode(line).decode() + "\n")


def traced(error: BaseException) -> dict[str, object]:
    """What kind of error it is and where it happened, without its own words or any value: those may be a patient's."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.name} {frame.filename}:{frame.lineno}" for frame in frames]}


def _may_be_said(key: str, value: Any) -> bool:
    shape = SAID.get(key)
    return shape is not None and shape(value)


def _of_request(logger: object, name: str, event: Event) -> Event:
    if request := REQUEST.get():
        event.setdefault("request", request)
    return event


def _where_it_failed(logger: object, name: str, event: Event) -> Event:
    """`exc_info` as kind and place."""
    given = event.pop("exc_info", None)
    error = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(traced(error))
    return event


def _line(logger: object, name: str, event: Event) -> str:
    return _encode(event).decode()


def _ended(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Nobody caught it."""
    _log.error("ended", **(traced(error) if error else {"error": kind.__name__}))


class Library(logging.Handler):
    """What a library logs: which one, where, and the kind of its error. Its words may quote what it worked on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it as an event of ours."""
        said: dict[str, object] = {"logger": record.name, "where": f"{record.pathname}:{record.lineno}"}
        if record.exc_info and record.exc_info[1]:
            said |= traced(record.exc_info[1])
        say = _log.error if record.levelno >= logging.ERROR else _log.warning
        say("library", **said)


class Server(logging.Handler):
    """What the web server says of itself: where it listens, which process began or ended. These words are its own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it as an event of ours, without what the application's error may hold."""
        error = record.exc_info[1] if record.exc_info else None
        words = record.getMessage().partition("\n")[0]
        line = {"event": "server", "said": words, "level": record.levelname.lower(), "timestamp": datetime.now(UTC)}
        sys.stderr.write(_encode(line | (traced(error) if error else {})).decode() + "\n")
