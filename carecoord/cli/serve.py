"""`serve` and `work`: the server processes, and the loop over what is due later."""

import argparse
import errno
import gc
import importlib.util
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import FrameType

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from carecoord import logs, traces
from carecoord.actions.prior_auth.letters import press
from carecoord.cli import about
from carecoord.cli.children import CHILD, end_with_parent, end_with_server, kept_running
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, made, raw, verb
from carecoord.errors import Conflict, Unavailable
from carecoord.settings import Settings
from carecoord.store.database import kinds
from carecoord.worker import life, loop

HEADERS_MS = 10_000  # that a client has to send the headers of a request, or its next one on an open line
HEADERS_BYTES = 64 * 1024  # address and headers; a search that is longer comes by POST
BACKLOG = 1024  # connections that the kernel holds for us
PRESSURE = 16  # requests that wait for each thread before no more are taken in
NICE = 10  # by which a server's own worker gives way: who waits for a page goes before who waits for a letter
_YOUNG = 10_000  # objects more than before, at which the collector looks for cycles among them
KILL_SECONDS = 15  # that a process has to end in order
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "carecoord.logs.Server"}},
    "loggers": {
        "_granian": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "granian.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}

MORE = """\
The address is CARECOORD_HOST and CARECOORD_PORT; CARECOORD_WORKERS processes (0: one per core) of CARECOORD_THREADS
threads. Put TLS in front, and say so with CARECOORD_BASE_URL and CARECOORD_SECURE_COOKIES. It sees to a worker of its
own, unless `carecoord work` runs beside it under something else's eyes: then say --no-worker."""


ALSO = """\
With CARECOORD_BROKER_URL, Celery carries the work to every machine that runs this; without, give all machines the same
PostgreSQL, and each takes what is due."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    served = verb(verbs, "serve", serve, about("serve"), MORE)
    worked = verb(verbs, "work", work, about("work"), ALSO)
    worked.add_argument(
        "--lane", action="append", choices=[lane for lane in kinds.LANES if kinds.of_lanes([lane])], dest="lanes",
        help="do this lane's work only (may be given again)",
    )  # fmt: skip
    worked.add_argument("--alive", action="store_true", help="only say whether a worker of this folder is at work")
    served.add_argument("--no-worker", action="store_true", help="answer requests only: later work is done elsewhere")
    for one in (served, worked):
        one.add_argument(CHILD, type=int, metavar="PID", dest="parent", help=argparse.SUPPRESS)


def serve(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Serve until interrupted. Later work has a process of its own: granian forks, which threads do not survive."""
    free(settings.host, settings.port, "CARECOORD_PORT")
    if settings.broker_url:
        _demand_celery()
    _demand_telemetry(settings)
    if args.parent:
        end_with_parent(args.parent)
    with made(settings):
        pass  # a database that refuses us is told in one line here, not by every process again and again
    logs.take_over(settings.log_level)
    life.serves(settings.var)
    with ExitStack() as stack:
        if not args.no_worker:
            stack.enter_context(kept_running("work", settings))
        processes(settings)


def work(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Do what is due until interrupted."""
    if args.alive:
        _demand_life(settings, screen)
        return
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if args.parent:
        end_with_parent(args.parent)
        if not args.lanes:  # a lane's is another worker's child, and as nice as that is
            os.nice(NICE)
    lanes = {lane: kinds.LANES[lane] for lane in args.lanes or kinds.LANES if kinds.of_lanes([lane])}
    logs.take_over(settings.log_level)
    if settings.broker_url and len(lanes) > 1:
        _lane_by_lane(settings, lanes, stop)
        return
    _demand_telemetry(settings)
    traces.begin(settings.otlp_url, "work")
    with raw(settings) as world, press.apart() if args.parent else nullcontext():
        keep_loaded()
        if settings.broker_url:
            from carecoord.worker import broker  # Celery is an extra: who has no broker does without

            broker.carry(world, next(iter(lanes)), stop)
        else:
            loop.work(world, stop, lanes)


def _demand_life(settings: Settings, screen: Screen) -> None:
    """For what watches a container. Raises Unavailable where no worker of this folder has turned lately."""
    quiet = life.newest(settings.var)
    if quiet is None or quiet > life.SLOW:
        lately = "none runs" if quiet is None else f"its loop has not turned for {quiet:.0f} s"
        raise Unavailable(f"No worker of {settings.var} is at work: {lately}.")
    screen.say(f"A worker of {settings.var} is at work.")


def _lane_by_lane(settings: Settings, lanes: Iterable[str], stop: threading.Event) -> None:
    """With a broker each lane has a process of its own: a Celery worker has so many hands, whatever it is sent."""
    _demand_celery()
    with ExitStack() as stack:
        for lane in lanes:
            stack.enter_context(kept_running("work", settings, ("--lane", lane)))
        while not stop.wait(loop.IDLE):
            life.turned(settings.var)
    life.forget(settings.var, os.getpid())


def _demand_celery() -> None:
    if importlib.util.find_spec("celery") is None:
        raise Unavailable(
            "CARECOORD_BROKER_URL is set, but Celery is not installed: pip install 'carecoord[celery]', or take the "
            "setting away and this process does all later work itself."
        )


def _demand_telemetry(settings: Settings) -> None:
    if settings.otlp_url and not traces.are_possible():
        raise Unavailable(traces.LACKING)


def processes(settings: Settings) -> None:
    """The server processes of these settings, until interrupted. The counts of earlier ones are forgotten."""
    from carecoord.app import preload  # the whole web, loaded once: the processes are forked, and share its memory

    preload()
    keep_loaded()
    shutil.rmtree(Path(settings.var) / "metrics", ignore_errors=True)
    workers = settings.workers or os.cpu_count() or 1
    Granian(
        f"{__name__}:application",
        address=address(settings.host),
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers,
        blocking_threads=settings.threads,
        http=HTTPModes.http1,  # what proxies speak to us; HTTP/2 would be a second set of limits to keep
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_MS, max_buffer_size=HEADERS_BYTES),
        backlog=BACKLOG,
        backpressure=PRESSURE * settings.threads,
        workers_kill_timeout=KILL_SECONDS,
        log_dictconfig=LOGGING,
        log_level=LogLevels(settings.log_level.lower()),
        respawn_failed_workers=True,
    ).serve()


def application() -> Flask:
    """What each of the server's processes runs."""
    from carecoord.app import create  # the whole web, which no other verb needs

    end_with_server()
    made = create()
    keep_loaded()
    return made


def keep_loaded() -> None:
    """Let the collector of cycles look no more at what is here by now: it lives as long as the process. Among some
    hundred thousand objects of the rooms it spent a third of the processor while cases were judged anew, and what it
    writes on each is shared no more by the processes of a server. For what comes it looks less often: nearly all that
    a request makes is gone with it, whoever looks, and a look at all that is kept since takes a tenth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


def free(host: str, port: int, name: str) -> None:
    """Raise Conflict when the port is taken, or the host is not one of ours; `name` is the setting that chooses another
    port."""
    where = address(host)
    with socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((where, port))
        except OSError as e:
            taken = f"Port {port} is in use. Stop what runs there, or choose another: {name}={port + 10}"
            other = f"Can not listen on {host} port {port} ({e.strerror}): choose with CARECOORD_HOST and {name}."
            raise Conflict(taken if e.errno == errno.EADDRINUSE else other) from e


def address(host: str) -> str:
    """The IP address to listen on for CARECOORD_HOST; of a name that has several, one of IPv4 first. Raises Conflict
    for a name that nobody knows."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as e:
        text = f"CARECOORD_HOST={host} is a name that this machine does not know ({e.strerror}): give an IP address"
        raise Conflict(text) from e
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])
