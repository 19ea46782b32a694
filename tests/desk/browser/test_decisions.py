"""A payer's decision queue and one request in a real browser: axe, the widths, the themes, the keyboard."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.axe import LOOKS, check


@pytest.mark.parametrize(
    "path",
    [
        "/decisions/metrics", "/decisions/metrics?show=standard-approved&part=of", "/decisions/letters",
        "/decisions/request-order-24825/packet", "/decisions/coverage?member=none",
        "/decisions/alike?id=request-order-24825&id=request-order-24829",
    ],
)  # fmt: skip
def test_axe_finds_nothing_on_the_further_pages_of_a_payers_desk(open_page: Callable[..., Any], path: str) -> None:
    check(open_page(path, "payer"), LOOKS)


def test_axe_finds_nothing_and_a_line_is_decided_by_the_keyboard_up_to_its_faults(
    open_noisy: Callable[..., Any], noise: list[str]
) -> None:
    page = open_noisy("/decisions", "payer")
    check(page, LOOKS)
    page.goto("/decisions/request-order-24825")
    check(page, LOOKS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Tab")
    for _ in range(80):
        if page.evaluate("document.activeElement.name === 'do-1'"):
            break
        page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_label("Reason").wait_for(state="visible")
    assert not page.get_by_label("Units").is_visible()
    check(page)
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="Choose the reason.").click()
    assert page.get_by_label("Reason").evaluate("each => each === document.activeElement")
    check(page)
    assert all("422" in each for each in noise), "a browser reports the form that was not taken, and nothing else"


def test_a_form_beside_deciding_is_sent_by_the_keyboard_as_the_decision_is(open_noisy: Callable[..., Any]) -> None:
    page = open_noisy("/decisions/request-order-24825", "payer")
    page.get_by_text("Ask the medical director").first.press("Enter")
    words = page.locator("#act-director-words")
    words.press("Control+Enter")
    page.get_by_role("link", name="Write what is asked.").click()
    assert words.evaluate("each => each === document.activeElement")
