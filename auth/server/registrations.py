"""Registrations as admins and the apps themselves handle them: to wait, to be let in, to be changed, to end.

The caller owns the transaction. What opens a registration is a token of its own (RFC 7592), kept as its hash.
"""

import hmac
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from auth import store
from auth.errors import BadRegistration
from auth.scopes import intersect, parse, render
from auth.store import Client, digest, fresh
from auth.tables import authorization, client, code, launch, token

MOST_PENDING: Final = 100  # registrations that wait for an admin at once: anybody may add one
LONGEST_WAIT: Final = 30 * 86_400  # seconds until one that nobody answered is forgotten


@dataclass(frozen=True)
class AppOverview:
    """An app as an admin sees it. `used`: when it was last given a token, as far as one is still kept."""

    app: Client
    added: int
    used: int | None
    authorizations: int


def enrol(conn: Connection, new: Client, now: int, secret: str | None) -> str:
    """Keep a registration; returns its token, seen only now. Raises BadRegistration when too many wait already."""
    forgotten = select(client.c.id).where(client.c.pending, client.c.added <= now - LONGEST_WAIT)
    for id in conn.execute(forgotten).scalars().all():
        forget(conn, id)
    waiting = conn.execute(select(func.count()).where(client.c.pending)).scalar_one()
    if waiting >= MOST_PENDING:
        raise BadRegistration(
            "Too many registrations wait for an admin. Try again when they have been looked at.", "too-many-wait"
        )
    store.add_client(conn, new, now, secret)
    opens = fresh()
    conn.execute(update(client).where(client.c.id == new.id).values(registration=digest(opens)))
    return opens


def with_token(conn: Connection, id: str, opens: str) -> Client | None:
    """The registration that this token opens, in constant time; None for any other."""
    found = store.find_client(conn, id)
    if found is None:
        return None
    known = conn.execute(select(client.c.registration).where(client.c.id == id)).scalar()
    return found if known is not None and hmac.compare_digest(known, digest(opens)) else None


def approve(conn: Connection, id: str, scope: str | None = None) -> Client:
    """Let a waiting app in, with all that it asked or with less. Raises BadRegistration."""
    found = find_pending(conn, id)
    granted = found.scope if scope is None else render(intersect(parse(scope), parse(found.scope)))
    if not granted:
        raise BadRegistration(
            "An app that may do nothing can not be let in: leave it something, or refuse it.", "nothing-left"
        )
    approved = replace(found, scope=granted, pending=False, disabled=False)
    store.change_client(conn, approved)
    return approved


def find_pending(conn: Connection, id: str) -> Client:
    """A registration that waits. Raises BadRegistration when there is none."""
    found = store.find_client(conn, id)
    if found is None or not found.pending:
        raise BadRegistration(f"No app {id!r} waits for an answer.", "none-waits", app=id)
    return found


def forget(conn: Connection, id: str) -> None:
    """End a registration with all that came of it: its tokens, codes and launches, what people permitted it."""
    given = update(authorization).where(authorization.c.client == id, authorization.c.revoked.is_(False))
    conn.execute(given.values(revoked=True))
    for table in (token, code, launch):
        conn.execute(delete(table).where(table.c.client == id))
    conn.execute(delete(client).where(client.c.id == id))


def set_secret(conn: Connection, id: str, secret: str) -> None:
    """Replace the secret of an app; the old one is worth nothing from now on."""
    conn.execute(update(client).where(client.c.id == id).values(secret=digest(secret)))


def overview(conn: Connection, now: int) -> list[AppOverview]:
    """Every app: those that wait first, oldest first; then the others by name."""
    alive = (authorization.c.revoked.is_(False), authorization.c.expires > now)
    counts = select(authorization.c.client, func.count(), func.max(authorization.c.used)).where(*alive)
    people = {id: (count, used) for id, count, used in conn.execute(counts.group_by(authorization.c.client))}
    issued = select(token.c.client, func.max(token.c.issued)).group_by(token.c.client)
    latest = {row[0]: row[1] for row in conn.execute(issued)}
    since = {row[0]: row[1] for row in conn.execute(select(client.c.id, client.c.added))}
    found = []
    for app in store.clients(conn):
        count, used = people.get(app.id, (0, 0))
        found.append(AppOverview(app, since[app.id], max(used, latest.get(app.id, 0)) or None, count))
    return sorted(found, key=lambda row: (not row.app.pending, row.added if row.app.pending else 0))


def replace_metadata(conn: Connection, changed: Client, secret: str | None, now: int) -> None:
    """Put what an app now says of itself in the place of what it said; it waits again, from now on. Its access tokens
    die."""
    store.change_client(conn, changed)
    anew = {"secret": secret and digest(secret), "added": now}
    conn.execute(update(client).where(client.c.id == changed.id).values(anew))


