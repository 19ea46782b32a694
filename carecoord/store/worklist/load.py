"""How much an office has on its hands, and how late: counts by who has it and by stage, of no patient in particular."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from carecoord.store.database.tables import case as row


@dataclass(frozen=True)
class Load:
    """Open cases that one has, in one stage: those that are awake, of them those whose clock has run out or runs out by
    tonight, and those that rest. `owner`: None for nobody."""

    owner: str | None
    name: str
    stage: str
    awake: int
    overdue: int
    today: int
    resting: int


def loads(conn: Connection, offices: Sequence[str], now: int, tonight: int) -> list[Load]:
    """Every pair of owner and stage that has open cases. now, tonight: microseconds."""
    awake = row.c.wakes_at <= now
    late, due = awake & (row.c.sort_due < now), awake & (row.c.sort_due >= now) & (row.c.sort_due < tonight)
    counts: list[Any] = [func.coalesce(func.sum(case((test, 1), else_=0)), 0) for test in (awake, late, due, ~awake)]
    found = select(row.c.owner, func.max(row.c.owner_name), row.c.stage, *counts)
    asked = found.where(row.c.placer.in_(offices), row.c.open).group_by(row.c.owner, row.c.stage)
    rows = conn.execute(asked.order_by(row.c.owner, row.c.stage)).all()
    return [Load(each[0], each[1] or "", each[2], *map(int, each[3:])) for each in rows]
