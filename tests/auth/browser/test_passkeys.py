"""Passkeys in a real Chromium with its virtual authenticator: added, shown alone, shown after the password, refused."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.auth.visitors import let_in, type_in
from tests.axe import check

from ..place import Place

Known = tuple[CDPSession, str]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
    pytest.mark.usefixtures("no_console_errors"),
]


@pytest.fixture
def home(local: Place) -> str:
    """The practice by a host name: WebAuthn knows no bare IP address."""
    let_in(local)
    return local.world.settings.url


@pytest.fixture
def authenticator(page: Page) -> Known:
    """An authenticator that knows its person."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    about = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    added = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": about})
    return cdp, str(added["authenticatorId"])


def add_one(page: Page, home: str) -> None:
    page.goto(f"{home}/account")
    page.get_by_label("What to call the new passkey").fill("Work laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def test_a_passkey_is_added_and_then_signs_in_alone(page: Page, home: str, authenticator: Any) -> None:
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    add_one(page, home)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Work laptop", exact=True)).to_be_visible()
    sign_out(page)
    page.goto(f"{home}/sign-in?next=/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{home}/account")
    expect(page.get_by_text("by passkey")).to_be_visible()


def test_a_passkey_is_the_second_step_after_the_password(page: Page, home: str, authenticator: Any) -> None:
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    add_one(page, home)
    sign_out(page)
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{home}/account")
    expect(page.get_by_text("by password and passkey")).to_be_visible()


def test_a_passkey_that_was_removed_lets_nobody_in_and_that_is_said(page: Page, home: str, authenticator: Any) -> None:
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    add_one(page, home)
    page.goto(f"{home}/account")
    page.get_by_role("button", name="Remove the passkey Work laptop").click()
    expect(page.get_by_text("The passkey is removed here")).to_be_visible()
    sign_out(page)
    page.goto(f"{home}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    check(page)


def test_without_a_passkey_the_page_says_what_to_do(
    page: Page, home: str, authenticator: tuple[CDPSession, str]
) -> None:
    cdp, id = authenticator
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": id, "isUserVerified": False})
    page.goto(f"{home}/sign-in?next=/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was given")
    type_in(page)
    page.wait_for_url(f"{home}/account")


def test_who_left_the_browser_open_proves_by_a_passkey_that_it_is_still_them(
    page: Page, home: str, authenticator: Any, local: Place
) -> None:
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    add_one(page, home)
    local.world.clock.pass_by(600)  # type: ignore[attr-defined]
    page.goto(f"{home}/account")
    page.get_by_role("button", name="Make new ones").click()
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{home}/account")
    page.get_by_role("button", name="Make new ones").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
