"""The page of a referral and of a patient follow by themselves what a colleague does: they keep their place, the focus
and what is typed, and nobody is asked to load them again."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from tests.axe import ENDS, faults
from tests.desk.browser.test_acts import Open, acting_site, open_desk, sessions
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import hidden

__all__ = ["acting_site", "open_desk", "sessions"]  # fixtures

CASE, PATIENT = "worked-07-document-asked", "ken-nakamura"


@pytest.fixture(scope="module")
def colleague(acting_house: House, acting_site: str) -> FlaskClient:
    return acting_house.enter("patel")


def note(colleague: FlaskClient, words: str, case: str = CASE) -> None:
    page = colleague.get(f"/referrals/{case}?act=note").get_data(as_text=True)
    sent = colleague.post(f"/referrals/{case}/note", data=hidden(page, f"{case}/note") | {"note": words})
    assert sent.status_code == 303, sent.get_data(as_text=True)


def watched(page: Any) -> Any:
    """The page once it has asked for the first time whether anything has changed."""
    if page.evaluate("performance.getEntriesByType('resource').every(each => !each.name.includes('/version'))"):
        with page.expect_response(lambda answer: "/worklist/version" in answer.url):
            pass
    return page


def test_a_referral_that_is_open_shows_what_a_colleague_did_and_keeps_place_and_focus(
    open_desk: Open, colleague: FlaskClient
) -> None:
    page = watched(open_desk(f"/referrals/{CASE}", height=500))
    page.locator("details.gate summary").nth(1).click()
    focused = page.locator("details.gate summary").nth(2)
    focused.focus()
    page.mouse.wheel(0, 400)
    page.wait_for_timeout(300)
    at = page.evaluate("scrollY")
    note(colleague, "Seen from the other desk.")
    expect(page.locator("#timeline")).to_contain_text("Seen from the other desk.", timeout=6_000)
    expect(focused).to_be_focused()
    assert page.evaluate("scrollY") == at
    assert page.locator("details.gate").nth(1).get_attribute("open") is not None


def test_what_is_being_typed_beside_it_stays_and_what_changed_comes_after_it(
    open_desk: Open, colleague: FlaskClient
) -> None:
    page = watched(open_desk(f"/referrals/{CASE}"))
    page.locator("#jot").click()
    page.keyboard.type("I am still wri")
    note(colleague, "Written meanwhile.")
    page.wait_for_timeout(4_000)
    page.keyboard.type("ting.")
    expect(page.locator("#jot")).to_have_value("I am still writing.")
    expect(page.locator("#jot")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#timeline")).to_contain_text("I am still writing.")
    expect(page.locator("#timeline")).to_contain_text("Written meanwhile.")


def test_the_page_of_a_patient_shows_what_a_colleague_did_on_a_referral_and_in_the_plan(
    open_desk: Open, colleague: FlaskClient
) -> None:
    page = watched(open_desk(f"/patients/{PATIENT}"))
    link = page.locator("main a[href^='/referrals/']").first
    link.focus()
    form = colleague.get(f"/patients/{PATIENT}?act=set-goal").get_data(as_text=True)
    goal = hidden(form, "set-goal") | {"words": "Walk to the shop", "measure": "", "plan": "plan-4377-408"}
    sent = colleague.post(f"/patients/{PATIENT}/set-goal", data=goal)
    assert sent.status_code == 303, sent.get_data(as_text=True)
    expect(page.locator("main")).to_contain_text("Walk to the shop", timeout=6_000)
    expect(link).to_be_focused()


def test_a_form_of_the_plan_that_is_being_filled_in_stays_when_a_colleague_acts(
    open_desk: Open, colleague: FlaskClient
) -> None:
    page = watched(open_desk(f"/patients/{PATIENT}?act=set-goal"))
    field = page.locator("#act-form [name=words]")
    field.click()
    page.keyboard.type("Sleep thr")
    note(colleague, "About the sleep.", "order-24744")
    page.wait_for_timeout(4_000)
    page.keyboard.type("ough")
    expect(field).to_have_value("Sleep through")
    expect(field).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), ENDS)
def test_a_page_that_has_followed_has_no_fault(
    open_desk: Open, colleague: FlaskClient, width: int, scheme: str
) -> None:
    page = watched(open_desk(f"/referrals/{CASE}", width=width, color_scheme=scheme))
    note(colleague, f"At {width}.")
    expect(page.locator("#timeline")).to_contain_text(f"At {width}.", timeout=6_000)
    assert faults(page) == []
