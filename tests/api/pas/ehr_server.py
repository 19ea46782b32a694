"""An EHR that answers what a hook's service asks back: a real HTTP server on loopback, with its resources by path."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class EhrServer:
    """held: path with its query -> the resource there. asked: path and Authorization of each call. slow: seconds
    before an answer. raw: what is answered whatever is asked, where that is no resource."""

    held: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    slow: float = 0.0
    raw: bytes = b""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"


@contextmanager
def serving(one: EhrServer) -> Iterator[EhrServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/fhir/")
            one.asked.append((name, self.headers.get("Authorization", "")))
            time.sleep(one.slow)
            body = one.raw or json.dumps(one.held.get(name, {})).encode()
            status = one.status if one.raw or one.status != 200 or name in one.held else 404
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # who asked did not wait

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
