"""The table of broken glass: who opened which patient's record in an emergency, why, from when until when, and who has
looked into it since. Times are microseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from carecoord.store.audit.tables import break_glass as table


@dataclass(frozen=True)
class Glass:
    """One breaking of the glass. subject: the person's id. reason: a code of domain.emergency. note: their own words.
    ended: when they closed it themselves, before it expired. reviewed: when the auditor looked into it."""

    id: str
    subject: str
    patient: str
    reason: str
    note: str
    started: int
    expires: int
    ended: int | None = None
    reviewed: int | None = None
    reviewer: str | None = None

    def is_open(self, now: int) -> bool:
        """Whether it still opens the record."""
        return self.ended is None and self.started <= now < self.expires


_columns = tuple(table.c[name] for name in Glass.__dataclass_fields__)
_open = (
    select(*_columns)
    .where(table.c.subject == bindparam("subject"), table.c.expires > bindparam("now"), table.c.ended.is_(None))
    .order_by(table.c.started.desc(), table.c.id)
)


def open_glass(conn: Connection, glass: Glass) -> None:
    """Write it down. One that is open already for the same person and patient stays as it is, and counts too."""
    conn.execute(insert(table).values(**{name: getattr(glass, name) for name in Glass.__dataclass_fields__}))


def current(conn: Connection, subject: str, now: int, patient: str | None = None) -> list[Glass]:
    """What is open for a person at this instant, the latest first; with `patient`, only for that one."""
    found = _rows(conn.execute(_open, {"subject": subject, "now": now}))
    return [glass for glass in found if glass.is_open(now) and patient in (None, glass.patient)]


def ended(conn: Connection, id: str, subject: str, now: int) -> bool:
    """Close one before its time; only its own person can. False when there is none that is open."""
    own = (table.c.id == id) & (table.c.subject == subject) & table.c.ended.is_(None) & (table.c.expires > now)
    return conn.execute(update(table).where(own).values(ended=now)).rowcount > 0


def find(conn: Connection, id: str) -> Glass | None:
    """One by its id, open or not."""
    return next(iter(_rows(conn.execute(select(*_columns).where(table.c.id == id)))), None)


def listed(
    conn: Connection,
    size: int,
    *,
    before: tuple[int, str] | None = None,
    unreviewed: bool = False,
    patient: str | None = None,
    subject: str | None = None,
) -> list[Glass]:
    """For the auditor, the latest first: at most `size`, those before the (started, id) of the last of the page above,
    only those that nobody looked into, only of one patient or one person."""
    query = select(*_columns).order_by(table.c.started.desc(), table.c.id.desc()).limit(size)
    if before:
        earlier = (table.c.started < before[0]) | ((table.c.started == before[0]) & (table.c.id < before[1]))
        query = query.where(earlier)
    if unreviewed:
        query = query.where(table.c.reviewed.is_(None))
    if patient is not None:
        query = query.where(table.c.patient == patient)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    return _rows(conn.execute(query))


def review(conn: Connection, id: str, reviewer: str, now: int) -> bool:
    """Note who looked into it; the first one stays. False when there is none of that id that waits for it, or when it
    is the reviewer's own: nobody signs off what they did themselves."""
    waiting = (table.c.id == id) & table.c.reviewed.is_(None) & (table.c.subject != reviewer)
    return conn.execute(update(table).where(waiting).values(reviewed=now, reviewer=reviewer)).rowcount > 0


def _rows(found: Any) -> list[Glass]:
    rows: Sequence[Any] = found.all()
    return [Glass(*row) for row in rows]
