"""What stands around a page lies inside the window, at every width: a click may scroll first, an eye does not."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

Open = Callable[..., Page]
PANEL = "/?show=worked-01-visit-after-approval"
PAGES = {
    "coordinator": ["/", PANEL, "/account", "/referrals/worked-07-document-asked"],
    "admin": ["/", "/people", "/apps"],
    "auditor": ["/audit"],
}
OUTSIDE = """list => {
    const box = list.getBoundingClientRect();
    const inside = box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
    const seen = [...list.querySelectorAll('.menu-item')].filter(item => item.checkVisibility()).slice(0, 3);
    const hidden = seen.filter(item => {
        const at = item.getBoundingClientRect();
        return !item.contains(document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2));
    });
    return inside && !hidden.length && seen.length
        ? null : [box.left, box.top, box.right, box.bottom, hidden.map(item => item.textContent.trim())];
}"""

# a panel that covers the list covers its menus too
COVERED = """button => {
    button.scrollIntoView({block: 'nearest', inline: 'nearest'});
    const at = button.getBoundingClientRect();
    return !!document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2)?.closest('#panel');
}"""


@pytest.mark.parametrize("width", [1440, 900, 420, 320])
@pytest.mark.parametrize("who", PAGES)
def test_every_menu_opens_inside_the_window(open_page: Open, who: str, width: int) -> None:
    page = open_page(who=who, width=width)
    outside: list[Any] = []
    for path in PAGES[who]:
        page.goto(path)
        for menu in page.locator("details.menu").all():
            if not menu.is_visible() or menu.locator("summary").evaluate(COVERED):
                continue
            menu.locator("summary").click()
            where = menu.locator(".menu-list").evaluate(OUTSIDE)
            if where is not None:
                outside.append((path, menu.locator("summary").inner_text(), where))
            page.keyboard.press("Escape")
    assert outside == []


def test_a_small_icon_is_drawn_as_large_as_its_place_says(open_page: Open) -> None:
    page = open_page()
    assert page.locator(".rail-link .icon").first.bounding_box()["width"] == 20  # type: ignore[index]
