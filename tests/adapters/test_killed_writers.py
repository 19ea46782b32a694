"""Eight writers killed by kill -9 at random moments: whatever was answered is there once, and all that stands beside
the resources says what they say."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from carecoord.actions.audit import seals
from carecoord.actions.server import deep
from carecoord.fhir.search import params
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import ix_token, resource
from carecoord.world import World
from tests.adapters.test_killing import Victim
from tests.adapters.victim import WRITERS

LONGEST = 0.8  # seconds that the writers live
POINTS = int(os.environ.get("CARECOORD_TEST_WRITER_KILLS", "10"))  # 50 are what we promise: some ten minutes


@pytest.fixture
def victim(world: World, database_url: str, tmp_path: Path) -> Iterator[Victim]:
    victim = Victim("write", database_url, tmp_path, "nobody")
    yield victim
    victim.close()


def killed(victim: Victim, points: int, answered: Path) -> None:
    """Let the writers begin and kill them, so many times, each at another moment after the first order."""
    dice = random.Random(20261129)
    for n in range(points):
        before = orders(answered)
        child = victim.start(f"run{n}")
        late = time.monotonic() + 60
        while orders(answered) == before:
            assert time.monotonic() < late
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, LONGEST))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert victim.end() == signal.SIGKILL


def orders(answered: Path) -> int:
    """How many orders were answered."""
    return answered.read_text().count("ServiceRequest") if answered.exists() else 0


def demand_whole(world: World, answered: Path) -> int:
    """Every answer is there once, and every table agrees. Returns how many answers there were."""
    told: dict[tuple[str, str], tuple[str, int]] = {}
    for line in answered.read_text().splitlines():
        type, mark, id, version = line.split()
        told[type, mark] = (id, int(version))
    with reading(world.engine) as conn:
        for (type, mark), (id, version) in told.items():
            at = (resource.c.type == type, ix_token.c.key == params.key(type, "identifier"), ix_token.c.code == mark)
            found = select(resource.c.id, resource.c.version).join(ix_token, ix_token.c.rid == resource.c.rid)
            ((held, now),) = conn.execute(found.where(*at)).all()
            assert held == id
            assert version <= now <= 2  # the change of one that was killed before it was answered may be there
        stored = conn.scalar(select(func.count()).select_from(resource)) or 0
    looked = deep.Looked()
    assert list(deep.walk(world, looked)) == []
    assert looked.resources == stored >= len(told)
    assert looked.cases > 0
    assert not seals.walk(world, whole=True).faults
    return len(told)


def test_what_eight_killed_writers_were_answered_is_there_once(world: World, victim: Victim, tmp_path: Path) -> None:
    killed(victim, 3, tmp_path / "answered")
    assert demand_whole(world, tmp_path / "answered") > WRITERS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_eight_writers_killed_at_random_points_were_answered_is_there_once(
    world: World, victim: Victim, tmp_path: Path
) -> None:
    killed(victim, POINTS, tmp_path / "answered")
    assert demand_whole(world, tmp_path / "answered") > POINTS
