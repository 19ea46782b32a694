"""A statement straight to the driver, for the few that every request makes: SQLAlchemy's own price for a statement is
several times what the database takes to answer it. The transaction is the connection's, as ever.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite

_DIALECTS = {"sqlite": sqlite(paramstyle="named"), "postgresql": postgresql(paramstyle="pyformat")}  # type: ignore[no-untyped-call]


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


def _execute(conn: Connection, statement: ClauseElement, values: Mapping[str, Any]) -> Any:
    raw: Any = conn.connection.dbapi_connection
    text, constants = _compiled(statement, conn.dialect.name)
    return raw.execute(text, {**constants, **values} if constants else values)


@lru_cache(maxsize=4096)
def _compiled(statement: ClauseElement, dialect: str) -> tuple[str, dict[str, Any]]:
    """The text of a statement whose every value is a named parameter, and the values that it brings itself."""
    compiled = statement.compile(dialect=_DIALECTS[dialect])
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}
