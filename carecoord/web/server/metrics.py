"""`/metrics` for Prometheus: requests by route, and how the work stands. Labels are templates of addresses, types of
resources and names that an administrator gave: nothing of a patient, no id, no query.

Several processes serve, and one of them answers: each keeps its counts in a file of its own (the multiprocess mode of
prometheus_client), and whoever is asked adds all of them up.
"""

import hmac
import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.pool import QueuePool

from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.actions.server import backups, health
from carecoord.errors import Forbidden, Unauthorized, Unavailable
from carecoord.fhir.instants import micros
from carecoord.fhir.types import TYPES
from carecoord.logs import METHODS
from carecoord.settings import Settings
from carecoord.store.database import private_files
from carecoord.store.metrics import Standing
from carecoord.web.server import processes
from carecoord.web.server.exchange import Done
from carecoord.world import World

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
STEPS: Final = {  # what a person proves, by where they prove it
    "/sign-in": "password", "/sign-in/code": "code", "/sign-in/passkey": "passkey",
    "/sign-in/callback/<provider>": "provider", "/invitation/<secret>": "invitation",
}  # fmt: skip
SEARCH: Final = ("/fhir/<type>", "GET")
FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_X_FORWARDED_PROTO")


_log = structlog.get_logger()
_ROOM: Final = 2**21  # bytes of a file of counts: more than all routes need


class _Allocated(MmapedDict):
    """A file of counts that has its room on the disk. The library's is full of holes, and a process that writes into a
    hole of a file that is mapped into memory is ended by the system (SIGBUS) when the disk is full."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            with Path(filename).open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _ROOM)
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]


class Counts:
    """What is counted while requests are served. folder: where all processes keep their counts; None: this one alone
    counts, in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.registry = CollectorRegistry()
        new: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter("carecoord_requests", "Requests", ["route", "method", "status"], **new)
        self._seconds = Histogram("carecoord_request_seconds", "Time taken", ["route"], buckets=BUCKETS, **new)
        self._searches = Counter("carecoord_searches", "Searches of the FHIR API", ["type", "status"], **new)
        self._tokens = Counter("carecoord_tokens", "Requests to the token endpoint", ["result"], **new)
        self._sign_ins = Counter("carecoord_sign_ins", "Steps of signing in", ["step", "result"], **new)
        self._known: dict[tuple[str, str, int, str], tuple[Callable[[], None], ...]] = {}
        self._timed: dict[str, Callable[[float], None]] = {}

    def observe(self, done: Done) -> None:
        """Count one exchange; where the disk has no room for the counts of this process, it is not counted, for that
        must not cost the answer."""
        try:
            self._count(done)
        except OSError as full:
            _log.warning("not_counted", error=type(full).__name__, code=full.errno)

    def _count(self, done: Done) -> None:
        """What it counts towards is worked out once for each kind of exchange."""
        type = done.args.get("type", "")
        if type not in TYPES:
            type = ""
        key = (done.route, done.method, done.status, type)
        counters = self._known.get(key)
        if counters is None:
            counters = self._known[key] = tuple(self._counters(*key))
        for count in counters:
            count()
        timed = self._timed.get(done.route)
        if timed is None:
            timed = self._timed[done.route] = self._seconds.labels(done.route).observe
        timed(done.seconds)

    def _counters(self, route: str, method: str, status: int, type: str) -> Iterator[Callable[[], None]]:
        named = method if method in METHODS else "OTHER"
        yield self._requests.labels(route or "none", named, status).inc
        if type and (route in ("/fhir/<type>/_search", "/fhir/<owner>/<id>/<type>") or (route, named) == SEARCH):
            yield self._searches.labels(type, status).inc
        if route == "/oauth/token" and named == "POST":
            yield self._tokens.labels("issued" if status == 200 else _result(status)).inc
        if route in STEPS and (named == "POST" or "<provider>" in route):
            yield self._sign_ins.labels(STEPS[route], "passed" if status < 400 else _result(status)).inc


def _result(status: int) -> str:
    return "limited" if status == 429 else "refused" if status < 500 else "failed"


class Work(Collector):
    """How the work stands when somebody asks, looked up in the database."""

    def __init__(self, world: World) -> None:
        self._world = world

    def collect(self) -> Iterator[Metric]:
        """The gauges; without a database only those of the processes, and the one that says so."""
        yield processes.build()
        yield from processes.used()
        up = GaugeMetricFamily("carecoord_database_up", "Whether the database answers")
        try:
            found = health.numbers(self._world)
        except Unavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        late = (micros(self._world.clock()) - found.oldest) / 1e6 if found.oldest else 0.0
        yield GaugeMetricFamily("carecoord_outbox_waiting", "Jobs that wait, due or later", value=found.waiting)
        yield GaugeMetricFamily("carecoord_outbox_parked", "Jobs that failed too often", value=found.parked)
        yield GaugeMetricFamily("carecoord_outbox_late_seconds", "How long the oldest due job is due", value=late)
        yield GaugeMetricFamily("carecoord_audit_unsealed", "Audit rows not sealed yet", value=found.unsealed)
        if found.beat is not None:
            age = (micros(self._world.clock()) - found.beat) / 1e6
            yield GaugeMetricFamily("carecoord_worker_silent_seconds", "Since a worker was heard of", value=age)
        if last := backups.last(self._world):
            made = last.timestamp()
            yield GaugeMetricFamily("carecoord_backup_made_seconds", "When the last backup was made", value=made)
        yield from _runs(found)
        yield from _ages(health.syncs(self._world), self._world.clock())
        yield from _pool(self._world)


def _runs(found: Standing) -> Iterator[Metric]:
    started = GaugeMetricFamily("carecoord_ehr_sync_started_seconds", "When the last sync began", labels=["ehr"])
    finished = GaugeMetricFamily("carecoord_ehr_sync_finished_seconds", "When it ended", labels=["ehr"])
    failed = GaugeMetricFamily("carecoord_ehr_sync_failed", "Whether the last sync failed", labels=["ehr"])
    received = GaugeMetricFamily("carecoord_ehr_sync_received", "Resources that it brought", labels=["ehr"])
    for run in found.runs:
        started.add_metric([run.ehr], run.started / 1e6)
        if run.finished is not None:
            finished.add_metric([run.ehr], run.finished / 1e6)
        failed.add_metric([run.ehr], run.failed)
        received.add_metric([run.ehr], run.received)
    yield from (started, finished, failed, received)


def _ages(syncs: Sequence[SyncHealth], now: datetime) -> Iterator[Metric]:
    age = GaugeMetricFamily("carecoord_ehr_sync_age_seconds", "Since the last sync that went through", labels=["ehr"])
    goal = GaugeMetricFamily("carecoord_ehr_sync_goal_seconds", "How old it may be", labels=["ehr"])
    good = GaugeMetricFamily("carecoord_ehr_sync_good", "Whether it is within its goal", labels=["ehr"])
    for one in syncs:
        if one.good is not None:
            age.add_metric([one.ehr], (now - one.good).total_seconds())
        goal.add_metric([one.ehr], one.goal.total_seconds())
        good.add_metric([one.ehr], one.state == "good")
    yield from (age, goal, good)


def _pool(world: World) -> Iterator[Metric]:
    pool = world.engine.pool
    if isinstance(pool, QueuePool):
        used = GaugeMetricFamily(
            "carecoord_database_connections", "Connections of the process that answered", labels=["state"]
        )
        used.add_metric(["used"], pool.checkedout())
        used.add_metric(["idle"], pool.checkedin())
        yield used


def share(folder: Path) -> Path:
    """Keep the counts of this process in `folder` from now on. To be called before any is made: the library looks for
    the folder in the environment, and at its value class, only then."""
    private_files.make_folder(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.MmapedDict = _Allocated  # type: ignore[attr-defined]
    own = os.getpid()  # a process that serves has no children that count; asked each time, it took as long as to count
    values.ValueClass = values.MultiProcessValue(lambda: own)  # type: ignore[no-untyped-call]
    return folder


def blueprint(world: World, counts: Counts) -> Blueprint:
    """`/metrics`."""
    routes = Blueprint("metrics", __name__)
    work = Work(world)

    @routes.get("/metrics")
    def metrics() -> Response:
        _admit(world.settings)
        gathered = CollectorRegistry()
        gathered.register(work)
        if counts.folder is not None:
            MultiProcessCollector(gathered, str(counts.folder))  # type: ignore[no-untyped-call]
        text = generate_latest(gathered)
        if counts.folder is None:
            text += generate_latest(counts.registry)
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _admit(settings: Settings) -> None:
    """Raise Unauthorized or Forbidden. Without a token only this machine may read; where a proxy stands in front, all
    the world seems to be this machine, so there it takes a token."""
    if settings.metrics_token:
        sent = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(sent, f"Bearer {settings.metrics_token}".encode()):
            refused = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            raise Unauthorized("Send the token of CARECOORD_METRICS_TOKEN as a bearer token.", headers=refused)
        return
    proxied = settings.trusted_proxies or settings.url.startswith("https:")
    if proxied or any(name in request.environ for name in FORWARDED) or not _is_local(request.remote_addr):
        told = "Metrics are told to this machine alone. Set CARECOORD_METRICS_TOKEN to read them from elsewhere."
        raise Forbidden(told)


def _is_local(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
