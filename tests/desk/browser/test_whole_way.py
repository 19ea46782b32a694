"""The whole way of a referral in a browser, by accessible names and the keyboard alone: from a telephone number to a
closed loop, with a clinic that has no account and a patient who reads Spanish (issue 9, must-show 1)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.desk.browser.hands import Hands, Windows
from tests.desk.browser.servers import served
from tests.desk.conftest import Clock, built
from tests.domain.documents.files import pdf

MOST = 60  # interactions
MOST_STEPS = 70  # of Tab


@pytest.fixture
def windows(browser: Any, story: Path, tmp_path: Path) -> Iterator[Windows]:
    """Windows on a house of this attempt's own: a second one would meet what the first has done."""
    for house in built(story, tmp_path / "house", Clock()):
        with served(house) as address:
            made = Windows(browser, house, address)
            yield made
            made.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_referral_goes_from_a_telephone_number_to_a_closed_loop_by_the_keyboard_alone(
    windows: Windows, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    windows.hire("patel", "Patel, Kavita", "coordinator", "office-fairmont")
    maria = windows.open("/", "coordinator")
    case = _referred(maria)
    colleague, doctor = (windows.open(f"/?show={case}", who).page for who in ("patel", "clinician"))
    clinic = _clinic(windows, maria)
    _asked(clinic, maria)
    _accepted(clinic, colleague)
    _visited(maria)
    _reported(clinic, tmp_path)
    _acknowledged(Hands(doctor, windows.tally))
    _told(maria)
    expect(colleague.locator("#panel-next")).to_contain_text("closed")
    assert [each for each in windows.noise if " 422 " not in each] == []
    record_property("keyboard", str(windows.tally))  # 39 interactions and 58 steps of Tab between them
    assert windows.tally.acts < MOST, windows.tally
    assert windows.tally.steps < MOST_STEPS, windows.tally


def _referred(maria: Hands) -> str:
    """A new referral, for a patient who is found by telephone; the id of its order."""
    page = maria.page
    maria.push("link", "New referral")
    expect(page.get_by_role("searchbox", name="Find the patient")).to_be_focused()
    maria.type("555 0203")
    expect(page.get_by_role("radio", name="Delgado, Marisol")).to_be_checked()
    maria.walk("radio", re.compile("Delgado, Marisol"))
    maria.press("Enter")
    expect(page.get_by_label("Specialty", exact=True)).to_be_focused()
    maria.type("Endocrinology")
    maria.walk("combobox", "Service")
    expect(page.get_by_role("radio", name="Parkside Endocrine")).to_be_visible()
    maria.type("Consult")
    maria.walk("combobox", "Reason")
    maria.type("Thyroid nodule")
    maria.fill("Question to answer", "Is a biopsy needed?")
    maria.press("Tab", "1")
    expect(page.get_by_role("radio", name="Parkside Endocrine")).to_be_checked()
    expect(page.locator("#kept")).to_contain_text("Kept")
    maria.press("Control+Enter")
    expect(page.locator("#done")).to_contain_text("Sent to Parkside Endocrine.")
    expect(page.locator("#panel-name")).to_be_focused()
    shown = re.search(r"show=([^&]+)", page.url)
    assert shown, page.url
    return shown[1]


def _clinic(windows: Windows, maria: Hands) -> Hands:
    """The clinic's link is made, and opened on a telephone with the code that is printed on its cover."""
    maria.press(".")
    expect(maria.page.get_by_role("heading", name="Links without an account")).to_be_visible()
    expect(maria.page.get_by_role("radio", name=re.compile("Parkside"))).to_be_focused()
    maria.press("Enter")
    address, code = (maria.page.locator(id).inner_text().strip() for id in ("#address", "#code"))
    maria.press("Enter")
    expect(maria.page.locator("#panel-name")).to_be_focused()
    clinic = windows.open(re.sub(r"^https?://[^/]+", "", address), width=390, height=844)
    clinic.fill("Code", code)
    clinic.press("Enter")
    expect(clinic.page.get_by_role("heading", name="Your answer")).to_be_visible()
    return clinic


def _asked(clinic: Hands, maria: Hands) -> None:
    """The clinic asks; the coordinator's window follows, and she answers in it."""
    clinic.push("link", re.compile("Ask"))
    expect(clinic.page.get_by_label("What do you need to know?")).to_be_visible()
    clinic.fill("What do you need to know?", "Is she on blood thinners?")
    clinic.fill("Your name", "Rosa M.")
    clinic.fill("Direct phone", "555-0123")
    clinic.push("button", "Send the question")
    expect(clinic.page.get_by_role("heading", name="Received")).to_be_visible()
    panel = maria.page.locator("#panel")
    expect(panel).to_contain_text("Is she on blood thinners?")
    maria.press("i")
    expect(maria.page.get_by_role("textbox", name="Answer")).to_be_focused()
    maria.type("No, and never was.")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()


def _accepted(clinic: Hands, colleague: Page) -> None:
    clinic.push("link", "Back to the request")
    expect(clinic.page.get_by_text("No, and never was.")).to_be_visible()
    clinic.push("button", "Accept the referral")
    expect(clinic.page.get_by_text("Accepted")).to_be_visible()
    expect(colleague.locator(".tracks").first).to_contain_text("Accepted")


def _visited(maria: Hands) -> None:
    """The visit of this morning is written down, and that she came."""
    page = maria.page
    expect(page.locator('#panel [data-key="b"]').first).to_be_attached()  # the window follows by itself
    maria.press("b")
    expect(page.get_by_label("Day", exact=True)).to_be_focused()
    maria.type("today")
    maria.press("Tab")
    maria.type("8:30")
    maria.press("Control+Enter")
    expect(page.locator("#done p")).to_contain_text("Visit recorded for")
    maria.press("v")
    expect(page.locator("#done p")).to_contain_text("came")


def _reported(clinic: Hands, folder: Path) -> None:
    note = folder / "note.pdf"
    note.write_bytes(pdf())
    clinic.push("link", "Back to the request")
    chooser = re.compile("The note: a file")
    expect(clinic.page.get_by_role("button", name=chooser)).to_be_visible()
    clinic.page.wait_for_load_state()
    clinic.choose_file(chooser, note)
    clinic.push("button", "Send the note")
    expect(clinic.page.get_by_text("Report recorded.")).to_be_visible()


def _acknowledged(doctor: Hands) -> None:
    expect(doctor.page.get_by_role("button", name="Acknowledge the report")).to_be_visible()  # the window follows
    expect(doctor.page.locator("#panel-name")).to_be_focused()  # and has kept its focus
    doctor.press("e")
    expect(doctor.page.locator("#done p")).to_contain_text("Report acknowledged.")


def _told(maria: Hands) -> None:
    """The patient is written to in Spanish, and told; the loop is closed."""
    page = maria.page
    expect(page.locator('#panel [data-key="p"]').first).to_be_attached()
    maria.press(",")
    name = re.compile("To Marisol Delgado, who reads Spanish")
    expect(page.get_by_role("textbox", name=name)).to_be_focused()
    maria.push("link", "The report has been read")
    words = re.compile("Ya llegó el informe de Parkside Endocrine y su médico lo leyó")
    expect(page.get_by_role("textbox", name=name)).to_have_value(words)
    expect(page.get_by_role("textbox", name=name)).to_be_focused()
    maria.walk("checkbox", "It was read in Spanish and is right")
    maria.press("Space", "Control+Enter")
    expect(page.locator("#done p")).to_contain_text("Message sent to Marisol Delgado")
    maria.press("p")
    expect(page.locator("#done p")).to_contain_text("Patient told.")
    expect(page.locator("#panel-next")).to_contain_text("closed")
