"""The chain of seals over the audit: what was written down can not be changed, removed or slipped in unnoticed.

Each row of the audit gets, soon after its commit, the next seal: sha256(hash of the seal before | the row with every
patient whom it shows). Seals are numbered 1, 2, 3 … in the order of sealing, which need not be that of the rows:
PostgreSQL gives out numbers before commits. What may still come below a number is told by `_settled`: once every
transaction has ended that could hold a lower number, whoever turns up there was slipped in and never gets a seal.

The head of the chain is kept in the table `setting` and, now and then, in a file beside the journal, so that nobody
who holds the database alone can cut the chain off, or make it anew, without the file telling.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.store.audit.tables import audit, audit_patient, audit_seal
from carecoord.store.database import bulk, private_files
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.database.tables import setting

BATCH = 1000  # rows in one transaction: others who write wait for no more than that
MOST = 20_000  # rows in one go: the journal waits meanwhile
FILE = "heads.log"
NOTED_EVERY = 600_000_000  # microseconds between two heads in the file …
NOTED_AFTER = 10_000  # … or so many seals
GENESIS = hashlib.sha256(b"carecoord audit").digest()  # what stands before the first seal

_HEAD = "audit_head"
_RUN = 400
_lock = threading.Lock()  # one sealer in this process at a time: the others would only wait for the database
_encode = msgspec.json.Encoder().encode
_ordered = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Head:
    """The end of the chain: the last seal (0: none), its hash. settled: every row up to that number has its seal, or
    never will. PostgreSQL: `next` is settled as soon as every transaction before number `until` has ended; `until` 0
    says that it is to be asked at the next sealing."""

    seal: int = 0
    hash: bytes = GENESIS
    settled: int = 0
    next: int = 0
    until: int = 0


@dataclass(frozen=True)
class Noted:
    """A head in the file: when (microseconds), which seal, its hash. restored: somebody said that the database had been
    put back to here from a backup; the heads that were noted behind it are not looked for any more."""

    at: int
    seal: int
    hash: str
    restored: bool = False


_columns = tuple(audit.columns)
NAMES = tuple(column.name for column in _columns)
_unsealed = (
    select(*_columns)
    .where(audit.c.n > bindparam("above"))
    .where(~select(audit_seal.c.n).where(audit_seal.c.n == audit.c.n).exists())
    .order_by(audit.c.n)
    .limit(bindparam("limit"))
)
_patients = select(audit_patient.c.n, audit_patient.c.patient).where(
    audit_patient.c.n.in_(bindparam("rows", expanding=True))
)
_last = select(func.max(audit.c.n))
_RUNNING = text("SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s) FROM txid_current_snapshot() s")
_decode_head = msgspec.json.Decoder(Head).decode
_decode_noted = msgspec.json.Decoder(Noted).decode


def digest(before: bytes, row: Sequence[Any], patients: Sequence[str]) -> bytes:
    """The hash of the seal of an audit row (its columns in the table's order) after the seal whose hash is `before`.
    What is empty is left out, so that a column added one day changes no old hash."""
    whole = {name: value for name, value in zip(NAMES, row, strict=True) if value is not None}
    return hashlib.sha256(before + _ordered([whole, sorted(patients)])).digest()


def head(conn: Connection) -> Head:
    """The end of the chain, as the database tells it."""
    kept = conn.execute(select(setting.c.value).where(setting.c.name == _HEAD)).scalar()
    return _decode_head(bytes(kept)) if kept is not None else Head()


def seal(engine: Engine, most: int = MOST) -> int:
    """Seal what has no seal yet, up to `most` rows; returns how many. Raises Unavailable when the database is."""
    done, after = 0, 0
    with _lock:
        while done < most and _is_due(engine):
            with writing(engine) as conn:
                alone(conn, "audit seals")
                rows = _seal_batch(conn, after)
            done += len(rows)
            if len(rows) < BATCH:
                break
            after = rows[-1]
    return done


def note(engine: Engine, folder: Path, at: int, now: bool = False) -> bool:
    """Write the head into the folder's file when it has gone on long enough since the last time (`now`: when it has
    gone on at all). at: microseconds. Returns whether it did."""
    with reading(engine) as conn:
        present = head(conn)
    last = next(iter(_tail(folder)), Noted(0, 0, ""))
    gone_on = present.seal - last.seal
    if gone_on <= 0 or not (now or gone_on >= NOTED_AFTER or at - last.at >= NOTED_EVERY):
        return False
    append(folder, Noted(at, present.seal, present.hash.hex()))
    return True


def append(folder: Path, noted: Noted) -> None:
    """Write a head at the end of the folder's file, through to the disk."""
    private_files.make_folder(folder)
    fd = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(fd, _encode(noted) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def noted(folder: Path) -> list[Noted]:
    """The heads in the folder's file that count, oldest first: without those behind a head to which the database was
    put back later. Raises ValueError for a file that was tampered with."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    try:
        heads = [_decode_noted(line) for line in lines]
    except msgspec.MsgspecError as e:
        raise ValueError(f"{folder / FILE} can not be read: {e}") from e
    kept: list[Noted] = []
    for head in heads:
        if head.restored:
            kept = [one for one in kept if one.seal <= head.seal]
        kept.append(head)
    return kept


def patients_of(conn: Connection, rows: Sequence[int]) -> dict[int, list[str]]:
    """The patients of those of these audit rows that showed several."""
    found: dict[int, list[str]] = {}
    for run in bulk.runs(rows, _RUN):
        for n, patient in conn.execute(_patients, {"rows": run}):
            found.setdefault(n, []).append(patient)
    return found


def _is_due(engine: Engine) -> bool:
    """Whether there is anything to seal, or a number to settle: asked without the write lock."""
    with reading(engine) as conn:
        present = head(conn)
        return bool((conn.scalar(_last) or 0) > present.settled)


def _seal_batch(conn: Connection, after: int) -> list[int]:
    """Seal the next rows above a number; returns theirs."""
    present = head(conn)
    rows = conn.execute(_unsealed, {"above": max(present.settled, after), "limit": BATCH}).all()
    numbers = [row.n for row in rows]
    shown = patients_of(conn, numbers)
    number, hash, seals = present.seal, present.hash, []
    for row in rows:
        number, hash = number + 1, digest(hash, row, shown.get(row.n, ()))
        seals.append((number, row.n, hash))
    bulk.insert(conn, audit_seal, seals)
    last = numbers[-1] if len(rows) == BATCH else conn.scalar(_last) or 0
    kept = _settled(conn, replace(present, seal=number, hash=hash), last)
    if kept != present:
        _keep(conn, kept)
    return numbers


def _settled(conn: Connection, present: Head, last: int) -> Head:
    """The head with what can be settled by now, of the numbers up to `last`. SQLite has one writer at a time: all are.
    PostgreSQL gives a number to a transaction that may commit later: they are once all those have ended that ran a
    while after the number was seen."""
    if conn.dialect.name == "sqlite":
        return replace(present, settled=last)
    if present.next <= present.settled:
        return replace(present, next=last, until=0)
    oldest, newest = conn.execute(_RUNNING).one()
    if present.until == 0:  # asked one round later: by now whoever took a lower number has begun to write
        return replace(present, until=newest)
    return replace(present, settled=present.next, until=0) if oldest >= present.until else present


def _keep(conn: Connection, head: Head) -> None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(setting).values(name=_HEAD, value=_encode(head))
    conn.execute(
        statement.on_conflict_do_update(index_elements=[setting.c.name], set_={"value": statement.excluded.value})
    )


def _tail(folder: Path) -> Iterator[Noted]:
    """The last head in the file, if there is one that can be read."""
    try:
        with (folder / FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1000))
            line = file.read().splitlines()[-1:]
    except FileNotFoundError:
        return
    for text_ in line:
        try:
            yield _decode_noted(text_)
        except msgspec.MsgspecError:
            return
