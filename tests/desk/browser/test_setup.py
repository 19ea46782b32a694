"""The steps of a first run in a real browser: axe finds nothing wrong, nothing overflows, a fault is led to."""

from collections.abc import Callable
from typing import Any

from tests.axe import check


def test_axe_finds_nothing_wrong_with_the_steps_nor_with_a_fault_of_a_form(
    open_noisy: Callable[..., Any], noise: list[str]
) -> None:
    page = open_noisy("/setup", "admin")
    check(page)
    page.get_by_role("link", name="1 Our organization").click()
    page.get_by_label("Name", exact=True).fill("Elm Clinic")
    page.get_by_label("NPI").fill("9000010088")
    page.get_by_role("button", name="Save the organization").press("Enter")
    page.locator("#faults a").click()
    assert page.get_by_label("NPI").evaluate("each => each === document.activeElement")
    assert page.get_by_label("NPI").input_value() == "9000010088"
    check(page)
    assert all("422" in each for each in noise), "a browser reports the form that was not taken, and nothing else"
