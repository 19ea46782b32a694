"""Giving a referral to somebody, letting it rest, setting the day of its next touch: the Task of `work` as it is to be.
Pure: what is given and the present Task make the next one."""

from datetime import date, datetime
from typing import Any

from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import WORK
from carecoord.domain.resource.elements import Json, item, key, target
from carecoord.domain.worklist.work import Work

KEPT = object()  # stands for "as it is" where nothing may be a choice


def changed(
    case: Case, held: Work, now: datetime, office: Json, *, owner: Any = KEPT, wakes: Any = KEPT, touch: Any = KEPT
) -> Json:
    """The Task with a new owner (a Reference), a day on which the case comes back, a day of the next touch; what is
    not given stays. A day of a touch before the case comes back ends its rest, and a rest beyond the next touch moves
    the touch to its end: FHIR periods do not run backwards, and neither does anybody's day."""
    task: Json = {**(held.task or _fresh(case, held, now, office))}
    if owner is not KEPT:
        task["owner"] = owner
    elif "owner" not in task and held.owner:
        task["owner"] = held.owner
    starts: date | None = held.wakes if wakes is KEPT else wakes
    ends: date | None = held.touch if touch is KEPT else touch
    if starts and ends and starts > ends:
        starts, ends = (None, ends) if wakes is KEPT else (starts, starts)
    period = {name: day.isoformat() for name, day in (("start", starts), ("end", ends)) if day}
    task.pop("restriction", None)
    if period:
        task["restriction"] = {"period": period}
    if not task.get("owner"):
        task.pop("owner", None)
    return {**task, "lastModified": now.isoformat(timespec="seconds")}


def _fresh(case: Case, held: Work, now: datetime, office: Json) -> Json:
    return {
        "resourceType": "Task",
        "id": held.id,
        "status": "in-progress",
        "intent": "plan",
        "code": {"coding": [{"system": WORK[0], "code": WORK[1]}], "text": "Work on this referral"},
        "focus": {"reference": key(case.order)},
        "for": {"reference": target(item(case.order, "subject"))},
        "authoredOn": now.isoformat(timespec="seconds"),
        "requester": office,
    }
