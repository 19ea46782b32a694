"""The OpenID providers of organizations, and who people are elsewhere. Functions over a Connection; the caller owns the
transaction.

A person is known by issuer and subject together and by nothing else. An e-mail address or a name in an id_token may be
what somebody typed in there, or have been somebody else's last year: to match people by it would hand over accounts.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from auth.errors import BadRegistration
from auth.store import storable, upsert
from auth.tables import identity, provider, session

FEDERATED: Final = "fed"  # first word of the amr of a session that a provider vouched for
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_METHOD: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_METHODS: Final = 8


@dataclass(frozen=True)
class Provider:
    """Where an organization's people sign in. `client`: who we are there; `secret_file` holds our secret, without one
    we prove ourselves by our own keys. `organization` and `roles` are of somebody who comes for the first time; without
    roles only people who were linked get in."""

    id: str
    name: str
    issuer: str
    client: str
    secret_file: str | None = None
    organization: str | None = None
    roles: frozenset[str] = frozenset()
    disabled: bool = False


def add(conn: Connection, new: Provider, now: int) -> None:
    """Add a provider, or tell anew of one. Raises BadRegistration when the parts are no good, or when an id would get
    another issuer: people are linked to an issuer, and the two must not part unnoticed."""
    if not _ID.fullmatch(new.id):
        raise BadRegistration(
            "The id stands in addresses: small letters, digits and hyphens, 40 at most.", "provider-id"
        )
    if not new.name.strip() or not new.client.strip():
        raise BadRegistration(
            "A provider has a name, for its button, and a client id by which it knows us.", "provider-lacks"
        )
    registered = select(provider.c.id, provider.c.issuer)
    for id, issuer in conn.execute(registered.where((provider.c.id == new.id) | (provider.c.issuer == new.issuer))):
        if (id, issuer) != (new.id, new.issuer):
            said = f"{issuer} is provider {id!r} here: use that id, or another for another issuer."
            raise BadRegistration(said, "provider-taken", issuer=issuer, provider=id)
    row = {**vars(new), "roles": " ".join(sorted(new.roles))}
    kept = upsert(conn, provider).values(**row, added=now)
    conn.execute(kept.on_conflict_do_update(index_elements=["id"], set_=row))


def find(conn: Connection, id: str) -> Provider | None:
    """The provider, disabled or not."""
    if not storable(id):
        return None
    row = conn.execute(select(provider).where(provider.c.id == id)).mappings().first()
    return _read(row) if row else None


def every(conn: Connection) -> list[tuple[Provider, int]]:
    """Every provider by name, with the number of people known there."""
    people = select(func.count()).where(identity.c.issuer == provider.c.issuer).scalar_subquery()
    rows = conn.execute(select(provider, people.label("people")).order_by(provider.c.name, provider.c.id)).mappings()
    return [(_read(row), row["people"]) for row in rows]


def enabled(conn: Connection) -> list[tuple[str, str]]:
    """Id and name of each provider that has a button."""
    open = select(provider.c.id, provider.c.name).where(~provider.c.disabled)
    return [(id, name) for id, name in conn.execute(open.order_by(provider.c.name, provider.c.id))]


def disable(conn: Connection, id: str) -> None:
    """Let nobody in by this provider any more, and end the sessions that it has opened for its people."""
    conn.execute(update(provider).where(provider.c.id == id).values(disabled=True))
    _end_sessions(conn, identity.c.issuer.in_(select(provider.c.issuer).where(provider.c.id == id)))


def link(conn: Connection, issuer: str, subject: str, user: str, now: int) -> None:
    """Say that this subject of the issuer is this person here. Raises BadRegistration when it is another person."""
    if not subject.strip() or not storable(subject):
        raise BadRegistration("The subject is what the provider calls the person: sub in its id_tokens.", "subject")
    holder = linked_user(conn, issuer, subject)
    if holder not in (None, user):
        said = f"{subject!r} of {issuer} is somebody else here already."
        raise BadRegistration(said, "subject-taken", subject=subject, issuer=issuer)
    if holder is None:
        conn.execute(insert(identity).values(issuer=issuer, subject=subject, user=user, added=now, seen=now))


def unlink(conn: Connection, issuer: str, subject: str) -> bool:
    """Forget that link, and end the sessions that it may have opened; False when there is none."""
    here = (identity.c.issuer == issuer, identity.c.subject == subject)
    _end_sessions(conn, *here)
    return conn.execute(delete(identity).where(*here)).rowcount > 0


def linked_user(conn: Connection, issuer: str, subject: str) -> str | None:
    """The id of the person whom an issuer calls so."""
    linked = select(identity.c.user).where(identity.c.issuer == issuer, identity.c.subject == subject)
    user: str | None = conn.execute(linked).scalar()
    return user


def mark_seen(conn: Connection, issuer: str, subject: str, now: int) -> None:
    """Note that the person came by this identity."""
    here = (identity.c.issuer == issuer, identity.c.subject == subject)
    conn.execute(update(identity).where(*here).values(seen=now))


def methods(claims: dict[str, Any]) -> str:
    """How a provider says that it made sure of the person (amr, RFC 8176), fit to be kept with a session."""
    said = claims.get("amr")
    words = (
        [word for word in said if isinstance(word, str) and _METHOD.fullmatch(word)] if isinstance(said, list) else []
    )
    return " ".join([FEDERATED, *dict.fromkeys(words[:_METHODS])])


def _end_sessions(conn: Connection, *whose: ColumnElement[bool]) -> None:
    """End what a provider vouched for; who signed in here by other means stays."""
    people = select(identity.c.user).where(*whose)
    vouched = (session.c.amr == FEDERATED) | session.c.amr.like(f"{FEDERATED} %")
    conn.execute(delete(session).where(session.c.user.in_(people), vouched))


def _read(row: Any) -> Provider:
    names = ("id", "name", "issuer", "client", "secret_file", "organization", "disabled")
    return Provider(**{name: row[name] for name in names}, roles=frozenset(row["roles"].split()))
