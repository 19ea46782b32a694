"""Syncing from a second instance of our own server, with real OAuth and the whole story of the fixtures in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from auth.store import Client
from carecoord import app
from carecoord.actions import demo
from carecoord.actions.ehrs.sync import Summary, add_ehr, examine, run
from carecoord.settings import Settings
from carecoord.store.database import tables
from carecoord.store.database.engine import migrate, reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.identity import local_id
from tests.adapters.content import content, held, versions
from tests.adapters.wsgi import WsgiAdapter
from tests.conftest import DATABASES

FIXTURES = Path(__file__).parents[2] / "fixtures"
HOSPITAL = "https://hospital.example"


def quiet(type: str, received: int, total: int | None) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The EHR: another carecoord with its own database, holding the hospital's side of the story."""
    var = tmp_path_factory.mktemp("hospital")
    world = app.world(Settings(var=str(var), base_url=HOSPITAL))
    migrate(world.engine)
    demo.tell(world, FIXTURES, "ehr", date(2026, 11, 22), quiet)
    demo.register(world, Client("carecoord", "carecoord", "system/*.rs"), var / "key.pem")
    yield world
    world.engine.dispose()


@pytest.fixture(scope="module")
def site(hospital: World) -> WsgiAdapter:
    """The hospital's web server, reached without a socket."""
    return WsgiAdapter(app.wired(hospital))


@pytest.fixture(scope="module", params=DATABASES)
def ours(
    request: pytest.FixtureRequest,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    hospital: World,
    site: WsgiAdapter,
) -> Iterator[World]:
    """We, with the hospital added as an EHR and synced once."""

    def http() -> requests.Session:
        session = requests.Session()
        session.mount(HOSPITAL, site)
        return session

    settings = Settings(var=str(tmp_path_factory.mktemp("ours")), database_url=new_database(request.param))
    world = replace(app.world(settings), http=http)
    key = str(Path(hospital.settings.var) / "key.pem")
    add_ehr(world, Ehr("hospital", hospital.settings.fhir_url, auth=BackendServices("carecoord", key, "system/*.rs")))
    try:
        first = run(world, "hospital")
        assert (first.error, first.flagged, first.notices) == (None, 0, ())
        assert first.received == len(present(hospital))
        yield world
    finally:
        world.engine.dispose()


def synced(world: World) -> Summary:
    summary = run(world, "hospital")
    assert summary.error is None
    return summary


def present(world: World) -> set[tuple[str, str]]:
    """Type and id of all that is there and not deleted."""
    with reading(world.engine) as conn:
        at = tables.resource.c.deleted.is_(False)
        return {(type, id) for type, id in conn.execute(select(tables.resource.c.type, tables.resource.c.id).where(at))}


def case_rows(world: World) -> dict[str, Any]:
    with reading(world.engine) as conn:
        return {row.id: row._asdict() for row in conn.execute(select(tables.case))}


def test_everything_of_the_hospital_arrives_valid_and_consistent(ours: World, hospital: World) -> None:
    there = {(type, local_id("hospital", type, id)) for type, id in present(hospital)}
    assert present(ours) == there
    with reading(ours.engine) as conn:
        aimed = conn.execute(select(tables.ix_reference.c.type, tables.ix_reference.c.id).distinct()).all()
    assert {(type, id) for type, id in aimed if type} <= there


def test_a_sync_run_twice_changes_no_version_and_no_case(ours: World) -> None:
    before = content(ours.engine)
    again = synced(ours)
    assert again.changed == 0
    assert {one.strategy for one in again.types} == {"window"}
    assert content(ours.engine) == before


def test_one_changed_appointment_changes_one_resource_and_one_case(ours: World, hospital: World) -> None:
    before, cases = versions(ours.engine), case_rows(ours)
    id, appointment = next(
        (id, one)
        for id, one in held(hospital.engine, "Appointment").items()
        if one["status"] == "booked" and "basedOn" in one
    )
    moved = {**appointment, "start": "2027-03-01T15:00:00Z", "end": "2027-03-01T15:30:00Z"}
    change(hospital, moved)
    assert synced(ours).changed == 1
    after = versions(ours.engine)
    assert {key for key in after if after[key] != before.get(key)} == {
        ("Appointment", local_id("hospital", "Appointment", id))
    }
    changed = [row["id"] for key, row in case_rows(ours).items() if row != cases[key]]
    referral = appointment["basedOn"][0]["reference"].removeprefix("ServiceRequest/")
    assert changed == [local_id("hospital", "ServiceRequest", referral)]
    change(hospital, appointment)
    assert synced(ours).changed == 1


def change(world: World, resource: dict[str, Any]) -> None:
    with writing(world.engine) as conn:
        put(
            conn,
            Change(resource["resourceType"], resource["id"], resource),
            now=datetime.now(UTC),
            actor=Actor("clerk", None, None, "test"),
            base=world.base,
            project=world.project,
        )


def test_what_the_hospital_deletes_is_deleted_here_with_the_next_sweep(ours: World, hospital: World) -> None:
    flag = {"resourceType": "Flag", "id": "short-lived", "status": "active", "code": {"text": "x"}}
    patient = next(iter(held(hospital.engine, "Patient")))
    change(hospital, {**flag, "subject": {"reference": f"Patient/{patient}"}})
    assert synced(ours).changed == 1
    with writing(hospital.engine) as conn:
        put(
            conn,
            Change("Flag", "short-lived", None),
            now=datetime.now(UTC),
            actor=Actor("clerk", None, None, "test"),
            base=hospital.base,
            project=hospital.project,
        )
    assert synced(ours).changed == 0
    with writing(ours.engine) as conn:
        conn.execute(tables.ehr_cursor.delete().where(tables.ehr_cursor.c.type == "Flag"))
    assert synced(ours).changed == 1
    with reading(ours.engine) as conn:
        gone = read.get(conn, "Flag", local_id("hospital", "Flag", "short-lived"))
    assert gone is not None
    assert gone.deleted


def test_the_hospital_is_examined_without_a_remark(ours: World) -> None:
    found = examine(ours, "hospital")
    assert found.software.startswith("carecoord")
    assert found.notices == ()
    assert {job.strategy for job in found.jobs} == {"window"}
    assert found.missing == ()
