"""A world that stands on a real database, with a clock that the test turns."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from carecoord.settings import Settings
from carecoord.store.audit import Journal
from carecoord.world import World


@dataclass
class Clock:
    """Stands still until it is turned."""

    now: datetime = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(engine: Engine, tmp_path: Path, clock: Clock) -> World:
    return World(
        engine=engine,
        clock=clock,
        new_id=lambda: str(uuid4()),
        http=requests.Session,
        settings=Settings(var=str(tmp_path)),
        project=lambda conn, touched, now: None,
        journal=Journal(tmp_path / "journal"),
    )
