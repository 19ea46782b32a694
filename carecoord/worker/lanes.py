"""Jobs done: each lane has hands of its own, each hand does one job at a time."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta

import structlog

from carecoord import traces
from carecoord.errors import Problem, Unavailable
from carecoord.store.database import kinds, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.outbox import Job, Wanted
from carecoord.worker.handlers import GIVE_UP, HANDLERS
from carecoord.worker.leases import Leases
from carecoord.world import World

_log = structlog.get_logger()


class Lanes:
    """The lanes of this process and how many hands of each are free. Its leases' `freed` is set whenever
    one has become free."""

    def __init__(self, world: World, leases: Leases, sizes: Mapping[str, int]) -> None:
        self._world, self._leases = world, leases
        self._size, self._free = dict(sizes), dict(sizes)
        self._lock = threading.Lock()
        self.freed = leases.freed

    def fill(self, late: timedelta = timedelta()) -> None:
        """Begin what is due, and has been for as long as `late`, as far as hands are free. Raises Unavailable when the
        database is away."""
        with self._lock:
            room = {lane: free for lane, free in self._free.items() if free}
        with reading(self._world.engine) as conn:
            now = self._world.clock()
            wanted = {lane: Wanted(kinds.of_lanes([lane]), now, late) for lane in room}
            waiting = [lane for lane in wanted if outbox.is_due(conn, wanted[lane])]
        for lane in waiting:
            with writing(self._world.engine) as conn:
                claimed = outbox.claim(conn, wanted[lane], room[lane], self._leases.lease())
            for job in claimed:
                with self._lock:
                    self._free[lane] -= 1
                threading.Thread(target=self._do, args=(lane, job), name=f"{lane}-{job.n}", daemon=True).start()

    def rest(self, seconds: float) -> None:
        """Wait for what is being done, but no longer than so; what then goes on loses its lease with the process."""
        end = time.monotonic() + seconds
        while self._free != self._size and time.monotonic() < end:
            self.freed.wait(0.1)
            self.freed.clear()

    def _do(self, lane: str, job: Job) -> None:
        try:
            perform(self._world, self._leases, job)
        except Unavailable as e:
            _log.warning("job_not_settled", kind=job.kind, n=job.n, error=type(e).__name__)
        finally:
            with self._lock:
                self._free[lane] += 1
            self.freed.set()


def perform(world: World, leases: Leases, job: Job) -> None:
    """One claimed job. A handler may fail in any way: the job then waits. Raises Unavailable when the database went
    away before the job was settled: it will be done once more."""
    with leases.kept(job):
        error = _error(world, job)
        with writing(world.engine) as conn:
            if error is None:
                outbox.done(conn, job, world.clock())
            else:
                outbox.failed(conn, job, error, world.clock())


def _error(world: World, job: Job) -> str | None:
    """Do it; returns what went wrong. What fails for the last time is given up, also what ended its worker each time:
    then no handler was left to say so."""
    tries = kinds.kind(job.kind).tries
    ends_workers = tries is not None and job.attempts > tries  # none was left to count the failure
    error = "The worker ended each time while it was doing this." if ends_workers else _done(world, job)
    if error is not None and tries is not None and job.attempts >= tries and job.kind in GIVE_UP:
        GIVE_UP[job.kind](world, job)
    return error


def _done(world: World, job: Job) -> str | None:
    try:
        with traces.span(f"job {job.kind}", "CONSUMER", {"carecoord.job": job.kind}):
            HANDLERS[job.kind](world, job)
    except Exception as e:
        _log.warning("job_failed", kind=job.kind, n=job.n, attempt=job.attempts, error=type(e).__name__)
        # The text of a Problem is fit to be kept; another exception's may quote a patient's data.
        return e.text if isinstance(e, Problem) else type(e).__name__
    return None
