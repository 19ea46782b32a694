"""A second instance of our own server on a real socket, as an EHR that takes what we write."""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Any

from werkzeug.serving import make_server
from werkzeug.test import Client

from auth import store
from carecoord import app
from carecoord.actions import demo
from carecoord.settings import Settings
from carecoord.store.database.engine import migrate, open_engine
from carecoord.world import World

# What these tests tell a hospital and are told by it. A sync asks for each type that is offered, forty of which would
# have nothing: all are asked for in test_own_server.
STORY = frozenset({
    "Organization", "Patient", "Task", "ServiceRequest", "Appointment", "Communication", "DocumentReference",
    "Binary", "Provenance", "Coverage",
})  # fmt: skip


class Offering:
    """A server whose metadata offers these types only; none named: all that it has."""

    def __init__(self, served: Any, types: frozenset[str]) -> None:
        self.served, self.types = served, types

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if not self.types or environ["PATH_INFO"] != "/fhir/metadata":
            answer: Iterable[bytes] = self.served(environ, start_response)
            return answer
        statement = Client(self.served).get("/fhir/metadata").get_json()
        for rest in statement["rest"]:
            rest["resource"] = [each for each in rest["resource"] if each["type"] in self.types]
        start_response("200 OK", [("Content-Type", "application/fhir+json")])
        return [json.dumps(statement).encode()]


@cache
def _empty() -> bytes:
    """A migrated database with nothing in it."""
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/empty.db")
        migrate(engine)
        engine.dispose()
        return (Path(folder) / "empty.db").read_bytes()


@contextmanager
def hospital(var: Path, scope: str, types: frozenset[str] = frozenset()) -> Iterator[World]:
    """The server, until the end of the block; its client `carecoord` has this scope, and its key in `var`/key.pem.
    types: what its metadata offers, where that is not everything: whoever reads it asks for no more."""
    listening = socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    var.mkdir()
    (var / "carecoord.db").write_bytes(_empty())
    world = app.world(Settings(var=str(var), base_url=f"http://127.0.0.1:{listening.getsockname()[1]}"))
    demo.register(world, store.Client("carecoord", "carecoord", scope), var / "key.pem")
    server = make_server("127.0.0.1", 0, Offering(app.wired(world), types), threaded=True, fd=listening.fileno())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        listening.close()
        world.engine.dispose()
