"""Processes of our own that live as long as the command does: started, waited for, ended by their id."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
import structlog

from carecoord.configuration import NONE, VARIABLE, database, read
from carecoord.errors import Unavailable
from carecoord.settings import FIELDS, PREFIX, Settings
from carecoord.store.database import private_files
from carecoord.worker import life

CHILD = "--until-parent-ends"
PATIENCE = 60.0  # seconds until a server must answer; one that ends before is noticed at once
GRACE = 10.0  # seconds that it has to end
AGAIN = 1.0  # seconds until one that ended is started again; twice as long each time that it ended soon …
MOST = 60.0  # … up to so many
STEADY = 60.0  # seconds that it must have run not to have ended soon
LOOK = 0.2  # seconds between two looks whether it still runs

Words = tuple[str, ...]
_log = structlog.get_logger()

# While a program is started its parent waits for the end of a pipe. A server that forks a process of its own in that
# instant, from another thread, gives it that pipe, and the wait lasts as long as that process: a worker that ends later
# is not started again. So nothing of ours forks meanwhile (starting a program runs none of these three).
_starting = threading.Lock()
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release)


class Child:
    """A `carecoord` of its own that runs one verb, and ends when we do, even if we are killed."""

    def __init__(self, name: str, verb: str, settings: Settings, log: Path | None = None, words: Words = ()) -> None:
        """log: what it says goes to the end of this file; without one, to where we say things ourselves. words: those
        that follow the verb."""
        self.name, self.settings, self.log = name, settings, log
        command = [sys.executable, "-m", "carecoord.cli", verb, *words, CHILD, str(os.getpid())]
        with ExitStack() as stack:
            out = None
            if log:
                private_files.make_folder(log.parent)
                private_files.make_file(log)
                out = stack.enter_context(log.open("ab"))
            # A session of its own: Ctrl-C reaches us alone, and we end the child in order.
            own = environment(settings)
            with _starting:
                self.process = subprocess.Popen(  # noqa: S603 (our own program, no shell)
                    command, env=own, stdout=out, stderr=out, start_new_session=True
                )

    def wait(self) -> None:
        """Until it answers. Raises Unavailable when it does not."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.look()
            try:
                if requests.get(f"{self.settings.url}/healthz", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise Unavailable(f"{self.name} did not answer within {PATIENCE:.0f} s; {self.log} says why.")

    def look(self) -> None:
        """Raise Unavailable when it has ended."""
        if self.process.poll() is not None:
            raise Unavailable(f"{self.name} has ended (exit code {self.process.returncode}); {self.log} says why.")

    def end(self) -> None:
        """Ask it to end; insist after a while."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def running(name: str, verb: str, settings: Settings, log: Path, words: Words = ()) -> Iterator[Child]:
    """A child that is ended when the block is left, however that happens."""
    child = Child(name, verb, settings, log, words)
    try:
        yield child
    finally:
        child.end()


@contextmanager
def kept_running(verb: str, settings: Settings, words: Words = ()) -> Iterator[None]:
    """A worker that is started again whenever it ends, and ended when its loop turns no more, until the block is left.
    The log tells of each end."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep_running, args=(verb, settings, stop, words), name=verb, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * GRACE)


def _keep_running(verb: str, settings: Settings, stop: threading.Event, words: Words) -> None:
    wait = AGAIN
    while not stop.is_set():
        began = time.monotonic()
        code = _lived(verb, settings, stop, words)
        if stop.is_set():
            return
        wait = AGAIN if time.monotonic() - began > STEADY else min(2 * wait, MOST)
        _log.error("child_ended", kind=verb, status=code, seconds=wait)
        stop.wait(wait)


def _lived(verb: str, settings: Settings, stop: threading.Event, words: Words) -> int | None:
    """Run a child until it ends, or we do; returns its exit code, None when it could not even be started."""
    try:
        child = Child(verb, verb, settings, words=words)
    except OSError as e:
        _log.error("child_not_started", kind=verb, error=type(e).__name__)
        return None
    began, pid = time.monotonic(), child.process.pid
    try:
        while child.process.poll() is None and not stop.wait(LOOK):
            quiet = life.silent(settings.var, pid)
            if (time.monotonic() - began if quiet is None else quiet) > life.STUCK:
                _log.error("child_stuck", kind=verb, seconds=life.STUCK)
                break
    finally:
        child.end()
        life.forget(settings.var, pid)
    return child.process.returncode


def end_with_parent(parent: int) -> None:
    """Send ourselves SIGTERM as soon as the process with this id is no more our parent, also when it is so already:
    on a busy machine it can be gone before we look."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def end_with_server() -> None:
    """The same for one of the processes that a server runs: it would go on answering on the port of a server that was
    killed, with nobody to end it. In any other process nothing."""
    server = multiprocessing.parent_process()
    if server is None:
        return

    def watch() -> None:
        server.join()
        while True:  # until it is heard: while the application is made, the signals are still handled as the server's
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    threading.Thread(target=watch, name="server", daemon=True).start()


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process with just these settings. A value that came from a file goes on as the file's name:
    others can read the environment of a process where they can not read the file."""
    ours, own = read(os.environ), {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    reads = ours.file is not None and database(settings) == database(ours.settings)
    if ours.file:
        own[VARIABLE] = str(ours.file) if reads else NONE
    for f in FIELDS:
        value, (source, name) = getattr(settings, f.name), ours.given.get(f.name, ("default", ""))
        is_same = value == getattr(ours.settings, f.name)
        if source == "environment" and name.endswith("_FILE") and is_same:
            own[name] = os.environ[name]
        elif not (source == "file" and is_same) if reads else value != f.default:
            own[f"{PREFIX}{f.name.upper()}"] = str(value)
    return own
