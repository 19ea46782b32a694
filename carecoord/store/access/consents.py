"""The Consents that forbid something, kept at hand: which they are, and a mark that changes with every change of them,
so that a process that has read them once knows by one look that what it read still stands."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from carecoord.store.database import bulk
from carecoord.store.database.driver import Asked, first
from carecoord.store.database.engine import once
from carecoord.store.database.tables import directive, resource, setting
from carecoord.store.resources.read import COLUMNS, Row, rows

NAME = "directives"  # the row of `setting` that has the mark
_mark = select(setting.c.value).where(setting.c.name == bindparam("name"))
ASKED: Final[Asked] = (_mark, {"name": NAME})  # by `mark`
_all = select(*COLUMNS).join_from(directive, resource, directive.c.rid == resource.c.rid).order_by(resource.c.rid)
_some = select(*COLUMNS).where(resource.c.rid.in_(bindparam("rids", expanding=True)))
_RUN = 400


def mark(conn: Connection) -> bytes | None:
    """The mark of the Consents as they now stand; None when none ever forbade anything."""
    return once(conn, NAME, _marked)


def _marked(conn: Connection) -> bytes | None:
    found = first(conn, *ASKED)
    return bytes(found[0]) if found else None


def every(conn: Connection) -> list[Row]:
    """Every Consent that may forbid something."""
    return rows(conn.execute(_all))


def present(conn: Connection, rids: Sequence[int]) -> list[Row]:
    """These Consents as they now are."""
    return [row for run in bulk.runs(rids, _RUN) for row in rows(conn.execute(_some, {"rids": run}))]


def keep(conn: Connection, forbidding: Iterable[int], others: Iterable[int]) -> None:
    """Note which of the Consents that were written forbid something, in the transaction of that write. Those who write
    others at the same time wait for one another: no mark may stand for two states."""
    added, gone = sorted(forbidding), sorted(others)
    known = set(conn.scalars(select(directive.c.rid).where(directive.c.rid.in_([*added, *gone]))))
    if not added and known.isdisjoint(gone):
        return
    insert = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgres
    fresh = secrets.token_bytes(16)
    marked = insert(setting).values(name=NAME, value=fresh)
    conn.execute(marked.on_conflict_do_update(index_elements=["name"], set_={"value": fresh}))
    conn.execute(delete(directive).where(directive.c.rid.in_(gone)))
    new = [{"rid": rid} for rid in added if rid not in known]
    if new:
        conn.execute(insert(directive).on_conflict_do_nothing(), new)

