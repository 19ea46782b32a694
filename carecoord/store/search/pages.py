"""The statements of a search: how many are there, which come next, in what order.

Every page is a step of one total order: the sort keys, resources without a value last, and the resource's number as
tie-break. It is told by where the page before ended, never by an offset, so no page repeats or skips what did not move
itself. A page comes by one of two ways, which agree on that order: driven from a list that is short, with the sort keys
looked up and sorted; or walked along the index of the first sort key, with everything else checked on the way.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    distinct,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.visitors import ExternallyTraversible

from carecoord.store.database.among import OneOf
from carecoord.store.database.driver import every
from carecoord.store.database.tables import metadata, resource
from carecoord.store.resources.read import COLUMNS
from carecoord.store.search.conditions import Condition, Rows
from carecoord.store.search.statements import check, drive, passing

_SHAPES = 256  # statements kept of each kind, of up to a MiB; an application asks perhaps a hundred kinds of question


class Order(NamedTuple):
    """A sort key: a column of an index table under the key of that name, or of `resource`, whose key is the type. Of
    several values the least counts, descending the greatest. single: there are never several."""

    table: str
    key: str
    column: str
    descending: bool
    single: bool = False


class Prepared(NamedTuple):
    """A statement, and the names of those values that are lists."""

    statement: Select[Any] | CompoundSelect[Any]
    lists: frozenset[str]
    names: frozenset[str]

    def run(self, conn: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows. A list becomes as many parameters as it has items, which is SQLAlchemy's business."""
        if self.lists:
            return conn.execute(self.statement, {name: values[name] for name in self.names}).all()
        return every(conn, self.statement, values)

    def number(self, conn: Connection, values: Mapping[str, Any]) -> int:
        """The only number of the only row."""
        return int(self.run(conn, values)[0][0])


def prepared(statement: Select[Any] | CompoundSelect[Any]) -> Prepared:
    """The statement with the names of its values, found once."""
    named = [part for part in _parts(statement) if isinstance(part, BindParameter) and not part.unique]
    lists = frozenset(part.key for part in named if part.expanding)
    return Prepared(statement, lists, frozenset(part.key for part in named))


def _parts(statement: Select[Any] | CompoundSelect[Any]) -> Iterable[ExternallyTraversible]:
    """Each part once: what a check is correlated with is part of every check."""
    seen: dict[int, ExternallyTraversible] = {}
    left: list[ExternallyTraversible] = [statement]
    while left:
        part = left.pop()
        if id(part) not in seen:
            seen[id(part)] = part
            left += part.get_children()
    return seen.values()


@lru_cache(_SHAPES)
def probe(condition: Condition) -> Prepared:
    """How many rows a drive would begin with, counted up to `cap`."""
    origin, rid, tests = drive(condition)
    some = select(rid.label("rid")).select_from(origin).where(*tests).limit(bindparam("cap")).subquery()
    return prepared(select(func.count()).select_from(some))


@lru_cache(_SHAPES)
def counted(condition: Condition, checks: tuple[Condition, ...], capped: bool) -> Prepared:
    """How many resources there are, perhaps only up to `cap`."""
    origin, rid, tests = drive(condition)
    tests = [*tests, *(check(one, rid) for one in checks)]
    if not capped:
        return prepared(select(func.count(distinct(rid))).select_from(origin).where(*tests))
    some = select(rid.label("rid")).distinct().select_from(origin).where(*tests).limit(bindparam("cap")).subquery()
    return prepared(select(func.count()).select_from(some))


@lru_cache(_SHAPES)
def seen(condition: Condition) -> Prepared:
    """A row if the resource numbered `rid` meets the condition."""
    row = resource.alias()
    return prepared(select(literal_column("1")).where(row.c.rid == bindparam("rid"), check(condition, row.c.rid)))


@lru_cache(_SHAPES)
def seen_among(asked: tuple[tuple[str, Condition], ...]) -> Prepared:
    """Of each (name of a list of numbers, condition) the numbers in the list that meet the condition."""
    return prepared(union_all(*(_among(name, condition) for name, condition in asked)))


def _among(name: str, condition: Condition) -> Select[Any]:
    row = resource.alias()
    return select(row.c.rid).where(OneOf(row.c.rid, name), check(condition, row.c.rid))


@lru_cache(_SHAPES)
def listed(
    condition: Condition, checks: tuple[Condition, ...], after: tuple[bool, ...] | None, descending: bool, window: bool
) -> Prepared:
    """The next `limit` of the resources that a list has, in the order of their numbers; `window`: only among the next
    `window` on the list."""
    origin, rid, tests = drive(condition)
    found = select(rid.label("rid")).distinct().select_from(origin).where(*tests)
    if after is not None:
        found = found.where(_after([], (), after, rid, descending))
    if window:
        part = found.order_by(*_directed([rid], descending)).limit(bindparam("window")).subquery()
        rid, found = part.c.rid, select(part.c.rid)
    return prepared(_page(found.where(*(check(one, rid) for one in checks)), [], rid, (), descending))


@lru_cache(_SHAPES)
def driven(
    condition: Condition,
    checks: tuple[Condition, ...],
    orders: tuple[Order, ...],
    after: tuple[bool, ...] | None,
    descending: bool,
) -> Prepared:
    """The next `limit` of the resources that a list has, in the order of the keys. after: for each key, whether the
    page before ended on a value (`after0`, `after1` …) or among those without; None: the first page."""
    origin, number, tests = drive(condition)
    values = [_value(order, number).label(f"s{n}") for n, order in enumerate(orders)]
    whole = select(number.label("rid"), *values).distinct().select_from(origin)
    valued = whole.where(*tests, *(check(one, number) for one in checks)).subquery()
    found, rid, keys = select(valued), valued.c.rid, [valued.c[f"s{n}"] for n in range(len(orders))]
    if after is not None:
        found = found.where(_after(keys, orders, after, rid, descending))
    return prepared(_page(found, keys, rid, orders, descending))


@lru_cache(_SHAPES)
def walked(
    checks: tuple[Condition, ...], orders: tuple[Order, ...], after: tuple[bool, ...] | None, window: bool
) -> Prepared:
    """The next `limit` of the resources along the index of the first key, without those that have no value there;
    `window`: only among the next `window` rows of the index."""
    first = orders[0]
    rows: FromClause = metadata.tables[first.table].alias()
    key, rid = rows.c[first.column], rows.c.rid
    along = [_of_key(rows, first), *_beside(checks, first, rows)]
    if after is not None:
        beyond = tuple_(key, rid) < _place() if first.descending else tuple_(key, rid) > _place()
        at_most = key <= bindparam("after0") if first.descending else key >= bindparam("after0")
        along.append(beyond if len(orders) == 1 else at_most)
    if window:
        part = (
            select(*(rows.c[name] for name in ("rid", *_columns(first))))
            .where(*along)
            .order_by(*_directed([key, rid], first.descending))
        )
        rows = part.limit(bindparam("window")).subquery()
        key, rid, along = rows.c[first.column], rows.c.rid, []
    values = [key.label("s0"), *(_value(order, rid).label(f"s{n}") for n, order in enumerate(orders) if n)]
    found = select(rid.label("rid"), *values).where(*along, *_only(rows, first), *_elsewhere(checks, first, rid))
    if len(orders) == 1:
        return prepared(_page(found, [key], rid, orders, first.descending, full=1))
    valued = found.subquery()
    keys = [valued.c[f"s{n}"] for n in range(len(orders))]
    found = select(valued)
    if after is not None:
        found = found.where(_after(keys, orders, after, valued.c.rid, first.descending))
    return prepared(_page(found, keys, valued.c.rid, orders, first.descending, full=1))


def _is_beside(condition: Condition, first: Order) -> bool:
    """Whether a condition speaks of the very rows that are walked along."""
    if not isinstance(condition, Rows) or not first.single or condition.table != first.table:
        return False
    return condition.key == first.key or first.table == "resource"


def _beside(checks: tuple[Condition, ...], first: Order, rows: FromClause) -> list[ColumnElement[bool]]:
    found = [one for one in checks if isinstance(one, Rows) and _is_beside(one, first)]
    return [test for one in found for test in passing(one, rows, (first.column,))]


def _elsewhere(checks: tuple[Condition, ...], first: Order, rid: ColumnElement[int]) -> list[ColumnElement[bool]]:
    return [check(one, rid) for one in checks if not _is_beside(one, first)]


def _of_key(rows: FromClause, order: Order) -> ColumnElement[bool]:
    if order.table == "resource":
        return and_(rows.c.type == bindparam(order.key), rows.c.deleted.is_(False))
    return rows.c.key == bindparam(order.key)


def _only(rows: FromClause, order: Order) -> list[ColumnElement[bool]]:
    """Of a resource's several rows the one that counts: no other comes before it in this direction."""
    if order.single:
        return []
    other = metadata.tables[order.table].alias()
    names = _columns(order)
    mine, theirs = tuple_(*(rows.c[name] for name in names)), tuple_(*(other.c[name] for name in names))
    earlier = theirs > mine if order.descending else theirs < mine
    twin: Select[Any] = select(literal_column("1")).where(other.c.rid == rows.c.rid, _of_key(other, order), earlier)
    return [not_(exists(twin.correlate(rows).suffix_with("OFFSET 0", dialect="postgresql")))]


def _columns(order: Order) -> list[str]:
    """The columns that tell a resource's values apart, the one that is sorted by first."""
    if order.table == "resource":
        return [order.column]
    others = (column.name for column in metadata.tables[order.table].c)
    return [order.column, *(name for name in others if name not in ("rid", "key", order.column))]


def _value(order: Order, rid: ColumnElement[int]) -> ColumnElement[Any]:
    rows = metadata.tables[order.table].alias()
    pick = func.max if order.descending else func.min
    tests = [rows.c.rid == rid] if order.table == "resource" else [rows.c.rid == rid, _of_key(rows, order)]
    return select(pick(rows.c[order.column])).where(*tests).scalar_subquery()


def _place() -> ColumnElement[Any]:
    return tuple_(bindparam("after0"), bindparam("after_rid"))


def _after(
    keys: Sequence[ColumnElement[Any]],
    orders: tuple[Order, ...],
    after: tuple[bool, ...],
    rid: ColumnElement[int],
    descending: bool,
) -> ColumnElement[bool]:
    """Whether a resource comes after the place where the page before ended."""
    last = bindparam("after_rid", type_=rid.type)
    test = rid < last if descending else rid > last
    for n, order in reversed(list(enumerate(orders))):
        key, value = keys[n], bindparam(f"after{n}", type_=keys[n].type)
        if after[n]:
            beyond = key < value if order.descending else key > value
            test = or_(beyond, key.is_(None), and_(key == value, test))
        else:
            test = and_(key.is_(None), test)
    return test


def _page(
    found: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    rid: ColumnElement[int],
    orders: tuple[Order, ...],
    descending: bool,
    full: int = 0,
) -> Select[Any]:
    """Cut the page off, and fetch the bytes of what is on it. full: how many keys can not be NULL, so that an index is
    in their order (both databases keep NULLs at an end of their own liking)."""
    ordered = found.order_by(*_in_order(keys, orders, full), *_directed([rid], descending))
    page = ordered.limit(bindparam("limit")).subquery("page")
    names = [page.c[f"s{n}"] for n in range(len(orders))]
    whole = select(*COLUMNS, *names).select_from(page.outerjoin(resource, resource.c.rid == page.c.rid))
    return whole.order_by(*_in_order(names, orders, full), *_directed([page.c.rid], descending))


def _in_order(keys: Sequence[ColumnElement[Any]], orders: tuple[Order, ...], full: int) -> list[ColumnElement[Any]]:
    directed = [_directed([key], order.descending)[0] for key, order in zip(keys, orders, strict=True)]
    return [*directed[:full], *(key.nulls_last() for key in directed[full:])]


def _directed(columns: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in columns]
