"""Claims and the files of payers in a real browser: axe, the widths, the themes, an act by the keyboard alone, and in
Spanish."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.axe import ENDS, LOOKS, check
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import served
from tests.desk.claims.test_desk import id_of
from tests.desk.claims.test_files import brought
from tests.desk.conftest import Clock, House, built
from tests.domain.prior_auth.x12.files import REMITTANCE, STATUS, file

pytestmark = pytest.mark.xdist_group("browser-claims")


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for found in built(story, tmp_path_factory.mktemp("claims-browser"), Clock()):
        desk = found.enter("coordinator")
        brought(desk, found, file("835", REMITTANCE.replace("CAS*CO*45*50", "CAS*CO*45*40")), "november.835")
        brought(desk, found, file("277", STATUS, control="000000906"), "status.277")
        broken = file("835", REMITTANCE, REMITTANCE, control="000000907").replace(b"*0002~\nGE", b"*0009~\nGE")
        brought(desk, found, broken, "broken.835")
        yield found


@pytest.fixture(scope="module")
def here(house: House) -> Iterator[str]:
    with served(house) as address:
        yield address


@pytest.fixture
def page(browser: Any, house: House, here: str) -> Iterator[Page]:
    context = browser.new_context(base_url=here, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    let_in(context, house.enter("coordinator"))
    yield context.new_page()
    context.close()


def shot(page: Page, name: str) -> None:
    """Keep pictures of a page, where somebody wants to look at them."""
    if folder := os.environ.get("CLAIMS_PICTURES"):
        for width in (1440, 420, 320):
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png")


@pytest.mark.parametrize("name", ["list", "panel", "claim", "write-off", "files", "file"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(house: House, page: Page, name: str) -> None:
    id = id_of(house, "FM-1001")
    paths = {
        "list": "/claims?tab=all", "panel": f"/claims?show={id}", "claim": f"/claims/{id}",
        "write-off": f"/claims/{id}?act=write-off", "files": "/claims/files", "file": "/claims/files",
    }  # fmt: skip
    page.goto(paths[name])
    if name == "file":
        page.get_by_role("link", name="broken.835").click()
        expect(page.locator("main")).to_contain_text("SE02")
    shot(page, name)
    check(page, LOOKS if name in ("list", "panel", "claim") else ENDS)


def test_a_denial_is_found_by_its_reason_and_written_off_by_the_keyboard_alone(house: House, page: Page) -> None:
    page.goto("/claims")
    menu = page.locator("[data-facet=reason] summary")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="197 No authorization").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**reason=197*")
    expect(page.locator(".case")).to_have_count(1)
    page.locator(".case-link").focus()
    page.keyboard.press("Enter")
    page.locator("#panel-name").wait_for()
    page.locator("#panel [data-verb=write-off]").focus()
    page.keyboard.press("Enter")
    page.get_by_label("What was done, and why").fill("Sent too late by us")
    page.get_by_label("What was done, and why").press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/claims/{id_of(house, 'FM-1002')}")
    expect(page.locator("main")).to_contain_text("Written off")
    check(page)


def test_the_pages_fit_in_spanish(house: House, page: Page) -> None:
    page.set_extra_http_headers({"Accept-Language": "es"})
    for path in ("/claims?tab=all", f"/claims/{id_of(house, 'FM-1001')}?act=write-off", "/claims/files"):
        page.goto(path)
        check(page, [(320, "dark")])
    expect(page.locator("h1")).to_have_text("Archivos de aseguradoras")
