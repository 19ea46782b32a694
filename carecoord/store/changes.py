"""What changed: the versions of every resource of some types, newest first.

Clause: FHIR R4 http.html#history (on a type, on the system).
"""

import heapq
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_

from carecoord.store.read import COLUMNS, OLD, Row, rows
from carecoord.store.tables import history as old
from carecoord.store.tables import resource as new


class Point(NamedTuple):
    """A place in the order of changes: when (microseconds), the number of the resource, the version."""

    updated: int
    rid: int
    version: int


_before = tuple_(bindparam("updated"), bindparam("rid"), bindparam("version"))
_present = (
    select(*COLUMNS)
    .where(new.c.type == bindparam("type"), new.c.deleted == bindparam("deleted"), new.c.updated >= bindparam("since"))
    .where(new.c.updated <= bindparam("updated"), tuple_(new.c.updated, new.c.rid, new.c.version) < _before)
    .order_by(new.c.updated.desc(), new.c.rid.desc())
    .limit(bindparam("count"))
)
_past = (
    select(*OLD)
    .join_from(old, new, new.c.rid == old.c.rid)
    .where(new.c.type.in_(bindparam("types", expanding=True)), old.c.updated >= bindparam("since"))
    .where(old.c.updated <= bindparam("updated"), tuple_(old.c.updated, old.c.rid, old.c.version) < _before)
    .order_by(old.c.updated.desc(), old.c.rid.desc(), old.c.version.desc())
    .limit(bindparam("count"))
)


def changes(conn: Connection, types: Iterable[str], count: int, before: Point, since: int = 0) -> list[Row]:
    """Up to `count` versions of resources of these types, deletions among them, that come before a point and are not
    older than `since` (microseconds), newest first."""
    types = list(types)
    bounds = {"count": count, "since": since, **before._asdict()}
    found = [rows(conn.execute(_past, {"types": types, **bounds}))]
    found += [
        rows(conn.execute(_present, {"type": type, "deleted": deleted, **bounds}))
        for type in types
        for deleted in (False, True)
    ]
    return list(islice(heapq.merge(*found, key=lambda row: (-row.updated, -row.rid, -row.version)), count))
