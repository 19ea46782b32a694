"""The log of what happened: one place appends to it, and everybody who follows it has a cursor of their own.

A cursor is the number of the last event that was read. PostgreSQL gives out numbers before commits, so a lower one may
become visible after a higher one; whoever had gone past would never see it. Therefore each transaction that appends
first takes a shared advisory lock whose key says below which number it will add nothing, and holds it until it has
ended. `horizon` looks which are held: up to there nothing will come any more. Nobody waits for anybody. SQLite has one
writer at a time, so its numbers are in the order of the commits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, bindparam, func, select, text

from carecoord.store.database import bulk, driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.engine import reading
from carecoord.store.database.joins import listed_pairs, paired
from carecoord.store.events.tables import event

_CLASS = 0x65766E74  # of the advisory locks that say from which number on a transaction appends
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. at: when it happened, recorded: when we learnt of it, microseconds. said: the FHIR date or dateTime
    that `at` was read from; None where nobody says when, and `at` is `recorded`. subject: who, `ehr:name` for an EHR.
    case_id: the order's id. before, state: codes of the kind. type, resource, version: what was changed. reason: in the
    words of whoever gave one. payload: what a sentence about it needs. n: its number, once it is in the log."""

    at: int
    said: str | None
    recorded: int
    subject: str | None
    client: str | None
    organization: str | None
    request: str | None
    patient: str | None
    case_id: str | None
    kind: str
    before: str
    state: str
    type: str
    resource: str
    version: int
    reason: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    n: int = 0


_NAMES = tuple(column.name for column in event.columns if column.name != "n")
_values: Callable[[Entry], tuple[Any, ...]] = attrgetter(*_NAMES[:-1])
_FIELDS = (*_NAMES, "n")
_columns = tuple(event.c[name] for name in _FIELDS)
_all = select(*_columns).order_by(event.c.n)
_next = _all.where(event.c.n > bindparam("cursor"), event.c.n <= bindparam("horizon")).limit(bindparam("limit"))
_of_case = _next.where(event.c.case_id == bindparam("case_id"))
_of_patient = _next.where(event.c.patient == bindparam("patient"))
_newest = select(func.max(event.c.n))
_of_cases = select(*_columns).where(OneOf(event.c.case_id, "ids")).order_by(event.c.n)
_of_patients = (
    select(*_columns).where(OneOf(event.c.patient, "ids"), event.c.kind == bindparam("kind")).order_by(event.c.n)
)
_patients = select(event.c.patient).where(event.c.kind == bindparam("kind"), event.c.patient.is_not(None)).distinct()
_of_resources = paired(_columns, event, "type", "resource")
# A sequence that nobody has called says the number that it will give next, afterwards the one it gave last.
_given = "(SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM event_n_seq)"
_announce = text(f"SELECT pg_advisory_xact_lock_shared({_CLASS}, ({_given} & 2147483647)::int)")
_last = text(f"SELECT {_given}")
_announced = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted "  # noqa: S608
    f"AND classid = {_CLASS} AND objsubid = 2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HALF = 2**30  # a key holds the last 31 bits of a number: the nearest one to the last number given is meant
_EVERYTHING = 2**62


def append(conn: Connection, entries: Sequence[Entry]) -> None:
    """Put events at the end of the log, in their order and in the caller's transaction."""
    if not entries:
        return
    if conn.dialect.name == "postgresql":
        driver.execute(conn, _announce, {})
    bulk.add(conn, event, [_row(each) for each in entries])


def horizon(engine: Engine) -> int:
    """Up to which number the log is settled: who begins to read now sees every event that it will ever have there."""
    if engine.dialect.name == "sqlite":
        return _EVERYTHING
    with reading(engine) as conn:  # neither sequences nor locks are part of the state that a transaction sees
        last = int(conn.scalar(_last) or 0)  # before the locks are looked at: who takes one later appends above it
        below = [last + ((int(low) - last + _HALF) % (2 * _HALF)) - _HALF for low in conn.scalars(_announced)]
    return min([last, *below])


def after(engine: Engine, cursor: int, limit: int) -> list[Entry]:
    """Up to `limit` events above a number, in order. None is ever added at or below one that this has returned."""
    return _settled(engine, _next, {"cursor": cursor, "limit": limit})


def of_case(engine: Engine, case_id: str, cursor: int, limit: int) -> list[Entry]:
    """The same, of one case: the id of its order."""
    return _settled(engine, _of_case, {"case_id": case_id, "cursor": cursor, "limit": limit})


def of_patient(engine: Engine, patient: str, cursor: int, limit: int) -> list[Entry]:
    """The same, of one patient: an id."""
    return _settled(engine, _of_patient, {"patient": patient, "cursor": cursor, "limit": limit})


def of_resources(conn: Connection, references: Iterable[str]) -> list[Entry]:
    """Every event of these resources, `Type/id`, as far as the connection sees, in order. An event that concerns
    several cases is returned once for each."""
    pairs = sorted((type, id) for type, _, id in (each.partition("/") for each in set(references)))
    found = driver.every(conn, _of_resources, {"pairs": listed_pairs(pairs)}) if pairs else []
    return [_entry(row) for row in sorted(found, key=itemgetter(-1))]


def newest(conn: Connection) -> int:
    """The number of the last event that the connection sees; 0 where there is none."""
    return int(conn.scalar(_newest) or 0)


def of_cases(conn: Connection, ids: Sequence[str]) -> dict[str, list[Entry]]:
    """Every event of each of these cases, as far as the connection sees, in order."""
    found: dict[str, list[Entry]] = {id: [] for id in ids}
    for row in driver.every(conn, _of_cases, {"ids": listed(ids)}):
        one = _entry(row)
        found[one.case_id or ""].append(one)
    return found


def of_patients(conn: Connection, ids: Sequence[str], kind: str) -> dict[str, list[Entry]]:
    """Every event of a kind of each of these patients, as far as the connection sees, in order; an event that concerns
    several cases is there once for each."""
    found: dict[str, list[Entry]] = {id: [] for id in ids}
    for row in driver.every(conn, _of_patients, {"ids": listed(ids), "kind": kind}):
        one = _entry(row)
        found[one.patient or ""].append(one)
    return found


def patients(conn: Connection, kind: str) -> list[str]:
    """Of whom there are events of a kind: their ids, in order."""
    return sorted(str(each) for each in conn.scalars(_patients, {"kind": kind}))


def _settled(engine: Engine, query: Select[Any], asked: dict[str, Any]) -> list[Entry]:
    edge = horizon(engine)  # in a transaction before the one that reads: what has ended by now, that one sees
    with reading(engine) as conn:
        return [_entry(row) for row in conn.execute(query, {**asked, "horizon": edge})]


def _row(entry: Entry) -> tuple[Any, ...]:
    values = _values(entry)
    if any(value.__class__ is str and "\0" in value for value in values):  # which PostgreSQL can not hold
        values = tuple(value.replace("\0", "") if isinstance(value, str) else value for value in values)
    return (*values, _encode(entry.payload).decode())


def _entry(row: Sequence[Any]) -> Entry:
    said: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    return Entry(**{**said, "payload": _decode(said["payload"])})
