"""A world that stands on a real database, with a clock that the test turns; and the command, run in an empty folder."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from carecoord.cli import main
from carecoord.settings import PREFIX, Settings
from carecoord.store.audit.events import Journal
from carecoord.world import World

Run = Callable[..., tuple[int, str, str]]


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
        settings=Settings(var=str(tmp_path), private_hosts="127.0.0.1"),
        project=lambda conn, touched, now: None,
        journal=Journal(tmp_path / "journal"),
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one verb in an empty CARECOORD_VAR: (exit code, stdout, stderr)."""
    monkeypatch.setenv(f"{PREFIX}VAR", str(tmp_path / "var"))
    monkeypatch.delenv(f"{PREFIX}DATABASE_URL", raising=False)

    def one(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as e:
            code = int(e.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return one


@pytest.fixture
def ready(run: Run, sqlite_template: Path, tmp_path: Path) -> Run:
    """The same, with a database."""
    (tmp_path / "var").mkdir(mode=0o700)
    shutil.copyfile(sqlite_template, tmp_path / "var" / "carecoord.db")
    (tmp_path / "var" / "carecoord.db").chmod(0o600)
    return run
