"""What one process at a time may do, over all processes on a database: held for as long as it takes, without a
transaction, and given back by the system when the process dies."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from carecoord.store.database import private_files
from carecoord.store.database.engine import lock_number, reading


@contextmanager
def held(engine: Engine, what: str) -> Iterator[bool]:
    """Whether we alone hold these words until the block is left; False: somebody else does, and they are not waited
    for. With SQLite all processes are on one machine, and a lock on a file beside the database does. Raises Unavailable
    when the database is away."""
    if engine.dialect.name == "sqlite":
        with _file_locked(str(engine.url.database), what) as got:
            yield got
        return
    with reading(engine):
        pass  # who can not be reached is told of in the usual words
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        number = {"key": lock_number(what)}
        got = bool(conn.scalar(text("SELECT pg_try_advisory_lock(:key)"), number))
        try:
            yield got
        finally:
            if got:
                try:
                    conn.execute(text("SELECT pg_advisory_unlock(:key)"), number)
                except DBAPIError:
                    conn.invalidate()  # the session is gone, and the lock with it


@contextmanager
def _file_locked(database: str, what: str) -> Iterator[bool]:
    place = Path(database).absolute()
    named = hashlib.sha256(f"{place.name} {what}".encode(errors="surrogatepass")).hexdigest()[:32]
    path = private_files.make_folder(place.parent / "locks") / named
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        got = False
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            got = True
        yield got
    finally:
        os.close(fd)  # and with it the lock; the file stays, for to take it away would let two hold the same
