"""Who did what, when: a row for every read, search and write.

A write's events are rows of its own transaction. A read must not wait for the write lock, so its event is one line
in a file of this process: one write(), which outlives the process even when it is killed. A drainer moves the lines
into the table in batches. Every event has an id, so a file drained twice counts once. A process keeps its file
locked while it writes to it; a file that nobody has locked was handed over, or left by the dead, and whoever finds it
drains it. Who serves hands its file over every second, and the worker drains: to move and to seal events is a fifth of
the work of a reading server.
"""

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, Engine, bindparam, select

from carecoord.errors import Unavailable
from carecoord.fhir.instants import micros
from carecoord.store.audit import seals
from carecoord.store.audit.tables import audit, audit_patient
from carecoord.store.database import bulk, private_files
from carecoord.store.database.engine import writing
from carecoord.words.sentence import sentence

PATIENCE: Final = 5.0  # seconds after which a process that serves drains what no worker has
_FILES: Final = "audit-*.jsonl"
_BATCH = 1000
_RUN = 400  # ids in one statement
_log = structlog.get_logger()


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One interaction. at: microseconds. request: the id of the request it belongs to. interaction: read, vread,
    search, create, update, delete, history … type and resource: what was touched, an id of that type. patient: the id
    of the one patient it was about; patients: of each, where it showed several. status: the HTTP status answered.
    launch: the authorization, or the launch from an EHR, under which an app asked. emergency: the breaking of the glass
    that alone opened the record."""

    at: int
    request: str
    interaction: str
    status: int
    subject: str | None = None
    client: str | None = None
    organization: str | None = None
    type: str | None = None
    resource: str | None = None
    version: int | None = None
    patient: str | None = None
    query: str | None = None
    launch: str | None = None
    emergency: str | None = None
    patients: tuple[str, ...] = ()
    id: str = msgspec.field(default_factory=lambda: os.urandom(16).hex())


def told(shown: Iterable[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """The `patient` and the `patients` of an event that showed resources of these patients."""
    found = {*shown}
    found.discard(None)
    return (found.pop(), ()) if len(found) == 1 else (None, tuple(patient for patient in found if patient))


_by_id = select(audit.c.id, audit.c.n).where(audit.c.id.in_(bindparam("ids", expanding=True)))
_ORDER = [column.name for column in audit.columns if column.name != "n"]
_values: Callable[[Event], tuple[Any, ...]] = attrgetter(*_ORDER)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def record(conn: Connection, events: Sequence[Event]) -> None:
    """Put events into the table, in the caller's transaction; those that are there already are passed over."""
    several = {event.id: event for event in events if event.patients}
    for id in _numbers(conn, several):
        del several[id]
    bulk.add(conn, audit, [_row(event) for event in events])
    numbers = _numbers(conn, several)
    rows = sorted((numbers[id], patient, e.at) for id, e in several.items() for patient in set(e.patients))
    bulk.insert(conn, audit_patient, rows)


def _numbers(conn: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The row number of each of these events that is in the table."""
    return {id: n for run in bulk.runs(list(ids), _RUN) for id, n in conn.execute(_by_id, {"ids": run})}


def _row(event: Event) -> tuple[Any, ...]:
    """A query may hold a NUL, which PostgreSQL can not."""
    values = _values(event)
    if any(value.__class__ is str and "\0" in value for value in values):
        return tuple(value.replace("\0", "") if isinstance(value, str) else value for value in values)
    return values


class Journal:
    """This process's file of events in a `folder` that all processes of one database share. Safe from many threads, and
    across a fork: the child opens a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fd = -1
        self._path = folder
        self._pid = 0
        self._open_lock = threading.Lock()
        self._drain_lock = threading.Lock()

    def append(self, event: Event) -> None:
        """Write the event down, in some ten microseconds. Raises Unavailable when the disk is full: what can not be
        noted must not be shown."""
        line = _encode(event) + b"\n"
        with self._open_lock:
            try:
                if self._pid != os.getpid():
                    self._open()
                written = os.write(self._fd, line)
            except OSError as e:
                raise _not_noted() from e
            if written < len(line):  # half a line would spoil the one that is written behind it
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise _not_noted()

    def hand_over(self) -> None:
        """Let go of the file of this process, if anything stands in it: whoever drains may take it."""
        with self._open_lock:
            if self._pid != os.getpid() or not os.fstat(self._fd).st_size:
                return
            self._pid = 0
            os.close(self._fd)

    def waits(self, seconds: float) -> bool:
        """Whether a file has been there for so long and nobody drains it."""
        then = time.time() - seconds
        for path in self.folder.glob(_FILES):
            with suppress(FileNotFoundError):
                told = path.stat()
                if told.st_size and told.st_mtime < then:
                    return True
        return False

    def drain(self, engine: Engine) -> int:
        """Move the events of this process, and those left by dead ones, into the table; returns how many lines.

        Raises Unavailable when the database is; the files stay for the next time.
        """
        with self._drain_lock:
            mine = self._close()
            others = (_claim(path) for path in sorted(self.folder.glob(_FILES)))
            return sum(_move(path, fd, engine) for path, fd in _found(mine, others))

    def _open(self) -> None:
        private_files.make_folder(self.folder)
        while True:
            path = self.folder / f"audit-{os.getpid()}-{uuid.uuid4().hex[:12]}.jsonl"
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
            if _locked(fd):  # not so when a drainer found it in the instant before
                self._fd, self._path, self._pid = fd, path, os.getpid()
                return
            os.close(fd)

    def _close(self) -> tuple[Path, int] | None:
        """Let go of the current file, still locked: the next event goes to a new one."""
        with self._open_lock:
            if self._pid != os.getpid():
                return None
            self._pid = 0
            return self._path, self._fd


def _not_noted() -> Unavailable:
    _log.error("audit_not_written")
    return Unavailable(sentence("refusals.not-noted"), headers={"Retry-After": "5"})


def keep_draining(
    journal: Journal, engine: Engine, clock: Callable[[], datetime], stop: threading.Event, seconds: float = 1.0
) -> None:
    """Drain, and seal what came, until `stop` is set, and once more then: the body of one background thread per
    process."""
    while True:
        last = stop.wait(seconds)
        try:
            journal.drain(engine)
            seals.seal(engine)
            seals.note(engine, journal.folder, micros(clock()), now=last)
        except (Unavailable, OSError) as e:
            _log.warning("audit_not_drained", reason=str(e))
        if last:
            return


def keep_handing_over(
    journal: Journal, engine: Engine, clock: Callable[[], datetime], stop: threading.Event,
    seconds: float = 1.0, patience: float = PATIENCE,
) -> None:  # fmt: skip
    """Hand the file over every so many seconds until `stop` is set: the body of one background thread per process
    that serves. What nobody has drained for `patience` seconds, and what is there at its end, it drains and seals."""
    while not stop.wait(seconds):
        try:
            journal.hand_over()
            if journal.waits(patience):
                journal.drain(engine)
                seals.seal(engine)
        except (Unavailable, OSError) as e:
            _log.warning("audit_not_drained", reason=str(e))
    keep_draining(journal, engine, clock, stop)


def _found(mine: tuple[Path, int] | None, others: Iterator[tuple[Path, int] | None]) -> Iterator[tuple[Path, int]]:
    if mine:
        yield mine
    for other in others:
        if other:
            yield other


def _claim(path: Path) -> tuple[Path, int] | None:
    """Lock a file that no living process holds."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if _locked(fd):
        return path, fd
    os.close(fd)
    return None


def _locked(fd: int) -> bool:
    """Whether we could lock the file, and it still has a name."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(fd).st_nlink > 0


def _move(path: Path, fd: int, engine: Engine) -> int:
    try:
        lines = path.read_bytes().splitlines()
        for run in bulk.runs(lines, _BATCH):
            with writing(engine) as conn:
                record(conn, [event for line in run if (event := _parsed(line, path))])
        path.unlink()
        return len(lines)
    finally:
        os.close(fd)


def _parsed(line: bytes, path: Path) -> Event | None:
    """A machine that lost power may leave half a line: nothing can be made of it, but it must be known."""
    try:
        return _decode(line)
    except msgspec.MsgspecError as e:
        _log.error("audit_line_unreadable", file=path.name, reason=str(e), bytes=len(line))
        return None
