"""All that a read needs of the database at one glance: what the token says, the mark of patients' Consents and the
resource, by one statement, which sees one state by itself.

SQLite is asked on connections that are kept for this alone: to take one from the pool and to give it back, to begin a
transaction and to end it took four times as long as the database takes to answer.
"""

import sqlite3
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, and_, bindparam, event, select

from auth.server import bearer
from auth.tables import token
from carecoord.store.access import consents
from carecoord.store.database.driver import Asked, compiled, first, foreseen
from carecoord.store.database.engine import glancing, only_reads
from carecoord.store.database.tables import resource, setting
from carecoord.store.resources.read import COLUMNS, Row

_TOKEN: Final = len(bearer.COLUMNS)
_mark = select(setting.c.value).where(setting.c.name == bindparam("mark")).scalar_subquery()
_this = and_(resource.c.type == bindparam("type"), resource.c.id == bindparam("id"))
_SEEN: Final = (
    select(*bearer.COLUMNS, _mark, *COLUMNS)
    .join_from(token, resource, _this, isouter=True)
    .where(token.c.hash == bindparam("hash"), token.c.kind == bindparam("kind"))
)
_kept: WeakKeyDictionary[Engine, list[sqlite3.Connection]] = WeakKeyDictionary()


class Glance(NamedTuple):
    """token: the row of `bearer.COLUMNS`, None where there is none. mark: of the Consents that forbid something, None
    where none ever did. row: the present version of the resource, a deleted one too, None where there never was one;
    without a token nothing is looked for."""

    token: tuple[Any, ...] | None
    mark: bytes | None
    row: Row | None


def see(engine: Engine, key: bytes, type: str, id: str) -> Glance:
    """What is there of a token, by `bearer.key`, and of a resource. Raises DatabaseAway as every transaction does."""
    asked = {"hash": key, "kind": bearer.KIND, "mark": consents.NAME, "type": type, "id": id}
    try:
        found = _quick(engine, asked) if engine.dialect.name == "sqlite" else _slow(engine, asked)
    except sqlite3.Error:  # why, the usual way tells
        found = _slow(engine, asked)
    if found is None:
        return Glance(None, None, None)
    mark, (rid, kind, name, version, updated, deleted, body, patient) = found[_TOKEN], found[_TOKEN + 1 :]
    row = None if rid is None else Row(rid, kind, name, version, updated, bool(deleted), body, patient)
    return Glance(found[:_TOKEN], None if mark is None else bytes(mark), row)


def token_of(conn: Connection, key: bytes) -> tuple[Any, ...] | None:
    """The row of a token (`bearer.COLUMNS`), by `bearer.key`. A transaction that only reads is told the mark of the
    Consents in the same way there and back: whoever asks for it next has it already."""
    asked: Asked = (bearer.FIND, {"hash": key, "kind": bearer.KIND})
    if not only_reads(conn):
        return first(conn, *asked)
    with foreseen(conn, [asked, consents.ASKED]):
        found = first(conn, *asked)
        if found is not None:
            consents.mark(conn)
        return found


def _slow(engine: Engine, asked: dict[str, Any]) -> tuple[Any, ...] | None:
    with glancing(engine) as conn:
        return first(conn, _SEEN, asked)


def _quick(engine: Engine, asked: dict[str, Any]) -> tuple[Any, ...] | None:
    """On a connection that nobody else has meanwhile. One that failed is not used again."""
    idle = kept(engine)
    try:
        raw = idle.pop()
    except IndexError:
        raw = _opened(engine)
    try:
        # There is one row at most: with it the statement is over, and the connection sees what is committed next.
        found: tuple[Any, ...] | None = raw.execute(compiled(_SEEN, "sqlite")[0], asked).fetchone()
    except BaseException:
        raw.close()
        raise
    idle.append(raw)
    return found


def kept(engine: Engine) -> list[sqlite3.Connection]:
    """The connections that nobody uses at the moment: never more than were used at once."""
    idle = _kept.get(engine)
    if idle is None:
        idle = _kept.setdefault(engine, [])
        event.listen(engine, "engine_disposed", _close)
    return idle


def _opened(engine: Engine) -> sqlite3.Connection:
    """A connection as the pool makes them, that the pool does not count."""
    made = engine.raw_connection()
    raw: Any = made.dbapi_connection
    made.detach()
    return raw  # type: ignore[no-any-return]


def _close(engine: Engine) -> None:
    idle = _kept.get(engine, [])
    while idle:
        idle.pop().close()
