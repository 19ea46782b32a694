"""SQLite's log is brought into its file beside those who write, and stays short."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.database.sqlite import checkpoints
from carecoord.store.database.tables import setting


@pytest.fixture
def engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    path = tmp_path / "short.db"
    path.write_bytes(sqlite_template.read_bytes())
    made = open_engine(f"sqlite:///{path}")
    yield made
    made.dispose()


@contextmanager
def kept_short(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    keeper = threading.Thread(target=checkpoints.keep_short, args=(engine, stop))
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def write(engine: Engine, name: str, size: int = 1) -> None:
    with writing(engine) as conn:
        conn.execute(insert(setting).values(name=name, value=b"x" * size))


def names_in_the_file(engine: Engine, aside: Path) -> set[str]:
    """What stands in the file itself, as after a power cut that took the log away."""
    aside.write_bytes(Path(str(engine.url.database)).read_bytes())
    with closing(sqlite3.connect(aside)) as conn:
        return {name for (name,) in conn.execute("SELECT name FROM setting")}


def awaited(engine: Engine, aside: Path, name: str) -> bool:
    for _ in range(200):
        if name in names_in_the_file(engine, aside):
            return True
        time.sleep(0.05)
    return False


def test_what_was_written_stands_in_the_file_before_long(engine: Engine, tmp_path: Path) -> None:
    write(engine, "before")
    assert "before" not in names_in_the_file(engine, tmp_path / "aside.db")
    with kept_short(engine):
        assert awaited(engine, tmp_path / "aside.db", "before")
        write(engine, "after")
        assert awaited(engine, tmp_path / "aside.db", "after")


def test_what_a_reader_kept_in_the_log_stands_in_the_file_once_it_has_read_though_nothing_more_is_written(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, "before")
    with kept_short(engine):
        assert awaited(engine, tmp_path / "aside.db", "before")
        with reading(engine) as conn:
            conn.scalars(select(setting.c.name)).all()
            write(engine, "beside")
            time.sleep(4 * checkpoints.OFTEN)
            assert "beside" not in names_in_the_file(engine, tmp_path / "aside.db")
        assert awaited(engine, tmp_path / "aside.db", "beside")


def test_a_log_of_which_all_is_in_the_file_is_begun_anew(engine: Engine, tmp_path: Path) -> None:
    log = Path(f"{engine.url.database}-wal")
    with kept_short(engine):
        write(engine, "big", 4_000_000)
        assert awaited(engine, tmp_path / "aside.db", "big")
        grown = log.stat().st_size
        for n in range(5):
            write(engine, f"big {n}", 3_000_000)
            assert awaited(engine, tmp_path / "aside.db", f"big {n}")
        assert log.stat().st_size <= 2 * grown, "what comes while a checkpoint ends still goes behind"


def test_a_log_that_who_writes_on_keeps_from_ending_is_ended(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of an old state keeps what came after it out of the file; once it is gone, all goes there."""
    monkeypatch.setattr(checkpoints, "LONG", 10)
    with kept_short(engine):
        write(engine, "read")
        with reading(engine) as conn:
            assert conn.execute(setting.select()).all()
            write(engine, "meanwhile", 400_000)
            write(engine, "more", 400_000)
            time.sleep(2 * checkpoints.OFTEN)
            write(engine, "not held up")
        assert awaited(engine, tmp_path / "aside.db", "not held up")
