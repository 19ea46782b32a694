"""What an office does around its agreements: a draft goes round before it is signed, certificates, bills."""

import io
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.access.turn import changing
from carecoord.actions.fhir import door
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change
from carecoord.domain.agreements.desk.drafts import stated
from carecoord.errors import Conflict
from carecoord.fhir.validation.validate import judge
from carecoord.store.resources.write import Change as Write
from tests.desk.agreements.test_acts import after, every, hidden, opened, send, stored, undo, words
from tests.desk.conftest import NOW, PASSWORD, House
from tests.domain.documents.files import pdf

Json = dict[str, Any]
STEPS = Change("", "approval-steps", "Review, Law", date(2026, 1, 1))
VENDOR = {"kind": "vendor", "number": "V-7", "title": "Interpreters", "first": "Fairmont Medical Group",
          "second": "Stonebridge Physical Therapy", "start": "2026-09-01", "last": "2027-08-31", "limit": "10,000",
          "term-scope-of-work": "Interpreters at visits", "term-insurance": "A million each"}  # fmt: skip
CLINIC = "Organization/office-stonebridge-pt"


@pytest.fixture(autouse=True, scope="module")
def office(acting_house: House) -> House:
    """The office names two steps; Nilsson drafts, Ames reviews, Boyd is its lawyer."""
    acting_house.world.clock.now = NOW  # type: ignore[attr-defined]
    say.say(acting_house.world, None, "", "office-fairmont", STEPS, None)
    for login in ("ames", "boyd"):
        who = NewUser(login, login.title(), frozenset({"contracts"}), "office-fairmont")
        accounts.add_user(acting_house.world, who, PASSWORD)
    return acting_house


def drafted(client: FlaskClient, number: str) -> str:
    """The id of a new agreement with a vendor."""
    fields = hidden(client.get("/contracts/new?kind=vendor"))
    answer = send(client, "new", "draft", fields | VENDOR | {"number": number})
    after(client, answer)
    return answer.location.partition("?")[0].rpartition("/")[2]


def done(client: FlaskClient, id: str, verb: str, **given: str) -> str:
    return after(client, send(client, id, verb, opened(client, id, verb) | given))


def test_a_draft_is_signed_once_two_others_have_approved_what_it_says(office: House) -> None:
    carla, ames, boyd = (office.enter(who) for who in ("contracts", "ames", "boyd"))
    id = drafted(carla, "V-7")
    page = words(carla.get(f"/contracts/{id}"))
    assert "Approved 0 of 2 steps" in page
    assert "It was signed" not in page

    page = done(carla, id, "submit")
    assert "Review Asked for since 22 Nov 2026, wanted by 25 Nov 2026" in page  # three days of business, work's end
    assert "Somebody else looks it over: you wrote it" in page
    assert "Approve the draft" not in page
    assert "Law Asked for since" in done(ames, id, "approve", note="Numbers are right")
    assert "you wrote it, or approved another step" in words(ames.get(f"/contracts/{id}"))
    page = done(boyd, id, "approve")
    assert "Approved as it stands: it can be signed" in page
    assert "Review Approved by Ames, 22 Nov 2026" in page
    assert stored(office, id)["status"] == "executable"
    tasks = [each for each in every(office, "Task") if each.get("focus") == {"reference": f"Contract/{id}"}]
    assert [(each["description"], each["status"]) for each in tasks] == [("Review", "completed"), ("Law", "completed")]
    assert not any(judge(each, "Task") for each in tasks)
    signed = {"signer-1": "Ava Fair", "day-1": "22 Nov", "signer-2": "Ben Stone", "day-2": ""}
    assert "Signed by Ava Fair" in done(carla, id, "sign", **signed)


def test_a_change_of_the_draft_asks_for_the_approval_anew_and_no_road_signs_it_before(office: House) -> None:
    carla, ames = office.enter("contracts"), office.enter("ames")
    id = drafted(carla, "V-8")
    done(carla, id, "submit")
    back = send(ames, id, "give-back", opened(ames, id, "give-back"))
    assert (back.status_code, "Say what has to change." in words(back)) == (422, True)
    assert "Given back: Review" in done(ames, id, "give-back", reason="Whose interpreters?")
    done(carla, id, "submit")
    assert "Approved 1 of 2 steps" in done(ames, id, "approve")
    edit = {**VENDOR, "number": "V-8", "limit": "12,000"}
    assert "Approved 0 of 2 steps" in after(carla, send(carla, id, "edit", opened(carla, id, "edit") | edit))
    refused = send(carla, id, "sign", opened(carla, id, "edit") | {"signer-1": "A", "day-1": "22 Nov",
                                                                   "signer-2": "B", "day-2": ""})  # fmt: skip
    assert (refused.status_code, "has not approved this draft as it stands: Review, Law." in words(refused)) == (
        409, True,
    )  # fmt: skip
    service = Grant("svc", "svc", frozenset(parse("system/*.cruds")))
    with pytest.raises(Conflict, match="has not approved"), changing(office.world, service, "") as turn:
        door.admit(turn, [Write("Contract", id, stated(stored(office, id), "executed"))])


def test_a_certificate_is_shown_with_its_end_and_the_next_is_owed(office: House) -> None:
    carla = office.enter("contracts")
    id = drafted(carla, "V-9")
    assert "General liability insurance Demanded, and not shown" in words(carla.get(f"/contracts/{id}"))
    fields = opened(carla, id, "certify")
    lacks = send(carla, id, "certify", fields)
    for told in ("Choose which certificate it is.", "Choose whose certificate it is.", "Write its last day.",
                 "Choose the file."):  # fmt: skip
        assert told in words(lacks)
    given = {"kind": "general-liability", "holder": CLINIC, "number": "GL-1", "start": "2026-01-01",
             "last": "2026-12-10", "each": "1,000,000", "total": "2,000,000"}  # fmt: skip
    paper = {"file": (io.BytesIO(pdf()), "gl.pdf")}
    kept = carla.post(f"/contracts/{id}/certify", data=fields | given | paper, content_type="multipart/form-data")
    page = after(carla, kept)
    assert "Expires soon: 10 Dec 2026 Stonebridge Physical Therapy GL-1 $1,000,000 for each occurrence" in page
    assert "10 Dec Next certificate: General liability insurance" in page
    (document,) = [each for each in every(office, "DocumentReference") if "period" in each.get("context", {})]
    assert not judge(document, "DocumentReference")
    again = {**given, "number": "GL-2", "start": "2026-12-11", "last": "2027-12-10"}
    kept = carla.post(f"/contracts/{id}/certify", data=opened(carla, id, "certify") | again | {
        "file": (io.BytesIO(pdf()), "gl.pdf")}, content_type="multipart/form-data")  # fmt: skip
    page = after(carla, kept)
    assert "Until 10 Dec 2026" in page  # the one that follows is here
    assert "10 Dec 2027 Next certificate" in page
    assert "done 22 Nov" in page


def test_bills_stand_against_what_is_not_to_be_exceeded(office: House) -> None:
    """Of 10,000 for a year that began 83 days ago: 4,000 by today last until 25 Mar 2027."""
    carla = office.enter("contracts")
    id = drafted(carla, "V-10")
    assert "A bill was paid" not in words(carla.get(f"/contracts/{id}"))
    done(carla, id, "bill", number="71", issuer=CLINIC, day="1 Nov", amount="2,500")
    page = done(carla, id, "bill", number="72", issuer=CLINIC, day="20 Nov", amount="$1,500.00")
    assert "Left $6,000 $10,000 \u2212 $0 \u2212 $4,000 At the pace so far used up on 26 Mar 2027" in page
    twice = send(carla, id, "bill", opened(carla, id, "bill") | {
        "number": "72", "issuer": CLINIC, "day": "20 Nov", "amount": "1"})  # fmt: skip
    assert (twice.status_code, "is here already" in words(twice)) == (409, True)
    (first, _) = sorted(every(office, "Invoice"), key=lambda each: each["date"])
    assert not judge(first, "Invoice")
    page = done(carla, id, "pay", invoice=f"Invoice/{first['id']}", day="15 Nov")
    assert "Paid $2,500 Billed, not paid $1,500" in page
    assert 'aria-label="Of $10,000: $2,500 paid, $1,500 billed, $6,000 left"' in (
        carla.get(f"/contracts/{id}").get_data(as_text=True)
    )
    over = send(carla, id, "bill", opened(carla, id, "bill") | {
        "number": "73", "issuer": CLINIC, "day": "21 Nov", "amount": "9000"})  # fmt: skip
    assert "Over the limit $3,000" in after(carla, over)
    undone = after(carla, undo(carla, over, opened(carla, id, "bill")["csrf"]))
    assert "Left $6,000" in undone
    assert office.enter("rival").get(f"/contracts/{id}").status_code == 404
