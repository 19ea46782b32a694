"""What a database held before it had a log of events: every version of the resources that the log is about, and who
wrote each. Read once, when the log is begun."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, literal, select, union_all

from carecoord.store.audit.tables import audit
from carecoord.store.database import bulk
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new
from carecoord.store.database.tables import setting
from carecoord.store.events.tables import event

_UNWRITTEN = "events_to_write"  # as the migration calls it
_BATCH = 1000  # versions whose bodies are in memory at once
_WRITES = ("create", "update", "delete")

_of_types = new.c.type.in_(bindparam("types", expanding=True))
_keys = union_all(
    select(new.c.updated, new.c.rid, new.c.version, literal(True).label("newest")).where(_of_types),
    select(old.c.updated, old.c.rid, old.c.version, literal(False))
    .join_from(new, old, old.c.rid == new.c.rid)
    .where(_of_types),
)
_these = new.c.rid.in_(bindparam("rids", expanding=True))
_present = select(
    new.c.rid, new.c.version, new.c.type, new.c.id, new.c.updated, new.c.patient, new.c.body
).where(_these)  # fmt: skip
_earlier = (
    select(old.c.rid, old.c.version, new.c.type, new.c.id, old.c.updated, new.c.patient, old.c.body)
    .join_from(new, old, old.c.rid == new.c.rid)
    .where(_these, old.c.updated.between(bindparam("first"), bindparam("last")))
)
_writers = select(
    audit.c.type, audit.c.resource, audit.c.version, audit.c.subject, audit.c.client, audit.c.organization,
    audit.c.request,
).where(audit.c.interaction.in_(_WRITES), audit.c.at.between(bindparam("first"), bindparam("last")))  # fmt: skip
_patients = select(new.c.type, new.c.id, new.c.patient).where(_of_types)
_bodies = (
    select(new.c.rid, new.c.type, new.c.id, new.c.body)
    .where(_of_types, new.c.deleted.is_(False), new.c.rid > bindparam("behind"))
    .order_by(new.c.rid)
    .limit(_BATCH)
)
_begun = select(func.min(event.c.recorded))


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a resource. body: empty where it was deleted. updated: microseconds. newest: no later one follows.
    patient: whom the present version is about. subject, client, organization, request: of whoever wrote it, as far as
    the audit knows."""

    rid: int
    version: int
    type: str
    id: str
    updated: int
    patient: str | None
    body: bytes
    newest: bool
    subject: str | None
    client: str | None
    organization: str | None
    request: str


def unwritten(conn: Connection) -> bool:
    """Whether the past of this database is still to be written into its log."""
    return conn.scalar(select(setting.c.name).where(setting.c.name == _UNWRITTEN)) is not None


def written(conn: Connection) -> None:
    """Say that it is."""
    conn.execute(delete(setting).where(setting.c.name == _UNWRITTEN))


def versions(conn: Connection, types: Sequence[str]) -> Iterator[Version]:
    """Every version of the resources of these types, in the order in which they were written, up to where the log
    begins by itself."""
    begun = conn.scalar(_begun)
    keys = sorted(tuple(row) for row in conn.execute(_keys, {"types": list(types)}))
    known = [key for key in keys if begun is None or key[0] < begun]
    for batch in bulk.runs(known, _BATCH):
        yield from _read(conn, batch)


def patients(conn: Connection, types: Sequence[str]) -> dict[tuple[str, str], str]:
    """Whom each resource of these types is about, by its type and id; empty where it names nobody."""
    return {(type, id): patient or "" for type, id, patient in conn.execute(_patients, {"types": list(types)})}


def bodies(conn: Connection, types: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The present bodies of the resources of these types, each with its `Type/id`."""
    behind = 0
    while rows := conn.execute(_bodies, {"types": list(types), "behind": behind}).fetchall():
        yield from ((f"{type}/{id}", body) for _, type, id, body in rows)
        behind = rows[-1].rid


def _read(conn: Connection, batch: Sequence[tuple[Any, ...]]) -> Iterator[Version]:
    span = {"first": batch[0][0], "last": batch[-1][0]}
    rows = [
        *conn.execute(_present, {"rids": sorted({rid for _, rid, _, newest in batch if newest})}),
        *conn.execute(_earlier, {"rids": sorted({rid for _, rid, _, newest in batch if not newest}), **span}),
    ]
    found = {(row.rid, row.version): row for row in rows}
    by = {tuple(row[:3]): tuple(row[3:]) for row in conn.execute(_writers, span)}
    for _, rid, number, newest in batch:
        row = found[rid, number]
        writer = by.get((row.type, row.id, number), (None, None, None, ""))
        yield Version(rid, number, row.type, row.id, row.updated, row.patient, row.body, bool(newest), *writer)
