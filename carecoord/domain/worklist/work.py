"""Who in the referring office works on a referral, until when it rests, when it is to be touched next: a Task of ours
beside the order, which no EHR's copy overwrites.

Clause: FHIR R4 Task.restriction.period ("Over what time-period is fulfillment sought"): it begins when the case comes
back from its rest, and ends on the day of the next touch."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from uuid import UUID, uuid5

from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import EXTENSION, WORK, has
from carecoord.domain.resource.days import first, moment
from carecoord.domain.resource.elements import Json, extension, item, key, target, text

_OURS = UUID(
    "5f0f3a0e-3f3c-5b0e-9f55-0d5a3a1f7c11"
)  # two who make the Task of one order make the same one


@dataclass(frozen=True, slots=True)
class Work:
    """`task`: what is stored and not taken back, None before anybody did anything; `version`: of what is stored at all,
    0 where nothing is. `owner`: a Reference, empty where nobody has it."""

    id: str
    version: int
    task: Json | None
    owner: Json
    wakes: date | None
    touch: date | None

    def asleep(self, now: datetime, zone: tzinfo) -> bool:
        """Whether the case rests at an instant."""
        at = moment(self.wakes.isoformat(), zone) if self.wakes else None
        return at is not None and now < at


@lru_cache(4096)
def work_id(order: str) -> str:
    """The id of the Task that says who works on an order, `Type/id`, whether it is there or not."""
    return str(uuid5(_OURS, order))


def work(case: Case, zone: tzinfo) -> Work:
    """What is known of the work on a case. Where nobody was given it here, the order's own coordinator has it."""
    id = work_id(key(case.order))
    task = next((each for each in case.tasks if text(each, "id") == id and is_work(each, case.order)), None)
    named = item(extension(case.order, f"{EXTENSION}/coordinator"), "valueReference")
    alive = task if task and text(task, "status") != "entered-in-error" else None
    period = item(item(alive or {}, "restriction"), "period")
    owner = item(alive or {}, "owner") or named
    version = text(item(task or {}, "meta"), "versionId") or "0"
    return Work(id, int(version), alive, owner, _day(period, "start", zone), _day(period, "end", zone))


def is_work(task: Json, order: Json) -> bool:
    """Whether a Task is the one that says who works on an order."""
    return has(item(task, "code"), *WORK) and target(item(task, "focus")) == key(order)


def _day(period: Json, name: str, zone: tzinfo) -> date | None:
    said = text(period, name)
    return first(said, zone) if said and moment(said, zone) else None
