"""Marks of case rows that a change has overtaken: they have to be judged anew, and are not shown as they stand.

A mark bears the number of the transaction that made it, and who judges a row takes away just the marks that it saw
before it read anything of what it judges by. So a change that becomes visible in between leaves its mark, whatever of
it was read by then.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, select, text

from carecoord.store.database import driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.worklist.tables import case_mark

Mark = tuple[int, int]  # a row (rid), and the number of the transaction that marked it

_NEAR: Final = 2000  # marked rows that are put in the order of their clocks
_CHANGE: Final = {"sqlite": "0", "postgresql": "pg_current_xact_id()::text::bigint"}  # SQLite has one writer at a time
_ROWS: Final = {
    "sqlite": "SELECT value AS rid FROM json_each(:rids)",
    "postgresql": "SELECT value::bigint AS rid FROM jsonb_array_elements_text(CAST(:rids AS jsonb))",
}
_SOME: Final = {
    name: text(
        f"INSERT INTO case_mark (rid, change) SELECT rid, {_CHANGE[name]} FROM ({chosen}) AS chosen WHERE true "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )
    for name, chosen in _ROWS.items()
}
_ALL: Final = {
    name: text(
        f"INSERT INTO case_mark (rid, change) SELECT rid, {change} FROM case_row WHERE true ON CONFLICT DO NOTHING"  # noqa: S608
    )
    for name, change in _CHANGE.items()
}
_whose: Final = (
    select(case_mark.c.rid, case_mark.c.change)
    .join(case, case.c.rid == case_mark.c.rid)
    .where(OneOf(case.c.patient, "patients"))
)
_among: Final = select(case_mark.c.rid).where(OneOf(case_mark.c.rid, "rids"))
_settled: Final = delete(case_mark).where(case_mark.c.rid == bindparam("which"), case_mark.c.change == bindparam("of"))
_of_nothing: Final = delete(case_mark).where(~exists().where(case.c.rid == case_mark.c.rid))


def mark(conn: Connection, rids: Sequence[int] | None) -> None:
    """Say of these case rows (None: of all) that they have to be judged anew before they are shown."""
    if rids is None:
        conn.execute(_ALL[conn.dialect.name])
    elif rids:
        conn.execute(_SOME[conn.dialect.name], {"rids": listed(sorted(set(rids)))})


def of_patients(conn: Connection, patients: Sequence[str]) -> list[Mark]:
    """The marks of these patients' rows, to be settled once the rows are judged; to be read before anything that they
    are judged by."""
    return [(rid, change) for rid, change in driver.every(conn, _whose, {"patients": listed(patients)})]


def among(conn: Connection, rids: Sequence[int]) -> set[int]:
    """Which of these rows are marked."""
    return {rid for (rid,) in driver.every(conn, _among, {"rids": listed(rids)})} if rids else set()


def settle(conn: Connection, marks: Sequence[Mark]) -> None:
    """Take these marks away: their rows were judged after they were read."""
    if marks:
        conn.execute(_settled, [{"which": rid, "of": change} for rid, change in marks])


def prune(conn: Connection) -> None:
    """Let go of marks of rows that are gone."""
    conn.execute(_of_nothing)


def are_there() -> ColumnElement[bool]:
    """Whether any row is marked, or was and is gone. Joined to the rows either database walks all of these."""
    return exists(select(case_mark.c.rid))


def patients(most: str) -> Select[tuple[str]]:
    """The patients of marked rows, no more than the parameter of this name says: of the next of them those first that
    people look at first, the open ones by their clock."""
    near = (
        select(case.c.patient, case.c.open, case.c.sort_due, case.c.rid)
        .join(case_mark, case.c.rid == case_mark.c.rid)
        .order_by(case_mark.c.rid)
        .limit(_NEAR)
        .subquery()
    )
    return select(near.c.patient).order_by(near.c.open.desc(), near.c.sort_due, near.c.rid).limit(bindparam(most))
