"""What a patient's own app may do over HTTP (`patient/*.u`): the moves of a visit that the tables give the patient, and
no move of a referral."""

from datetime import date
from typing import Any

import pytest
from werkzeug.test import Client

from auth import store
from auth.store import Token
from carecoord import app
from carecoord.store.agreements.register import NO_END
from carecoord.store.database.engine import writing
from carecoord.store.policies import lines
from carecoord.world import World
from tests.api.conftest import Api
from tests.api.test_every_move import STAGES, STATUSES, place, stored, task, visit
from tests.domain.scheduling.test_states import BY_HAND as VISITS

__all__ = ["place"]

Json = dict[str, Any]
ME = {"reference": "Patient/me"}


@pytest.fixture(scope="module")
def mine(place: World) -> Api:
    """The app of a patient, by their own launch."""
    stored(place, [{"resourceType": "Patient", "id": id, "name": [{"family": id}]} for id in ("me", "her")])
    now = int(place.clock().timestamp())
    token = Token(
        "access", "phone", "me", "launch/patient patient/*.rus", now, now + 3600, patient="me", fhir_user="Patient/me"
    )
    with writing(place.engine) as conn:
        return Api(Client(app.wired(place)), store.issue(conn, token))


def of_mine(status: str, to: str, id: str, who: Json = ME) -> Json:
    made = visit(status, to, id)
    made["participant"] = [{"actor": who, "status": "accepted"}, *made["participant"]]
    return made


def test_a_patient_makes_the_listed_moves_of_their_own_visits_and_no_others(place: World, mine: Api) -> None:
    rows = [(status, to, f"own-{n}-{m}") for n, status in enumerate(STATUSES) for m, to in enumerate(STATUSES)]
    stored(place, [of_mine(status, status, id) | {"comment": "as it was"} for status, _, id in rows])
    wrong = []
    for status, to, id in rows:
        got = mine.put(f"/Appointment/{id}", of_mine(status, to, id)).status_code
        if got != answer(status, to):
            wrong.append((status, to, got))
    assert wrong == [], wrong


def answer(status: str, to: str) -> int:
    """By hand: a move that no verb makes is 409, one that is only the two organizations' is 403."""
    ways = [each.split(":")[1] for each in VISITS[status].split()]
    return 200 if to == status or to in ways else 403 if f"{to}*" in ways else 409


def test_a_patient_asks_to_cancel_a_visit_with_a_reason_and_says_that_they_come(place: World, mine: Api) -> None:
    asked = of_mine("booked", "booked", "tomorrow")
    asked["participant"][0]["status"] = "needs-action"
    stored(place, [asked])
    comes = of_mine("booked", "booked", "tomorrow")
    assert mine.put("/Appointment/tomorrow", comes).status_code == 200
    assert mine.get("/Appointment/tomorrow").get_json()["participant"][0]["status"] == "accepted"
    off = of_mine("booked", "cancelled", "tomorrow")
    told = {name: value for name, value in off.items() if name != "cancelationReason"}
    assert mine.put("/Appointment/tomorrow", told).status_code == 422
    assert mine.put("/Appointment/tomorrow", off).status_code == 200
    assert mine.put("/Appointment/tomorrow", comes).status_code == 409


def test_where_the_office_wants_to_be_asked_a_patient_declines_and_the_office_calls_it_off(
    place: World, mine: Api
) -> None:
    order = {
        "resourceType": "ServiceRequest", "id": "ours", "status": "active", "intent": "order", "subject": ME,
        "requester": {"reference": "Organization/asks"},
    }  # fmt: skip
    office = {"resourceType": "Organization", "id": "asks", "identifier": [{"system": "x", "value": "9"}]}
    visits = [of_mine("booked", "booked", id) for id in ("asked", "free")]
    visits[0]["basedOn"] = [{"reference": "ServiceRequest/ours"}]
    stored(place, [order, office, *visits])
    with writing(place.engine) as conn:
        said = {"organization": "x|9", "business": "", "name": "patient-cancels", "value": "ask-first", "by": "test"}
        lines.add(conn, said | {"valid_from": date(2026, 1, 1).toordinal(), "valid_to": NO_END}, 1)
    off = of_mine("booked", "cancelled", "asked") | {"basedOn": visits[0]["basedOn"]}
    refused = mine.put("/Appointment/asked", off)
    assert refused.status_code == 409
    assert "answer declined as the participant" in refused.get_data(as_text=True)
    declined = of_mine("booked", "booked", "asked") | {"basedOn": visits[0]["basedOn"]}
    declined["participant"][0]["status"] = "declined"
    assert mine.put("/Appointment/asked", declined).status_code == 200
    assert mine.put("/Appointment/free", of_mine("booked", "cancelled", "free")).status_code == 200


def test_a_patient_changes_nothing_else_of_a_visit(place: World, mine: Api) -> None:
    stored(place, [of_mine("booked", "booked", "whole")])
    whole = of_mine("booked", "booked", "whole")
    for other in (
        {"basedOn": [{"reference": "ServiceRequest/another"}]}, {"description": "Another"}, {"priority": 9},
        {"participant": [whole["participant"][0]]},
        {"participant": [whole["participant"][0], {**whole["participant"][1], "status": "declined"}]},
        {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "U"}]}},
    ):  # fmt: skip
        assert mine.put("/Appointment/whole", whole | other).status_code == 403, other
    assert mine.post("/Appointment", whole).status_code == 403
    assert mine.delete("/Appointment/whole").status_code == 403
    later = {"start": "2026-12-02T09:00:00Z", "end": "2026-12-02T09:30:00Z"}
    assert mine.put("/Appointment/whole", whole | later).status_code == 200


def test_a_patient_moves_no_referral_whatever_its_stage(place: World, mine: Api) -> None:
    stored(place, [task("base", stage, stage, f"mine-{stage}") | {"for": ME} for stage in STAGES])
    for stage in STAGES:
        assert mine.get(f"/Task/mine-{stage}").status_code == 200
        for to in ("cancelled", "accepted", stage):
            asked = task("base", stage, to, f"mine-{stage}") | {"for": ME}
            assert mine.put(f"/Task/mine-{stage}", asked).status_code == 403


def test_what_is_anothers_is_not_there_for_a_patient(place: World, mine: Api) -> None:
    stored(place, [of_mine("booked", "booked", "hers", {"reference": "Patient/her"})])
    off = of_mine("booked", "cancelled", "hers", {"reference": "Patient/her"})
    assert mine.put("/Appointment/hers", off).status_code in (403, 404)
    assert mine.put("/Appointment/hers", of_mine("booked", "cancelled", "hers")).status_code in (403, 404)
    assert mine.get("/Appointment/hers").status_code == 404
