"""The notes in which somebody is named and that they have not taken up: kept, and found by whom they wait for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from carecoord.store.database import bulk
from carecoord.store.inbox.tables import mention

_RUN = 400
_mine = (
    select(mention)
    .where(mention.c.person.in_(bindparam("persons", expanding=True)))
    .order_by(mention.c.at, mention.c.rid)
    .limit(bindparam("most"))
)


def keep(conn: Connection, rids: Sequence[int], rows: Iterable[Mapping[str, Any]]) -> None:
    """Put these rows in the place of all that was kept of these Communications."""
    bulk.remove(conn, mention, rids)
    bulk.insert(conn, mention, [tuple(row[column.name] for column in mention.c) for row in rows])


def of(conn: Connection, persons: Sequence[str], most: int) -> Sequence[Row[Any]]:
    """The notes that wait for any of these, the oldest first."""
    return conn.execute(_mine, {"persons": list(persons), "most": most}).all()
