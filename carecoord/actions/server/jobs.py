"""Later work as an admin looks after it: what waits for a person is tried again or let go, and noted in the audit."""

from dataclasses import dataclass
from datetime import datetime

from auth.store import User
from carecoord.actions.access.audit_entry import COMMAND, event
from carecoord.errors import NotFound
from carecoord.store.audit.events import record
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.jobs import LaneCount, Stuck
from carecoord.world import World


@dataclass(frozen=True)
class LaterWork:
    """stuck: the jobs that wait for a person, oldest first. lanes: how the others stand."""

    now: datetime
    stuck: list[Stuck]
    lanes: list[LaneCount]


def later_work(world: World) -> LaterWork:
    """How later work stands."""
    now = world.clock()
    with reading(world.engine) as conn:
        return LaterWork(now, jobs.stuck(conn, now), jobs.counts(conn, now))


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
