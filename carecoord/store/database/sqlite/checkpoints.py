"""What SQLite's log holds is brought into its file (a checkpoint) by one process that nobody waits for. A writer that
does it at its own commit, as SQLite does by itself, writes the pages of some hundred writes while its answer and all
writers behind it wait: half of what a create took."""

import threading
from typing import Any, Final

import structlog
from sqlalchemy import Engine

from carecoord.errors import Unavailable
from carecoord.store.database.engine import glancing
from carecoord.store.database.sqlite.group_commit import BUSY_SECONDS

OFTEN: Final = 0.25  # seconds between two looks; so long at most what is written stays out of reach of a power cut
LONG: Final = 20_000  # pages: a log that grows while it is emptied, for who writes writes on, is brought to an end
_BRIEF: Final = 50  # ms that writers are kept waiting for that
_log = structlog.get_logger()


def keep_short(engine: Engine, stop: threading.Event) -> None:
    """Empty the log of a SQLite database again and again until `stop` is set: the body of one background thread of the
    process that does later work. PostgreSQL sees to its own."""
    while engine.dialect.name == "sqlite" and not stop.is_set():
        try:
            with glancing(engine) as conn:
                _empty(conn.connection.dbapi_connection, stop)
        except Unavailable as e:
            _log.warning("log_not_emptied", reason=str(e))
            stop.wait(OFTEN)


def _empty(raw: Any, stop: threading.Event) -> None:
    raw.execute(f"PRAGMA busy_timeout = {_BRIEF}")
    try:
        seen = None
        while not stop.wait(OFTEN):
            (now,) = raw.execute("PRAGMA data_version").fetchone()  # another when somebody else has written
            if now != seen:
                _, held, done = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if held - done > LONG:
                    raw.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                seen = now if done == held else None  # who still reads an older state keeps the rest in the log
    finally:
        raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
