"""The main pages as somebody reads them in Spanish, whose words are a third longer: nothing is wider than the window of
a small telephone, and no word is cut off, neither there nor on a wide screen."""

from collections.abc import Callable
from typing import Any

import pytest

Open = Callable[..., Any]
PAGES = {
    "coordinator": (
        "/", "/?show=order-24815", "/referrals/order-24815", "/referrals/new", "/waiting", "/waiting/away",
        "/measures", "/measures?as=table", "/measures?show=declined", "/authorizations",
        "/authorizations/request-order-24825", "/authorizations/request-order-24825/evidence",
        "/authorizations/standing", "/claims?tab=all", "/claims/files", "/patients", "/quality", "/account",
    ),
    "auditor": ("/audit",),
    "admin": ("/setup", "/setup?step=clinicians", "/policies", "/letters", "/import", "/jobs", "/ehrs", "/people"),
    "payer": ("/decisions", "/decisions/request-order-24825", "/decisions/coverage?member=none", "/decisions/letters",
              "/decisions/request-order-24825/packet", "/decisions/metrics"),
    "contracts": ("/contracts?tab=all", "/contracts/agr-0107-v3", "/contracts/new"),
}  # fmt: skip
# Texts whose end the reader does not get: wider than the box that hides what is too much, without a mark of it ("...")
# or a way to the rest; and what stands out of its own chip or button. What only a reader of screens is told is cut on
# purpose.
CUT = """() => [...document.querySelectorAll("main *, header *, nav *")].filter(each => {
    const style = getComputedStyle(each)
    const shown = each.checkVisibility({visibilityProperty: true}) && !each.closest(".unseen, svg")
    const whole = style.textOverflow === "ellipsis" || style.clipPath !== "none"
    const hides = (["hidden", "clip"].includes(style.overflowX) && !whole) || each.matches(".chip, .button")
    const held = [...each.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())
    return shown && hides && held && each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1
}).map(each => `${each.tagName} ${each.className}: ${each.textContent.trim().slice(0, 60)}`)"""
# What hangs out of the window at the right, outside of what scrolls by itself.
OUT = """() => [...document.querySelectorAll("main *, header *")].filter(each => {
    if (!each.checkVisibility({visibilityProperty: true}) || each.closest(".unseen, svg")) return false
    for (let up = each.parentElement; up; up = up.parentElement)
        if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return false
    return each.getBoundingClientRect().right > innerWidth + 1
}).slice(0, 4).map(each => `${each.tagName} ${each.className}: ${each.textContent.trim().slice(0, 60)}`)"""


@pytest.mark.parametrize("who", PAGES)
def test_nothing_is_cut_off_and_nothing_hangs_out_of_the_window_in_spanish(open_page: Open, who: str) -> None:
    page, found = open_page("/account", who, width=320, locale="es-ES"), list[str]()
    assert page.locator("html").get_attribute("lang") == "es"
    for path in PAGES[who]:
        answer = page.goto(path)
        assert answer.status == 200, path
        for width in (320, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found += [f"{path} at {width}: {each}" for each in page.evaluate(OUT) or ["wider than the window"]]
            found += [f"{path} at {width} cut: {each}" for each in page.evaluate(CUT)]
    assert found == []
