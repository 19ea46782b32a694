"""What a database knows of itself, by name: rows of `setting`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.store.database.engine import alone, writing
from carecoord.store.database.tables import setting


def get(conn: Connection, name: str) -> bytes | None:
    """What stands under the name, None where nothing does."""
    value = conn.scalar(select(setting.c.value).where(setting.c.name == name))
    return None if value is None else bytes(value)


def add(conn: Connection, name: str, value: bytes) -> None:
    """Put a value under a name that has none; the database refuses a second."""
    conn.execute(insert(setting).values(name=name, value=value))


def put(conn: Connection, name: str, value: bytes) -> None:
    """Put a value under a name, in the place of what stood there."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = make(setting).values(name=name, value=value)
    conn.execute(row.on_conflict_do_update(index_elements=[setting.c.name], set_={"value": row.excluded.value}))


@contextmanager
def anew(engine: Engine, name: str, mark: bytes) -> Iterator[Connection | None]:
    """A transaction in which what the name stands for is made anew, and the mark put when it was: None where it stands
    already. Of several that begin at once, one makes it."""
    with writing(engine) as conn:
        alone(conn, name)
        if get(conn, name) == mark:
            yield None
            return
        yield conn
        put(conn, name, mark)
