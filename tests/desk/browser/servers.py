"""The application served to a browser: from a thread, on loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from tests.desk.conftest import House


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of an application while it is served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(house: House) -> Iterator[str]:
    """The address of a house's application, with a clock that runs."""
    clock: Any = house.world.clock
    clock.begun = time.monotonic()
    with serving(house.app) as address:
        yield address
