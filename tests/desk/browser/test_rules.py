"""Rules, the redline and publishers' files in a real browser: by the keyboard alone, nothing wrong for axe at three
widths in both themes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from carecoord.store.database.outbox import Job
from carecoord.worker import handlers
from tests.axe import check
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import House
from tests.imports import published_files

pytestmark = pytest.mark.xdist_group("desk-browser-rules")


@pytest.fixture(scope="module")
def address(acting_house: House) -> Iterator[str]:
    with serving(acting_house.app) as address:
        yield address


@pytest.fixture
def carla(browser: Any, acting_house: House, address: str) -> Iterator[Page]:
    """Contract staff of the office; what the console says that it should not fails the test at its end."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    let_in(context, acting_house.enter("contracts"))
    page: Page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    context.close()
    assert [each for each in noise if "422" not in each] == []


def press(page: Page, role: Any, name: str) -> None:
    """By the keyboard: what has the focus is pressed."""
    found = page.get_by_role(role, name=re.compile(f"^{name.replace(':', ' ?:')}$"))
    found.focus()
    page.keyboard.press("Enter")


def test_a_rule_is_found_tried_saved_and_ended_by_the_keyboard(carla: Page) -> None:
    carla.goto("/rules")
    check(carla)
    press(carla, "link", "New rule")
    expect(carla.get_by_role("heading", name="New rule")).to_be_visible()
    carla.get_by_label("Authorization").focus()
    carla.keyboard.press("r")
    carla.get_by_label("What the payer calls the rule").fill("Sleep study")
    carla.get_by_label("Code", exact=True).fill("95810")
    carla.get_by_label("Places of service").fill("11; 21")
    press(carla, "button", "Try it")
    expect(carla.get_by_role("heading", name="What is answered for a visit like this")).to_be_visible()
    check(carla)
    carla.get_by_text("Try it with another visit").focus()
    carla.keyboard.press("Enter")
    carla.locator("#act-ask_place").fill("22")
    press(carla, "button", "Try it again")
    nobody = carla.locator(".rule-tried dl").get_by_text("No rule of the payer speaks of this service")
    expect(nobody).to_have_count(2)  # now, and with a rule about other places
    press(carla, "button", "Save this rule")
    expect(carla.locator(".good")).to_contain_text("Saved.")
    check(carla)
    carla.get_by_label("Last day on which it holds").fill("whenever")
    press(carla, "button", "End this rule")
    expect(carla.get_by_label("Last day on which it holds")).to_have_attribute("aria-invalid", "true")
    check(carla)
    carla.get_by_label("Last day on which it holds").fill("2026-12-31")
    press(carla, "button", "End this rule")
    expect(carla.locator(".good")).to_contain_text("Its last day is saved.")


def test_a_clause_is_countered_and_accepted_by_the_keyboard_and_leaves_as_a_document(carla: Page) -> None:
    carla.goto("/contracts/agr-0121-v1?act=amend")
    carla.locator("#act-kind").select_option("modify")
    carla.locator("#act-topic").select_option("audit")
    carla.locator("#act-start").fill("2027-01-01")
    carla.locator("#act-words").fill("Records are kept six (6) years.")
    carla.locator("#act-form button[type=submit]").press("Enter")
    redline = carla.locator(".redline")
    expect(redline).to_contain_text("Records are kept six (6) years.")
    check(carla)
    press(carla, "link", "Counter: Audit")
    carla.locator("#act-words").fill("Records are kept five (5) years.")
    check(carla)
    press(carla, "button", "Put these words into the draft")
    expect(redline).to_contain_text("Countered by Nilsson, Carla")
    press(carla, "button", "Accept: Starts")
    expect(redline).to_contain_text("Accepted by Nilsson, Carla")
    with carla.expect_download() as leaving:
        press(carla, "link", "As DOCX, tracked")
    assert leaving.value.suggested_filename == "AGR-0121-redline.docx"


def test_a_payers_directory_is_uploaded_tried_and_taken_in(carla: Page, acting_house: House, tmp_path: Any) -> None:
    path = tmp_path / "plan-net.json"
    size = published_files.plan_net(path, range(5))
    assert json.loads(path.read_text())["resourceType"] == "Bundle"
    carla.goto("/import")
    press(carla, "link", "Bring such a file in")
    carla.get_by_label("What it holds").select_option("plan-net")
    check(carla)
    carla.set_input_files("#file", path)
    press(carla, "button", "Upload and go on")
    expect(carla.get_by_role("heading", name="plan-net.json")).to_be_visible()
    check(carla)
    for button, word in (("Try it", "What would become of it"), ("Bring it in", "It is in")):
        press(carla, "button", button)
        expect(carla.get_by_role("progressbar")).to_be_visible()
        check(carla)
        id = carla.url.rpartition("/")[2]
        handlers.bring_in(acting_house.world, Job(1, "import", id, b"", 1, "w", 1))
        expect(carla.locator("#result")).to_contain_text(word)  # the page looks again by itself
        check(carla)
    expect(carla.locator(".tallies")).to_contain_text(str(size))


