"""The care plans of a patient as they stand: goals held against what was measured, activities as the orders, visits and
tasks that they are, and who is on the team."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.patients.reads import listed
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.care_plans import activities, goals
from carecoord.domain.care_plans.activities import Activity
from carecoord.domain.care_plans.goals import Progress, Target
from carecoord.domain.care_plans.readings import Reading, readings
from carecoord.domain.referrals.case import ORDERS, case_id
from carecoord.domain.resource import patient as person
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, targets, text
from carecoord.fhir import text as json
from carecoord.fhir.types import TYPES
from carecoord.store.resources import read

STANDING: Final = frozenset({"draft", "active", "on-hold", "unknown"})
_PLANS: Final = 10
_GOALS: Final = 40
_READINGS: Final = 60  # of one measure, the newest
_TEAMS: Final = 20
_MEMBERS: Final = frozenset({"Practitioner", "RelatedPerson", "Patient", "Organization"})


@dataclass(frozen=True, slots=True)
class Measured:
    """One target of a goal with what was measured for it, the oldest first."""

    target: Target
    readings: Sequence[Reading]
    progress: Progress


@dataclass(frozen=True, slots=True)
class GoalStanding:
    """A goal; `measured`: its targets that can be measured."""

    goal: Json
    measured: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """A care plan; `kept`: how many of its goals are not the asker's to see."""

    plan: Json
    goals: Sequence[GoalStanding]
    activities: Sequence[Activity]
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Plans:
    """`standing`: those that go on; `ended`: those that are over; `loose`: open goals that no plan names; `teams`: all
    CareTeams, over ones too; `names`: of their members, by reference."""

    standing: Sequence[PlanStanding]
    ended: Sequence[Json]
    loose: Sequence[GoalStanding]
    teams: Sequence[Json]
    names: Mapping[str, str]


def plans(turn: Turn, patient: str) -> Plans:
    """All of it, as far as the asker sees it."""
    held = [each for each in listed(turn, "CarePlan", patient, _PLANS).entries if not _is_wrong(each)]
    own = {key(each): each for each in listed(turn, "Goal", patient, _GOALS).entries}
    teams = [each for each in listed(turn, "CareTeam", patient, _TEAMS).entries if not _is_wrong(each)]
    standing = [each for each in held if text(each, "status") in STANDING]
    linked = _linked(turn, standing)
    measured = _Measures(turn, patient)
    named = {name for each in held for name in targets(each, "goal")}
    found = [
        PlanStanding(
            each, [measured.of(own[name]) for name in targets(each, "goal") if name in own],
            [_activity(part, linked) for part in items(each, "activity")],
            sum(name not in own for name in targets(each, "goal")),
        )
        for each in standing
    ]  # fmt: skip
    loose = [g for name, g in own.items() if name not in named and text(g, "lifecycleStatus") in goals.OPEN]
    return Plans(found, [e for e in held if e not in standing], [measured.of(each) for each in loose], teams,
                 _names(turn, teams))  # fmt: skip


def _names(turn: Turn, teams: Iterable[Json]) -> dict[str, str]:
    """What the members of teams are called, as they are known here."""
    members = {target(item(each, "member")) for team in teams for each in items(team, "participant")}
    pairs = [(type, id) for type, _, id in (each.partition("/") for each in sorted(members)) if type in _MEMBERS]
    rows = [(f"{row.type}/{row.id}", json.loads(row.body)) for row in turn.seen(read.many(turn.conn, pairs), "r")]
    present = turn.present()
    return {name: text(each, "name") or person.spoken_name(each, present) for name, each in rows}


def _is_wrong(resource: Json) -> bool:
    return text(resource, "status") == "entered-in-error"


class _Measures:
    """What was measured of one patient, each measure looked up once."""

    def __init__(self, turn: Turn, patient: str) -> None:
        self._turn, self._patient, self._zone = turn, patient, turn.world.base.zone
        self._held: dict[str, Sequence[Json]] = {}

    def of(self, goal: Json) -> GoalStanding:
        """A goal with what was measured for it."""
        return GoalStanding(goal, [self._against(goal, each) for each in goals.targets(goal)])

    def _against(self, goal: Json, aim: Target) -> Measured:
        asked = ",".join(f"{text(c, 'system')}|{text(c, 'code')}" for c in items(aim.measure, "coding"))
        if asked not in self._held:
            found = listed(self._turn, "Observation", self._patient, _READINGS, ("combo-code", asked))
            self._held[asked] = found.entries if asked and codes(aim.measure) else ()
        told = readings(self._held[asked], aim.measure, aim.unit, self._zone)
        today = local(self._turn.now, self._zone)
        return Measured(aim, told, goals.progress(goal, aim, told, today, self._zone))


def _linked(turn: Turn, standing: Iterable[Json]) -> Mapping[str, tuple[Json | None, str]]:
    """What activities point at, `Type/id` -> (the resource, None where it is not the asker's to see; the referral that
    it is or belongs to)."""
    wanted = {target(item(part, "reference")) for plan in standing for part in items(plan, "activity")} - {""}
    pairs = [(type, id) for type, _, id in (each.partition("/") for each in sorted(wanted)) if type in TYPES]
    rows = read.many(turn.conn, pairs)
    seen = {f"{row.type}/{row.id}": json.loads(row.body) for row in turn.seen(rows, "r")}
    cases, known = seen_cases(turn), dict[str, bool]()
    found: dict[str, tuple[Json | None, str]] = {f"{row.type}/{row.id}": (None, "") for row in rows}
    for name, resource in seen.items():
        ids = [id for id in _cases(resource) if known.setdefault(id, cases.one(id) is not None)]
        found[name] = (resource, ids[0] if ids else "")
    return found


def _cases(resource: Json) -> list[str]:
    """The referrals that a resource is, or is for."""
    if resource.get("resourceType") in ORDERS:
        return [case_id(resource)]
    to = [target(item(resource, "focus")), *targets(resource, "basedOn")]
    pairs = (each.partition("/") for each in to)
    return [case_id({"resourceType": type, "id": id}) for type, _, id in pairs if type in ORDERS and id]


def _activity(part: Json, linked: Mapping[str, tuple[Json | None, str]]) -> Activity:
    to = target(item(part, "reference"))
    if not to:
        said = text(item(part, "reference"), "display")
        return Activity(said, "gone") if item(part, "reference") else activities.planned(item(part, "detail"))
    resource, case = linked.get(to, (None, ""))
    if resource is None:
        return Activity("", "kept" if to in linked else "gone", to)
    return activities.linked(to, resource, case)
