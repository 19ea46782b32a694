"""Later work carried by Celery to any number of machines. The outbox stays the truth: the broker is handed the number
of a due row and nothing else, and whoever takes the number up claims the row. What the broker loses is handed over
again; while it is away, and for what nobody takes up in good time, we do the work ourselves."""

import hashlib
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from celery import Celery, signals
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from carecoord.errors import Unavailable
from carecoord.store.database import kinds, outbox
from carecoord.store.database.engine import reading, secret, writing
from carecoord.store.database.outbox import Wanted
from carecoord.worker import loop
from carecoord.worker.lanes import perform
from carecoord.worker.leases import Leases
from carecoord.world import World

TASK: Final = "carecoord.job"
MOST: Final = 200  # jobs of a lane that lie with the broker at once; what it loses is so many at most
PATIENCE: Final = 3  # leases after which we do ourselves what nobody took up
SECONDS: Final = 4  # that a broker has to answer
RETRY: Final = 5.0  # seconds until one that was away is asked again

_log = structlog.get_logger()


class Carrier:
    """One lane of this database at a broker: what is due is passed on, and what others passed on is done."""

    def __init__(self, world: World, lane: str) -> None:
        self._world, self._lane = world, lane
        self._names = kinds.of_lanes([lane])
        self._length = timedelta(seconds=world.settings.job_lease)
        self._connection: Any = None
        self._away = 0.0  # until when (monotonic) the broker is not asked
        self._said_away = False
        self.leases = Leases(world)
        with reading(world.engine) as conn:
            ours = hashlib.sha256(b"broker" + secret(conn)).hexdigest()[:12]  # other databases may share the broker
        self._queue = f"carecoord.{ours}.{lane}"
        self._app, self._task = self._celery()

    def pass_on(self) -> timedelta:
        """Hand over what is due; returns how late a job must be for us to do it ourselves all the same: not at all
        while the broker is away. Raises Unavailable when the database is away."""
        if time.monotonic() < self._away:
            return timedelta()
        with writing(self._world.engine) as conn:
            numbers = outbox.relay(conn, Wanted(self._names, self._world.clock()), MOST, self._length)
        sent = self._send(numbers)
        if sent < len(numbers):
            self._away = time.monotonic() + RETRY
            with writing(self._world.engine) as conn:
                outbox.not_relayed(conn, numbers[sent:])
            return timedelta()
        return PATIENCE * self._length

    def consume(self) -> None:
        """Do what is sent, until a signal ends us. A broker that is away is waited for."""
        worker = self._app.Worker(
            hostname=f"{self._lane}-{os.getpid()}@{os.uname().nodename}", pool="threads",
            concurrency=kinds.LANES[self._lane], queues=[self._queue], quiet=True, loglevel="WARNING",
            without_gossip=True, without_mingle=True, without_heartbeat=True,
        )  # fmt: skip
        worker.start()

    def _send(self, numbers: list[int]) -> int:
        """How many of them the broker took."""
        for at, n in enumerate(numbers):
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._task.apply_async(
                    (n,), queue=self._queue, connection=self._connection, retry=False,
                    expires=self._length.total_seconds(),  # then it is handed over anew: one of the two is enough
                )  # fmt: skip
            except (OperationalError, OSError) as e:
                self._give_up(e)
                return at
        if numbers and self._said_away:
            self._said_away = False
            _log.warning("broker_back", kind=self._lane)
        return len(numbers)

    def _connect(self) -> Any:
        options = {"confirm_publish": True} if self._world.settings.broker_url.startswith("amqp") else {
            "socket_connect_timeout": SECONDS, "socket_timeout": SECONDS,
        }  # fmt: skip
        connect: Any = Connection  # it has no types
        return connect(self._world.settings.broker_url, connect_timeout=SECONDS, transport_options=options)

    def _give_up(self, e: Exception) -> None:
        connection, self._connection = self._connection, None
        with suppress(Exception):  # it is broken: that it can not be closed either is no news
            connection.release()
        if not self._said_away:
            self._said_away = True
            _log.warning("broker_away", kind=self._lane, error=type(e).__name__)

    def _celery(self) -> tuple[Any, Any]:
        app = Celery("carecoord", broker=self._world.settings.broker_url, set_as_current=False)
        app.conf.update(
            task_ignore_result=True, task_serializer="json", accept_content=["json"], task_default_queue=self._queue,
            worker_prefetch_multiplier=1, worker_enable_remote_control=False, worker_send_task_events=False,
            broker_connection_retry_on_startup=True, broker_connection_max_retries=None,
            broker_connection_timeout=SECONDS, worker_cancel_long_running_tasks_on_connection_loss=False,
        )  # fmt: skip

        def job(n: int) -> None:  # a task must be a plain function
            self._do(n)

        return app, app.task(name=TASK)(job)

    def _do(self, n: int) -> None:
        try:
            with writing(self._world.engine) as conn:
                wanted = Wanted(self._names, self._world.clock())
                job = outbox.claim_one(conn, n, wanted, self.leases.lease())
            if job:
                perform(self._world, self.leases, job)
        except Unavailable as e:
            _log.warning("job_not_settled", n=n, error=type(e).__name__)


def carry(world: World, lane: str, stop: threading.Event) -> None:
    """Pass on what is due in this lane and do what is sent, until a signal ends us."""
    if not loop.awaited(world, stop):
        return
    carrier = Carrier(world, lane)

    def pass_on() -> None:
        try:
            loop.work(world, stop, {lane: kinds.LANES[lane]}, carrier)
        finally:
            if not stop.is_set():
                os.kill(os.getpid(), signal.SIGTERM)  # without it nothing is passed on: whoever started us does so anew

    looping = threading.Thread(target=pass_on, name="loop", daemon=True)
    looping.start()
    signals.setup_logging.connect(_as_it_is, weak=False)
    signals.worker_shutting_down.connect(_end_in_time, weak=False)
    try:
        carrier.consume()
    finally:
        stop.set()
        looping.join(2 * loop.LAST)


def _as_it_is(**_: Any) -> None:
    """Celery sets up no logging where somebody else says that they do."""


def _end_in_time(**_: Any) -> None:
    """What still goes on then loses its lease with the process."""
    timer = threading.Timer(loop.LAST, os._exit, (0,))
    timer.daemon = True
    timer.start()
