"""Marks of case rows that a change has overtaken: they have to be judged anew, and are not shown as they stand.

A mark bears the number of the transaction that made it, and who judges a row takes away just the marks that it saw
before it read anything of what it judges by. So a change that becomes visible in between leaves its mark, whatever of
it was read by then.

A mark takes the place of those that stand there: of thirty changes in a row each case is judged once, and not looked
for among thirty marks. Nobody waits for anybody: a mark that another is just taking away is left to them, and one that
stays costs a judgement more.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, select, text
from sqlalchemy import case as when

from carecoord.fhir.instants import FOREVER
from carecoord.store.database import driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.worklist.tables import case_mark

_encode = msgspec.json.Encoder().encode
Mark = tuple[int, int]  # a row (rid), and the number of the transaction that marked it

_NEAR: Final = 2000  # marked rows that are put in the order of their clocks
_ROWS: Final = {
    "sqlite": "SELECT value AS rid FROM json_each(:rids)",
    "postgresql": "SELECT value::bigint AS rid FROM jsonb_array_elements_text(CAST(:rids AS jsonb))",
}
_MARK: Final = {
    "sqlite": "INSERT INTO case_mark (rid, change) SELECT rid, 0 FROM ({chosen}) AS chosen WHERE true "
              "ON CONFLICT DO NOTHING",  # it has one writer at a time
    "postgresql": "WITH chosen AS ({chosen}), mine AS (SELECT pg_current_xact_id()::text::bigint AS change), "
                  "before AS (SELECT held.rid, held.change FROM chosen JOIN case_mark AS held ON held.rid = chosen.rid "
                  "WHERE held.change <> (SELECT change FROM mine) FOR UPDATE OF held SKIP LOCKED), "
                  "gone AS (DELETE FROM case_mark USING before "
                  "WHERE case_mark.rid = before.rid AND case_mark.change = before.change) "
                  "INSERT INTO case_mark (rid, change) SELECT rid, (SELECT change FROM mine) FROM chosen "
                  "ON CONFLICT DO NOTHING",
}  # fmt: skip
_SOME: Final = {name: text(how.format(chosen=_ROWS[name])) for name, how in _MARK.items()}
_ALL: Final = {name: text(how.format(chosen="SELECT rid FROM case_row")) for name, how in _MARK.items()}
_whose: Final = (
    select(case_mark.c.rid, case_mark.c.change)
    .join(case, case.c.rid == case_mark.c.rid)
    .where(OneOf(case.c.patient, "patients"))
)
_among: Final = select(case_mark.c.rid).where(OneOf(case_mark.c.rid, "rids"))
_SETTLED: Final = {
    "sqlite": text("DELETE FROM case_mark WHERE rid IN (SELECT json_extract(value, '$[0]') FROM json_each(:marks))"),
    "postgresql": text(
        "WITH seen AS (SELECT held.rid, held.change FROM jsonb_array_elements(CAST(:marks AS jsonb)) AS mark (pair) "
        "JOIN case_mark AS held ON held.rid = (pair ->> 0)::bigint AND held.change = (pair ->> 1)::bigint "
        "FOR UPDATE OF held SKIP LOCKED) "
        "DELETE FROM case_mark USING seen WHERE case_mark.rid = seen.rid AND case_mark.change = seen.change"
    ),
}
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
    if not patients:
        return []
    return [(rid, change) for rid, change in driver.every(conn, *asked_of(patients))]


def asked_of(patients: Sequence[str]) -> driver.Asked:
    """What `of_patients` asks."""
    return _whose, {"patients": listed(patients)}


def among(conn: Connection, rids: Sequence[int]) -> set[int]:
    """Which of these rows are marked."""
    return {rid for (rid,) in driver.every(conn, _among, {"rids": listed(rids)})} if rids else set()


def settle(conn: Connection, marks: Sequence[Mark]) -> None:
    """Take these marks away: their rows were judged after they were read."""
    if marks:
        conn.execute(_SETTLED[conn.dialect.name], {"marks": _encode(sorted(marks)).decode()})


def prune(conn: Connection) -> None:
    """Let go of marks of rows that are gone."""
    conn.execute(_of_nothing)


def are_there() -> ColumnElement[bool]:
    """Whether any row is marked, or was and is gone. Joined to the rows either database walks all of these."""
    return exists(select(case_mark.c.rid))


def patients(most: str) -> Select[tuple[str]]:
    """The patients of marked rows, each once, no more than the parameter of this name says: of the next of them those
    first that people look at first, of the open ones by their clock."""
    near = (
        select(case.c.patient, case.c.open, case.c.sort_due, case.c.rid)
        .join(case_mark, case.c.rid == case_mark.c.rid)
        .order_by(case_mark.c.rid)
        .limit(_NEAR)
        .subquery()
    )
    first = func.min(when((near.c.open, near.c.sort_due), else_=FOREVER)), func.min(near.c.rid)
    return select(near.c.patient).group_by(near.c.patient).order_by(*first).limit(bindparam(most))
