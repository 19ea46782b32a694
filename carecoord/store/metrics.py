"""The numbers that tell an operator how the work stands: counts and times, of nobody in particular."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from carecoord.store.audit.tables import audit, audit_seal
from carecoord.store.database.outbox import last_beat
from carecoord.store.database.tables import ehr_run, outbox


@dataclass(frozen=True)
class LastRun:
    """The latest sync of an EHR. Times in microseconds; finished None: it is under way, or was broken off."""

    ehr: str
    started: int
    finished: int | None
    failed: bool
    received: int


@dataclass(frozen=True)
class Standing:
    """waiting: jobs that are not parked, due or later. oldest: when the longest due one was due, if one is. unsealed:
    rows of the audit behind the end of its chain. beat: when a worker last said that it is alive."""

    waiting: int
    parked: int
    oldest: int | None
    unsealed: int
    runs: tuple[LastRun, ...]
    beat: int | None


def standing(conn: Connection, now: int) -> Standing:
    """How the work stands at `now` (microseconds). A handful of look-ups by index, whatever the tables hold."""
    job, at = outbox.c, outbox.c.due_at
    by_parked = select(job.parked, func.count()).group_by(job.parked)
    idle = func.coalesce(job.claimed_until, 0) <= now  # what is being done is not late, however long it takes
    counts = {bool(parked): int(count) for parked, count in conn.execute(by_parked)}
    oldest = conn.scalar(select(func.min(at)).where(job.parked.is_(False), at <= now, idle))
    last, sealed = conn.scalar(select(func.max(audit.c.n))) or 0, conn.scalar(select(func.max(audit_seal.c.n))) or 0
    newest = select(func.max(ehr_run.c.n)).group_by(ehr_run.c.ehr)
    run = ehr_run.c
    rows = conn.execute(
        select(run.ehr, run.started, run.finished, run.error.is_not(None), run.received)
        .where(run.n.in_(newest))
        .order_by(run.ehr)
    )
    runs = tuple(LastRun(ehr, started, done, bool(failed), got) for ehr, started, done, failed, got in rows)
    return Standing(counts.get(False, 0), counts.get(True, 0), oldest, max(last - sealed, 0), runs, last_beat(conn))
