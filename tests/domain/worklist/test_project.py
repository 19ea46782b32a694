"""The worklist is true after every write: whatever changes through the one door, each row equals a full
recomputation."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ClauseElement, Connection, Engine, event, select

from carecoord.actions.clearance.assemble import Assembled, assemble, of_patients
from carecoord.actions.clearance.library import Library
from carecoord.actions.worklist import project as worklist_project
from carecoord.actions.worklist.current import current
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.shipped import SHIPPED
from carecoord.domain.referrals.case import is_case
from carecoord.domain.worklist.judgement import judged
from carecoord.errors import Issue
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.database import driver
from carecoord.store.database import outbox as jobs
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.tables import case, case_need, outbox, resource
from carecoord.store.prior_auth import authorizations
from carecoord.store.prior_auth.tables import authorization_row
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.worklist import marks
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.rows import of_rids
from carecoord.words.catalogue import in_words
from carecoord.words.sentence import loads
from tests.domain.clearance.test_clearance import stories
from tests.domain.stories import (
    NOW,
    NPI,
    Story,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    contract,
    coverage,
    gathered,
    group,
    order,
    ours,
    plain,
    plan,
    ref,
    rule,
    task,
)

RULES = Policy()
ACTOR = Actor("tester", None, None, "request")
HERE = Base("http://127.0.0.1:8000/fhir", UTC)
Json = dict[str, Any]


def put(conn: Connection, *resources: Json | str, now: datetime = NOW, rules: Policy = RULES) -> None:
    """Store resources, or delete those given as `Type/id`."""
    changes = []
    for each in resources:
        kind, id = each.split("/") if isinstance(each, str) else (each["resourceType"], each["id"])
        body = (
            None
            if isinstance(each, str)
            else {name: value for name, value in each.items() if name != "meta"}
            | {"meta": {name: said for name, said in each.get("meta", {}).items() if name in ("source", "security")}}
        )
        changes.append(Change(kind, id, body))
    put_all(conn, changes, now=now, actor=ACTOR, base=HERE, project=worklist_project.projector(rules))


@contextmanager
def statements(at: Engine | Connection) -> Iterator[list[str]]:
    """Every statement that is read by: SQLAlchemy's, and those that go straight to the driver."""
    ran: list[str] = []
    straight = driver._execute

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        ran.append(statement)

    def noted(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> Any:
        ran.append(type(statement).__name__)
        return straight(conn, statement, values)

    event.listen(at, "before_cursor_execute", note)
    try:
        with patch.object(driver, "_execute", noted):
            yield ran
    finally:
        event.remove(at, "before_cursor_execute", note)


def rows(conn: Connection) -> dict[str, Json]:
    return {found["id"]: dict(found) for found in conn.execute(select(case)).mappings()}


def recomputed(conn: Connection, now: datetime) -> dict[str, Json]:
    """Every row from everything that is stored, read without assembling, indexes or notes of any kind."""
    stored = conn.execute(select(resource.c.rid, resource.c.body).where(resource.c.deleted.is_(False))).all()
    everything = [json.loads(body) for _, body in stored]
    rids = {(each["resourceType"], each["id"]): rid for (rid, _), each in zip(stored, everything, strict=True)}
    tasks = [each for each in everything if each["resourceType"] == "Task"]
    claims = [each for each in everything if each["resourceType"] == "Claim"]
    found = {}
    for each in everything:
        if each["resourceType"] == "ServiceRequest" and is_case(each, tasks, claims):
            one = gathered(each, everything)
            found[each["id"]] = judged(each["id"], one, now, RULES).row | {"rid": rids["ServiceRequest", each["id"]]}
    return found


def differences(conn: Connection, now: datetime) -> dict[str, Json]:
    """Where the worklist is not what it should be: {case: {column: (is, should be)}}."""
    held, wanted = rows(conn), recomputed(conn, now)
    found: dict[str, Json] = {id: {"row": (id in held, id in wanted)} for id in held.keys() ^ wanted.keys()}
    for id in held.keys() & wanted.keys():
        wrong = {name: (held[id][name], value) for name, value in wanted[id].items() if held[id][name] != value}
        found |= {id: wrong} if wrong else {}
    return found


def noted(conn: Connection, chance: Random) -> list[Json]:
    """Some of the Tasks that are stored, each with something else in it that no rule reads."""
    tasks = select(resource.c.body).where(resource.c.type == "Task", resource.c.deleted.is_(False))
    said = f"{chance.random()}"
    more: list[Json] = [
        {"note": [{"text": said}]}, {"description": said}, {"priority": chance.choice(("urgent", "routine"))},
        {"note": [{"authorReference": ref(f"Organization/group-{chance.randint(1, 3)}"), "text": said}]},
    ]  # fmt: skip
    return [
        json.loads(body) | chance.choice(more)
        for body in conn.scalars(tasks.order_by(resource.c.rid))
        if chance.random() < 0.4
    ]


def twin(each: Json) -> Json:
    """The same for a second patient: every resource that is not of the registry gets ids of its own."""
    kept = ("Organization/", "Location/", "InsurancePlan/", "Contract/", "PlanDefinition/", "OrganizationAffiliation/")

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: renamed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        local = isinstance(value, str) and value.count("/") == 1 and not value.startswith(kept)
        return f"{value}-2" if local else value

    own = not f"{each['resourceType']}/".startswith(kept)
    return renamed(each) | {"resourceType": each["resourceType"], "id": f"{each['id']}-2" if own else each["id"]}


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as conn:
        yield conn


class TestOneChange:
    """Each kind of change, alone: the row follows in the same transaction."""

    @pytest.fixture(autouse=True)
    def told(self, conn: Connection) -> None:
        put(conn, *plain().resources.values())
        put(conn, *(twin(each) for each in plain().resources.values() if twin(each)["id"] != each["id"]))

    def check(self, conn: Connection, *changes: Json | str, **wanted: Any) -> None:
        put(conn, *changes)
        assert differences(conn, NOW) == {}
        held = rows(conn)["sr"]
        said = {name: in_words(held[name]) if name.endswith("_note") else held[name] for name in wanted}
        assert said == wanted

    def test_the_story_is_told(self, conn: Connection) -> None:
        self.check(
            conn,
            cleared=True,
            patient_name="Okafor, Ngozi",
            number="R-1",
            performer="group-1",
            payer="payer-1",
            agreement="AGR-1",
            payer_key="https://carecoord.example/id/payer|P1",
            agreement_state="in-network",
            authorization_state="not-required",
            placer="clinic",
            plan_name="Plan 1",
            reason="New LBBB",
            stage="accepted",
            headline_gate="loop",
            role="performer",
        )

    def test_its_row_keeps_sentences_as_keys_and_is_found_by_their_words(self, conn: Connection) -> None:
        put(conn, "Appointment/visit")
        held = rows(conn)["sr"]
        assert loads(held["headline"]).key == "appointment.none.wanted"
        assert loads(held["action_label"]).key == "do.book"
        assert loads(held["due_label"]).key == "due.book"
        assert in_words(held["headline"]).startswith("No visit is booked; wanted by ")
        assert "Book a visit" in held["searched"]

    def test_an_appointment_moves_past_the_window(self, conn: Connection) -> None:
        self.check(conn, appointment(95), appointment_gate="open", headline_gate="appointment")

    def test_an_appointment_is_deleted(self, conn: Connection) -> None:
        self.check(conn, "Appointment/visit", appointment_gate="open", cleared=False, appointment_at=None)

    def test_an_appointment_that_names_no_patient_still_counts(self, conn: Connection) -> None:
        bare = appointment(95, participant=[{"actor": ref("Location/site-a"), "status": "accepted"}])
        self.check(conn, bare, appointment_gate="open")
        self.check(conn, appointment(12, participant=bare["participant"]), appointment_gate="met")

    def test_a_task_that_names_no_patient_still_counts(self, conn: Connection) -> None:
        bare = task(1, "requested", "sent")
        del bare["for"]
        self.check(conn, bare, "Appointment/visit", stage="sent", appointment_gate="pending")

    def test_a_contract_version_ends(self, conn: Connection) -> None:
        self.check(conn, contract(end=5, evergreen=False), agreement_gate="blocked", agreement_state="ends-before")

    def test_a_new_version_of_the_agreement_appears(self, conn: Connection) -> None:
        self.check(conn, contract(n=2, start=-5, status="disputed"), agreement_gate="blocked")

    def test_the_directory_loses_a_row_and_gets_it_back(self, conn: Connection) -> None:
        self.check(conn, "OrganizationAffiliation/aff-1-1-include", agreement_gate="unknown", agreement=None)
        self.check(conn, affiliation(), agreement_gate="met", agreement="AGR-1")

    def test_a_row_of_the_directory_moves_to_another_group(self, conn: Connection) -> None:
        self.check(
            conn,
            affiliation() | {"participatingOrganization": ref("Organization/office-group-2")},
            agreement_gate="unknown",
        )
        self.check(conn, affiliation(), agreement_gate="met")

    def test_the_copy_in_the_office_loses_the_number_that_makes_it_one(self, conn: Connection) -> None:
        self.check(
            conn, group(1, "office-") | {"identifier": [{"system": NPI, "value": "other"}]}, agreement_gate="unknown"
        )
        self.check(conn, group(1, "office-"), agreement_gate="met")

    def test_a_number_under_another_name_of_its_system_makes_copies_all_the_same(self, conn: Connection) -> None:
        oid = [{"system": "urn:oid:2.16.840.1.113883.4.6", "value": "9001"}]
        self.check(conn, group(1) | {"identifier": oid}, agreement_gate="met")
        other = [{"system": NPI, "value": "other"}]
        self.check(conn, group(1, "office-") | {"identifier": other}, agreement_gate="unknown")
        self.check(conn, group(1, "office-") | {"identifier": oid}, agreement_gate="met")

    def test_a_visit_of_another_order_under_the_same_authorization_is_taken_off(self, conn: Connection) -> None:
        cites = order(id="sr2", insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")])
        put(conn, book(rule()), claim(), answer(start=-20, end=60, units=2), cites)
        theirs = appointment(14, "theirs", basedOn=[ref("ServiceRequest/sr2")])
        self.check(conn, theirs, authorization_note="0 of 2 visits left", authorization_gate="met")
        assert rows(conn)["sr2"]["authorization_gate"] == "met"
        bare = appointment(16, "more", basedOn=theirs["basedOn"], participant=[{"status": "accepted"}])
        self.check(conn, bare, authorization_gate="met")
        assert rows(conn)["sr2"]["authorization_gate"] == "open"
        self.check(conn, "Appointment/more", theirs | {"status": "cancelled"}, authorization_note="1 of 2 visits left")

    def test_an_organization_is_renamed(self, conn: Connection) -> None:
        self.check(
            conn, group(1) | {"name": "Riverside Heart and Vascular"}, performer_name="Riverside Heart and Vascular"
        )

    def test_a_rule_of_the_payer_changes(self, conn: Connection) -> None:
        self.check(conn, book(rule()), authorization_gate="open", authorization_state="missing")
        self.check(conn, "PlanDefinition/rules-1", authorization_gate="unknown")

    def test_a_plan_moves_to_another_network(self, conn: Connection) -> None:
        self.check(conn, plan(network=2), agreement_gate="blocked", agreement_state="out-of-network")
        self.check(conn, "InsurancePlan/plan-1", agreement_gate="unknown")

    def test_the_coverage_ends(self, conn: Connection) -> None:
        self.check(conn, coverage(end=3), coverage_gate="open")

    def test_the_patient_is_renamed(self, conn: Connection) -> None:
        self.check(
            conn,
            {"resourceType": "Patient", "id": "pat", "name": [{"family": "Obi", "given": ["Ada"]}]},
            patient_name="Obi, Ada",
        )

    def test_the_order_goes_to_another_patient(self, conn: Connection) -> None:
        self.check(conn, order(subject=ref("Patient/pat-2")), patient="pat-2")

    def test_the_order_is_deleted_or_goes_to_nobody(self, conn: Connection) -> None:
        put(conn, "ServiceRequest/sr")
        put(conn, twin(order(category=[{"text": "laboratory"}], performer=[])))
        put(conn, "Task/task-1-2")
        assert differences(conn, NOW) == {}
        assert rows(conn) == {}
        assert conn.execute(select(case_need)).all() == []

    def test_without_a_category_or_performer_a_task_makes_it_a_case(self, conn: Connection) -> None:
        bare = order()
        del bare["category"], bare["performer"]
        self.check(conn, bare, stage="accepted")
        put(conn, "Task/task-1")
        assert differences(conn, NOW) == {}
        assert "sr" not in rows(conn)

    def test_the_coordinator_who_works_it_is_shown(self, conn: Connection) -> None:
        reyes = {"resourceType": "Practitioner", "id": "reyes", "name": [{"family": "Reyes", "given": ["Mia"]}]}
        works = order(extension=[ours("coordinator", valueReference=ref("Practitioner/reyes"))])
        self.check(conn, works, owner="reyes", owner_name=None)
        self.check(conn, reyes, owner="reyes", owner_name="Reyes, Mia")

    def test_a_change_that_changes_nothing_in_the_row_is_news_to_who_looks_at_it_and_no_more(
        self, conn: Connection
    ) -> None:
        before, later = rows(conn), NOW + timedelta(minutes=5)
        put(conn, appointment(12, comment="Bring the old ECG"), now=later)
        assert rows(conn) == before | {"sr": before["sr"] | {"updated": worklist_project.micros(later)}}

    def test_one_appointment_rewrites_one_row(self, conn: Connection) -> None:
        put(conn, appointment(20), now=NOW + timedelta(minutes=5))
        changed = [id for id, held in rows(conn).items() if held["updated"] != rows(conn)["sr-2"]["updated"]]
        assert changed == ["sr"]

    def test_what_other_cases_lean_on_is_not_touched(self, conn: Connection) -> None:
        put(conn, contract("AGR-7"), group(3) | {"name": "Bell"}, now=NOW + timedelta(minutes=5))
        assert {held["updated"] for held in rows(conn).values()} == {rows(conn)["sr"]["updated"]}
        assert differences(conn, NOW) == {}


def test_a_registry_change_that_bears_on_many_is_marked_and_judged_before_it_is_shown(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist_project, "AT_ONCE", 1)
    put(conn, *plain().resources.values())
    put(conn, *(twin(each) for each in plain().resources.values() if twin(each)["id"] != each["id"]))
    put(conn, contract(end=5, evergreen=False))
    assert marks.among(conn, rids := [held["rid"] for held in rows(conn).values()]) == set(rids)
    assert {held["agreement_gate"] for held in rows(conn).values()} == {"met"}
    assert {held.agreement_gate for held in current(conn, of_rids(conn, rids), NOW, RULES, behind=True)} == {"blocked"}
    assert conn.scalar(select(outbox.c.kind)) == worklist_project.JOB
    worklist_project.refresh(conn, NOW, RULES, 10)
    assert differences(conn, NOW) == {}
    assert marks.among(conn, rids) == set()
    assert {held["agreement_gate"] for held in rows(conn).values()} == {"blocked"}


@pytest.mark.parametrize("to", ["a-1", "z-1"])
def test_an_order_that_goes_to_another_among_more_patients_than_are_read_at_once_is_theirs_from_then_on(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    monkeypatch.setattr(worklist_project, "_RUN", 1)
    story = plain().with_(claim(), answer(start=-20, end=60, units=2), appointment(14))
    before = [each for each in changes(Story(), story) if isinstance(each, dict)]
    put(conn, *before)
    person = next(each for each in before if each["resourceType"] == "Patient")
    theirs = [each for each in before if '"Patient/pat"' in json.dumps(each)]
    now_of = (json.loads(json.dumps(each).replace("Patient/pat", f"Patient/{to}")) for each in theirs)
    put(conn, person | {"id": to}, *now_of)
    assert [each["patient"] for each in rows(conn).values()] == [to]
    assert list(conn.scalars(select(authorization_row.c.patient))) == [to]
    assert differences(conn, NOW) == {}


def test_what_only_time_changes_is_judged_anew_when_it_is_due(conn: Connection) -> None:
    put(conn, *plain().with_(appointment(60)).resources.values())
    due = rows(conn)["sr"]["changes_at"]
    later = NOW + timedelta(microseconds=due - worklist_project.micros(NOW))
    worklist_project.refresh(conn, later - timedelta(microseconds=1), RULES, 10)
    assert rows(conn)["sr"]["coverage_gate"] == "met"
    worklist_project.refresh(conn, later, RULES, 10)
    assert rows(conn)["sr"]["coverage_gate"] == "unknown"
    assert differences(conn, later) == {}


def test_the_policy_of_the_office_is_the_policy_of_the_rows(conn: Connection) -> None:
    strict = Policy(defaults={**SHIPPED, "eligibility-age": "2 days"})
    put(conn, *plain().resources.values(), rules=strict)
    assert rows(conn)["sr"]["coverage_gate"] == "unknown"


def test_a_write_reads_no_more_the_more_cases_there_are(conn: Connection) -> None:
    """The number of statements for one changed appointment does not grow with the table."""

    def count() -> int:
        with statements(conn) as ran:
            put(conn, appointment(13, comment=str(len(rows(conn)))))
        return len(ran)

    put(conn, *plain().resources.values())
    few = count()
    for n in range(20):
        clinical = [each for each in plain().resources.values() if twin(each)["id"] != each["id"]]
        put(conn, *(json.loads(json.dumps(twin(each)).replace('-2"', f'-{n + 10}"')) for each in clinical))
    assert count() <= few


def test_a_change_of_a_person_none_of_whose_orders_is_a_case_reads_none_of_them(conn: Connection) -> None:
    put(conn, *plain().resources.values())
    person = plain().resources["Patient/pat"]
    other = person | {"id": "other"}
    put(conn, other, order(id="labs", subject=ref("Patient/other"), category=[{"text": "laboratory"}], performer=[]))
    assert list(rows(conn)) == ["sr"]

    def count(person: Json) -> int:
        with statements(conn) as ran:
            put(conn, person | {"name": [{"family": "Another", "given": ["Ada"]}]})
        return len(ran)

    assert count(other) + 8 <= count(person)
    assert rows(conn)["sr"]["patient_name"] == "Another, Ada"
    assert differences(conn, NOW) == {}
    put(conn, task(id="labs", focus=ref("ServiceRequest/labs"), **{"for": ref("Patient/other")}))
    assert rows(conn)["labs"]["patient_name"] == "Another, Ada"
    put(conn, "Patient/other")
    assert differences(conn, NOW) == {}


@pytest.mark.postgres
def test_of_two_writes_at_once_about_one_patient_the_later_judges_what_the_earlier_left(
    new_database: Callable[[str], str],
) -> None:
    engine, stored = open_engine(new_database("postgres")), plain().resources
    with writing(engine) as conn:
        put(conn, *stored.values())

    def withdrawn() -> None:
        with writing(engine) as conn:
            put(conn, stored["Coverage/card-1"] | {"status": "cancelled"})

    other = Thread(target=withdrawn)
    with writing(engine) as conn:
        put(conn, stored["Appointment/visit"] | {"status": "cancelled"})
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    with reading(engine) as conn:
        assert differences(conn, NOW) == {}
        assert rows(conn)["sr"]["cleared"] is False
    engine.dispose()


@pytest.mark.postgres
def test_a_change_of_the_registry_while_a_case_is_judged_by_what_was_before_leaves_its_mark(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(new_database("postgres"))
    monkeypatch.setattr(worklist_project, "AT_ONCE", 0)
    with writing(engine) as conn:
        put(conn, *plain().resources.values())
        worklist_project.refresh(conn, NOW, RULES, 10)
        assert marks.among(conn, [rows(conn)["sr"]["rid"]]) == set()

    def overtaken(library: Library, patients: Sequence[str]) -> dict[str, tuple[Assembled, ...]]:
        found = of_patients(library, patients)
        with writing(engine) as other:
            put(other, contract(end=5, evergreen=False))
        return found

    with monkeypatch.context() as patched, writing(engine) as conn:
        patched.setattr(worklist_project, "of_patients", overtaken)
        worklist_project.rewrite(conn, {"pat"}, NOW, RULES)
    with writing(engine) as conn:
        assert rows(conn)["sr"]["agreement_gate"] == "met", "as it was when it was judged"
        (shown,) = current(conn, of_rids(conn, [rows(conn)["sr"]["rid"]]), NOW, RULES, behind=True)
        assert (shown.agreement_gate, shown.cleared) == ("blocked", False)
        worklist_project.refresh(conn, NOW, RULES, 10)
        assert differences(conn, NOW) == {}
    engine.dispose()


@pytest.fixture
def without_order(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A PostgreSQL in which all of the plain story stands but its order; what leans on a change is marked, not judged
    within it."""
    monkeypatch.setattr(worklist_project, "AT_ONCE", 0)
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        put(conn, *(each for name, each in plain().resources.items() if name != "ServiceRequest/sr"))
    yield engine
    engine.dispose()


def ended(engine: Engine) -> None:
    """The agreement ends soon, in a transaction of its own."""
    with writing(engine) as conn:
        put(conn, contract(end=5, evergreen=False))


def judged_anew(conn: Connection) -> None:
    """The order's case was marked, and is right once it is judged anew."""
    rids = [rows(conn)["sr"]["rid"]]
    assert marks.among(conn, rids) == set(rids)
    worklist_project.refresh(conn, NOW, RULES, 10)
    assert rows(conn)["sr"]["agreement_gate"] == "blocked"
    assert differences(conn, NOW) == {}
    assert marks.among(conn, rids) == set()


def the_second_waits(engine: Engine, first: Sequence[Json], second: Sequence[Json]) -> None:
    """Two writers at once, the second of whom goes on when the first has committed."""

    def then() -> None:
        with writing(engine) as conn:
            put(conn, *second)

    other = Thread(target=then)
    with writing(engine) as conn:
        put(conn, *first)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()


@pytest.mark.postgres
@pytest.mark.parametrize("what", ["Coverage/card-1", "Appointment/visit"])
@pytest.mark.parametrize("first", ["order", "other"])
def test_of_two_who_write_at_once_one_of_them_a_patients_first_order_the_later_judges_what_the_earlier_left(
    without_order: Engine, first: str, what: str
) -> None:
    stored = plain().resources
    pair: list[Json] = [stored["ServiceRequest/sr"], stored[what] | {"status": "cancelled"}]
    if first == "other":
        pair.reverse()

    the_second_waits(without_order, pair[:1], pair[1:])
    with reading(without_order) as conn:
        assert differences(conn, NOW) == {}
        assert rows(conn)["sr"]["cleared"] is False


@pytest.mark.postgres
@pytest.mark.parametrize("first", ["order", "other"])
def test_who_writes_about_very_many_at_once_waits_for_whoever_writes_about_one_and_is_waited_for(
    without_order: Engine, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(worklist_rows, "MANY", 1)
    cancelled = plain().resources["Appointment/visit"] | {"status": "cancelled"}
    goes: list[list[Json]] = [[plain().resources["ServiceRequest/sr"]], [cancelled, twin(cancelled)]]
    if first == "other":
        goes.reverse()

    the_second_waits(without_order, *goes)
    with reading(without_order) as conn:
        assert differences(conn, NOW) == {}
        assert rows(conn)["sr"]["cleared"] is False


@pytest.mark.postgres
def test_a_case_that_begins_to_lean_on_an_agreement_while_that_is_changed_is_marked_too(without_order: Engine) -> None:
    """Neither sees the other: who changes the agreement finds no case that leans on it yet, and the case is judged by
    the agreement as it was."""
    with without_order.connect() as raw, raw.begin():
        put(raw, contract(end=5, evergreen=False))
        with writing(without_order) as conn:  # whole before the change is there for others to see
            put(conn, plain().resources["ServiceRequest/sr"])
    with writing(without_order) as conn:
        assert rows(conn)["sr"]["agreement_gate"] == "met", "as the agreement was for whoever judged it"
        (shown,) = current(conn, of_rids(conn, [rows(conn)["sr"]["rid"]]), NOW, RULES, behind=True)
        assert (shown.agreement_gate, shown.cleared) == ("blocked", False)
        assert conn.scalar(select(outbox.c.kind)) == worklist_project.JOB
        judged_anew(conn)


@pytest.mark.postgres
def test_a_case_that_began_to_lean_on_an_agreement_that_was_changed_meanwhile_is_marked_too(
    without_order: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agreement is changed, and that is whole, between the reading of it for a new case and that case's end."""

    def overtaken(library: Library, patients: Sequence[str]) -> dict[str, tuple[Assembled, ...]]:
        found = of_patients(library, patients)
        ended(without_order)
        return found

    with monkeypatch.context() as patched, writing(without_order) as conn:
        patched.setattr(worklist_project, "of_patients", overtaken)
        put(conn, plain().resources["ServiceRequest/sr"])
    with writing(without_order) as conn:
        judged_anew(conn)


@pytest.mark.postgres
def test_who_changes_the_registry_waits_for_a_case_that_was_just_judged_and_then_finds_it(
    without_order: Engine,
) -> None:
    other = Thread(target=ended, args=(without_order,))
    with writing(without_order) as conn:
        put(conn, plain().resources["ServiceRequest/sr"])
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    with writing(without_order) as conn:
        judged_anew(conn)


@pytest.mark.postgres
def test_a_request_without_its_order_that_is_judged_while_an_agreement_is_changed_is_judged_once_more(
    without_order: Engine,
) -> None:
    with without_order.connect() as raw, raw.begin():
        put(raw, contract(end=5, evergreen=False))
        with writing(without_order) as conn:
            put(conn, claim())
    changes_at = select(authorization_row.c.changes_at)
    with writing(without_order) as conn:
        assert conn.scalar(changes_at) == micros(NOW), "judged by what the agreement was"
        assert conn.scalar(select(outbox.c.kind)) == worklist_project.JOB
        worklist_project.refresh(conn, NOW, RULES, 10)
        assert conn.scalar(changes_at) != micros(NOW)


@pytest.mark.postgres
def test_who_changes_the_registry_waits_for_a_patient_with_nothing_in_hand_that_another_may_wait_for(
    new_database: Callable[[str], str],
) -> None:
    engine, broken = open_engine(new_database("postgres")), list[Exception]()
    with writing(engine) as conn:  # a request without its order, and somebody else's case
        put(conn, *(each for name, each in plain().resources.items() if name != "ServiceRequest/sr"), claim())
        put(conn, *map(twin, plain().resources.values()))

    def renames() -> None:
        try:
            with writing(engine) as conn:
                put(conn, plain().resources["Organization/payer-1"] | {"name": "Pinnacle"})
        except Exception as e:
            broken.append(e)

    other = Thread(target=renames)
    with writing(engine) as conn:
        worklist_rows.hold(conn, ["pat-2"])
        other.start()
        other.join(0.5)
        assert other.is_alive()
        authorizations.wake(conn, ["Claim/req"], micros(NOW))
        jobs.add(conn, worklist_project.JOB, worklist_project.JOB, b"", NOW)
    other.join()
    assert broken == []
    engine.dispose()


def changes(before: Story, after: Story) -> list[Json | str]:
    put = [each for key, each in after.resources.items() if before.resources.get(key) != each]
    return [*put, *(key for key in before.resources if key not in after.resources)]


@given(st.lists(stories(), min_size=2, max_size=3), st.randoms(use_true_random=False))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_change_leaves_the_worklist_equal_to_a_full_recomputation(
    sqlite_template: Path, tmp_path: Path, told, chance
) -> None:
    """Stories follow each other through the one door, in any order and any number of transactions, two patients at
    once."""
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / "model.db"
    shutil.copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    now, last = NOW, Story()
    for story in told:
        pending = changes(last, story)
        pending += [
            twin(each) if isinstance(each, dict) else each
            for each in pending
            if isinstance(each, dict) and chance.random() < 0.5
        ]
        chance.shuffle(pending)
        while pending:
            take = chance.randint(1, len(pending))
            now += timedelta(minutes=chance.randint(0, 60 * 24 * 3))
            with writing(engine) as conn:
                put(conn, *pending[:take], now=now)
                put(conn, *noted(conn, chance), now=now)
                worklist_project.refresh(conn, now, RULES, 100)
                assert differences(conn, now) == {}
            pending = pending[take:]
        last = story
    engine.dispose()


def test_what_an_ehr_moves_as_no_table_has_it_is_stored_and_told_on_the_case_until_it_is_right(
    conn: Connection,
) -> None:
    """A cancelled Task that comes back to work; then the EHR says that it is cancelled after all, and all is well."""

    def sync(*resources: Json) -> None:
        changes = [Change(each["resourceType"], each["id"], each) for each in resources]
        actor = Actor("ehr:elm", None, None, "sync-1")
        put_all(conn, changes, now=NOW, actor=actor, base=HERE, project=worklist_project.projector(RULES))

    def warned() -> list[str]:
        found = assemble(conn, "sr")
        assert found
        return [each for each in clear(found, NOW, RULES).warnings if "does not follow" in each]

    origin = {"source": "https://elm.example/fhir/Task/9"}
    sync(*plain().resources.values())
    sync(task(status="accepted", meta=origin))
    assert warned() == []
    sync(task(status="cancelled", stage="cancelled", meta=origin))
    assert warned() == []
    sync(task(status="in-progress", stage="scheduled", meta=origin))
    said = "elm.example sent Task/task-1 as in-progress, which does not follow from what it was"
    assert warned() == [f"{said}: ask them which is right."]
    stored = read.get(conn, "Task", "task-1")
    assert stored
    assert json.loads(stored.body)["status"] == "in-progress"
    sync(task(status="cancelled", stage="cancelled", meta=origin))
    assert warned() == []


def test_what_the_judge_doubts_in_what_an_ehr_sent_is_told_on_the_case_by_its_place_until_it_is_right(
    conn: Connection,
) -> None:
    """The value is not told: it may be of what a Consent keeps back. The patient's own record speaks on its cases."""

    def sync(resource: Json, *faults: Issue) -> None:
        change = Change(resource["resourceType"], resource["id"], resource, flags=faults)
        actor = Actor("ehr:elm", None, None, "sync-1")
        put_all(conn, [change], now=NOW, actor=actor, base=HERE, project=worklist_project.projector(RULES))

    def warned() -> list[str]:
        found = assemble(conn, "sr")
        assert found
        return [each for each in clear(found, NOW, RULES).warnings if "faults" in each]

    there = {"source": "https://elm.example/fhir/Task/9"}
    for each in plain().resources.values():
        sync(each)
    assert warned() == []
    wrong = Issue("error", "code-invalid", "priority is 'soonish'; give routine or urgent.", "Task.priority")
    sync(task(status="accepted", meta=there), wrong, Issue("error", "required", "intent is missing.", "Task.intent"))
    said = "elm.example sent the referral with faults: priority is not valid and intent is missing."
    assert warned() == [f"{said} Ask them what is right."]
    person = plain().resources["Patient/pat"] | {"language": "es"}
    sync(person, *(Issue("error", "value", "no.", f"Patient.name[{n}]") for n in range(5)))
    names = "name[0] is not valid and name[1] is not valid and name[2] is not valid and 2 more"
    assert warned()[0] == f"We loaded the patient's record with faults: {names}. Find out what is right."
    sync(task(status="accepted", meta=there, description="whole again"))
    assert len(warned()) == 1
    sync(person | {"language": "en"})
    assert warned() == []
