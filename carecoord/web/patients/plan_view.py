"""The care plans of a patient in words: goals with their lines, activities with how they stand, who is on the team."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from carecoord.actions.patients.plans import GoalStanding, Measured, Plans, PlanStanding
from carecoord.domain.care_plans.activities import ENDED, Activity, ActivityState
from carecoord.domain.care_plans.goals import Achievement
from carecoord.domain.resource.elements import Json, item, items, target, text, words
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.web.patients.trend import Trend, amount, trend
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

ACHIEVEMENTS: Final[dict[Achievement, Sentence]] = {
    "in-progress": sentence("patient.goal.in-progress"),
    "improving": sentence("patient.goal.improving"),
    "worsening": sentence("patient.goal.worsening"),
    "no-change": sentence("patient.goal.no-change"),
    "achieved": sentence("patient.goal.achieved"),
    "sustaining": sentence("patient.goal.sustaining"),
    "not-achieved": sentence("patient.goal.not-achieved"),
    "unmeasured": sentence("patient.goal.unmeasured"),
}
_TONES: Final[dict[Achievement, str]] = {
    "achieved": "green", "sustaining": "green", "worsening": "red", "not-achieved": "red", "in-progress": "amber",
    "no-change": "amber", "improving": "", "unmeasured": "amber",
}  # fmt: skip
_STATES: Final[dict[ActivityState, tuple[Sentence, str, str]]] = {  # state -> words, tone, icon
    "not-started": (sentence("patient.activity.not-started"), "grey", "pencil"),
    "waiting": (sentence("patient.activity.waiting"), "amber", "hourglass"),
    "booked": (sentence("patient.activity.booked"), "green", "calendar-check"),
    "under-way": (sentence("patient.activity.under-way"), "blue", "circle-dashed"),
    "done": (sentence("patient.activity.done"), "green", "circle-check"),
    "missed": (sentence("patient.activity.missed"), "red", "calendar-x"),
    "stopped": (sentence("patient.activity.stopped"), "grey", "circle-x"),
    "kept": (sentence("patient.activity.kept"), "grey", "lock"),
    "gone": (sentence("patient.activity.gone"), "amber", "circle-question-mark"),
}
PLAN_STATES: Final[Mapping[str, Sentence]] = {
    "draft": sentence("patient.plan.draft"),
    "active": sentence("patient.plan.active"),
    "on-hold": sentence("patient.plan.on-hold"),
    "unknown": sentence("patient.plan.unknown"),
    "completed": sentence("patient.plan.completed"),
    "revoked": sentence("patient.plan.revoked"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One target of a goal. `aim`: its bounds in words; `standing`: how far it is; `newest`: the last value; `notes`:
    what else there is to know; `trend`: None where nothing was measured."""

    aim: str
    standing: str
    tone: str
    newest: str
    notes: Sequence[str]
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class GoalView:
    id: str
    what: str
    lines: Sequence[Line]
    note: str  # of a goal that nothing measures: how far it is said to be


@dataclass(frozen=True, slots=True)
class ActivityView:
    what: str
    chip: Chip
    note: str
    href: str
    task: str  # `Task/id` of one that is a task of the plan itself and not over, empty for others


@dataclass(frozen=True, slots=True)
class PlanView:
    """`since`: from when, and in which state; `done`: how many of its activities are."""

    id: str
    title: str
    since: str
    done: str
    goals: Sequence[GoalView]
    kept: str
    activities: Sequence[ActivityView]


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    role: str
    days: str


@dataclass(frozen=True, slots=True)
class PlansView:
    """`ended`: (title, how and when it ended); `team`: who is on it today; `former`: who was."""

    plans: Sequence[PlanView]
    ended: Sequence[tuple[str, str]]
    loose: Sequence[GoalView]
    team: Sequence[Member]
    former: Sequence[Member]


def plans(found: Plans, home: str, times: Times) -> PlansView:
    """All of it. home: below which referrals have their pages."""
    today = times.now.astimezone(times.zone).date()
    members = [(each, _is_past(each, team, today)) for team in found.teams for each in items(team, "participant")]
    return PlansView(
        [_plan(each, home, times) for each in found.standing],
        [(_title(each), _ended(each, times)) for each in found.ended],
        [goal(each, times) for each in found.loose],
        [_member(each, found.names, times) for each, past in members if not past],
        [_member(each, found.names, times) for each, past in members if past],
    )  # fmt: skip


def _plan(found: PlanStanding, home: str, times: Times) -> PlanView:
    plan, status = found.plan, text(found.plan, "status")
    start = text(item(plan, "period"), "start") or text(plan, "created")
    day = times.stored(start[:10])
    said = say(PLAN_STATES.get(status, PLAN_STATES["unknown"]))
    since = say(sentence("patient.plan.since", state=said, day=day)) if day else said
    shown = [each for each in found.activities if each.state != "kept"]
    done = sum(each.state in ENDED for each in shown)
    counted = say(sentence("patient.plan.progress", done=done, all=len(shown))) if shown else ""
    kept = say(sentence("patient.plan.goals-kept", n=found.kept)) if found.kept else ""
    return PlanView(
        text(plan, "id"), _title(plan), since, counted, [goal(each, times) for each in found.goals], kept,
        [_activity(each, home, times) for each in found.activities],
    )  # fmt: skip


def _title(plan: Json) -> str:
    return text(plan, "title") or text(plan, "description") or say(sentence("patient.plan.untitled"))


def _ended(plan: Json, times: Times) -> str:
    said = say(PLAN_STATES.get(text(plan, "status"), PLAN_STATES["unknown"]))
    end = times.stored(text(item(plan, "period"), "end")[:10])
    return f"{said}, {end}" if end else said


def goal(found: GoalStanding, times: Times) -> GoalView:
    """A goal with its lines."""
    told = words(item(found.goal, "achievementStatus"))
    note = "" if found.measured else say(sentence("patient.goal.by-people", said=told)) if told else ""
    what = words(item(found.goal, "description"))
    return GoalView(text(found.goal, "id"), what, [_line(each, times) for each in found.measured], note)


def _line(found: Measured, times: Times) -> Line:
    done = found.progress
    standing = say(ACHIEVEMENTS[done.achievement])
    if done.last and done.achievement in ("achieved", "sustaining"):
        day = times.date(done.last.at.astimezone(times.zone).date())
        standing = say(sentence("patient.goal.on", said=standing, day=day))
    newest = f"{amount(done.last.value)}" if done.last and done.last.value is not None else ""
    drawn = trend(found, times) if found.readings else None
    return Line(_aim(found, times), standing, _TONES[done.achievement], newest, list(_notes(found)), drawn)


def _aim(found: Measured, times: Times) -> str:
    aim, unit = found.target, found.target.words
    low, high = (None if each is None else f"{amount(each)} {unit}".strip() for each in (aim.low, aim.high))
    if low and high:
        span = sentence("patient.goal.between", low=amount(aim.low or 0), high=high)
        said = low if aim.low == aim.high else say(span)
    else:
        said = say(sentence("patient.goal.at-least", low=low or "") if low else
                   sentence("patient.goal.at-most", high=high or ""))  # fmt: skip
    return say(sentence("patient.goal.due", aim=said, day=times.date(aim.due))) if aim.due else said


def _notes(found: Measured) -> Iterator[str]:
    done, unit = found.progress, found.target.words
    if done.rate is not None and round(abs(done.rate), 2):
        by = f"{amount(abs(done.rate))} {unit}".strip()
        yield say(sentence("patient.goal.rising", by=by) if done.rate > 0 else sentence("patient.goal.falling", by=by))
    if done.unlike:
        yield say(sentence("patient.goal.unlike", n=done.unlike, unit=unit))
    if done.told:
        known = next((words for code, words in ACHIEVEMENTS.items() if code == done.told), None)
        yield say(sentence("patient.goal.told", said=say(known) if known else done.told))


def _activity(found: Activity, home: str, times: Times) -> ActivityView:
    said, tone, icon = _STATES[found.state]
    what = found.what or (say(sentence("patient.activity.untitled")) if found.state not in ("kept", "gone") else "")
    due = say(sentence("patient.activity.due", day=times.stored(found.due))) if found.due else ""
    return ActivityView(what or say(said), Chip(say(said), tone, icon), due,
                        f"{home}referrals/{found.case}" if found.case else "",
                        found.reference if _is_open_task(found) else "")  # fmt: skip


def _is_open_task(found: Activity) -> bool:
    return found.reference.startswith("Task/") and not found.case and found.state not in (*ENDED, "kept", "gone")


def _is_past(participant: Json, team: Json, today: date) -> bool:
    end = text(item(participant, "period"), "end") or text(item(team, "period"), "end")
    return text(team, "status") in ("inactive", "suspended") or bool(end and end[:10] < today.isoformat())


def _member(participant: Json, names: Mapping[str, str], times: Times) -> Member:
    who, period = item(participant, "member"), item(participant, "period")
    start, end = (times.stored(text(period, each)[:10]) for each in ("start", "end"))
    days = (
        say(sentence("patient.team.until", start=start, end=end)) if start and end
        else say(sentence("patient.team.since", start=start)) if start else end
    )  # fmt: skip
    role = next((words(each) for each in items(participant, "role")), "")
    name = names.get(target(who)) or text(who, "display") or say(sentence("patient.team.unnamed"))
    return Member(name, role, days)
