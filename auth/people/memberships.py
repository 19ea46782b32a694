"""The further organizations for which a person may work. They work for one at a time, the one that their account names;
a row says for which others they may leave it."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from auth.tables import membership, token, user


def of(conn: Connection, user_id: str) -> tuple[str, ...]:
    """The ids of the further organizations of a person."""
    found = select(membership.c.organization).where(membership.c.user == user_id)
    return tuple(conn.scalars(found.order_by(membership.c.organization)))


def every(conn: Connection) -> dict[str, tuple[str, ...]]:
    """user id -> the ids of their further organizations, for those who have any."""
    found: dict[str, tuple[str, ...]] = {}
    for row in conn.execute(select(membership).order_by(membership.c.user, membership.c.organization)):
        found[row.user] = (*found.get(row.user, ()), row.organization)
    return found


def let(conn: Connection, user_id: str, organizations: Iterable[str]) -> None:
    """Let these be the further organizations of a person."""
    conn.execute(delete(membership).where(membership.c.user == user_id))
    for each in sorted(set(organizations)):
        conn.execute(insert(membership).values(user=user_id, organization=each))


def switch(conn: Connection, user_id: str, organization: str) -> bool:
    """Let a person work for another of their organizations from now on; whether it is one of them. Access tokens that
    were given out for the one before die; sessions go on, for they ask each time for whom their person works."""
    gone = delete(membership).where(membership.c.user == user_id, membership.c.organization == organization)
    if not conn.execute(gone).rowcount:
        return False
    before = conn.scalar(select(user.c.organization).where(user.c.id == user_id))
    if before and before != organization:
        conn.execute(insert(membership).values(user=user_id, organization=before))
    conn.execute(update(user).where(user.c.id == user_id).values(organization=organization))
    conn.execute(delete(token).where(token.c.subject == user_id, token.c.kind == "access"))
    return True
