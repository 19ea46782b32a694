"""The loop over the outbox: repeated syncs from a small EHR on a real socket, failures that wait, and a clean end."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from carecoord import worker
from carecoord.actions.syncing import add_ehr, list_ehrs
from carecoord.store import outbox
from carecoord.store.engine import reading, writing
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from tests.adapters.little_ehr import LittleEhr, Reply, serving
from tests.demo.conftest import Clock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def little() -> Iterator[LittleEhr]:
    """An EHR with one patient."""
    with serving(LittleEhr()) as ehr:
        ehr.put({"resourceType": "Patient", "id": "p", "name": [{"family": "Okafor"}]})
        yield ehr


@pytest.fixture
def city(world: World, little: LittleEhr) -> Ehr:
    """The EHR as we know it, which gives up soon."""
    limits = {"attempts": 1.0, "read_seconds": 0.5, "connect_seconds": 0.5}
    return add_ehr(world, Ehr("city", little.base, limits=limits))


def runs(world: World) -> list[str | None]:
    """The errors of the latest runs of each EHR, None where all went well."""
    return [listed.run.error for listed in list_ehrs(world) if listed.run]


def test_it_syncs_when_due_and_not_before(world: World, clock: Clock, city: Ehr) -> None:
    worker.repeat(world, city.name, MINUTE)
    assert worker.once(world) == 0
    clock.turn(minutes=1)
    assert worker.once(world) == 1
    assert runs(world) == [None]


def test_it_syncs_again_after_the_same_while(world: World, clock: Clock, city: Ehr) -> None:
    worker.repeat(world, city.name, MINUTE)
    for _ in range(3):
        clock.turn(minutes=1)
        assert worker.once(world) == 1
        assert worker.once(world) == 0


def test_a_failed_sync_waits_longer_each_time_and_works_again(
    world: World, clock: Clock, city: Ehr, little: LittleEhr
) -> None:
    little.fail("/metadata", Reply(500), times=2)
    worker.repeat(world, city.name, MINUTE)
    clock.turn(minutes=1)
    assert worker.once(world) == 1
    assert runs(world) != [None]
    clock.turn(seconds=1.5)
    assert worker.once(world) == 0
    clock.turn(seconds=1)
    assert worker.once(world) == 1
    clock.turn(seconds=5)
    assert worker.once(world) == 1
    assert runs(world) == [None]


def test_a_job_that_nobody_knows_is_parked_at_last_and_holds_up_no_other(world: World, clock: Clock, city: Ehr) -> None:
    with writing(world.engine) as conn:
        outbox.add(conn, "tickle", "toes", b"{}", clock())
    worker.repeat(world, city.name, MINUTE)
    for _ in range(outbox.TRIES + 1):
        clock.turn(hours=1, minutes=1)
        worker.once(world)
    assert runs(world) == [None]
    with reading(world.engine) as conn:
        assert [(job.kind, job.error) for job in outbox.parked(conn)] == [("tickle", "KeyError")]


def test_it_ends_when_it_is_told_to(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker.work, args=(world, stop))
    thread.start()
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
