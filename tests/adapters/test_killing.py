"""A sync killed by kill -9 at random moments, and run again, ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from carecoord.actions.ehrs.sync import add_ehr
from carecoord.store.database import tables
from carecoord.store.database.engine import reading, writing
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from tests.adapters.content import content, emptied
from tests.adapters.little_ehr import LittleEhr

KILLS = 5  # each trial starts with an empty database, and the kills of one hit ever later pages
TRIALS = int(os.environ.get("CARECOORD_TEST_KILLS", "15")) // KILLS  # 25 kills are what we promise


class Victim:
    """The program that is killed."""

    def __init__(self, work: str, database_url: str, folder: Path, ehr: str) -> None:
        command = [sys.executable, "-m", "tests.adapters.victim", work, database_url, str(folder), ehr]
        self.program = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, line: str = "go") -> int:
        """Begin a run that is told this line; returns the child's process id."""
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.write(f"{line}\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())

    def end(self) -> int:
        """How the child ended: 0 well, 9 killed."""
        assert self.program.stdout
        return int(self.program.stdout.readline())

    def close(self) -> None:
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.close()
        self.program.wait(30)
        self.program.stdout.close()


@pytest.fixture
def victim(world: World, database_url: str, tmp_path: Path, little: LittleEhr) -> Iterator[Victim]:
    fill(little)
    add_ehr(world, Ehr("little", little.base))
    victim = Victim("sync", database_url, tmp_path, "little")
    yield victim
    victim.close()


def fill(little: LittleEhr) -> None:
    """60 patients with conditions by window, referrals by sweep, flags patient by patient: 120 pages and more."""
    little.params = {"Condition": {"_lastUpdated"}, "Flag": {"patient"}}
    little.demands = {"Flag"}
    for n in range(60):
        subject = {"reference": f"Patient/p{n:02}"}
        little.put({"resourceType": "Patient", "id": f"p{n:02}", "name": [{"family": f"Family{n}"}]})
        little.put({"resourceType": "Condition", "id": f"c{n:02}", "subject": subject, "code": {"text": "Angina"}})
        little.put(
            {
                "resourceType": "ServiceRequest",
                "id": f"r{n:02}",
                "status": "active",
                "intent": "order",
                "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
                "subject": subject,
            }
        )
        little.put(
            {
                "resourceType": "Flag",
                "id": f"f{n:02}",
                "status": "active",
                "code": {"text": "Falls"},
                "subject": subject,
            }
        )


def wipe(world: World) -> None:
    """Back to an empty database that knows the EHR."""
    with writing(world.engine) as conn:
        emptied(conn, keep=("ehr", "setting"))


def whole_run(victim: Victim) -> float:
    started = time.monotonic()
    victim.start()
    assert victim.end() == 0
    return time.monotonic() - started


def counted(world: World) -> tuple[int, Any]:
    with reading(world.engine) as conn:
        cut = select(func.count()).where(tables.ehr_run.c.error == "interrupted")
        return conn.scalar(cut) or 0, conn.scalar(select(func.sum(tables.ehr_run.c.received)))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sync_killed_anywhere_ends_as_an_undisturbed_one(world: World, victim: Victim) -> None:
    dice = random.Random(20261122)
    seconds = whole_run(victim)
    undisturbed = content(world.engine)
    assert len(undisturbed["resource"]) == 240
    assert len(undisturbed["case"]) == 60
    killed = 0
    for _ in range(TRIALS):
        wipe(world)
        for _ in range(KILLS):
            child = victim.start()
            time.sleep(dice.uniform(0.02, 0.9 * seconds / KILLS))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            killed += victim.end() == signal.SIGKILL
        whole_run(victim)
        cut, received = counted(world)
        assert cut >= 1
        assert received >= 240
        assert content(world.engine) == undisturbed
    assert killed >= 0.8 * TRIALS * KILLS
