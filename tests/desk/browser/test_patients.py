"""The page of a patient in a real browser: no fault that axe finds, no sideways scroll, no console error."""

from collections.abc import Callable
from typing import Any

from tests.axe import LOOKS, check


def test_axe_finds_nothing_and_nothing_overflows(open_page: Callable[..., Any]) -> None:
    page = open_page("/patients?q=brandt")
    check(page)
    page.get_by_role("link", name="Brandt, Eleanor").click()
    page.get_by_role("heading", name="Open loops 1").wait_for()
    check(page, LOOKS)
    page.get_by_role("link", name="Write").first.click()
    page.get_by_role("heading", name="Write a message").wait_for()
    check(page)
    page.get_by_role("link", name="Call: 1 thing to say").click()
    page.get_by_role("heading", name="Log a contact").wait_for()
    check(page)
    page.get_by_role("link", name="Add a goal").click()
    page.get_by_role("heading", name="Add a goal").wait_for()
    check(page)
