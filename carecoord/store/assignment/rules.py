"""The rules by which offices give new work away, kept and read; and the referrals that they are tried on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from carecoord.store.assignment.tables import assignment_rule as table
from carecoord.store.database.driver import every
from carecoord.store.database.tables import case

DRAFT: Final = "draft"
GONE: Final = 0  # the position of a rule that was let go: what it gave away still names it
_there = table.c.position != GONE
_offices = select(table.c.office).where(table.c.active).distinct()


@dataclass(frozen=True)
class Line:
    """A rule as the table has it. `wanted`: trait -> values, sorted; `letters`: `a-f`, empty for any; `seen`: which
    saying of the rule this is, 0 for a new one."""

    id: str
    name: str
    target: str
    spread: bool
    active: bool
    wanted: Mapping[str, Sequence[str]]
    letters: str
    seen: int = 0


def of_offices(conn: Connection, offices: Sequence[str]) -> list[Line]:
    """The rules of an office, also those that are off, in their order. offices: the ids of one office's copies."""
    asked = select(table).where(table.c.office.in_(offices), _there)
    return [_read(row) for row in conn.execute(asked.order_by(table.c.position, table.c.id))]


def in_force(conn: Connection) -> set[str]:
    """The offices that have a rule in force."""
    return {office for (office,) in every(conn, _offices, {})}


def put(conn: Connection, office: str, line: Line, by: str, now: int) -> bool:
    """Keep a new rule (`seen` 0) behind the others, or a changed one in its place; returns whether it was still as it
    was seen."""
    said = {
        "name": line.name, "target": line.target, "spread": line.spread, "active": line.active,
        "wanted": msgspec.json.encode(line.wanted).decode(),
        "letters": line.letters, "recorded": max(now, line.seen + 1), "by": by,
    }  # fmt: skip
    if line.seen:
        same = (table.c.id == line.id, table.c.office == office, table.c.recorded == line.seen, _there)
        return conn.execute(update(table).where(*same).values(**said)).rowcount > 0
    last = conn.scalar(select(func.max(table.c.position)).where(table.c.office == office)) or 0
    conn.execute(insert(table).values(id=line.id, office=office, position=last + 1, **said))
    return True


def reorder(conn: Connection, office: str, ids: Sequence[str]) -> None:
    """Put the rules of an office into this order."""
    for position, id in enumerate(ids, 1):
        conn.execute(update(table).where(table.c.id == id, table.c.office == office).values(position=position))


def remove(conn: Connection, office: str, id: str) -> bool:
    """Let a rule go; returns whether there was one."""
    one = (table.c.id == id, table.c.office == office, _there)
    return conn.execute(update(table).where(*one).values(position=GONE, active=False)).rowcount > 0


def names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What these rules are called, also those that were let go."""
    wanted = sorted(ids)
    found = conn.execute(select(table.c.id, table.c.name).where(table.c.id.in_(wanted))) if wanted else ()
    return {row.id: row.name for row in found}


def newest(conn: Connection, offices: Sequence[str], most: int) -> Sequence[Row[Any]]:
    """The rows of the newest referrals of an office that have gone out or come in, at most so many."""
    asked = select(case).where(case.c.placer.in_(offices), case.c.stage != DRAFT)
    return conn.execute(asked.order_by(case.c.rid.desc()).limit(most)).all()


def nobodys(conn: Connection, offices: Sequence[str], most: int) -> list[str]:
    """The ids of open referrals of an office that nobody has, the longest here first, at most so many."""
    unowned = (case.c.open, case.c.owner.is_(None), case.c.stage != DRAFT)
    asked = select(case.c.id).where(case.c.placer.in_(offices), *unowned)
    return list(conn.scalars(asked.order_by(case.c.rid).limit(most)))


def one(conn: Connection, id: str) -> Row[Any] | None:
    """The row of a case."""
    return conn.execute(select(case).where(case.c.id == id)).first()


def open_cases(conn: Connection, offices: Sequence[str], owners: Sequence[str]) -> dict[str, int]:
    """How many open referrals of an office each of these has; who has none is left out."""
    asked = select(case.c.owner, func.count()).where(case.c.placer.in_(offices), case.c.open, case.c.owner.in_(owners))
    return {row[0]: row[1] for row in conn.execute(asked.group_by(case.c.owner))}


def _read(row: Row[Any]) -> Line:
    wanted = msgspec.json.decode(row.wanted, type=dict[str, list[str]])
    return Line(row.id, row.name, row.target, row.spread, row.active, wanted, row.letters, row.recorded)
