"""Codes of an authenticator app (RFC 6238): SHA-1, six digits, thirty seconds, one step of drift to either side.

A code counts once: the step of the last code taken is kept, and none at or before it is taken again (section 5.2).
"""

import hmac
from dataclasses import dataclass
from typing import Final

import pyotp
from sqlalchemy import Connection, delete, select, update

from auth.store import upsert
from auth.tables import totp

STEP: Final = 30  # seconds
DRIFT: Final = 1  # steps by which a telephone's clock may be wrong, either way
DIGITS: Final = 6


@dataclass(frozen=True)
class Authenticator:
    """A person's authenticator app. `confirmed`: a code of it was typed in, so it is really on their telephone."""

    secret: str
    confirmed: bool
    made: int


def find(conn: Connection, user_id: str) -> Authenticator | None:
    """The person's, confirmed or only offered."""
    row = conn.execute(select(totp.c.secret, totp.c.confirmed, totp.c.made).where(totp.c.user == user_id)).first()
    return Authenticator(*row) if row else None


def offer_secret(conn: Connection, user_id: str, now: int) -> None:
    """Make a secret to be scanned, in place of one that was never confirmed; a confirmed one stays as it is."""
    new = upsert(conn, totp).values(user=user_id, secret=pyotp.random_base32(), confirmed=False, step=0, made=now)
    again = {"secret": new.excluded.secret, "made": now, "step": 0}
    conn.execute(new.on_conflict_do_update(index_elements=["user"], set_=again, where=totp.c.confirmed.is_(False)))


def confirm(conn: Connection, user_id: str, code: str, now: int) -> bool:
    """Put the offered secret into use, if the code is one of it; False otherwise."""
    return _spend(conn, user_id, code, now, confirmed=False)


def use_code(conn: Connection, user_id: str, code: str, now: int) -> bool:
    """Whether the code is right; then it is used up, also for somebody who sends it in the same moment."""
    return _spend(conn, user_id, code, now, confirmed=True)


def remove(conn: Connection, user_id: str) -> bool:
    """Forget the authenticator; False when there was none."""
    return conn.execute(delete(totp).where(totp.c.user == user_id)).rowcount > 0


def address(secret: str, login: str, issuer: str) -> str:
    """The otpauth:// address that the app scans as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def step(secret: str, code: str, now: int, after: int = 0) -> int | None:
    """The time step whose code this is: of those within the drift, and later than `after`; None when it is of none."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == DIGITS):
        return None
    present = now // STEP
    near = range(max(present - DRIFT, after + 1), present + DRIFT + 1)
    right = pyotp.HOTP(secret)
    return next((at for at in near if hmac.compare_digest(right.at(at), typed)), None)


def _spend(conn: Connection, user_id: str, code: str, now: int, *, confirmed: bool) -> bool:
    mine = (totp.c.user == user_id, totp.c.confirmed.is_(confirmed))
    row = conn.execute(select(totp.c.secret, totp.c.step).where(*mine)).first()
    found = step(row.secret, code, now, row.step) if row else None
    if row is None or found is None:
        return False
    spent = update(totp).where(*mine, totp.c.secret == row.secret, totp.c.step < found)
    return conn.execute(spent.values(step=found, confirmed=True)).rowcount > 0
