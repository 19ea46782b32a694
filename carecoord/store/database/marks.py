"""What a database knows of itself, by name: rows of `setting`."""

from sqlalchemy import Connection, insert, select

from carecoord.store.database.tables import setting


def get(conn: Connection, name: str) -> bytes | None:
    """What stands under the name, None where nothing does."""
    value = conn.scalar(select(setting.c.value).where(setting.c.name == name))
    return None if value is None else bytes(value)


def add(conn: Connection, name: str, value: bytes) -> None:
    """Put a value under a name that has none; the database refuses a second."""
    conn.execute(insert(setting).values(name=name, value=value))
