"""The application on a real port, and Chromium in front of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from werkzeug.serving import make_server

from carecoord.app import wired
from tests import chromium

from ..conftest import build_world
from ..place import Place

NPM = Path(__file__).parents[3] / "var/npm"
LIBRARY = NPM / "node_modules/fhirclient/build/fhir-client.js"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not chromium.PATH:
        pytest.skip(chromium.MISSING)
    expect.set_options(timeout=chromium.SOON)
    return {**browser_type_launch_args, "executable_path": chromium.PATH, "args": chromium.QUIET}


@pytest.fixture
def house(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """The practice, served; `house.world.settings.url` is its address."""
    with served(practice, tmp_path, "127.0.0.1") as place:
        yield place


@pytest.fixture
def local(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """The same by a host name: WebAuthn knows no bare IP address."""
    with served(practice, tmp_path, "localhost") as place:
        yield place


@contextmanager
def served(practice: Path, folder: Path, host: str) -> Iterator[Place]:
    """The practice under this name of our own machine."""
    shutil.copyfile(practice, folder / "practice.db")
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True)
    made = build_world(folder, "practice.db")
    settings = replace(made.settings, base_url=f"http://{host}:{server.server_port}")
    world = replace(made, settings=settings)
    app = wired(world)
    server.app = app
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Place(world, app.test_client())
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


@pytest.fixture
def callback() -> Iterator[str]:
    """The address of a real app's callback, on another origin."""
    app = Flask("app")
    app.add_url_rule("/callback", view_func=lambda: "the app")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def no_console_errors(page: Any) -> Iterator[None]:
    """A page that breaks its own policy, misses a file or fails in a script says so on the console."""
    seen: list[str] = []
    page.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    yield
    answers = ("401", "404", "410", "422")  # that a page is meant to give
    assert [said for said in seen if not any(f"status of {each}" in said for each in answers)] == []
