"""Later work as rows: what must happen after a commit is written in the same transaction, and done at least once.

A job has a kind and a key that are unique together; adding it again replaces it. A worker claims what is due for a
while; if it dies, the claim runs out and another takes it. A job that fails waits twice as long each time, up to an
hour, and is parked after twelve tries: a person looks at it. What is done again and again is never parked: it waits no
longer than its own interval, and is tried for as long as it takes.

A worker says every few seconds that it is alive. Whoever serves can so tell that there is none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.fhir.instants import micros
from carecoord.store.database.tables import outbox, setting

TRIES = 12
LONGEST_WAIT = 3600  # seconds
CLAIM = 300  # seconds that a worker has for one job

_BEAT = "worker_beat"
_COLUMNS = (outbox.c.n, outbox.c.kind, outbox.c.key, outbox.c.payload, outbox.c.attempts, outbox.c.claimed_until)


@dataclass(frozen=True)
class Job:
    """A claimed job: `attempts` counts this try. Hand it back to `done` or `failed`."""

    n: int
    kind: str
    key: str
    payload: bytes
    attempts: int
    claimed_until: int


@dataclass(frozen=True)
class Parked:
    """A job that failed too often, and the last thing that went wrong."""

    n: int
    kind: str
    key: str
    error: str


def add(conn: Connection, kind: str, key: str, payload: bytes, due_at: datetime) -> None:
    """Put a job in, to be done from `due_at` on. One of the same kind and key is replaced, even while it is being
    done: then it is done once more."""
    given = {"payload": payload, "due_at": micros(due_at), "attempts": 0, "claimed_until": None, "parked": False}
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = make(outbox).values(kind=kind, key=key, error=None, **given)
    conn.execute(row.on_conflict_do_update(index_elements=[outbox.c.kind, outbox.c.key], set_={**given, "error": None}))


def claim(conn: Connection, now: datetime, limit: int) -> list[Job]:
    """Take up to `limit` due jobs, longest due first; they are this worker's for CLAIM seconds. Workers of a PostgreSQL
    pass over what another is just taking."""
    at = micros(now)
    due = (
        select(outbox.c.n)
        .where(outbox.c.parked.is_(False), outbox.c.due_at <= at)
        .where(or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= at))
        .order_by(outbox.c.due_at, outbox.c.n)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(conn.scalars(due))
    if not taken:
        return []
    mine = outbox.c.n.in_(taken)
    held = {"attempts": outbox.c.attempts + 1, "claimed_until": at + CLAIM * 1_000_000}
    conn.execute(update(outbox).where(mine).values(held))
    return [Job(*row) for row in conn.execute(select(*_COLUMNS).where(mine).order_by(outbox.c.due_at, outbox.c.n))]


def done(conn: Connection, job: Job) -> None:
    """The job is done and goes; unless it was added again meanwhile, or its claim ran out and another has it."""
    conn.execute(delete(outbox).where(outbox.c.n == job.n, outbox.c.claimed_until == job.claimed_until))


def failed(conn: Connection, job: Job, error: str, now: datetime, every: timedelta | None = None) -> None:
    """The job did not work: it is due again after 2, 4, 8 … seconds, at most an hour; parked after TRIES. every: how
    often it is done when all is well; it then waits no longer, and is never parked."""
    longest = LONGEST_WAIT if every is None else max(int(every.total_seconds()), 1)
    wait = min(2 ** min(job.attempts, 30), longest)
    conn.execute(
        update(outbox)
        .where(outbox.c.n == job.n, outbox.c.claimed_until == job.claimed_until)
        .values(
            due_at=micros(now) + wait * 1_000_000,
            claimed_until=None,
            error=error[:2000].replace("\0", ""),
            parked=every is None and job.attempts >= TRIES,
        )
    )


def parked(conn: Connection, limit: int = 100) -> list[Parked]:
    """The jobs that wait for a person, oldest first."""
    columns = (outbox.c.n, outbox.c.kind, outbox.c.key, outbox.c.error)
    rows = conn.execute(select(*columns).where(outbox.c.parked.is_(True)).order_by(outbox.c.n).limit(limit))
    return [Parked(*row) for row in rows]


def revive(conn: Connection, now: datetime, *, n: int | None = None, kind: str = "", key: str = "") -> int:
    """Try parked jobs again from now, as if they were new: all of them, or the one of this number, those of this kind
    and of this key. Returns how many."""
    chosen = update(outbox).where(outbox.c.parked.is_(True))
    for column, value in ((outbox.c.n, n), (outbox.c.kind, kind or None), (outbox.c.key, key or None)):
        if value is not None:
            chosen = chosen.where(column == value)
    return conn.execute(chosen.values(parked=False, attempts=0, claimed_until=None, due_at=micros(now))).rowcount


def payloads(conn: Connection, kind: str) -> dict[str, bytes]:
    """What each job of this kind is to do, by its key."""
    rows = conn.execute(select(outbox.c.key, outbox.c.payload).where(outbox.c.kind == kind))
    return {key: bytes(payload) for key, payload in rows}


def remove(conn: Connection, kind: str, key: str) -> None:
    """Take a job out, whatever became of it."""
    conn.execute(delete(outbox).where(outbox.c.kind == kind, outbox.c.key == key))


def beat(conn: Connection, now: datetime) -> None:
    """A worker is alive."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = make(setting).values(name=_BEAT, value=str(micros(now)).encode())
    conn.execute(row.on_conflict_do_update(index_elements=[setting.c.name], set_={"value": row.excluded.value}))


def last_beat(conn: Connection) -> int | None:
    """When a worker last said that it is alive (microseconds); None: none ever did."""
    value = conn.scalar(select(setting.c.value).where(setting.c.name == _BEAT))
    return None if value is None else int(bytes(value))
