"""The EHRs we sync from: what we were told of each, how far reading has come, and each run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from carecoord.errors import Conflict, NotFound
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import driver
from carecoord.store.database.engine import once
from carecoord.store.database.tables import ehr, ehr_cursor, ehr_run, flag, resource
from carecoord.store.ehrs.tables import ehr_delivery, ehr_item
from fhir_adapters.ehr import Ehr

ASKED: Final[driver.Asked] = (select(ehr.c.config).order_by(ehr.c.name), {})  # by `every`
OTHER_RUN = "Another run of this EHR moved on meanwhile; nothing of this page was kept. Let that run finish."


@dataclass(frozen=True)
class Run:
    """One run: counts of resources received, changed here and flagged; `finished` None while it goes on. ungranted: the
    types that the EHR offers and had not granted us."""

    number: int
    ehr: str
    started: datetime
    finished: datetime | None
    received: int
    changed: int
    flagged: int
    error: str | None
    ungranted: tuple[str, ...] = ()


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


def get(conn: Connection, name: str, *, lock: bool = False) -> Ehr:
    """The EHR of this name; lock: as of `staying`. Raises NotFound naming those there are."""
    if lock:
        found = staying(conn, (name,)).get(name)
    else:
        row = conn.execute(select(ehr).where(ehr.c.name == name)).one_or_none()
        found = None if row is None else _ehr(row)
    if found is None:
        others = ", ".join(one.name for one in every(conn)) or "none yet"
        raise NotFound(f"There is no EHR {name!r}; known: {others}. Add it with `carecoord ehr add`.")
    return found


def staying(conn: Connection, names: Collection[str]) -> dict[str, Ehr]:
    """Those of these EHRs that there are, by name. None of them is taken away until the transaction ends: what is noted
    of an EHR is never noted of one that is gone. To be called before anything is noted."""
    if not names:
        return {}
    found = select(ehr).where(ehr.c.name.in_(sorted(names))).order_by(ehr.c.name)
    rows = conn.execute(found.with_for_update(read=True, key_share=True))
    return {one.name: one for one in map(_ehr, rows)}


def leave(conn: Connection, name: str) -> None:
    """Wait for who notes something of an EHR that is to be removed in this transaction, and let nobody begin to."""
    conn.execute(select(ehr.c.name).where(ehr.c.name == name).with_for_update()).all()


def held(conn: Connection, name: str) -> dict[str, int]:
    """How many resources of ours came from this EHR, by type."""
    mine = select(ehr_item.c.type, func.count()).where(ehr_item.c.ehr == name, ehr_item.c.local.is_not(None))
    return {row.type: row[1] for row in conn.execute(mine.group_by(ehr_item.c.type).order_by(ehr_item.c.type))}


def remove(conn: Connection, name: str) -> None:
    """Forget an EHR: what we were told of it, how far reading had come, its runs, what of ours is of it and what it was
    told. The resources themselves, and the conflicts that were settled, stay. To be called after `leave`."""
    for table in (ehr_item, ehr_delivery, ehr_cursor, ehr_run):
        conn.execute(delete(table).where(table.c.ehr == name))
    conn.execute(delete(ehr).where(ehr.c.name == name))


def every(conn: Connection) -> list[Ehr]:
    """All of them, by name."""
    return once(conn, "ehrs", _configured)


def _configured(conn: Connection) -> list[Ehr]:
    return [msgspec.json.decode(config, type=Ehr) for (config,) in driver.every(conn, *ASKED)]


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


def finish_run(conn: Connection, run: int, now: datetime, error: str | None, ungranted: Sequence[str] = ()) -> None:
    """The run is over; `error` says why it did not go through, or nothing; `ungranted` as of `Run`."""
    told = {"finished": micros(now), "error": error, "ungranted": " ".join(ungranted) or None}
    conn.execute(update(ehr_run).where(ehr_run.c.n == run).values(told))


def runs(conn: Connection, name: str, limit: int = 20) -> list[Run]:
    """The latest runs of an EHR, newest first."""
    rows = conn.execute(select(ehr_run).where(ehr_run.c.ehr == name).order_by(ehr_run.c.n.desc()).limit(limit))
    return [_run(row) for row in rows]


def last_good(conn: Connection) -> dict[str, datetime]:
    """When the last run of each EHR ended that went through."""
    ended = select(ehr_run.c.ehr, func.max(ehr_run.c.finished)).where(ehr_run.c.finished.is_not(None))
    rows = conn.execute(ended.where(ehr_run.c.error.is_(None)).group_by(ehr_run.c.ehr))
    return {name: moment(finished) for name, finished in rows}


def _ehr(row: Any) -> Ehr:
    return msgspec.json.decode(row.config, type=Ehr)


def _run(row: Any) -> Run:
    finished = None if row.finished is None else moment(row.finished)
    counts = (row.received, row.changed, row.flagged)
    return Run(row.n, row.ehr, moment(row.started), finished, *counts, row.error, tuple((row.ungranted or "").split()))
