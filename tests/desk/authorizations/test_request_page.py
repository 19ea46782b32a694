"""One request at its payer's desk: decided line by line by the criteria of its rule, the clock extended, the medical
director asked, peers' talks noted, an appeal decided by somebody else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.authorizations.readers import DIRECTOR
from tests.desk.authorizations.test_decisions import send_now
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

VASCULAR, PAPER, STRESS = "request-order-24825", "request-order-24817", "request-order-24829"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
CRITERIA = (
    "The aneurysm measures 5 cm or more, or has grown by 0.5 cm in six months",
    "A vascular surgeon has seen the patient", "The patient is fit for surgery",
)  # fmt: skip
MET = {"met-1-0": "yes", "met-1-1": "yes", "met-1-2": "unclear"}
APPROVE = {"do-1": "approve", "first-1": "2026-12-01", "last-1": "2027-01-31", **MET}
DENY = {"do-1": "deny", "reason-1": "not-shown", "words-1": "The notes do not show it.", **MET}
USER = resources(parse("user/*.cruds"))
SYSTEM = resources(parse("system/*.cruds"))
REVIEW = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewAction"


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of each test's own, with two more clerks of the same payer."""
    for found in built(story, tmp_path_factory.mktemp("request"), Clock()):
        for login, name in (("calder", "Calder, Ines"), ("moss", "Moss, Ada")):
            person = NewUser(login, name, DIRECTOR, "office-blue-horizon")
            accounts.add_user(found.world, person, PASSWORD)
        yield found


def page(client: FlaskClient, id: str) -> str:
    answer = client.get(f"/decisions/{id}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def told(client: FlaskClient, id: str, verb: str, **fields: str) -> tuple[int, str]:
    """Send the form of a verb as its page has it; a decision that is held then is sent at once."""
    shown = page(client, id)
    at = shown.index(f'action="/decisions/{id}/{verb}"')
    form = shown[at : shown.index("</form>", at)]
    answer = client.post(f"/decisions/{id}/{verb}", data=dict(HIDDEN.findall(form)) | fields)
    send_now(client, id)
    return answer.status_code, answer.get_data(as_text=True)


def answers(house: House, claim: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", claim)
        assert row is not None
        bodies = [json.loads(each.body) for each in read.of_patient(conn, str(row.patient), ("ClaimResponse",))]
    return [each for each in bodies if each.get("request", {}).get("reference") == f"Claim/{claim}"]


def actions(answer: dict[str, Any], part: str) -> list[str]:
    """The X12 306 codes of the items or of what was added, in their order."""
    found = []
    for line in answer.get(part, []):
        for each in line["adjudication"][0]["extension"][0]["extension"]:
            if each["url"].endswith("reviewActionCode"):
                found.append(each["valueCodeableConcept"]["coding"][0]["code"])
    return found


def test_of_what_is_modified_what_was_asked_stays_beside_what_is_authorized(house: House) -> None:
    clerk = house.enter("payer")
    assert re.search(r'name="first-1"[^>]* value="16 Nov 2026"', page(clerk, VASCULAR)), "as people write a day"
    status, _ = told(
        clerk, VASCULAR, "decide", **MET,
        **{"do-1": "modify", "units-1": "3", "first-1": "2026-12-08", "last-1": "2027-03-08", "words-1": "Three do."},
    )  # fmt: skip
    assert status == 303
    (answer,) = answers(house, VASCULAR)
    assert (actions(answer, "item"), actions(answer, "addItem")) == (["A6"], ["A6"])
    (added,) = answer["addItem"]
    assert added["itemSequence"] == [1]
    assert added["quantity"]["value"] == 3
    assert added["extension"][0]["valuePeriod"] == {"start": "2026-12-08", "end": "2027-03-08"}
    shown = page(clerk, VASCULAR)
    assert "1 visit, 16 Nov" in shown, "what was asked"
    assert re.search(r"Authorized: 3 visits, 8 Dec / 8 Mar 2027", shown)
    case = house.enter("coordinator").get("/referrals/order-24825").get_data(as_text=True)
    assert answer["preAuthRef"] in case


def test_the_criteria_of_the_rule_are_ticked_and_kept_with_who_and_when(house: House) -> None:
    clerk = house.enter("payer")
    shown = page(clerk, VASCULAR)
    assert all(each in shown for each in CRITERIA)
    assert "Imaging report" in shown, "what the rule wants and did not come"
    status, again = told(clerk, VASCULAR, "decide", **APPROVE | {"met-1-1": ""})
    assert (status, 'href="#act-met-1-1"' in again) == (422, True)
    assert told(clerk, VASCULAR, "decide", **APPROVE)[0] == 303
    (answer,) = answers(house, VASCULAR)
    kept = [
        {part["url"]: next(v for k, v in part.items() if k != "url") for part in each["extension"]}
        for each in answer["item"][0]["extension"] if each["url"].endswith("/criterion")
    ]  # fmt: skip
    assert [each["words"] for each in kept] == list(CRITERIA)
    assert [each["met"] for each in kept] == ["yes", "yes", "unclear"]
    assert {each["rule"] for each in kept} == {"Authorization needed: vascular graft"}
    assert {each["who"]["display"] for each in kept} == {"Okonkwo, Paul"}
    assert {each["at"] for each in kept} == {"2026-11-22T14:05:00+00:00"}
    assert "Not shown" in page(clerk, VASCULAR)


def test_a_clock_is_extended_once_with_a_reason_and_the_queue_says_so(house: House) -> None:
    clerk = house.enter("payer")
    assert told(clerk, VASCULAR, "extend-clock", **{"extend-by": "patient"})[0] == 422
    fields = {"extend-by": "patient", "extend-why": "The surgeon's letter is on its way."}
    assert told(clerk, VASCULAR, "extend-clock", **fields)[0] == 303
    (answer,) = answers(house, VASCULAR)
    assert actions(answer, "item") == ["A4"]
    assert answer["processNote"][0]["text"] == "The surgeon's letter is on its way."
    shown = clerk.get("/decisions?tab=extended").get_data(as_text=True)
    assert 'id="request-request-order-24825"' in shown
    assert "15d" in shown, "14 days more than the day and a half that were left"
    form = dict(HIDDEN.findall(page(clerk, VASCULAR)))
    again = clerk.post(f"/decisions/{VASCULAR}/extend-clock", data=form | fields | {"once": "again"})
    assert again.status_code == 409


def test_the_medical_director_is_asked_and_answers_and_the_clinic_reads_neither(house: House) -> None:
    clerk, director = house.enter("payer"), house.enter("calder")
    assert told(clerk, VASCULAR, "ask-director", **{"director-words": "Is 4.8 cm enough?"})[0] == 303
    listed = director.get("/decisions?tab=director").get_data(as_text=True)
    assert 'id="request-request-order-24825"' in listed
    assert "Give it back with an answer" not in page(clerk, VASCULAR), "a clerk does not answer for the director"
    form = dict(HIDDEN.findall(page(clerk, VASCULAR)))
    by_hand = clerk.post(f"/decisions/{VASCULAR}/hear-director", data=form | {"heard-words": "Yes.", "once": "h"})
    assert by_hand.status_code == 403
    assert told(director, VASCULAR, "hear-director", **{"heard-words": "Not without growth."})[0] == 303
    assert "Not without growth." in page(clerk, VASCULAR)
    assert "request-request-order-24825" not in director.get("/decisions?tab=director").get_data(as_text=True)
    case = house.enter("coordinator").get("/referrals/order-24825").get_data(as_text=True)
    assert not [words for words in ("4.8 cm", "without growth") if words in case]


def test_a_talk_between_peers_is_noted_after_a_denial_and_not_before(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    assert "Note a talk between peers" not in page(first, VASCULAR)
    told(first, VASCULAR, "decide", **DENY)
    assert told(second, VASCULAR, "agree")[0] == 303
    fields = {
        "peer-result": "will-overturn", "peer-who": "Dr. Achebe", "peer-words": "It grew 1 cm since May.",
    }  # fmt: skip
    assert told(first, VASCULAR, "hold-peer", **fields)[0] == 303
    assert "Talk with Dr. Achebe, to be decided anew: “It grew 1 cm since May.”" in page(second, VASCULAR)
    assert told(first, VASCULAR, "decide", **APPROVE)[0] == 303


def _appeal(house: House) -> str:
    """The clinic appeals the denial; the id of its request."""
    maker = Grant("reyes", scopes=USER, roles=frozenset({"coordinator"}), organization="office-fairmont")
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", VASCULAR)
        assert row is not None
        claim = json.loads(row.body)
    kind = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"
    claim |= {
        "id": str(uuid4()), "related": [{"claim": {"reference": f"Claim/{VASCULAR}"}}],
        "extension": [{"url": kind, "valueCodeableConcept": {
            "coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": "1"}]}}],
    }  # fmt: skip
    claim.pop("meta")
    interactions.update(house.world, maker, "Claim", claim["id"], claim)
    return str(claim["id"])


def test_an_appeal_is_decided_by_somebody_who_had_no_part_in_what_it_is_against(house: House) -> None:
    first, second, third = house.enter("payer"), house.enter("calder"), house.enter("moss")
    told(first, VASCULAR, "decide", **DENY)
    told(second, VASCULAR, "agree")
    appeal = _appeal(house)
    listed = third.get("/decisions?tab=appeals").get_data(as_text=True)
    assert f'id="request-{VASCULAR}"' in listed, "the authorization goes by its first request"
    assert "Appeal, level 1" in listed
    for who in (first, second):
        status, said = told(who, VASCULAR, "decide", **APPROVE)
        assert (status, "You had a part in what this appeal is against" in said) == (403, True)
    assert told(third, VASCULAR, "decide", **APPROVE)[0] == 303
    assert actions(answers(house, appeal)[0], "item") == ["A1"]


def test_what_else_was_asked_for_the_member_stands_beside_it_and_a_second_time_is_told(house: House) -> None:
    clerk = house.enter("payer")
    shown = page(clerk, VASCULAR)
    assert "Nothing else was asked of you for this member." in shown
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", VASCULAR)
        assert row is not None
        twin = json.loads(row.body) | {"id": "request-twin", "created": NOW.isoformat()}
    twin.pop("meta")
    interactions.update(house.world, Grant("loader", client="loader", scopes=SYSTEM), "Claim", "request-twin", twin)
    shown = page(clerk, VASCULAR)
    assert "/decisions/request-twin" in shown
    assert "asked twice?" in shown
