"""What changed: the versions of every resource of some types, newest first.

Clause: FHIR R4 http.html#history (on a type, on the system).
"""

import heapq
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_

from carecoord.fhir.search.query import Filter
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new
from carecoord.store.resources.read import LISTED, OLD_LISTED, Row, rows
from carecoord.store.search.compile import SearchCompiler
from carecoord.store.search.conditions import Condition, Values
from carecoord.store.search.pages import Prepared, prepared
from carecoord.store.search.statements import check


class Point(NamedTuple):
    """A place in the order of changes: when (microseconds), the number of the resource, the version."""

    updated: int
    rid: int
    version: int


_before = tuple_(bindparam("updated"), bindparam("rid"), bindparam("version"))
_present = (
    select(*LISTED)
    .where(new.c.type == bindparam("type"), new.c.deleted == bindparam("deleted"), new.c.updated >= bindparam("since"))
    .where(new.c.updated <= bindparam("updated"), tuple_(new.c.updated, new.c.rid, new.c.version) < _before)
    .order_by(new.c.updated.desc(), new.c.rid.desc())
    .limit(bindparam("count"))
)
_past = (
    select(*OLD_LISTED)
    .join_from(old, new, new.c.rid == old.c.rid)
    .where(new.c.type.in_(bindparam("types", expanding=True)), old.c.updated >= bindparam("since"))
    .where(old.c.updated <= bindparam("updated"), tuple_(old.c.updated, old.c.rid, old.c.version) < _before)
    .order_by(old.c.updated.desc(), old.c.rid.desc(), old.c.version.desc())
    .limit(bindparam("count"))
)


class Limit(NamedTuple):
    """What narrows a type: only resources that pass the filter, and of deleted ones (no index tells of them any more)
    those that are about somebody, but not about any of `besides`; None: no deleted ones."""

    filter: Filter
    besides: tuple[str, ...] | None = None


def changes(
    conn: Connection,
    types: Iterable[str],
    count: int,
    before: Point,
    since: int = 0,
    limits: Mapping[str, Limit] = MappingProxyType({}),
) -> list[Row]:
    """Up to `count` versions of resources of these types, deletions among them, that come before a point and are not
    older than `since` (microseconds), newest first. limits: what narrows some of the types."""
    types = list(types)
    whole = [type for type in types if type not in limits]
    bounds = {"count": count, "since": since, **before._asdict()}
    found = [rows(conn.execute(_past, {"types": whole, **bounds}))]
    found += [
        rows(conn.execute(_present, {"type": type, "deleted": deleted, **bounds}))
        for type in whole
        for deleted in (False, True)
    ]
    for type in types:
        if type in limits:
            found += _limited(conn, type, limits[type], bounds)
    return list(islice(heapq.merge(*found, key=lambda row: (-row.updated, -row.rid, -row.version)), count))


def _limited(conn: Connection, type: str, limit: Limit, bounds: Mapping[str, int]) -> list[list[Row]]:
    values = Values()
    condition = SearchCompiler(values, lambda _: limit.filter).allowed(type)
    given = {**values, **bounds, "type": type, "types": [type], "besides": list(limit.besides or ())}
    states = (False,) if limit.besides is None else (False, True)
    return [rows(one.run(conn, {**given, "deleted": gone})) for gone in states for one in _narrow(condition, gone)]


@lru_cache(256)
def _narrow(condition: Condition, deleted: bool) -> tuple[Prepared, Prepared]:
    """The two statements, of resources that are there and pass the condition, or that are deleted."""
    others = new.c.patient.not_in(bindparam("besides", expanding=True))
    passing = (others,) if deleted else (check(condition, new.c.rid),)
    return prepared(_present.where(*passing)), prepared(_past.where(new.c.deleted == bindparam("deleted"), *passing))
