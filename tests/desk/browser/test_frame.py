"""What stands around a page lies inside the window, at every width: a click may scroll first, an eye does not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

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


def in_window(page: Page, selector: str) -> bool:
    """Whether all of it is to be seen."""
    box = page.locator(selector).bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]


REFUSED = '<main class="plain-card"><p class="alert" role="alert"> There is no such referral. </p></main>'


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "could not be opened: carecoord does not answer. Nothing on this page has changed."),
        (404, "could not be opened. There is no such referral."),
        (503, "could not be opened. There is no such referral."),
    ],
)
@pytest.mark.parametrize("width", [1440, 320])
def test_what_can_not_be_fetched_is_said_in_place_and_can_be_asked_again(
    open_noisy: Open, width: int, status: int, words: str
) -> None:
    page = open_noisy(width=width)
    rows = page.locator(".case").count()
    name = page.locator(".case-link").nth(1).inner_text()

    def refuse(route: Route) -> None:
        if status:
            route.fulfill(status=status, content_type="text/html", body=REFUSED)
        else:
            route.abort()

    page.route(re.compile("show="), refuse)
    page.locator(".case-link").nth(1).click()
    expect(page.locator("#failed-text")).to_have_text(f"{name} {words}")
    assert in_window(page, "#failed")
    assert page.locator("#failed").get_attribute("role") == "alert"
    assert page.locator(".case").count() == rows
    assert "show=" not in page.url
    page.unroute(re.compile("show="))
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#panel-name")).to_have_text(name)
    expect(page.locator("#failed")).to_be_hidden()


def test_a_session_that_has_ended_is_said_and_signing_in_leads_back_to_the_open_panel(open_noisy: Open) -> None:
    page = open_noisy(PANEL)
    page.context.clear_cookies()
    page.locator(".case-link").nth(1).click()
    expect(page.locator("h1")).to_have_text("Sign in")
    assert re.search(r"next=%2F%3Fshow%3D", page.url)


def test_what_was_typed_stays_where_it_is_when_the_session_has_ended(open_noisy: Open) -> None:
    page = open_noisy("/account")
    kept = page.context.cookies()
    page.fill("#current", "typed before")
    page.fill("#password", "five other made-up words")
    page.fill("#again", "five more made-up words")
    page.context.clear_cookies()
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator(".unsent")).to_contain_text("Not sent: you were signed out. What you typed is kept")
    assert in_window(page, ".unsent")
    assert page.input_value("#current") == "typed before"
    page.context.add_cookies(kept)  # as signing in in another tab does
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#problem")).to_have_text("The two new passwords are not the same. Type them again.")
