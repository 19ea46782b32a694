"""The one door that changes resources: version, history, search index, worklist, outbox and audit in one transaction.

Clauses: FHIR R4 http.html#create, #update, #delete, #concurrency; resource.html#Meta.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from carecoord.errors import Conflict, Stale
from carecoord.fhir.etag import AnyOf, Expected, holds
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.audit import events as audit_events
from carecoord.store.database import bulk, driver, outbox, refusals
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.joins import listed_pairs, paired
from carecoord.store.database.tables import flag, history, resource
from carecoord.store.resources import index_rows
from carecoord.store.resources.change import (
    Actor,
    AppliedChange,
    Change,
    Later,
    StoredResource,
    Touched,
    Written,
    carry_out,
    digest,
    with_source,
)

__all__ = ["Actor", "Change", "Later", "Projector", "Touched", "Written", "put", "put_all"]

_RUN = 400  # keys in one statement; both databases bound the number of parameters
_CONTENT = ("version", "updated", "source", "hash", "body", "method")  # of `resource`: what a new version changes
_STATUS = {"created": ("create", 201), "updated": ("update", 200), "deleted": ("delete", 204)}

Projector = Callable[[Connection, Sequence[Touched], datetime], None]


def put(conn: Connection, change: Change, *, now: datetime, actor: Actor, base: Base, project: Projector) -> Written:
    """put_all of one change."""
    return put_all(conn, [change], now=now, actor=actor, base=base, project=project)[0]


def put_all(
    conn: Connection, changes: Sequence[Change], *, now: datetime, actor: Actor, base: Base, project: Projector
) -> list[Written]:
    """Make every change, in the caller's transaction, and return what became of each, in their order.

    Sets id, meta.versionId and meta.lastUpdated and leaves the rest as given. A change to what is stored already
    does nothing at all: no version, no audit; where it comes from (meta.source) stays as it is unless another is given.
    The same resource twice is two changes, one after the other.
    Raises Stale where `expected` is not the present version, Conflict where somebody else created the same resource
    at the same moment; the caller's transaction must then be given up.
    """
    at = micros(now)
    results: dict[int, Written] = {}
    touched: list[Touched] = []
    for once in _passes(changes):
        applied, same = _decide(conn, {n: changes[n] for n in once}, at, base)
        flagged = _store(conn, list(applied.values()), actor)
        results |= {n: each.written() for n, each in applied.items()} | _unchanged(changes, same, at)
        touched += [each.touched(actor, each.rid in flagged) for each in applied.values()]
    if touched:
        project(conn, touched, now)
    return [results[n] for n in range(len(changes))]


def _passes(changes: Sequence[Change]) -> Iterator[list[int]]:
    """The places of the changes, in passes that have each resource once: nearly always a single one."""
    left = list(range(len(changes)))
    while left:
        seen: set[tuple[str, str]] = set()
        later: list[int] = []
        now: list[int] = []
        for n in left:
            key = (changes[n].type, changes[n].id)
            (later if key in seen else now).append(n)
            seen.add(key)
        yield now
        left = later


def _decide(
    conn: Connection, changes: dict[int, Change], at: int, base: Base
) -> tuple[dict[int, AppliedChange], dict[int, StoredResource | None]]:
    """Tell the changes that change something from those that find everything as it should be."""
    keys = sorted({(change.type, change.id) for change in changes.values()})
    new = len(keys) if all(change.method == "POST" for change in changes.values()) else 0
    with driver.foreseen(conn, [*_asked(keys), (_next, {"count": new})] if new else ()):
        stored = _stored(conn, keys)
        fresh = _numbers(conn, sum((c.type, c.id) not in stored for c in changes.values() if c.resource is not None))
    applied: dict[int, AppliedChange] = {}
    same: dict[int, StoredResource | None] = {}
    for n, change in changes.items():
        known = stored.get((change.type, change.id))
        _check(change, known)
        change = with_source(change, known)
        mark = digest(change.resource)
        if known.hash == mark if known else change.resource is None:
            same[n] = known
        else:
            applied[n] = carry_out(change, known, known.rid if known else next(fresh), mark, at, base)
    return applied, same


def _unchanged(changes: Sequence[Change], same: dict[int, StoredResource | None], at: int) -> dict[int, Written]:
    """Answers for what stays: as it is stored, or version 0 for what was to be deleted and never was."""
    return {
        n: Written(known.type, known.id, known.version, known.updated, "unchanged", known.body)
        if known
        else Written(changes[n].type, changes[n].id, 0, at, "unchanged", b"")
        for n, known in same.items()
    }


def _check(change: Change, known: StoredResource | None) -> None:
    wanted = change.expected
    if wanted is None or holds(
        wanted, known.version if known and not (known.deleted and isinstance(wanted, AnyOf)) else None
    ):
        return
    raise stale(change.type, change.id, wanted, known.version if known else None)


def stale(type: str, id: str, expected: Expected, version: int | None = None) -> Stale:
    """A resource is not at the version expected. version: at which it is; None where it is not there."""
    present = f"is at version {version}" if version is not None else "does not exist"
    return Stale(
        f"{type}/{id} {present}, not at version {expected}: somebody changed it first. "
        "Read it again, and repeat the change on what is there now.",
        where="http.If-Match",
    )


_wanted = (*(resource.c[name] for name in StoredResource.__dataclass_fields__),)
_one = select(*_wanted).where(resource.c.type == bindparam("type"), resource.c.id == bindparam("id")).with_for_update()
_many = (  # everybody locks in one order, so nobody waits in a circle
    paired(_wanted, resource, "type", "id", locked=True)
    .order_by(resource.c.type, resource.c.id)
    .with_for_update(of=resource)
)
_last = select(func.max(resource.c.rid))
_next = select(func.nextval("resource_rid_seq")).select_from(func.generate_series(1, bindparam("count")))
_columns = ("rid", "version", "updated", "deleted", "body", "method")
_keep = insert(history).from_select(
    _columns,
    select(*(resource.c[name] for name in _columns)).where(OneOf(resource.c.rid, "rids")),
)


def _stored(conn: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], StoredResource]:
    """What is stored under these keys, which are sorted, and locked from now on."""
    found = [row for each in _asked(keys) for row in driver.every(conn, *each)]
    return {(known.type, known.id): known for known in (_known(row) for row in found)}


def _asked(keys: Sequence[tuple[str, str]]) -> list[driver.Asked]:
    if len(keys) == 1:
        ((type, id),) = keys
        return [(_one, {"type": type, "id": id})]
    return [(_many, {"pairs": listed_pairs(run)}) for run in bulk.runs(keys, _RUN)]


def _known(row: tuple[Any, ...]) -> StoredResource:
    """Of a row as the driver gives it: SQLite has no booleans."""
    rid, type, id, version, updated, deleted, *rest = row
    return StoredResource(rid, type, id, version, updated, bool(deleted), *rest)


def _numbers(conn: Connection, count: int) -> Iterator[int]:
    """New row numbers. SQLite has one writer at a time, so the next ones are free; PostgreSQL counts in a sequence."""
    if not count:
        return iter(())
    if conn.dialect.name == "sqlite":
        ((last,),) = driver.every(conn, _last, {})
        return iter(range((last or 0) + 1, (last or 0) + 1 + count))
    return iter(sorted(number for (number,) in driver.every(conn, _next, {"count": count})))


def _store(conn: Connection, applied: Sequence[AppliedChange], actor: Actor) -> set[int]:
    """Put it all away; returns which of them (rid) were flagged before."""
    if not applied:
        return set()
    before = [each.rid for each in applied if each.known]
    standing = index_rows.standing(conn, before)
    flagged = index_rows.flagged(standing)
    try:
        with bulk.together(conn):
            for run in bulk.runs(before, _RUN):
                bulk.execute(conn, _keep, {"rids": listed(run)})
            bulk.insert(conn, resource, [_row(each) for each in applied if each.known is None])
            known = [each for each in applied if each.known]
            bulk.upsert(conn, resource, [_row(each) for each in known if not _stays(each)])
            bulk.change(conn, resource, _CONTENT, [_content(each) for each in known if _stays(each)])
            _flag(conn, applied, sorted(flagged))
            index_rows.keep(conn, [(each.rid, each.index) for each in applied], standing)
            audit_events.record(conn, [_event(each, actor) for each in applied])
    except refusals.of_psycopg("UniqueViolation") as e:
        raise Conflict("Somebody else created the same resource at the same moment. Send the request again.") from e
    jobs = (job for each in applied for job in each.change.later)
    for job in sorted(jobs, key=lambda job: (job.kind, job.key)):  # in one order everywhere: each may wait for a lock
        outbox.add(conn, job.kind, job.key, job.payload, job.due_at)
    return flagged


def _flag(conn: Connection, applied: Sequence[AppliedChange], before: Sequence[int]) -> None:
    bulk.remove(conn, flag, before)
    found = [(each.rid, each.change.flags) for each in applied if each.index]
    rows = [(rid, n, i.severity, i.code, i.text, i.where) for rid, issues in found for n, i in enumerate(issues)]
    bulk.insert(conn, flag, rows)


def _stays(each: AppliedChange) -> bool:
    """Whether a resource was there, is there still, and is about whom it was about: then a new version touches none of
    the indexes of its row but that of the time."""
    known = each.known
    return known is not None and known.deleted == (each.index is None) and known.patient == each.patient


def _content(each: AppliedChange) -> bulk.Values:
    return (each.rid, each.version, each.updated, each.source, each.hash, each.body, each.method)


def _row(each: AppliedChange) -> bulk.Values:
    """In the order of the columns of `resource`."""
    change, gone = each.change, each.index is None
    place = (each.rid, change.type, change.id, each.version, each.updated, gone)
    return (*place, each.patient, each.source, each.hash, each.body, each.method)


def _event(each: AppliedChange, actor: Actor) -> audit_events.Event:
    interaction, status = _STATUS[each.outcome]
    return audit_events.Event(
        at=each.updated,
        request=actor.request,
        interaction=interaction,
        status=status,
        subject=actor.subject,
        client=actor.client,
        organization=actor.organization,
        type=each.change.type,
        resource=each.change.id,
        version=each.version,
        patient=each.patient,
        launch=actor.launch,
        emergency=actor.emergency,
    )
