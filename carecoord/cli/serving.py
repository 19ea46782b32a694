"""`serve` and `work`: the server processes, and the loop over what is due later."""

import argparse
import errno
import os
import signal
import socket
import threading
from pathlib import Path
from types import FrameType

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from carecoord import worker
from carecoord.cli.children import CHILD, end_with_parent, running
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.errors import Conflict
from carecoord.settings import Settings

MORE = """\
The address is CARECOORD_HOST and CARECOORD_PORT; CARECOORD_WORKERS processes (0: one per core) of CARECOORD_THREADS
threads. Put TLS in front, and say so with CARECOORD_BASE_URL and CARECOORD_SECURE_COOKIES."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    served = verb(verbs, "serve", serve, "serve the desk and the FHIR API, and do later work, until Ctrl-C", MORE)
    worked = verb(verbs, "work", work, "do later work only (syncs that are due), until Ctrl-C: for further machines")
    for one in (served, worked):
        one.add_argument(CHILD, action="store_true", dest="child", help=argparse.SUPPRESS)


def serve(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Serve until interrupted. Later work has a process of its own: granian forks, which threads do not survive."""
    free(settings.host, settings.port, "CARECOORD_PORT")
    if args.child:
        end_with_parent()
    with running("The worker", "work", settings, Path(settings.var) / "worker.log"):
        processes(settings)


def work(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Do what is due until interrupted."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if args.child:
        end_with_parent()
    with opened(settings) as world:
        worker.work(world, stop)


def processes(settings: Settings) -> None:
    """The server processes of these settings, until interrupted."""
    Granian(
        "carecoord.app:create",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=settings.workers or os.cpu_count() or 1,
        blocking_threads=settings.threads,
        log_level=LogLevels(settings.log_level.lower()),
        respawn_failed_workers=True,
    ).serve()


def free(host: str, port: int, name: str) -> None:
    """Raise Conflict when the port is taken; `name` is the setting that chooses another."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            taken = f"Port {port} is in use. Stop what runs there, or choose another: {name}={port + 10}"
            other = f"Can not listen on {host}:{port} ({e.strerror}): choose with CARECOORD_HOST and {name}."
            raise Conflict(taken if e.errno == errno.EADDRINUSE else other) from e
