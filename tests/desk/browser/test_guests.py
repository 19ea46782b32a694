"""Those without an account in a browser, on a telephone: the clinic's whole way by the keyboard alone, the patient's in
Spanish; and the pages that the office makes links and writes messages on, in every width and theme."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.axe import ENDS, LOOKS, check
from tests.desk.acts.made import made
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import linked, row_of
from tests.desk.questionnaires.test_forms import given, keep_forms
from tests.domain.documents.files import pdf

TALL = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def acting_site(acting_house: House) -> Iterator[str]:
    clock: Any = acting_house.world.clock
    clock.begun = time.monotonic()
    with serving(acting_house.app) as address:
        yield address


@pytest.fixture
def telephone(browser: Any, acting_site: str) -> Iterator[Page]:
    """A telephone that runs no script of anybody's; what its console says fails the test."""
    context = browser.new_context(base_url=acting_site, viewport=TALL)
    context.set_default_timeout(10_000)
    page, noise = context.new_page(), []
    page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
    page.on(
        "request", lambda asked: noise.append(asked.url) if not asked.url.startswith((acting_site, "data:")) else None
    )
    yield page
    context.close()
    assert [each for each in noise if " 422 " not in each] == []  # Chromium says so itself of a form that comes back


def typed(page: Page, label: str, words: str) -> None:
    """Type into a field that has been reached by its name."""
    page.get_by_label(label, exact=True).first.focus()
    page.keyboard.type(words)


def pressed(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.press("Enter")


def buttons_are_large(page: Page) -> None:
    heights = page.locator("a.button, button, .guest-answer, summary").evaluate_all(
        "all => all.filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().height)"
    )
    assert heights
    assert min(heights) >= 44, heights


def test_a_clinic_goes_its_whole_way_by_the_keyboard_on_a_telephone(
    acting_house: House, telephone: Page, tmp_path: Path
) -> None:
    case, maria, page = made(acting_house, "sent"), acting_house.enter("coordinator"), telephone
    address, code = linked(maria, case)
    page.goto(address)
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    typed(page, "Code", code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Cardiology"))).to_be_visible()
    buttons_are_large(page)
    typed(page, "Time 1", "mon 30 nov 15:00")
    typed(page, "Your name", "Rosa M.")
    pressed(page, "Accept the referral")
    expect(page.get_by_role("alert")).to_contain_text("Write the number on which we reach you.")
    expect(page.get_by_label("Time 1")).to_have_value("mon 30 nov 15:00")
    check(page, ENDS)
    page.set_viewport_size({"width": 390, "height": 844})
    typed(page, "Direct phone", "555-0123")
    pressed(page, "Accept the referral")
    expect(page.get_by_role("heading", name="Received")).to_be_visible()
    expect(page.get_by_text("Accepted, with 1 time to choose from.")).to_be_visible()
    page.get_by_role("link", name="Back to the request").press("Enter")
    expect(page.get_by_text("Times that you offered")).to_be_visible()
    check(page, LOOKS)
    page.set_viewport_size({"width": 390, "height": 844})
    note = tmp_path / "note.pdf"
    note.write_bytes(pdf())
    page.get_by_label("The note: a file, or a photograph of the pages").set_input_files(str(note))
    expect(page.get_by_label("Your name").first).to_have_value("Rosa M.")
    pressed(page, "Send the note")
    expect(page.get_by_text("Report recorded.")).to_be_visible()
    assert row_of(acting_house, case).stage == "report-received"


def test_a_patient_reads_and_answers_in_spanish_on_a_telephone(acting_house: House, telephone: Page) -> None:
    maria, page = acting_house.enter("coordinator"), telephone
    address, _ = linked(maria, "order-24820", "patient")
    page.goto(address)
    typed(page, "Fecha de nacimiento", "20/10/1973")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Su cita es mañana")).to_be_visible()
    expect(page.get_by_text("lunes 23 de noviembre, 2:10 p. m.")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "es"
    buttons_are_large(page)
    pressed(page, "Sí, voy")
    expect(page.get_by_text("Usted dijo que viene.")).to_be_visible()
    typed(page, "Escríbanos en español", "¿Puedo comer antes?")
    pressed(page, "Enviar")
    expect(page.get_by_text("¿Puedo comer antes?")).to_be_visible()
    check(page, LOOKS)


def test_a_patient_fills_in_a_form_and_each_of_its_pages_is_whole(
    acting_house: House, telephone: Page, browser: Any, acting_site: str
) -> None:
    keep_forms(acting_house)
    maria = acting_house.enter("coordinator")
    given(maria, "give-form", form="before-visit")
    address, _ = linked(maria, "order-24820", "patient")
    page = telephone
    page.goto(address)
    typed(page, "Fecha de nacimiento", "20/10/1973")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Antes de su cita").press("Enter")
    buttons_are_large(page)
    check(page, LOOKS)
    page.set_viewport_size(TALL)
    page.get_by_role("radio", name="Sí").first.press("Space")
    pressed(page, "Enviar el formulario")
    expect(page.get_by_role("alert")).to_contain_text("Sus respuestas abren algunas preguntas más")
    expect(page.get_by_label("Which one?")).to_be_focused()
    pressed(page, "Enviar el formulario")
    expect(page.get_by_role("alert")).to_contain_text("Por favor responda esto.")
    check(page, ENDS)
    page.set_viewport_size(TALL)
    typed(page, "Weight", "80")
    typed(page, "Which one?", "Apixaban")
    pressed(page, "Enviar el formulario")
    expect(page.get_by_role("status")).to_be_visible()
    given(maria, "give-form", form="before-visit")
    context = browser.new_context(base_url=acting_site, viewport={"width": 1440, "height": 900})
    let_in(context, maria)
    desk = context.new_page()
    desk.goto("/referrals/order-24820")
    expect(desk.get_by_text("Apixaban")).to_be_attached()
    check(desk, ENDS)
    desk.set_viewport_size({"width": 1440, "height": 900})
    desk.get_by_role("link", name="Fill it in for them").press("Enter")
    typed(desk, "Weight", "81")
    desk.keyboard.press("Tab")
    expect(desk.get_by_text("Kept at")).to_be_visible()
    check(desk, ENDS)
    context.close()


def test_links_sheet_and_messages_are_whole_in_every_width_and_theme(
    acting_house: House, browser: Any, acting_site: str
) -> None:
    case = made(acting_house, "sent")
    context = browser.new_context(base_url=acting_site, viewport={"width": 1440, "height": 900})
    let_in(context, acting_house.enter("coordinator"))
    page = context.new_page()
    page.goto(f"/referrals/{case}/links")
    check(page, ENDS)
    pressed(page, "Make the link")
    expect(page.get_by_role("heading", name="Cover sheet")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Bar code"))).to_be_visible()
    check(page, ENDS)
    page.goto(f"/referrals/{case}/messages?to=Patient/{row_of(acting_house, case).patient}&template=call-us")
    check(page, ENDS)
    context.close()
