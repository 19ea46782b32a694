"""Later work looked at: what waits for a person, what goes on, and what each job of a kind is to do."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from carecoord.store.database.tables import outbox


@dataclass(frozen=True)
class Parked:
    """A job that failed too often, and the last thing that went wrong. tried: when it last was (microseconds), None:
    before that was noted. behind: how many of the same key wait until something becomes of it."""

    n: int
    kind: str
    key: str
    error: str
    attempts: int
    tried: int | None
    behind: int


def parked(conn: Connection, limit: int = 100) -> list[Parked]:
    """The jobs that wait for a person, oldest first."""
    job, other = outbox.c, outbox.alias()
    waits = (other.c.kind == job.kind, other.c.key == job.key, other.c.n > job.n)
    behind = select(func.count()).where(*waits).scalar_subquery()
    columns = (job.n, job.kind, job.key, func.coalesce(job.error, ""), job.attempts, job.tried_at, behind)
    rows = conn.execute(select(*columns).where(job.parked.is_(True)).order_by(job.n).limit(limit))
    return [Parked(*row) for row in rows]


def drop(conn: Connection, n: int) -> bool:
    """Let a parked job go for good; False: none of this number is parked."""
    return conn.execute(delete(outbox).where(outbox.c.n == n, outbox.c.parked.is_(True))).rowcount == 1


def payloads(conn: Connection, kind: str) -> dict[str, bytes]:
    """What each job of this kind is to do, by its key; of several of one key, the last."""
    rows = conn.execute(select(outbox.c.key, outbox.c.payload).where(outbox.c.kind == kind).order_by(outbox.c.n))
    return {key: bytes(payload) for key, payload in rows}
