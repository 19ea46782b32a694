"""Acts at the desk, telling the EHR of them and reading it, killed by kill -9 at random moments: every act happened
once here and once there, or waits to be told and says so. The EHR is a second server of ours over HTTP."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from carecoord.actions.acts import provenance
from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.cli.demo import PARTNER
from carecoord.store.database import jobs, tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import deliveries
from carecoord.store.ehrs.tables import ehr_conflict, ehr_delivery
from carecoord.store.events.tables import event
from carecoord.world import World
from fhir_adapters.identity import local_id
from tests.adapters.content import held
from tests.adapters.second_server import STORY, hospital
from tests.adapters.test_killing import Victim
from tests.adapters.test_write_back import registered, written
from tests.adapters.victim import ACTS, form, maria, moment

Json = dict[str, Any]
EHR = "mercy"
KILLS = int(os.environ.get("CARECOORD_TEST_KILLS", "3"))  # 25 is what we promise; the suite's time allows fewer
ORDERS = [f"r{n:02}" for n in range(KILLS + 2)]  # the first two are acted on by nobody who is killed


@pytest.fixture
def mercy(tmp_path: Path) -> Iterator[World]:
    """Mercy General's EHR: for each kill a patient with an order of Fairmont's to Harborview, not sent yet."""
    with hospital(tmp_path / EHR, PARTNER, STORY) as world:
        for id, name in (("o1", "Fairmont Primary Care"), ("o2", "Harborview")):
            written(world, {"resourceType": "Organization", "id": id, "name": name})
        for order in ORDERS:
            for one in story(order):
                written(world, one)
        yield world


def story(order: str) -> list[Json]:
    patient, placer, asked = f"p{order[1:]}", {"reference": "Organization/o1"}, {"reference": "Organization/o2"}
    about = {"reference": f"Patient/{patient}"}
    return [
        {"resourceType": "Patient", "id": patient, "name": [{"family": f"Family{order}", "given": ["Ada"]}]},
        {
            "resourceType": "ServiceRequest", "id": order, "status": "active", "intent": "order", "subject": about,
            "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
            "requester": placer, "performer": [asked],
        },
        {
            "resourceType": "Task", "id": f"t{order[1:]}", "status": "draft", "intent": "order", "for": about,
            "focus": {"reference": f"ServiceRequest/{order}"}, "requester": placer, "owner": asked,
        },
    ]  # fmt: skip


@pytest.fixture
def victim(world: World, database_url: str, tmp_path: Path, mercy: World) -> Iterator[Victim]:
    add_ehr(world, registered(mercy))
    assert run(world, EHR).error is None
    victim = Victim("act", database_url, tmp_path, EHR)
    yield victim
    victim.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_acts_killed_anywhere_happened_once_on_both_sides_or_wait_and_say_so(
    world: World, mercy: World, victim: Victim
) -> None:
    dice = random.Random(20261128)
    work = min(whole(victim, order) for order in ORDERS[:2])
    killed = 0
    for order in ORDERS[2:]:
        child = victim.start(order)
        worked(child, dice.uniform(0.02, 0.95) * work)
        time.sleep(dice.uniform(0, 0.02))  # it may be waiting for the EHR then
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        killed += victim.end() == signal.SIGKILL
        assert unsaid(world, mercy, order) == []
        leases_end(world)
        whole(victim, order)
        assert unsaid(world, mercy, order) == []
    assert killed > KILLS / 2
    for order in ORDERS:
        once_here(world, order)
        once_there(world, mercy, order)
    nothing_left(world)


def whole(victim: Victim, order: str) -> float:
    """A run that nobody kills; returns how much it worked."""
    work = worked(victim.start(order))
    assert victim.end() == 0
    return work


def worked(child: int, enough: float = float("inf")) -> float:
    """Wait until a process has worked so much, in seconds of the processor, or has ended; returns how much it had. The
    clock on the wall would tell how busy the machine is with other things."""
    its_clock, seconds = (~child << 3) | 2, 0.0  # as clock_getcpuclockid(3) makes it
    while seconds < enough:
        try:
            seconds = time.clock_gettime(its_clock)
        except OSError:
            break
        time.sleep(0.001)
    return seconds


def leases_end(world: World) -> None:
    """The minute passes after which what a killed worker had in hand is another's."""
    with writing(world.engine) as conn:
        conn.execute(tables.outbox.update().values(claimed_until=0, due_at=0))


def unsaid(world: World, mercy: World, order: str) -> list[str]:
    """What was changed here, is not there, and is not said to wait, with a job that will tell it."""
    here = {name: (one["status"], one.get("start")) for name, one in mine(world, order).items()}
    with reading(world.engine) as conn:
        told = {f"{one.type}/{one.id}": one.state for one in deliveries.unsettled(conn, EHR, ("waiting",), 1000)}
        due = jobs.waiting(conn, "deliver")
    there = {name: (one["status"], one.get("start")) for name, one in theirs(mercy, order).items()}
    late = [name for name in here if here[name] != there.get(name)]
    return [name for name in late if told.get(name) != "waiting" or f"{EHR}/{name}" not in due]


def mine(world: World, order: str) -> dict[str, Json]:
    """The Task and the visit of a referral as we have them."""
    wanted = f"ServiceRequest/{local_id(EHR, 'ServiceRequest', order)}"
    found = {f"{type}/{id}": one for type in ("Task", "Appointment") for id, one in held(world.engine, type).items()}
    return {name: one for name, one in found.items() if wanted in json.dumps(one)}


def theirs(mercy: World, order: str) -> dict[str, Json]:
    """The same as the EHR has them, by our names. Raises where two are one of ours."""
    task = held(mercy.engine, "Task")[f"t{order[1:]}"]
    found = {f"Task/{local_id(EHR, 'Task', task['id'])}": task}
    for one in held(mercy.engine, "Appointment").values():
        if one["basedOn"] == [{"reference": f"ServiceRequest/{order}"}]:
            ((_, _, id),) = [each["value"].rpartition("/") for each in one["identifier"]]
            assert f"Appointment/{id}" not in found, "the visit was made there twice"
            found[f"Appointment/{id}"] = one
    return found


def once_here(world: World, order: str) -> None:
    """Each act was done once: its Provenance in one version, and of what it wrote the versions that it says."""
    for verb in ACTS:
        id = provenance.act_id(maria(EHR), form(order, verb))
        with reading(world.engine) as conn:
            assert provenance.find(conn, id), f"{verb} of {order} is lost"
        assert len(versions(world, "Provenance", id)) == 1
    book = provenance.act_id(maria(EHR), form(order, "book"))
    hours = [one["start"] for one in versions(world, "Appointment", book)]
    assert hours == [moment(order, hour).isoformat() for hour in (9, 14)]
    task = local_id(EHR, "Task", f"t{order[1:]}")
    assert [one["status"] for one in versions(world, "Task", task)] == ["draft", "requested"]
    about = local_id(EHR, "Patient", f"p{order[1:]}")
    calls = [one for one in held(world.engine, "Communication").values() if about in json.dumps(one)]
    assert len(calls) == 1
    happened = [event.c.kind, event.c.type, event.c.resource, event.c.version, event.c.payload]
    with reading(world.engine) as conn:
        told = conn.execute(select(func.count(), *happened).where(event.c.patient == about).group_by(*happened)).all()
    assert {type for _, _, type, *_ in told} >= {"Task", "Appointment", "Communication"}
    assert [row for row in told if row[0] > 1] == []


def once_there(world: World, mercy: World, order: str) -> None:
    """The EHR has each as we have it, and no version of it twice. Booked and moved may have been told as one."""
    there = theirs(mercy, order)
    ((name, visit),) = [(name, one) for name, one in there.items() if name.startswith("Appointment/")]
    assert visit["start"] == mine(world, order)[name]["start"] == moment(order, 14).isoformat()
    hours = [one["start"] for one in versions(mercy, "Appointment", visit["id"])]
    assert hours in ([moment(order, hour).isoformat() for hour in (9, 14)], [moment(order, 14).isoformat()])
    assert [one["status"] for one in versions(mercy, "Task", f"t{order[1:]}")] == ["draft", "requested"]


def versions(world: World, type: str, id: str) -> list[Json]:
    """Status and start of every version of a resource, the first first."""
    here = (tables.resource.c.type == type, tables.resource.c.id == id)
    with reading(world.engine) as conn:
        rid, number, body = conn.execute(
            select(tables.resource.c.rid, tables.resource.c.version, tables.resource.c.body).where(*here)
        ).one()
        past = select(tables.history.c.version, tables.history.c.body).where(tables.history.c.rid == rid)
        found = {number: body} | {row.version: row.body for row in conn.execute(past)}
    assert sorted(found) == list(range(1, number + 1))
    each = (json.loads(found[version]) for version in sorted(found))
    return [{"status": one.get("status"), "start": one.get("start")} for one in each]


def nothing_left(world: World) -> None:
    """No job, nothing that was not told, and no conflict of ours with ourselves."""
    with reading(world.engine) as conn:
        assert jobs.waiting(conn, "deliver") == {}
        assert jobs.stuck(conn, world.clock()) == []
        states = conn.execute(select(ehr_delivery.c.type, ehr_delivery.c.state).distinct()).all()
        assert set(states) == {("Task", "delivered"), ("Appointment", "delivered")}
        assert conn.execute(select(ehr_conflict)).all() == []
    assert run(world, EHR).changed == 0
