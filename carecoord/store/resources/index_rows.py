"""The rows by which resources are found, written only where they differ from what stands there: most changes of a
resource leave most of what it is found by, and each row put in anew is a row in two trees and in the log of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    Table,
    Text,
    cast,
    literal_column,
    null,
    select,
    union_all,
)

from carecoord.fhir.search.extract import Index
from carecoord.fhir.search.params import single_dates
from carecoord.store.database import bulk, driver, tables
from carecoord.store.database.among import OneOf, listed

NAMES: Final = ("token", "string", "date", "number", "reference", "uri", "pair")
_TABLES: Final[dict[str, Table]] = {name: tables.metadata.tables[f"ix_{name}"] for name in NAMES}
_SLOTS: Final = (BigInteger,) * 3 + (Text,) * 4 + (Double,) * 2  # what any of the tables has of each kind
_RUN: Final = 400  # row numbers in one statement
Standing = Mapping[tuple[str, int], set[bulk.Values]]  # by table and row number: its rows, without that number


def _places(table: Table) -> list[int]:
    """In which slot each column stands that comes after the row number."""
    free = list(range(len(_SLOTS)))
    found = []
    for column in list(table.columns)[1:]:
        kind = Double if isinstance(column.type, Double) else BigInteger if _whole(column.type) else Text
        found.append(next(n for n in free if _SLOTS[n] is kind))
        free.remove(found[-1])
    return found


def _whole(kind: Any) -> bool:
    return isinstance(kind, Integer | BigInteger)


def _rows(n: int, name: str) -> Select[Any]:
    table = _TABLES[name]
    by = dict(zip(_places(table), list(table.columns)[1:], strict=True))
    slots: list[ColumnElement[Any]] = [by[m] if m in by else cast(null(), kind) for m, kind in enumerate(_SLOTS)]
    return select(literal_column(str(n)), table.c.rid, *slots).where(OneOf(table.c.rid, "rids"))


_PLACES: Final = [_places(_TABLES[name]) for name in NAMES]
_standing = union_all(*(_rows(n, name) for n, name in enumerate(NAMES)))


def standing(conn: Connection, rids: Sequence[int]) -> Standing:
    """What these resources are found by, by one statement."""
    found: dict[tuple[str, int], set[bulk.Values]] = {}
    for run in bulk.runs(rids, _RUN):
        for n, rid, *slots in driver.every(conn, _standing, {"rids": listed(run)}):
            found.setdefault((NAMES[n], rid), set()).add(tuple([slots[place] for place in _PLACES[n]]))
    return found


def keep(conn: Connection, wanted: Iterable[tuple[int, Index | None]], before: Standing) -> None:
    """Let the rows of these resources (row number, None: it is gone) be those. before: what stands there."""
    made = list(wanted)
    for name, table in _TABLES.items():
        rows = sorted((rid, *row) for rid, index in made if index for row in getattr(index, name))
        by: dict[int, list[bulk.Values]] = {rid: [] for rid, _ in made}
        for row in at_most_one(rows) if name == "date" else rows:
            by[row[0]].append(row)
        stale = [rid for rid, kept in by.items() if {row[1:] for row in kept} != before.get((name, rid), set())]
        bulk.remove(conn, table, [rid for rid in stale if (name, rid) in before])
        bulk.insert(conn, table, [row for rid in sorted(stale) for row in by[rid]])


def at_most_one(rows: list[bulk.Values]) -> list[bulk.Values]:
    """Search relies on it that a date which can not be a list has one row, even where a resource breaks the rules."""
    single = single_dates()
    kept: list[bulk.Values] = []
    for row in rows:
        if not (kept and row[1] in single and row[:2] == kept[-1][:2]):
            kept.append(row)
    return kept
