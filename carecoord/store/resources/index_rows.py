"""The rows by which resources are found, each written only where it differs from what stands there: most changes of a
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
    bindparam,
    cast,
    literal_column,
    null,
    select,
    union_all,
)

from carecoord.fhir.search.extract import Index
from carecoord.fhir.search.params import single_dates
from carecoord.store.database import bulk, tables
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.driver import every

NAMES: Final = ("token", "string", "date", "number", "reference", "uri", "pair")
_TABLES: Final[dict[str, Table]] = {name: tables.metadata.tables[f"ix_{name}"] for name in NAMES}
_SLOTS: Final = (BigInteger,) * 3 + (Text,) * 4 + (Double,) * 2  # what any of the tables has of each kind
_RUN: Final = 400  # row numbers in one statement
_NOTHING: Final[set[bulk.Values]] = set()
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


def _rows(n: int, name: str, one: bool) -> Select[Any]:
    table = _TABLES[name]
    these = table.c.rid == bindparam("rid") if one else OneOf(table.c.rid, "rids")
    by = dict(zip(_places(table), list(table.columns)[1:], strict=True))
    slots: list[ColumnElement[Any]] = [by[m] if m in by else cast(null(), kind) for m, kind in enumerate(_SLOTS)]
    return select(literal_column(str(n)), table.c.rid, *slots).where(these)


_PLACES: Final = [_places(_TABLES[name]) for name in NAMES]
_FLAG: Final = "flag"  # in a Standing: of a resource that is flagged an empty row


def _flags(one: bool) -> Select[Any]:
    table = tables.flag
    these = table.c.rid == bindparam("rid") if one else OneOf(table.c.rid, "rids")
    return select(literal_column(str(len(NAMES))), table.c.rid, *(cast(null(), kind) for kind in _SLOTS)).where(these)


_one, _some = (
    union_all(*(_rows(n, name, one) for n, name in enumerate(NAMES)), _flags(one)) for one in (True, False)
)


def standing(conn: Connection, rids: Sequence[int]) -> Standing:
    """What these resources are found by, and which are flagged, by one statement."""
    found: dict[tuple[str, int], set[bulk.Values]] = {}
    for run in bulk.runs(rids, _RUN):
        rows = every(conn, _one, {"rid": run[0]}) if len(run) == 1 else every(conn, _some, {"rids": listed(run)})
        for n, rid, *slots in rows:
            if n == len(NAMES):
                found[_FLAG, rid] = {()}
                continue
            found.setdefault((NAMES[n], rid), set()).add(tuple([slots[place] for place in _PLACES[n]]))
    return found


def flagged(before: Standing) -> set[int]:
    """Which of the resources of which this stands (row number) are flagged."""
    return {rid for name, rid in before if name == _FLAG}


def keep(conn: Connection, wanted: Iterable[tuple[int, Index | None]], before: Standing) -> None:
    """Let the rows of these resources (row number, None: it is gone) be those. before: what stands there. Row by row:
    of ten by which a person is found a new address changes two."""
    made = list(wanted)
    for name, table in _TABLES.items():
        emptied: list[int] = []
        gone: list[bulk.Values] = []
        new: list[bulk.Values] = []
        for rid, index in made:
            rows, held = _wanted(name, rid, index), before.get((name, rid), _NOTHING)
            if held and not rows:
                emptied.append(rid)
            elif rows != held:
                gone += [(rid, *row) for row in held - rows]
                new += [(rid, *row) for row in rows - held]
        bulk.remove(conn, table, sorted(emptied))
        bulk.discard(conn, table, sorted(gone))
        bulk.insert(conn, table, sorted(new))


def _wanted(name: str, rid: int, index: Index | None) -> set[bulk.Values]:
    """The rows of a resource in one of the tables, without its number."""
    rows: set[bulk.Values] = set(getattr(index, name)) if index else set()
    if name == "date" and len(rows) > 1:
        return {row[1:] for row in at_most_one(sorted((rid, *row) for row in rows))}
    return rows


def at_most_one(rows: list[bulk.Values]) -> list[bulk.Values]:
    """Search relies on it that a date which can not be a list has one row, even where a resource breaks the rules."""
    single = single_dates()
    kept: list[bulk.Values] = []
    for row in rows:
        if not (kept and row[1] in single and row[:2] == kept[-1][:2]):
            kept.append(row)
    return kept
