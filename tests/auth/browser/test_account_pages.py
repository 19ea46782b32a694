"""Account, second factor, invitation and people in a real browser: sound for axe at each width, light and dark, and
usable without a mouse."""

import re
from dataclasses import replace

import pyotp
import pytest
from playwright.sync_api import Page, expect

from carecoord.actions.people import people
from carecoord.actions.people.accounts import NewUser
from tests.auth.visitors import MINA, PASSWORD, let_in, type_in
from tests.axe import check

from ..place import Place

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
    pytest.mark.usefixtures("no_console_errors"),
]
BOSS = replace(MINA, roles=frozenset({"admin", "coordinator"}))


def now(place: Place, secret: str, later: int = 0) -> str:
    return pyotp.TOTP(secret).at(place.now() + later)


def test_an_authenticator_is_set_up_used_and_every_page_on_the_way_is_sound(page: Page, local: Place) -> None:
    let_in(local, BOSS)
    home = local.world.settings.url
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Set up an authenticator app").click()
    expect(page.get_by_role("img", name="QR code of the secret below")).to_be_visible()
    check(page)
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code of this moment")
    page.get_by_label("Code", exact=True).fill(now(local, secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    check(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("button", name="Turn off the authenticator app")).to_be_visible()
    check(page)
    page.context.clear_cookies()
    page.goto(f"{home}/sign-in?next=/account")
    type_in(page)
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type("123")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)
    page.get_by_label("Code", exact=True).fill(now(local, secret, 30))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_an_admin_invites_somebody_who_chooses_a_password(page: Page, local: Place) -> None:
    let_in(local, BOSS)
    local.sign_in(BOSS)
    home = local.world.settings.url
    cookie = local.web.get_cookie("cc")
    assert cookie
    page.context.add_cookies([{"name": "cc", "value": cookie.value, "url": home}])
    page.goto(home)
    page.locator("summary.rail-me").click()
    page.get_by_role("link", name="People").click()
    page.get_by_label("Name").fill("Person, New")
    page.get_by_label("Login").fill("new.person")
    page.get_by_label("Coordinator").check()
    page.get_by_label("Organization").select_option("clinic")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#link").inner_text()
    check(page)
    page.get_by_text("Change").first.click()
    check(page)
    page.context.clear_cookies()
    page.goto(link)
    check(page)
    page.get_by_label("New password").fill("six words that nobody else has")
    page.get_by_label("The same again").fill("six words that nobody else has")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your password is set")).to_be_visible()
    check(page)
    page.get_by_label("Login").fill("new.person")
    page.get_by_label("Password").fill("six words that nobody else has")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/")


def test_a_link_that_is_no_longer_good_says_what_to_do(page: Page, local: Place) -> None:
    link = people.invite(local.world, NewUser("a", "A", frozenset({"payer"})), "r")
    people.invite_to_new_password(local.world, "a", "r")
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("Ask for a new one")
    check(page)


def test_the_account_is_walked_by_keyboard(page: Page, local: Place) -> None:
    let_in(local)
    page.goto(f"{local.world.settings.url}/sign-in?next=/account")
    type_in(page)
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(str(page.evaluate("document.activeElement.innerText || document.activeElement.id")))
    words = " | ".join(re.sub(r"\s+", " ", each) for each in reached)
    for wanted in ("Set up", "current", "again", "Change the password", "Sign out everywhere", "Apps you have auth"):
        assert wanted in words, words
    assert PASSWORD not in words
