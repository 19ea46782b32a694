"""How far a goal is reached, and where it is going: computed from what was measured, never taken from what was typed.

A goal counts as reached by a reading since it began that lies in its target, and by nothing else. Clause: FHIR R4
goal.html (target.detail[x]), valueset-goal-achievement (the words of the states)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final, Literal

from carecoord.domain.care_plans.readings import Reading, unit_of, unit_words
from carecoord.domain.resource.codes import HL7
from carecoord.domain.resource.elements import Json, code_of, item, items, number, text, whole

# As valueset-goal-achievement has them; `unmeasured` where nothing tells, which it has no word for.
Achievement = Literal[
    "in-progress", "improving", "worsening", "no-change", "achieved", "sustaining", "not-achieved", "unmeasured",
]  # fmt: skip
ACHIEVEMENT: Final = f"{HL7}/goal-achievement"
OPEN: Final = frozenset({"proposed", "planned", "accepted", "active", "on-hold"})  # lifecycleStatus that goes on
_WEEK: Final = 7.0
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be measured and between which bounds, in `unit`; None where there is no bound. `due`: until when."""

    measure: Json
    low: float | None
    high: float | None
    unit: str
    words: str  # of the unit
    due: date | None = None

    def distance(self, value: float) -> float:
        """How far a value lies outside; 0 within."""
        below = self.low - value if self.low is not None else 0.0
        above = value - self.high if self.high is not None else 0.0
        return max(below, above, 0.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """`achievement` by `last`, the newest reading that can be held against the target. `rate`: how much the value
    changes in a week, over all of them; None for less than two days. `unlike`: readings in units that can not be turned
    into the target's. `told`: what the Goal itself says, where that is something else."""

    achievement: Achievement
    last: Reading | None = None
    rate: float | None = None
    unlike: int = 0
    told: str = ""


def targets(goal: Json) -> list[Target]:
    """What of a Goal is measured: its targets with a quantity, a range or a whole number. Others are for people."""
    return [found for each in items(goal, "target") if (found := _target(each))]


def _target(target: Json) -> Target | None:
    measure, due = item(target, "measure"), _day(text(target, "dueDate"))
    if not measure:
        return None
    if bounds := item(target, "detailRange"):
        low, high = item(bounds, "low"), item(bounds, "high")
        if low and high and unit_of(low) != unit_of(high):
            return None
        return _bounded(measure, number(low, "value"), number(high, "value"), low or high, due)
    if (quantity := item(target, "detailQuantity")) and (value := number(quantity, "value")) is not None:
        sign = text(quantity, "comparator")
        low_, high_ = (None if sign in ("<", "<=") else value), (None if sign in (">", ">=") else value)
        return _bounded(measure, low_, high_, quantity, due)
    count = whole(target, "detailInteger")
    return None if count is None else Target(measure, count, count, "1", "", due)


def _bounded(measure: Json, low: float | None, high: float | None, unit: Json, due: date | None) -> Target | None:
    if low is None and high is None:
        return None
    return Target(measure, low, high, unit_of(unit), unit_words(unit), due)


def progress(goal: Json, target: Target, readings: Sequence[Reading], today: date, zone: tzinfo) -> Progress:
    """How far it is. readings: of the target's measure, oldest first."""
    comparable = [each for each in readings if each.value is not None]
    unlike, began = len(readings) - len(comparable), _day(text(goal, "startDate"))
    since = [each for each in comparable if began is None or each.at.astimezone(zone).date() >= began]
    if not since:
        return Progress("unmeasured", comparable[-1] if comparable else None, _rate(comparable), unlike, _told(goal))
    found = _achieved(target, comparable, since, today)
    stored = _told(goal)
    return Progress(found, since[-1], _rate(comparable), unlike, "" if stored == found else stored)


def _achieved(target: Target, known: Sequence[Reading], since: Sequence[Reading], today: date) -> Achievement:
    away = [target.distance(each.value or 0.0) for each in known]
    if away[-1] == 0:
        return "sustaining" if len(since) > 1 and away[-2] == 0 else "achieved"
    if target.due and target.due < today:
        return "not-achieved"
    if len(away) < 2:
        return "in-progress"
    return "improving" if away[-1] < away[-2] else "worsening" if away[-1] > away[-2] else "no-change"


def _rate(readings: Sequence[Reading]) -> float | None:
    """The slope of the line of least squares through them, in a week."""
    days = [(each.at - readings[0].at).total_seconds() / _DAY for each in readings]
    if not days or days[-1] < 1:
        return None
    values = [each.value or 0.0 for each in readings]
    middle, mean = sum(days) / len(days), sum(values) / len(values)
    spread = sum((day - middle) ** 2 for day in days)
    return _WEEK * sum((day - middle) * (value - mean) for day, value in zip(days, values, strict=True)) / spread


def _told(goal: Json) -> str:
    return code_of(item(goal, "achievementStatus"), ACHIEVEMENT)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None
