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
    raw: Any = conn.connection.dbapi_connection
    found: tuple[Any, ...] | None = raw.execute(_sql(statement, conn.dialect.name), values).fetchone()
    return found


@lru_cache(maxsize=256)
def _sql(statement: ClauseElement, dialect: str) -> str:
    """The text of a statement whose every value is a named parameter."""
    return str(statement.compile(dialect=_DIALECTS[dialect]))
