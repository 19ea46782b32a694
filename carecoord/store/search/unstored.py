"""Resources that are made when they are asked for, found by the same search as those that are stored.

Their index rows are made in memory, and the very conditions by which the tables are asked are tried on them. What leads
from resource to resource (a chain, _has, a narrowing by role) can not be told of one that no table holds: it is not
met, so that nobody sees more by it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Any, Final

import msgspec

from carecoord.fhir.search.extract import Index
from carecoord.fhir.search.query import Filter
from carecoord.store.database.tables import metadata
from carecoord.store.resources.read import Row
from carecoord.store.search.compile import SearchCompiler
from carecoord.store.search.conditions import Alternative, Condition, Either, Every, No, Rows, Some, Test, Values
from carecoord.store.search.pages import Order

_ESCAPED: Final = re.compile("~(.)")
FIRST: Final = 2**62  # the numbers of such resources begin here: behind all that are stored, where nothing is sorted
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": eq, "<": lt, "<=": le, ">": gt, ">=": ge, "from": ge, "in": lambda one, many: one in many,
    "among": lambda one, many: one in msgspec.json.decode(many),
    "like": lambda one, pattern: _ESCAPED.sub(r"\1", pattern[1:-1]) in one,  # always `%part%`
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unstored:
    """A resource as a row of the store would have it, of a number from FIRST on that stays its own, and its index."""

    row: Row
    index: Index


def meets(one: Unstored, condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether a resource meets a condition, whose values go by these names."""
    match condition:
        case Rows():
            return any(_passes(row, way, values) for row in _rows(one, condition, values) for way in condition.any_of)
        case No(inner):
            return not _joins(inner) and not meets(one, inner, values)
        case Every(conditions):
            return all(meets(one, each, values) for each in conditions)
        case Some(conditions):
            return any(meets(one, each, values) for each in conditions)
        case _:
            return False


def lets(one: Unstored, filter: Filter) -> bool:
    """Whether a filter lets a resource be seen."""
    values = Values()
    return meets(one, SearchCompiler(values, lambda _: filter).allowed(one.row.type), values)


def value(one: Unstored, order: Order, values: Mapping[str, Any]) -> Any:
    """By what a resource is sorted; None: it has no such value."""
    if order.table == "resource":
        return getattr(one.row, order.column)
    found = [row[order.column] for row in _of_table(one.index, order.table) if row["key"] == values[order.key]]
    return (max if order.descending else min)(found, default=None)


def _joins(condition: Condition) -> bool:
    """Whether a condition leads to other resources: neither it nor its contrary can be told."""
    match condition:
        case No(inner):
            return _joins(inner)
        case Every(conditions) | Some(conditions):
            return any(map(_joins, conditions))
        case Rows(table):
            return table == "case_row"
        case _:
            return True


def _rows(one: Unstored, condition: Rows, values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if condition.table == "resource":
        return [{"id": one.row.id, "updated": one.row.updated}] if values[condition.key] == one.row.type else []
    return (row for row in _of_table(one.index, condition.table) if row["key"] == values[condition.key])


def _of_table(index: Index, table: str) -> Iterable[Mapping[str, Any]]:
    """The rows that a table would hold, by the names of its columns."""
    if not table.startswith("ix_"):
        return ()
    names = [name.name for name in metadata.tables[table].columns if name.name != "rid"]
    held: Sequence[tuple[Any, ...]] = getattr(index, table.removeprefix("ix_"))
    return (dict(zip(names, row, strict=True)) for row in held)


def _passes(row: Mapping[str, Any], way: Alternative, values: Mapping[str, Any]) -> bool:
    return all(
        any(_holds(row, test, values) for test in each.tests) if isinstance(each, Either) else _holds(row, each, values)
        for each in way
    )


def _holds(row: Mapping[str, Any], test: Test, values: Mapping[str, Any]) -> bool:
    compared = _COMPARED.get(test.op)
    return compared is not None and compared(row[test.column], values[test.value])
