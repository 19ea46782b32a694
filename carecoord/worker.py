"""The one loop over the outbox: what is due is claimed, done, and taken out; what fails waits longer each time."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec
import structlog

from carecoord.actions import projecting, syncing
from carecoord.errors import Problem, Unavailable
from carecoord.store import outbox
from carecoord.store.engine import writing
from carecoord.store.outbox import Job
from carecoord.world import World

BATCH = 1  # jobs claimed at a time: a sync may take all of a claim's time
IDLE = 1.0  # seconds between looks when nothing is due

Handler = Callable[[World, Job], None]
_log = structlog.get_logger()


def sync(world: World, job: Job) -> None:
    """Sync the EHR that the key names, and ask for the next time. Raises Unavailable when something went wrong."""
    every = msgspec.json.decode(job.payload, type=dict[str, int])["seconds"]
    summary = syncing.run(world, job.key)
    if summary.error:
        raise Unavailable(summary.error)
    with writing(world.engine) as conn:
        outbox.add(conn, job.kind, job.key, job.payload, world.clock() + timedelta(seconds=every))


def repeat(world: World, ehr: str, every: timedelta) -> None:
    """Sync this EHR again and again, for the first time after `every` from now."""
    payload = msgspec.json.encode({"seconds": int(every.total_seconds())})
    with writing(world.engine) as conn:
        outbox.add(conn, "sync", ehr, payload, world.clock() + every)


def refresh(world: World, job: Job) -> None:
    """Judge anew the cases that a change of the registry has marked."""
    while projecting.refresh_due(world):
        pass


HANDLERS: Mapping[str, Handler] = MappingProxyType({"sync": sync, projecting.JOB: refresh})


def work(world: World, stop: threading.Event) -> None:
    """Do what is due until `stop` is set. A database that is away is waited for."""
    while not stop.is_set():
        try:
            idle = once(world) == 0
        except Unavailable as e:
            _log.warning("outbox_not_read", reason=str(e))
            idle = True
        if idle:
            stop.wait(IDLE)


def once(world: World) -> int:
    """Do the jobs that are due now; returns how many were claimed."""
    done = 0
    while jobs := _claim(world):
        for job in jobs:
            _do(world, job)
        done += len(jobs)
    return done


def _claim(world: World) -> list[Job]:
    with writing(world.engine) as conn:
        return outbox.claim(conn, world.clock(), BATCH)


def _do(world: World, job: Job) -> None:
    """One job. A handler may fail in any way: the job then waits, and the loop goes on."""
    try:
        HANDLERS[job.kind](world, job)
    except Exception as e:
        # The text of a Problem is fit to be kept; another exception's may quote a patient's data.
        error = e.text if isinstance(e, Problem) else type(e).__name__
        _log.warning("job_failed", kind=job.kind, n=job.n, attempt=job.attempts, error=type(e).__name__)
        with writing(world.engine) as conn:
            outbox.failed(conn, job, error, world.clock())
        return
    with writing(world.engine) as conn:
        outbox.done(conn, job)
