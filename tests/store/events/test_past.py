"""Issue 7, 3: a database of a version that had no log gets the events of its past by the migration, once."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, MetaData, Table, inspect, make_url, select

from carecoord.actions.events import past
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.gates.policy import Policy
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.audit.tables import audit
from carecoord.store.database import bulk
from carecoord.store.database.engine import alembic_config, migrate, open_engine, reading, writing
from carecoord.store.database.tables import history, resource
from carecoord.store.events import log
from carecoord.store.resources.write import Actor, Change, put_all
from tests.conftest import DATABASES
from tests.domain.stories import NOW, answer, appointment, at, claim, order, plain, ref, task

ZONE = ZoneInfo("America/New_York")
HERE = Base("http://here.example/fhir", UTC)
AMARA = Actor("amara", "desk", "clinic", "req-9")
SEKMET = Actor("ehr:sekmet", None, None, "sync-4")
Json = dict[str, Any]


@pytest.fixture(params=DATABASES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database as the version before the log made it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/old.db"
    else:
        server = request.getfixturevalue("postgres_url")
        with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as conn:
            conn.execute("DROP DATABASE IF EXISTS past")
            conn.execute("CREATE DATABASE past")
        url = make_url(server).set(database="past").render_as_string(hide_password=False)
    engine = open_engine(url)
    with writing(engine) as conn:
        command.upgrade(alembic_config(conn), "0007")
    yield engine
    engine.dispose()


@pytest.fixture
def today(new_database: Callable[[str], str]) -> Iterator[Engine]:
    """A database of this version, in which what happened is written down first."""
    engine = open_engine(new_database("sqlite"))
    yield engine
    engine.dispose()


def write(engine: Engine, hours: int, actor: Actor, *resources: Json | str) -> None:
    """Write without keeping a log."""
    changes = []
    for each in resources:
        kind, id = each.split("/") if isinstance(each, str) else (each["resourceType"], each["id"])
        body = None if isinstance(each, str) else {name: value for name, value in each.items() if name != "meta"}
        changes.append(Change(kind, id, body))
    with writing(engine) as conn:
        put_all(conn, changes, now=NOW + timedelta(hours=hours), actor=actor, base=HERE, project=lambda *_: None)


def move(new: Engine, old: Engine) -> None:
    """Put what is in a database of today into one of then, as far as then there was a place for it."""
    for table in (resource, history, audit):
        columns = {column["name"] for column in inspect(old).get_columns(table.name)}
        with reading(new) as conn:
            rows = [
                {name: value for name, value in row.items() if name in columns}
                for row in conn.execute(select(table)).mappings()
            ]
        place = Table(table.name, MetaData(), autoload_with=old)
        with writing(old) as conn:
            for run in bulk.runs(rows, 500):
                conn.execute(place.insert(), list(run))


def bring_up_to_date(engine: Engine) -> None:
    migrate(engine, lambda conn: past.write_past(conn, ZONE))


def story(engine: Engine) -> None:
    write(engine, 0, SEKMET, *plain().resources.values())
    write(engine, 1, AMARA, claim(status="draft"))
    write(engine, 2, AMARA, claim(), task(status="in-progress", stage="scheduled", lastModified=at(0, "09:30")))
    write(engine, 3, SEKMET, answer("A4"))
    call = {"resourceType": "Communication", "id": "call", "status": "completed", "about": [ref("Task/task-1")],
            "subject": ref("Patient/pat"), "sent": at(0)}  # fmt: skip
    write(engine, 4, AMARA, {**answer("A1"), "created": at(1)}, call)
    write(engine, 5, SEKMET, "Appointment/visit")
    write(engine, 6, SEKMET, appointment(14))


def test_every_version_is_told_in_order_with_who_wrote_it_and_whose_it_is(old: Engine, today: Engine) -> None:
    story(today)
    move(today, old)
    bring_up_to_date(old)
    found = log.after(old, 0, 100)
    told = [(e.subject, e.type, e.before, e.state, e.said, e.case_id) for e in found if e.type != "Contract"]
    assert sorted(told[:5], key=lambda one: (one[1], one[2])) == [
        ("ehr:sekmet", "Appointment", "", "booked", None, "sr"),
        ("ehr:sekmet", "CoverageEligibilityResponse", "", "met", at(-5, "08:00"), None),
        ("ehr:sekmet", "ServiceRequest", "", "active", at(-6), "sr"),
        ("ehr:sekmet", "Task", "", "sent", at(-5), "sr"),
        ("ehr:sekmet", "Task", "sent", "accepted", at(-5), "sr"),
    ]
    assert told[5:] == [
        ("amara", "Claim", "", "draft", at(-10), "sr"),
        ("amara", "Task", "accepted", "scheduled", at(0, "09:30"), "sr"),
        ("amara", "Claim", "draft", "submitted", None, "sr"),
        ("ehr:sekmet", "ClaimResponse", "", "pended", at(-9), "sr"),
        ("amara", "ClaimResponse", "pended", "approved", at(1), "sr"),
        ("amara", "Communication", "", "done", at(0), "sr"),
        ("ehr:sekmet", "Appointment", "booked", "deleted", None, "sr"),
        ("ehr:sekmet", "Appointment", "", "booked", None, "sr"),
    ]
    assert {e.patient for e in found if e.type != "Contract"} == {"pat"}
    scheduled = next(e for e in found if e.state == "scheduled")
    assert (scheduled.client, scheduled.organization, scheduled.request) == ("desk", "clinic", "req-9")
    assert (scheduled.recorded, scheduled.version) == (micros(NOW + timedelta(hours=2)), 2)
    assert scheduled.at == micros(NOW) + 30 * 60 * 10**6, "09:30 in New York is 14:30 UTC"


def test_it_is_written_once_and_what_happens_since_comes_behind_it(old: Engine, today: Engine) -> None:
    story(today)
    move(today, old)
    bring_up_to_date(old)
    before = [each.n for each in log.after(old, 0, 100)]
    bring_up_to_date(old)
    assert [each.n for each in log.after(old, 0, 100)] == before
    with writing(old) as conn:
        gone = [Change("Appointment", "visit", None)]
        project = worklist_project.projector(Policy())
        put_all(conn, gone, now=NOW + timedelta(days=1), actor=AMARA, base=HERE,
                project=project)  # fmt: skip
    since = [each for each in log.after(old, before[-1], 100) if each.kind == "visit"]
    assert [(each.before, each.state, each.subject) for each in since] == [("booked", "deleted", "amara")]


def test_what_was_written_between_the_tables_and_the_past_is_told_once(old: Engine, today: Engine) -> None:
    """Somebody brought the tables up to date without the past, and went on working."""
    write(today, 0, SEKMET, *plain().resources.values())
    move(today, old)
    migrate(old)
    with writing(old) as conn:
        project = worklist_project.projector(Policy())
        put_all(conn, [Change("Appointment", "visit", None)], now=NOW + timedelta(days=1), actor=AMARA,
                base=HERE, project=project)  # fmt: skip
    bring_up_to_date(old)
    visits = [(each.before, each.state) for each in log.after(old, 0, 100) if each.kind == "visit"]
    assert sorted(visits) == [("", "booked"), ("booked", "deleted")]


def test_a_new_database_has_no_past(engine: Engine) -> None:
    bring_up_to_date(engine)
    assert log.after(engine, 0, 100) == []


def test_a_big_past_is_written_at_a_bearable_speed(tmp_path: Path, today: Engine) -> None:
    """10,000 versions in well under a minute on a busy machine: a hundred thousand orders are minutes, not hours."""
    engine = open_engine(f"sqlite:///{tmp_path}/old.db")
    with writing(engine) as conn:
        command.upgrade(alembic_config(conn), "0007")
    many = [{**order(), "id": f"sr-{n}"} for n in range(1000)]
    for hours in range(4):
        tasks = [{**task(n, stage="accepted" if hours % 2 else "scheduled"), "focus": ref(f"ServiceRequest/sr-{n}"),
                  "basedOn": [ref(f"ServiceRequest/sr-{n}")]} for n in range(1000)]  # fmt: skip
        write(today, hours, SEKMET, *tasks, *(many if not hours else ()))
    move(today, engine)
    start = time.process_time()
    bring_up_to_date(engine)
    assert time.process_time() - start < 15
    assert len(log.after(engine, 0, 10_000)) == 1000 + 2000 + 3000
    engine.dispose()
