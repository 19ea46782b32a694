"""A new referral in a browser: by the keyboard alone, from a telephone number to the worklist, without a fault."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from carecoord.actions.terms import icd_10_cm
from carecoord.domain.terms.vocabularies import ICD_10_CM
from carecoord.store.database import marks
from carecoord.store.database.engine import writing
from carecoord.store.terms import codes
from tests.axe import LOOKS, check
from tests.desk.browser.hands import let_in, type_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import House

MOST = 25  # interactions


@pytest.fixture(scope="module")
def address(acting_house: House) -> Iterator[str]:
    with writing(acting_house.world.engine) as conn:
        codes.put(conn, ICD_10_CM, {"E04.1": ("Nontoxic single thyroid nodule", " e04.1 nontoxic nodule", "")}, 0)
        marks.put(conn, "codes:icd-10-cm", icd_10_cm.release().encode())
    with serving(acting_house.app) as address:
        yield address


@pytest.fixture
def page(browser: Any, acting_house: House, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    let_in(context, acting_house.enter("coordinator"))
    page: Page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    context.close()
    assert noise == []


class Hands:
    """What somebody does at the keyboard, counted: each key, and each text that is typed."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.count += 1
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.count += 1
        type_in(self.page, text)


def test_a_patient_is_found_by_telephone_and_referred_by_keyboard_and_stands_on_the_worklist(page: Page) -> None:
    page.goto("/")
    hands = Hands(page)
    page.get_by_role("link", name="New referral").first.focus()
    hands.press("Enter")
    expect(page.get_by_role("searchbox", name="Find the patient")).to_be_focused()
    hands.type("555 0203")
    patient = page.get_by_role("radio", name="Delgado, Marisol")
    expect(patient).to_be_checked()  # the only one is chosen already
    check(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    hands.press("Tab", "Tab")
    expect(patient).to_be_focused()
    hands.press("Enter")
    expect(page.get_by_label("Specialty", exact=True)).to_be_focused()
    hands.type("Endocrinology")
    hands.press("Tab", "Tab")
    first = page.get_by_role("radio", name="Parkside Endocrine")
    expect(first).to_be_visible()
    hands.type("G0463")
    hands.press("Tab")
    hands.type("E04.1")
    hands.press("Tab")
    hands.type("Is a biopsy needed?")
    hands.press("Tab")
    expect(page.get_by_role("radio", name="Routine")).to_be_focused()
    hands.press("ArrowRight")
    expect(page.get_by_role("textbox", name="To, at the latest")).to_have_value("6 Dec")  # what follows is kept
    hands.press("1")
    expect(first).to_be_checked()
    expect(page.locator("#kept")).to_contain_text("Kept")
    hold = page.get_by_role("checkbox", name="Hold Mon 23 Nov 10:00 until Parkside Endocrine answers")
    expect(hold).not_to_be_checked()
    hold.focus()
    hands.press("Space")
    expect(page.locator("#kept")).to_contain_text("Kept")
    expect(hold).to_be_checked()
    check(page, LOOKS)
    page.set_viewport_size({"width": 1440, "height": 900})
    hands.press("Control+Enter")
    expect(page.locator("#done")).to_contain_text("Sent to Parkside Endocrine. 23 Nov 2026 10:00 is held for it.")
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="Delgado, Marisol")).to_be_visible()
    for gate in ("Coverage", "Authorization", "Contract", "Information", "Appointment"):
        expect(panel.get_by_text(gate, exact=True).first).to_be_visible()
    assert hands.count < MOST
