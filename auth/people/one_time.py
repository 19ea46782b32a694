"""What must come back from a browser within minutes: a challenge, a state, a half-made sign-in. Each is taken once, and
only for the purpose that it was made for."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from auth.store import digest, fresh
from auth.tables import pending


@dataclass(frozen=True)
class Pending:
    """What was kept: whose it is, if anybody's, and the data as they were given."""

    user: str | None
    data: dict[str, Any]


def keep(conn: Connection, purpose: str, data: dict[str, Any], now: int, life: int, user: str | None = None) -> str:
    """Keep data for `life` seconds; returns the random value that will fetch them."""
    plain = fresh()
    row = {"hash": digest(plain), "purpose": purpose, "user": user, "data": json.dumps(data), "expires": now + life}
    conn.execute(insert(pending).values(**row))
    return plain


def peek(conn: Connection, purpose: str, plain: str, now: int) -> Pending | None:
    """What was kept under this value for this purpose, left in place; None when it is unknown or too old."""
    row = conn.execute(select(pending.c.user, pending.c.data).where(*_is(purpose, plain, now))).first()
    return Pending(row.user, json.loads(row.data)) if row else None


def take(conn: Connection, purpose: str, plain: str, now: int) -> Pending | None:
    """As `peek`, but nobody can have it again, also not somebody who asks in the same moment."""
    taken = delete(pending).where(*_is(purpose, plain, now)).returning(pending.c.user, pending.c.data)
    row = conn.execute(taken).first()
    return Pending(row.user, json.loads(row.data)) if row else None


def _is(purpose: str, plain: str, now: int) -> tuple[Any, ...]:
    return pending.c.hash == digest(plain), pending.c.purpose == purpose, pending.c.expires > now
