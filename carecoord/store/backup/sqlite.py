"""A copy of a SQLite database while others write it, and a copy put in its place."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DatabaseError

from carecoord.store.backup.contents import Contents, contents
from carecoord.store.database import private_files

PAGES: Final = 4096  # in one step: some 16 MB, between which the progress is told
BESIDE: Final = private_files.SQLITE[1:]
Tell = Callable[[int, int], None]


def copy(conn: Connection, to: Path, tell: Tell) -> None:
    """Write what this transaction sees into a new file. conn: from `reading`, so that the copy is of one instant, and
    neither waits for writers nor holds them up. tell: pages done, and of how many."""
    conn.exec_driver_sql("SELECT count(*) FROM sqlite_schema")  # from here on we see one state
    raw: Any = conn.connection.dbapi_connection
    private_files.make_file(to)
    with closing(sqlite3.connect(to)) as target:
        raw.backup(target, pages=PAGES, progress=lambda _, left, of: tell(of - left, of))
        target.execute("PRAGMA journal_mode = DELETE")  # one file, that is whole by itself


def fault(path: Path) -> str:
    """What SQLite finds wrong with a file; empty when nothing is."""
    with closing(sqlite3.connect(path)) as conn:
        try:
            (said,) = conn.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as e:
            return str(e)
    return "" if said == "ok" else str(said)


def held(path: Path) -> Contents | None:
    """What a file holds; None where it has no tables of ours. One that can not be read as a database is told as one of
    no revision."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as conn:
            return contents(conn)
    except DatabaseError:
        return Contents("")
    finally:
        engine.dispose()


def is_used(path: Path) -> bool:
    """Whether a program has the database open."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0)) as conn:
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")  # in WAL each open connection holds a shared lock
        try:
            conn.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return True
            raise
        except sqlite3.DatabaseError:
            return False  # no database at all, or a broken one: nobody works on it
        conn.rollback()
    return False


def set_aside(path: Path, aside: Path) -> Path | None:
    """Give the database and what SQLite keeps beside it this name; returns it, or None where there is none."""
    for end in (*BESIDE, ""):  # the database last: while it has its name, it has its log of writes too
        there = path.with_name(path.name + end)
        if there.exists():
            there.rename(aside.with_name(aside.name + end))
    return aside if aside.exists() else None


def put(copied: Path, path: Path) -> None:
    """Give a copy its place, through to the disk."""
    with copied.open("rb") as file:
        os.fsync(file.fileno())
    copied.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
