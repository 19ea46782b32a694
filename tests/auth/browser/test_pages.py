"""Sign-in, picker, consent and "my authorizations" in a real browser: usable by keyboard, sound for axe, and the
redirect to the app gets through the page's own policy."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from auth.store import User
from carecoord.store.database.engine import writing
from tests.axe import LOOKS, check
from tests.people import add_user_with_password

from ..place import Place

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
    pytest.mark.usefixtures("no_console_errors"),
]
PASSWORD = "correct horse battery"
SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/*.cruds"
ENCOUNTER = "launch/encounter"


@pytest.fixture
def address(house: Place, callback: str) -> str:
    """The app's request."""
    with writing(house.world.engine) as conn:
        mina = User("u1", "mina", "Mina Reyes", frozenset({"coordinator"}), "clinic", "Practitioner/mina")
        add_user_with_password(conn, mina, PASSWORD, house.now())
    app = house.app(f"{SCOPE} {ENCOUNTER}", redirect_uris=(callback,))
    query = urlsplit(app.address(SCOPE, redirect_uri=callback, aud=house.world.settings.fhir_url)).query
    return f"{house.world.settings.url}/oauth/authorize?{query}"


def sign_in(page: Page) -> None:
    page.get_by_label("Login").fill("mina")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_every_page_is_sound_for_axe_at_each_width_light_and_dark(page: Page, address: str, house: Place) -> None:
    """Issue 3, "What it must show", 2: sign-in, the pickers, consent; and what people have let in, and what they may
    start. One way through all of them, in one browser."""
    page.goto(address.replace("&scope=", f"&scope={ENCOUNTER}+"))
    check(page, LOOKS)
    page.get_by_label("Login").fill("mina")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)
    sign_in(page)
    expect(page.get_by_role("heading", name="Choose a patient")).to_be_visible()
    check(page)
    page.get_by_label("Name or MRN").fill("nobody of this name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No patient that you may see")).to_be_visible()
    check(page)
    page.get_by_label("Name or MRN").fill("oka")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Okafor, Ngozi").click()
    expect(page.get_by_role("heading", name="Choose an encounter")).to_be_visible()
    check(page)
    page.get_by_role("button", name="ambulatory").click()
    expect(page.get_by_role("heading", name="Allow Growth Chart access?")).to_be_visible()
    for parts in page.get_by_text("Only some of it").all():
        parts.click()
    check(page, LOOKS)
    page.get_by_role("button", name="Allow").click()
    page.goto(house.world.settings.url + "/account/apps")
    expect(page.get_by_text("Growth Chart").first).to_be_visible()
    check(page)
    page.goto(house.world.settings.url + "/referrals/okafor-cardiology/apps")
    check(page)


def test_consent_ends_at_the_app_with_a_code(page: Page, address: str, callback: str) -> None:
    """Browsers hold the page's form-action against the redirect as well: the app's origin must be in it."""
    page.goto(address)
    sign_in(page)
    page.get_by_role("button", name="Okafor, Ngozi").click()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{callback}**")
    told = parse_qs(urlsplit(page.url).query)
    assert told["code"]
    assert told["state"] == ["st/+ =&"]


def test_it_all_works_without_a_mouse(page: Page, address: str, callback: str) -> None:
    page.goto(address)
    expect(page.get_by_label("Login")).to_be_focused()
    page.keyboard.type("mina")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name or MRN")).to_be_focused()
    page.keyboard.type("oka")
    page.keyboard.press("Enter")
    page.wait_for_url("**/oauth/consent")
    _tab_to(page, "Okafor, Ngozi")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow Growth Chart access?")).to_be_visible()
    _tab_to(page, "Decline all")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{callback}**")
    assert parse_qs(urlsplit(page.url).query)["error"] == ["access_denied"]


def test_a_form_of_another_site_reaches_the_pages_by_post(page: Page, address: str) -> None:
    """authorize-post from the app's own page: the session cookie is not sent with it, but with the GET that follows."""
    page.goto(address)
    sign_in(page)
    inputs = "".join(f'<input name="{n}" value="{v[0]}">' for n, v in parse_qs(urlsplit(address).query).items())
    form = f'<form method="post" action="{address.partition("?")[0]}">{inputs}<button>Connect</button></form>'
    page.route("http://app.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://app.test/")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Choose a patient")).to_be_visible()


def _tab_to(page: Page, words: str, most: int = 60) -> None:
    said: Any = None
    for _ in range(most):
        page.keyboard.press("Tab")
        said = page.evaluate("document.activeElement.innerText")
        if words in (said or ""):
            return
    raise AssertionError(f"never reached {words!r} by Tab; last was {said!r}; {urlencode({'at': page.url})}")
