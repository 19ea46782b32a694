"""Requests whose body comes slowly: they may hold all threads of a process but one, so that the rest are still served.

The server gives a thread to each request once its headers are there, and the thread waits for the body. A few clients
that never finish theirs would hold every thread. A proxy that takes bodies in whole (as nginx does) spares us this.

A body that is there already is read in milliseconds, however many come at once: its reader waits for the others. Only
when all who read have been at it for a while is the next one refused, for then the last thread must stay free.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import IO, TYPE_CHECKING, Any

from flask import Flask

from carecoord.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


GRACE = 2.0  # seconds after which who still reads a body is taken for slow
PATIENCE = 10.0  # seconds that a reader waits at most while others, who are fast, come first


class Readers:
    """Those who wait for a body at the moment, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began: dict[object, float] = {}
        self._changed = Condition()

    @contextmanager
    def room(self) -> Iterator[None]:
        """A place among them. Raises Unavailable as soon as all places are held by the slow."""
        me, end = object(), time.monotonic() + PATIENCE
        with self._changed:
            while len(self._began) >= self._most:
                until = min(max(self._began.values()) + GRACE, end)
                if time.monotonic() >= until:
                    text = "Too many requests are being sent to us slowly. Try again in a moment."
                    raise Unavailable(text, headers={"Retry-After": "1", "Connection": "close"})
                self._changed.wait(until - time.monotonic())
            self._began[me] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._began[me]
                self._changed.notify()


class GuardedBody:
    """The input of a request, read only while there is room among the readers. Raises Unavailable when there is not."""

    def __init__(self, inner: Any, readers: Readers) -> None:
        self._inner, self._readers = inner, readers

    def read(self, *size: int) -> bytes:
        return bytes(self._through(self._inner.read, *size))

    def readline(self, *size: int) -> bytes:
        return bytes(self._through(self._inner.readline, *size))

    def readlines(self, *hint: int) -> list[bytes]:
        return list(self._through(self._inner.readlines, *hint))

    def __iter__(self) -> Iterable[bytes]:
        while line := self.readline():
            yield line

    def _through(self, read: Callable[..., Any], *given: int) -> Any:
        with self._readers.room():
            return read(*given)


def install(app: Flask, threads: int) -> None:
    """Let at most `threads` - 1 requests of this process wait for their bodies at a time."""
    readers = Readers(max(1, threads - 1))
    inner = app.wsgi_app

    def gated(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
            source: IO[bytes] = GuardedBody(environ["wsgi.input"], readers)  # type: ignore[assignment]
            environ["wsgi.input"] = source
        return inner(environ, start_response)

    app.wsgi_app = gated  # type: ignore[method-assign]
