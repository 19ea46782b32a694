"""A mark of the registry as it stands: a process that has read of the registry once knows by one look that what it read
still stands. Marks are random: none stands for two states, in whatever database.

Who judges by the registry and who changes it must not miss each other on PostgreSQL, where neither sees what the
other has not finished. Each says what it is about to do before it looks for the other: who changes it (`renew`) waits
for those who have just judged, and then finds their cases; who has judged (`keep`) sees that it is being changed, or
was."""

import secrets
from typing import Any, Final

from sqlalchemy import Connection, select

from carecoord.store.database import driver, marks
from carecoord.store.database.engine import lock_number, once, only_reads
from carecoord.store.database.tables import setting

_NAME: Final = "registry:"
_KNOWN: Final = "registry"  # of a transaction that writes (driver.known)
_LOOKED: Final = "mark"  # as it saw it last
_STILL: Final = "still"  # and that it is so until the transaction ends
_SAID: Final = "registry: said"  # of a connection: its transaction that has said that it changes the registry
_SLOTS: Final = 64  # of PostgreSQL, by connection: those who change the registry at once need not wait for one another
_JUDGING: Final = lock_number("registry: judged by it")
_CHANGING: Final = lock_number("registry: being changed")
_SAY_AND_LOOK: Final = (  # the second is let go at once: two who judge are in nobody's way
    f"SELECT pg_advisory_xact_lock_shared({_JUDGING}), "
    f"CASE WHEN pg_try_advisory_lock({_CHANGING}) THEN pg_advisory_unlock({_CHANGING}) ELSE false END"
)
_SAY: Final = f"SELECT pg_advisory_xact_lock_shared({_CHANGING})"
_WAIT: Final = {each: f"SELECT pg_advisory_lock({each}), pg_advisory_unlock({each})" for each in (_JUDGING, _CHANGING)}
_marks = select(setting.c.value).where(setting.c.name >= _NAME, setting.c.name < "registry;").order_by(setting.c.name)
ASKED: Final[driver.Asked] = (_marks, {})  # by `mark`


def mark(conn: Connection) -> bytes:
    """The mark of the state that this statement sees; empty where no change was ever marked. Of a registry that stands
    still until the transaction ends (`hold_still`) nothing is read again."""
    known = _known(conn)
    if _STILL not in known:
        known[_LOOKED] = once(conn, _NAME, _mark)
        if conn.dialect.name == "sqlite":
            known[_STILL] = True
    return bytes(known[_LOOKED])


def looked(conn: Connection) -> bytes:
    """The mark as this transaction saw it last: for what may be as old as the transaction."""
    known = _known(conn)
    return bytes(known[_LOOKED]) if _LOOKED in known else mark(conn)


def _known(conn: Connection) -> dict[str, Any]:
    """What a transaction that writes knows of the registry; nothing below a savepoint, for with that it may be
    undone."""
    known: dict[str, Any] = {} if only_reads(conn) else driver.known(conn).setdefault(_KNOWN, {})
    return known


def _mark(conn: Connection) -> bytes:
    return b"".join(bytes(value) for (value,) in driver.every(conn, *ASKED))


def renew(conn: Connection) -> None:
    """Mark that the registry is another from now on, in the transaction that changes it, once it is changed and before
    it is asked what leans on it. A transaction that does so again waits for nobody: whoever judges since it said so
    sees that, and of two who each judged in between one would have to be broken off."""
    raw: Any = conn.connection.dbapi_connection
    if conn.dialect.name == "sqlite":
        slot = 0
    else:
        slot = raw.info.backend_pid % _SLOTS
        begun = conn.get_transaction()
        if begun is None or conn.info.get(_SAID) is not begun:
            raw.execute(_SAY)
            raw.execute(_WAIT[_JUDGING])
            if not conn.in_nested_transaction():  # what was said below a savepoint may be undone with it
                conn.info[_SAID] = begun
    marks.put(conn, f"{_NAME}{slot:02}", secrets.token_bytes(16))
    driver.forget(conn)


def keep(conn: Connection, seen: bytes) -> bool:
    """Whether what was judged by the registry with the mark `seen` may stand: nobody has changed it, and nobody is
    about to. Who will, waits until this transaction ends. To be called once what leans on it is written down, where
    the registry was not held still before."""
    if conn.dialect.name == "sqlite":
        return True  # it has one writer at a time
    return hold_still(conn) and mark(conn) == seen


def hold_still(conn: Connection) -> bool:
    """Let the registry stand as it is until this transaction ends, but for what this transaction itself changes. False
    where somebody is changing it in this moment: then it may be another at every look."""
    known = _known(conn)
    if _STILL in known:
        return True
    if conn.dialect.name != "sqlite":
        raw: Any = conn.connection.dbapi_connection
        _, alone = raw.execute(_SAY_AND_LOOK).fetchone()
        if not alone:
            return False
    mark(conn)
    known[_STILL] = True
    return True


def await_changes(conn: Connection) -> None:
    """Wait until nobody is changing the registry: for who has time, and holds nothing yet."""
    if conn.dialect.name == "postgresql":
        raw: Any = conn.connection.dbapi_connection
        raw.execute(_WAIT[_CHANGING])
