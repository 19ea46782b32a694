"""The order and who is to carry it out: how far it has come, which performer it is with now, and when it should be
done.

The states are those of referrals.md 1.6. One Task per candidate performer: the current one is the newest that has not
ended badly, so a declined referral moves on without the order changing (the fulfiller never changes the order)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy, by_priority
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.case import Case, coordinates
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.states import AGREED
from carecoord.domain.resource.days import ALWAYS, NEVER, Days, When, days, local, midnight, moment, shifted, when
from carecoord.domain.resource.elements import Json, codes, evidence, item, items, key, target, targets, text, words
from carecoord.domain.resource.parties import Directory, Party, Role, party
from carecoord.domain.terms.everyday import compared
from carecoord.words.sentence import Value, sentence

ENDED_BADLY = {"rejected", "cancelled", "failed", "entered-in-error"}
WITHDRAWN = {"revoked", "entered-in-error"}
UNANSWERED = {"sent", "in-triage", "awaiting-information", "awaiting-authorization"}
OVER = {"declined", "cancelled", "failed", "error", "report-received", "advice-given", "draft"}


@dataclass(frozen=True, slots=True)
class Performer:
    """Who is to see the patient: an organization, and the clinician when one is named."""

    organization: Party | None
    practitioner: Party | None
    evidence: Evidence

    @property
    def name(self) -> str:
        """What people call the place; empty where nobody has given it a name."""
        party = self.organization or self.practitioner
        return party.name if party else ""

    def is_called(self, key: str) -> bool:
        """Whether the key (`Type/id`, `system|value`) means one of them."""
        return any(key in party.keys for party in (self.organization, self.practitioner) if party)

    @property
    def named(self) -> Value:
        """The place as a sentence names it."""
        return self.name or sentence("performer.unnamed")


@dataclass(frozen=True, slots=True)
class Referral:
    """Facts of the order. `stage_since` is when the stage began, `stage_due` the time that the Task itself allows."""

    evidence: Evidence
    status: str
    priority: str
    service: str
    codes: frozenset[tuple[str, str]]
    specialty: str
    specialties: frozenset[str]
    authored: datetime | None
    window: Days
    tracked: bool  # a Task says how far it has come
    stage: Stage
    stage_since: datetime | None
    stage_due: datetime | None
    stage_evidence: Evidence
    stage_reason: str
    stage_unread: str  # a partner's own word for how far it has come, that we can not read
    placer: Party | None
    performer: Performer | None
    declined: tuple[str, ...]
    next_candidate: str
    site: Party | None
    cards: tuple[str, ...]  # `Coverage/id` that the order names

    @property
    def withdrawn(self) -> bool:
        """Whether nothing more is to be done for this order."""
        return self.status in WITHDRAWN


def referral(case: Case, known: Directory, roles: Mapping[str, Role], policy: Policy) -> Referral:
    """Read the facts of the order and its tasks."""
    order, zone = case.order, policy.zone
    tasks = sorted(
        (task for task in case.tasks if coordinates(task)), key=lambda task: _age(task, policy), reverse=True
    )
    standing = [task for task in tasks if text(task, "status") not in ENDED_BADLY]
    # of several clinics that were asked it is with the one that said yes; until one has, with the last that was asked
    agreed = [task for task in standing if stages.stage(task) in AGREED]
    agreed.sort(key=lambda task: stages.stage(task) == "cancel-requested")  # who is asked to give it up comes last
    alive = next(iter([*agreed, *standing]), None)
    task = alive or (tasks[0] if tasks else {})
    authored = moment(text(order, "authoredOn"), zone)
    priority = text(order, "priority") or "routine"
    performer = _performer(order, alive, known, roles) if alive or not tasks else None
    told = moment(text(task, "lastModified") or text(task, "authoredOn"), zone)
    placer = _placer(order, task, known, roles)
    return Referral(
        evidence=evidence(order),
        status=text(order, "status"),
        priority=priority,
        service=words(item(order, "code")) or "this service",
        codes=codes(item(order, "code")),
        specialty=words(item(order, "performerType")),
        specialties=compared(item(order, "performerType")),
        authored=authored,
        window=_window(order, authored, priority, policy.of_office(placer)),
        tracked=bool(task),
        stage=_stage(order, task, case.tasks),
        stage_since=told or authored,
        stage_due=moment(text(item(item(task, "restriction"), "period"), "end"), zone),
        stage_evidence=evidence(task, "businessStatus") if task else evidence(order, "status"),
        stage_reason=words(item(task, "statusReason")),
        stage_unread=stages.unread(task),
        placer=placer,
        performer=performer,
        declined=_declined(tasks, known),
        next_candidate="" if alive else _next(order, tasks, known),
        site=_site(order, performer, known),
        cards=tuple(to for to in targets(order, "insurance") if to.startswith("Coverage/")),
    )


def _age(task: Json, policy: Policy) -> tuple[When, When, str]:
    written, changed = (when(text(task, name), policy.zone) for name in ("authoredOn", "lastModified"))
    return written, changed, key(task)


def _stage(order: Json, task: Json, tasks: Sequence[Json]) -> Stage:
    said = stages.stage(task)
    if said not in OVER and task and stages.cancelling(task, tasks, order):
        said = "cancel-requested"
    if text(order, "status") in WITHDRAWN:
        return said if said in ("failed", "error") else "cancelled" if order["status"] == "revoked" else "error"
    return "draft" if text(order, "status") == "draft" else said


def _performer(order: Json, task: Json | None, known: Directory, roles: Mapping[str, Role]) -> Performer | None:
    """The owner of the task, with the clinician that the order names there; without an owner, whom the order names."""
    named = [_work(each, known, roles) for each in items(order, "performer")]
    owner = item(task, "owner") if task else {}
    if task and owner:
        organization, practitioner = _work(owner, known, roles)
        there = (who for where, who in named if who and where and where.same(organization))
        return Performer(organization, practitioner or next(there, None), evidence(task, "owner"))
    organization = next((where for where, _ in named if where), None)
    practitioner = next((who for _, who in named if who), None)
    return Performer(organization, practitioner, evidence(order, "performer")) if organization or practitioner else None


def _placer(order: Json, task: Json, known: Directory, roles: Mapping[str, Role]) -> Party | None:
    """The organization that refers: the one that asked for the work, else the one that the requester works for."""
    asked, _ = _work(item(task, "requester"), known, roles)
    return asked or _work(item(order, "requester"), known, roles)[0]


def _work(reference: Json, known: Directory, roles: Mapping[str, Role]) -> tuple[Party | None, Party | None]:
    """The organization and the person that a reference means."""
    to = target(reference)
    if to in roles:
        return roles[to].organization, roles[to].practitioner
    person = to.startswith("Practitioner/")
    found = party(reference, known)
    return (None, found) if person else (found, None)


def _declined(tasks: list[Json], known: Directory) -> tuple[str, ...]:
    found = [party(item(task, "owner"), known) for task in tasks if text(task, "status") == "rejected"]
    return tuple(each.name for each in found if each)


def _next(order: Json, tasks: list[Json], known: Directory) -> str:
    """The first performer that the order names and that has not been asked."""
    asked = [party(item(task, "owner"), known) for task in tasks]
    wanted = [party(each, known) for each in items(order, "performer")]
    left = [each for each in wanted if each and not any(each.same(other) for other in asked)]
    return left[0].name if left else ""


def _site(order: Json, performer: Performer | None, known: Directory) -> Party | None:
    """The place that the order names, unless it belongs to somebody else than the performer (who may have changed)."""
    place = next((each for each in (party(r, known) for r in items(order, "locationReference")) if each), None)
    owner = known.get(place.owner) if place else None
    moved = owner and performer and performer.organization and not owner.same(performer.organization)
    return None if moved else place


def _window(order: Json, authored: datetime | None, priority: str, policy: Policy) -> Days:
    """The days on which the visit is wanted; where the order gives no end, its urgency does."""
    asked = item(order, "occurrencePeriod")
    at = text(order, "occurrenceDateTime")
    given = days(asked or ({"start": at, "end": at} if at else None), policy.zone)
    if given == NEVER or given.empty:
        given = ALWAYS
    start = given.start or (local(authored, policy.zone) if authored else None)
    if given.end or start is None:
        return Days(start, given.end)
    allowed = policy.length(by_priority("window", priority), midnight(start, policy.zone))
    return Days(start, shifted(start, allowed.days + 1))
