"""The desk in a browser: no fault that axe finds, no error, no sideways scroll; the keyboard alone is enough; every
step also works without scripts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from tests.axe import ENDS, LOOKS, check, faults
from tests.desk.conftest import PASSWORD, House

Open = Callable[..., Page]
DOWNLOAD = re.compile(r"^Download \d+ chosen$")
PANEL = "/?show=worked-01-visit-after-approval"
PATHS = ["/", PANEL, "/?q=nobodyhasthisname", "/referrals/worked-07-document-asked", "/quality"]


def focused(page: Page) -> str:
    said: str = page.evaluate("document.activeElement.textContent.trim()")
    return said


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_accessibility_fault_and_no_sideways_scroll(open_page: Open, path: str) -> None:
    check(open_page(path), LOOKS if "show=" in path or "referrals" in path else ENDS)


@pytest.mark.parametrize("who", ["payer", "contracts", "auditor"])
def test_every_role_has_a_page_without_fault(open_page: Open, who: str) -> None:
    check(open_page(who=who))


def test_the_list_of_what_waits_has_no_fault_in_any_look(open_page: Open) -> None:
    check(open_page("/waiting", who="outsider"), LOOKS)
    check(open_page("/waiting/away"), ENDS)


def test_the_load_of_an_office_has_no_fault(open_page: Open, house: House) -> None:
    roles = frozenset({"coordinator", "supervisor"})
    accounts.add_user(house.world, NewUser("chief", "Chief, Nora", roles, "office-fairmont"), PASSWORD)
    check(open_page("/load", who="chief"), ENDS)
    check(open_page("/load/rules", who="chief"), ENDS)


def test_the_page_of_an_agreement_has_no_fault(open_page: Open) -> None:
    check(open_page("/contracts/agr-0107-v3", who="contracts"), ENDS)
    check(open_page("/contracts/agr-0107-v3?act=amend", who="contracts"), ENDS)
    check(open_page("/contracts/new?kind=construction", who="contracts"), ENDS)


def test_an_open_menu_and_an_open_gate_have_no_fault(open_page: Open) -> None:
    page = open_page(PANEL)
    page.locator(".facet summary").first.click()
    page.locator(".gate summary").nth(1).click()
    expect(page.locator(".proof").nth(1)).to_be_visible()
    assert faults(page) == []


def test_signing_in_leads_to_the_worklist(sign_in_page: Page) -> None:
    sign_in_page.click("text=Sign in >> nth=-1")
    expect(sign_in_page.locator("h1")).to_have_text("Worklist")


def test_a_row_opens_its_panel_beside_the_list_and_the_back_button_closes_it(open_page: Open) -> None:
    page = open_page()
    name = page.locator(".case-link").nth(2).inner_text()
    page.locator(".case").nth(2).click()
    expect(page.locator("#panel-name")).to_have_text(name)
    expect(page.locator("#panel-name")).to_be_focused()
    expect(page.locator(".case-open .case-link")).to_have_text(name)
    expect(page.locator("#said")).to_have_text(f"{name} opened")
    assert "show=" in page.url
    widths = [page.locator(part).bounding_box()["width"] for part in (".list", "#panel")]  # type: ignore[index]
    assert sum(widths) < 1440
    page.go_back()
    expect(page.locator("#panel")).to_have_count(0)
    assert "show=" not in page.url


def test_closing_the_panel_gives_the_focus_back_to_its_row(open_page: Open) -> None:
    page = open_page()
    name = page.locator(".case-link").nth(1).inner_text()
    page.locator(".case").nth(1).click()
    expect(page.locator("#panel-name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_have_count(0)
    expect(page.locator(".case-link").nth(1)).to_be_focused()
    assert focused(page) == name


def test_the_keyboard_alone_walks_from_the_search_to_a_panel_and_back(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("halvorsen")
    expect(page.locator(".case")).to_have_count(1)
    expect(page.locator("#search")).to_be_focused()
    expect(page).to_have_url(re.compile(r"q=halvorsen"))
    page.locator("#list").focus()
    page.keyboard.press("j")
    expect(page.locator(".case-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".case-link")).to_be_focused()


def test_j_k_and_x_work_inside_the_list_only(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator(".pick input:checked").count() == 0
    page.locator(".case-link").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".case-link").nth(1)).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(".case").nth(1).locator("input")).to_be_checked()
    expect(page.locator("#said")).to_have_text("1 chosen")
    expect(page.get_by_role("button", name=DOWNLOAD)).to_be_visible()


def test_the_search_key_can_be_switched_off_and_stays_off(open_page: Open) -> None:
    page = open_page()
    page.locator(".rail-me").click()
    page.locator("#slash").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("/")
    expect(page.locator("#search")).not_to_be_focused()


def test_tab_reaches_everything_and_the_focus_is_never_hidden(open_page: Open) -> None:
    page = open_page(PANEL, height=700)
    seen: set[str] = set()
    ends = 0  # who comes by a referral's address begins in its panel: the rest comes after the end of the page
    for _ in range(240):
        page.keyboard.press("Tab")
        spot = page.evaluate(
            """() => {
                const e = document.activeElement, r = e.getBoundingClientRect();
                if (e === document.body) return null;
                const x = Math.min(Math.max(r.x + Math.min(r.width, 40) / 2, 1), innerWidth - 1);
                const at = document.elementFromPoint(x, r.y + r.height / 2);
                const inView = r.bottom > 0 && r.top < innerHeight && r.width > 0;
                const clear = !!at && (e.contains(at) || at.contains(e) || !!at.closest('.case'));
                return {name: e.id || e.className || e.tagName, inView, clear};
            }"""
        )
        if spot is None:
            ends += 1
            if ends == 2:
                break
            continue
        assert spot["inView"], spot
        assert spot["clear"], spot
        seen.add(spot["name"])
    assert {"skip", "search", "case-link", "close"} <= seen


def test_a_filter_narrows_the_list_and_its_cross_widens_it_again(open_page: Open) -> None:
    page = open_page()
    everything = page.locator(".total b").inner_text()
    page.locator(".facet summary", has_text="Authorization").click()
    page.get_by_role("link", name="Pended").click()
    expect(page.locator(".facet-on summary")).to_have_text(re.compile("Authorization: Pended"))
    narrowed = int(page.locator(".total b").inner_text())
    assert 0 < narrowed < int(everything)
    expect(page.locator(".case")).to_have_count(narrowed)
    expect(page.locator("#said")).to_have_text(re.compile(f"{narrowed} referral"))
    page.get_by_role("link", name="Remove the filter Authorization").click()
    expect(page.locator(".total b")).to_have_text(everything)


def test_an_open_panel_stays_while_the_list_changes(open_page: Open) -> None:
    page = open_page(PANEL)
    page.get_by_role("navigation", name="Lists").get_by_text("With payer").click()
    expect(page).to_have_url(re.compile("tab=payer.*show=worked-01"))
    expect(page.locator("#panel-name")).to_have_text("Halvorsen, Ingrid")


def test_the_theme_changes_and_is_remembered_without_a_flash(open_page: Open) -> None:
    page = open_page(color_scheme="light")
    ground = "getComputedStyle(document.querySelector('.main')).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    assert 'data-theme="dark"' in page.request.get("/").text()[:200]


def test_the_panel_covers_the_list_on_a_narrow_screen(open_page: Open) -> None:
    page = open_page(PANEL, width=420)
    box = page.locator("#panel").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 420)


def test_targets_are_large_enough(open_page: Open) -> None:
    page = open_page(PANEL)
    small = page.evaluate(
        """() => [...document.querySelectorAll('a, button, summary, .pick')]
            .filter(e => e.checkVisibility() && !e.closest('.unseen, .skip') && !e.classList.contains('case-link'))
            .map(e => [e.className || e.textContent.trim(), e.getBoundingClientRect()])
            .filter(([, r]) => r.width < 24 || r.height < 24).map(([name, r]) => `${name} ${r.width}x${r.height}`)"""
    )
    assert small == []


@pytest.mark.parametrize("width", [1440, 420])
def test_everything_works_without_scripts(open_page: Open, width: int) -> None:
    page = open_page("/", width=width, java_script_enabled=False)
    page.locator(".case-link").first.click()
    expect(page.locator("#panel-name")).to_be_visible()
    page.locator("#close").click()
    expect(page.locator("#panel")).to_have_count(0)
    page.locator("#search").fill("halvorsen")
    page.locator("#search").press("Enter")
    expect(page.locator(".case")).to_have_count(1)
    page.goto(PANEL)
    expect(page.locator("#panel-name")).to_have_text("Halvorsen, Ingrid")
    page.goto("/")
    page.locator(".facet summary").first.click()
    page.get_by_role("link", name="Scheduled").click()
    assert "referral=scheduled" in page.url


def test_the_chosen_rows_are_downloaded(open_page: Open) -> None:
    page = open_page()
    page.locator(".pick input[name=id]").nth(0).check()
    page.locator(".pick input[name=id]").nth(3).check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=DOWNLOAD).click()
    content = waiting.value.path().read_text()
    assert content.count("\n") == 3
