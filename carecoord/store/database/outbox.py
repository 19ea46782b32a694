"""Later work as rows: what must happen after a commit is written in the same transaction, and done at least once.

A worker claims what is due under a lease that it renews while it works. When it dies the lease runs out, and another
takes the job; whoever lost a lease can settle the job no more. What holds for each kind stands in `kinds`. A job that
fails waits twice as long each time, at most an hour; what is done again and again waits no longer than its interval.

A worker says every few seconds that it is alive. Whoever serves can so tell that there is none.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, null, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.fhir.instants import micros
from carecoord.store.database import kinds, marks
from carecoord.store.database.driver import execute
from carecoord.store.database.engine import alone
from carecoord.store.database.tables import outbox

LONGEST_WAIT = 3600  # seconds
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # when a job is due that is held back until somebody wants it done

_BEAT = "worker_beat"
_COLUMNS = (
    outbox.c.n, outbox.c.kind, outbox.c.key, outbox.c.payload, outbox.c.attempts, outbox.c.holder, outbox.c.revision,
)  # fmt: skip
_RELEASED: dict[str, Any] = {"holder": None, "claimed_until": None, "relayed_until": None}
_GIVEN = ("kind", "key", "payload", "due_at", "attempts", "latest", "revision", "error", "parked")
_ADD = {  # straight to the driver, as `_NEWEST` and `_remove`: some write is a job in nearly every transaction
    name: made.insert(outbox).inline().values({each: bindparam(each) for each in _GIVEN})
    for name, made in (("sqlite", sqlite), ("postgresql", postgresql))
}
_NEWEST = {
    name: add.on_conflict_do_update(
        index_elements=[outbox.c.kind, outbox.c.key], index_where=text("latest"),
        set_={name: add.excluded[name] for name in ("payload", "due_at", "attempts", "parked", "error")}
        | {"revision": outbox.c.revision + 1, "relayed_until": null()},
    )
    for name, add in _ADD.items()
}  # fmt: skip
_remove = delete(outbox).where(outbox.c.kind == bindparam("kind"), outbox.c.key == bindparam("key"))
_before = outbox.alias()
# Of those that are done in turn only the first is to be had, be it claimed, waiting for its next try, or parked.
_first = or_(
    outbox.c.latest,
    ~exists().where(_before.c.kind == outbox.c.kind, _before.c.key == outbox.c.key, _before.c.n < outbox.c.n),
)


@dataclass(frozen=True)
class Lease:
    """Who claims, by a name that no other claim has, and for how long if nobody renews it."""

    holder: str
    length: timedelta


@dataclass(frozen=True)
class Job:
    """A claimed job: `attempts` counts this try. Hand it back to `done` or `failed`."""

    n: int
    kind: str
    key: str
    payload: bytes
    attempts: int
    holder: str
    revision: int


def add(conn: Connection, kind: str, key: str, payload: bytes, due_at: datetime) -> None:
    """Put a job in, to be done from `due_at` on: behind those of the same key, or in the place of one that waits, as
    its kind wants it. One that is replaced while it is being done is done once more afterwards. Raises LookupError for
    a kind that is not in the table."""
    latest = not kinds.kind(kind).in_turn
    row: dict[str, Any] = {
        "kind": kind, "key": key, "payload": payload, "due_at": micros(due_at), "attempts": 0, "latest": latest,
        "revision": 0, "error": None, "parked": False,
    }  # fmt: skip
    if not latest:
        alone(conn, f"outbox {kind} {key}")  # numbers are given before commits: without it the second may be seen first
    execute(conn, (_NEWEST if latest else _ADD)[conn.dialect.name], row)


@dataclass(frozen=True)
class Wanted:
    """Which jobs: of these kinds, due at `now`, and due for as long as `late` already."""

    kinds: Collection[str]
    now: datetime
    late: timedelta = timedelta()


def is_due(conn: Connection, wanted: Wanted) -> bool:
    """Whether such a job could be claimed."""
    return conn.execute(select(outbox.c.n).where(_claimable(wanted)).limit(1)).first() is not None


def claim(conn: Connection, wanted: Wanted, limit: int, lease: Lease) -> list[Job]:
    """Take up to `limit` such jobs, longest due first. Workers of a PostgreSQL pass over what another is just
    taking."""
    return _claim(conn, _claimable(wanted), wanted.now, limit, lease)


def claim_one(conn: Connection, n: int, wanted: Wanted, lease: Lease) -> Job | None:
    """Take the job of this number, if it is such a one, first of its key and nobody's."""
    return next(iter(_claim(conn, and_(outbox.c.n == n, _claimable(wanted)), wanted.now, 1, lease)), None)


def relay(conn: Connection, wanted: Wanted, most: int, lasting: timedelta) -> list[int]:
    """The numbers of such jobs to hand to a broker, so that at most `most` are there at once; each is noted as handed
    over and is not named again before `lasting` is over. Whoever gets a number claims the job."""
    at = micros(wanted.now)
    there = outbox.c.relayed_until > at
    claimable = _claimable(wanted)
    room = most - (conn.scalar(select(func.count()).select_from(outbox).where(claimable, there)) or 0)
    if room <= 0:
        return []
    unsent = or_(outbox.c.relayed_until.is_(None), outbox.c.relayed_until <= at)
    due = select(outbox.c.n).where(claimable, unsent).order_by(outbox.c.due_at, outbox.c.n).limit(room)
    numbers = list(conn.scalars(due.with_for_update(skip_locked=True, of=outbox)))
    relayed = update(outbox).where(outbox.c.n.in_(numbers))
    conn.execute(relayed.values(relayed_until=micros(wanted.now + lasting)))
    return numbers


def not_relayed(conn: Connection, numbers: Collection[int]) -> None:
    """The broker did not take these."""
    conn.execute(update(outbox).where(outbox.c.n.in_(numbers)).values(relayed_until=None))


def _claim(conn: Connection, which: ColumnElement[bool], now: datetime, limit: int, lease: Lease) -> list[Job]:
    due = select(outbox.c.n).where(which).order_by(outbox.c.due_at, outbox.c.n).limit(limit)
    taken = list(conn.scalars(due.with_for_update(skip_locked=True, of=outbox)))
    if not taken:
        return []
    until, at = micros(now + lease.length), micros(now)
    held = {"holder": lease.holder, "claimed_until": until, "tried_at": at, "relayed_until": None}
    claimed = update(outbox).where(outbox.c.n.in_(taken)).values(attempts=outbox.c.attempts + 1, **held)
    jobs = [Job(*row) for row in conn.execute(claimed.returning(*_COLUMNS))]
    return sorted(jobs, key=lambda job: taken.index(job.n))


def _claimable(wanted: Wanted) -> ColumnElement[bool]:
    nobodys = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= micros(wanted.now))
    due = outbox.c.due_at <= micros(wanted.now - wanted.late)
    return and_(outbox.c.kind.in_(wanted.kinds), outbox.c.parked.is_(False), due, nobodys, _first)


def renew(conn: Connection, job: Job, until: datetime) -> bool:
    """Keep a job that is still being done; False: it is no longer ours."""
    kept = update(outbox).where(outbox.c.n == job.n, outbox.c.holder == job.holder)
    return conn.execute(kept.values(claimed_until=micros(until))).rowcount == 1


def done(conn: Connection, job: Job, now: datetime) -> None:
    """The job is done and goes, or is due again after its interval. One that was replaced meanwhile is to be had again;
    one that was lost is another's, and stays as it is."""
    if kinds.kind(job.kind).periodic:
        due = micros(now + kinds.interval(job.payload))
        settled = update(outbox).values(due_at=due, attempts=0, error=None, **_RELEASED)
        _settle(conn, job, conn.execute(settled.where(*_ours(job))).rowcount)
    else:
        _settle(conn, job, conn.execute(delete(outbox).where(*_ours(job))).rowcount)


def failed(conn: Connection, job: Job, error: str, now: datetime) -> None:
    """The job did not work: it is due again after 2, 4, 8 … seconds, at most an hour; parked after its kind's tries."""
    kind = kinds.kind(job.kind)
    longest = LONGEST_WAIT
    if kind.periodic:
        longest = max(1, min(longest, int(kinds.interval(job.payload).total_seconds())))
    due = micros(now) + min(2 ** min(job.attempts, 30), longest) * 1_000_000
    settled = update(outbox).values(
        due_at=due,
        error=error[:2000].replace("\0", ""),
        parked=kind.tries is not None and job.attempts >= kind.tries,
        **_RELEASED,
    )
    _settle(conn, job, conn.execute(settled.where(*_ours(job))).rowcount)


def _ours(job: Job) -> Sequence[ColumnElement[bool]]:
    return outbox.c.n == job.n, outbox.c.holder == job.holder, outbox.c.revision == job.revision


def _settle(conn: Connection, job: Job, settled: int) -> None:
    """Let go of a job that was replaced while it was being done."""
    if not settled:
        conn.execute(update(outbox).where(outbox.c.n == job.n, outbox.c.holder == job.holder).values(_RELEASED))


def revive(conn: Connection, now: datetime, *, n: int | None = None, kind: str = "", key: str = "") -> int:
    """Try parked jobs again from now, as if they were new: all of them, or the one of this number, those of this kind
    and of this key. Returns how many."""
    chosen = update(outbox).where(outbox.c.parked.is_(True))
    for column, value in ((outbox.c.n, n), (outbox.c.kind, kind or None), (outbox.c.key, key or None)):
        if value is not None:
            chosen = chosen.where(column == value)
    return conn.execute(chosen.values(parked=False, attempts=0, due_at=micros(now), **_RELEASED)).rowcount


def hold(conn: Connection, kind: str, key: str) -> bool:
    """Hold back the job of this key, with all that it is to do, until `hasten`; returns whether there is one. What is
    being done just now is done to its end, and not again after it."""
    return _due(conn, kind, key, NEVER)


def hasten(conn: Connection, kind: str, key: str, now: datetime) -> bool:
    """Have the job of this key done now, as if it were new; returns whether there is one."""
    return _due(conn, kind, key, now)


def remove_below(conn: Connection, kind: str, prefix: str) -> None:
    """Take out every job of this kind whose key begins so, whatever became of it."""
    conn.execute(delete(outbox).where(outbox.c.kind == kind, outbox.c.key.startswith(prefix, autoescape=True)))


def _due(conn: Connection, kind: str, key: str, at: datetime) -> bool:
    fresh = {"due_at": micros(at), "attempts": 0, "parked": False, "error": None, "relayed_until": None}
    job = update(outbox).where(outbox.c.kind == kind, outbox.c.key == key)
    return conn.execute(job.values(revision=outbox.c.revision + 1, **fresh)).rowcount > 0


def remove(conn: Connection, kind: str, key: str) -> None:
    """Take a job out, whatever became of it."""
    execute(conn, _remove, {"kind": kind, "key": key})


def beat(conn: Connection, now: datetime) -> None:
    """A worker is alive."""
    marks.put(conn, _BEAT, str(micros(now)).encode())


def last_beat(conn: Connection) -> int | None:
    """When a worker last said that it is alive (microseconds); None: none ever did."""
    value = marks.get(conn, _BEAT)
    return None if value is None else int(value)
