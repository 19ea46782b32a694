"""Worked cases 3, 4, 6 and 8 of the story through the screens: each from the state in which the coordinator finds it to
what it should be, by what the contract desk does in a browser, with the keyboard alone (issue 8, must-show 7)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.axe import ENDS, LOOKS, check
from tests.desk.browser.hands import type_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import NOW, House

MOST_TABS = 90
Look = Callable[[str, str], Page]


@pytest.fixture(scope="module")
def address(acting_house: House) -> Iterator[str]:
    clock: Any = acting_house.world.clock
    clock.now = NOW
    with serving(acting_house.app) as address:
        yield address


@pytest.fixture(scope="module")
def entered(acting_house: House, address: str) -> dict[str, str]:
    """The cookie of each who works on the cases."""
    found = {who: acting_house.enter(who).get_cookie("cc") for who in ("coordinator", "contracts")}
    return {who: cookie.value for who, cookie in found.items() if cookie}


@pytest.fixture
def look(browser: Any, address: str, entered: dict[str, str]) -> Iterator[Look]:
    contexts, noise = [], list[str]()

    def opened(who: str, path: str) -> Page:
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.add_cookies([{"name": "cc", "value": entered[who], "domain": "127.0.0.1", "path": "/"}])
        page: Page = context.new_page()
        page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert noise == []


def gates(page: Page, case: str) -> dict[str, str]:
    """Each gate of a case that bears on whether the patient can be seen and paid for, as the coordinator reads it."""
    page.goto(f"/?show={case}")
    names, states = (page.locator(f".gates .{part}").all_inner_texts() for part in ("gate-name", "gate summary .chip"))
    found = dict(zip(names, states, strict=True))
    found.pop("Loop closure")
    return found | {"": page.locator("#panel-gates").inner_text()}


def reach(page: Page, name: str) -> None:
    """Walk with Tab to what is called so, from where the focus is."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        label = "e => e.labels?.[0]?.innerText ?? e.getAttribute('aria-label') ?? e.innerText"
        if page.evaluate(f"({label})(document.activeElement)").strip().startswith(name):
            return
    raise AssertionError(f"{name} is not reached by Tab on {page.url}")


def press(page: Page, name: str, key: str = "Enter") -> None:
    reach(page, name)
    page.keyboard.press(key)


def write(page: Page, **fields: str) -> None:
    """Fill fields in the order of the form, by their words with spaces as underscores."""
    for label, said in fields.items():
        reach(page, label.replace("_", " "))
        page.keyboard.press("ControlOrMeta+a")
        type_in(page, said)


def sign(page: Page, payer: str, provider: str) -> None:
    """Write down, on the page of a draft, that both have signed it."""
    press(page, "It was signed")
    expect(page.get_by_role("heading", name="It was signed")).to_be_visible()
    write(page, On="22 Nov")  # the focus stands in the first field
    page.keyboard.press("Shift+Tab")
    type_in(page, payer)
    page.keyboard.press("Tab")
    write(page, Signed_for=provider)
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#done p").filter(has_text="Signed: version")).to_be_visible()


MET = {"Coverage": "Met", "Information": "Not needed", "Appointment": "Met", "Contract": "Met",
       "": "Cleared: can be seen and paid for"}  # fmt: skip


def test_3_notice_was_given_and_the_term_is_amended_before_the_agreement_ends(look: Look) -> None:
    maria, case = look("coordinator", "/"), "worked-03-notice-given"
    assert gates(maria, case) == MET | {
        "Authorization": "Met", "Contract": "Blocked", "Appointment": "To do",
        "": "Not cleared: contract and appointment",
    }  # fmt: skip
    page = look("contracts", "/contracts?q=0112")
    check(page, LOOKS)
    page.set_viewport_size({"width": 1440, "height": 900})
    press(page, "Participation agreement of Blue Horizon Health and Riverside")
    expect(page.get_by_text("booked visit would lose network")).to_be_visible()
    press(page, "Amend it")
    expect(page.get_by_role("heading", name="Amend the agreement")).to_be_visible()
    check(page, LOOKS)
    page.set_viewport_size({"width": 1440, "height": 900})
    reach(page, "Kind of amendment")
    page.keyboard.type("Term only")
    write(page, Takes_effect="1 Jan 2027", What_changes="Two years more", Last_day="31 Dec 2028")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#done p").filter(has_text="Amendment drafted: version 2.")).to_be_visible()
    assert gates(maria, case)["Contract"] == "Waiting"  # for the signature: a draft alone proves nothing
    sign(page, "L. Marsh", "Dr. F. Adeyemi")
    assert gates(maria, case) == MET | {"Authorization": "Met"}


def test_4_the_site_where_the_visit_is_booked_is_taken_into_the_network(look: Look) -> None:
    maria, case = look("coordinator", "/"), "worked-04-site-b"
    before = {"Authorization": "Not needed", "Contract": "Blocked", "": "Not cleared: contract"}
    assert gates(maria, case) == MET | before
    page = look("contracts", "/contracts/agr-0108-v1")
    press(page, "Change")
    expect(page.get_by_role("heading", name="Who takes part").first).to_be_visible()
    expect(page.get_by_label("Parkside Endocrine, Main Street")).to_be_checked()
    check(page, ENDS)
    page.set_viewport_size({"width": 1440, "height": 900})
    press(page, "Parkside Endocrine, Harbor Point", "Space")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#done p").filter(has_text="Who takes part is noted: ")).to_be_visible()
    assert gates(maria, case) == MET | {"Authorization": "Not needed"}
    press(page, "Undo")
    expect(page.locator("#done p").filter(has_text="Taken back")).to_be_visible()
    assert gates(maria, case) == MET | before


def test_6_an_agreement_that_lapses_is_followed_by_a_new_one(look: Look) -> None:
    maria, case = look("coordinator", "/"), "worked-06-agreement-lapsed"
    assert gates(maria, case) == MET | {
        "Authorization": "To do", "Contract": "Blocked", "Appointment": "To do",
        "": "Not cleared: authorization, contract and appointment",
    }  # fmt: skip
    page = look("contracts", "/contracts")
    press(page, "New agreement")
    expect(page.get_by_role("heading", name="New agreement")).to_be_visible()
    press(page, "Payer and provider")
    expect(page.get_by_role("heading", name="Payer and provider")).to_be_visible()
    type_in(page, "AGR-0211")  # the focus stands in the first field
    write(page, Payer="Granite Care Alliance", Provider="Northgate Digestive", First_day="2 Dec", Last_day="1 Dec 2028")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_text("Networks in which the provider takes part")).to_be_visible()
    check(page, ENDS)
    page.set_viewport_size({"width": 1440, "height": 900})
    press(page, "Granite Medicare Advantage", "Space")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#done p").filter(has_text="Agreement AGR-0211 drafted.")).to_be_visible()
    assert gates(maria, case)["Contract"] == "Waiting"
    sign(page, "P. Lind", "Dr. N. Moreau")
    assert gates(maria, case) == MET | {"Authorization": "Not needed"}


def test_8_an_amendment_of_the_rates_alone_leaves_it_cleared_proved_by_the_new_version(look: Look) -> None:
    maria, case = look("coordinator", "/"), "worked-08-rate-only-amendment"
    cleared = MET | {"Authorization": "Not needed"}
    assert gates(maria, case) == cleared
    expect(maria.locator(".gates [title='Contract/agr-0104-v2']").first).to_be_attached()
    page = look("contracts", "/contracts/agr-0104-v2")
    press(page, "Amend it")
    expect(page.get_by_role("heading", name="Amend the agreement")).to_be_visible()
    reach(page, "Kind of amendment")
    page.keyboard.type("Rates only")
    write(page, Takes_effect="1 Dec", What_changes="Infusions 3 % up")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#done p").filter(has_text="Amendment drafted: version 3.")).to_be_visible()
    press(page, "It was signed")
    expect(page.get_by_role("heading", name="It was signed")).to_be_visible()
    check(page, ENDS)
    page.set_viewport_size({"width": 1440, "height": 900})
    press(page, "Close")
    expect(page.get_by_role("heading", name="It was signed")).to_have_count(0)
    sign(page, "L. Marsh", "Dr. R. Okafor")
    assert gates(maria, case) == cleared
    expect(maria.locator(".gates [title='Contract/agr-0104-v2']")).to_have_count(0)
