"""Flags that are put beside a resource once it is stored: what the rules found odd in how it changed."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, insert, select

from carecoord.errors import Issue
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.bulk import runs
from carecoord.store.database.driver import every
from carecoord.store.database.tables import flag

_LATER = 1_000  # the place of such a flag: behind all that were found in the resource itself
_RUN = 400
_flagged = select(flag.c.rid).where(OneOf(flag.c.rid, "rids"), flag.c.n == _LATER, flag.c.code == bindparam("code"))


def add(conn: Connection, flags: Sequence[tuple[int, Issue]]) -> None:
    """One flag for each row number, of a version that was stored just now. The next version takes it away."""
    rows = [
        {"rid": rid, "n": _LATER, "severity": i.severity, "code": i.code, "text": i.text, "expression": i.where}
        for rid, i in flags
    ]
    if rows:
        conn.execute(insert(flag), rows)


def flagged(conn: Connection, rids: Iterable[int], code: str) -> set[int]:
    """Those of the row numbers that have a flag of this kind, put there by `add`."""
    asked = ({"rids": listed(run), "code": code} for run in runs(sorted(rids), _RUN))
    return {rid for each in asked for (rid,) in every(conn, _flagged, each)}
