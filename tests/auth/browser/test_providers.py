"""Signing in at one's own organization in a real browser: from the button, over the provider's own sign-in and consent,
to the worklist. Cookies heed no port, so the provider is at `localhost` and we are at 127.0.0.1: two sites."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from auth import store
from auth.people.providers import Provider
from carecoord.actions.people import openid_providers
from carecoord.actions.server import outgoing
from carecoord.app import wired
from carecoord.store.database.engine import writing
from tests.axe import check
from tests.people import add_user_with_password

from ..conftest import build_world
from ..place import Place

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]
PASSWORD = "correct horse battery"
SECRET = "a-secret-of-ours"


@pytest.fixture
def hospital(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    """The provider: a second instance of this application, with people of its own."""
    shutil.copyfile(sqlite_template, tmp_path / "hospital.db")
    server = make_server("localhost", 0, Flask("not yet"), threaded=True)
    made = build_world(tmp_path, "hospital.db")
    world = replace(made, settings=replace(made.settings, base_url=f"http://localhost:{server.server_port}"))
    app = wired(world)
    server.app = app
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with writing(world.engine) as conn:
        mina = store.User("u-7", "mina", "Mina Okafor", frozenset({"coordinator"}), "east")
        add_user_with_password(conn, mina, PASSWORD, int(world.clock().timestamp()))
    yield Place(world, app.test_client())
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


@pytest.fixture
def desk(practice: Path, tmp_path: Path, hospital: Place) -> Iterator[str]:
    """Our side; its address."""
    (tmp_path / "desk").mkdir()
    shutil.copyfile(practice, tmp_path / "desk" / "practice.db")
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True)
    made = build_world(tmp_path / "desk", "practice.db")
    address = f"http://127.0.0.1:{server.server_port}"
    settings = replace(made.settings, base_url=address, private_hosts="localhost")
    world = replace(made, settings=settings, http=partial(outgoing.session, settings))
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    client = store.Client(
        "carecoord", "Care desk", "openid profile", "client_secret_basic", ("authorization_code",),
        redirect_uris=(openid_providers.redirect_uri(world, "east"),),
    )  # fmt: skip
    with writing(hospital.world.engine) as conn:
        store.add_client(conn, client, hospital.now(), SECRET)
    url, roles = hospital.world.settings.url, frozenset({"coordinator"})
    openid_providers.add(world, Provider("east", "East Hospital", url, "carecoord", str(secret), "clinic", roles))
    server.app = wired(world)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield address
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


@pytest.mark.usefixtures("no_console_errors")
def test_somebody_signs_in_at_their_hospital_and_lands_where_they_wanted(page: Page, desk: str) -> None:
    page.goto(f"{desk}/referrals/okafor-cardiology")
    expect(page.get_by_role("link", name="Sign in with East Hospital")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Sign in with East Hospital").click()
    page.get_by_label("Login").fill("mina")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Allow").click()
    expect(page).to_have_url(f"{desk}/referrals/okafor-cardiology")
    expect(page.get_by_text("Mina Okafor", exact=True)).to_be_attached()
    page.goto(desk)
    expect(page).to_have_url(f"{desk}/")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(desk)}
    assert "cc-openid" not in cookies
    assert cookies["cc"]["httpOnly"]
    assert cookies["cc"]["sameSite"] == "Lax"


def test_a_link_that_finishes_somebody_elses_sign_in_signs_nobody_in(page: Page, desk: str) -> None:
    """Login CSRF, as a browser sees it: the page says what to do, and is sound for axe."""
    page.goto(f"{desk}/sign-in/callback/east?code=c&state=made-up")
    expect(page.get_by_role("alert")).to_contain_text("Please begin again")
    check(page)
    page.goto(desk)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
