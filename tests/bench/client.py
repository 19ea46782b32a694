"""A closed-loop load client: a few kept-alive connections, each with one request under way, in one process.

Python's http.client costs more per request than the servers under test; this one costs about 25 us, the same for each.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit


@dataclass
class Result:
    """What a run gave: times in milliseconds, `rate` in answers per second, `bad` the answers that were not 2xx."""

    rate: float
    times: list[float] = field(repr=False)
    bad: int
    sample: bytes = field(repr=False, default=b"")

    def at(self, share: float) -> float:
        """The time in ms within which that share of the answers came."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def request(url: str, method: str = "GET", token: str | None = None, body: bytes = b"", **headers: str) -> bytes:
    """One HTTP/1.1 request as the bytes that go out."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/fhir+json"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Line:
    """One connection and the request under way on it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent = 0.0

    def send(self, data: bytes) -> None:
        self.buffer, self.sent = b"", time.perf_counter()
        self.socket.sendall(data)

    def whole(self) -> bool:
        """Read what is there; True when the answer is complete."""
        piece = self.socket.recv(262144)
        if not piece:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        self.buffer += piece
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        low = head.lower()
        at = low.find(b"content-length:")
        if at >= 0:
            return len(rest) >= int(low[at + 15 :].split(b"\r\n", 1)[0])
        return rest.endswith(b"0\r\n\r\n") if b"chunked" in low else True


def hammer(
    base: str, requests: Iterable[bytes], *, connections: int = 16, seconds: float = 3.0, once: bool = False
) -> Result:
    """Send `requests` round and round for some seconds (or each `once`, or as an Iterator that has no end) and time
    every answer."""
    parts = urlsplit(base)
    chooser = selectors.DefaultSelector()
    queue = iter(requests) if once or isinstance(requests, Iterator) else cycle(requests)
    times: list[float] = []
    bad, sample, busy = 0, b"", 0
    start = time.perf_counter()
    for _ in range(connections):
        first = next(queue, None)
        if first is None:
            break
        line = _Line((parts.hostname or "127.0.0.1", parts.port or 80))
        chooser.register(line.socket, selectors.EVENT_READ, line)
        line.send(first)
        busy += 1
    while busy:
        for key, _ in chooser.select(60) or _late():
            line = key.data
            if not line.whole():
                continue
            now = time.perf_counter()
            times.append((now - line.sent) * 1000)
            if line.buffer[9:10] != b"2":
                bad, sample = bad + 1, line.buffer
            following = None if not once and now - start > seconds else next(queue, None)
            if following is None:
                chooser.unregister(line.socket)
                line.socket.close()
                busy -= 1
            else:
                line.send(following)
    return Result(len(times) / (time.perf_counter() - start), times, bad, sample)


def _late() -> list[tuple[selectors.SelectorKey, int]]:
    raise TimeoutError("no answer within 60 s")
