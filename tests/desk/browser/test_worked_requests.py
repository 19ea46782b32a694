"""Worked cases 1, 2, 5, 7, 9 and 10 of the story through the screens of both sides, the clinic's coordinator and the
payer's clerk: each from the state in which the coordinator finds it to what it should be, in a browser, by accessible
names and the keyboard alone (issue 10, must-show 7)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from carecoord.actions.fhir import interactions
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.axe import ENDS, LOOKS, Look, check
from tests.desk.authorizations.test_automatic import SYSTEM
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
    opened(maria, case, "Ask for more")
    expect(maria.page.get_by_text("4 days past").first).to_be_visible()
    for verb in ("appeal", "answer-payer", "send-request"):  # none of them is open to what was approved
        expect(maria.page.locator(f'[data-verb="{verb}"]')).to_have_count(0)
    look(maria, LOOKS)
    maria.fill("Last day", "5 Feb 2027")
    maria.fill("Why more is needed", "The clinic moved the visit.")
    maria.press("Control+Enter")
    expect(maria.page.locator("#done p")).to_be_visible()
    assert gates(maria.page, case)["Authorization"] == "Waiting"
    clerk = windows.open("/decisions", "payer")
    found(clerk, "Halvorsen")
    look(clerk, LOOKS)
    approve(clerk, "5 Feb 2027")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}


def test_2_twelve_visits_are_spoken_for_a_thirteenth_is_warned_of_and_more_are_asked_for(windows: Windows) -> None:
    case = "worked-02-thirteenth-visit"
    maria = windows.open(f"/?show={case}", "coordinator")
    assert gates(maria.page, case) == MET | {"Authorization": "Met"}
    warning = "All 12 authorized visits are used or booked: another needs more units first."
    expect(maria.page.locator("#panel .warning")).to_contain_text(warning)
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
    sent(maria, case)
    assert gates(maria.page, case)["Authorization"] == "Waiting"
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
    maria.push("button", "Check eligibility")
    expect(maria.page.locator("#done p")).to_be_visible()
    assert gates(maria.page, case)["Coverage"] == "Waiting"
    world = windows.house.world
    with reading(world.engine) as conn:
        rows = read.of_patient(conn, "willem-achterberg", ("CoverageEligibilityRequest",))
    asked = max((json.loads(row.body) for row in rows), key=lambda each: str(each["created"]))
    interactions.create(world, SYSTEM, "CoverageEligibilityResponse", {  # the payer's system answers over the API
        "resourceType": "CoverageEligibilityResponse", "status": "active", "purpose": asked["purpose"],
        "patient": asked["patient"], "created": world.clock().isoformat(timespec="seconds"), "outcome": "complete",
        "servicedDate": asked["servicedDate"], "insurer": asked["insurer"],
        "request": {"reference": f"CoverageEligibilityRequest/{asked['id']}"},
        "insurance": [{"coverage": asked["insurance"][0]["coverage"], "inforce": True}],
    })  # fmt: skip
    assert gates(maria.page, case) == MET | {"Authorization": "Not needed"}


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
    sent(maria, case)
    clerk = windows.open("/decisions", "payer")
    found(clerk, "Rahman")
    expect(clerk.page.get_by_text("Bellwether Heart & Vascular").first).to_be_visible()
    approve(clerk, "17 Feb 2027")
    told = gates(maria.page, case)
    assert (told["Authorization"], told["Coverage"], told["Contract"]) == ("Met", "Met", "Met")
