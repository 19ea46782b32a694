"""A decision is held for a quarter of an hour: until it leaves nobody outside is told, and whoever made it can take it
back; what is urgent, or would miss its clock, leaves at once; a rule's approval is not held."""

import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.authorizations.readers import DIRECTOR, ids
from tests.desk.authorizations.test_automatic import SYSTEM, stored, work
from tests.desk.authorizations.test_decisions import APPROVE, DENY, HIDDEN, VASCULAR, answers, form
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

FAST = "request-order-24829"


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for found in built(story, tmp_path_factory.mktemp("holds"), Clock()):
        for login, name in (("calder", "Calder, Ines"), ("moss", "Moss, Ada")):
            accounts.add_user(found.world, NewUser(login, name, DIRECTOR, "office-blue-horizon"), PASSWORD)
        yield found


def post(client: FlaskClient, id: str, verb: str, **fields: str) -> tuple[int, str]:
    answer = client.post(f"/decisions/{id}/{verb}", data=form(client, id) | fields)
    return answer.status_code, answer.get_data(as_text=True)


def page(client: FlaskClient, id: str = VASCULAR) -> str:
    found = client.get(f"/decisions/{id}").get_data(as_text=True)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def later(house: House, minutes: int) -> None:
    clock = house.world.clock
    assert isinstance(clock, Clock)
    clock.now = NOW + timedelta(minutes=minutes)


def test_a_decision_leaves_a_quarter_of_an_hour_later_in_the_name_of_who_made_it(house: House) -> None:
    clerk, colleague = house.enter("payer"), house.enter("calder")
    assert post(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    assert "Okonkwo, Paul decided this. It leaves at 09:20" in page(clerk)
    assert ids(clerk.get("/decisions?tab=held").get_data(as_text=True)) == [VASCULAR]
    assert VASCULAR not in ids(clerk.get("/decisions").get_data(as_text=True))
    assert ("Send now" in page(clerk), "Send now" in page(colleague)) == (True, False)
    work(house)
    assert answers(house, VASCULAR) == [], "it is not due yet"
    later(house, 14)
    work(house)
    assert answers(house, VASCULAR) == []
    later(house, 16)
    work(house)
    (answer,) = answers(house, VASCULAR)
    assert answer["preAuthRef"].startswith("A-")
    assert answer["created"] == (NOW + timedelta(minutes=16)).isoformat(timespec="seconds")
    assert ids(clerk.get("/decisions?tab=held").get_data(as_text=True)) == []
    assert VASCULAR in ids(clerk.get("/decisions?tab=decided").get_data(as_text=True))


def test_who_made_it_takes_it_back_and_the_lines_are_open_again(house: House) -> None:
    clerk, colleague = house.enter("payer"), house.enter("calder")
    post(clerk, VASCULAR, "decide", **APPROVE)
    own = form(clerk, VASCULAR)
    refused = colleague.post(f"/decisions/{VASCULAR}/take-back", data=own | {"csrf": _csrf(colleague)})
    assert refused.status_code == 403
    assert clerk.post(f"/decisions/{VASCULAR}/take-back", data=own).status_code == 303
    later(house, 20)
    work(house)
    assert answers(house, VASCULAR) == []
    assert VASCULAR in ids(clerk.get("/decisions").get_data(as_text=True))
    assert post(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    assert clerk.post(f"/decisions/{VASCULAR}/send-decision", data=form(clerk, VASCULAR)).status_code == 303
    assert len(answers(house, VASCULAR)) == 1


def _csrf(client: FlaskClient) -> str:
    return dict(HIDDEN.findall(client.get(f"/decisions/{VASCULAR}").get_data(as_text=True)))["csrf"]


def test_what_is_urgent_leaves_at_once_and_so_does_what_would_miss_its_clock(house: House) -> None:
    clerk = house.enter("payer")
    shown = clerk.get(f"/decisions/{FAST}").get_data(as_text=True)
    lines = re.findall(r'name="do-(\d+)" value="approve"', shown)
    given = {f"do-{n}": "approve" for n in lines} | {f"last-{n}": "2027-01-31" for n in lines}
    met = re.findall(r'name="(met-\d+-\d+)" value="yes"', shown)
    assert post(clerk, FAST, "decide", **given, **dict.fromkeys(met, "yes"))[0] == 303
    assert len(answers(house, FAST)) == 1
    came = datetime.fromisoformat(stored(house, "Claim", VASCULAR)["created"])
    clock = house.world.clock
    assert isinstance(clock, Clock)
    clock.now = came + timedelta(days=7, minutes=-10)
    clerk = house.enter("payer")  # the session is over by then
    post(clerk, VASCULAR, "decide", **APPROVE)
    assert len(answers(house, VASCULAR)) == 1


def test_a_denial_is_held_once_the_second_person_has_agreed_and_what_was_held_before_goes_with_it(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    assert post(first, VASCULAR, "decide", **DENY)[0] == 303
    assert post(second, VASCULAR, "agree")[0] == 303
    assert answers(house, VASCULAR) == []
    assert "Calder, Ines decided this" in page(second)
    later(house, 16)
    work(house)
    (answer,) = answers(house, VASCULAR)
    assert "Not shown" in str(answer)


def test_the_second_of_two_clerks_reads_what_was_what_stands_and_what_they_wrote(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    early = form(second, VASCULAR)
    post(first, VASCULAR, "decide", **APPROVE)
    late = second.post(f"/decisions/{VASCULAR}/decide", data=early | DENY)
    said = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", late.get_data(as_text=True)).split()))
    assert late.status_code == 412
    assert "Line Before Decided, not sent yet Yours, not sent" in said
    both = r"Before not decided Decided, not sent yet Approved.*?Yours, not sent Deny.*?The notes do not show it\."
    assert re.search(both, said)
    assert "Keep Okonkwo, Paul's" in said


def test_a_decision_whose_request_was_answered_elsewhere_meanwhile_is_called_off(house: House) -> None:
    clerk = house.enter("payer")
    post(clerk, VASCULAR, "decide", **APPROVE)
    later(house, 5)
    claim = stored(house, "Claim", VASCULAR)
    other = {
        "resourceType": "ClaimResponse", "id": "elsewhere", "status": "active", "use": "preauthorization",
        "type": claim["type"], "patient": claim["patient"], "insurer": claim["insurer"], "outcome": "complete",
        "created": (NOW + timedelta(minutes=5)).isoformat(), "request": {"reference": f"Claim/{VASCULAR}"},
        "preAuthRef": "X-1",
    }  # fmt: skip
    interactions.update(house.world, SYSTEM, "ClaimResponse", "elsewhere", other)
    later(house, 16)
    work(house)
    assert [each["id"] for each in answers(house, VASCULAR)] == ["elsewhere"]
    assert ids(clerk.get("/decisions?tab=held").get_data(as_text=True)) == []


def test_the_papers_that_were_asked_for_beside_a_denial_still_leave_once_a_second_person_has_agreed(
    house: House,
) -> None:
    claim = stored(house, "Claim", VASCULAR)
    claim["item"].append(claim["item"][0] | {"sequence": 2})
    interactions.update(house.world, SYSTEM, "Claim", VASCULAR, claim)
    first, second = house.enter("payer"), house.enter("calder")
    shown = first.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    met = dict.fromkeys(re.findall(r'name="(met-\d+-\d+)" value="yes"', shown), "yes")
    asked = {"do-2": "ask", "paper-2": "Duplex scan", "by-2": "2026-12-01"}
    assert post(first, VASCULAR, "decide", **met | DENY | asked)[0] == 303
    later(house, 5)
    assert post(second, VASCULAR, "agree")[0] == 303
    assert _wishes(house) == []
    later(house, 21)
    work(house)
    assert len(answers(house, VASCULAR)) == 1
    (wish,) = _wishes(house)
    assert wish["input"][0]["valueCodeableConcept"] == {"text": "Duplex scan"}
    assert wish["authoredOn"] == (NOW + timedelta(minutes=21)).isoformat(timespec="seconds")


def _wishes(house: House) -> list[dict[str, Any]]:
    """The Tasks by which the clinic is asked for papers."""
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", VASCULAR)
        assert row is not None
        tasks = [json.loads(each.body) for each in read.of_patient(conn, str(row.patient), ("Task",))]
    return [each for each in tasks if each.get("reasonReference") == {"reference": f"Claim/{VASCULAR}"}]


def test_while_a_decision_is_held_no_act_of_an_older_page_calls_it_off_unseen(house: House) -> None:
    clerk, colleague = house.enter("payer"), house.enter("calder")
    early = form(colleague, VASCULAR)
    post(clerk, VASCULAR, "decide", **APPROVE)
    for verb, fields in (
        ("extend-clock", {"extend-by": "payer", "extend-why": "We wait for the notes."}),
        ("ask-director", {"director-words": "Is this the usual way?"}),
    ):
        late = colleague.post(f"/decisions/{VASCULAR}/{verb}", data=early | fields)
        assert (late.status_code, "is held and has not left yet" in late.get_data(as_text=True)) == (409, True), verb
    later(house, 16)
    work(house)
    (answer,) = answers(house, VASCULAR)
    assert answer["preAuthRef"].startswith("A-")


def test_a_decision_that_is_stuck_is_late_and_anybody_who_decides_takes_it_back_but_does_not_send_it(
    house: House,
) -> None:
    clerk = house.enter("payer")
    post(clerk, VASCULAR, "decide", **APPROVE)
    later(house, 29)
    assert "Take it back" not in page(house.enter("calder"))
    later(house, 60 * 24 * 30)
    clerk, colleague = house.enter("payer"), house.enter("calder")
    for tab in ("late", "held"):
        assert VASCULAR in ids(clerk.get(f"/decisions?tab={tab}").get_data(as_text=True)), tab
    assert "It ought to have left by now" in page(colleague)
    own = form(colleague, VASCULAR)
    assert colleague.post(f"/decisions/{VASCULAR}/send-decision", data=own).status_code == 403
    assert colleague.post(f"/decisions/{VASCULAR}/take-back", data=own).status_code == 303
    assert VASCULAR in ids(colleague.get("/decisions").get_data(as_text=True))
    work(house)
    assert answers(house, VASCULAR) == []


def test_a_decision_whose_request_was_replaced_is_called_off_and_its_author_reads_so(house: House) -> None:
    clerk = house.enter("payer")
    post(clerk, VASCULAR, "decide", **APPROVE)
    later(house, 5)
    claim = stored(house, "Claim", VASCULAR)
    claim.pop("meta")
    replaces = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship",
                            "code": "prior"}]}  # fmt: skip
    claim |= {"id": "changed", "created": (NOW + timedelta(minutes=5)).isoformat(),
              "related": [{"claim": {"reference": f"Claim/{VASCULAR}"}, "relationship": replaces}]}  # fmt: skip
    interactions.update(house.world, SYSTEM, "Claim", "changed", claim)
    said = "was never sent: the request was changed before it left"
    assert said in page(clerk), "told at once"
    later(house, 16)
    work(house)
    assert (answers(house, VASCULAR), answers(house, "changed")) == ([], [])
    assert _held(house, VASCULAR) == ["cancelled"]
    assert said in page(clerk)
    assert post(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    later(house, 32)
    work(house)
    assert len(answers(house, "changed")) == 1
    assert said not in page(clerk)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_decision_whose_request_was_withdrawn_is_called_off_and_stands_under_no_list(
    house: House, status: str
) -> None:
    clerk = house.enter("payer")
    post(clerk, VASCULAR, "decide", **APPROVE)
    claim = stored(house, "Claim", VASCULAR)
    interactions.update(house.world, SYSTEM, "Claim", VASCULAR, claim | {"status": status})
    for tab in ("held", "decide", "late"):
        assert VASCULAR not in ids(clerk.get(f"/decisions?tab={tab}").get_data(as_text=True)), tab
    later(house, 16)
    work(house)
    assert answers(house, VASCULAR) == []
    assert _held(house, VASCULAR) == ["cancelled"]


def test_a_denial_that_was_proposed_waits_for_nobody_once_its_request_is_withdrawn(house: House) -> None:
    clerk = house.enter("payer")
    post(clerk, VASCULAR, "decide", **DENY)
    assert ids(clerk.get("/decisions?tab=second").get_data(as_text=True)) == [VASCULAR]
    claim = stored(house, "Claim", VASCULAR)
    interactions.update(house.world, SYSTEM, "Claim", VASCULAR, claim | {"status": "cancelled"})
    assert ids(clerk.get("/decisions?tab=second").get_data(as_text=True)) == []


def _held(house: House, claim: str) -> list[str]:
    """How the Tasks that hold decisions on a request stand."""
    with reading(house.world.engine) as conn:
        rows = read.referring(conn, params.key("Task", "focus"), "Claim", claim)
        return [json.loads(row.body)["status"] for row in rows]


def test_the_form_says_whether_a_decision_is_held_or_goes_out_at_once(house: House) -> None:
    clerk = house.enter("payer")
    assert "leaves in 15 minutes: until then you can take it back" in page(clerk)
    assert "goes out at once" not in page(clerk)
    assert "goes out at once and is not taken back" in page(clerk, FAST)
