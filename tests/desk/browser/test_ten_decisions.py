"""Ten requests are decided in a browser by the keyboard alone, two denied by two people (issue 10, must-show 3);
two clerks on one request, of whom the second gets the page with what changed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from carecoord.actions.fhir import interactions
from tests.desk.authorizations.test_automatic import SYSTEM, stored
from tests.desk.browser.hands import Hands, Windows
from tests.desk.browser.servers import served
from tests.desk.conftest import House

LETTERS = "aaamadaida"  # what is decided on each: approve, modify, ask (i), deny


@pytest.fixture
def windows(browser: Any, acting_house: House) -> Iterator[Windows]:
    with served(acting_house) as address:
        made = Windows(browser, acting_house, address)
        yield made
        made.close()


def ten(house: House) -> list[str]:
    """Ten requests about one service that wait for their payer; their ids."""
    claim, found = stored(house, "Claim", "request-order-24825"), [f"ask-{n:02}" for n in range(10)]
    claim.pop("meta")
    for n, id in enumerate(found):
        made = claim | {"id": id, "created": f"2026-11-16T09:{n:02}:00+00:00"}
        interactions.update(house.world, SYSTEM, "Claim", id, made)
    return found


def decide(clerk: Hands, id: str, letter: str) -> None:
    """Find a request in the queue, and decide it."""
    page = clerk.page
    page.goto("/decisions?tab=new")
    page.locator(f"#request-{id} .case-link").wait_for()
    page.keyboard.press("/")
    clerk.type("C1768")
    clerk.press("Enter")
    page.wait_for_url("**q=C1768**")
    for _ in range(60):
        clerk.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == f"/decisions/{id}":
            break
    clerk.press("Enter")
    page.wait_for_url(f"**/decisions/{id}")
    clerk.walk("radio", re.compile("^Approve"))
    clerk.press(letter)
    if letter != "i":
        for _ in range(3):  # the criteria of the rule, one after the other
            clerk.walk("radio", "Met")
            clerk.press("Space", "Tab")
    if letter == "m":
        clerk.walk("textbox", "Units")
        clerk.press("Control+a")
        clerk.type("2")
    if letter in "am":
        clerk.fill("Last day", "2027-02-28")
    if letter == "d":
        clerk.walk("combobox", "Reason")
        clerk.type("Not shown")
    if letter in "md":
        clerk.fill("Why, as the letter says it", "The note of 20 Nov shows two.")
    if letter == "i":
        clerk.fill("What is asked for", "Duplex scan")
        clerk.fill("By when", "+1")
    clerk.press("Control+Enter")
    page.wait_for_url("**done=**")


def test_ten_requests_are_decided_by_the_keyboard_alone_a_denial_by_two(windows: Windows) -> None:
    windows.hire("calder", "Calder, Ines", "payer medical-director", "office-blue-horizon")
    ids = ten(windows.house)
    clerk, second = windows.open("/decisions", "payer"), windows.open("/decisions", "calder")
    for id, letter in zip(ids, LETTERS, strict=True):
        decide(clerk, id, letter)
        if letter != "d":
            expect(clerk.page.get_by_text("Decided: 1 line")).to_be_visible()
            clerk.push("button", "Send now")
            expect(clerk.page.get_by_text("It can not be taken back any more.")).to_be_visible()
    denied = [id for id, letter in zip(ids, LETTERS, strict=True) if letter == "d"]
    for id in denied:
        second.page.goto(f"/decisions/{id}")
        second.push("button", "Agree: deny it")
        second.page.wait_for_url("**done=**")
        second.push("button", "Send now")
        expect(second.page.get_by_text("It can not be taken back any more.")).to_be_visible()
    second.page.goto("/decisions?tab=decided&q=C1768")
    shown = set(second.page.eval_on_selector_all(".case", "all => all.map(each => each.id)"))
    assert {f"request-{id}" for id, letter in zip(ids, LETTERS, strict=True) if letter in "amd"} <= shown
    second.page.goto("/decisions?tab=expedited")
    assert windows.noise == []


def test_the_second_of_two_clerks_gets_the_page_with_what_changed_and_nothing_typed_is_lost(windows: Windows) -> None:
    windows.hire("moss", "Moss, Ada", "payer", "office-blue-horizon")
    first, second = windows.open("/decisions", "payer"), windows.open("/decisions/request-order-24825", "moss")
    second.walk("radio", re.compile("^Approve"))
    second.press("d")
    for _ in range(3):
        second.walk("radio", "Met")
        second.press("Space", "Tab")
    second.walk("combobox", "Reason")
    second.type("Not shown")
    second.fill("Why, as the letter says it", "Too small.")
    decide(first, "request-order-24825", "a")
    second.press("Control+Enter")
    expect(second.page.locator("#changed")).to_contain_text("Okonkwo, Paul")
    expect(second.page.locator("#changed")).to_contain_text("You had chosen: Deny.")
    expect(second.page.get_by_label("Why, as the letter says it")).to_have_value("Too small.")
    assert all("412" in each for each in windows.noise)
