"""Requests whose body comes slowly: they may hold all threads of a process but one, so that the rest are still served.

The server gives a thread to each request once its headers are there, and the thread waits for the body. A few clients
that never finish theirs would hold every thread. A proxy that takes bodies in whole (as nginx does) spares us this.
"""

from collections.abc import Callable, Iterable
from threading import BoundedSemaphore
from typing import IO, TYPE_CHECKING, Any

from flask import Flask

from carecoord.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Gate:
    """The input of a request, read only while there is room among the readers. Raises Unavailable when there is not."""

    def __init__(self, inner: Any, readers: BoundedSemaphore) -> None:
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
        if not self._readers.acquire(blocking=False):
            text = "Too many requests are being sent to us slowly. Try again in a moment."
            raise Unavailable(text, headers={"Retry-After": "1", "Connection": "close"})
        try:
            return read(*given)
        finally:
            self._readers.release()


def install(app: Flask, threads: int) -> None:
    """Let at most `threads` - 1 requests of this process wait for their bodies at a time."""
    readers = BoundedSemaphore(max(1, threads - 1))
    inner = app.wsgi_app

    def gated(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
            source: IO[bytes] = Gate(environ["wsgi.input"], readers)  # type: ignore[assignment]
            environ["wsgi.input"] = source
        return inner(environ, start_response)

    app.wsgi_app = gated  # type: ignore[method-assign]
