"""Later work as an admin looks after it: what waits for a person is tried again or let go, and noted in the audit."""

from dataclasses import dataclass
from datetime import datetime

from auth.store import User
from carecoord.actions.access.audit_entry import COMMAND, event
from carecoord.actions.server import backups, health
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros, moment
from carecoord.store.audit.events import record
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.jobs import LaneCount, Stuck
from carecoord.world import World


@dataclass(frozen=True)
class LaterWork:
    """stuck: the jobs that wait for a person, oldest first. lanes: how the others stand. heard: when a worker last said
    that it is alive; working: whether one is. late: when the longest due job should have been done, where that is too
    long ago. kept: when the last backup was made."""

    now: datetime
    stuck: list[Stuck]
    lanes: list[LaneCount]
    heard: datetime | None
    working: bool
    late: datetime | None
    kept: datetime | None


def later_work(world: World) -> LaterWork:
    """How later work stands."""
    now, stands = world.clock(), health.numbers(world)
    heard = moment(stands.beat) if stands.beat else None
    late = moment(stands.oldest) if stands.oldest and health.late(stands, micros(now)) else None
    with reading(world.engine) as conn:
        stuck, lanes = jobs.stuck(conn, now), jobs.counts(conn, now)
    return LaterWork(now, stuck, lanes, heard, not health.worker(world), late, backups.last(world))


def retry(world: World, n: int | None, request: str, by: User | None = None) -> int:
    """Try the parked job of this number again from now, as if it were new; None: all of them. Returns how many. by: the
    admin; None: whoever sits at the command line. Raises NotFound when this one was not given up."""
    with writing(world.engine) as conn:
        count = outbox.revive(conn, world.clock(), n=n)
        if n is not None and not count:
            raise _none(n)
        if count:
            record(conn, [event(world.clock(), request, "job-retry", by=by or COMMAND)])
    return count


def drop(world: World, n: int, request: str, by: User | None = None) -> Stuck:
    """Let a job go for good; what waits behind it goes on. Raises NotFound when it does not wait for a person."""
    with writing(world.engine) as conn:
        gone = jobs.drop(conn, n, world.clock())
        if gone is None:
            raise _none(n)
        record(conn, [event(world.clock(), request, "job-drop", by=by or COMMAND)])
    return gone


def _none(n: int) -> NotFound:
    return NotFound(f"No job {n} waits for a person any more; carecoord jobs list shows those that do.")
