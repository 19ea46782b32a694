"""What an EHR and we both hold and both change: a sync undoes nobody's change without a word."""

import runpy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.store.database import schema, tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs.tables import ehr_conflict, ehr_item
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from fhir_adapters.identity import local_id
from tests.adapters.content import held
from tests.adapters.little_ehr import LittleEhr
from tests.adapters.test_syncing import QUICK, patient

Json = dict[str, Any]
ID = local_id("little", "Task", "t1")


def referral(id: str = "r1") -> Json:
    return {
        "resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
        "subject": {"reference": "Patient/p1"},
    }  # fmt: skip


def task(status: str = "accepted", **more: Any) -> Json:
    return {
        "resourceType": "Task", "id": "t1", "status": status, "intent": "order", "for": {"reference": "Patient/p1"},
        "focus": {"reference": "ServiceRequest/r1"}, **more,
    }  # fmt: skip


def visit(start: str, end: str, status: str = "booked") -> Json:
    return {
        "resourceType": "Appointment", "id": "a1", "status": status, "start": start, "end": end,
        "basedOn": [{"reference": "ServiceRequest/r1"}],
        "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
    }  # fmt: skip


@pytest.fixture
def synced(world: World, little: LittleEhr) -> LittleEhr:
    """One referral of the EHR, synced; windows are offered, so that a run reads what changed."""
    for one in (patient("p1"), referral(), task()):
        little.put(one)
    add_ehr(world, Ehr("little", little.base, limits=QUICK, writes={}))
    assert run(world, "little").changed == 3
    return little


def written(world: World, type: str, id: str, resource: Json | None, by: str = "maria") -> None:
    """As a person's or an app's write ends: through the one door."""
    with writing(world.engine) as conn:
        put_all(
            conn,
            [Change(type, id, resource)],
            now=datetime.now(UTC),
            actor=Actor(by, None, None, "test"),
            base=world.base,
            project=world.project,
        )


def ours(world: World, type: str = "Task", id: str = ID) -> Json:
    return held(world.engine, type)[id]


def put(world: World, **changes: Any) -> None:
    """A PUT as clients send it: meta.source is not among what they give."""
    resource = {name: value for name, value in ours(world).items() if name != "meta"} | changes
    written(world, "Task", ID, resource)


def conflicts(world: World) -> list[Any]:
    table = ehr_conflict
    with reading(world.engine) as conn:
        return list(conn.execute(select(table).where(table.c.settled.is_(None)).order_by(table.c.n)))


def case(world: World) -> Any:
    with reading(world.engine) as conn:
        return conn.execute(select(tables.case)).one()


def test_a_put_on_a_synced_task_outlives_the_next_sync(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    assert run(world, "little").changed == 0
    assert ours(world)["status"] == "on-hold"
    assert conflicts(world) == []


def test_it_outlives_syncs_for_ever_also_when_the_ehr_writes_the_same_again(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    for _ in range(3):
        synced.put(task())
        assert run(world, "little").changed == 0
    assert ours(world)["status"] == "on-hold"


def test_what_the_ehr_changes_of_another_element_arrives_beside_it(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    synced.put(task(priority="urgent"))
    assert run(world, "little").changed == 1
    assert (ours(world)["status"], ours(world)["priority"]) == ("on-hold", "urgent")
    assert ours(world)["meta"]["source"] == f"{synced.base}/Task/t1"
    assert run(world, "little").changed == 0
    assert conflicts(world) == []


def test_what_both_changed_differently_is_a_conflict_with_both_values_who_and_when(
    world: World, synced: LittleEhr
) -> None:
    put(world, status="on-hold")
    synced.put(task("completed"))
    run(world, "little")
    assert ours(world)["status"] == "on-hold"
    (conflict,) = conflicts(world)
    assert (conflict.ehr, conflict.type, conflict.id, conflict.element) == ("little", "Task", ID, "status")
    assert (bytes(conflict.base), bytes(conflict.ours), bytes(conflict.theirs)) == (
        b'{"status":"accepted"}', b'{"status":"on-hold"}', b'{"status":"completed"}',
    )  # fmt: skip
    assert (conflict.ours_by, conflict.stands) == ("maria", "ours")
    assert conflict.ours_at is not None
    assert conflict.theirs_at is not None
    run(world, "little")
    assert len(conflicts(world)) == 1


def test_a_conflict_is_over_when_the_ehr_says_the_same(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    synced.put(task("completed"))
    run(world, "little")
    synced.put(task("on-hold"))
    run(world, "little")
    assert conflicts(world) == []
    assert ours(world)["status"] == "on-hold"


def test_a_conflict_is_over_when_we_say_the_same(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    synced.put(task("completed"))
    run(world, "little")
    put(world, status="completed")
    assert conflicts(world) == []


def test_a_conflict_follows_what_the_ehr_says_later(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    synced.put(task("completed"))
    run(world, "little")
    synced.put(task("cancelled"))
    run(world, "little")
    (conflict,) = conflicts(world)
    assert bytes(conflict.theirs) == b'{"status":"cancelled"}'
    assert ours(world)["status"] == "on-hold"


def test_the_ehrs_calendar_stands_and_our_time_is_in_the_conflict(world: World, synced: LittleEhr) -> None:
    synced.put(visit("2026-12-05T09:00:00Z", "2026-12-05T09:30:00Z"))
    run(world, "little")
    id = local_id("little", "Appointment", "a1")
    moved = ours(world, "Appointment", id) | {"start": "2026-12-05T10:00:00Z", "end": "2026-12-05T10:30:00Z"}
    written(world, "Appointment", id, moved)
    synced.put(visit("2026-12-05T11:00:00Z", "2026-12-05T11:30:00Z"))
    run(world, "little")
    assert ours(world, "Appointment", id)["start"] == "2026-12-05T11:00:00Z"
    (conflict,) = conflicts(world)
    assert bytes(conflict.ours) == b'{"start":"2026-12-05T10:00:00Z","end":"2026-12-05T10:30:00Z"}'
    assert conflict.stands == "theirs"
    run(world, "little")
    assert len(conflicts(world)) == 1


def test_what_the_ehr_deletes_and_we_have_changed_stays_as_a_conflict(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    del synced.held["Task"]["t1"]
    run(world, "little")
    assert ours(world)["status"] == "on-hold"
    (conflict,) = conflicts(world)
    assert (conflict.element, bytes(conflict.theirs)) == ("*", b"{}")
    assert run(world, "little").changed == 0
    synced.put(task())
    run(world, "little")
    assert [each.element for each in conflicts(world)] == ["status"]


def test_what_we_delete_stays_deleted_and_is_a_conflict_once_the_ehr_changes_it(
    world: World, synced: LittleEhr
) -> None:
    written(world, "Task", ID, None)
    run(world, "little")
    assert ID not in held(world.engine, "Task")
    synced.put(task("completed"))
    run(world, "little")
    assert ID not in held(world.engine, "Task")
    (conflict,) = conflicts(world)
    assert (conflict.element, bytes(conflict.ours)) == ("*", b"{}")


def test_whose_word_counts_can_be_told_for_one_ehr(world: World, synced: LittleEhr) -> None:
    add_ehr(world, Ehr("little", synced.base, limits=QUICK, writes={}, owners={"Task.status": "theirs"}))
    put(world, status="on-hold")
    synced.put(task("completed"))
    run(world, "little")
    assert ours(world)["status"] == "completed"
    (conflict,) = conflicts(world)
    assert bytes(conflict.ours) == b'{"status":"on-hold"}'


def test_a_change_here_while_a_page_is_read_is_not_lost(world: World, synced: LittleEhr) -> None:
    """What is stored is looked at in the transaction that stores the page, not before it."""
    synced.put(task(priority="urgent"))
    asked = len(synced.asked)
    synced.faults.append(lambda one: put(world, status="on-hold") if one.path == "/r4/Task" else None)  # type: ignore[func-returns-value]
    run(world, "little")
    assert len(synced.asked) > asked
    assert (ours(world)["status"], ours(world)["priority"]) == ("on-hold", "urgent")


def test_a_case_in_dispute_says_so_and_is_never_closed_over_it(world: World, synced: LittleEhr) -> None:
    assert not case(world).conflict
    id = local_id("little", "ServiceRequest", "r1")
    written(world, "ServiceRequest", id, ours(world, "ServiceRequest", id) | {"status": "revoked"})
    assert not case(world).open
    synced.put(referral() | {"status": "on-hold"})
    run(world, "little")
    row = case(world)
    assert (row.conflict, row.cleared, row.open, row.headline_gate) == (True, False, True, "loop")
    assert row.action == "settle-conflict"
    written(world, "ServiceRequest", id, ours(world, "ServiceRequest", id) | {"status": "on-hold"})
    assert not case(world).conflict


def test_the_case_of_what_one_side_deleted_says_so(world: World, synced: LittleEhr) -> None:
    put(world, status="on-hold")
    del synced.held["Task"]["t1"]
    run(world, "little")
    assert case(world).conflict


def test_what_an_earlier_version_synced_is_told_from_what_was_changed_since(world: World, synced: LittleEhr) -> None:
    """Migration 0011: what the last sync wrote is the EHR's last word, what somebody wrote after it is ours."""
    put(world, status="on-hold")
    items = select(ehr_item.c.id, ehr_item.c.local, ehr_item.c.hash).order_by(ehr_item.c.type, ehr_item.c.id)
    with writing(world.engine) as conn:
        before = [(id, local, bytes(hash)) for id, local, hash in conn.execute(items)]
        conn.execute(ehr_item.update().values(local=None, hash=None, base=None))
        (path,) = (Path(schema.__file__).parents[1] / "migrations" / "versions").glob("*_what_the_ehrs_said_last.py")
        migration = runpy.run_path(str(path))
        for step in ("_name", "_agree", "_differ"):
            migration[step](conn)
        assert [(id, local, bytes(hash)) for id, local, hash in conn.execute(items)] == before
    assert run(world, "little").changed == 0
    assert ours(world)["status"] == "on-hold"
    synced.put(task(priority="urgent"))
    run(world, "little")
    assert (ours(world)["status"], ours(world)["priority"]) == ("on-hold", "urgent")
