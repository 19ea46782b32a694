"""SQLite's writers, one at a time: those of a process that crowd share one transaction, each behind a savepoint, and
are answered once it is committed (group commit). Taking the lock, writing the log and reading anew what another
process has changed are then paid once for all of them.

Who fails is undone alone. When the commit fails all fail, also who was refused: what they saw is no more.
"""

import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine

BUSY_SECONDS: Final = 15
_POLL: Final = 0.002  # seconds between two looks whether another process has done: about as long as one write takes
_OPEN_SECONDS: Final = 0.02  # old as this, a group is joined by nobody more: who was first waits for the last


class Member(sqlite3.Connection):
    """A connection whose commit and rollback are those of one writer among those that share its transaction."""

    part: Literal["", "first", "later"] = ""

    def commit(self) -> None:
        """Keep what this writer did; the group commits it."""
        if not self.part:
            super().commit()
        elif self.part == "later":
            self.execute("RELEASE writer")

    def rollback(self) -> None:
        """Undo what this writer did, and nobody else's."""
        if self.part != "later":
            super().rollback()
        elif self.in_transaction:  # SQLite itself ends the whole transaction when the disk is full
            self.execute("ROLLBACK TO writer")
            self.execute("RELEASE writer")


class Lost(Exception):
    """Nothing was written: it was never this writer's turn, or the transaction that it shared was lost."""


class _Group:
    """Writers that share one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self._raw: Any = conn.connection.dbapi_connection
        self._until = time.monotonic() + _OPEN_SECONDS
        self._members = 0
        self._awaited: list[threading.Lock] = []
        self._failure: BaseException | None = None

    @contextmanager
    def member(self) -> Iterator[None]:
        """The part of one writer, undone by an exception."""
        if self._members:
            self._raw.execute("SAVEPOINT writer")
        self._raw.part = "later" if self._members else "first"
        self._members += 1
        try:
            with self.conn.begin():
                yield
        except BaseException as e:
            if not self._raw.in_transaction:
                self._failure = e  # for those before it, if there are any
            raise
        finally:
            self._raw.part = ""

    def is_open(self) -> bool:
        """Whether another may join."""
        return bool(self._raw.in_transaction) and time.monotonic() < self._until

    def awaited(self) -> threading.Lock:
        """What can be acquired once the group has ended."""
        ended = threading.Lock()
        ended.acquire()
        self._awaited.append(ended)
        return ended

    def end(self) -> None:
        """Commit, give the connection back and let all members go on."""
        try:
            with self.conn:
                if self._raw.in_transaction:
                    self._raw.commit()
        except BaseException as e:
            self._failure = e
            raise
        finally:
            for ended in self._awaited:
                ended.release()

    def demand(self) -> None:
        """Raise Lost when what was written is not committed."""
        if self._failure:
            raise Lost("the transaction that was shared with other writers") from self._failure


class _Turn:
    """A writer's place in the line."""

    def __init__(self, shares: bool) -> None:
        self.shares = shares
        self._come = threading.Lock()
        self._come.acquire()

    def comes(self, seconds: float = -1) -> bool:
        return self._come.acquire(timeout=seconds)

    def begin(self) -> None:
        self._come.release()


class _Line:
    """Who of a process writes to one database, and who waits for it, first come first served."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[_Turn] = deque()
        self.group: _Group | None = None  # left open for whoever is next

    def take(self, shares: bool, seconds: float) -> bool:
        """Wait for one's turn. False: it did not come in time."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            mine = _Turn(shares)
            self._waiting.append(mine)
        if mine.comes(seconds):
            return True
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return mine.comes()  # who has it gives it up just now

    def following(self) -> _Turn | None:
        """Whose turn is next, taken out of the line; to be given it by `give`."""
        with self._mutex:
            return self._waiting.popleft() if self._waiting else None

    def give(self, turn: _Turn | None) -> None:
        """The turn to who was `following`, or to whoever has come since."""
        if turn is None:
            with self._mutex:
                turn = self._waiting.popleft() if self._waiting else None
                self._taken = turn is not None
        if turn is not None:
            turn.begin()


_lines: defaultdict[str | None, _Line] = defaultdict(_Line)  # of this process, by database


@contextmanager
def writer(engine: Engine, *, shares: bool) -> Iterator[Connection]:
    """A connection in a transaction that writes: committed when the block has been left, undone by an exception.
    shares: with those who come while it is at work, so it must not be long. Raises Lost, and what SQLite raises."""
    line, until = _lines[engine.url.database], time.monotonic() + BUSY_SECONDS
    if not line.take(shares, BUSY_SECONDS):
        raise Lost("another writer of this process holds the database")
    following, ended = None, None
    try:
        group, line.group = line.group or _Group(_begun(engine, until)), None
        try:
            with group.member():
                yield group.conn
        finally:
            following = line.following()
            if shares and following and following.shares and group.is_open():
                line.group, ended = group, group.awaited()
            else:
                group.end()
    finally:
        line.give(following)
        if ended:
            ended.acquire()
            group.demand()


def _begun(engine: Engine, until: float) -> Connection:
    """A connection that has the write lock. SQLite's own way of waiting sleeps up to a tenth of a second at a time:
    writers that crowd then leave the database idle for most of it. We look again a hundred times as often."""
    conn = engine.connect()
    try:
        raw: Any = conn.connection.dbapi_connection
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    raw.execute("BEGIN IMMEDIATE")
                    return conn
                except sqlite3.OperationalError as busy:
                    if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                        raise
                    if busy.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT:  # a cursor that was left open
                        conn.invalidate()
                        raw = conn.connection.dbapi_connection
                time.sleep(_POLL)
        finally:
            raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    except BaseException:
        conn.close()
        raise
