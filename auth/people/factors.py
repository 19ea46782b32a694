"""What a person has beside the password, taken together: an authenticator app, passkeys, recovery codes.

Whoever has an authenticator app or a passkey is no longer let in by the password alone. Recovery codes are for the day
when both are out of reach: 80 random bits each, so that a plain hash is enough, and each counts once.
"""

import secrets
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from auth.store import digest
from auth.tables import passkey, recovery, totp

CODES: Final = 10
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 that are not mistaken for one another
_GROUPS, _GROUP = 4, 4


def kinds(conn: Connection, user_id: str) -> frozenset[str]:
    """`otp` for an authenticator app, `hwk` for a passkey (the names of RFC 8176); empty: the password is all."""
    app = conn.execute(select(totp.c.user).where(totp.c.user == user_id, totp.c.confirmed.is_(True))).first()
    key = conn.execute(select(passkey.c.id).where(passkey.c.user == user_id).limit(1)).first()
    return frozenset(kind for kind, row in (("otp", app), ("hwk", key)) if row)


def holders(conn: Connection) -> dict[str, frozenset[str]]:
    """user id -> kinds, for all who have any."""
    kinds_by_user: dict[str, frozenset[str]] = {}
    for kind, table, where in (("otp", totp, totp.c.confirmed.is_(True)), ("hwk", passkey, passkey.c.user.isnot(None))):
        for user_id in conn.scalars(select(table.c.user).where(where).distinct()):
            kinds_by_user[user_id] = kinds_by_user.get(user_id, frozenset()) | {kind}
    return kinds_by_user


def new_recovery_codes(conn: Connection, user_id: str) -> list[str]:
    """New recovery codes, to be shown once; those before are good for nothing."""
    conn.execute(delete(recovery).where(recovery.c.user == user_id))
    made = [_code() for _ in range(CODES)]
    conn.execute(insert(recovery), [{"user": user_id, "hash": digest(_plain(code)), "used": None} for code in made])
    return made


def use_recovery_code(conn: Connection, user_id: str, code: str, now: int) -> bool:
    """Whether this is an unused recovery code of the person; then it is used up."""
    unused = (recovery.c.user == user_id, recovery.c.hash == digest(_plain(code)), recovery.c.used.is_(None))
    return conn.execute(update(recovery).where(*unused).values(used=now)).rowcount > 0


def recovery_codes_left(conn: Connection, user_id: str) -> int:
    """How many recovery codes are unused."""
    mine = (recovery.c.user == user_id, recovery.c.used.is_(None))
    return conn.scalar(select(func.count()).select_from(recovery).where(*mine)) or 0


def adjust_recovery_codes(conn: Connection, user_id: str) -> list[str]:
    """After a change of factors: recovery codes for who has their first factor, none for who has given up the last.
    Returns the new ones, if any."""
    if not kinds(conn, user_id):
        conn.execute(delete(recovery).where(recovery.c.user == user_id))
        return []
    if conn.scalar(select(recovery.c.user).where(recovery.c.user == user_id).limit(1)):
        return []
    return new_recovery_codes(conn, user_id)


def remove_all(conn: Connection, user_id: str) -> None:
    """Take every second factor away: the password alone lets them in again."""
    for table in (totp, passkey, recovery):
        conn.execute(delete(table).where(table.c.user == user_id))


def _code() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _plain(code: str) -> str:
    """As it is compared: people type spaces and capitals, and leave the dashes out."""
    return "".join(letter for letter in code.casefold() if letter.isalnum())
