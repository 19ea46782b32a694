"""What coordinators and clinicians do with a patient's care plan, from the patient's page: start one from a template,
add a goal or an activity, write down a reading, say that a task was done, put somebody on the team, end it. Each is one
transaction under the rules of every act of the desk: permission, lock, the tables of states, Provenance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.acts.work import colleagues
from carecoord.actions.care_plans import library
from carecoord.actions.patients import plans as patient_plans
from carecoord.actions.patients.plans import GoalStanding, Plans
from carecoord.actions.patients.reads import listed, seen
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.care_plans import acts, goals, readings, templates
from carecoord.domain.care_plans.acts import Aim, End, Observed
from carecoord.domain.care_plans.measures import MEASURES
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, codes, item, key, target, targets, text
from carecoord.domain.resource.patient import spoken_name
from carecoord.errors import Conflict, Forbidden, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.resources import read
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

TYPE: Final = "Patient"
_LINKED: Final = ("ServiceRequest", "DeviceRequest", "Appointment", "Task")  # what an activity may point at
_RELATIVES: Final = 20


@dataclass(frozen=True)
class Caring(Deed):
    """The patient whom an act is about, as its person sees them."""

    patient: Json

    @property
    def subject(self) -> str:
        """`Patient/id`."""
        return key(self.patient)

    @property
    def today(self) -> date:
        """The office's."""
        return self.at.date()

    @property
    def at(self) -> datetime:
        """Now, in the office's zone."""
        return self.turn.now.astimezone(self.zone)

    def found(self) -> Plans:
        """The plans as they stand."""
        return patient_plans.plans(self.turn, str(self.patient["id"]))


@dataclass(frozen=True, slots=True)
class Step:
    """An activity as somebody adds it: `reference` of what there is (`Type/id`), else a task in `words`, for `owner`
    (of colleagues) until `due`."""

    plan: str
    reference: str = ""
    words: str = ""
    owner: str = ""
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Who joins the team: of `members`, with a part in it, since a day."""

    who: str
    role: str
    since: date


@dataclass(frozen=True, slots=True)
class Ending:
    """How a plan ends. `counted`: how many goals and tasks were said to end with it."""

    plan: str
    how: End
    why: str
    counted: str


def about(patient: str) -> str:
    """How an act names a patient."""
    return f"{TYPE}~{patient}"


def opened(turn: Turn, id: str, about: str, verb: Verb) -> Caring:
    """The patient whom an act is about. Raises NotFound alike for none and for one who is not theirs, Forbidden."""
    if verb not in verbs.CARE or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(spoken("patient.fault.not-yours"), "http.act")
    return Caring(turn, id, about, seen(turn, order_named(about)[1]))


def start(world: World, grant: Grant, request: str, submission: Submission, template: str) -> Done:
    """Start a plan from a template: the plan, its goals and its tasks with the days by which they are due, together."""

    def plan(acting: Caring) -> Planned:
        definition = library.template(acting.turn, template, acting.today)
        made = library.applied(acting.turn, definition, acting.subject, acting.at, acting.person, acting.office)
        return Planned(made.resources, sentence("patient.act.started", plan=templates.name(definition)))

    return performed(world, grant, request, submission, "start-plan", plan, opened)


def aim(world: World, grant: Grant, request: str, submission: Submission, given: tuple[str, Aim]) -> Done:
    """Add a goal to a plan (its id); to none, where the id is empty."""

    def plan(acting: Caring) -> Planned:
        wanted = given[1]
        made = acts.goal(acting.turn.world.new_id(), acting.subject, wanted, acting.today)
        within = [acts.with_goal(_plan(acting, given[0]), made)] if given[0] else []
        return Planned([made, *within], sentence("patient.act.aimed", goal=wanted.words))

    return performed(world, grant, request, submission, "set-goal", plan, opened)


def step(world: World, grant: Grant, request: str, submission: Submission, given: Step) -> Done:
    """Add an activity to a plan: an order, a visit or a task of the patient's, or a new task."""

    def plan(acting: Caring) -> Planned:
        standing = _plan(acting, given.plan)
        if given.reference:
            held = _own(acting, given.reference)
            if given.reference in {target(item(each, "reference")) for each in standing.get("activity") or []}:
                raise Conflict(spoken("patient.fault.twice"), "reference")
            what = text(held, "description") or given.reference
            return Planned([acts.with_activity(standing, given.reference)], _added(what))
        owner = next((each for each in colleagues(acting.turn.conn, grant) if each.id == given.owner), None)
        due = datetime.combine(given.due, time(23, 59, 59), acting.zone) if given.due else None
        who = {**owner.reference, "display": owner.name} if owner else acting.person
        made = acts.task(
            acting.turn.world.new_id(), standing, given.words, due, owner=who, office=acting.office, now=acting.at
        )
        return Planned([made, acts.with_activity(standing, key(made))], _added(given.words))

    return performed(world, grant, request, submission, "add-activity", plan, opened)


def _added(what: str) -> Sentence:
    return sentence("patient.act.added", what=what)


def observe(world: World, grant: Grant, request: str, submission: Submission, given: Observed) -> Done:
    """Write down a reading. The goals that are measured by it say how far they are since."""

    def plan(acting: Caring) -> Planned:
        made = acts.observation(acting.turn.world.new_id(), acting.subject, given, acting.person, acting.at)
        measure = MEASURES[given.measure]
        told = sentence("patient.act.observed", measure=measure.name, value=readings.said(item(made, "valueQuantity")))
        return Planned([made, *_moved(acting, made)], told)

    return performed(world, grant, request, submission, "observe", plan, opened)


def _moved(acting: Caring, made: Json) -> list[Json]:
    """The open goals whose achievement is another one with this reading."""
    found = acting.found()
    standing = [each for one in found.standing for each in one.goals] + list(found.loose)
    moved: dict[str, Json] = {}
    for each in standing:
        for one in each.measured:
            if not codes(one.target.measure) & codes(item(made, "code")):
                continue
            told = readings.readings([made], one.target.measure, one.target.unit, acting.zone)
            known = sorted([*one.readings, *told], key=lambda reading: reading.at)
            now = goals.progress(each.goal, one.target, known, acting.today, acting.zone)
            if now.told and text(each.goal, "lifecycleStatus") in goals.OPEN:
                moved[key(each.goal)] = acts.achieved(each.goal, now.achievement, key(made), acting.today)
    return [each for name, each in moved.items() if len(each.get("target") or []) < 2]  # of several no one speaks


def finish(world: World, grant: Grant, request: str, submission: Submission, given: tuple[str, str]) -> Done:
    """Say that a task of a plan (`Task/id`) was done, with a note."""

    def plan(acting: Caring) -> Planned:
        held = _own(acting, given[0])
        if held.get("resourceType") != "Task" or not any(to.startswith("CarePlan/") for to in targets(held, "basedOn")):
            raise Unprocessable(spoken("patient.fault.task"), "task")
        done = acts.done(held, given[1], acting.at)
        return Planned([done], sentence("patient.act.finished", what=text(held, "description")), given[1])

    return performed(world, grant, request, submission, "finish", plan, opened)


def join(world: World, grant: Grant, request: str, submission: Submission, given: Member) -> Done:
    """Put somebody on the care team."""

    def plan(acting: Caring) -> Planned:
        who = next((each for id, each in members(acting.turn, acting.patient) if id == given.who), None)
        if who is None:
            raise Unprocessable(spoken("patient.fault.who"), "who")
        found = acting.found()
        team = next((each for each in found.teams if text(each, "status") in ("active", "proposed", "")), None)
        made = acts.joined(team, acting.turn.world.new_id(), acting.subject, who, given.role, given.since)
        named = [] if team else [
            one.plan | {"careTeam": [*(one.plan.get("careTeam") or []), {"reference": key(made)}]}
            for one in found.standing
        ]  # fmt: skip
        return Planned([made, *named], sentence("patient.act.joined", who=text(who, "display")))

    return performed(world, grant, request, submission, "join-team", plan, opened)


def members(turn: Turn, patient: Json) -> list[tuple[str, Json]]:
    """Who may join: the people and teams of the office, and the patient's relatives, each with the Reference."""
    people = [(each.id, {**each.reference, "display": each.name}) for each in colleagues(turn.conn, turn.grant)]
    family = listed(turn, "RelatedPerson", str(patient["id"]), _RELATIVES).entries
    return people + [(key(each), {"reference": key(each), "display": spoken_name(each)}) for each in family]


def end(world: World, grant: Grant, request: str, submission: Submission, given: Ending) -> Done:
    """End a plan, with its goals and open tasks. Raises Conflict where something else ends with it than was said."""

    def plan(acting: Caring) -> Planned:
        standing = _plan(acting, given.plan)
        own, tasks = hanging(acting.turn, acting.found(), standing)
        if counted(own, tasks) != given.counted:
            raise Conflict(spoken("patient.fault.counted"), "http.act")
        reached = [(each.goal, any(one.progress.achievement in acts.REACHED for one in each.measured)) for each in own]
        told = sentence("patient.act.ended", plan=text(standing, "title") or given.plan)
        return Planned(acts.ended(standing, given.how, given.why, reached, tasks, acting.at), told, given.why)

    return performed(world, grant, request, submission, "end-plan", plan, opened)


def hanging(turn: Turn, found: Plans, plan: Json) -> tuple[list[GoalStanding], list[Json]]:
    """What ends with a plan: its open goals that no other plan pursues, and its open tasks."""
    others = {name for one in found.standing if key(one.plan) != key(plan) for name in targets(one.plan, "goal")}
    own = [each for one in found.standing if key(one.plan) == key(plan) for each in one.goals]
    mine = [g for g in own if key(g.goal) not in others and text(g.goal, "lifecycleStatus") in goals.OPEN]
    rows = read.referring(turn.conn, params.key("Task", "based-on"), "CarePlan", str(plan["id"]))
    tasks = [json.loads(row.body) for row in rows if not row.deleted]
    ended = frozenset({"completed", "cancelled", "rejected", "failed", "entered-in-error"})
    return mine, [each for each in tasks if text(each, "status") not in ended]


def counted(own: Sequence[GoalStanding], tasks: Sequence[Json]) -> str:
    """The mark of what was said to end with a plan."""
    return f"{len(own)}.{len(tasks)}"


def _plan(acting: Caring, id: str) -> Json:
    """A plan of the patient's that goes on. Raises Unprocessable."""
    held = next((each.plan for each in acting.found().standing if text(each.plan, "id") == id), None)
    if held is None:
        raise Unprocessable(spoken("patient.fault.plan"), "plan")
    return held


def _own(acting: Caring, reference: str) -> Json:
    """A resource of the patient's that the asker sees. Raises Unprocessable."""
    type, _, id = reference.partition("/")
    row = read.get(acting.turn.conn, type, id) if type in _LINKED and id else None
    mine = row is not None and not row.deleted and row.patient == acting.patient["id"]
    if row is None or not mine or not acting.turn.sees(row, "r"):
        raise Unprocessable(spoken("patient.fault.reference"), "reference")
    found: Json = json.loads(row.body)
    return found


