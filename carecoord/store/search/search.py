"""Finding resources: how to go about it, the page, the total, what comes with it.

Clause: FHIR R4 search.html, http.html#paging. Two bounded counts decide how to go about a search (see pages.py for why
both ways give the same pages): is one of its conditions met by few resources, then start from those; else walk in the
order asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from carecoord.errors import Issue
from carecoord.fhir.search.params import single_dates
from carecoord.fhir.search.query import EVERYTHING, Filter, Search, Sort
from carecoord.store.database import bulk
from carecoord.store.database.among import listed
from carecoord.store.database.engine import secret
from carecoord.store.database.tables import metadata
from carecoord.store.resources.read import Row
from carecoord.store.search import pages
from carecoord.store.search.compile import COMMON, TABLES, May, SearchCompiler, rank
from carecoord.store.search.conditions import Condition, Every, No, Rows, Values, is_drivable, is_ordered
from carecoord.store.search.cursor import Place, seal, unseal
from carecoord.store.search.include import MOST, included
from carecoord.store.search.pages import Order
from carecoord.store.search.unstored import Unstored, meets, value

__all__ = ["EVERYTHING", "Filter", "May", "Page", "find", "visible", "visible_among"]

_RUN = 400  # numbers in one list
_TYPES = 20  # lists in one statement: the shape of each set of types is kept
_ENOUGH = 50  # so few that no other condition need be counted
_FEW = 1000  # resources that are quickly looked at and sorted
# Which is quicker, driving or walking, shows in the doing: each in turn gets some times as far as before, so that what
# is spent in vain stays a fraction of what is needed. (resources to drive from, pages' worth of the index to walk)
_SELECTIVE = ((_FEW, 5), (3_000, 50), (10_000, 500), (100_000, 5_000))
_COMMON = ((0, 5), (_FEW, 50), (10_000, 500), (100_000, 5_000))  # nothing asked is of a kind that leaves few
_ESTIMATE = 10_000  # how far _total=estimate counts


@dataclass(frozen=True)
class Page:
    """One page of what was found, what comes with it, how many there are in all (None: not counted), the word for the
    next page (None: this is the last), and what the asker should know."""

    rows: list[Row]
    included: list[Row]
    total: int | None
    next: str | None
    issues: tuple[Issue, ...] = ()


def find(
    conn: Connection, search: Search, may: May, *, page_size: int = 20, page_max: int = 1000,
    beside: Sequence[Unstored] = (), along: Sequence[Unstored] = (),
) -> Page:  # fmt: skip
    """A page of a search, of what the asker may see: `may` tells that for every type, and is heeded for what is
    found, for what a chain or _has passes on the way, and for what is included. beside: resources of the type that are
    not stored, of which those that the search means stand in their places; along: of other types, that may come with
    what is found.

    Raises Invalid for a cursor that is not of this search.
    """
    count = min(page_size if search.count is None else search.count, page_max)
    place = unseal(secret(conn), search)
    run = _SearchRun(conn, search, may)
    made = run.meant(beside)
    if search.summary == "count" or count == 0:
        return Page([], [], run.total(search.total == "estimate") + len(made), None, search.warnings)
    found = run.page(place, count + 1)
    if made:
        found = run.merged(found, made, place)[: count + 1]
    more, shown = len(found) > count, [row for row, _ in found[:count]]
    total = place.total if place else None
    if total is None and not more and place is None:
        total = len(shown)
    elif total is None and search.total != "none":
        total = run.total(search.total == "estimate") + len(made)
    last = found[count - 1] if more else None
    word = seal(secret(conn), search, Place(last[1], last[0].rid, total)) if last else None
    others = included(conn, search, shown, may, (*beside, *along)) if search.includes else []
    issues = search.warnings if len(others) <= MOST else (*search.warnings, _TOO_MANY)
    return Page(shown, others[:MOST], total, word, issues)


def visible(conn: Connection, row: Row, filter: Filter) -> bool:
    """Whether a filter lets the resource be seen. One that is deleted is seen by those who may see everything."""
    if filter == EVERYTHING:
        return True
    values = Values(rid=row.rid)
    condition = SearchCompiler(values, lambda _: filter).allowed(row.type)
    return bool(pages.seen(condition).run(conn, values))


def visible_among(conn: Connection, asked: Mapping[str, Sequence[int]], may: May) -> set[int]:
    """Those of the resources, by type their numbers, that the filter of their type lets be seen: in one statement, but
    for very many."""
    values, tests = Values(), []
    for type, rids in asked.items():
        condition = SearchCompiler(values, may).allowed(type)
        tests += [(values.name(listed(run)), condition) for run in bulk.runs(rids, _RUN)]
    runs = (tuple(tests[start : start + _TYPES]) for start in range(0, len(tests), _TYPES))
    return {rid for run in runs for (rid,) in pages.seen_among(run).run(conn, values)}


_TOO_MANY = Issue(
    "warning",
    "too-costly",
    f"More than {MOST} resources would come along; the rest was left out. Ask for smaller pages or fewer.",
    "http._include",
)


Found = tuple[Row, tuple[object, ...]]  # a resource and its sort values


def _is_behind(place: Place | None) -> bool:
    """Whether the page before ended among the resources that have no value for the first sort key."""
    return place is not None and place.values != () and place.values[0] is None


def _sorted_by(n: int) -> Callable[[Found], Any]:
    return lambda each: each[1][n]


class _SearchRun:
    """One search being carried out."""

    def __init__(self, conn: Connection, search: Search, may: May) -> None:
        self.conn = conn
        self.values = Values()
        compiler = SearchCompiler(self.values, may)
        asked = [*compiler.all(search.criteria), compiler.allowed(search.type)]
        self.conditions = tuple(condition for condition in asked if condition != Every(()))
        self.everything = compiler.of_type(search.type)
        self.stages = _SELECTIVE if any(rank(criterion) < COMMON for criterion in search.criteria) else _COMMON
        self.orders = tuple(self._order(sort) for sort in search.sorts)
        self.descending = bool(self.orders) and self.orders[0].descending

    def _order(self, sort: Sort) -> Order:
        if sort.param.code in ("_id", "_lastUpdated"):
            column = "id" if sort.param.code == "_id" else "updated"
            return Order("resource", self.everything.key, column, sort.descending, single=True)
        table, key = TABLES[sort.param.kind], sort.param.key
        asked = (one.key for one in self.conditions if isinstance(one, Rows) and one.table == table)
        name = next((name for name in asked if self.values[name] == key), None)
        column = metadata.tables[table].columns.keys()[2]
        return Order(table, name or self.values.name(key), column, sort.descending, key in single_dates())

    def meant(self, beside: Sequence[Unstored]) -> list[Found]:
        """Those of the resources that are not stored that meet every condition."""
        values = self.values
        held = [one for one in beside if all(meets(one, each, values) for each in self.conditions)]
        return [(one.row, tuple(value(one, order, values) for order in self.orders)) for one in held]

    def merged(self, found: list[Found], made: Sequence[Found], place: Place | None) -> list[Found]:
        """What was found behind a place, and of what is not stored that which comes behind it too, in order."""
        if place:
            mark = (Row(place.rid, "", "", 0, 0, False, b""), place.values)
            rest = self._in_order([*(each for each in made if each[0].rid != place.rid), mark])
            made = rest[rest.index(mark) + 1 :]
        return self._in_order([*found, *made])

    def _in_order(self, found: Iterable[Found]) -> list[Found]:
        """As the statements order: by each key, those without a value last, then by their numbers."""
        kept = sorted(found, key=lambda each: each[0].rid, reverse=self.descending)
        for n, order in reversed([*enumerate(self.orders)]):
            valued = [each for each in kept if each[1][n] is not None]
            valued.sort(key=_sorted_by(n), reverse=order.descending)
            kept = [*valued, *(each for each in kept if each[1][n] is None)]
        return kept

    def page(self, place: Place | None, limit: int) -> list[Found]:
        """The next `limit` resources."""
        self.values["limit"] = limit
        for cap, window in self.stages if self._is_choice(place) else ():
            start = self._start(cap) if cap else None
            if start:
                return self._driven(start, self.orders, place)
            if len(self.orders) > 1:  # a window may cut through resources that the first key does not tell apart
                break
            self.values["window"] = window * limit
            near = self._along(place, window=True)
            if len(near) == limit:
                return near
            if 4 * len(near) >= limit:  # the rest is not far off
                break
        return self._walked(place, limit)

    def total(self, capped: bool) -> int:
        """How many resources there are; `capped`: counted no further than the estimate goes."""
        start = self._start(_COMMON[-1][0]) if len(self.conditions) > 1 else None
        start = start or next(filter(is_drivable, self.conditions), self.everything)
        self.values["cap"] = _ESTIMATE
        return pages.counted(start, self._others(start), capped).number(self.conn, self.values)

    def _is_choice(self, place: Place | None) -> bool:
        """Whether there is more than one way to go about it."""
        if not self.orders:
            return len(self.conditions) > 1 or not all(map(is_ordered, self.conditions))
        return bool(self.conditions) and not _is_behind(place)

    def _start(self, cap: int) -> Condition | None:
        """The condition that the fewest resources meet, if fewer than `cap` do."""
        best, least = None, cap
        self.values["cap"] = cap
        for condition in filter(is_drivable, self.conditions):
            count = pages.probe(condition).number(self.conn, self.values)
            if count < least:
                best, least = condition, count
            if count <= _ENOUGH:
                break
        return best

    def _streamed(self) -> Condition:
        """What lists resources in the order of their numbers without sorting: a condition, or the type as a whole."""
        return next(filter(is_ordered, self.conditions), self.everything)

    def _others(self, start: Condition) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if condition is not start)

    def _walked(self, place: Place | None, limit: int) -> list[Found]:
        """Along the order, and behind it those that have no value there."""
        valued = [] if _is_behind(place) else self._along(place, window=False)
        if len(valued) == limit or not self.orders or self.orders[0].table == "resource":
            return valued
        first, rest = self.orders[0], None
        if place and _is_behind(place):
            rest = replace(place, values=place.values[1:])
        start = self._start(_FEW) or self._streamed()
        self.values["limit"] = limit - len(valued)
        found = self._driven(start, self.orders[1:], rest, No(Rows(first.table, first.key, ((),))))
        return [*valued, *((row, (None, *values)) for row, values in found)]

    def _along(self, place: Place | None, window: bool) -> list[Found]:
        after = self._after(place)
        if self.orders:
            return self._run(pages.walked(self.conditions, self.orders, after, window))
        start = self._streamed()
        return self._run(pages.listed(start, self._others(start), after, False, window))

    def _driven(
        self, start: Condition, orders: tuple[Order, ...], place: Place | None, *more: Condition
    ) -> list[Found]:
        checks, after = (*self._others(start), *more), self._after(place)
        if orders:
            return self._run(pages.driven(start, checks, orders, after, self.descending))
        return self._run(pages.listed(start, checks, after, self.descending, window=False))

    def _after(self, place: Place | None) -> tuple[bool, ...] | None:
        if place is None:
            return None
        self.values["after_rid"] = place.rid
        self.values.update((f"after{n}", value) for n, value in enumerate(place.values))
        return tuple(value is not None for value in place.values)

    def _run(self, statement: pages.Prepared) -> list[Found]:
        return [
            (Row(rid, type, id, version, updated, bool(gone), body, patient), tuple(values))
            for rid, type, id, version, updated, gone, body, patient, *values in statement.run(self.conn, self.values)
        ]
