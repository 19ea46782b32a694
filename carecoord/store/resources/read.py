"""Reading resources: rows of bytes exactly as they are served, by type and id, version, patient, instant.

Clauses: FHIR R4 http.html#read, #vread, #history.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, and_, bindparam, func, select, union_all

from carecoord.errors import Issue
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.bulk import runs
from carecoord.store.database.driver import Asked, every, first
from carecoord.store.database.joins import listed_pairs, paired
from carecoord.store.database.tables import flag, ix_reference
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new

_RUN = 400  # references in one statement
_LAST = 2**31 - 1
COLUMNS = (new.c.rid, new.c.type, new.c.id, new.c.version, new.c.updated, new.c.deleted, new.c.body, new.c.patient)
OLD = (old.c.rid, new.c.type, new.c.id, old.c.version, old.c.updated, old.c.deleted, old.c.body, new.c.patient)
LISTED, OLD_LISTED = (*COLUMNS, new.c.method), (*OLD, old.c.method)  # as a history tells of versions


@dataclass(frozen=True, slots=True)
class Row:
    """A version of a resource. rid: the store's own number of it. updated: microseconds. body: JSON as it is served,
    empty when deleted. patient: the id of the one patient that the present version is about. method: of the request
    that made the version, where it was asked for and noted."""

    rid: int
    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    body: bytes
    patient: str | None = None
    method: str | None = field(default=None, compare=False)  # few reads ask for it


def rows(found: Iterable[Any]) -> list[Row]:
    """The rows of a statement that selects COLUMNS, or LISTED."""
    return [Row(*row) for row in found]


def driven(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    """The same of a statement that went straight to the driver, to which SQLite has no booleans."""
    return [
        Row(rid, type, id, version, updated, bool(deleted), body, patient)
        for rid, type, id, version, updated, deleted, body, patient in found
    ]


def _at(which: ColumnElement[bool]) -> CompoundSelect[Any]:
    """The versions that were the present ones at the instant `at`, of resources that existed then."""
    earlier = old.alias()
    last = select(func.max(earlier.c.version)).where(earlier.c.rid == new.c.rid, earlier.c.updated <= bindparam("at"))
    before = select(*OLD).join_from(new, old, and_(old.c.rid == new.c.rid, old.c.version == last.scalar_subquery()))
    return union_all(
        select(*COLUMNS).where(which, new.c.updated <= bindparam("at")),
        before.where(which, new.c.updated > bindparam("at")),
    )


_this = and_(new.c.type == bindparam("type"), new.c.id == bindparam("id"))
_past = select(*OLD).join_from(new, old, old.c.rid == new.c.rid).where(_this)
_get = select(*COLUMNS).where(_this)
_version = union_all(
    _get.where(new.c.version == bindparam("version")), _past.where(old.c.version == bindparam("version"))
)
_history = union_all(
    select(*LISTED).where(_this, new.c.version < bindparam("before")),
    select(*OLD_LISTED).join_from(new, old, old.c.rid == new.c.rid).where(_this, old.c.version < bindparam("before")),
)
_newest = _history.order_by(_history.selected_columns.version.desc()).limit(bindparam("count"))
_as_of = _at(_this)

_mine = and_(new.c.patient == bindparam("patient"), OneOf(new.c.type, "types"))
_of_patient = select(*COLUMNS).where(_mine, new.c.deleted.is_(False)).order_by(new.c.type, new.c.rid)
_of_patient_then = _at(_mine)
_theirs = and_(OneOf(new.c.patient, "patients"), OneOf(new.c.type, "types"))
_of_patients = select(*COLUMNS).where(_theirs, new.c.deleted.is_(False)).order_by(new.c.type, new.c.rid)

_many = paired(COLUMNS, new, "type", "id")
_versions = paired((new.c.type, new.c.id, new.c.version), new, "type", "id")
_many_then = _at(and_(new.c.type == bindparam("type"), OneOf(new.c.id, "ids")))

# The index is read first and the resources by their number: joined, the planner may choose otherwise.
_pointing = select(ix_reference.c.rid).where(
    ix_reference.c.key == bindparam("key"),
    ix_reference.c.id == bindparam("id"),
    ix_reference.c.url == "",
    ix_reference.c.type == bindparam("type"),
)
_referring = select(*COLUMNS).where(new.c.rid.in_(_pointing)).order_by(new.c.rid)
_numbered = select(*COLUMNS).where(OneOf(new.c.rid, "rids")).order_by(new.c.rid)
_flags = select(flag.c.severity, flag.c.code, flag.c.text, flag.c.expression).where(flag.c.rid == bindparam("rid"))


def get(conn: Connection, type: str, id: str) -> Row | None:
    """The present version, a deleted one too; None if there never was one. One statement."""
    found = first(conn, _get, {"type": type, "id": id})
    if found is None:
        return None
    rid, type, id, number, updated, deleted, body, patient = found
    return Row(rid, type, id, number, updated, bool(deleted), body, patient)


def version(conn: Connection, type: str, id: str, number: int) -> Row | None:
    """That version, which may be the present one or a deletion; None if there is none of that number."""
    found = conn.execute(_version, {"type": type, "id": id, "version": number}).fetchone()
    return Row(*found) if found else None


def history(conn: Connection, type: str, id: str, count: int, before: int | None = None) -> list[Row]:
    """Up to `count` versions below number `before`, newest first, deletions among them."""
    below = _LAST if before is None else before
    return rows(conn.execute(_newest, {"type": type, "id": id, "before": below, "count": count}))


def as_of(conn: Connection, type: str, id: str, micros: int) -> Row | None:
    """The version that was the present one at that instant, perhaps a deletion; None if it did not exist yet."""
    found = conn.execute(_as_of, {"type": type, "id": id, "at": micros}).fetchone()
    return Row(*found) if found else None


def of_patient(conn: Connection, patient: str, types: Iterable[str], as_of: int | None = None) -> list[Row]:
    """Every resource of these types that is about this patient (its id), now or at an instant, by type and age."""
    statement, values = asked_of(patient, types)
    if as_of is None:
        return driven(every(conn, statement, values))
    return _alive(every(conn, _of_patient_then, {**values, "at": as_of}))


def asked_of(patient: str, types: Iterable[str]) -> Asked:
    """What `of_patient` asks, and `of_patients` of a single one: now."""
    return _of_patient, {"patient": patient, "types": listed(list(types))}


def of_patients(
    conn: Connection, patients: Sequence[str], types: Iterable[str], as_of: int | None = None
) -> dict[str, list[Row]]:
    """The same of each of these patients: now, by one statement."""
    if as_of is not None or len(patients) == 1:
        return {patient: of_patient(conn, patient, types, as_of) for patient in patients}
    found: dict[str, list[Row]] = {patient: [] for patient in patients}
    for row in driven(every(conn, _of_patients, {"patients": listed(patients), "types": listed(list(types))})):
        found[row.patient or ""].append(row)
    return found


def many(conn: Connection, refs: Iterable[tuple[str, str]], as_of: int | None = None) -> list[Row]:
    """The resources with these (type, id), now or at an instant, by type and age; those that are not there are left
    out."""
    wanted = sorted(set(refs))
    if as_of is None:
        return _alive(every(conn, _many, {"pairs": listed_pairs(wanted)})) if wanted else []
    found: list[Row] = []
    for type, pairs in groupby(wanted, key=lambda ref: ref[0]):
        for run in runs([id for _, id in pairs], _RUN):
            found += _alive(every(conn, _many_then, {"type": type, "ids": listed(run), "at": as_of}))
    return found


def numbered(conn: Connection, rids: Iterable[int]) -> list[Row]:
    """The resources of these row numbers, deleted ones too, by age."""
    found = (every(conn, _numbered, {"rids": listed(run)}) for run in runs(sorted(set(rids)), _RUN))
    return [row for each in found for row in driven(each)]


def versions(conn: Connection, refs: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """The present version of each of the resources with these (type, id), without its body; those that never were are
    left out."""
    wanted = sorted(set(refs))
    if not wanted:
        return []
    return [(type, id, n) for type, id, n in every(conn, _versions, {"pairs": listed_pairs(wanted)})]


def referring(conn: Connection, key: int, type: str, id: str) -> list[Row]:
    """Every resource that refers to type/id by the search parameter of that key (fhir.params.key), oldest first."""
    return driven(every(conn, _referring, {"key": key, "type": type, "id": id}))


def flags(conn: Connection, rid: int) -> list[Issue]:
    """What the rules found wrong in a resource that was stored all the same."""
    return [Issue(*row) for row in conn.execute(_flags.order_by(flag.c.n), {"rid": rid})]


def _alive(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    return sorted((row for row in driven(found) if not row.deleted), key=lambda row: (row.type, row.rid))
