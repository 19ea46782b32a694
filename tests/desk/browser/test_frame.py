"""What stands around a page lies inside the window, at every width: a click may scroll first, an eye does not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

Open = Callable[..., Page]
DOWNLOAD = re.compile(r"^Download \d+ chosen$")
PANEL = "/?show=worked-01-visit-after-approval"
PAGES = {
    "coordinator": ["/", PANEL, "/account", "/referrals/worked-07-document-asked"],
    "admin": ["/", "/people", "/apps", "/jobs"],
    "auditor": ["/audit"],
}
HIDDEN_BY_BOXES = """chips => chips.filter(chip => {
    const at = chip.getBoundingClientRect(), box = chip.closest('.case').querySelector('.pick').getBoundingClientRect();
    return at.right > box.left && at.left < box.right && at.bottom > box.top && at.top < box.bottom;
}).map(chip => chip.textContent.trim())"""

# Opens each menu of the page by a click on it, in the page itself (a click from outside takes longer than all of this),
# and tells those that are not whole inside the window or whose first entries something else covers.
OUTSIDE = """async () => {
    const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const at = e => {
        const box = e.getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    };
    const outside = [];
    let opened = 0;
    for (const menu of document.querySelectorAll('details.menu')) {
        const button = menu.querySelector('summary'), list = menu.querySelector('.menu-list');
        button.scrollIntoView({block: 'nearest', inline: 'nearest'});
        // a panel that covers the list covers its menus too
        if (!button.checkVisibility({visibilityProperty: true}) || at(button)?.closest('#panel')) continue;
        at(button).click();
        const offers = '.menu-item, input, select, button';
        for (let n = 0; n < 200 && !list.querySelector(offers); n += 1) await drawn();  // some are fetched
        await drawn();
        const box = list.getBoundingClientRect();
        const inside = box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
        const offered = list.querySelectorAll(offers);
        const seen = [...offered].filter(item => item.checkVisibility()).slice(0, 3);
        const hidden = seen.filter(item => !item.contains(at(item)));
        opened += 1;
        if (!menu.open || !inside || hidden.length || !seen.length)
            outside.push([button.textContent.trim(), menu.open, box.left, box.top, box.right, box.bottom,
                hidden.map(item => item.textContent.trim())]);
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}));
        menu.open = false;
        await drawn();
    }
    return [outside, opened];
}"""


@pytest.mark.parametrize("width", [1440, 900, 320])
@pytest.mark.parametrize("who", PAGES)
def test_every_menu_opens_inside_the_window(open_page: Open, who: str, width: int) -> None:
    page = open_page(who=who, width=width)
    wrong: list[Any] = []
    for path in PAGES[who]:
        page.goto(path)
        outside, opened = page.evaluate(OUTSIDE)
        wrong += [(path, *each) for each in outside]
        assert opened >= (9 if (who, path) == ("coordinator", "/") else path != PANEL), path
    assert wrong == []


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


TOLD = """() => [...document.querySelectorAll('.case')].slice(0, 5).map(row => {
    const said = [...row.querySelectorAll('.c-next .what, .to-next')].filter(e => e.checkVisibility())
        .map(e => [e, e.getBoundingClientRect()]).filter(([, box]) => box.width > 40);
    return said.map(([e, box]) => [e.textContent.trim(), box.left >= 0 && box.right <= innerWidth,
        e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1]);
})"""


@pytest.mark.parametrize("width", [1440, 1279, 1041, 900, 420, 320])
def test_the_next_step_is_told_once_and_whole_on_every_row_at_every_width(open_page: Open, width: int) -> None:
    page = open_page("/?q=hussain", width=width)
    [row] = page.evaluate(TOLD)
    [(words, inside, whole)] = row
    assert words.removeprefix("Next: ") == "Ask the patient for the new card"
    assert inside
    assert whole


CUT = """() => [...document.querySelectorAll('.case td *')].filter(e => e.checkVisibility() && e.childElementCount < 4
    && !e.closest('.unseen') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
    && getComputedStyle(e).overflow !== 'visible').map(e => {
        const box = e.getBoundingClientRect();
        const at = document.elementFromPoint(box.left + 4, box.top + box.height / 2);
        const title = at?.closest('[title]')?.title ?? '';
        return [e.textContent.trim(), title, box.top < innerHeight - 8];
    }).filter(([words, title, seen]) => seen && !title.replace(/\\s+/g, ' ').includes(words.slice(0, 12)))"""


@pytest.mark.parametrize("path", ["/", PANEL])
def test_what_is_cut_can_be_read_whole_by_pointing_at_it(open_page: Open, path: str) -> None:
    page = open_page(path)
    page.locator(".case .c-authorization .sub").first.wait_for()
    assert [words for words, title, _ in page.evaluate(CUT) if not title] == []


def test_no_hour_is_cut(open_page: Open) -> None:
    page = open_page("/?referral=scheduled")
    cut = "() => [...document.querySelectorAll('.c-referral .sub')].filter(e => e.scrollWidth > e.clientWidth)"
    assert page.locator(".c-referral .sub").count() > 3
    assert page.evaluate(f"({cut})().length") == 0


def test_a_members_number_is_never_cut_in_a_payers_list(open_page: Open) -> None:
    page = open_page("/?tab=open", who="payer")
    cut = """() => [...document.querySelectorAll('.c-patient .sub')].filter(e => {
        const words = document.createRange(); words.selectNodeContents(e);
        const said = words.getBoundingClientRect(), cell = e.closest('td').getBoundingClientRect();
        return e.scrollWidth > e.clientWidth || said.right > cell.right + 1 || said.bottom > cell.bottom + 1;
    }).map(e => e.textContent)"""
    for width in (1440, 420, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(cut) == []
        page.locator(".c-patient .sub").first.evaluate("e => e.textContent = 'F 64 · W1234567890123456789012345'")
        assert page.evaluate(cut) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = open_page("/?tab=open&show=worked-01-visit-after-approval", who="payer")
    assert page.evaluate(cut) == []


LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren"


def test_a_name_without_a_blank_stays_inside_and_one_from_right_to_left_keeps_its_beginning(open_page: Open) -> None:
    page = open_page(PANEL, width=320)
    page.evaluate(f"document.querySelectorAll('#panel-name, .event-what').forEach(e => e.textContent = '{LONG}')")
    assert page.evaluate("document.querySelector('#panel').scrollWidth") <= 320
    name, close = page.locator("#panel-name"), page.locator("#close").bounding_box()
    edge = name.evaluate(
        "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect().right; }"
    )
    assert close is not None
    assert edge <= close["x"]
    page = open_page(width=320)
    page.evaluate(f"document.querySelectorAll('.case-link, .c-to b, .to-next').forEach(e => e.textContent = '{LONG}')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    link = page.locator(".case-link").first
    link.evaluate("e => e.textContent = '\u0639\u0628\u062f \u0627\u0644\u0631\u062d\u0645\u0646'.repeat(9)")
    assert link.evaluate("e => getComputedStyle(e).direction") == "rtl"


@pytest.mark.parametrize("width", [420, 320])
def test_the_card_of_the_sign_in_page_has_the_same_margin_on_both_sides(sign_in_page: Page, width: int) -> None:
    sign_in_page.set_viewport_size({"width": width, "height": 700})
    box = sign_in_page.locator(".plain-card").bounding_box()
    assert box is not None
    assert box["x"] == width - box["x"] - box["width"] >= 10


def test_the_list_is_printed_under_its_name_its_filters_the_time_and_who_printed_it(open_page: Open) -> None:
    page = open_page("/?authorization=approved", width=1032, color_scheme="dark")
    page.emulate_media(media="print")
    said = page.locator(".main .printed").inner_text()
    for words in (
        "My team: ",
        "Authorization: Approved",
        "on this sheet",
        "As of 22 Nov 2026, 09:05 EST",
        "Reyes, Maria",
    ):
        assert words in said
    assert page.locator(".rail").is_hidden()
    reason = page.locator(".c-to .what").first
    assert reason.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.locator(".case .c-contract").first.bounding_box()["x"] < 1032  # type: ignore[index]
    assert page.evaluate("getComputedStyle(document.querySelector('.case td')).color") == "rgb(21, 32, 43)"


def test_an_open_referral_is_printed_alone_and_at_full_width(open_page: Open) -> None:
    page = open_page(PANEL, width=700)
    page.emulate_media(media="print")
    assert page.locator(".main").is_hidden()
    box = page.locator("#panel").bounding_box()
    assert box is not None
    assert box["width"] > 690
    assert page.locator("#panel .printed").inner_text() == "R-90001. As of 22 Nov 2026, 09:05 EST, Reyes, Maria"


def test_what_is_current_is_marked_where_the_system_chooses_the_colours(open_page: Open) -> None:
    page = open_page("/?q=halvorsen&show=worked-01-visit-after-approval", forced_colors="active")
    border = "e => getComputedStyle(e).borderBottomColor"
    current, other = (page.locator(f".tabs a{which}").first for which in ("[aria-current]", ":not([aria-current])"))
    assert current.evaluate(border) != other.evaluate(border)
    outline = "getComputedStyle(document.querySelector('.case-open .case-link'), '::after').outlineStyle"
    assert page.evaluate(outline) == "solid"
    page = open_page(contrast="more")
    assert page.locator(".facet").first.evaluate(border) == "rgb(125, 138, 151)"


def test_a_further_page_begins_at_its_top_and_pressing_enter_again_does_not_go_back(open_page: Open) -> None:
    page = open_page()
    first = page.locator(".case-link").first.inner_text()
    page.get_by_role("link", name="Further rows").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".case-link").first).not_to_have_text(first)
    expect(page.locator("#list")).to_be_focused()
    assert page.evaluate("document.querySelector('#list').scrollTop") == 0
    assert in_window(page, ".case >> nth=0")
    second = page.url
    page.keyboard.press("Enter")
    expect(page.locator(".case-link").first).to_be_focused()
    assert page.url == second


def test_a_further_page_begins_at_its_top_on_a_narrow_screen(open_page: Open) -> None:
    page = open_page(width=420)
    first = page.locator(".case-link").first.inner_text()
    page.get_by_role("link", name="Further rows").click()
    expect(page.locator(".case-link").first).not_to_have_text(first)
    assert in_window(page, ".case >> nth=0")


def test_what_is_chosen_stays_chosen_on_other_pages_and_is_downloaded_with_them(open_page: Open) -> None:
    page = open_page()
    page.locator(".pick input[name=id]").nth(0).check()
    page.get_by_role("link", name="Further rows").click()
    expect(page.get_by_role("link", name="First page")).to_be_visible()
    assert page.locator(".case input:checked").count() == 0
    expect(page.locator("#chosen-count")).to_have_text("1")
    page.locator(".pick input[name=id]").nth(3).check()
    expect(page.locator("#said")).to_have_text("2 chosen, 1 of them not on this page")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=DOWNLOAD).click()
    assert waiting.value.path().read_text().count("\n") == 3
    page.get_by_role("link", name="First page").click()
    expect(page.locator(".case").nth(0).locator("input")).to_be_checked()
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator(".case input:checked")).to_have_count(0)
    expect(page.get_by_role("button", name=DOWNLOAD)).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 420])
def test_several_values_of_a_filter_are_chosen_without_leaving_it(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    page.locator(".facet summary", has_text="Authorization").focus()
    page.keyboard.press("Enter")
    pended, denied = (
        page.locator(f"[data-facet=authorization] [data-value={value}]") for value in ("pended", "denied")
    )
    pended.focus()
    page.keyboard.press("Enter")
    expect(pended).to_have_attribute("aria-current", "true")
    expect(pended).to_be_focused()
    assert in_window(page, "[data-facet=authorization] .menu-list")
    rows = page.locator(".tabs a[aria-current=page] .count").inner_text()
    expect(pended.locator(".option-count b")).to_have_text(rows)
    expect(denied.locator(".option-count b")).to_have_text(re.compile(r"^\d+$"))
    denied.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-facet=authorization] summary")).to_have_text("Authorization: 2")
    expect(denied).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-facet=authorization] summary")).to_be_focused()
    page.get_by_role("link", name="Remove the filter Authorization").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-facet=authorization] summary")).to_have_text("Authorization")
    expect(page.locator("[data-facet=authorization] summary")).to_be_focused()


@pytest.mark.parametrize("width", [420, 320])
def test_on_a_phone_rows_are_chosen_and_acted_on_too(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    expect(page.locator(".bulk > *").filter(visible=True)).to_have_count(0)
    box = page.locator(".pick input[name=id]").nth(2)
    box.check()
    expect(page.get_by_role("button", name=DOWNLOAD)).to_be_in_viewport(ratio=1)
    bar = page.locator(".bulk")
    expect(bar.get_by_text("1 chosen", exact=True)).to_be_in_viewport(ratio=1)
    for act in ("Give", "Let rest", "Contact"):
        expect(bar.get_by_role("button", name=act)).to_be_in_viewport(ratio=1)
    summary = page.locator(".chosen-acts summary")
    expect(summary.get_by_text("More")).to_be_visible()
    expect(summary).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    summary.click()
    expect(page.locator(".chosen-acts .menu-list")).to_be_in_viewport(ratio=1)
    chips = page.locator(".case .chip").evaluate_all(HIDDEN_BY_BOXES)
    assert chips == []
    page.locator(".chosen-acts").get_by_role("button", name="Note").click()
    expect(page.get_by_role("heading", name="One act for 1 referral")).to_be_visible()


def test_chosen_rows_of_the_closed_list_are_downloaded_and_open_ones_are_not_mixed_in(open_page: Open) -> None:
    page = open_page()
    page.locator(".pick input[name=id]").nth(0).check()
    page.get_by_role("navigation", name="Lists").get_by_text("Closed").click()
    expect(page).to_have_url(re.compile("tab=closed"))
    expect(page.get_by_role("button", name=DOWNLOAD)).to_be_hidden()
    page.locator(".pick input[name=id]").nth(0).check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=DOWNLOAD).click()
    assert waiting.value.path().read_text().count("\n") == 2


def test_the_clocks_run_and_news_is_fetched_while_somebody_looks(open_noisy: Open) -> None:
    page = open_noisy()
    page.clock.install()
    page.goto(PANEL)
    clock = page.locator(".clock-today [data-due]").first
    before = clock.inner_text()
    page.locator(".gate summary").nth(1).click()
    page.locator(".case-link").nth(3).focus()
    page.locator(".pick input[name=id]").nth(2).check()
    page.locator(".case-link").nth(3).focus()
    page.evaluate("document.querySelector('#list').scrollTop = 200")
    asked: list[str] = []
    probes = ("/worklist/version", "/waiting/number")  # whether anything has changed: asked every few seconds

    def fetches(request: Request) -> bool:
        return "x-refresh" in request.headers and not request.url.endswith(probes)

    page.on("request", lambda request: asked.append(request.url) if fetches(request) else None)
    page.clock.run_for(45_000)
    assert clock.inner_text() != before
    assert asked == []
    with page.expect_response(lambda answer: fetches(answer.request)):
        while not asked:  # in short steps: the request has a few seconds of this clock, too, before it is given up
            page.clock.run_for(2_000)
    expect(page.locator("#updated")).to_have_text("updated 09:05")
    assert len(asked) == 1
    expect(page.locator(".gate").nth(1)).to_have_attribute("open", "")
    expect(page.locator(".case-link").nth(3)).to_be_focused()
    expect(page.locator(".pick input[name=id]").nth(2)).to_be_checked()
    assert page.evaluate("document.querySelector('#list').scrollTop") == 200
    assert page.locator("#said").inner_text() == "1 chosen"
    page.route("**/*", lambda route: route.abort())
    page.clock.run_for(330_000)
    expect(page.locator("#updated")).to_have_text("not updated since 09:05")
    expect(page.locator("#failed")).to_be_hidden()
