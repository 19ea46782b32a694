"""Rows in bulk: one statement per table, however many rows.

The SQL is made from the tables. It goes straight to the driver, for SQLAlchemy's own price of a statement is several
times SQLite's; PostgreSQL gets the rows of a table as one JSON array, and the statements of several tables at once,
for what it waits for is the way there and back.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from carecoord.store import prepared_statements
from carecoord.store.database import driver

Values = tuple[Any, ...]
T = TypeVar("T")
_SHAPES = 256  # of changes: which columns differ is of many kinds
_WAITING = "waiting"  # of a connection: what is to be sent at the end of `together`
_psycopg: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]


def insert(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows given in the order of the table's columns; one that is there already is an error."""
    _each(conn, table, rows, "insert")


def upsert(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows, or replace those with the same primary key."""
    _each(conn, table, rows, "upsert")


def add(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert the rows that are not there yet. Rows come without the table's own number `n`."""
    _each(conn, table, rows, "add")


def change(conn: Connection, table: Table, names: tuple[str, ...], rows: Sequence[Values]) -> None:
    """Let these columns be so: each row is its key, the table's first column, and a value for each of the names."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        _driver(conn).executemany(_sqlite_update(table, names), [(*values, key) for key, *values in rows])
    else:
        keys = [key for key, *_ in rows]
        _say(conn, _postgresql_update(table, names), {"rows": _json(rows).decode(), "keys": keys})


def remove(conn: Connection, table: Table, rids: Sequence[int]) -> None:
    """Delete every row of these resources."""
    if not rids:
        return
    if conn.dialect.name == "sqlite":
        _driver(conn).executemany(_sqlite_delete(table), [(rid,) for rid in rids])
    else:
        _say(conn, _postgresql_delete(table), {"rids": list(rids)})


def discard(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Delete just these rows of resources, given in the order of the table's columns."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        places = _key_places(table)
        _driver(conn).executemany(_sqlite_discard(table), [tuple([row[n] for n in places]) for row in rows])
    else:
        place = list(table.columns).index(table.c.rid)
        rids = sorted({row[place] for row in rows})
        _say(conn, _postgresql_discard(table), {"rows": _json(rows).decode(), "rids": rids})


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Send what is written inside in one go at the end; PostgreSQL's errors come then. Only this module's functions may
    be used inside."""
    if conn.dialect.name == "sqlite":
        yield
        return
    waiting = conn.info[_WAITING] = []
    try:
        yield
    finally:
        del conn.info[_WAITING]
    prepared_statements.together(_driver(conn), waiting)


def execute(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> None:
    """Any other statement that gives no rows. No value may be a list."""
    _say(conn, *driver.worded(conn, statement, values))


def runs(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in runs of at most that size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _each(conn: Connection, table: Table, rows: Sequence[Values], how: str) -> None:
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        _driver(conn).executemany(_sqlite_insert(table, how), rows)
    else:
        _say(conn, _postgresql_insert(table, how), {"rows": _json(rows).decode()})


def _say(conn: Connection, text: str, values: Mapping[str, Any]) -> None:
    waiting = conn.info.get(_WAITING)
    if waiting is None:
        prepared_statements.execute(_driver(conn), text, values)
    else:
        waiting.append((text, values))


def _driver(conn: Connection) -> Any:
    return conn.connection.dbapi_connection


def _key_places(table: Table) -> list[int]:
    return [n for n, column in enumerate(table.columns) if column.primary_key]


def _names(table: Table, how: str) -> list[str]:
    return [column.name for column in table.columns if how != "add" or column.name != "n"]


@cache
def _sqlite_insert(table: Table, how: str) -> str:
    values: dict[str, Any] = {name: bindparam(name) for name in _names(table, how)}
    statement = sqlite.insert(table).values(values)
    if how == "upsert":
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key},
        )
    elif how == "add":
        statement = statement.on_conflict_do_nothing()
    return str(statement.compile(dialect=sqlite.dialect()))


@lru_cache(_SHAPES)
def _sqlite_update(table: Table, names: tuple[str, ...]) -> str:
    (key, *_) = table.columns
    values: Iterator[tuple[Any, Any]] = ((name, bindparam(name)) for name in names)
    return str(update(table).where(key == bindparam("key")).ordered_values(*values).compile(dialect=sqlite.dialect()))


@lru_cache(_SHAPES)
def _postgresql_update(table: Table, names: tuple[str, ...]) -> str:
    (key, *_) = table.columns
    element = _elements()
    values = {name: _value(element.op("->>")(literal_column(str(n))), table.c[name]) for n, name in enumerate(names, 1)}
    first = _value(element.op("->>")(literal_column("0")), key)
    these = update(table).where(_among(key, "keys"), key == first)
    return str(these.values(values).compile(dialect=_psycopg))


def _among(key: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Beside a comparison with `_elements`, of which PostgreSQL takes there to be a hundred: it would rather read a
    table of some thousand rows from one end to the other."""
    return key == any_(cast(bindparam(name), postgresql.ARRAY(key.type)))


def _elements() -> ColumnElement[Any]:
    rows = cast(bindparam("rows", type_=Text), postgresql.JSONB)
    return func.jsonb_array_elements(rows).column_valued("element")


@cache
def _postgresql_insert(table: Table, how: str) -> str:
    names = _names(table, how)
    element = _elements()
    values = [_value(element.op("->>")(literal_column(str(n))), table.c[name]) for n, name in enumerate(names)]
    statement = postgresql.insert(table).from_select(names, select(*values))
    if how == "upsert":
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key},
        )
    elif how == "add":
        statement = statement.on_conflict_do_nothing()
    return str(statement.compile(dialect=_psycopg))


def _value(text: ColumnElement[Any], column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, LargeBinary):
        return func.decode(text, literal_column("'base64'"))
    return cast(text, column.type)


_json = msgspec.json.Encoder().encode  # bytes become base64


@cache
def _sqlite_delete(table: Table) -> str:
    return str(delete(table).where(table.c.rid == bindparam("rid")).compile(dialect=sqlite.dialect()))


@cache
def _postgresql_delete(table: Table) -> str:
    return str(delete(table).where(_among(table.c.rid, "rids")).compile(dialect=_psycopg))


@cache
def _sqlite_discard(table: Table) -> str:
    these = (column == bindparam(column.name) for column in table.columns if column.primary_key)
    return str(delete(table).where(*these).compile(dialect=sqlite.dialect()))


@cache
def _postgresql_discard(table: Table) -> str:
    element, columns = _elements(), list(table.columns)
    values = ((columns[n], element.op("->>")(literal_column(str(n)))) for n in _key_places(table))
    these = (column == _value(text, column) for column, text in values)
    return str(delete(table).where(_among(table.c.rid, "rids"), *these).compile(dialect=_psycopg))
