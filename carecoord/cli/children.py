"""Processes of our own that live as long as the command does: started, waited for, ended by their id."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import requests

from carecoord.errors import Unavailable
from carecoord.settings import FIELDS, PREFIX, Settings

CHILD = "--until-parent-ends"
PATIENCE = 25.0  # seconds until a server must answer
GRACE = 10.0  # seconds that it has to end


class Child:
    """A `carecoord` of its own that runs one verb, and ends when we do, even if we are killed."""

    def __init__(self, name: str, verb: str, settings: Settings, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name, self.settings, self.log = name, settings, log
        command = [sys.executable, "-m", "carecoord.cli", verb, CHILD]
        with log.open("ab") as out:
            # A session of its own: Ctrl-C reaches us alone, and we end the child in order.
            self.process = subprocess.Popen(  # noqa: S603 (our own program, no shell)
                command, env=environment(settings), stdout=out, stderr=out, start_new_session=True
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
def running(name: str, verb: str, settings: Settings, log: Path) -> Iterator[Child]:
    """A child that is ended when the block is left, however that happens."""
    child = Child(name, verb, settings, log)
    try:
        yield child
    finally:
        child.end()


def end_with_parent() -> None:
    """Send ourselves SIGTERM as soon as the process that started us is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process with just these settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return own | {f"{PREFIX}{f.name.upper()}": str(given[f.name]) for f in FIELDS if given[f.name] != f.default}
