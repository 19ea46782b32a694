"""A statement straight to the driver, for the few that every request makes: SQLAlchemy's own price for a statement is
several times what the database takes to answer it. The transaction is the connection's, as ever.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from carecoord.store import prepared_statements

_DIALECTS = {"sqlite": sqlite(paramstyle="named"), "postgresql": postgresql(paramstyle="pyformat")}  # type: ignore[no-untyped-call]

# A statement, or the words of one of PostgreSQL's own; and its values.
Asked = tuple[Any, Any]

_FORESEEN = "foreseen"  # of a connection: rows by the statement in its words and its values
_KNOWN = "known"  # of a connection: its transaction, and what that knows


def known(conn: Connection) -> dict[str, Any]:
    """What the transaction of a connection knows until it ends, to be looked up and added to by name. Nothing below a
    savepoint: with that it may be undone."""
    begun = conn.get_transaction()
    if begun is None or conn.in_nested_transaction():
        return {}
    if conn.info.get(_KNOWN, (None,))[0] is not begun:
        conn.info[_KNOWN] = begun, {}
    found: dict[str, Any] = conn.info[_KNOWN][1]
    return found


def forget(conn: Connection) -> None:
    """Let the transaction know nothing of all that, also below a savepoint."""
    conn.info.pop(_KNOWN, None)


def first(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row, as the driver gives it (SQLite has no booleans), or None."""
    found: tuple[Any, ...] | None = _execute(conn, statement, values).fetchone()
    return found


def every(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Every row, as the driver gives it. No value may be a list."""
    found: list[tuple[Any, ...]] = _execute(conn, statement, values).fetchall()
    return found


def execute(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> None:
    """A statement that gives no rows. No value may be a list."""
    _execute(conn, statement, values)


@contextmanager
def foreseen(conn: Connection, asked: Sequence[Asked]) -> Iterator[None]:
    """Have PostgreSQL answer these statements in one way there and back, in this order, before they are asked one by
    one inside, each once. To be used where nothing that they read is written inside before they are asked, nor by
    anybody else while this transaction goes on. SQLite, which nobody waits for, is asked as ever."""
    found = None
    if conn.dialect.name == "postgresql" and len(asked) > 1:
        said = [each if isinstance(each[0], str) else worded(conn, *each) for each in asked]
        found = prepared_statements.answers(conn.connection.dbapi_connection, said)
    if found is None:
        yield
        return
    known: dict[Any, Any] = conn.info.setdefault(_FORESEEN, {})
    news = {_question(*each): rows for each, rows in zip(said, found, strict=True)}
    known.update(news)
    try:
        yield
    finally:
        for question in news:  # what nobody asked for, nobody has any more
            known.pop(question, None)


def _question(text: str, values: Any) -> tuple[str, str]:
    return text, repr(values)


def send(conn: Connection, text: str, *values: Any) -> None:
    """A statement of the driver's own database, in its own words, that gives nothing to look at."""
    _sent(conn, text, values or None)


def worded(conn: Connection, statement: Any, values: Any) -> tuple[str, Any]:
    """A statement in the words of its database, with every value."""
    text, constants = compiled(statement, conn.dialect.name)
    return text, {**constants, **values} if constants else values


def give_up_unread(raw: Any, entry: ConnectionPoolEntry) -> None:
    """Close a connection of SQLite's that comes back to its pool with a statement open that was not read to its end:
    whoever had it next would see the state that this one saw, and the log of writes would not be emptied past it."""
    if raw is None:
        return
    raw.interrupt()  # every statement until none is open any more: where none is, not even the next one
    try:
        raw.execute("SELECT 1 WHERE 0")
    except sqlite3.OperationalError:
        entry.invalidate()


def _execute(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> Any:
    return _sent(conn, *worded(conn, statement, values))


def _sent(conn: Connection, text: str, values: Any) -> Any:
    if foreseen := conn.info.get(_FORESEEN):
        rows = foreseen.pop(_question(text, values), None)
        if rows is not None:
            return prepared_statements.Rows(rows)
    return prepared_statements.execute(conn.connection.dbapi_connection, text, values)


@lru_cache(maxsize=4096)
def compiled(statement: ClauseElement, dialect: str) -> tuple[str, dict[str, Any]]:
    """The text of a statement whose every value is a named parameter, and the values that it brings itself."""
    made = statement.compile(dialect=_DIALECTS[dialect])
    return str(made), {name: value for name, value in made.params.items() if value is not None}
