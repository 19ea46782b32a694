"""Links by which a person sets a password: the first one, or a new one. A link counts once, for three days, and dies
when a newer one is made for the same person."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from auth.store import User, digest, find_user, fresh
from auth.tables import invitation

LIFE: Final = 72 * 3_600  # seconds


@dataclass(frozen=True)
class Invitation:
    """A link that is still good: for whom, until when."""

    who: User
    expires: int


def invite(conn: Connection, user_id: str, now: int, by: str | None = None) -> str:
    """A new link's secret, to be shown once; `by`: the id of the person who made it."""
    withdraw(conn, user_id)
    plain = fresh()
    row = {"hash": digest(plain), "user": user_id, "by": by, "made": now, "expires": now + LIFE}
    conn.execute(insert(invitation).values(**row))
    return plain


def withdraw(conn: Connection, user_id: str) -> None:
    """Let no link for this person be good any more."""
    conn.execute(delete(invitation).where(invitation.c.user == user_id))


def peek(conn: Connection, plain: str, now: int) -> Invitation | None:
    """Whom the link is for, left as it is; None when it is unknown, used, too old, or its person disabled."""
    row = conn.execute(select(invitation.c.user, invitation.c.expires).where(*_good(plain, now))).first()
    who = find_user(conn, row.user) if row else None
    return None if row is None or who is None or who.disabled else Invitation(who, row.expires)


def redeem(conn: Connection, plain: str, now: int) -> User | None:
    """As `peek`, but the link is used up, also for somebody who opens it in the same moment."""
    taken = update(invitation).where(*_good(plain, now)).values(used=now).returning(invitation.c.user)
    row = conn.execute(taken).first()
    who = find_user(conn, row.user) if row else None
    return None if who is None or who.disabled else who


def open_for(conn: Connection, now: int) -> dict[str, int]:
    """user id -> until when, for those who have a link that is still good."""
    good = (invitation.c.used.is_(None), invitation.c.expires > now)
    return {row.user: row.expires for row in conn.execute(select(invitation.c.user, invitation.c.expires).where(*good))}


def _good(plain: str, now: int) -> tuple[Any, ...]:
    return invitation.c.hash == digest(plain), invitation.c.used.is_(None), invitation.c.expires > now
