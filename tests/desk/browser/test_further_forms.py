"""The forms that the long way of a referral does not pass, in a browser: what the clinic said, giving up, one act for
several."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from carecoord.settings import Settings
from tests.axe import ENDS, check, faults
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import serving

Open = Callable[[str, str], Page]
FORMS = (
    ("requester", "sent", "hear-yes"), ("requester", "sent", "hear-no"),
    ("performer", "cancel-requested", "confirm-cancel"), ("performer", "cancel-requested", "refuse-cancel"),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("forms")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    yield from furnished(Settings(var=str(var), **BUSY))


@pytest.fixture(scope="module")
def address(place: Place) -> Iterator[str]:
    with serving(place.house.app) as address:
        yield address


@pytest.fixture
def look(browser: Any, place: Place, address: str) -> Iterator[Open]:
    contexts = []

    def opened(who: str, path: str) -> Page:
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(10_000)
        contexts.append(context)
        let_in(context, place.people[who])
        page: Page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_the_forms_of_an_answer_by_telephone_and_of_giving_up_have_no_fault_at_any_width(
    place: Place, look: Open
) -> None:
    for n, (who, stage, act) in enumerate(FORMS):  # axe at one end each: they are made of the same parts
        place.put(case_of("base", stage, f"form-{act}"))
        page = look(who, f"/?show=form-{act}&act={act}")
        expect(page.locator("#act-form")).to_have_attribute("data-verb", act)
        for width, scheme in ((420, "light"), ENDS[n % 2]):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (act, width)
        assert faults(page, "#act-form") == [], act


def test_several_rows_are_chosen_by_key_and_given_a_note_at_once(place: Place, look: Open) -> None:
    place.put([each for id in ("several-1", "several-2") for each in case_of("base", "sent", id)])
    page = look("requester", "/?sort=patient&q=made")
    page.locator("#list").focus()
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("#said")).to_have_text("2 chosen")
    page.get_by_text("Act on chosen").click()
    page.get_by_role("button", name="Note", exact=True).click()
    expect(page.get_by_role("heading", name="One act for 2 referrals")).to_be_visible()
    check(page)
    page.get_by_role("textbox", name="Note").fill("Fax came twice")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").get_by_text("Done for 2 of 2")).to_be_visible()
    check(page)
    page.locator(".back a").click()
    expect(page).to_have_url(f"{page.url.split('/?')[0]}/?q=made&sort=patient")
