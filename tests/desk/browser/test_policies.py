"""The page of policies in a real browser: axe finds nothing wrong with it, nothing overflows, a fault is led to."""

from collections.abc import Callable
from typing import Any

from tests.axe import check


def test_axe_finds_nothing_wrong_with_the_policies_nor_with_a_fault_of_their_form(
    open_noisy: Callable[..., Any], noise: list[str]
) -> None:
    page = open_noisy("/policies?of=office-blue-horizon", "admin")
    check(page)
    page.get_by_label("What", exact=True).select_option("Appeal a denial within")
    page.get_by_label("Value").fill("a fortnight")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.get_by_role("link", name="Write a length").click()
    assert page.get_by_label("Value").evaluate("each => each === document.activeElement")
    assert page.get_by_label("Value").input_value() == "a fortnight"
    check(page)
    assert all("422" in each for each in noise), "a browser reports the form that was not taken, and nothing else"
