"""The EHRs that we sync from, and how fresh what we hold of each is: judged by the age of its last good sync against a
goal, never by the absence of an error, for a sync that nobody starts fails nowhere. Nothing here reads an EHR; what
does needs a great deal more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from carecoord.settings import Settings
from carecoord.store.database import jobs, kinds, outbox
from carecoord.store.database.engine import reading
from carecoord.store.ehrs import ehrs
from carecoord.world import World
from fhir_adapters.ehr import Ehr

JOB: Final = "sync"  # in the outbox, with the EHR's name as its key
PATIENT_JOB: Final = "sync-patient"  # with the EHR's name and our id of the patient as its key
State = Literal["good", "late", "failed", "never"]


@dataclass(frozen=True)
class Listed:
    """An EHR and its latest run, if it was ever synced."""

    ehr: Ehr
    run: ehrs.Run | None


@dataclass(frozen=True)
class SyncHealth:
    """An EHR. run: the latest, which may be under way. good: when the last one ended that went through. every: how
    often it is synced by itself, None: never. goal: how old the last good one may be. again: when it
    is asked again by itself, None: only when somebody asks. paused: it is asked again when somebody resumes it."""

    ehr: str
    run: ehrs.Run | None
    good: datetime | None
    every: timedelta | None
    goal: timedelta
    state: State
    again: datetime | None = None
    paused: bool = False

    @property
    def is_running(self) -> bool:
        return self.run is not None and self.run.finished is None


def list_ehrs(world: World) -> list[Listed]:
    """Every EHR by name, with its latest run."""
    with reading(world.engine) as conn:
        return [Listed(one, next(iter(ehrs.runs(conn, one.name, 1)), None)) for one in ehrs.every(conn)]


def now(world: World) -> list[SyncHealth]:
    """Every EHR by name, at this moment."""
    with reading(world.engine) as conn:
        return of_each(conn, world.settings, world.clock())


def of_each(conn: Connection, settings: Settings, now: datetime) -> list[SyncHealth]:
    """Every EHR by name."""
    good, waiting = ehrs.last_good(conn), jobs.waiting(conn, JOB)
    found = []
    for one in ehrs.every(conn):
        run = next(iter(ehrs.runs(conn, one.name, 1)), None)
        job = waiting.get(one.name)
        every = kinds.interval(job.payload) if job else None
        goal = max(timedelta(minutes=settings.sync_goal), 2 * (every or timedelta()))
        ended = good.get(one.name)
        paused = job is not None and job.due >= outbox.NEVER
        again = job.due if job and not paused else None
        found.append(SyncHealth(one.name, run, ended, every, goal, _state(run, ended, now - goal), again, paused))
    return found


def _state(run: ehrs.Run | None, good: datetime | None, oldest: datetime) -> State:
    if run is not None and run.error:
        return "failed"
    if good is None:
        return "never"
    return "good" if good >= oldest else "late"
