"""Whose answers the subscriptions of partners want, and the events of each in their order, with how they were told."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from carecoord.store.database.engine import alone
from carecoord.store.prior_auth.pas_tables import pas_event, pas_filter

HANDSHAKE = 0


@dataclass(frozen=True)
class Event:
    """What one subscription is told: that a version of a ClaimResponse (its id) came, at an instant (microseconds)."""

    subscription: str
    number: int
    response: str
    version: int
    at: int
    tries: int = 0
    tried: int | None = None
    delivered: int | None = None
    error: str | None = None


def want(conn: Connection, subscription: str, keys: Iterable[str]) -> None:
    """Let a subscription want answers to the requests of these, and of nobody else."""
    conn.execute(delete(pas_filter).where(pas_filter.c.subscription == subscription))
    if rows := [{"key": key, "subscription": subscription} for key in dict.fromkeys(keys)]:
        conn.execute(insert(pas_filter), rows)


def wanting(conn: Connection, keys: Collection[str]) -> list[str]:
    """The subscriptions that want the answers to who has one of these identifiers."""
    found = select(pas_filter.c.subscription).where(pas_filter.c.key.in_(keys)).distinct()
    return sorted(conn.scalars(found)) if keys else []


def add(conn: Connection, subscription: str, response: str, version: int, at: int) -> int:
    """Put an event behind those of a subscription, and return its number."""
    alone(conn, f"pas subscription {subscription}")
    number = count(conn, subscription) + 1
    conn.execute(insert(pas_event).values(vars(Event(subscription, number, response, version, at))))
    return number


def count(conn: Connection, subscription: str) -> int:
    """How many events a subscription has had."""
    newest = select(func.max(pas_event.c.number)).where(pas_event.c.subscription == subscription)
    return conn.scalar(newest) or 0


def one(conn: Connection, subscription: str, number: int) -> Event | None:
    """The event of a number."""
    found = select(pas_event).where(pas_event.c.subscription == subscription, pas_event.c.number == number)
    row = conn.execute(found).mappings().first()
    return Event(**row) if row else None


def tried(conn: Connection, subscription: str, number: int, at: int, error: str | None) -> None:
    """Note a try to tell an event. error: why it failed, None where it did not."""
    done = {"tries": pas_event.c.tries + 1, "tried": at, "error": error, "delivered": None if error else at}
    told = update(pas_event).where(pas_event.c.subscription == subscription, pas_event.c.number == number)
    if conn.execute(told.values(done)).rowcount == 0 and number == HANDSHAKE:
        first = Event(subscription, HANDSHAKE, "", 0, at, 1, at, None if error else at, error)
        conn.execute(insert(pas_event).values(vars(first)))


def trouble(conn: Connection, subscription: str) -> str:
    """Why the last try of a subscription failed; empty where it did not."""
    last = select(pas_event.c.error).where(pas_event.c.subscription == subscription, pas_event.c.tried.is_not(None))
    return conn.scalar(last.order_by(pas_event.c.tried.desc(), pas_event.c.number.desc()).limit(1)) or ""
