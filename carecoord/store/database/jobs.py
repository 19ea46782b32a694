"""Later work looked at: what waits for a person, what goes on, and what each job of a kind is to do."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select

from carecoord.fhir.instants import micros, moment
from carecoord.store.database import kinds
from carecoord.store.database.tables import outbox

FOREIGN = 3600  # seconds that a job of an unknown kind is due before a person is asked: a newer worker may be coming


@dataclass(frozen=True)
class Stuck:
    """A job that waits for a person: it failed too often, or is of a kind that this version does not know. error: the
    last thing that went wrong. tried: when it last was (microseconds), if that is known. behind: how many of the same
    key wait until something becomes of it."""

    n: int
    kind: str
    key: str
    error: str
    attempts: int
    tried: int | None
    behind: int
    known: bool


@dataclass(frozen=True)
class Waiting:
    """A job as it stands in the outbox."""

    payload: bytes
    due: datetime


@dataclass(frozen=True)
class LaneCount:
    """How many jobs of a lane are being done, are due and wait for a hand, and are to be done later."""

    lane: str
    running: int
    due: int
    later: int

    @property
    def is_left(self) -> bool:
        """Whether something is due and nobody does anything."""
        return bool(self.due and not self.running)


def stuck(conn: Connection, now: datetime, limit: int = 100) -> list[Stuck]:
    """The jobs that wait for a person, oldest first."""
    job, other = outbox.c, outbox.alias()
    waits = (other.c.kind == job.kind, other.c.key == job.key, other.c.n > job.n)
    behind = select(func.count()).where(*waits).scalar_subquery()
    columns = (job.n, job.kind, job.key, func.coalesce(job.error, ""), job.attempts, job.tried_at, behind)
    rows = conn.execute(select(*columns).where(_stuck(now)).order_by(job.n).limit(limit))
    return [Stuck(*row, known=row.kind in kinds.KINDS) for row in rows]


def drop(conn: Connection, n: int, now: datetime) -> Stuck | None:
    """Let a job go for good that waits for a person; returns what it was, None: none of this number does."""
    gone = next((each for each in stuck(conn, now, 10_000) if each.n == n), None)
    if gone:
        conn.execute(delete(outbox).where(outbox.c.n == n, _stuck(now)))
    return gone


def _stuck(now: datetime) -> ColumnElement[bool]:
    foreign = and_(outbox.c.kind.not_in(list(kinds.KINDS)), outbox.c.due_at <= micros(now) - FOREIGN * 1_000_000)
    return or_(outbox.c.parked.is_(True), foreign)


def waiting(conn: Connection, kind: str) -> dict[str, Waiting]:
    """What each job of this kind is to do and when, by its key; of several of one key, the first."""
    columns = (outbox.c.key, outbox.c.payload, outbox.c.due_at)
    rows = conn.execute(select(*columns).where(outbox.c.kind == kind).order_by(outbox.c.n.desc()))
    return {key: Waiting(bytes(payload), moment(due)) for key, payload, due in rows}


def counts(conn: Connection, now: datetime) -> list[LaneCount]:
    """How the lanes stand that have kinds; what waits for a person is not among it."""
    at = micros(now)
    held = func.coalesce(outbox.c.claimed_until, 0) > at
    state = case((held, "running"), (outbox.c.due_at <= at, "due"), else_="later")
    rows = conn.execute(
        select(outbox.c.kind, state, func.count()).where(outbox.c.parked.is_(False)).group_by(outbox.c.kind, state)
    )
    found = {lane: dict.fromkeys(("running", "due", "later"), 0) for lane in kinds.LANES if kinds.of_lanes([lane])}
    for kind, stands, count in rows:
        if kind in kinds.KINDS:
            found[kinds.KINDS[kind].lane][stands] += count
    return [LaneCount(lane, **each) for lane, each in found.items()]
