"""The clinic's list of requests for authorization and one of them in a real browser: axe, the widths, the themes, acts
by the keyboard alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.axe import ENDS, LOOKS, check
from tests.desk.authorizations.test_automatic import work
from tests.desk.browser.hands import type_in
from tests.desk.browser.test_acts import Open, acting_site, open_desk, sessions
from tests.desk.conftest import House

__all__ = ["acting_site", "open_desk", "sessions"]  # fixtures

GRANTED, DENIED = "request-order-24807", "request-order-24824"


@pytest.mark.parametrize(("path", "looks"), [
    ("/authorizations", LOOKS),
    (f"/authorizations?show={GRANTED}", LOOKS),
    (f"/authorizations/{GRANTED}", LOOKS),
    (f"/authorizations/{DENIED}?act=appeal", LOOKS),
    ("/authorizations/request-order-24817?act=answer-payer", ENDS),
    ("/authorizations/request-order-24808?act=send-request", ENDS),
    (f"/authorizations/{GRANTED}/evidence", LOOKS),
    (f"/authorizations/{GRANTED}/packet", LOOKS),
    ("/authorizations/standing", LOOKS),
    ("/authorizations/new?q=Patel", ENDS),
    ("/authorizations/new?patient=nadia-rahman", LOOKS),
])  # fmt: skip
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    open_page: Callable[..., Any], path: str, looks: Any
) -> None:
    check(open_page(path), looks)


def test_a_request_is_found_opened_and_acted_on_by_the_keyboard_alone(open_desk: Open) -> None:
    page = open_desk("/authorizations")
    page.keyboard.press("/")
    type_in(page, "Hussain")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Hussain*")
    expect(page.locator(".case-link").first).to_contain_text("Hussain")
    page.locator("#list").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.locator("#panel-name").wait_for()
    assert "Hussain" in page.locator("#panel-name").inner_text()
    page.keyboard.press("c")
    page.locator("#act-form").wait_for()
    page.goto(f"/authorizations/{GRANTED}?act=call-payer")
    page.get_by_label("Their reference").focus()
    page.keyboard.type("CR-7")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#done")).to_be_focused()
    assert "Reference CR-7" in page.locator("main").inner_text()
    page.keyboard.press("e")
    page.locator("#act-form").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="Say why.").click()
    assert page.get_by_label("Why more is needed").evaluate("each => each === document.activeElement")
    check(page)


def test_a_call_is_logged_among_the_calls_of_the_panel_by_the_keyboard_alone(open_desk: Open) -> None:
    page = open_desk("/authorizations")
    page.locator(f"#request-{GRANTED} .case-link").focus()
    page.keyboard.press("c")
    form = page.get_by_role("region", name="Calls").locator("#act-form")
    expect(form.get_by_role("radio", name="Call", exact=True)).to_be_focused()
    expect(form.get_by_role("radio", name="Call", exact=True)).to_be_in_viewport()
    check(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Escape")
    form.wait_for(state="detached")
    expect(page.locator("#panel-name")).to_be_focused()
    page.keyboard.press("c")
    expect(form.get_by_role("radio", name="Call", exact=True)).to_be_focused()
    assert page.evaluate("scrollY") == 0, "the panel scrolls, not the page"
    form.get_by_label("Next touch").focus()
    page.keyboard.type("someday")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#faults")).to_be_focused()
    form.get_by_label("Next touch").fill("+1")
    form.get_by_label("Their reference").focus()
    page.keyboard.type("CR-8")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#done p")).to_contain_text("saved. Next touch 23 Nov 2026.")
    expect(page.locator("#panel-name")).to_be_focused()
    expect(page.get_by_role("region", name="Calls")).to_contain_text("Reference CR-8")
    expect(form).to_have_count(0)


def test_the_panel_opens_and_closes_with_the_focus_where_one_was(open_page: Callable[..., Any]) -> None:
    page = open_page("/authorizations")
    page.locator(f"#request-{GRANTED} .case-link").focus()
    page.keyboard.press("Enter")
    page.locator("#panel-name").wait_for()
    assert page.evaluate("document.activeElement.id") == "panel-name"
    page.keyboard.press("Escape")
    page.locator("#panel").wait_for(state="detached")
    assert page.evaluate("document.activeElement.closest('.case')?.id") == f"request-{GRANTED}"


def test_requests_are_chosen_and_assigned_and_a_new_one_is_begun_by_the_keyboard_alone(open_desk: Open) -> None:
    page = open_desk("/authorizations")
    page.locator("#list").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 2 chosen").press("Enter")
    assert len(Path(download.value.path()).read_text().splitlines()) == 3, "the head, and the rows that were chosen"
    button = page.get_by_role("button", name="Give to somebody")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    page.locator("#act-form").wait_for()
    expect(page.get_by_role("link", name="Authorizations").last).to_be_visible()
    check(page)
    page.goto("/authorizations/new")
    type_in(page, "Rahman")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Choose this patient").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Begin the request").focus()
    page.keyboard.press("Enter")
    page.locator("#done").wait_for()
    assert "was begun." in page.locator("#done").inner_text()


def test_a_packet_is_asked_for_followed_and_opened_by_the_keyboard_alone(open_desk: Open, acting_house: House) -> None:
    pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
    page = open_desk(f"/authorizations/{DENIED}")
    page.get_by_role("button", name="Packet as PDF").press("Enter")
    stands = page.locator("#pdf")
    expect(stands).to_contain_text("Being made since")
    check(page, ENDS)
    work(acting_house)
    expect(stands).to_contain_text("1 page, made on")
    check(page, ENDS)
    opened = page.request.get(str(page.get_by_role("link", name="Open the PDF").get_attribute("href")))
    assert opened.body().startswith(b"%PDF-")
