"""Which case rows were changed, in a log that a copy of them in memory follows: what it holds is brought to exactly the
state that a transaction sees, forward and, where another thread has been ahead, back.

A change is numbered by its transaction. SQLite has one writer at a time, so what a transaction sees is all below a
number. PostgreSQL's numbers are in no order of commits: what it sees is all below a number but what was under way
(pg_current_snapshot).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from carecoord.store.database import driver
from carecoord.store.database.among import listed

KEPT: Final = 200_000  # entries of the log; a copy that was left behind further is made anew
MOST: Final = 20_000  # entries that are followed one by one
_NOTED: Final = {
    "sqlite": text(
        "INSERT INTO case_change (change, rid) SELECT (SELECT coalesce(max(change), 0) + 1 FROM case_change), value "
        "FROM json_each(:rids)"
    ),
    "postgresql": text(
        "INSERT INTO case_change (change, rid) SELECT pg_current_xact_id()::text::bigint, value::bigint "
        "FROM jsonb_array_elements_text(CAST(:rids AS jsonb)) ON CONFLICT DO NOTHING"
    ),
}
_STATE: Final = {
    "sqlite": text(  # each by itself: asked for both at once SQLite walks the log
        "SELECT coalesce((SELECT max(change) FROM case_change), 0) + 1, "
        "coalesce((SELECT min(change) FROM case_change), 0)"
    ),
    "postgresql": text("SELECT pg_current_snapshot()::text, (SELECT coalesce(min(change), 0) FROM case_change)"),
}
_AFTER: Final = text(
    f"SELECT change, rid FROM case_change WHERE change >= :first AND change < :last LIMIT {MOST + 1}"  # noqa: S608
)
_AMONG: Final = text(
    "SELECT change, rid FROM case_change WHERE change = ANY(ARRAY("
    "SELECT jsonb_array_elements_text(CAST(:changes AS jsonb))::bigint))"
)
_EDGE: Final = text("SELECT change FROM case_change ORDER BY change DESC LIMIT 1 OFFSET :kept")
_PRUNE: Final = text("DELETE FROM case_change WHERE change < :edge")
_UNBORN: Final = text("DELETE FROM case_change WHERE change >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


@dataclass(frozen=True)
class State:
    """What a transaction sees: every change below `end` but those that were under way. begin: the least change of which
    the log still tells."""

    end: int
    begin: int
    under_way: frozenset[int] = frozenset()

    def sees(self, change: int) -> bool:
        """Whether the transaction sees what was done under this number, if it was committed."""
        return change < self.end and change not in self.under_way


def note(conn: Connection, rids: Sequence[int]) -> None:
    """Say that these rows were changed, or let go, in the transaction that does it."""
    if rids:
        driver.execute(conn, _NOTED[conn.dialect.name], {"rids": listed(sorted(set(rids)))})


def state(conn: Connection) -> State:
    """What a transaction that only reads sees."""
    (told, begin), *_ = driver.every(conn, _STATE[conn.dialect.name], {})
    if conn.dialect.name == "sqlite":
        return State(told, begin)
    _, end, under_way = str(told).split(":")
    return State(int(end), begin, frozenset(map(int, under_way.split(","))) if under_way else frozenset())


def between(conn: Connection, before: State, now: State) -> list[tuple[int, int]] | None:
    """The (change, rid) that `now`, which the transaction sees, has over `before`; None where these are too many to be
    followed, or the log no longer tells."""
    if min(before.end, *before.under_way) < now.begin if before.under_way else before.end < now.begin:
        return None
    found: list[tuple[Any, ...]] = []
    if now.end > before.end:
        found += driver.every(conn, _AFTER, {"first": before.end, "last": now.end})
    if before.under_way - now.under_way:
        found += driver.every(conn, _AMONG, {"changes": listed(sorted(before.under_way))})
    return [(change, rid) for change, rid in found] if len(found) <= MOST else None


def prune(conn: Connection) -> None:
    """Let go of what no copy follows any more; in PostgreSQL also of what a dump of another server brought along, whose
    numbers are yet to come here."""
    if conn.dialect.name == "postgresql":
        conn.execute(_UNBORN)
    edge = conn.scalar(_EDGE, {"kept": KEPT})
    if edge is not None:
        conn.execute(_PRUNE, {"edge": edge})
