"""The rows of policies: found by whose they are, as they were known at any instant; written once, and superseded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from carecoord.store.agreements.tables import NEVER
from carecoord.store.database import bulk, driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.policies.tables import policy_line as line

_RUN = 400
_columns = (line.c.n, line.c.organization, line.c.business, line.c.name, line.c.value, line.c.valid_from,
            line.c.valid_to, line.c.recorded_at, line.c.by)  # fmt: skip
_found = (
    select(*_columns)
    .where(
        OneOf(line.c.organization, "keys"), line.c.recorded_at <= bindparam("at"),
        line.c.superseded_at > bindparam("at"),
    )
    .order_by(line.c.n)
)  # fmt: skip
_last = select(func.max(line.c.n)).where(line.c.organization == bindparam("key"))
_ended = select(func.count()).where(line.c.organization == bindparam("key"), line.c.superseded_at < NEVER)


@dataclass(frozen=True, slots=True)
class Row:
    """One value, by the names of its columns."""

    n: int
    organization: str
    business: str
    name: str
    value: str
    valid_from: int
    valid_to: int
    recorded_at: int
    by: str
    superseded_at: int = NEVER


def every(conn: Connection, organization: str) -> list[Row]:
    """All that somebody ever said, in the order in which it was said."""
    found = select(*_columns, line.c.superseded_at).where(line.c.organization == organization).order_by(line.c.n)
    return [Row(**row) for row in conn.execute(found).mappings()]


def speakers(conn: Connection) -> list[str]:
    """The keys of all who say anything now."""
    found = select(line.c.organization).where(line.c.superseded_at == NEVER).distinct()
    return sorted(conn.scalars(found))


def find(conn: Connection, organizations: Iterable[str], at: int) -> list[Row]:
    """What was known at an instant to be said by those with these keys, in the order in which it was said."""
    wanted = sorted(set(organizations))
    return [
        Row(*row)
        for run in bulk.runs(wanted, _RUN)
        for row in driver.every(conn, _found, {"keys": listed(run), "at": at})
    ]


def state(conn: Connection, organization: str) -> str:
    """A mark of what an organization has said: another after each change of it."""
    asked = {"key": organization}
    return f"{conn.scalar(_last, asked) or 0}-{conn.scalar(_ended, asked) or 0}"


def add(conn: Connection, values: dict[str, Any], at: int) -> None:
    """Write a row down that is known from the instant on."""
    conn.execute(insert(line).values(**values, recorded_at=at, superseded_at=NEVER))


def end(conn: Connection, numbers: Sequence[int], at: int) -> None:
    """Say that these rows were known until the instant."""
    for run in bulk.runs(list(numbers), _RUN):
        conn.execute(update(line).where(line.c.n.in_(run), line.c.superseded_at == NEVER).values(superseded_at=at))
