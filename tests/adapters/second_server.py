"""A second instance of our own server on a real socket, as an EHR that takes what we write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from werkzeug.serving import make_server

from auth.store import Client
from carecoord import app
from carecoord.actions import demo
from carecoord.settings import Settings
from carecoord.store.database.engine import migrate
from carecoord.world import World


@contextmanager
def hospital(var: Path, scope: str) -> Iterator[World]:
    """The server, until the end of the block; its client `carecoord` has this scope, and its key in `var`/key.pem."""
    listening = socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    world = app.world(Settings(var=str(var), base_url=f"http://127.0.0.1:{listening.getsockname()[1]}"))
    migrate(world.engine)
    demo.register(world, Client("carecoord", "carecoord", scope), var / "key.pem")
    server = make_server("127.0.0.1", 0, app.wired(world), threaded=True, fd=listening.fileno())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        listening.close()
        world.engine.dispose()
