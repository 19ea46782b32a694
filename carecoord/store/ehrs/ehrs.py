"""The EHRs we sync from: what we were told of each, how far reading has come, what was seen there, and each run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from carecoord.errors import Conflict, NotFound
from carecoord.fhir.instants import micros, moment
from carecoord.store.database.tables import ehr, ehr_cursor, ehr_item, ehr_run, flag, resource
from carecoord.store.resources.change import digest
from fhir_adapters.ehr import Ehr

CHUNK = 500  # ids per statement: within every database's limit of bound values
OTHER_RUN = "Another run of this EHR moved on meanwhile; nothing of this page was kept. Let that run finish."


@dataclass(frozen=True)
class Run:
    """One run: counts of resources received, changed here and flagged; `finished` None while it goes on."""

    number: int
    ehr: str
    started: datetime
    finished: datetime | None
    received: int
    changed: int
    flagged: int
    error: str | None


def add(conn: Connection, one: Ehr, now: datetime) -> None:
    """Keep what we were told of an EHR, or tell it anew under the same name.

    Raises Conflict when the name stands for another server: every id we made for it derives from the name.
    """
    row = {"base_url": one.base_url, "dialect": one.dialect, "config": msgspec.json.encode(one)}
    known = conn.execute(select(ehr.c.base_url).where(ehr.c.name == one.name)).scalar()
    if known is None:
        conn.execute(insert(ehr).values(name=one.name, added=micros(now), **row))
        return
    if known != one.base_url and known not in one.aliases:
        raise Conflict(
            f"{one.name} already stands for {known}. Choose another name for {one.base_url}; or, if the same EHR has "
            f"moved there, give {known} as an alias."
        )
    conn.execute(update(ehr).where(ehr.c.name == one.name).values(row))


def get(conn: Connection, name: str) -> Ehr:
    """The EHR of this name. Raises NotFound naming those there are."""
    row = conn.execute(select(ehr).where(ehr.c.name == name)).one_or_none()
    if row is None:
        others = ", ".join(one.name for one in every(conn)) or "none yet"
        raise NotFound(f"There is no EHR {name!r}; known: {others}. Add it with `carecoord ehr add`.")
    return _ehr(row)


def every(conn: Connection) -> list[Ehr]:
    """All of them, by name."""
    return [_ehr(row) for row in conn.execute(select(ehr).order_by(ehr.c.name))]


def cursors(conn: Connection, name: str) -> dict[str, bytes]:
    """How far the reading of each type has come; the state is the adapter's own."""
    rows = conn.execute(select(ehr_cursor.c.type, ehr_cursor.c.state).where(ehr_cursor.c.ehr == name))
    return {type: bytes(state) for type, state in rows}


def move_cursor(conn: Connection, name: str, type: str, before: bytes | None, after: bytes, now: datetime) -> None:
    """Put `after` in the place of `before`, in the transaction of the page that it speaks of.

    Raises Conflict when the cursor is no longer at `before`: then somebody else reads the same EHR.
    """
    row = {"state": after, "updated": micros(now)}
    if before is None:
        try:
            conn.execute(insert(ehr_cursor).values(ehr=name, type=type, **row))
        except IntegrityError as e:
            raise Conflict(OTHER_RUN) from e
        return
    at = (ehr_cursor.c.ehr == name, ehr_cursor.c.type == type, ehr_cursor.c.state == before)
    if conn.execute(update(ehr_cursor).where(*at).values(row)).rowcount != 1:
        raise Conflict(OTHER_RUN)


def see(
    conn: Connection, name: str, type: str, round: int, items: Sequence[tuple[str, datetime | None]]
) -> frozenset[str]:
    """Note that the EHR holds these (its id, its meta.lastUpdated), as seen in this round.

    Returns the ids whose copy is older than one seen in the same round: those must not be stored. Paging and replicas
    may show the older one last.
    """
    seen = _seen(conn, name, type, round, [id for id, _ in items])
    times = {id: micros(updated) if updated else None for id, updated in items}
    stale = frozenset(id for id, updated in times.items() if _older(updated, seen.get(id)))
    fresh = [
        {"ehr": name, "type": type, "id": id, "round": round, "updated": updated}
        for id, updated in sorted(times.items())
        if id not in stale
    ]
    if fresh:
        kind: Any = postgresql if conn.dialect.name == "postgresql" else sqlite
        put = kind.insert(ehr_item)
        changed = {"round": put.excluded.round, "updated": put.excluded.updated}
        keys = [ehr_item.c.ehr, ehr_item.c.type, ehr_item.c.id]
        conn.execute(put.on_conflict_do_update(index_elements=keys, set_=changed), fresh)
    return stale


def same(conn: Connection, type: str, resources: Iterable[dict[str, Any]]) -> frozenset[str]:
    """The ids of those resources that are stored with just this content: there is no need to judge them again."""
    marks = {one["id"]: digest(one) for one in resources}
    found: set[str] = set()
    for chunk in _chunks(list(marks)):
        rows = conn.execute(
            select(resource.c.id, resource.c.hash).where(resource.c.type == type, resource.c.id.in_(chunk))
        )
        found.update(id for id, hash in rows if bytes(hash) == marks[id])
    return frozenset(found)


def forget(conn: Connection, name: str, type: str, ids: Iterable[str]) -> None:
    """The EHR holds these no longer."""
    at = (ehr_item.c.ehr == name, ehr_item.c.type == type)
    for chunk in _chunks(list(ids)):
        conn.execute(delete(ehr_item).where(*at, ehr_item.c.id.in_(chunk)))


def known(conn: Connection, name: str, type: str, after: str, unseen: int | None, limit: int = CHUNK) -> list[str]:
    """Ids of the EHR in byte order after `after`; with `unseen`, only those that were not seen in that round."""
    found = select(ehr_item.c.id).where(ehr_item.c.ehr == name, ehr_item.c.type == type, ehr_item.c.id > after)
    if unseen is not None:
        found = found.where(ehr_item.c.round != unseen)
    return list(conn.scalars(found.order_by(ehr_item.c.id).limit(limit)))


@dataclass(frozen=True)
class Flag:
    """What the rules found in one resource of an EHR, stored all the same. `place`: FHIRPath, or nothing."""

    type: str
    id: str
    source: str
    severity: str
    text: str
    place: str | None


def flags(conn: Connection, one: Ehr, limit: int) -> list[Flag]:
    """What the rules found in what this EHR sent, by type and id, at most so many."""
    columns = (resource.c.type, resource.c.id, resource.c.source, flag.c.severity, flag.c.text, flag.c.expression)
    of_it = or_(*(resource.c.source.startswith(f"{base}/", autoescape=True) for base in one.bases))
    found = select(*columns).join(resource, resource.c.rid == flag.c.rid).where(resource.c.deleted.is_(False), of_it)
    return [Flag(*row) for row in conn.execute(found.order_by(resource.c.type, resource.c.id, flag.c.n).limit(limit))]


def start_run(conn: Connection, name: str, now: datetime) -> int:
    """The number of a new run. A run of this EHR that never came to its end is closed as interrupted."""
    open_runs = update(ehr_run).where(ehr_run.c.ehr == name, ehr_run.c.finished.is_(None))
    conn.execute(open_runs.values(finished=micros(now), error="interrupted"))
    row = {"ehr": name, "started": micros(now), "received": 0, "changed": 0, "flagged": 0}
    return int(conn.execute(insert(ehr_run).values(row).returning(ehr_run.c.n)).scalar_one())


def count(conn: Connection, run: int, received: int, changed: int, flagged: int) -> None:
    """Add a page's numbers to its run."""
    conn.execute(
        update(ehr_run)
        .where(ehr_run.c.n == run)
        .values(
            received=ehr_run.c.received + received,
            changed=ehr_run.c.changed + changed,
            flagged=ehr_run.c.flagged + flagged,
        )
    )


def finish_run(conn: Connection, run: int, now: datetime, error: str | None) -> None:
    """The run is over; `error` says why it did not go through, or nothing."""
    conn.execute(update(ehr_run).where(ehr_run.c.n == run).values(finished=micros(now), error=error))


def runs(conn: Connection, name: str, limit: int = 20) -> list[Run]:
    """The latest runs of an EHR, newest first."""
    rows = conn.execute(select(ehr_run).where(ehr_run.c.ehr == name).order_by(ehr_run.c.n.desc()).limit(limit))
    return [_run(row) for row in rows]


def last_good(conn: Connection) -> dict[str, datetime]:
    """When the last run of each EHR ended that went through."""
    ended = select(ehr_run.c.ehr, func.max(ehr_run.c.finished)).where(ehr_run.c.finished.is_not(None))
    rows = conn.execute(ended.where(ehr_run.c.error.is_(None)).group_by(ehr_run.c.ehr))
    return {name: moment(finished) for name, finished in rows}


def _seen(conn: Connection, name: str, type: str, round: int, ids: list[str]) -> dict[str, int | None]:
    seen: dict[str, int | None] = {}
    at = (ehr_item.c.ehr == name, ehr_item.c.type == type, ehr_item.c.round == round)
    for chunk in _chunks(ids):
        rows = conn.execute(select(ehr_item.c.id, ehr_item.c.updated).where(*at, ehr_item.c.id.in_(chunk)))
        seen.update((id, updated) for id, updated in rows)
    return seen


def _older(updated: int | None, seen: int | None) -> bool:
    return updated is not None and seen is not None and updated < seen


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


def _ehr(row: Any) -> Ehr:
    return msgspec.json.decode(row.config, type=Ehr)


def _run(row: Any) -> Run:
    finished = None if row.finished is None else moment(row.finished)
    return Run(row.n, row.ehr, moment(row.started), finished, row.received, row.changed, row.flagged, row.error)
