"""What the tables of states do not have is refused on every road: single requests, Bundles, loads; on both bases."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from carecoord import app
from carecoord.actions.fhir.load import load
from carecoord.world import World
from tests.api.conftest import Api, issues, patient

Json = dict[str, Any]
STAGE = "https://carecoord.example/fhir/CodeSystem/referral-stage"
OUTPUT = [{"type": {"text": "Consult note"}, "valueString": "No heart disease."}]
NPI = "http://hl7.org/fhir/sid/us-npi"


def ref(to: str) -> Json:
    return {"reference": to}


def task(status: str, stage: str = "", **more: Any) -> Json:
    """A referral Task from the clinic to the heart group."""
    found = {
        "resourceType": "Task", "id": "t", "status": status, "intent": "order", "focus": ref("ServiceRequest/s"),
        "for": ref("Patient/p"), "requester": ref("Organization/clinic"), "owner": ref("Organization/heart"),
    }  # fmt: skip
    return found | ({"businessStatus": {"coding": [{"system": STAGE, "code": stage}]}} if stage else {}) | more


def order(status: str = "active", **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest", "id": "s", "status": status, "intent": "order", "subject": ref("Patient/p"),
        "requester": ref("Organization/clinic"), "performer": [ref("Organization/heart")],
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
    } | more  # fmt: skip


def visit(status: str, id: str = "a", **more: Any) -> Json:
    who = [{"actor": ref("Patient/p"), "status": "accepted"}]
    times = {"start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z"}
    return {"resourceType": "Appointment", "id": id, "status": status, "participant": who} | times | more


@pytest.fixture
def place(api: Api) -> Api:
    """Two houses, a patient and an order from the one to the other; the service that put them there."""
    for n, id in enumerate(("clinic", "heart", "third")):
        house = {"resourceType": "Organization", "id": id, "name": id, "identifier": [{"system": NPI, "value": f"{n}"}]}
        assert api.put(f"/Organization/{id}", house).status_code == 201
    assert api.put("/Patient/p", patient(id="p", managingOrganization=ref("Organization/clinic"))).status_code == 201
    assert api.put("/ServiceRequest/s", order()).status_code == 201
    return api


@pytest.fixture
def person(client: Callable[..., Api], place: Api) -> Callable[[str], Api]:
    """A coordinator of a house."""
    return lambda house: client("user/*.cruds", roles="coordinator", organization=house)


def told(answer: Any) -> str:
    """The words of a refusal."""
    return " ".join(each["diagnostics"] for each in issues(answer))


@pytest.fixture(params=["put", "patch", "conditional", "transaction", "batch"])
def change(request: pytest.FixtureRequest) -> Callable[[Api, Json], tuple[int, str]]:
    """Changes a Task by one of the roads of the API; returns the status and the words of a refusal."""

    def through_bundle(api: Api, kind: str, new: Json) -> tuple[int, str]:
        entry = {"resource": new, "request": {"method": "PUT", "url": f"{new['resourceType']}/{new['id']}"}}
        answer = api.post("", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        if kind == "transaction":
            return answer.status_code, told(answer) if answer.status_code >= 400 else ""
        response = answer.get_json()["entry"][0]["response"]
        said = [each["diagnostics"] for each in response.get("outcome", {}).get("issue", [])]
        return int(response["status"].split()[0]), " ".join(said)

    def act(api: Api, new: Json) -> tuple[int, str]:
        path = f"/{new['resourceType']}/{new['id']}"
        if request.param in ("transaction", "batch"):
            return through_bundle(api, request.param, new)
        if request.param == "patch":
            old = api.get(path).get_json()
            ops = [{"op": "add", "path": f"/{name}", "value": new[name]} for name in new if new[name] != old.get(name)]
            ops += [{"op": "remove", "path": f"/{name}"} for name in old if name not in new and name != "meta"]
            answer = api("PATCH", path, ops, Content_Type="application/json-patch+json")
        else:
            answer = api.put(path if request.param == "put" else f"/{new['resourceType']}?_id={new['id']}", new)
        return answer.status_code, told(answer) if answer.status_code >= 400 else ""

    return act


def test_a_cancelled_task_does_not_go_back_to_work_by_any_road(
    place: Api, change: Callable[[Api, Json], tuple[int, str]]
) -> None:
    place.put("/Task/t", task("cancelled"))
    status, said = change(place, task("in-progress"))
    assert status == 409
    assert "It is cancelled: there is no" in said
    assert "Legal from cancelled: void." in said
    assert place.get("/Task/t").get_json()["status"] == "cancelled"


def test_a_listed_move_succeeds_by_every_road_for_its_own_side_and_not_for_the_other(
    place: Api, person: Callable[[str], Api], change: Callable[[Api, Json], tuple[int, str]]
) -> None:
    place.put("/Task/t", task("requested"))
    status, said = change(person("clinic"), task("accepted"))
    assert (status, said) == (
        403,
        "'accept' is for the performer to do. Legal from sent: withdraw, void.",
    )
    assert change(person("heart"), task("accepted"))[0] == 200
    status, said = change(person("heart"), task("cancelled"))
    assert status == 403
    assert change(person("clinic"), task("cancelled"))[0] == 200


def test_whoever_stands_on_neither_side_changes_no_task(
    place: Api, client: Callable[..., Api], change: Callable[[Api, Json], tuple[int, str]]
) -> None:
    place.put("/Task/t", task("requested"))
    service = client("system/*.cruds", organization="third")
    assert change(service, task("accepted"))[0] == 403
    assert change(client("system/*.cruds", organization="heart"), task("accepted"))[0] == 200


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (task("requested"), task("rejected"), "A Task that is declined says why: give Task.statusReason."),
        (task("accepted"), task("failed"), "A Task that is failed says why: give Task.statusReason."),
        (task("in-progress", "scheduled"), task("completed"),
         "A Task that is report-received shows what came of it: give Task.output."),
        (task("in-progress", "scheduled"), task("accepted", "no-show"),
         "A Task that is no-show has the status in-progress, not accepted."),
    ],
)  # fmt: skip
def test_a_move_without_what_it_needs_is_unprocessable(place: Api, before: Json, after: Json, said: str) -> None:
    assert place.put("/Task/t", before).status_code == 201
    answer = place.put("/Task/t", after)
    assert (answer.status_code, told(answer)) == (422, said)


def test_a_move_with_what_it_needs_succeeds(place: Api) -> None:
    place.put("/Task/t", task("requested"))
    assert place.put("/Task/t", task("rejected", statusReason={"text": "No capacity"})).status_code == 200
    place.put("/Task/u", task("in-progress", "visit-done", id="u"))
    assert place.put("/Task/u", task("completed", id="u", output=OUTPUT)).status_code == 200


def test_a_person_begins_a_task_and_a_service_may_record_one_that_is_on_its_way(
    place: Api, person: Callable[[str], Api]
) -> None:
    answer = person("clinic").put("/Task/t", task("in-progress", "scheduled"))
    assert (answer.status_code, told(answer)) == (
        409,
        "It is new: there is no 'schedule' from there. Legal from new: draft, send.",
    )
    assert person("clinic").put("/Task/t", task("draft")).status_code == 201
    assert place.put("/Task/u", task("in-progress", "scheduled", id="u")).status_code == 201


def test_an_open_task_is_taken_by_who_names_itself_its_owner(place: Api, client: Callable[..., Api]) -> None:
    bare = {key: value for key, value in task("requested").items() if key != "owner"}
    place.put("/Task/t", bare)
    assert client("system/*.cruds", organization="heart").put("/Task/t", task("accepted")).status_code == 200


def test_work_begun_is_called_off_by_the_performer_once_a_request_to_cancel_lies_on_it(
    place: Api, person: Callable[[str], Api]
) -> None:
    place.put("/Task/t", task("in-progress", "scheduled"))
    answer = person("clinic").put("/Task/t", task("cancelled"))
    assert answer.status_code == 409
    assert "ask-cancel" in told(answer)
    code = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "abort"}]}
    place.put("/Task/x", task("requested", id="x", code=code, focus=ref("Task/t")))
    assert person("clinic").put("/Task/t", task("cancelled")).status_code == 403
    assert person("heart").put("/Task/t", task("cancelled")).status_code == 200


def test_the_performer_never_changes_the_order(place: Api, person: Callable[[str], Api]) -> None:
    place.put("/Task/t", task("requested"))
    answer = person("heart").put("/ServiceRequest/s", order("revoked"))
    assert (answer.status_code, told(answer)) == (
        403,
        "'revoke' is for the requester to do. Nothing leads on from active for this side.",
    )
    assert person("clinic").put("/ServiceRequest/s", order("revoked")).status_code == 200
    answer = person("clinic").put("/ServiceRequest/s", order("active"))
    assert (answer.status_code, "Legal from revoked: void." in told(answer)) == (409, True)


def test_two_moves_in_one_transaction_are_judged_one_after_the_other_in_a_load(
    place: Api, world: World, tmp_path: Path
) -> None:
    lines = [task("requested"), task("accepted"), task("cancelled"), task("in-progress"), visit("booked")]
    (tmp_path / "Task.ndjson").write_text("\n".join(json.dumps(each) for each in lines))
    loaded = load(world, [tmp_path / "Task.ndjson"])
    assert [(each.place, each.issues[0].code) for each in loaded.refusals] == [("line 4", "conflict")]
    assert "Legal from cancelled: void." in loaded.refusals[0].issues[0].text
    assert place.get("/Task/t").get_json()["status"] == "cancelled"
    assert place.get("/Appointment/a").status_code == 200
    assert load(world, [tmp_path / "Task.ndjson"]).dropped == 3  # requested, accepted and in-progress: it is cancelled


def test_a_refused_entry_of_a_transaction_is_named_and_nothing_is_kept(place: Api) -> None:
    place.put("/Task/t", task("rejected"))
    entries = [
        {"resource": patient(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": task("accepted"), "request": {"method": "PUT", "url": "Task/t"}},
    ]
    answer = place.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 409
    assert issues(answer)[0]["expression"] == ["Bundle.entry[1].resource.status"]
    assert place.get("/Patient").get_json()["total"] == 1


def test_a_stale_write_is_stale_before_it_is_illegal(place: Api) -> None:
    place.put("/Task/t", task("cancelled"))
    place.put("/Task/t", task("cancelled", description="twice"))
    assert place.put("/Task/t", task("in-progress"), If_Match='W/"1"').status_code == 412
    assert place.put("/Task/t", task("in-progress"), If_Match='W/"2"').status_code == 409


SLOT = {"resourceType": "Slot", "id": "slot", "schedule": ref("Schedule/x"), "status": "free",
        "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z"}  # fmt: skip


def test_a_second_booking_of_a_slot_is_refused_and_a_called_off_one_frees_it(place: Api) -> None:
    place.put("/Slot/slot", SLOT)
    assert place.put("/Appointment/a", visit("booked", slot=[ref("Slot/slot")])).status_code == 201
    answer = place.put("/Appointment/b", visit("booked", "b", slot=[ref("Slot/slot")]))
    assert (answer.status_code, "Slot/slot is taken by another visit." in told(answer)) == (409, True)
    assert place.put("/Appointment/b", visit("waitlist", "b", slot=[ref("Slot/slot")])).status_code == 201
    assert place.put("/Appointment/b", visit("booked", "b", slot=[ref("Slot/slot")])).status_code == 409
    assert place.put("/Appointment/a", visit("cancelled", slot=[ref("Slot/slot")])).status_code == 422
    why = {"text": "Patient is ill"}
    off = visit("cancelled", slot=[ref("Slot/slot")], cancelationReason=why)
    assert place.put("/Appointment/a", off).status_code == 200
    assert place.put("/Appointment/b", visit("booked", "b", slot=[ref("Slot/slot")])).status_code == 200
    assert place.put("/Appointment/a", visit("booked", slot=[ref("Slot/slot")])).status_code == 409


def test_one_transaction_does_not_book_a_slot_twice_and_may_swap_it(place: Api) -> None:
    place.put("/Slot/slot", SLOT)

    def both(one: Json, other: Json) -> int:
        entries = [{"resource": r, "request": {"method": "PUT", "url": f"Appointment/{r['id']}"}} for r in (one, other)]
        return place.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries}).status_code

    mine = [ref("Slot/slot")]
    assert both(visit("booked", slot=mine), visit("booked", "b", slot=mine)) == 409
    assert both(visit("booked", slot=mine), visit("booked", "b")) == 200
    off = visit("cancelled", slot=mine, cancelationReason={"text": "moved"})
    assert both(off, visit("booked", "b", slot=mine)) == 200


def test_a_person_books_no_slot_that_somebody_else_filled_or_closed(place: Api, person: Callable[[str], Api]) -> None:
    for n, status in enumerate(("busy", "busy-unavailable", "busy-tentative")):
        place.put(f"/Slot/{n}", SLOT | {"id": str(n), "status": status})
        answer = person("clinic").put(f"/Appointment/x{n}", visit("booked", f"x{n}", slot=[ref(f"Slot/{n}")]))
        assert answer.status_code == 409, status


def test_of_many_who_want_the_last_slot_one_gets_it(place: Api, world: World) -> None:
    place.put("/Slot/slot", SLOT)
    wired = app.wired(world)

    def book(n: int) -> int:
        mine = visit("booked", f"a{n}", slot=[ref("Slot/slot")])
        return Api(Client(wired), place.token).put(f"/Appointment/a{n}", mine).status_code

    with ThreadPoolExecutor(6) as pool:
        assert Counter(pool.map(book, range(6))) == {201: 1, 409: 5}


def test_of_two_who_move_a_task_at_once_the_second_is_judged_by_what_the_first_left(place: Api, world: World) -> None:
    wired = app.wired(world)
    place.put("/Task/t", task("requested"))

    def move(status: str) -> int:
        new = task(status, statusReason={"text": "No capacity"})
        return Api(Client(wired), place.token).put("/Task/t", new).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = Counter(pool.map(move, ["rejected", "cancelled", "rejected", "cancelled", "rejected", "cancelled"]))
    final = place.get("/Task/t").get_json()
    assert answers == {200: 3, 409: 3}  # the three that say what it is already change nothing
    assert final["meta"]["versionId"] == "2"


def contract(status: str, **more: Any) -> Json:
    number = [{"system": "https://carecoord.example/id/agreement", "value": "A-1"}]
    return {"resourceType": "Contract", "id": "c", "status": status, "identifier": number} | more


NOTICE = {"url": "https://carecoord.example/fhir/StructureDefinition/notice-given", "valueDate": "2026-11-20"}


def test_an_executed_version_of_an_agreement_is_neither_edited_nor_deleted(place: Api) -> None:
    place.put("/Contract/c", contract("executed", title="Cardiology 2026"))
    answer = place.put("/Contract/c", contract("executed", title="Cardiology 2027"))
    assert (answer.status_code, told(answer)) == (
        409,
        "This version was executed: its title stays as signed. Legal: amend (a new Contract).",
    )
    answer = place.put("/Contract/c", contract("policy", title="Cardiology 2026"))
    assert (answer.status_code, "amend, append" in told(answer)) == (409, True)
    assert place.delete("/Contract/c").status_code == 409
    noticed = contract("executed", title="Cardiology 2026", extension=[NOTICE])
    assert place.put("/Contract/c", noticed).status_code == 200
    assert place.put("/Contract/c", contract("terminated", title="Cardiology 2026")).status_code == 200
    assert place.put("/Contract/c", contract("terminated", title="Other")).status_code == 409
    assert place.put("/Contract/d", contract("negotiable", id="d", title="Draft")).status_code == 201
    assert place.put("/Contract/d", contract("negotiable", id="d", title="Draft 2")).status_code == 200
    assert place.delete("/Contract/d").status_code == 204


PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
X12 = "https://codesystem.x12.org/005010/306"


def line(n: int, code: str, why: str = "") -> Json:
    """A line of an answer with the payer's decision."""
    parts: list[Json] = [
        {
            "url": f"{PAS}/extension-reviewActionCode",
            "valueCodeableConcept": {"coding": [{"system": X12, "code": code}]},
        }
    ]
    parts += [{"url": "reasonCode", "valueCodeableConcept": {"text": why}}] if why else []
    category = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "submitted"}]}
    action = {"url": f"{PAS}/extension-reviewAction", "extension": parts}
    return {"itemSequence": n, "adjudication": [{"category": category, "extension": [action]}]}


def answer_of(*lines: Json, **more: Any) -> Json:
    return {
        "resourceType": "ClaimResponse", "id": "r", "status": "active", "use": "preauthorization",
        "outcome": "complete",
        "type": {"text": "professional"}, "patient": ref("Patient/p"), "insurer": ref("Organization/third"),
        "created": "2026-11-20", "item": list(lines),
    } | more  # fmt: skip


def test_a_decided_line_is_not_rewritten_and_an_open_one_is_decided(place: Api) -> None:
    assert place.put("/ClaimResponse/r", answer_of(line(1, "A3", "Not needed"), line(2, "A4"))).status_code == 201
    turned = place.put("/ClaimResponse/r", answer_of(line(1, "A1"), line(2, "A4")))
    assert (turned.status_code, told(turned)) == (
        409,
        "This was decided, and is not rewritten: item 1. "
        "Legal: another ClaimResponse to the same request, cancel, void.",
    )
    assert place.put("/ClaimResponse/r", answer_of(line(2, "A4"))).status_code == 409
    assert place.put("/ClaimResponse/r", answer_of(line(1, "A3", "Not needed"), line(2, "A1"))).status_code == 200
    assert place.delete("/ClaimResponse/r").status_code == 409
    assert place.put("/ClaimResponse/q", answer_of(line(1, "A1"), id="q")).status_code == 201


def test_a_denial_without_a_reason_is_unprocessable(place: Api, client: Callable[..., Api]) -> None:
    place.put("/ClaimResponse/r", answer_of(line(1, "A4")))
    answer = place.put("/ClaimResponse/r", answer_of(line(1, "A3")))
    assert (answer.status_code, told(answer)) == (
        422,
        "A denial says why: give line 1 a reason (reviewAction reasonCode, adjudication.reason).",
    )
    assert place.put("/ClaimResponse/r", answer_of(line(1, "A3", "Not needed"))).status_code == 200


def test_an_errand_is_ticked_off_in_one_step_and_then_stays(place: Api) -> None:
    errand = task("requested", partOf=[ref("Task/t")], id="e")
    place.put("/Task/e", errand)
    assert place.put("/Task/e", errand | {"status": "completed"}).status_code == 200
    answer = place.put("/Task/e", errand | {"status": "in-progress"})
    assert (answer.status_code, told(answer)) == (
        409,
        "It is completed and can not become in-progress. Legal: void (entered-in-error).",
    )


def test_who_makes_a_referral_an_errand_does_not_escape_its_table(place: Api) -> None:
    place.put("/Task/t", task("requested"))
    answer = place.put("/Task/t", task("completed", partOf=[ref("Task/u")]))
    assert answer.status_code == 409


def test_a_care_plan_and_a_goal_that_ended_stay_so(person: Callable[[str], Api]) -> None:
    api = person("clinic")
    plan = {"resourceType": "CarePlan", "id": "cp", "status": "active", "intent": "plan", "subject": ref("Patient/p")}
    goal = {
        "resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "subject": ref("Patient/p"),
        "description": {"text": "Walk a mile"},
    }  # fmt: skip
    assert [api.put("/CarePlan/cp", plan).status_code, api.put("/Goal/g", goal).status_code] == [201, 201]
    assert api.put("/CarePlan/cp", plan | {"status": "completed"}).status_code == 200
    assert api.put("/Goal/g", goal | {"lifecycleStatus": "cancelled"}).status_code == 200
    again = api.put("/CarePlan/cp", plan)
    assert (again.status_code, told(again)) == (
        409, "It is completed: there is no 'start' from there. Legal from completed: void.",
    )  # fmt: skip
    assert api.put("/Goal/g", goal).status_code == 409


def test_of_two_clinics_that_say_yes_to_one_order_at_once_one_has_it(
    place: Api, person: Callable[[str], Api]
) -> None:
    place.put("/ServiceRequest/s", order(performer=[ref("Organization/heart"), ref("Organization/third")]))
    clinics = {house: person(house) for house in ("heart", "third")}

    def accept(house: str) -> tuple[int, str]:
        answer = clinics[house].put(f"/Task/{house}", task("accepted", id=house, owner=ref(f"Organization/{house}")))
        return answer.status_code, told(answer) if answer.status_code >= 400 else ""

    for house in clinics:
        place.put(f"/Task/{house}", task("requested", id=house, owner=ref(f"Organization/{house}")))
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(accept, clinics))
    assert [status for status, _ in answers] == [200, 409]
    assert answers[1][1].startswith("Another clinic has said yes to this order")
    assert answers[1][1].endswith("Legal from sent: decline.")
    late = next(house for house in clinics if place.get(f"/Task/{house}").get_json()["status"] == "requested")
    no = task("rejected", id=late, owner=ref(f"Organization/{late}"), statusReason={"text": "Not needed"})
    assert clinics[late].put(f"/Task/{late}", no).status_code == 200
