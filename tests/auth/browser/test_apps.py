"""The apps page in a real browser: sound for axe at each width, light and dark, and usable by keyboard."""

import json
import os
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import auth.people.sessions
from auth import store
from auth.server import registration, registrations
from auth.server.issuer import Issuer
from carecoord.domain.access.roles import understands
from carecoord.store.database.engine import reading, writing
from tests.axe import LOOKS, check

from ..place import Place

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]
GROWTH: dict[str, Any] = {
    "client_name": "Growth Chart", "redirect_uris": ["https://growth.example/callback"], "client_uri":
    "https://growth.example/", "token_endpoint_auth_method": "none", "contacts": ["dev@growth.example"],
    "grant_types": ["authorization_code", "refresh_token"], "initiate_login_uri": "https://growth.example/launch",
    "scope": "launch launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs "
    "patient/Condition.rs user/ServiceRequest.cruds",
}  # fmt: skip
LOADER: dict[str, Any] = {
    "client_name": "A loader with a rather long name that has to be folded somewhere on a telephone", "scope":
    "system/*.rs", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
    "jwks_uri": "https://loader.example/a/long/path/to/its/keys/that/does/not/fit/on/a/line/jwks.json",
}  # fmt: skip


@pytest.fixture
def apps(page: Page, house: Place) -> str:
    """The page's address, with two apps that wait and two that are registered; an admin is signed in."""
    issuer = Issuer(house.world.settings.url, house.world.settings.fhir_url, understands)
    with writing(house.world.engine) as conn:
        for id, said in (("growth", GROWTH), ("loader", LOADER)):
            registrations.enrol(
                conn, registration.to_client(id, registration.parse_metadata(said, issuer)), house.now(), None
            )
        sam = store.User("sam", "sam", "Whitlock, Sam", frozenset({"admin"}), "clinic")
        store.add_user(conn, sam, "no password will do", house.now())
        cookie = auth.people.sessions.open_session(conn, sam, "test", house.now(), amr="pwd")
        night = store.Client(
            "night", "Night Shift", "launch openid patient/*.rs", "client_secret_basic", ("authorization_code",),
            redirect_uris=("https://night.example/callback",),
        )  # fmt: skip
        store.add_client(conn, night, house.now(), "secret")
        store.add_client(conn, store.Client("old", "Old app", "system/*.rs", jwks=_keys(), disabled=True), house.now())
    page.context.add_cookies([{"name": "cc", "value": cookie, "url": house.world.settings.url}])
    return f"{house.world.settings.url}/apps"


def _keys() -> str:
    return json.dumps({"keys": []})


def shot(page: Page, name: str) -> None:
    """Pictures to look at, where SHOTS names a folder."""
    folder = os.environ.get("SHOTS")
    for width, scheme in LOOKS if folder else ():
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png")


@pytest.mark.usefixtures("no_console_errors")
def test_the_apps_page_is_sound_for_axe_at_each_width_light_and_dark(page: Page, apps: str) -> None:
    page.goto(apps)
    expect(page.get_by_role("heading", name="Growth Chart")).to_be_visible()
    shot(page, "apps")
    page.get_by_text("What it may do: Night Shift").click()
    check(page)
    shot(page, "apps-open")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1"), "the desk scrolls, not the window"


def test_an_app_that_can_not_be_added_is_told_beside_the_form(page: Page, apps: str) -> None:
    page.goto(apps)
    page.get_by_label("Name", exact=True).fill("Other")
    page.locator("#redirect_uris").fill("http://elsewhere.example/")
    page.get_by_role("button", name="Add the app").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)


@pytest.mark.usefixtures("no_console_errors")
def test_an_app_is_let_in_by_keyboard_with_what_was_left_ticked(page: Page, apps: str, house: Place) -> None:
    page.goto(apps)
    box = page.get_by_label("Read patient details")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Approve Growth Chart").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Growth Chart is approved")
    with reading(house.world.engine) as conn:
        found = store.find_client(conn, "growth")
    assert found is not None
    assert "patient/Patient.rs" not in found.scope
    assert "patient/Observation.rs" in found.scope


@pytest.mark.usefixtures("no_console_errors")
def test_a_new_secret_is_on_the_page_once(page: Page, apps: str) -> None:
    page.goto(apps)
    page.get_by_text("Change Night Shift").click()
    page.get_by_role("button", name="New secret, the old one ends now").click()
    expect(page.locator("#secret")).to_be_visible()
    check(page)
    page.goto(apps)
    expect(page.locator("#secret")).to_have_count(0)
