"""A worker as a process of its own, with the kinds of `tests.later`, whose handlers say in a file when they began and
ended.

Its words: DATABASE_URL FOLDER LEASE_SECONDS [VERB ...]. The payload of a job is how many seconds
it takes.
"""

import os
import threading
import time
from pathlib import Path
from types import MappingProxyType

import pytest

from carecoord import cli
from carecoord.store.database.outbox import Job
from carecoord.worker import lanes
from carecoord.world import World
from tests import later


def noted(world: World, job: Job) -> None:
    """Do nothing for as long as the payload says."""
    say(world, "began", job)
    time.sleep(float(job.payload))
    say(world, "ended", job)


def say(world: World, what: str, job: Job) -> None:
    way = "taken" if threading.current_thread().name.startswith(("notify-", "deliver-")) else "sent"
    line = f"{what} {job.key} {job.payload.decode()} {way} {os.getpid()}\n"
    with (Path(world.settings.var) / "did").open("a") as file:  # short lines, appended whole
        file.write(line)


def main(words: list[str]) -> int:
    database_url, folder, lease, *verb = words
    os.environ["CARECOORD_DATABASE_URL"] = database_url
    os.environ["CARECOORD_VAR"] = folder
    os.environ["CARECOORD_JOB_LEASE"] = lease
    patched = pytest.MonkeyPatch()
    later.install(patched)
    patched.setattr(lanes, "HANDLERS", MappingProxyType({**lanes.HANDLERS, **dict.fromkeys(later.SORTS, noted)}))
    return cli.main(verb or ["work"])
