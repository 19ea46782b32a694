"""The leases of the jobs that this process is doing: a thread of its own renews them, however long a job takes."""

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from carecoord.actions.server import health
from carecoord.errors import Unavailable
from carecoord.store.database import kinds, outbox
from carecoord.store.database.engine import writing
from carecoord.store.database.outbox import Job, Lease
from carecoord.worker import life
from carecoord.world import World

_log = structlog.get_logger()


class Leases:
    """The jobs in hand. `freed` is set when there may be something to begin: a hand is free, or the next of a key has
    its turn. `pulse` renews them three times in a lease, and says that a worker is alive."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._length = timedelta(seconds=world.settings.job_lease)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{world.new_id()}"
        self._claims = itertools.count(1)
        self._held: dict[tuple[int, str], Job] = {}
        self._lock = threading.Lock()
        self.freed = threading.Event()

    def lease(self) -> Lease:
        """A lease for the next claim. No two have the same holder: what was lost and taken again is another's."""
        return Lease(f"{self._name}:{next(self._claims)}", self._length)

    @contextmanager
    def kept(self, job: Job) -> Iterator[None]:
        """Renew the lease of this job until the block is left."""
        which = (job.n, job.holder)
        with self._lock:
            self._held[which] = job
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(which, None)
            if kinds.kind(job.kind).in_turn:
                self.freed.set()

    def pulse(self, stop: threading.Event) -> None:
        """Renew what is held and say that we are alive, again and again until `stop` is set. A loop that turns no more
        is not alive, though this thread is."""
        often = min(health.BEAT, self._length.total_seconds() / 3)
        beat = 0.0
        while True:
            try:
                self._renew()
                if beat <= 0 and (life.silent(self._world.settings.var, os.getpid()) or 0.0) < life.SLOW:
                    with writing(self._world.engine) as conn:
                        outbox.beat(conn, self._world.clock())
                    beat = health.BEAT
            except Unavailable as e:
                _log.warning("worker_not_heard", error=type(e).__name__)
            except Exception as e:  # whatever it is: a thread that ends here would let every lease run out
                _log.error("worker_not_heard", error=type(e).__name__)
            beat -= often
            if stop.wait(often):
                return

    def _renew(self) -> None:
        with self._lock:
            held = dict(self._held)
        if not held:
            return
        with writing(self._world.engine) as conn:
            until = self._world.clock() + self._length
            lost = [job for job in held.values() if not outbox.renew(conn, job, until)]
        for job in lost:
            with self._lock:
                if self._held.pop((job.n, job.holder), None):  # else it was settled while we looked
                    _log.warning("job_lost", kind=job.kind, n=job.n)
