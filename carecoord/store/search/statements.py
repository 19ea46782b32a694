"""Conditions as SQL, each in two ways: a check of a resource at hand, and a list of resources to drive from.

The planners of both databases guess wrong about index tables (one key may have ten rows or ten million), so a
statement is written in the order in which it is to run: joins keep their order (`Then`), and checks are subqueries that
no planner turns into joins. Statements are made once per shape and hold names where the values go.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from carecoord.store.database.among import Among
from carecoord.store.database.joins import Then
from carecoord.store.database.tables import ix_reference, ix_uri, metadata, resource
from carecoord.store.database.unled import Beside
from carecoord.store.search.conditions import (
    NEAR,
    Alternative,
    Attached,
    Condition,
    Either,
    Every,
    No,
    Referred,
    Refers,
    Rows,
    Some,
    Test,
    Whose,
    is_drivable,
)


class Source(NamedTuple):
    """Where resources come from: a FROM, the column that has their numbers, and the tests on its rows."""

    origin: FromClause
    rid: ColumnElement[int]
    tests: list[ColumnElement[bool]]


def check(condition: Condition, rid: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the resource of that number meets the condition: a few steps along a primary key."""
    match condition:
        case Rows():
            rows = metadata.tables[condition.table].alias()
            return _exists(rows, [rows.c.rid == rid, *passing(condition, rows, ())], rid)
        case No(inner):
            return not_(check(inner, rid))
        case Every(conditions):
            return and_(true(), *(check(one, rid) for one in conditions))
        case Some(conditions):
            return or_(false(), *(check(one, rid) for one in conditions))
        case Refers(key, type, inner):
            link, target = ix_reference.alias(), resource.alias()
            there = [target.c.type == link.c.type, target.c.id == link.c.id, target.c.deleted.is_(False)]
            tests = [link.c.rid == rid, link.c.key == bindparam(key), link.c.type == bindparam(type)]
            return _exists(Then(link, target, and_(*there)), [*tests, check(inner, target.c.rid)], rid)
        case Whose(key, types, inner):
            link, target, who = ix_reference.alias(), resource.alias(), resource.alias()
            there = [target.c.type == link.c.type, target.c.id == link.c.id, target.c.deleted.is_(False)]
            tests = [link.c.rid == rid, link.c.key == bindparam(key), link.c.type.in_(bindparam(types, expanding=True))]
            joined = Then(Then(link, target, and_(*there)), who, and_(*_is_about(target, who)))
            return _exists(joined, [*tests, check(inner, who.c.rid)], rid)
        case Referred(key, inner):
            own, link = resource.alias(), ix_reference.alias()
            joined = Then(own, link, and_(link.c.key == bindparam(key), *_points_at(link, own)))
            return _exists(joined, [own.c.rid == rid, check(inner, link.c.rid)], rid)
        case Attached(key, base, inner):
            own, told = resource.alias(), ix_uri.alias()
            relative = own.c.type + literal_column("'/'") + own.c.id
            named = told.c.value.in_([relative, bindparam(base, type_=own.c.id.type) + relative])
            joined = Then(own, told, and_(told.c.key == bindparam(key), named))
            return _exists(joined, [own.c.rid == rid, check(inner, told.c.rid)], rid)


def drive(condition: Condition) -> Source:
    """Where to list the resources that meet a condition that `is_drivable`, in the order of an index, some perhaps more
    than once."""
    match condition:
        case Rows():
            rows = metadata.tables[condition.table].alias()
            return Source(rows, rows.c.rid, passing(condition, rows))
        case Every(conditions):
            first = next(one for one in conditions if is_drivable(one))
            origin, rid, tests = drive(first)
            return Source(origin, rid, [*tests, *(check(one, rid) for one in conditions if one is not first)])
        case Some(conditions):
            lists = union_all(*(_listed(drive(one)) for one in conditions)).subquery()
            return Source(lists, lists.c.rid, [])
        case Refers(key, type, inner):
            origin, rid, tests = drive(inner)
            target, link = resource.alias(), ix_reference.alias()
            found = Then(origin, target, target.c.rid == rid)
            pointing = and_(link.c.key == bindparam(key), *_points_at(link, target), link.c.type == bindparam(type))
            return Source(Then(found, link, pointing), link.c.rid, tests)
        case Whose(key, types, inner):
            origin, rid, tests = drive(inner)
            who, target, link = resource.alias(), resource.alias(), ix_reference.alias()
            about = Then(Then(origin, who, who.c.rid == rid), target, and_(*_is_about(target, who)))
            pointing = and_(link.c.key == bindparam(key), *_points_at(link, target), target.c.deleted.is_(False))
            of_type = link.c.type.in_(bindparam(types, expanding=True))
            return Source(Then(about, link, pointing), link.c.rid, [*tests, of_type])
        case Referred(key, inner):
            origin, rid, tests = drive(inner)
            link, target = ix_reference.alias(), resource.alias()
            links = Then(origin, link, and_(link.c.rid == rid, link.c.key == bindparam(key)))
            here = [target.c.type == link.c.type, target.c.id == link.c.id, target.c.deleted.is_(False)]
            return Source(Then(links, target, and_(*here)), target.c.rid, tests)
        case No() | Attached():
            raise ValueError("what is not there can not be listed")


def _listed(source: Source) -> Select[Any]:
    return select(source.rid.label("rid")).select_from(source.origin).where(*source.tests)


def _exists(origin: FromClause, tests: Sequence[ColumnElement[bool]], rid: ColumnElement[int]) -> ColumnElement[bool]:
    inner: Select[Any] = select(literal_column("1")).select_from(origin).where(*tests)
    outer = [rid.table] if getattr(rid, "table", None) is not None else []
    # PostgreSQL would turn the check into a join of its own choosing; an OFFSET forbids that.
    return exists(inner.correlate(*outer).suffix_with("OFFSET 0", dialect="postgresql"))


def _points_at(link: FromClause, target: FromClause) -> list[ColumnElement[bool]]:
    return [link.c.id == target.c.id, link.c.url == literal_column("''"), link.c.type == target.c.type]


def _is_about(target: FromClause, who: FromClause) -> list[ColumnElement[bool]]:
    return [who.c.type == literal_column("'Patient'"), who.c.id == target.c.patient, who.c.deleted.is_(False)]


def passing(condition: Rows, rows: FromClause, visible: Sequence[str] | None = None) -> list[ColumnElement[bool]]:
    """The tests on rows of the condition's table. visible: the columns that SQLite may look for in an index; None: all,
    but for tests that only bound a walk."""
    if condition.table == "resource":
        # An id is unique in its type: SQLite should go by that, not by "everything of the type that is not deleted".
        by_id = any(isinstance(test, Test) and test.column == "id" for way in condition.any_of for test in way)
        kind = rows.c.type if visible is None or visible else Beside(rows.c.type)
        tests = [kind == bindparam(condition.key), (Beside(rows.c.deleted) if by_id else rows.c.deleted).is_(False)]
    elif condition.table == "case_row":  # has a row for each referral, and no keys
        tests = []
    else:
        tests = [rows.c.key == bindparam(condition.key)]
    if () in condition.any_of:
        return tests
    return [*tests, or_(*(_alternative(alternative, rows, visible) for alternative in condition.any_of))]


def _alternative(alternative: Alternative, rows: FromClause, visible: Sequence[str] | None) -> ColumnElement[bool]:
    tests = [
        or_(*(_test(one, rows, visible) for one in test.tests))
        if isinstance(test, Either)
        else _test(test, rows, visible)
        for test in alternative
    ]
    return and_(*tests)


def _test(test: Test, rows: FromClause, visible: Sequence[str] | None) -> ColumnElement[bool]:
    shown = test.op != "from" if visible is None else test.column in visible
    column = rows.c[test.column] if shown else Beside(rows.c[test.column])
    match test.op:
        case "=":
            return column == bindparam(test.value)
        case "in":
            return column.in_(bindparam(test.value, expanding=True))
        case "among":
            return Among(column, test.value)
        case "like":
            return column.like(bindparam(test.value), escape="~")
        case "near":
            return _near(test, rows)
        case "from":
            return column >= bindparam(test.value, type_=column.type)
        case comparison:
            return column.op(comparison, is_comparison=True)(bindparam(test.value, type_=column.type))


def _near(test: Test, rows: FromClause) -> ColumnElement[bool]:
    """Within a circle, its four values side by side under one name."""
    latitude, longitude, shrink, radius = (bindparam(f"{test.value}{part}", type_=rows.c.low.type) for part in NEAR)
    north = rows.c.low - latitude
    east = (rows.c.high - longitude) * shrink
    return north * north + east * east <= radius * radius
