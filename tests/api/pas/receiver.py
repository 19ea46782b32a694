"""A partner's address that takes notices: a real HTTP server on loopback that a test may stop, slow down, let fail."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class Receiver:
    """taken: the Bundles that were answered with 2xx, with the headers of each; tried: all that came. port: 0 until it
    is first started, the same ever after."""

    taken: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tried: int = 0
    status: int = 200
    slow: float = 0.0
    port: int = 0
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/notices"

    @property
    def events(self) -> list[int]:
        """The numbers of the events that were taken, in the order in which they came."""
        return [int(part["valueString"]) for each in self.taken for part in _parts(each, "event-number")]

    def kinds(self) -> list[str]:
        return [told(each)["type"] for each in self.taken]

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.tried += 1
                time.sleep(receiver.slow)
                if 200 <= receiver.status < 300:
                    receiver.taken.append(json.loads(body))
                    receiver.headers.append(dict(self.headers))
                try:
                    self.send_response(receiver.status)
                    self.send_header("Content-Length", "0")
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                    self.end_headers()
                except OSError:
                    pass  # who sent it did not wait

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def told(notice: Json) -> dict[str, str]:
    """What the status in a notice says, by name."""
    parameters = notice["entry"][0]["resource"]["parameter"]
    return {each["name"]: str(next(v for k, v in each.items() if k.startswith("value")))
            for each in parameters if "part" not in each}  # fmt: skip


def _parts(notice: Json, name: str) -> list[Json]:
    parameters = notice["entry"][0]["resource"]["parameter"]
    return [part for each in parameters for part in each.get("part", []) if part["name"] == name]


def focus(notice: Json) -> Json:
    """The resource that the event of a notice is about."""
    (part,) = _parts(notice, "focus")
    (found,) = [e["resource"] for e in notice["entry"] if e["fullUrl"] == part["valueReference"]["reference"]]
    return dict(found)
