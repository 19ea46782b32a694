"""Issue 7, 3: every write tells the log what it changed, in its own transaction, with who, whose and which case."""

from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Engine

from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.gates.policy import Policy
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.database.engine import writing
from carecoord.store.events import log
from carecoord.store.events.log import Entry
from carecoord.store.resources.write import Actor, Change, put_all
from tests.domain.stories import NOW, answer, appointment, at, child, claim, order, plain, ref, task

AMARA = Actor("amara", "desk", "clinic", "req-9")
SEKMET = Actor("ehr:sekmet", None, None, "sync-4")
HERE = Base("http://here.example/fhir", UTC)
LATER = NOW + timedelta(hours=2)
RULES = Policy()
Json = dict[str, Any]


def write(engine: Engine, *resources: Json | str, actor: Actor = AMARA, now: Any = NOW) -> None:
    changes = []
    for each in resources:
        kind, id = each.split("/") if isinstance(each, str) else (each["resourceType"], each["id"])
        body = None if isinstance(each, str) else {name: value for name, value in each.items() if name != "meta"}
        changes.append(Change(kind, id, body))
    with writing(engine) as conn:
        project = worklist_project.projector(RULES)
        put_all(conn, changes, now=now, actor=actor, base=HERE, project=project)


def told(engine: Engine, since: int = 0) -> list[tuple[str, str, str, str | None]]:
    return [(f"{e.type}/{e.resource}", e.before, e.state, e.case_id) for e in since_then(engine, since)]


def since_then(engine: Engine, since: int) -> list[Entry]:
    return [each for each in log.after(engine, since, 1000) if each.kind != "clearance"]


def end(engine: Engine) -> int:
    return max((each.n for each in log.after(engine, 0, 1000)), default=0)


def story(engine: Engine) -> int:
    write(engine, *plain().resources.values())
    return end(engine)


def test_an_act_of_ours_and_a_change_of_an_ehr_stand_in_one_log_with_who_did_it(engine: Engine) -> None:
    start = story(engine)
    moved = {**task(status="in-progress", stage="no-show"), "lastModified": at(-1)}
    write(engine, moved, actor=AMARA, now=NOW)
    full = {"lastModified": at(-1), "statusReason": {"text": "Full"}}
    write(engine, {**task(status="rejected", stage="declined"), **full}, actor=SEKMET, now=LATER)
    ours, theirs = since_then(engine, start)
    assert (ours.subject, ours.client, ours.organization, ours.request) == ("amara", "desk", "clinic", "req-9")
    assert (ours.kind, ours.before, ours.state, ours.version) == ("stage", "accepted", "no-show", 2)
    assert (ours.patient, ours.case_id, ours.recorded) == ("pat", "sr", micros(NOW))
    assert (ours.said, ours.at) == (at(-1), micros(NOW) - 23 * 3600 * 10**6)  # 10:00 in New York is 15:00 UTC
    assert (theirs.subject, theirs.client, theirs.request) == ("ehr:sekmet", None, "sync-4")
    assert (theirs.before, theirs.state, theirs.reason) == ("no-show", "declined", "Full")
    assert (theirs.said, theirs.at, theirs.recorded) == (None, micros(LATER), micros(LATER))


def test_what_changes_nothing_is_no_event_and_what_is_undone_neither(engine: Engine) -> None:
    start = story(engine)
    write(engine, *plain().resources.values(), now=LATER)
    assert told(engine, start) == []
    with suppress(ZeroDivisionError), writing(engine) as conn:
        put_all(conn, [Change("Task", "task-1", None)], now=LATER, actor=AMARA, base=HERE,
                project=worklist_project.projector(RULES))  # fmt: skip
        raise ZeroDivisionError
    assert told(engine, start) == []


def test_every_resource_of_a_case_is_told_with_the_case_however_it_hangs_on_it(engine: Engine) -> None:
    start = story(engine)
    write(engine, child("under", partOf=[ref("Task/task-1")]), claim(), answer())
    write(engine, appointment(9, id="second"))
    call = {"resourceType": "Communication", "id": "call", "status": "completed", "about": [ref("Task/task-1")],
            "subject": ref("Patient/pat"), "sent": at(0)}  # fmt: skip
    write(engine, call)
    write(engine, "Appointment/second")
    assert told(engine, start) == [
        ("Task/under", "", "asked", "sr"),
        ("Claim/req", "", "submitted", "sr"),
        ("ClaimResponse/answer-req", "", "approved", "sr"),
        ("Appointment/second", "", "booked", "sr"),
        ("Communication/call", "", "done", "sr"),
        ("Appointment/second", "booked", "deleted", "sr"),
    ]
    assert {each.patient for each in since_then(engine, start)} == {"pat"}


def test_a_visit_that_names_no_patient_is_the_patients_of_its_order(engine: Engine) -> None:
    start = story(engine)
    bare = {**appointment(9, id="second"), "participant": [{"actor": ref("Location/site-a"), "status": "accepted"}]}
    write(engine, bare)
    assert [(each.patient, each.case_id) for each in since_then(engine, start)] == [("pat", "sr")]


def test_an_event_about_two_orders_is_a_row_for_each(engine: Engine) -> None:
    story(engine)
    write(engine, order(id="sr-2"), task(2, focus=ref("ServiceRequest/sr-2")))
    start = end(engine)
    write(engine, appointment(9, id="both", basedOn=[ref("ServiceRequest/sr"), ref("ServiceRequest/sr-2")]))
    assert told(engine, start) == [("Appointment/both", "", "booked", "sr"), ("Appointment/both", "", "booked", "sr-2")]
    assert [each.resource for each in log.of_case(engine, "sr-2", start, 10) if each.kind == "visit"] == ["both"]


def test_how_a_case_stands_is_told_when_a_gate_turns_and_not_when_only_a_clock_does(engine: Engine) -> None:
    start = story(engine)
    first = [each for each in log.after(engine, 0, 1000) if each.kind == "clearance"][-1]
    assert (first.type, first.resource, first.case_id, first.patient) == ("ServiceRequest", "sr", "sr", "pat")
    assert (first.before, first.state) == ("", "cleared")
    assert first.payload["gates"]["coverage"] == ["", "met"]
    write(engine, appointment(12, status="cancelled"), actor=SEKMET)
    turned = [each for each in log.after(engine, start, 1000) if each.kind == "clearance"]
    assert [(each.before, each.state, each.subject) for each in turned] == [("cleared", "not-cleared", "ehr:sekmet")]
    assert turned[0].payload["gates"]["appointment"][0] == "met"
    with writing(engine) as conn:
        worklist_project.refresh(conn, NOW + timedelta(hours=1), RULES, 100)
    assert end(engine) == turned[0].n


def test_an_order_of_a_device_is_a_case_of_its_own_kind(engine: Engine) -> None:
    start = story(engine)
    device = {"resourceType": "DeviceRequest", "id": "cpap", "status": "active", "intent": "order",
              "subject": ref("Patient/pat"), "codeCodeableConcept": {"text": "CPAP"}, "authoredOn": at(-1),
              "requester": ref("Organization/clinic"), "performer": ref("Organization/group-1")}  # fmt: skip
    write(engine, device, task(7, focus=ref("DeviceRequest/cpap"), basedOn=[ref("DeviceRequest/cpap")]))
    assert ("DeviceRequest/cpap", "", "active", "DeviceRequest~cpap") in told(engine, start)
    assert ("Task/task-7", "", "sent", "DeviceRequest~cpap") in told(engine, start)
    stands = [each for each in log.after(engine, start, 100) if each.kind == "clearance"]
    assert [(each.type, each.resource, each.case_id) for each in stands] == [
        ("DeviceRequest", "cpap", "DeviceRequest~cpap")
    ]
