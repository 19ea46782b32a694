"""The one loop over the outbox: what is due is claimed, done, and taken out; what fails waits longer each time."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import structlog

from carecoord.actions.ehrs import sync as ehrs_sync
from carecoord.actions.server import health
from carecoord.actions.worklist import project
from carecoord.errors import Problem, Unavailable
from carecoord.store.database import outbox
from carecoord.store.database.engine import writing
from carecoord.store.database.outbox import Job
from carecoord.world import World

BATCH = 1  # jobs claimed at a time: a sync may take all of a claim's time
IDLE = 1.0  # seconds between looks when nothing is due

Handler = Callable[[World, Job], None]
_log = structlog.get_logger()


def sync(world: World, job: Job) -> None:
    """Sync the EHR that the key names, and ask for the next time. Raises Unavailable when something went wrong."""
    summary = ehrs_sync.run(world, job.key)
    if summary.error:
        raise Unavailable(summary.error)
    with writing(world.engine) as conn:
        outbox.add(conn, job.kind, job.key, job.payload, world.clock() + ehrs_sync.interval(job.payload))


def refresh(world: World, job: Job) -> None:
    """Judge anew the cases that a change of the registry has marked."""
    while project.refresh_due(world):
        pass


def every(job: Job) -> timedelta | None:
    """How often this job is done when all is well; None: it is done once."""
    return ehrs_sync.interval(job.payload) if job.kind == ehrs_sync.JOB else None


HANDLERS: Mapping[str, Handler] = MappingProxyType({ehrs_sync.JOB: sync, project.JOB: refresh})


def work(world: World, stop: threading.Event) -> None:
    """Do what is due until `stop` is set. A database that is away, or whose tables are not of this version yet, is
    waited for: whoever serves brings them there."""
    if not _awaited(world, stop):
        return
    beating = threading.Thread(target=_beat, args=(world, stop), name="beat", daemon=True)
    beating.start()
    with writing(world.engine) as conn:
        outbox.revive(conn, world.clock(), kind=ehrs_sync.JOB)  # an earlier version gave up on these
    while not stop.is_set():
        try:
            idle = once(world) == 0
        except Unavailable as e:
            _log.warning("outbox_not_read", reason=str(e))
            idle = True
        if idle:
            stop.wait(IDLE)


def _awaited(world: World, stop: threading.Event) -> bool:
    """Wait until the database is ready; returns whether it is. The log tells what is waited for, once."""
    said = ""
    while not stop.is_set():
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


def _beat(world: World, stop: threading.Event) -> None:
    """Say again and again that we are alive, whatever the job takes that is being done."""
    while True:
        try:
            with writing(world.engine) as conn:
                outbox.beat(conn, world.clock())
        except Unavailable as e:
            _log.warning("worker_not_heard", error=type(e).__name__)
        if stop.wait(health.BEAT):
            return


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
            outbox.failed(conn, job, error, world.clock(), every(job))
        return
    with writing(world.engine) as conn:
        outbox.done(conn, job)
