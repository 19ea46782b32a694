"""A mark of the registry as it stands: a process that has read of the registry once knows by one look that what it read
still stands. Marks are random: none stands for two states, in whatever database."""

import secrets
from typing import Any, Final

from sqlalchemy import Connection, select

from carecoord.store.database import driver, marks
from carecoord.store.database.engine import once
from carecoord.store.database.tables import setting

_NAME: Final = "registry:"
_SLOTS: Final = 64  # of PostgreSQL, by connection: those who change the registry at once need not wait for one another
_marks = select(setting.c.value).where(setting.c.name >= _NAME, setting.c.name < "registry;").order_by(setting.c.name)


def mark(conn: Connection) -> bytes:
    """The mark of the state that this statement sees; empty where no change was ever marked."""
    return once(conn, _NAME, _mark)


def _mark(conn: Connection) -> bytes:
    return b"".join(bytes(value) for (value,) in driver.every(conn, _marks, {}))


def renew(conn: Connection) -> None:
    """Mark that the registry is another from now on, in the transaction that changes it, once it is changed."""
    raw: Any = conn.connection.dbapi_connection
    slot = 0 if conn.dialect.name == "sqlite" else raw.info.backend_pid % _SLOTS
    marks.put(conn, f"{_NAME}{slot:02}", secrets.token_bytes(16))
