"""The pages of figures in a real browser: no fault that axe finds, no sideways scroll, no console error."""

from collections.abc import Callable
from typing import Any

from tests.axe import LOOKS, check


def test_axe_finds_nothing_wrong_with_the_measures(
    open_page: Callable[..., Any],
) -> None:
    page = open_page("/measures")
    page.get_by_role("heading", name="Loops closed").wait_for()
    check(page, LOOKS)
    for path in ("/measures?show=closed-loop", "/measures?as=table"):
        page.goto(path)
        check(page)
