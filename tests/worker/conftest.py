"""Workers as processes, on a database of their own, and what they did."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from carecoord.store.database import outbox
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.tables import outbox as outbox_table
from tests import later
from tests.forked import Forked
from tests.worker import machine


class Workshop:
    """A database, its workers and the file in which they say what they did."""

    def __init__(self, database_url: str, folder: Path, lease: int) -> None:
        self.url, self.folder, self.lease = database_url, folder, lease
        self.engine: Engine = open_engine(database_url)
        self.workers: list[Forked] = []

    def start(self, *verb: str, **environ: str) -> Forked:
        """A worker; `verb`: the words behind `carecoord`, if not `work`."""
        words = (self.url, str(self.folder), str(self.lease), *verb)
        made = Forked(machine.main, words, self.folder / "said", {**os.environ, **environ})
        self.workers.append(made)
        return made

    def add(self, kind: str, key: str, payload: str) -> None:
        with writing(self.engine) as conn:
            outbox.add(conn, kind, key, payload.encode(), datetime.now(UTC))

    def left(self) -> int:
        """How many jobs are not done."""
        with reading(self.engine) as conn:
            return int(conn.execute(select(func.count()).select_from(outbox_table)).scalar_one())

    def did(self, what: str = "") -> list[list[str]]:
        """Lines [began or ended, key, payload, sent by a broker or taken, process], of one sort or all."""
        file = self.folder / "did"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split() for line in lines if line.startswith(what)]

    def until(self, met: Callable[[], bool], seconds: float = 40) -> None:
        """Wait; fails with what the workers said."""
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, f"{self.did()}\n{(self.folder / 'said').read_text()[-3000:]}"
            time.sleep(0.05)

    def end(self) -> None:
        """End whatever still works."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.engine.dispose()


@pytest.fixture
def workshop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Workers with a lease of two seconds."""
    later.install(monkeypatch)
    made = Workshop(database_url, tmp_path, 2)
    yield made
    made.end()
