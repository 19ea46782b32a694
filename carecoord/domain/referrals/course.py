"""How far a referral has come, step by step: what is done and when, where it stands, what is still to come; one lane
for each clinic that was asked. Pure: read from the judged case and from what the log says of its Tasks.

The steps are those of referrals.md 1.6 in the order in which they help each other; advice without a visit (eConsult)
passes over what only a visit needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, get_args

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals import offers, stages
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.loop_gate import Step as ClosingStep
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.states import AGREED, ENDS, coordinated
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, items, key, text, words
from carecoord.domain.resource.parties import party
from carecoord.domain.timeline.events import Event

StepName = Literal["sent", "triage", "accepted", "authorization", "booked", "visit", "report", "read", "told"]
STEPS: Final[tuple[StepName, ...]] = get_args(StepName)
_ASKING: Final[tuple[StepName, ...]] = ("sent", "triage", "accepted")  # the steps that each clinic goes through
StepState = Literal["done", "not-needed", "here", "passed", "later"]  # passed: not done, though later steps are
_TRIAGED: Final[frozenset[Stage]] = frozenset({
    "awaiting-authorization", "accepted", "contacting-patient", "waitlisted", "in-progress", "scheduled", "no-show",
    "appointment-cancelled", "visit-done", "cancel-requested", "advice-given", "report-received",
})  # fmt: skip
_WHEN: Final[Mapping[StepName, tuple[str, ...]]] = {  # step -> the stages by whose first event it was done
    "sent": ("sent",),
    "triage": ("accepted", "awaiting-authorization", "contacting-patient", "scheduled", "advice-given", "declined"),
    "accepted": ("accepted", "contacting-patient", "waitlisted", "in-progress", "scheduled", "advice-given"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `at`: when it was done, None where nobody says."""

    name: StepName
    state: StepState
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """The way of the order at one clinic. `task`: `Task/id`, empty where nobody was asked yet. `since`: when its stage
    began; `reason`: why it ended, in the clinic's words."""

    task: str
    clinic: str
    stage: Stage | Literal["new"]
    steps: tuple[Step, ...]
    since: datetime | None = None
    reason: str = ""


def course(case: Case, judged: Clearance, happened: Iterable[Event]) -> tuple[Lane, ...]:
    """The lane that the referral is in now, with all its steps, and then one for each other clinic that was asked, the
    newest first. happened: the events of the case."""
    first: dict[tuple[str, str], datetime] = {}
    for event in sorted((each for each in happened if each.kind == "stage"), key=lambda each: each.at):
        first.setdefault((event.reference, event.state), event.at)
    now = offers.current_task(case, judged)
    others = [task for task in case.tasks if coordinated(task) and key(task) != key(now)] if now else []
    others.sort(key=lambda task: (text(task, "authoredOn"), key(task)), reverse=True)
    return (_main(case, judged, now, first), *(_other(task, judged, first) for task in others))


def lane_of(case: Case, judged: Clearance, organizations: frozenset[str]) -> Case | None:
    """The case as it lies before one of several clinics that were asked, an open Task's for whom the order names: with
    its own Task and nobody else's. None where it was not asked, has answered, or another has said yes. organizations:
    ids of the clinic."""
    now, referral = offers.current_task(case, judged), judged.facts.referral
    ours = {f"Organization/{id}" for id in organizations}
    if not now or referral.stage in AGREED or referral.withdrawn or text(case.order, "status") == "draft":
        return None
    mine = next((task for task in case.tasks if _awaits(task) and _means(item(task, "owner"), ours, judged)), None)
    named = next((each for each in items(case.order, "performer") if _means(each, ours, judged)), None)
    if mine is None and named and not item(now, "owner") and _awaits(now):
        mine = now | {"owner": named}  # it is for the taking: who accepts it has it
    if mine is None:
        return None
    others = {key(task) for task in case.tasks if coordinated(task)} - {key(mine)}
    kept = (each for each in case.tasks if key(each) != key(mine) and key(each) not in others)
    return replace(case, tasks=(mine, *kept))


def went_elsewhere(case: Case, judged: Clearance, organizations: frozenset[str]) -> bool:
    """Whether one of these clinics was asked, and another has said yes before it answered."""
    now, ours = offers.current_task(case, judged), {f"Organization/{id}" for id in organizations}
    mine = (_awaits(task) and _means(item(task, "owner"), ours, judged) for task in case.tasks if key(task) != key(now))
    return bool(now) and judged.facts.referral.stage in AGREED and any(mine)


def without_rivals(case: Case, judged: Clearance) -> Case:
    """The case without the Tasks of other clinics that are still asked: which these are is the office's to know."""
    now = key(offers.current_task(case, judged) or {})
    kept = (t for t in case.tasks if not coordinated(t) or key(t) == now or stages.stage(t) in ENDS)
    return replace(case, tasks=tuple(kept))


def _awaits(task: Json) -> bool:
    return coordinated(task) and stages.stage(task) in ("sent", "in-triage", "awaiting-information")


def _means(reference: Json, ours: set[str], judged: Clearance) -> bool:
    found = party(reference, judged.facts.parties) if reference else None
    return found is not None and not ours.isdisjoint(found.keys)


_First = Mapping[tuple[str, str], datetime]


def _main(case: Case, judged: Clearance, task: Json, first: _First) -> Lane:
    referral = judged.facts.referral
    steps = [*_asked(task, referral.stage, first), *_further(judged)]
    if not task and text(case.order, "status") != "draft":  # nobody says how far it has come: nobody tracks it
        steps[0] = Step("sent", "done", referral.authored)
        steps[1:3] = [Step("triage", "not-needed"), Step("accepted", "not-needed")]
    if referral.stage == "advice-given":
        steps = [replace(each, state="not-needed") if each.name in ("booked", "visit") else each for each in steps]
    clinic = str(referral.performer.named) if referral.performer else ""
    stage = referral.stage if task or referral.stage == "draft" else "new"
    return Lane(key(task), clinic, stage, _placed(steps, judged), referral.stage_since, referral.stage_reason)


def _other(task: Json, judged: Clearance, first: _First) -> Lane:
    stage, clinic = stages.stage(task), party(item(task, "owner"), judged.facts.parties)
    steps = _asked(task, stage, first)
    if stage not in ENDS:
        here = next((n for n, each in enumerate(steps) if each.state == "later"), None)
        steps = [replace(each, state="here") if n == here else each for n, each in enumerate(steps)]
    since = moment(text(task, "lastModified") or text(task, "authoredOn"), judged.facts.policy.zone)
    return Lane(key(task), clinic.name if clinic else "", stage, tuple(steps), since, words(item(task, "statusReason")))


def _asked(task: Json, stage: str, first: _First) -> list[Step]:
    """Sent, triaged, accepted: as far as the Task of one clinic says."""
    done = {"sent": stage != "draft" and bool(task), "triage": stage in _TRIAGED or stage == "declined"}
    waits = stage == "awaiting-authorization" and text(task, "status") == "received"  # it may wait before it says yes
    done["accepted"] = stage in _TRIAGED and not waits

    def when(name: StepName) -> datetime | None:
        return min((first[key(task), each] for each in _WHEN[name] if (key(task), each) in first), default=None)

    return [Step(name, "done" if done[name] else "later", when(name) if done[name] else None) for name in _ASKING]


def _further(judged: Clearance) -> list[Step]:
    """What follows, by the gates and the facts: none of it is done because somebody says so of the referral."""
    visits, closing, ruling = judged.facts.visits, judged.facts.closing, judged.ruling
    seen = visits.done[-1] if visits.done else None
    booked = judged.booking if judged.booking and not judged.booking.declines else None
    made = moment(booked.made, judged.facts.policy.zone) if booked and booked.made else None
    decided = ruling.request.decided if ruling.request else None
    gate = judged.gate("authorization")
    approved: StepState = "not-needed" if gate.state == "not-needed" else "done" if gate.state == "met" else "later"
    closed: tuple[tuple[StepName, ClosingStep], ...]
    closed = (("report", closing.report), ("read", closing.acknowledged), ("told", closing.told))
    return [
        Step("authorization", approved, decided if approved == "done" else None),
        Step("booked", "done" if booked or seen else "later", made),
        Step("visit", "done" if seen else "later", seen.at if seen else None),
        *(Step(name, "done" if each.done else "later", each.at if each.done else None) for name, each in closed),
    ]


def _placed(steps: Sequence[Step], judged: Clearance) -> tuple[Step, ...]:
    """Where the referral stands: at the first step that is not done behind the last that is."""
    last = max((n for n, each in enumerate(steps) if each.state == "done"), default=-1)
    if judged.facts.referral.stage == "awaiting-authorization":  # that is what it waits for, whoever has said yes
        last = max(last, STEPS.index("accepted"))
    here = next((n for n, each in enumerate(steps) if each.state == "later" and n > last), None)
    found = []
    for n, each in enumerate(steps):
        passed = each.state == "later" and n <= last
        now = n == here and not judged.closed
        found.append(replace(each, state="passed" if passed else "here" if now else each.state))
    return tuple(found)
