"""Worked cases 1, 2, 5, 7, 9 and 10 of the story through the screens of both sides, the clinic's coordinator and the
payer's clerk: each from the state in which the coordinator finds it to what it should be, in a browser, by accessible
names and the keyboard alone (issue 10, must-show 7)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.axe import ENDS, LOOKS, Look, check
from tests.desk.browser.closed import App, answering, clinic, closed, following
from tests.desk.browser.hands import Hands, Windows
from tests.desk.browser.servers import served
from tests.desk.browser.test_worked_cases import MET, gates
from tests.desk.conftest import House


@pytest.fixture(scope="module")
def windows(browser: Any, acting_house: House) -> Iterator[Windows]:
    with served(acting_house) as address:
        made = Windows(browser, acting_house, address)
        made.hire("ruiz", "Ruiz, Pia", "payer", "office-pinnacle")
        yield made
        made.close()
        assert made.noise == []


def look(hands: Hands, looks: list[Look] = ENDS) -> None:
    """axe finds nothing here at any width, and nothing is wider than the window."""
    check(hands.page, looks)
    hands.page.set_viewport_size({"width": 1440, "height": 900})
    hands.page.emulate_media(color_scheme="light")


def found(clerk: Hands, words: str, tab: str = "new") -> None:
    """The clerk finds a request in the queue by the patient's name, and opens it."""
    clerk.page.goto(f"/decisions?tab={tab}")
    clerk.page.keyboard.press("/")
    clerk.type(words)
    clerk.press("Enter")
    clerk.page.wait_for_url(f"**q={words}**")
    clerk.push("link", re.compile(words))
    expect(clerk.page.get_by_role("heading", name=re.compile(words))).to_be_visible()


def approve(clerk: Hands, last: str) -> None:
    """The one line is approved until a day, and the decision leaves at once."""
    clerk.walk("radio", re.compile("^Approve"))
    clerk.press("a")
    clerk.fill("Last day", last)
    clerk.press("Control+Enter")
    clerk.page.wait_for_url("**done=**")
    clerk.push("button", "Send now")
    expect(clerk.page.get_by_text("It can not be taken back any more.")).to_be_visible()


FROM_APPROVED = "Legal from approved: update, extend, withdraw, void, inquire."
FROM_DRAFT = "Legal from draft: submit, retro, withdraw, void."
FROM_SUBMITTED = "Legal from submitted: update, withdraw, void, inquire."
FROM_DECIDED = "Legal from approved: approve, approve-in-part, modify, spare, deny, cancel."  # at the payer's
WEEK = "29 Nov 09:"  # seven days after what is sent on the story's day, by the minute at which a test does so


def clocks(maria: Hands, path: str, *said: str) -> None:
    """The clocks that run for a request, as its page names them: these, and no other."""
    maria.page.goto(path)
    expect(maria.page.get_by_role("heading", level=1)).to_be_visible()
    expect(maria.page.locator(".request-clocks dt")).to_have_count(len(said))
    for each in said:
        expect(maria.page.locator(".request-clocks")).to_contain_text(each)


def shut(windows: Windows, maria: Hands, request: str, payer: App) -> None:
    """What was approved is neither appealed, answered nor sent, by form or by app, nor pended by its payer."""
    path = f"/authorizations/{request}"
    closed(maria, path, FROM_APPROVED, "appeal", "answer-payer", "send-request", "peer-to-peer")
    status, said = clinic(windows.house).write(following(windows.house, request, "appeal"))
    assert (status, FROM_APPROVED in said) == (409, True), said
    status, said = payer.write(answering(windows.house, request, "A4"))
    assert (status, FROM_DECIDED in said) == (409, True), said


def waits(windows: Windows, maria: Hands, root: str, newest: str, *more: str) -> None:
    """What was sent has its payer's week, and is not asked more of, appealed or answered before it was decided. more:
    clocks that run beside it."""
    clocks(maria, f"/authorizations/{root}", f"Payer decides by{WEEK}", *more)
    closed(maria, f"/authorizations/{root}", FROM_SUBMITTED, "extend-request", "appeal", "answer-payer")
    status, said = clinic(windows.house).write(following(windows.house, newest, "extend"))
    assert (status, FROM_SUBMITTED in said) == (409, True), said


def unsent(windows: Windows, maria: Hands, draft: str, payer: App) -> None:
    """No clock runs for a draft; nothing but sending it or letting it be is open, and its payer answers nothing."""
    clocks(maria, f"/authorizations/{draft}")
    closed(maria, f"/authorizations/{draft}", FROM_DRAFT, "extend-request", "appeal", "answer-payer", "peer-to-peer",
           by="withdraw-request")  # fmt: skip
    status, said = payer.write(answering(windows.house, draft, "A1"))
    assert (status, "Nothing leads on from draft for this side." in said) == (409, True), said
    status, said = clinic(windows.house).write(following(windows.house, draft, "extend"))
    assert (status, FROM_DRAFT in said) == (409, True), said


def newest(windows: Windows, patient: str) -> str:
    """The id of the request of a patient that was written last."""
    with reading(windows.house.world.engine) as conn:
        rows = read.of_patient(conn, patient, ("Claim",))
    return max((json.loads(row.body) for row in rows), key=lambda each: str(each["meta"]["lastUpdated"]))["id"]


def opened(maria: Hands, case: str, act: str) -> None:
    """From the referral to its request for authorization, with the act open that is next."""
    maria.page.goto(f"/?show={case}")
    maria.push("link", "Open the request")
    expect(maria.page.get_by_role("heading", name=act, exact=True)).to_be_visible()


def sent(maria: Hands, case: str) -> None:
    """The draft of a referral goes out by the payer's portal."""
    opened(maria, case, "Send")
    maria.walk("combobox", "How it goes out")
    maria.type("Portal")
    maria.fill("Tracking number", "T-5")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()


def test_1_a_visit_was_moved_past_its_approval_which_is_extended(windows: Windows) -> None:
    case = "worked-01-visit-after-approval"
    maria = windows.open(f"/?show={case}", "coordinator")
    assert gates(maria.page, case) == MET | {
        "Authorization": "To do", "Appointment": "To do", "": "Not cleared: authorization and appointment",
    }  # fmt: skip
    expect(maria.page.locator("#panel .gates")).to_contain_text("Visit is 4 days past the approval: extend or move.")
    root, payer = f"request-{case}", App(windows.house, "payer", "office-blue-horizon")
    clocks(maria, f"/authorizations/{root}", "Approval ends30 Jan 2027")
    shut(windows, maria, root, payer)
    opened(maria, case, "Ask for more")
    expect(maria.page.get_by_text("4 days past").first).to_be_visible()
    look(maria, LOOKS)
    maria.fill("Last day", "5 Feb 2027")
    maria.fill("Why more is needed", "The clinic moved the visit.")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()
    assert gates(maria.page, case)["Authorization"] == "Waiting"
    waits(windows, maria, root, newest(windows, "ingrid-halvorsen"), "Approval ends30 Jan 2027")
    clerk = windows.open("/decisions", "payer")
    found(clerk, "Halvorsen")
    expect(clerk.page.locator("#main")).to_contain_text(WEEK)
    look(clerk, LOOKS)
    approve(clerk, "5 Feb 2027")
    clocks(maria, f"/authorizations/{root}", "Approval ends5 Feb 2027")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}


def test_2_twelve_visits_are_spoken_for_a_thirteenth_is_warned_of_and_more_are_asked_for(windows: Windows) -> None:
    case = "worked-02-thirteenth-visit"
    maria = windows.open(f"/?show={case}", "coordinator")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}
    warning = "All 12 authorized visits are used or booked: another needs more units first."
    expect(maria.page.locator("#panel .warning")).to_contain_text(warning)
    root, payer = f"request-{case}", App(windows.house, "payer", "office-pinnacle")
    clocks(maria, f"/authorizations/{root}", "Approval ends21 Jan 2027")
    shut(windows, maria, root, payer)
    maria.page.goto(f"/?show={case}")
    maria.page.locator("#panel-name").focus()
    maria.press("+")  # the way to the request, printed under More
    maria.page.wait_for_url(f"**/authorizations/request-{case}")
    maria.push("link", re.compile("^Ask for more"))
    expect(maria.page.get_by_role("heading", name="Ask for more", exact=True)).to_be_visible()
    maria.fill("Units in all", "16")
    maria.fill("Why more is needed", "The knee is still weak.")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()
    assert gates(maria.page, case)["Authorization"] == "Met", "what was granted stands while more is asked for"
    waits(windows, maria, root, newest(windows, "tendai-moyo"), "Approval ends21 Jan 2027")
    clerk = windows.open("/decisions", "ruiz")
    found(clerk, "Moyo")
    expect(clerk.page.get_by_text("16 visits").first).to_be_visible()
    approve(clerk, "21 Jan 2027")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}
    expect(maria.page.locator("#panel .warning")).to_have_count(0)


def test_5_the_card_is_another_payers_on_the_day_of_the_visit_who_is_asked_anew(windows: Windows) -> None:
    case = "worked-05-new-payer"
    maria = windows.open(f"/?show={case}", "coordinator")
    assert gates(maria.page, case) == MET | {"Authorization": "To do", "": "Not cleared: authorization"}
    expect(maria.page.locator("#panel .gates")).to_contain_text("The approval is Blue Horizon Health's")
    maria.push("button", "Begin a request for authorization")
    expect(maria.page.locator("#done p")).to_contain_text("A request to Pinnacle Mutual was begun.")
    draft, payer = newest(windows, "patrick-o-donnell"), App(windows.house, "payer", "office-pinnacle")
    unsent(windows, maria, draft, payer)
    shut(windows, maria, f"request-{case}", App(windows.house, "payer", "office-blue-horizon"))
    sent(maria, case)
    assert gates(maria.page, case)["Authorization"] == "Waiting"
    waits(windows, maria, draft, draft)
    status, said = App(windows.house, "payer", "office-blue-horizon").write(answering(windows.house, draft, "A1"))
    assert (status, "Nothing leads on from submitted for this side." in said) == (403, True), said
    old = windows.open("/decisions?tab=new&q=Donnell", "payer")
    expect(old.page.locator(".case")).to_have_count(0)
    clerk = windows.open("/decisions", "ruiz")
    found(clerk, "Donnell")
    approve(clerk, "8 Feb 2027")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}


def test_7_a_paper_that_the_payer_asked_for_is_given_before_its_own_day(windows: Windows) -> None:
    case = "worked-07-document-asked"
    maria = windows.open(f"/?show={case}", "coordinator")
    assert gates(maria.page, case) == MET | {
        "Authorization": "Waiting", "Information": "To do", "Appointment": "To do",
        "": "Not cleared: authorization, information and appointment",
    }  # fmt: skip
    maria.page.goto(f"/authorizations/request-{case}?act=answer-payer")
    expect(maria.page.get_by_role("heading", name="Answer the payer", exact=True)).to_be_visible()
    clocks = maria.page.locator(".request-clocks")
    expect(clocks).to_contain_text("Papers by24 Nov 12:00")  # their own day, before the payer's
    expect(clocks).to_contain_text("Payer decides by27 Nov 10:00")
    look(maria)
    maria.walk("checkbox", re.compile("^Progress note"))
    maria.press("Space")
    maria.fill("Words to the payer", "The procedure note is on its last page.")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()
    told = gates(maria.page, case)
    assert (told["Authorization"], told["Information"]) == ("Waiting", "Met")
    maria.page.goto(f"/authorizations/request-{case}")
    expect(clocks).to_contain_text("Payer decides by27 Nov 10:00")  # asking for papers did not stop it
    expect(clocks).not_to_contain_text("Papers by")
    clerk = windows.open("/decisions", "payer")
    found(clerk, "Nguyen", "answered")
    look(clerk)
    expect(clerk.page.get_by_role("link", name=re.compile("^Progress note"))).to_be_visible()
    approve(clerk, "19 Dec 2026")
    told = gates(maria.page, case)
    assert (told["Authorization"], told["Information"]) == ("Met", "Met")


def test_9_an_answer_of_40_days_ago_confirms_nothing_until_the_payer_is_asked_again(windows: Windows) -> None:
    case = "worked-09-stale-eligibility"
    maria = windows.open(f"/?show={case}", "coordinator")
    before = {"Coverage": "Unknown", "Authorization": "Not needed", "": "Not cleared: coverage"}
    assert gates(maria.page, case) == MET | before
    closed(maria, f"/referrals/{case}", "No request can be begun", "begin-request", by="note")
    maria.page.goto(f"/?show={case}")
    maria.push("button", "Check eligibility")
    expect(maria.page.locator("#done p")).to_be_visible()
    assert gates(maria.page, case)["Coverage"] == "Waiting"
    expect(maria.page.locator("#panel .next")).to_contain_text("23 Nov 09:")  # within a day of the question
    expect(maria.page.locator("#panel .next")).to_contain_text("Eligibility answer")
    world = windows.house.world
    with reading(world.engine) as conn:
        rows = read.of_patient(conn, "willem-achterberg", ("CoverageEligibilityRequest",))
    asked = max((json.loads(row.body) for row in rows), key=lambda each: str(each["created"]))
    answer = {
        "resourceType": "CoverageEligibilityResponse", "status": "active", "purpose": asked["purpose"],
        "patient": asked["patient"], "created": world.clock().isoformat(timespec="seconds"), "outcome": "complete",
        "servicedDate": asked["servicedDate"], "insurer": asked["insurer"],
        "request": {"reference": f"CoverageEligibilityRequest/{asked['id']}"},
        "insurance": [{"coverage": asked["insurance"][0]["coverage"], "inforce": True}],
    }  # fmt: skip
    status, said = App(windows.house, "payer", "office-blue-horizon").write(answer)
    assert (status, "whom this access sees" in said) == (403, True), said  # no other payer says it
    windows.hire("grange", "Grange, Ada", "payer", "office-granite-care")
    clerk = windows.open("/decisions", "grange")
    clerk.push("link", re.compile("^Coverage questions"))
    expect(clerk.page.get_by_role("heading", name="Coverage questions")).to_be_visible()
    look(clerk, LOOKS)
    clerk.push("link", "Achterberg, Willem")
    expect(clerk.page.locator("#main")).to_contain_text("23 Nov 09:")
    look(clerk, LOOKS)
    clerk.walk("radio", "In force")
    clerk.press("Space")
    clerk.fill("Words to the clinic", "Plan GC-MA, no change in sight.")
    clerk.push("button", "Send the answer")
    expect(clerk.page.locator("#done p")).to_contain_text("the clinic sees it now")
    assert gates(maria.page, case) == MET | {"Authorization": "Not needed"}
    clerk.fill("Member number", "GC014-4490009")  # what changes now, nobody asks about
    clerk.press("Enter")
    clerk.push("link", "Achterberg, Willem")
    expect(clerk.page.get_by_role("heading", name="State a change of a card")).to_be_visible()
    look(clerk, LOOKS)
    clerk.walk("radio", "Coverage ends")
    clerk.press("Space")
    clerk.fill("Last day, or first day in force", "29 Nov")
    clerk.push("button", "State it")
    expect(clerk.page.locator("#done p")).to_contain_text("The change of coverage was stated")
    assert gates(maria.page, case)["Coverage"] == "Blocked"


def test_10_another_clinic_than_the_approved_one_sees_the_patient_and_the_payer_is_asked_anew(windows: Windows) -> None:
    case = "worked-10-declined"
    maria = windows.open(f"/?show={case}", "coordinator")
    told = gates(maria.page, case)
    assert (told["Authorization"], told["Appointment"]) == ("To do", "Waiting")
    expect(maria.page.locator("#panel .gates")).to_contain_text(
        "The approval names Riverside Heart Group; the referral is with Bellwether Heart & Vascular"
    )
    maria.push("button", "Begin a request for authorization")
    expect(maria.page.locator("#done p")).to_contain_text("A request to Blue Horizon Health was begun.")
    draft, payer = newest(windows, "nadia-rahman"), App(windows.house, "payer", "office-blue-horizon")
    clocks(maria, f"/authorizations/request-{case}", "Approval ends10 Feb 2027")
    shut(windows, maria, f"request-{case}", payer)
    unsent(windows, maria, draft, payer)
    sent(maria, case)
    waits(windows, maria, draft, draft)
    clerk = windows.open("/decisions", "payer")
    found(clerk, "Rahman")
    expect(clerk.page.get_by_text("Bellwether Heart & Vascular").first).to_be_visible()
    approve(clerk, "17 Feb 2027")
    told = gates(maria.page, case)
    assert (told["Authorization"], told["Coverage"], told["Contract"]) == ("Met", "Met", "Met")
