"""What is between the EHRs and us on one case: what is in dispute, and what became of telling them what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from auth import store
from carecoord.actions.ehrs.sync import cost
from carecoord.actions.ehrs.sync_health import JOB, PATIENT_JOB
from carecoord.domain.referrals.case import CLINICAL, Case
from carecoord.domain.resource.elements import key
from carecoord.store.database import jobs, outbox
from carecoord.store.ehrs import conflicts, deliveries, ehrs, items
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.store.ehrs.deliveries import Delivery


@dataclass(frozen=True)
class EhrReading:
    """An EHR that holds a patient. good: when the last reading of it ended that went through. state: `later`, it is
    read again in its time; `asked`, it is to be read now; `paused`; `by-hand`, nothing reads it by itself. calls: how
    many questions it takes to read this patient alone; awaited: that was asked for, and waits."""

    ehr: str
    good: datetime | None
    state: Literal["later", "asked", "paused", "by-hand"]
    calls: int = 0
    awaited: bool = False


@dataclass(frozen=True)
class Between:
    """`names`: of the people who changed what is in dispute, by who they are to the trail. `may_settle`: the asker, and
    have the EHRs asked now. `readings`: of the EHRs that hold the patient."""

    conflicts: Sequence[Conflict] = ()
    deliveries: Sequence[Delivery] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    may_settle: bool = False
    readings: Sequence[EhrReading] = ()


def readings(conn: Connection, patient: str, now: datetime) -> list[EhrReading]:
    """How fresh what we hold of a patient is, by EHR."""
    names = sorted({one.ehr for one in items.ours(conn, "Patient", [patient])})
    if not names:
        return []
    good, waiting, alone = ehrs.last_good(conn), jobs.waiting(conn, JOB), jobs.waiting(conn, PATIENT_JOB)
    return [
        EhrReading(
            name, good.get(name), _when(waiting.get(name), now), cost(ehrs.cursors(conn, name)),
            f"{name}/{patient}" in alone,
        )
        for name in names
    ]  # fmt: skip


def _when(job: jobs.Waiting | None, now: datetime) -> Literal["later", "asked", "paused", "by-hand"]:
    if job is None:
        return "by-hand"
    return "paused" if job.due >= outbox.NEVER else "asked" if job.due <= now else "later"


def between(conn: Connection, case: Case, patient: str, may_settle: bool, now: datetime) -> Between:
    """What concerns this case of what concerns its patient."""
    disputed = {(each.type, each.id, each.element) for each in case.disputes}
    found = conflicts.of_patient(conn, patient) if disputed else []
    open = [one for one in found if (one.type, one.id, one.element) in disputed]
    held = {key(case.order), *(key(each) for name in CLINICAL.values() for each in getattr(case, name))}
    told = [one for one in deliveries.of_patient(conn, patient) if f"{one.type}/{one.id}" in held]
    people = {one.ours_by for one in open if one.ours_by}
    names = {user.id: user.name for each in people if (user := store.find_user(conn, each))}
    return Between(open, told, names, may_settle, readings(conn, patient, now))
