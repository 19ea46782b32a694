"""Acts in a browser: by the keyboard alone, seen in a second window, without loss of what is typed, without a fault."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from auth.people.sessions import IDLE
from auth.store import digest
from auth.tables import session
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import registry
from tests.axe import ENDS, LOOKS, Look, faults, rules_of
from tests.desk.browser.hands import Hands, Tally
from tests.desk.browser.servers import served
from tests.desk.conftest import PASSWORD, House

CASE = "worked-07-document-asked"
PANEL = f"/?show={CASE}"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def acting_site(acting_house: House) -> Iterator[str]:
    new = NewUser("patel", "Patel, Kavita", frozenset({"coordinator"}), "office-fairmont")
    accounts.add_user(acting_house.world, new, PASSWORD)
    with served(acting_house) as address:
        yield address


@pytest.fixture(scope="module")
def sessions(acting_house: House, acting_site: str) -> dict[str, str]:
    found = {}
    for who in ("coordinator", "patel", "outsider"):
        cookie = acting_house.enter(who).get_cookie("cc")
        assert cookie is not None
        found[who] = cookie.value
    return found


@pytest.fixture
def open_desk(browser: Any, acting_site: str, sessions: dict[str, str]) -> Iterator[Open]:
    contexts = []

    def opened(path: str = "/", who: str = "coordinator", width: int = 1440, height: int = 900, **given: Any) -> Page:
        context = browser.new_context(base_url=acting_site, viewport={"width": width, "height": height}, **given)
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "cc", "value": sessions[who], "domain": "127.0.0.1", "path": "/"}])
        contexts.append(context)
        page: Page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_what_nobody_has_is_taken_from_what_waits_and_the_next_row_has_the_focus(open_desk: Open) -> None:
    page = open_desk("/waiting", "outsider")
    expect(page.get_by_role("link", name="Waiting, 1 due by tonight")).to_have_count(0)
    names = page.locator(".case-link").all_inner_texts()
    assert len(names) == 2
    page.get_by_role("button", name=f"Take {names[0]}").press("Enter")
    expect(page.locator("#done p")).to_contain_text("You have it now")
    expect(page.locator(".case-link", has_text=names[1])).to_be_focused()
    expect(page.locator(".case", has_text=names[0])).to_contain_text("Yours")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name=f"Take {names[0]}")).to_be_visible()


def test_a_contact_is_logged_from_its_row_and_taken_back_by_the_keyboard_alone(open_desk: Open) -> None:
    page = open_desk()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("nguyen")
    expect(page.locator(".case")).to_have_count(1)
    page.locator("#list").focus()
    page.keyboard.press("j")
    expect(page.locator(".case-link")).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#act-form input:focus")).to_have_attribute("name", "whom")
    page.locator("#act-note").focus()
    page.keyboard.type("Dana decides on Saturday.")
    page.locator("#act-touch").focus()
    page.keyboard.type("+1")
    expect(page.locator("#act-touch-sum")).to_have_text("22 Nov + 1 working day = Mon 23 Nov 2026")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#done p")).to_contain_text("Next touch 23 Nov 2026")
    expect(page.locator("#panel-name")).to_be_focused()
    expect(page.locator("#panel .timeline").first).to_contain_text("Dana decides on Saturday.")
    page.keyboard.press("u")
    expect(page.locator("#done p")).to_contain_text("Taken back.")
    expect(page.locator("#panel .timeline").first).not_to_contain_text("Dana decides on Saturday.")


def test_a_patients_page_answers_to_c_m_and_r_but_not_while_somebody_writes(open_desk: Open) -> None:
    page = open_desk("/patients?q=brandt")
    page.get_by_role("link", name="Brandt, Eleanor").click()
    expect(page.locator("#patient-name")).to_be_focused()
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="Write a message")).to_be_visible()
    words = page.locator("#act-form textarea").first
    words.fill("")
    words.press_sequentially("cmr")
    expect(words).to_have_value("cmr")
    expect(page.get_by_role("heading", name="Write a message")).to_be_visible()
    page.locator("#patient-name").focus()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Log a contact")).to_be_visible()
    page.locator("#patient-name").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_role("heading", name="On a patient's page")).to_be_visible()
    expect(keys.get_by_text("Write a message")).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/referrals/new"))
    expect(page.get_by_role("main")).to_contain_text("Brandt, Eleanor")


def test_what_is_wrong_takes_the_focus_and_its_link_leads_to_the_field(open_desk: Open) -> None:
    page = open_desk(f"{PANEL}&act=contact")
    page.fill("#act-who", "Dana R.")
    page.fill("#act-touch", "31 feb")
    page.locator("#act-touch").press("Control+Enter")
    expect(page.locator("#faults")).to_be_focused()
    expect(page.locator("#act-who")).to_have_value("Dana R.")
    assert "act=contact" in page.url
    page.locator("#faults a").click()
    expect(page.locator("#act-touch")).to_be_focused()


def test_a_colleagues_window_follows_within_five_seconds_and_keeps_its_place(open_desk: Open) -> None:
    theirs = open_desk(who="patel")
    case = (theirs.locator(".case").first.get_attribute("id") or "").removeprefix("case-")
    mine = open_desk(f"/?show={case}")
    theirs.locator(".case-link").nth(3).focus()
    name = theirs.locator(".case-link").nth(3).inner_text()
    theirs.keyboard.press("x")
    theirs.wait_for_timeout(500)
    mine.locator("#panel-name").focus()
    mine.keyboard.press("t")
    expect(mine.locator("#done p")).to_contain_text("You have it now.")
    row = theirs.locator(f"#case-{case}")
    expect(row.locator(".avatar")).to_have_attribute("title", "Reyes, Maria", timeout=5_000)
    expect(theirs.locator(".case-link:focus")).to_have_text(name)
    assert theirs.locator(".pick input:checked").count() == 1


def test_a_double_click_acts_once(open_desk: Open) -> None:
    page = open_desk(f"{PANEL}&act=note")
    page.fill("#act-note", "Twice pressed.")
    page.locator('#act-form [type="submit"]').dblclick()
    expect(page.locator("#done p")).to_contain_text("Note saved.")
    page.wait_for_timeout(500)
    page.goto(PANEL)
    assert page.locator("#panel .timeline").first.get_by_text("Twice pressed.").count() == 1


def test_a_refresh_leaves_alone_what_is_being_typed(open_desk: Open) -> None:
    page, other = open_desk(f"{PANEL}&act=note"), open_desk(who="patel", path=f"{PANEL}&act=note")
    page.locator("#act-note").click()
    page.keyboard.type("I am still wri")
    page.wait_for_timeout(500)
    other.fill("#act-note", "Done before you.")
    other.locator("#act-note").press("Control+Enter")
    expect(other.locator("#done p")).to_contain_text("Note saved.")
    page.wait_for_timeout(4_000)
    page.keyboard.type("ting.")
    expect(page.locator("#act-note")).to_have_value("I am still writing.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#panel .timeline").first).to_contain_text("Done before you.")


def test_a_refresh_that_comes_late_takes_away_no_form_that_was_opened_meanwhile(open_desk: Open) -> None:
    page, other = open_desk(PANEL), open_desk(who="patel", path=f"{PANEL}&act=note")
    held: list[Route] = []

    def hold(route: Route) -> None:
        refresh = "x-refresh" in route.request.headers and not route.request.url.endswith("/worklist/version")
        held.append(route) if refresh else route.continue_()

    page.wait_for_timeout(500)
    page.route("**/*", hold)
    other.fill("#act-note", "While you were looking.")
    other.locator("#act-note").press("Control+Enter")
    expect(other.locator("#done p")).to_contain_text("Note saved.")
    while not held:
        page.wait_for_timeout(200)
    page.locator('#panel [data-verb="note"]').click()
    expect(page.locator("#act-note")).to_be_focused()
    with page.expect_response(lambda answer: "x-refresh" in answer.request.headers and "show=" in answer.url):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#act-note")).to_be_focused()


def test_a_stale_form_shows_theirs_and_yours(open_desk: Open) -> None:
    page, other = open_desk(f"{PANEL}&act=snooze"), open_desk(who="patel", path=f"{PANEL}&act=snooze")
    page.fill("#act-until", "8 Dec")
    other.fill("#act-until", "1 Dec")
    other.locator("#act-until").press("Control+Enter")
    expect(other.locator("#done p")).to_contain_text("Rests until 1 Dec 2026.")
    page.locator("#act-until").press("Control+Enter")
    expect(page.locator("#changed")).to_be_focused()
    expect(page.locator("#changed")).to_contain_text("Patel, Kavita was first")
    expect(page.locator("#changed")).to_contain_text("You wrote 8 Dec")
    expect(page.locator("#act-until")).to_have_value("8 Dec")
    page.locator("#act-until").press("Control+Enter")
    expect(page.locator("#done p")).to_contain_text("Rests until 8 Dec 2026.")
    page.goto(f"{PANEL}&tab=snoozed")
    page.locator("#panel-name").focus()
    page.keyboard.press("w")
    expect(page.locator("#done p")).to_contain_text("It is back in your lists.")


@pytest.mark.parametrize(("width", "scheme"), ENDS)
def test_forms_their_faults_and_the_line_after_them_have_no_fault(open_desk: Open, width: int, scheme: str) -> None:
    page = open_desk(f"{PANEL}&act=contact", width=width, color_scheme=scheme)
    page.fill("#act-touch", "31 feb")
    page.locator("#act-touch").press("Control+Enter")
    expect(page.locator("#faults")).to_be_visible()
    assert faults(page, "#panel") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("#act-touch", "")
    page.locator("#act-touch").press("Control+Enter")
    expect(page.locator("#done")).to_be_visible()
    page.locator(".acts-more summary").click()
    assert faults(page, "#panel") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


FORMS = {  # verb -> who opens its form, on which case, and what its button says
    "assign": ("coordinator", "order-24744", "Give it"),
    "snooze": ("coordinator", "order-24744", "Let it rest"),
    "note": ("coordinator", "order-24744", "Save note"),
    "contact": ("coordinator", "order-24744", "Save contact"),
    "message": ("coordinator", "order-24820", "Send"),  # to a patient who reads Spanish, among others
    "instruct": ("coordinator", "order-24820", "Give the instructions"),
    "give-form": ("coordinator", "order-24744", "Give the form"),
    "answer": ("coordinator", "order-24826", "Send the answer"),
    "book": ("coordinator", "order-24744", "Record the visit"),
    "move": ("coordinator", "order-24752", "Record the new time"),
    "cancel": ("coordinator", "order-24752", "Call off the visit"),
    "report": ("coordinator", "order-24752", "Record the report"),
    "withdraw": ("coordinator", "order-24752", "Withdraw it"),
    "hear-yes": ("coordinator", "order-24815", "Record the yes"),
    "hear-no": ("coordinator", "order-24815", "Record the no"),
    "ask": ("ives", "order-24815", "Send the question"),
    "decline": ("ives", "order-24815", "Decline the referral"),
    "reopen": ("coordinator", "order-24815", "Send the referral"),
}


def test_every_form_has_no_fault_and_its_button_says_what_it_does(
    open_desk: Open, acting_house: House, sessions: dict[str, str]
) -> None:
    new = NewUser("ives", "Ives, Ida", frozenset({"coordinator"}), "bellwether-vascular")
    accounts.add_user(acting_house.world, new, PASSWORD)
    cookie = acting_house.enter("ives").get_cookie("cc")
    assert cookie is not None
    sessions["ives"] = cookie.value
    pages = {}
    for n, (verb, (who, case, does)) in enumerate(FORMS.items()):
        width, scheme = LOOKS[n % len(LOOKS)]
        page = pages.get((width, scheme, who)) or open_desk(who=who, width=width, color_scheme=scheme)
        pages[width, scheme, who] = page
        page.goto(f"/?show={case}&act={verb}")
        expect(page.locator('#act-form [type="submit"]')).to_have_text(does)
        if n % 3 == 0:  # they are of one template
            assert faults(page, "#panel") == [], verb
        assert page.evaluate("document.documentElement.scrollWidth") <= width, verb
        if verb == "decline":  # so that it can be opened anew
            page.fill("#act-reason", "No capacity.")
            page.locator("#act-reason").press("Control+Enter")
            expect(page.locator("#done p")).to_contain_text("Declined.")


@pytest.mark.parametrize("width", [1440, 320])
def test_whom_to_call_is_read_at_a_glance_beside_a_number_with_a_long_remark(open_desk: Open, width: int) -> None:
    page = open_desk("/?show=order-24817&act=contact", width=width)
    names = page.locator(".whom-row label span")
    tallest = names.evaluate_all("all => Math.max(...all.map(e => e.getClientRects().length))")
    assert tallest <= 2
    assert page.locator(".whom-row").evaluate_all("all => Math.max(...all.map(e => e.offsetHeight))") <= 80
    acts = page.locator("#panel .acts").evaluate("acts => acts.offsetHeight")
    assert acts <= 2 * 42


def test_the_question_mark_shows_the_keys(open_desk: Open) -> None:
    page = open_desk()
    page.locator(".case-link").first.focus()
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    expect(page.locator(".case-link").first).to_be_focused()


def test_without_scripts_the_same_forms_do_the_same(open_desk: Open) -> None:
    page = open_desk(PANEL, java_script_enabled=False)
    page.locator('#panel [data-verb="note"]').click()
    page.fill("#act-note", "Plainly sent.")
    page.click('#act-form [type="submit"]')
    expect(page.locator("#done p")).to_contain_text("Note saved.")
    assert re.search(r"show=.*done=", page.url)
    page.click("#done button")
    expect(page.locator("#done p")).to_contain_text("Taken back.")


def done(hands: Hands, words: str) -> None:
    """The act was done, and the panel has the focus again: the next key is at hand."""
    expect(hands.page.locator("#done p")).to_contain_text(words)
    expect(hands.page.locator("#panel-name")).to_be_focused()


def form(hands: Hands, key: str, field: str) -> None:
    """Open the form of an act by its key, once the window offers it."""
    expect(hands.page.locator(f'#panel [data-key="{key}"]').first).to_be_attached(timeout=5_000)
    hands.press(key)
    expect(hands.page.locator(field)).to_be_focused()


def look(page: Page, looks: list[Look] = LOOKS) -> None:
    """axe finds nothing in the panel in these looks, and nothing is wider than the window at any width."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if (width, scheme) in looks:
            assert faults(page, "#panel", rules_of((width, scheme), looks)) == [], f"at {width} px, {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_referral_goes_from_draft_to_closed_by_the_keyboard_alone(
    open_desk: Open, acting_house: House, sessions: dict[str, str]
) -> None:
    """Issue 7, must-show 5, in one go: every act once, some pressed twice and one from a form that a colleague has
    overtaken; the other windows follow within five seconds."""
    people = (("okoye", "coordinator", "parkside-endocrine"), ("amari", "clinician", "office-fairmont"))
    for login, role, office in people:
        accounts.add_user(acting_house.world, NewUser(login, login.title(), frozenset({role}), office), PASSWORD)
        cookie = acting_house.enter(login).get_cookie("cc")
        assert cookie is not None
        sessions[login] = cookie.value
    case = "/?show=order-24828"
    tally = Tally()
    maria, clinic, doctor = (Hands(open_desk(case, who=who), tally) for who in ("coordinator", "okoye", "amari"))
    track = maria.page.locator(".tracks").first
    maria.press("s")  # who comes by the address of a referral has its keys at hand
    done(maria, "Sent to Parkside Endocrine.")
    expect(clinic.page.locator('[data-key="y"]')).to_be_attached(timeout=5_000)
    clinic.press("y")
    done(clinic, "Accepted.")
    expect(track).to_contain_text("Accepted", timeout=5_000)
    form(maria, "c", "#act-form input:checked:focus")
    look(maria.page)
    maria.press("Control+Enter")
    done(maria, "Call to")
    stale = Hands(open_desk(case), Tally())  # a form of hers that the clinic overtakes
    _visit(stale, "+2", "9:00")
    for day, hour in (("today", "8:30"), ("+3", "2 pm")):
        _visit(clinic, day, hour)
        clinic.press("Control+Enter")
        done(clinic, "Visit recorded for")
        if day == "today":
            clinic.press("o")
            done(clinic, "The patient did not come.")
            expect(track).to_contain_text("No-show", timeout=5_000)
    stale.press("Control+Enter")
    expect(stale.page.locator("#changed")).to_contain_text("was first")
    expect(stale.page.locator("#panel")).to_contain_text("+2")
    stale.page.close()  # each window more that follows takes from the five seconds of the others
    form(clinic, "r", "#act-note")
    clinic.press("Control+Enter")
    done(clinic, "Report recorded.")
    expect(doctor.page.get_by_role("button", name="Acknowledge the report")).to_be_visible(timeout=5_000)
    doctor.press("e", "e")  # as an impatient hand does
    done(doctor, "Report acknowledged.")
    expect(maria.page.locator('[data-key="p"]')).to_be_attached(timeout=5_000)
    maria.press("p")
    done(maria, "Patient told.")
    expect(maria.page.locator("#panel-next")).to_contain_text("closed")
    look(maria.page, ENDS)
    with reading(acting_house.world.engine) as conn:
        kept = [json.loads(row.body) for type in ("Appointment", "Task") for row in registry.every(conn, type)]
    own = [each for each in kept if "order-24828" in str(each)]
    assert [each["status"] for each in own if each["resourceType"] == "Appointment"] == ["noshow", "booked"]
    read = [each["status"] for each in own if "acknowledge-report" in str(each.get("code"))]
    assert read == ["completed"]
    assert tally.acts + tally.steps < 30, tally  # Tab is counted with the rest


def _visit(hands: Hands, day: str, hour: str) -> None:
    """Write down when a visit is."""
    form(hands, "b", "#act-day")
    hands.type(day)
    hands.press("Tab")
    hands.type(hour)


def test_a_form_that_is_sent_after_the_session_ended_comes_back_with_what_was_typed(
    open_desk: Open, acting_house: House, sessions: dict[str, str]
) -> None:
    accounts.add_user(
        acting_house.world, NewUser("quinn", "Quinn, Rae", frozenset({"coordinator"}), "office-fairmont"), PASSWORD
    )
    cookie = acting_house.enter("quinn").get_cookie("cc")
    assert cookie is not None
    sessions["quinn"] = cookie.value
    page = open_desk(PANEL, who="quinn")
    quinn = Hands(page, Tally())
    form(quinn, "n", "#act-note")
    quinn.type("She asks for a call after five.")
    with writing(acting_house.world.engine) as conn:  # as if half an hour had gone by without a request
        conn.execute(update(session).where(session.c.hash == digest(cookie.value)).values(seen=session.c.seen - IDLE))
    quinn.press("Control+Enter")
    expect(page).to_have_url(re.compile("/sign-in"))
    quinn.walk("textbox", "Login")
    quinn.type("quinn")
    quinn.walk("textbox", "Password")
    quinn.type(PASSWORD)
    quinn.press("Enter")
    expect(page.locator("#act-note")).to_have_value("She asks for a call after five.")
    expect(page.locator("#act-note")).to_be_focused()
    quinn.press("Control+Enter")
    done(quinn, "Note saved.")
    expect(page.locator("#panel .timeline").first).to_contain_text("She asks for a call after five.")
