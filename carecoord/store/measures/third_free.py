"""How far ahead clinics have their third free slot: looked at once a day, and kept, for a diary tells nothing of how it
was."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Row, bindparam, func, select

from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.measures.tables import third_free
from carecoord.store.referrals.tables import free_slot

_NTH: Final = 3  # the first two are often what somebody has just given back
_t = third_free.c
_slots = (
    select(free_slot.c.starts)
    .where(OneOf(free_slot.c.schedule, "schedules"), free_slot.c.starts >= bindparam("since"))
    .order_by(free_slot.c.starts)
    .limit(_NTH)
)
_kept = select(_t.clinic, _t.day, _t.days).where(
    OneOf(_t.clinic, "clinics"), _t.day.between(bindparam("first"), bindparam("last"))
)
_looked = select(func.count()).where(_t.day == bindparam("day"))


def starts(conn: Connection, schedules: Sequence[str], since: int) -> int | None:
    """When (microseconds) the third free slot of these diaries begins; None where there are not so many."""
    found = list(conn.scalars(_slots, {"schedules": listed(schedules), "since": since}))
    return int(found[-1]) if len(found) == _NTH else None


def looked_at(conn: Connection, day: int) -> bool:
    """Whether it was looked at on this day."""
    return bool(conn.scalar(_looked, {"day": day}))


def put(conn: Connection, rows: Sequence[tuple[str, int, int]]) -> None:
    """Keep (clinic, day, days)."""
    bulk.upsert(conn, third_free, rows)


def between(conn: Connection, clinics: Sequence[str], first: int, last: int) -> list[Row[tuple[str, int, int]]]:
    """What was found of these clinics on these days."""
    return list(conn.execute(_kept, {"clinics": listed(clinics), "first": first, "last": last}))
