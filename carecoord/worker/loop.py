"""The one loop over the outbox, from the start of a worker to its end."""

import os
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from carecoord.actions.documents.drops import intake
from carecoord.actions.ehrs import sync_health
from carecoord.actions.inbox import digest
from carecoord.actions.measures import count
from carecoord.actions.prior_auth import eligibility
from carecoord.actions.server import health
from carecoord.actions.worklist import foresee, project
from carecoord.errors import Unavailable
from carecoord.store.audit.events import keep_draining
from carecoord.store.database import kinds, outbox
from carecoord.store.database.engine import writing
from carecoord.store.database.outbox import Wanted
from carecoord.store.database.sqlite.checkpoints import keep_short
from carecoord.worker import life
from carecoord.worker.lanes import Lanes, perform
from carecoord.worker.leases import Leases
from carecoord.world import World

IDLE = 1.0  # seconds between looks when nothing is due
LAST = 8.0  # seconds that an ending worker gives to what it is doing
LAST_DRAIN = 5.0  # … and to the journal; what is left, another process drains

_log = structlog.get_logger()


class Carrier(Protocol):
    """What carries jobs to other machines."""

    leases: Leases

    def pass_on(self) -> timedelta:
        """Hand over what is due; returns how late a job must be for us to do it ourselves all the same. Raises
        Unavailable when the database is away."""


def work(
    world: World, stop: threading.Event, lanes: Mapping[str, int] = kinds.LANES, carrier: Carrier | None = None
) -> None:
    """Do what is due in these lanes until `stop` is set, or have it carried. A database that is away, or whose tables
    are not of this version yet, is waited for: whoever serves brings them there."""
    if not awaited(world, stop):
        return
    leases = carrier.leases if carrier else Leases(world)
    hands = Lanes(world, leases, lanes)
    silenced = threading.Event()
    pulse = threading.Thread(target=leases.pulse, args=(silenced,), name="pulse", daemon=True)
    pulse.start()
    threading.Thread(target=_wake, args=(stop, hands.freed), name="end", daemon=True).start()
    given = (world.journal, world.engine, world.clock, stop)
    drainer = threading.Thread(target=keep_draining, args=given, name="audit", daemon=True)
    drainer.start()
    threading.Thread(target=keep_short, args=(world.engine, stop), name="checkpoints", daemon=True).start()
    with writing(world.engine) as conn:
        outbox.revive(conn, world.clock(), kind=sync_health.JOB)  # an earlier version gave up on these
    digest.order(world)
    intake.order(world)
    asks = False
    while not stop.is_set():
        life.turned(world.settings.var)
        try:
            if "refresh" in lanes:
                project.call_for_refresh(world)
                foresee.call_for(world)
            if "timers" in lanes:
                count.call_for(world)
                asks = asks or eligibility.order(world)
            hands.fill(carrier.pass_on() if carrier else timedelta())
        except Unavailable as e:
            _log.warning("outbox_not_read", reason=str(e))
        hands.freed.wait(IDLE)
        hands.freed.clear()
    hands.rest(LAST)
    silenced.set()
    drainer.join(LAST_DRAIN)
    life.forget(world.settings.var, os.getpid())


def _wake(stop: threading.Event, freed: threading.Event) -> None:
    """Let a loop that waits for a free hand see at once that it is to end."""
    stop.wait()
    freed.set()


def awaited(world: World, stop: threading.Event) -> bool:
    """Wait until the database is ready; returns whether it is. The log tells what is waited for, once."""
    said = ""
    while not stop.is_set():
        life.turned(world.settings.var)
        try:
            lacking = health.tables(world)
        except Unavailable:
            lacking = "away"
        if not lacking:
            return True
        if lacking != said:
            _log.warning("worker_waits", cause="database" if lacking == "away" else "tables")
            said = lacking
        stop.wait(IDLE)
    return False


def once(world: World) -> int:
    """Do the jobs that are due now, one after the other; returns how many there were."""
    project.call_for_refresh(world)
    leases, done = Leases(world), 0
    while True:
        with writing(world.engine) as conn:
            wanted = Wanted(kinds.of_lanes(kinds.LANES), world.clock())
            jobs = outbox.claim(conn, wanted, 1, leases.lease())
        if not jobs:
            return done
        perform(world, leases, jobs[0])
        done += 1
