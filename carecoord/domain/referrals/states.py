"""The states of a referral Task: one table of (stage, verb) for every road, with a column for the partner's ways.

The stages are those of `stages.py`. The column says who of us, Clinical Order Workflows, BSeR, Gravity SDOHCC and 360X
agrees to a move:
- Gravity's value set lacks `received` and `ready`; from in-progress either side may cancel.
- BSeR and 360X let nobody cancel at once: a request to cancel goes to 5.2, from before work began as well. BSeR has no
  decline from 5.1.3 and no outcome from 5.1.2 and 5.1.3; ours has more (close, report), so that no case is stuck there.
- Us and COW: the requester withdraws before work began, and asks for it after (COW: by a Task `abort`).

Clauses: BSeR TID 1-34 (each named in tests/domain/referrals/test_states.py; 31-34 use "5.1", which its code system
lacks: our stage in-progress stands for it), Gravity SDOHCC referral Task, COW, IHE PCC 360X (PCC-55 to PCC-61)."""

from collections.abc import Iterable
from typing import Final, Literal

from carecoord.domain.referrals import stages
from carecoord.domain.referrals.case import coordinates
from carecoord.domain.resource import moves
from carecoord.domain.resource.codes import STAGE, WORKFLOW
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.domain.resource.moves import BOTH, EVERYBODY, Move, Need, Profile, Side
from carecoord.errors import Conflict, Invalid

__all__ = ["Profile", "Side"]

Stage = stages.Stage | Literal["new"]  # `new`: it is not there yet
Verb = Literal[
    "draft", "send", "withdraw", "receive", "ask", "answer", "await-authorization", "accept", "decline", "advise",
    "contact", "wait", "begin", "schedule", "reschedule", "no-show", "cancel-appointment", "interim", "report", "fail",
    "ask-cancel", "refuse-cancel", "confirm-cancel", "void", "keep",
]  # fmt: skip

_R: Final[frozenset[Side]] = frozenset({"requester"})
_P: Final[frozenset[Side]] = frozenset({"performer"})
_OURS: Final[frozenset[Profile]] = frozenset({"base", "cow"})
_FHIR: Final[frozenset[Profile]] = frozenset({"base", "cow", "gravity"})
_PACKAGES: Final[frozenset[Profile]] = frozenset({"bser", "360x"})
_GRAVITY: Final[frozenset[Profile]] = frozenset({"gravity"})

_ASKED: Final[tuple[stages.Stage, ...]] = ("sent", "in-triage", "awaiting-information")  # no answer yet
_TAKEN: Final[tuple[stages.Stage, ...]] = ("accepted", "contacting-patient")
_BEFORE: Final[tuple[stages.Stage, ...]] = (*_ASKED, "awaiting-authorization", *_TAKEN)
_WORK: Final[tuple[stages.Stage, ...]] = ("in-progress", "scheduled", "no-show", "appointment-cancelled", "visit-done")
AGREED: Final[frozenset[stages.Stage]] = frozenset({  # a clinic has said yes, and is at it
    *_TAKEN, "waitlisted", *_WORK, "cancel-requested",
})  # fmt: skip
ELSEWHERE: Final = "Another clinic has said yes to this order: it has the patient, and nothing is left to answer."
ENDS: Final[tuple[stages.Stage, ...]] = ("advice-given", "report-received", "declined", "cancelled", "failed", "error")
STAGES: Final[tuple[stages.Stage, ...]] = ("draft", *_BEFORE, "waitlisted", *_WORK, "cancel-requested", *ENDS)

_Row = tuple[Verb, tuple[Stage, ...], Stage, frozenset[Side], tuple[Need, ...], frozenset[Profile]]
_ROWS: tuple[_Row, ...] = (
    ("draft", ("new",), "draft", BOTH, (), EVERYBODY),
    ("send", ("new",), "sent", BOTH, (), EVERYBODY),  # a clinic types in what came by fax
    ("send", ("draft",), "sent", _R, (), EVERYBODY),  # TID 01
    ("receive", ("sent",), "in-triage", _P, (), EVERYBODY),
    ("ask", ("sent", "in-triage"), "awaiting-information", _P, (), EVERYBODY),
    ("answer", ("awaiting-information",), "in-triage", _R, (), EVERYBODY),
    ("accept", (*_ASKED, "awaiting-authorization"), "accepted", _P, (), EVERYBODY),  # TID 02
    ("decline", _ASKED, "declined", _P, ("reason",), EVERYBODY),  # TID 03
    ("decline", ("awaiting-authorization",), "declined", _P, ("reason",), EVERYBODY - _GRAVITY),
    ("decline", (*_TAKEN, "in-progress", "scheduled", "no-show", "visit-done"), "declined", _P, ("reason",),
     _PACKAGES),  # TID 05, 10, 17, 25, 32; elsewhere who accepted can only fail
    ("advise", _ASKED, "advice-given", _P, ("output",), _OURS),
    ("advise", _TAKEN, "advice-given", _P, ("output",), EVERYBODY),
    ("await-authorization", ("in-triage", *_TAKEN), "awaiting-authorization", _P, (), EVERYBODY),
    ("contact", ("accepted", "awaiting-authorization"), "contacting-patient", _P, (), EVERYBODY),
    ("wait", (*_TAKEN, "in-progress", "scheduled", "no-show", "appointment-cancelled"), "waitlisted", _P, (), _FHIR),
    ("begin", (*_TAKEN, "awaiting-authorization", "waitlisted"), "in-progress", _P, (), EVERYBODY),  # TID 31
    ("schedule", (*_TAKEN, "awaiting-authorization", "waitlisted", "in-progress"), "scheduled", _P, (),
     EVERYBODY),  # TID 06
    ("schedule", ("no-show", "appointment-cancelled", "visit-done"), "scheduled", _P, (), EVERYBODY),  # TID 18, 21, 26
    ("reschedule", ("scheduled",), "scheduled", _P, (), EVERYBODY),  # TID 11
    ("no-show", ("scheduled",), "no-show", _P, (), EVERYBODY),  # TID 12
    ("cancel-appointment", ("scheduled", "no-show", "visit-done"), "appointment-cancelled", _P, (),
     EVERYBODY),  # TID 13, 19, 27
    ("interim", (*_TAKEN, "in-progress", "scheduled", "visit-done"), "visit-done", _P, (), EVERYBODY),  # TID 08, 15, 29
    ("report", (*_TAKEN, "in-progress", "scheduled", "visit-done"), "report-received", _P, ("output",),
     EVERYBODY),  # TID 09, 16, 30, 34
    ("report", ("cancel-requested",), "report-received", _P, ("output",), EVERYBODY),  # TID 24: a late outcome wins
    ("report", ("waitlisted", "no-show", "appointment-cancelled"), "report-received", _P, ("output",), _FHIR),
    ("fail", (*_TAKEN, "awaiting-authorization", "waitlisted", *_WORK), "failed", _P, ("reason",), _FHIR),
    ("withdraw", ("draft",), "cancelled", _R, (), _OURS),
    ("withdraw", (*_BEFORE, "waitlisted"), "cancelled", _R, (), _OURS),
    ("withdraw", (*_BEFORE, "waitlisted", *_WORK), "cancelled", BOTH, (), _GRAVITY),
    ("ask-cancel", _WORK, "cancel-requested", _R, (), EVERYBODY),  # TID 14, 20, 22, 28, 33
    ("ask-cancel", (*_BEFORE, "waitlisted"), "cancel-requested", _R, (), _PACKAGES),  # TID 04, 07
    ("refuse-cancel", ("cancel-requested",), "in-progress", _P, (), _FHIR),
    ("confirm-cancel", ("cancel-requested",), "cancelled", _P, (), EVERYBODY),  # TID 23
    ("void", tuple(stage for stage in STAGES if stage != "error"), "error", _R, (), EVERYBODY),
)  # fmt: skip


def _table(rows: Iterable[_Row]) -> dict[tuple[str, str], tuple[Move, ...]]:
    table: dict[tuple[str, str], tuple[Move, ...]] = {}
    for verb, starts, to, who, needs, partners in rows:
        for start in starts:
            table[start, verb] = (*table.get((start, verb), ()), Move(to, who, needs, partners))
    return table


TABLE: Final = _table(_ROWS) | {(stage, "keep"): (Move(stage, BOTH),) for stage in STAGES}


def legal(stage: Stage, side: Side, profile: Profile = "base") -> tuple[Verb, ...]:
    """The verbs that a side has in a stage; `keep` is any change that leaves the stage as it is."""
    return moves.legal(TABLE, stage, side, profile)  # type: ignore[return-value]


def advance(stage: Stage, verb: str, side: Side, profile: Profile = "base") -> Stage:
    """The stage that a verb leads to.

    Raises Conflict (409) where none does, naming the legal verbs; Forbidden (403) where it is another side's.
    """
    return moves.advance(TABLE, stage, verb, side, profile).to  # type: ignore[return-value]


def needs(stage: Stage, verb: str, profile: Profile = "base") -> tuple[Need, ...]:
    """What a verb demands of the Task beside its stage: `reason` a statusReason, `output` an output."""
    move = moves.found(TABLE, stage, verb, profile)
    return move.needs if move else ()


def move(before: Json, after: Json) -> Verb:
    """What a plain change of a Task means (`before` empty: a new one): the verb that leads from the one's stage to the
    other's, legal or not. One that goes back to what no verb leads to is a `draft`, which nothing but `new` offers."""
    start, to = stages.stage(before) if before else "new", stages.stage(after)
    if start == to:
        return "keep"
    return moves.between(TABLE, start, to, workflow(after)) or "draft"  # type: ignore[return-value]


WORKFLOWS: Final[tuple[Profile, ...]] = ("360x", "bser", "cow", "gravity")  # that may be agreed with a partner


def named(workflow: str) -> Profile:
    """The workflow of this name, ours of an empty one. Raises Invalid for another."""
    if workflow and workflow not in WORKFLOWS:
        raise Invalid(f"{workflow!r} is no workflow that we know; known: {', '.join(WORKFLOWS)}.")
    return next((each for each in WORKFLOWS if each == workflow), "base")


def workflow(task: Json) -> Profile:
    """The partner's ways that a Task follows: what the server marked it with when it began. What it claims to be, its
    meta.profile, opens nothing: anybody can write that (decision 36)."""
    marks = (each for each in items(item(task, "meta"), "tag") if each.get("system") == WORKFLOW)
    code = next((text(each, "code") for each in marks), "")
    return next((each for each in WORKFLOWS if each == code), "base")


def following(task: Json, workflow: Profile) -> Json:
    """A Task marked as following a workflow, and as no other."""
    meta = item(task, "meta")
    kept = [each for each in items(meta, "tag") if each.get("system") != WORKFLOW]
    tags = kept if workflow == "base" else [*kept, {"system": WORKFLOW, "code": workflow}]
    if tags == meta.get("tag", []):
        return task
    bare = {name: value for name, value in meta.items() if name != "tag"} | ({"tag": tags} if tags else {})
    return {name: value for name, value in task.items() if name != "meta"} | ({"meta": bare} if bare else {})


_BSER_STATUS: Final[dict[stages.Stage, tuple[str, ...]]] = {"sent": ("received",)}
_GRAVITY_STATUS: Final[dict[stages.Stage, tuple[str, ...]]] = {  # without received and ready
    "in-triage": ("requested",),
    "awaiting-information": ("requested",),
    "awaiting-authorization": ("accepted",),
    "accepted": ("accepted",),
    "contacting-patient": ("accepted",),
}


def statuses(stage: stages.Stage, profile: Profile = "base") -> tuple[str, ...]:
    """The Task.status by which a stage is written down, the usual one first."""
    special = {"bser": _BSER_STATUS, "gravity": _GRAVITY_STATUS}.get(profile, {})
    return special.get(stage, stages.WRITTEN[stage])


def written(task: Json, stage: stages.Stage, reason: str = "") -> Json:
    """A Task as it stands in a stage: status, businessStatus, and statusReason in words, or none. A status that says
    the stage as well is kept."""
    usual = statuses(stage, workflow(task))
    was = text(task, "status")
    told = {key: value for key, value in task.items() if key != "statusReason"}
    told["status"] = was if was in usual else usual[0]
    told["businessStatus"] = {"coding": [{"system": STAGE, "code": stage}]}
    return told | ({"statusReason": {"text": reason}} if reason else {})


def lacks(before: Json, after: Json) -> tuple[str, ...]:
    """What is wrong with the content of a Task that moved, in words that say what would put it right: a status that
    does not say its stage, a decline or failure without a reason, a completion without an output."""
    partner, stage, verb = workflow(after), stages.stage(after), move(before, after)
    start = stages.stage(before) if before else "new"
    found = []
    status = text(after, "status")
    if status not in statuses(stage, partner) and (verb != "keep" or status != text(before, "status")):
        found.append(f"A Task that is {stage} has the status {' or '.join(statuses(stage, partner))}, not {status}.")
    demands = needs(start, verb, partner)
    reason = item(after, "statusReason")
    if "reason" in demands and not reason:
        found.append(f"A Task that is {stage} says why: give Task.statusReason.")
    if partner == "gravity" and reason and not text(reason, "text"):
        found.append("Gravity: a Task.statusReason has its text.")
    if "output" in demands and not items(after, "output"):
        found.append(f"A Task that is {stage} shows what came of it: give Task.output.")
    return tuple(found)


_CLOSED = ("completed", "rejected", "cancelled", "failed", "entered-in-error")
_DOING = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
_PLAIN: Final = {  # a Task under another, such as an errand or a wish for papers: ticked off in one step
    ("new", "open"): tuple(Move(to, BOTH) for to in ("draft", *_DOING)),
    ("draft", "open"): tuple(Move(to, BOTH) for to in _DOING),
    **{(start, "go-on"): tuple(Move(to, BOTH) for to in _DOING if to != start) for start in _DOING},
    **{(start, "close"): tuple(Move(to, BOTH) for to in _CLOSED[:-1]) for start in ("draft", *_DOING)},
    **{(start, "void"): (Move("entered-in-error", BOTH),) for start in ("draft", *_DOING, *_CLOSED[:-1])},
}


def takes(before: Json, after: Json) -> bool:
    """Whether a change of a Task is its performer's yes: of several clinics asked for one order, one has it."""
    yes = AGREED - {"cancel-requested"}  # which some partners ask for before an answer, too
    return coordinated(after) and stages.stage(after) in yes and not (before and stages.stage(before) in yes)


def judge(before: Json, after: Json, side: Side, *, abort: bool = False, taken: bool = False) -> None:
    """Refuse a change of a Task that the table does not have (`before` empty: a new one). abort: a request to cancel
    lies on it (COW: a Task `abort`), so that it may be called off whatever its own stage says. taken: another clinic
    has said yes to the same order.

    Raises Conflict (409) naming the legal verbs, Forbidden (403), Unprocessable (422).
    """
    if not coordinated(before) and not coordinated(after):
        _judge_plain(text(before, "status") if before else "new", text(after, "status"))
        return
    verb, start = move(before, after), stages.stage(before) if before else "new"
    if abort and verb in ("withdraw", "confirm-cancel") and start not in ENDS:
        verb, start = "confirm-cancel", "cancel-requested"
    moves.advance(TABLE, start, verb, side, workflow(after), "Task.status")
    if taken and takes(before, after):
        raise Conflict(f"{ELSEWHERE} Legal from {start}: decline.", "Task.status")
    moves.demand_whole(lacks(before, after), "Task")


def coordinated(task: Json) -> bool:
    """Whether a Task is a performer's work on an order, and so has stages: not one under it, nor an errand of ours."""
    about = [item(task, "focus"), *items(task, "basedOn")]
    names = (f"/{text(each, 'reference')}" for each in about)
    order = any(f"/{kind}/" in name for name in names for kind in ("ServiceRequest", "DeviceRequest"))
    return order and coordinates(task)


def _judge_plain(start: str, to: str) -> None:
    ways = {move.to: verb for (state, verb), found in _PLAIN.items() if state == start for move in found}
    if start != to and to not in ways:
        verbs = ", ".join(f"{verb} ({to})" for to, verb in ways.items())
        raise Conflict(f"It is {start} and can not become {to}. Legal: {verbs or 'nothing'}.", "Task.status")
