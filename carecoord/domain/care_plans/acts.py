"""What is done with a care plan at the desk, as the resources that come of it: a goal, an activity, a reading, somebody
on the team, an end. Pure: who may, and whether the tables have it, is asked where they are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from carecoord.domain.care_plans import goals, measures
from carecoord.domain.care_plans.goals import ACHIEVEMENT, Achievement
from carecoord.domain.care_plans.measures import MEASURES
from carecoord.domain.resource.elements import Json, item, items, key, text

End = Literal["completed", "revoked"]
REACHED: Final[frozenset[Achievement]] = frozenset({"achieved", "sustaining"})
_OPEN_TASK: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
_UNDER_WAY: Final = frozenset({"active", "on-hold"})  # lifecycleStatus from which a goal can be completed


@dataclass(frozen=True, slots=True)
class Aim:
    """A goal as it is written. `measure`: a code of MEASURES, empty for one that people judge; bounds in `unit`."""

    words: str
    due: date | None = None
    measure: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """A reading as somebody writes it down. `teller`: who said it, in words; empty: whoever writes measured it."""

    measure: str
    value: float
    unit: str
    on: date
    teller: str = ""


def goal(id: str, patient: str, aim: Aim, today: date) -> Json:
    """A goal that is pursued from today."""
    target: Json = {"dueDate": aim.due.isoformat()} if aim.due else {}
    if aim.measure:
        low, high = (None if each is None else measures.quantity(each, aim.unit) for each in (aim.low, aim.high))
        bounds = {name: each for name, each in (("low", low), ("high", high)) if each}
        target |= {"measure": MEASURES[aim.measure].concept, "detailRange": bounds}
    return {
        "resourceType": "Goal", "id": id, "lifecycleStatus": "active", "subject": {"reference": patient},
        "description": {"text": aim.words}, "startDate": today.isoformat(), **({"target": [target]} if target else {}),
    }  # fmt: skip


def with_goal(plan: Json, made: Json) -> Json:
    """The plan with one goal more."""
    return plan | {"goal": [*items(plan, "goal"), {"reference": key(made)}]}


def with_activity(plan: Json, reference: str) -> Json:
    """The plan with one activity more: an order, a visit or a task that says itself how it stands."""
    return plan | {"activity": [*items(plan, "activity"), {"reference": {"reference": reference}}]}


def task(id: str, plan: Json, words: str, due: datetime | None, *, owner: Json, office: Json, now: datetime) -> Json:
    """Something to be done for a plan, by somebody, until then."""
    return {
        "resourceType": "Task", "id": id, "status": "requested", "intent": "order", "description": words,
        "for": item(plan, "subject"), "basedOn": [{"reference": key(plan)}], "requester": office, "owner": owner,
        "authoredOn": now.isoformat(timespec="seconds"), "lastModified": now.isoformat(timespec="seconds"),
        **({"restriction": {"period": {"end": due.isoformat(timespec="seconds")}}} if due else {}),
    }  # fmt: skip


def done(one: Json, note: str, now: datetime) -> Json:
    """A task that was done, with what there is to say of it."""
    told = {"note": [*items(one, "note"), {"text": note, "time": now.isoformat(timespec="seconds")}]} if note else {}
    return one | {"status": "completed", "lastModified": now.isoformat(timespec="seconds")} | told


def observation(id: str, patient: str, seen: Observed, writer: Json, now: datetime) -> Json:
    """A reading; a day that is today says the time as well."""
    measure = MEASURES[seen.measure]
    at = now.isoformat(timespec="seconds") if seen.on == now.date() else seen.on.isoformat()
    return {
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": patient},
        "category": [{"coding": [{"system": measures.CATEGORY, "code": measure.category}]}], "code": measure.concept,
        "effectiveDateTime": at, "issued": now.isoformat(timespec="milliseconds"),
        "valueQuantity": measures.quantity(seen.value, seen.unit),
        "performer": [{"display": seen.teller}] if seen.teller else [writer],
        **({"note": [{"authorReference": writer, "text": seen.teller}]} if seen.teller else {}),
    }  # fmt: skip


def achieved(one: Json, achievement: Achievement, proof: str, today: date) -> Json:
    """A goal that says how far it is by a reading (`Observation/id`)."""
    if achievement == "unmeasured":
        return one
    shown = {"outcomeReference": [*items(one, "outcomeReference"), {"reference": proof}]}
    return one | shown | {
        "achievementStatus": {"coding": [{"system": ACHIEVEMENT, "code": achievement}]},
        "statusDate": today.isoformat(),
    }  # fmt: skip


def ended(
    plan: Json, how: End, why: str, own: Iterable[tuple[Json, bool]], tasks: Iterable[Json], now: datetime
) -> Sequence[Json]:
    """The plan as it ends, with what ends with it. own: its goals that no other plan pursues, each with whether it is
    reached: that one is completed, another called off. tasks: of the plan, of which those that nobody did are called
    off."""
    today = now.date().isoformat()
    period = item(plan, "period") | {"end": today}
    note = {"note": [*items(plan, "note"), {"text": why, "time": now.isoformat(timespec="seconds")}]} if why else {}
    over = [plan | note | {"status": how, "period": period}]
    for one, reached in own:
        if text(one, "lifecycleStatus") in goals.OPEN:
            full = reached and text(one, "lifecycleStatus") in _UNDER_WAY
            status = {"lifecycleStatus": "completed" if full else "cancelled", "statusDate": today}
            over.append(one | status | ({} if full or not why else {"statusReason": why}))
    for one in tasks:
        if text(one, "status") in _OPEN_TASK:
            reason = {"statusReason": {"text": why}} if why else {}
            over.append(one | reason | {"status": "cancelled", "lastModified": now.isoformat(timespec="seconds")})
    return over


def joined(team: Json | None, id: str, patient: str, member: Json, role: str, since: date) -> Json:
    """The care team with one more, from a day on; a new one where there is none."""
    base = team or {
        "resourceType": "CareTeam", "id": id, "status": "active", "subject": {"reference": patient},
        "period": {"start": since.isoformat()},
    }  # fmt: skip
    one = {"member": member, "period": {"start": since.isoformat()}, **({"role": [{"text": role}]} if role else {})}
    return base | {"participant": [*items(base, "participant"), one]}
