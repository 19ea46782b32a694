"""One act of somebody at the desk on one case, in one transaction: the permission, the lock, the resources, their
Provenance. A form acts once, however often it is sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts import provenance
from carecoord.actions.acts.former import formers
from carecoord.actions.acts.provenance import Act, Version
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.fhir import door
from carecoord.actions.guests import access
from carecoord.actions.prior_auth import chains
from carecoord.actions.scheduling import slots
from carecoord.actions.worklist import asked, project
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Side, Verb
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.documents import audience
from carecoord.domain.referrals import offers, states
from carecoord.domain.referrals.case import Case, order_named
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.worklist.work import Work, work
from carecoord.errors import Conflict, Forbidden, NotFound, Problem, Stale
from carecoord.fhir import text as json
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

UNDO: Final = timedelta(minutes=10)
# What may lead back, where the tables of states let it: a visit or a report that was recorded by mistake is one.
BACK: Final = frozenset({
    "assign", "snooze", "note", "receive", "contact", "attach", "book", "move", "report", "acknowledge", "tell",
    "give-notice", "affiliate", "oblige", "draft", "edit", "amend", "file", "submit", "certify", "bill", "pay",
    "cite", "accept-clause", "counter-clause",
    "give-form", "instruct", "start-plan", "set-goal", "add-activity", "observe", "join-team",
})  # fmt: skip


@dataclass(frozen=True)
class Submission:
    """A form as it was sent. `form`: its own id. `seen`: `Type/id` -> the version that it was shown with, 0 for what
    was not there: what stands at another one now was changed meanwhile."""

    case: str
    form: str
    seen: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """What an act writes, what it says it did, and why it was done, where somebody said. `informant`: who told it, as
    an agent of its Provenance; the Tasks are then moved as their performer's own word."""

    resources: Sequence[Json]
    said: Sentence
    why: str = ""
    informant: Json | None = None


@dataclass(frozen=True)
class Done:
    """An act that was done. `until`: how long it can be undone, None where it can not, or has been."""

    act: Act
    until: datetime | None


@dataclass(eq=False)
class Overtaken(Stale):
    """412: somebody changed it after the form was shown. `before`: what the form was shown with, `now`: what there is;
    `act`: who did it, None where it was not done at this desk."""

    before: Json | None = None
    now: Json | None = None
    act: Act | None = None


@dataclass(frozen=True)
class Deed:
    """What is done in one turn, and who does it. `about`: what it is about, as the name of a case says it
    (`domain.referrals.case.order_named`)."""

    turn: Turn
    id: str  # of the act
    about: str

    @property
    def zone(self) -> ZoneInfo:
        """Whose days count."""
        return ZoneInfo(self.turn.world.settings.timezone)

    @property
    def person(self) -> Json:
        """Who acts."""
        return provenance.person(self.turn.grant)

    @property
    def office(self) -> Json:
        """For which organization; a patient acts for themselves."""
        if self.turn.grant.organization is None and self.turn.grant.patient:
            return {"reference": f"Patient/{self.turn.grant.patient}"}
        return {"reference": f"Organization/{self.turn.grant.organization}"}


@dataclass(frozen=True)
class Acting(Deed):
    """The case that an act is about, as its person sees it."""

    row: Row[Any]
    case: Case
    sides: frozenset[Side]

    @cached_property
    def work(self) -> Work:
        """Who works on it, as it stands."""
        return work(self.case, self.zone)

    @property
    def side(self) -> states.Side:
        """On which side, as the tables of states know it."""
        return offers.one_side(self.sides)

    @cached_property
    def task(self) -> Json:
        """The Task that the referral is with now; empty where it has none."""
        return offers.current_task(self.case, self.clearance)

    @cached_property
    def visit(self) -> Json | None:
        """The visit that is booked."""
        return offers.current_visit(self.case, self.clearance)

    @cached_property
    def awaited(self) -> Json | None:
        """The visit that is held or waited for, where none is booked."""
        return offers.awaited_visit(self.case, self.clearance)

    def demand_recordable(self) -> None:
        """Raise Conflict where nothing can be recorded of a visit or a report."""
        if not offers.recordable(self.case, self.task):
            raise Conflict(sentence("refusals.it-has-not-gone-out"), "http.act")

    @cached_property
    def clearance(self) -> Clearance:
        """The case judged."""
        return clear(self.case, self.turn.now, project.policy(self.turn.world.settings))


def perform(
    world: World, grant: Grant, request: str, submission: Submission, verb: Verb, plan: Callable[[Acting], Planned]
) -> Done:
    """Do what a form asks for. A form that was acted on already is answered with what it did.

    Raises NotFound for a case that is not the asker's, Forbidden for an act that is not, Overtaken where a version that
    the form was shown with is no longer the present one, Conflict where the act is not possible as the case stands.
    """
    return performed(world, grant, request, submission, verb, plan, opened)


_Deed = TypeVar("_Deed", bound=Deed)


def performed(
    world: World, grant: Grant, request: str, submission: Submission, verb: Verb, plan: Callable[[_Deed], Planned],
    opens: Callable[[Turn, str, str, Verb], _Deed],
) -> Done:  # fmt: skip
    """As `perform`, about anything that is acted on at the desk. opens: given the id of the act, what it is about and
    the verb, finds it; raises NotFound, Forbidden."""
    id = provenance.act_id(grant, submission.form)
    with changing(world, grant, request) as turn:
        alone(turn.conn, f"act {id}")
        if before := provenance.find(turn.conn, id):
            return done(turn, before)
        with refusals_noted(turn, "update", *order_named(submission.case)):
            acting = opens(turn, id, submission.case, verb)
            try:
                planned = plan(acting)
            except (Conflict, Forbidden):  # a colleague may have been first: then that is what there is to say
                _demand_unchanged(turn, submission, submission.seen)
                raise
            _demand_unchanged(turn, submission, [key(each) for each in planned.resources])
            act = write(acting, verb, planned)
            return _dated(act, act.verb in BACK and _can_be_as_before(turn, act))


def opened(turn: Turn, id: str, case: str, verb: Verb) -> Acting:
    """The case that an act is about. Raises NotFound, Forbidden."""
    by_link = turn.grant.only is not None
    cases = seen_cases(turn)
    row = access.row(turn, case) if by_link else cases.one(case)
    found = clearance_assemble.assemble(turn.conn, case) if row else None
    if row is None and not by_link and (lane := asked.one(turn, case, cases.at)):
        row, found, _ = lane
    if row is None and not by_link and asked.went_elsewhere(turn, case):
        raise Conflict(states.ELSEWHERE, "http.id")
    if row is None or found is None:
        raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
    ours = turn.office().organizations
    sides = access.sides(turn, row) if by_link else verbs.sides(row.placer, row.performer, ours)
    sides = sides or verbs.paying(row.payer_key, turn.office().identifiers)
    if verb not in verbs.acts(turn.grant.roles, sides):
        raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")
    return Acting(turn, id, row.id, row, found, sides)


def write(acting: Deed, verb: str, planned: Planned) -> Act:
    """Write what was planned, and who did it; returns the act."""
    turn, grant = acting.turn, acting.turn.grant
    resources = [*planned.resources, *_slots(turn.conn, planned.resources)]
    former = tuple(_versions(turn.conn, resources))
    made = tuple(Version(each.type, each.id, each.number + 1) for each in former)
    act = Act(acting.id, verb, grant.subject, grant.name, turn.now, acting.about, planned.said, made, former)
    changes = [
        Change(old.type, old.id, resource, None if old in made else old.number or None)
        for old, resource in zip(former, resources, strict=True)
    ]
    told = provenance.resource(act, grant, acting.office, planned.why, planned.informant)
    who = audience.origin(told, resources)
    changes = chains.marked(turn, [*changes, Change("Provenance", act.id, who)])
    door.admit(turn, changes, {key(each) for each in planned.resources} if planned.informant else ())
    written = put_all(
        turn.conn, changes, now=turn.now, actor=turn.actor(), base=turn.world.base,
        project=turn.world.project,
    )  # fmt: skip
    if any(one.outcome == "unchanged" for one in written):
        raise Conflict(sentence("refusals.it-so-already-nothing-was"), "http.act")
    return act


def done(turn: Turn, act: Act) -> Done:
    """An act that was done, and whether it can still be undone."""
    return _dated(act, turn.now < act.at + UNDO and _leads_back(turn, act))


def _dated(act: Act, leads_back: bool) -> Done:
    return Done(act, act.at + UNDO if leads_back else None)


def _leads_back(turn: Turn, act: Act) -> bool:
    """Whether an act was not taken back yet, and what it wrote can be as before."""
    if act.verb not in BACK or provenance.find(turn.conn, provenance.undo_id(act.id)):
        return False
    return _can_be_as_before(turn, act)


def _can_be_as_before(turn: Turn, act: Act) -> bool:
    """Whether the tables let what an act wrote be as before, and nobody has gone on from there."""
    try:
        old = formers(turn.conn, act, turn.now)
        door.admit(turn, [Change(str(each["resourceType"]), str(each["id"]), each) for each in old])
    except Problem:
        return False
    return True


def find(turn: Turn, id: str) -> Done | None:
    """What the asker did by this id; None where they did nothing so."""
    act = provenance.find(turn.conn, id)
    return done(turn, act) if act and act.subject == turn.grant.subject else None


def _slots(conn: Connection, resources: Iterable[Json]) -> list[Json]:
    changes = [Change(str(each["resourceType"]), str(each["id"]), each) for each in resources]
    return [each.resource for each in slots.along(conn, changes) if each.resource]


def _versions(conn: Connection, resources: Iterable[Json]) -> Iterator[Version]:
    """From which version each is written; one that is written twice, the second time from the first."""
    known: dict[str, int] = {}
    for each in resources:
        type, id = str(each["resourceType"]), str(each["id"])
        if key(each) not in known:
            row = read.get(conn, type, id)
            known[key(each)] = row.version if row else 0
        yield Version(type, id, known[key(each)])
        known[key(each)] += 1


def _demand_unchanged(turn: Turn, submission: Submission, names: Iterable[str]) -> None:
    """Raise Overtaken where one of these (`Type/id`) is no longer as the form was shown with it."""
    for name in names:
        seen = submission.seen.get(name)
        type, _, id = name.partition("/")
        now = read.get(turn.conn, type, id)
        if seen is None or seen == (now.version if now else 0):
            continue
        old = read.version(turn.conn, type, id, seen)
        raise Overtaken(
            sentence("refusals.overtaken", name=name), "http.seen",
            before=json.loads(old.body) if old and old.body else None,
            now=json.loads(now.body) if now and now.body else None,
            act=provenance.author_of(turn.conn, Version(type, id, now.version)) if now else None,
        )  # fmt: skip
