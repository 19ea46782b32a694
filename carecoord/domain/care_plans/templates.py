"""Templates of care plans: what a PlanDefinition makes of one patient on one day, as the resources that it comes to.

Every action at the end of its branch becomes a Task with the day by which it is due, every goal a Goal. What would have
to be chosen or judged first (a condition, one of several) is refused and never guessed. Clauses: FHIR R4
plandefinition.html#12.18.2.2 ($apply), resource-pertainsToGoal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from carecoord.domain.prior_auth.rule_book import payer_of
from carecoord.domain.resource.days import days
from carecoord.domain.resource.elements import Json, item, items, key, number, text
from carecoord.errors import Unprocessable
from carecoord.words.sentence import sentence

_PERTAINS: Final = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"
_ALL: Final = ("", "all", "any", "all-or-none", "one-or-more")  # selectionBehavior by which every action may be taken
_DETAILS: Final = ("detailQuantity", "detailRange", "detailCodeableConcept")
_LENGTHS: Final[Mapping[str, timedelta]] = {
    "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "wk": timedelta(weeks=1),
}  # fmt: skip
_MONTHS: Final = {"mo": 1, "a": 12}
_DEEPEST: Final = 20  # actions that hang on one another


@dataclass(frozen=True, slots=True)
class Applying:
    """To whom, from when, by whom. `new_id`: makes the id of a resource."""

    patient: str  # Patient/id
    at: datetime  # in the zone whose days count
    author: Json | None  # a Reference
    office: Json | None
    new_id: Callable[[], str]

    @property
    def day(self) -> date:
        """The first day."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it, ready to be written together."""

    plan: Json
    goals: Sequence[Json]
    tasks: Sequence[Json]

    @property
    def resources(self) -> list[Json]:
        """All of it."""
        return [*self.goals, *self.tasks, self.plan]


def is_template(definition: Json, day: date, zone: tzinfo) -> bool:
    """Whether a PlanDefinition is a template of care plans in force on a day, rather than a payer's book of rules."""
    in_force = text(definition, "status") == "active" and days(definition.get("effectivePeriod"), zone).holds(day)
    return in_force and not payer_of(definition) and bool(definition.get("action") or definition.get("goal"))


def name(definition: Json) -> str:
    """What people call it."""
    return text(definition, "title") or text(definition, "name") or text(definition, "id")


def applied(definition: Json, to: Applying) -> Applied:
    """The plan with its goals and tasks. Raises Unprocessable naming what can not be decided here."""
    goals = {text(each, "id") or str(n): _goal(each, to) for n, each in enumerate(items(definition, "goal"))}
    plan_id = to.new_id()
    actions = list(_leaves(items(definition, "action")))
    due = _Due(actions, to)
    tasks = [_task(each, due.of(each), goals, f"CarePlan/{plan_id}", to) for each in actions]
    canonical = "|".join(part for part in (text(definition, "url"), text(definition, "version")) if part)
    plan = {
        "resourceType": "CarePlan", "id": plan_id, "status": "active", "intent": "plan", "title": name(definition),
        "category": [{"coding": [{"system": _CATEGORY, "code": "assess-plan"}]}], "subject": {"reference": to.patient},
        "period": {"start": to.day.isoformat()}, "created": to.at.isoformat(timespec="seconds"),
        **({"author": to.author} if to.author else {}),
        **({"instantiatesCanonical": [canonical]} if canonical else {}),
        **({"description": said} if (said := text(definition, "description")) else {}),
        **({"goal": [{"reference": key(each)} for each in goals.values()]} if goals else {}),
        **({"activity": [{"reference": {"reference": key(each)}} for each in tasks]} if tasks else {}),
    }  # fmt: skip
    return Applied(plan, list(goals.values()), tasks)


def _goal(said: Json, to: Applying) -> Json:
    return {
        "resourceType": "Goal", "id": to.new_id(), "lifecycleStatus": "active", "subject": {"reference": to.patient},
        "description": item(said, "description"), "startDate": to.day.isoformat(),
        **({"category": [said["category"]]} if item(said, "category") else {}),
        **({"priority": said["priority"]} if item(said, "priority") else {}),
        **({"target": found} if (found := [_target(each, to) for each in items(said, "target")]) else {}),
    }  # fmt: skip


def _target(said: Json, to: Applying) -> Json:
    found: Json = {"measure": said["measure"]} if item(said, "measure") else {}
    found |= {name: said[name] for name in _DETAILS if name in said}
    due = item(said, "due")
    return found | ({"dueDate": _after(to.at, due).date().isoformat()} if due else {})


def _leaves(actions: Sequence[Json], around: Json | None = None) -> Iterator[Json]:
    """Every action that has none inside. What stands around it gives its time where it has none of its own."""
    for each in actions:
        if each.get("condition"):
            raise Unprocessable(sentence("refusals.hangs-on-condition-which-not", called=_called(each)), _WHERE)
        if text(each, "selectionBehavior") not in _ALL:
            raise Unprocessable(sentence("refusals.one-has-be-chosen-apply", called=_called(each)), _WHERE)
        inherited = {name: value for name, value in (around or {}).items() if name.startswith("timing")}
        own = any(name.startswith("timing") for name in each) or each.get("relatedAction")
        whole = each if own else inherited | each
        if items(each, "action"):
            yield from _leaves(items(each, "action"), whole)
        else:
            yield whole


_WHERE: Final = "PlanDefinition.action"


def _called(action: Json) -> str:
    return text(action, "title") or text(action, "description") or text(action, "id")


def _task(action: Json, due: datetime | None, goals: Mapping[str, Json], plan: str, to: Applying) -> Json:
    aims = [goals[each] for each in action.get("goalId") or [] if each in goals]
    who = {text(each, "type") for each in items(action, "participant")}
    owner: Json | None = {"reference": to.patient} if who == {"patient"} else to.author
    codes = items(action, "code")
    told = text(action, "description") if text(action, "title") else ""
    return {
        "resourceType": "Task", "id": to.new_id(), "status": "requested", "intent": "order",
        "description": _called(action), "for": {"reference": to.patient}, "basedOn": [{"reference": plan}],
        "authoredOn": to.at.isoformat(timespec="seconds"), "lastModified": to.at.isoformat(timespec="seconds"),
        **({"code": codes[0]} if codes else {}),
        **({"priority": said} if (said := text(action, "priority")) else {}),
        **({"requester": to.office} if to.office else {}), **({"owner": owner} if owner else {}),
        **({"note": [{"text": told}]} if told else {}),
        **({"restriction": {"period": {"end": due.isoformat(timespec="seconds")}}} if due else {}),
        **({"instantiatesCanonical": said} if (said := text(action, "definitionCanonical")) else {}),
        **({"extension": [{"url": _PERTAINS, "valueReference": {"reference": key(each)}} for each in aims]}
           if aims else {}),
    }  # fmt: skip


class _Due:
    """By when each action is due: by its own time, or by the action that it follows."""

    def __init__(self, actions: Sequence[Json], to: Applying) -> None:
        self._to, self._named = to, {text(each, "id"): each for each in actions if text(each, "id")}

    def of(self, action: Json, depth: int = 0) -> datetime | None:
        """The end of that day; None where nothing says."""
        if depth > _DEEPEST:
            raise Unprocessable(sentence("refusals.waits-for-itself", action=_called(action)), _WHERE)
        if related := next(iter(items(action, "relatedAction")), None):
            other = self._named.get(text(related, "actionId"))
            at = self.of(other, depth + 1) if other else None
            offset = item(related, "offsetDuration")
            before = text(related, "relationship").startswith("before")
            return at and (_after(at, offset, -1 if before else 1) if offset else at)
        if moment := text(action, "timingDateTime") or text(item(action, "timingPeriod"), "end"):
            return _end_of(date.fromisoformat(moment[:10]), self._to.at)
        length = item(action, "timingDuration") or item(item(action, "timingRange"), "high")
        return _after(_end_of(self._to.day, self._to.at), length) if length else None


def _end_of(day: date, at: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=at.tzinfo)


def _after(at: datetime, length: Json, sign: int = 1) -> datetime:
    """So much later, in calendar months and years. Raises Unprocessable for a length that is none."""
    value, unit = number(length, "value"), text(length, "code") or text(length, "unit")
    if value is None or unit not in (*_LENGTHS, *_MONTHS) or text(length, "comparator"):
        raise Unprocessable(sentence("refusals.length-time-number-min-h", unit=repr(unit)), _WHERE)
    if unit in _LENGTHS:
        return at + sign * value * _LENGTHS[unit]
    months = at.year * 12 + at.month - 1 + sign * round(value) * _MONTHS[unit]
    year, month = divmod(months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))
