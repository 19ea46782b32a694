"""What people have permitted apps to do, and the codes and refresh tokens that come of it. Times are whole seconds.

All tokens of one authorization are one family: it dies as a whole when its person revokes it, when a code is shown
twice (RFC 6749 section 4.1.2) or a refresh token is used twice (RFC 9700 section 4.14.2).
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from auth.store import digest
from auth.tables import authorization, client, code, token


@dataclass(frozen=True)
class Authorization:
    """One person's permission to one app. `scope` is all that was granted; `context` what the token response adds."""

    id: str
    client: str
    user: str
    scope: str
    context: dict[str, Any]
    granted: int
    used: int
    expires: int
    client_name: str = ""


@dataclass(frozen=True)
class Code:
    """An authorization code as stored; the methods are what Authlib asks of one."""

    hash: bytes
    family: str
    client: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    signed_in: int
    expires: int
    spent: bool
    amr: str = ""

    code_challenge_method = "S256"

    @property
    def code_challenge(self) -> str:
        return self.challenge

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> None:
        """None: the authorization knows it."""

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.signed_in

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        """How the person signed in, by the names of RFC 8176."""
        return self.amr.split()


def permit(conn: Connection, new: Authorization) -> None:
    """Record a permission."""
    row = {**new.__dict__, "context": json.dumps(new.context), "revoked": False}
    del row["client_name"]
    conn.execute(insert(authorization).values(row))


def find(conn: Connection, id: str | None, now: int) -> Authorization | None:
    """The authorization, unless it is revoked or over."""
    row = conn.execute(_listed.where(authorization.c.id == id, authorization.c.revoked.is_(False))).first()
    return None if row is None or row.expires <= now else _read(row)


def of_user(conn: Connection, user_id: str, now: int) -> list[Authorization]:
    """What this person has permitted and not taken back, newest first."""
    alive = (authorization.c.user == user_id, authorization.c.revoked.is_(False), authorization.c.expires > now)
    rows = conn.execute(_listed.where(*alive).order_by(authorization.c.granted.desc(), authorization.c.id))
    return [_read(row) for row in rows]


def revoke(conn: Connection, id: str) -> None:
    """End an authorization and every token of it, at once."""
    conn.execute(update(authorization).where(authorization.c.id == id).values(revoked=True))
    conn.execute(delete(token).where(token.c.family == id))


def use(conn: Connection, id: str, now: int) -> None:
    """Note that tokens were asked for again."""
    conn.execute(update(authorization).where(authorization.c.id == id).values(used=now))


def add_code(conn: Connection, new: Code) -> None:
    """Store a code by its hash."""
    conn.execute(insert(code).values(**new.__dict__))


def find_code(conn: Connection, plain: str) -> Code | None:
    """The code, spent and expired ones too."""
    row = conn.execute(select(code).where(code.c.hash == digest(plain))).mappings().first()
    return Code(**row) if row else None


def spend_code(conn: Connection, found: Code) -> bool:
    """Use a code up; False when it was used up before, also a moment ago by somebody else."""
    spent = update(code).where(code.c.hash == found.hash, code.c.spent.is_(False)).values(spent=True)
    return conn.execute(spent.returning(code.c.hash)).first() is not None


def spend_refresh(conn: Connection, plain: str) -> bool:
    """Use a refresh token up; False when it was used up before."""
    unspent = (token.c.hash == digest(plain), token.c.kind == "refresh", token.c.spent.is_(False))
    return conn.execute(update(token).where(*unspent).values(spent=True).returning(token.c.hash)).first() is not None


_listed = select(authorization, client.c.name.label("client_name")).outerjoin(
    client, client.c.id == authorization.c.client
)


def _read(row: Any) -> Authorization:
    return Authorization(
        row.id, row.client, row.user, row.scope, json.loads(row.context), row.granted, row.used, row.expires,
        row.client_name or row.client,
    )  # fmt: skip
