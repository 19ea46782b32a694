"""Flags beside a resource: what the judge found wrong in it as it came, and what the rules found odd in how it changed
once it was stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from carecoord.errors import Issue
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.bulk import runs
from carecoord.store.database.driver import every
from carecoord.store.database.tables import flag

_LATER = 1_000  # the place of such a flag: behind all that were found in the resource itself
_RUN = 400
_columns = (flag.c.rid, flag.c.n, flag.c.code, flag.c.expression)
_of = select(*_columns).where(OneOf(flag.c.rid, "rids")).order_by(flag.c.rid, flag.c.n)


def add(conn: Connection, flags: Sequence[tuple[int, Issue]]) -> None:
    """One flag for each row number, of a version that was stored just now. The next version takes it away."""
    rows = [
        {"rid": rid, "n": _LATER, "severity": i.severity, "code": i.code, "text": i.text, "expression": i.where}
        for rid, i in flags
    ]
    if rows:
        conn.execute(insert(flag), rows)


@dataclass(frozen=True)
class Flag:
    """A flag of a resource. rid: its row number; later: put there by `add`; place: FHIRPath, or nothing."""

    rid: int
    later: bool
    code: str
    place: str


def of(conn: Connection, rids: Iterable[int]) -> list[Flag]:
    """Every flag of these row numbers, in the order in which they were found."""
    asked = ({"rids": listed(run)} for run in runs(sorted(rids), _RUN))
    rows = (row for each in asked for row in every(conn, _of, each))
    return [Flag(rid, n == _LATER, code, place or "") for rid, n, code, place in rows]
