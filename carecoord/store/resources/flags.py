"""Flags that are put beside a resource once it is stored: what the rules found odd in how it changed."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select

from carecoord.errors import Issue
from carecoord.store.database.bulk import runs
from carecoord.store.database.tables import flag

_LATER = 1_000  # the place of such a flag: behind all that were found in the resource itself
_RUN = 400


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
    found: set[int] = set()
    for run in runs(sorted(rids), _RUN):
        found |= set(
            conn.scalars(select(flag.c.rid).where(flag.c.rid.in_(run), flag.c.n == _LATER, flag.c.code == code))
        )
    return found
