"""$clearance: the one answer, as Parameters, for any day, as of any instant, and to nobody more than they may know."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from auth.scopes import resources as only
from carecoord.actions.clearance.operation import WITHHELD, clearance
from carecoord.actions.worklist import project
from carecoord.domain.gates.gate import NAMES
from carecoord.errors import Forbidden, Gone, Invalid, NotFound
from carecoord.fhir.validation.validate import issues
from carecoord.settings import Settings
from carecoord.store.audit import events as audit_events
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.domain.stories import (
    NOW,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    contract,
    organization,
    plain,
    rule,
    wish,
)
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
LATER = NOW + timedelta(days=2)


def person(role: str, organization: str, scope: str = "user/*.cruds") -> Grant:
    return Grant("u1", scopes=only(parse(scope)), roles=frozenset({role}), organization=organization)


def service(scope: str = "system/*.rs") -> Grant:
    return Grant("app", "app", only(parse(scope)))


COORDINATOR = person("coordinator", "clinic")
PAYER = person("payer", "office-payer-1")


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    journal = Journal(tmp_path / "audit")
    return World(engine, lambda: LATER, lambda: str(uuid4()), requests.Session, settings, rules, journal)


@pytest.fixture
def tell(world: World) -> Callable[..., None]:
    """Store resources at an instant."""

    def told(*resources: Json | str, now: datetime = NOW) -> None:
        with writing(world.engine) as conn:
            put(conn, *resources, now=now)

    told(
        *plain().resources.values(),
        organization("stranger", "Another Clinic", "http://hl7.org/fhir/sid/us-npi", "4242"),
    )
    return told


def value(part: Json) -> Any:
    return next(found for name, found in part.items() if name.startswith("value"))


def first(parameters: Json, name: str) -> Any:
    return next((value(p) for p in parameters["parameter"] if p["name"] == name), None)


def gates(parameters: Json) -> dict[str, Json]:
    """Each gate's parts by name; repeated ones as the last."""
    found = [p["part"] for p in parameters["parameter"] if p["name"] == "gate"]
    inside = [{p["name"]: p.get("part") or value(p) for p in parts} for parts in found]
    return {parts["name"]: parts for parts in inside}


def test_it_answers_with_six_gates_the_headline_and_the_proof(world: World, tell: Callable[..., None]) -> None:
    found = clearance(world, service(), "sr")
    assert found["resourceType"] == "Parameters"
    assert list(gates(found)) == list(NAMES)
    assert first(found, "cleared") is True
    assert first(found, "date") == "2026-12-04"
    assert first(found, "conflict") is False
    assert first(found, "headlineGate") == "loop"
    agreement = gates(found)["agreement"]
    assert agreement["state"] == "met"
    assert agreement["rule"] == "agreement.in-network"
    proof = {part["name"]: value(part) for part in agreement["evidence"]}
    assert proof["resource"] == {"reference": "InsurancePlan/plan-1"}
    assert proof["version"] == "1"
    assert proof["element"] == "InsurancePlan.network"


def test_the_answer_is_valid_fhir(world: World, tell: Callable[..., None]) -> None:
    tell(
        contract(end=39, evergreen=True, notice=-12),
        affiliation(2, number="AGR-2"),
        contract("AGR-2"),
        "Appointment/visit",
        book(rule()),
    )
    found = clearance(world, service(), "sr")
    assert any(part["name"] == "span" for p in found["parameter"] if p["name"] == "gate" for part in p["part"])
    judged = [issue for issue in issues(found) if issue.severity == "error" and "Parameters" not in issue.text]
    assert judged == []


def test_a_day_is_judged_for_itself(world: World, tell: Callable[..., None]) -> None:
    tell(contract(end=39, evergreen=True, notice=-12), affiliation(2, number="AGR-2"), contract("AGR-2"))
    blocked = clearance(world, service(), "sr", date="2027-01-05")
    assert first(blocked, "cleared") is False
    assert gates(blocked)["agreement"]["state"] == "blocked"
    offered = {part["name"]: value(part) for part in gates(blocked)["agreement"]["offer"]}
    assert offered["performer"] == {"reference": "Organization/office-group-2", "display": "Hillcrest Cardiology"}
    assert first(clearance(world, service(), "sr", date="2026-12-30"), "cleared") is True


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "9000-01-01"])
def test_the_ends_of_the_calendar_have_an_answer(world: World, tell: Callable[..., None], day: str) -> None:
    assert first(clearance(world, service(), "sr", date=day), "cleared") is False
    tell("Appointment/visit")
    assert first(clearance(world, service(), "sr", date=day), "date") == day


@pytest.mark.parametrize("as_of", ["9999-12-31", "9999", "9999-12-31T23:59:59Z", "0001-01-01", "0001"])
def test_as_of_the_ends_of_the_calendar_is_refused(world: World, tell: Callable[..., None], as_of: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        clearance(world, service(), "sr", as_of=as_of)


def test_without_a_booking_the_window_is_judged(world: World, tell: Callable[..., None]) -> None:
    tell("Appointment/visit")
    found = clearance(world, service(), "sr")
    assert first(found, "date") is None
    assert first(found, "window") == {"start": "2026-11-24", "end": "2027-02-20"}


def test_as_of_answers_what_was_known_then(world: World, tell: Callable[..., None]) -> None:
    moved = NOW + timedelta(days=1)
    tell(appointment(95), contract(end=5, evergreen=False), now=moved)
    now = clearance(world, service(), "sr")
    then = clearance(world, service(), "sr", as_of=(moved - timedelta(seconds=2)).isoformat())
    assert (gates(now)["appointment"]["state"], gates(then)["appointment"]["state"]) == ("open", "met")
    assert (gates(now)["agreement"]["state"], gates(then)["agreement"]["state"]) == ("blocked", "met")
    versions = {part["name"]: value(part) for part in gates(then)["appointment"]["evidence"]}
    assert versions["version"] == "1"
    assert first(then, "asOf").startswith("2026-11-23T13:59:58")


def test_as_of_remembers_what_has_been_deleted_or_renumbered_since(world: World, tell: Callable[..., None]) -> None:
    gone = organization("office-group-1", "Riverside Heart", "http://hl7.org/fhir/sid/us-npi", "renumbered")
    before = (NOW + timedelta(hours=1)).isoformat()
    tell(
        "OrganizationAffiliation/aff-1-1-include",
        "PlanDefinition/rules-1",
        "InsurancePlan/plan-1",
        gone,
        "Contract/agr-1-v1",
        now=NOW + timedelta(days=1),
    )
    now, then = clearance(world, service(), "sr"), clearance(world, service(), "sr", as_of=before)
    assert {gates(now)[name]["state"] for name in ("agreement", "authorization")} == {"unknown"}
    assert gates(then)["agreement"]["state"] == "met"
    assert gates(then)["authorization"]["state"] == "not-needed"


def test_as_of_a_day_means_when_that_day_was_over(world: World, tell: Callable[..., None]) -> None:
    tell(appointment(95), now=NOW + timedelta(hours=3))
    assert gates(clearance(world, service(), "sr", as_of="2026-11-22"))["appointment"]["state"] == "open"


def test_before_the_referral_was_written_there_is_nothing_to_know(world: World, tell: Callable[..., None]) -> None:
    with pytest.raises(NotFound):
        clearance(world, service(), "sr", as_of="2026-11-20")


@pytest.mark.parametrize(
    ("date", "as_of", "where"),
    [
        ("soon", None, "http.date"),
        ("2027-02-30", None, "http.date"),
        (None, "then", "http.asOf"),
        (None, "2031-01-01", "http.asOf"),
    ],
)
def test_a_bad_date_or_instant_is_refused_by_name(
    world: World, tell: Callable[..., None], date: str, as_of: str, where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        clearance(world, service(), "sr", date=date, as_of=as_of)
    assert refused.value.where == where


def test_a_plus_sign_that_arrived_as_a_space_is_a_plus_sign(world: World, tell: Callable[..., None]) -> None:
    assert clearance(world, service(), "sr", as_of="2026-11-23T10:00:00 00:00")


def test_an_unknown_a_foreign_and_a_deleted_referral_are_refused(world: World, tell: Callable[..., None]) -> None:
    with pytest.raises(NotFound):
        clearance(world, service(), "nobody")
    with pytest.raises(NotFound):
        clearance(world, person("coordinator", "stranger"), "sr")
    with pytest.raises((NotFound, Forbidden)):
        clearance(world, service("system/Patient.rs"), "sr")
    tell("ServiceRequest/sr")
    with pytest.raises(Gone):
        clearance(world, service(), "sr")


def test_the_coordinator_of_the_sender_sees_every_gate(world: World, tell: Callable[..., None]) -> None:
    found = clearance(world, COORDINATOR, "sr")
    assert {parts.get("state") for parts in gates(found).values()} == {"met", "not-needed", "pending"}


def test_an_access_without_the_types_behind_a_gate_is_not_told_what_it_says(
    world: World, tell: Callable[..., None]
) -> None:
    found = clearance(world, service("system/ServiceRequest.rs system/Coverage.rs"), "sr")
    shown = gates(found)
    assert shown["coverage"]["state"] == "met"
    assert shown["appointment"] == {"name": "appointment", "withheld": True, "reason": WITHHELD}
    assert first(found, "cleared") is None
    assert first(found, "headline") is None


def test_the_payer_sees_what_the_request_discloses_and_no_more(world: World, tell: Callable[..., None]) -> None:
    tell(book(rule()), claim(sent=-2), answer("A4"), wish())
    found = clearance(world, PAYER, "sr")
    shown = gates(found)
    assert shown["authorization"]["state"] == "pending"
    assert shown["agreement"]["state"] == "met"
    withheld = {name for name, parts in shown.items() if parts.get("withheld")}
    assert withheld == {"coverage", "information", "appointment", "loop"}
    assert {part["name"] for part in found["parameter"]} == {"order", "asOf", "date", "gate"}
    assert first(found, "date") == "2026-11-24"  # today: the day of the visit is not the payer's to know
    assert "Appointment" not in str(found)
    assert "2026-12-04" not in str(found)


def test_a_payer_is_answered_alike_whatever_the_clinics_did(world: World, tell: Callable[..., None]) -> None:
    tell(book(rule()), claim(sent=-2), answer("A1", start=-5, end=20))
    booked = clearance(world, PAYER, "sr"), clearance(world, PAYER, "sr", date="2026-12-30")
    tell("Appointment/visit", contract(end=100, evergreen=True))
    assert (clearance(world, PAYER, "sr"), clearance(world, PAYER, "sr", date="2026-12-30")) == booked
    assert gates(booked[0])["authorization"]["state"] == "met"
    assert gates(booked[1])["authorization"]["state"] == "open"
    assert gates(booked[1])["authorization"]["reason"] == "Authorization AUTH-1 was approved until 12 Dec 2026."
    assert first(booked[1], "date") == "2026-12-30"


def test_a_payer_to_whom_nothing_was_sent_or_not_yet_knows_of_no_case(world: World, tell: Callable[..., None]) -> None:
    with pytest.raises(NotFound):
        clearance(world, PAYER, "sr")
    tell(book(rule()), claim(sent=-2), answer("A4"), now=NOW + timedelta(days=1))
    assert clearance(world, PAYER, "sr")
    with pytest.raises(NotFound):
        clearance(world, PAYER, "sr", as_of="2026-11-22")


def test_a_payers_app_is_told_no_gate_of_which_it_may_read_nothing(world: World, tell: Callable[..., None]) -> None:
    tell(book(rule()), claim(sent=-2), answer("A4"))
    narrow = person("payer", "office-payer-1", scope="user/ServiceRequest.rs")
    assert {name for name, parts in gates(clearance(world, narrow, "sr")).items() if parts.get("withheld")} == set(
        NAMES
    )


def test_another_payer_and_the_contract_desk_know_of_no_such_case(world: World, tell: Callable[..., None]) -> None:
    for grant in (person("payer", "payer-2"), person("contracts", "clinic"), person("auditor", "clinic")):
        with pytest.raises((NotFound, Forbidden)):
            clearance(world, grant, "sr")


def test_every_question_is_audited_the_refused_ones_too(world: World, tell: Callable[..., None]) -> None:
    clearance(world, service(), "sr", date="2027-01-05", request="r1")
    with pytest.raises(NotFound):
        clearance(world, person("coordinator", "stranger"), "sr", request="r2")
    world.journal.drain(world.engine)
    with world.engine.connect() as conn:
        rows = conn.execute(audit_events.audit.select())
        noted = {row.request: row for row in rows if row.interaction == "clearance"}
    assert (noted["r1"].status, noted["r1"].resource, noted["r1"].query) == (200, "sr", "date=2027-01-05")
    assert noted["r2"].status == 404
