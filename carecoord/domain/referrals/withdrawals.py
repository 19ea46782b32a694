"""A referral that is no longer wanted: withdrawn before work began, asked to be given up after, and what the clinic
says to that; or put right, by a new order in the place of the old one. Pure; the table of states says which of them it
is with this partner.

Clauses: COW ("once work has started the placer asks for it": a Task with code abort, its focus the coordination Task);
BSeR 5.2 and IHE PCC-58, which know no such Task; FHIR R4 request.html#statemachine (an order is revoked by who wrote
it, so a clinic that gives the work up leaves the order active); ServiceRequest.replaces ("takes the place of the
referenced completed or terminated request(s)")."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal, cast

from carecoord.domain.referrals import acts, stages, states
from carecoord.domain.referrals.case import Case, linked
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.states import Side
from carecoord.domain.resource.codes import ABORT
from carecoord.domain.resource.elements import Json, item, items, key, target, targets, text
from carecoord.domain.scheduling import acts as visit_acts
from carecoord.domain.scheduling import states as visit_states
from carecoord.domain.timeline.timeline import documents
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

Way = Literal["withdraw", "ask-cancel"]
_STANDING = ("draft", "active", "on-hold")  # of an order that can still be revoked


def way(case: Case, task: Json, side: Side) -> Way | None:
    """How this side withdraws it: at once, or by asking the clinic to give it up; None where it has no way."""
    if text(case.order, "status") not in _STANDING or side not in ("requester", "either"):
        return None
    stage = acts.stage(task, case.order)
    if stage in ("draft", "new", *acts.ENDED) and (not task or stage in acts.ENDED):
        return "withdraw"
    legal = states.legal(stages.stage(task), side, states.workflow(task))
    ways: tuple[Way, ...] = ("withdraw", "ask-cancel")
    return next((each for each in ways if each in legal), None)


def withdrawn(case: Case, task: Json, side: Side, visit: Json | None, reason: str, now: datetime) -> list[Json]:
    """Withdrawn at once: the Task is cancelled, the order revoked, a visit that stands called off.

    Raises Conflict (409) where the table has no such move, Forbidden (403) for the wrong side."""
    order = case.order | {"status": "revoked"}
    if not task or stages.stage(task) in acts.ENDED:
        return [order]
    return [acts.moved(task, "withdraw", side, now, reason), order, *_called_off(visit, reason)]


def asked(case: Case, task: Json, side: Side, id: str, office: Json, reason: str, now: datetime) -> list[Json]:
    """The clinic is asked to give it up: the Task says so and, where the partner knows such a thing, one of its own."""
    told = acts.moved(task, "ask-cancel", side, now, reason)
    if states.workflow(task) in ("bser", "360x"):
        return [told]
    owner = item(task, "owner")
    abort: Json = {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": ABORT[0], "code": ABORT[1]}]},
        "focus": {"reference": key(task)},
        "for": {"reference": target(item(case.order, "subject"))},
        "requester": office,
        "reasonCode": {"text": reason},
        "authoredOn": now.isoformat(timespec="seconds"),
        "lastModified": now.isoformat(timespec="seconds"),
    }
    return [told, abort | ({"owner": owner} if owner else {})]


def rivals(case: Case, task: Json, side: Side) -> list[Json]:
    """The Tasks of other clinics that are still asked beside this one, and can be let go."""
    return [each for each in acts.beside(case, task) if way(case, each, side)]


def let_go(case: Case, task: Json, side: Side, id: str, office: Json, reason: str, now: datetime) -> list[Json]:
    """Another clinic has the patient: every rival is withdrawn or, where the partner knows no such thing or work began
    there, asked to give it up. id: what the ids of requests for that begin with."""
    found: list[Json] = []
    for n, each in enumerate(rivals(case, task, side)):
        if way(case, each, side) == "withdraw":
            found.append(acts.moved(each, "withdraw", side, now, reason))
        else:
            found += asked(case, each, side, f"{id}-{n}", office, reason, now)
    return found


def wish(case: Case, task: Json) -> str:
    """Why the clinic is asked to give it up, `.` where nobody said; empty where it is not asked."""
    if not task or stages.stage(task) in states.ENDS:
        return ""
    abort = stages.cancelling(task, case.tasks, case.order)
    if abort is None and stages.stage(task) != "cancel-requested":
        return ""
    return text(item(abort or {}, "reasonCode"), "text") or text(item(task, "statusReason"), "text") or "."


def given_up(case: Case, task: Json, side: Side, visit: Json | None, now: datetime) -> list[Json]:
    """The clinic agrees: its Task is cancelled, the request to cancel done, a visit that stands called off."""
    reason = wish(case, task)
    to = states.advance("cancel-requested", "confirm-cancel", side, states.workflow(task))
    ended = states.written(task, cast("Stage", to), reason) | {"lastModified": now.isoformat(timespec="seconds")}
    return [ended, *_answered(case, task, "completed", now), *_called_off(visit, reason)]


def kept(case: Case, task: Json, side: Side, reason: str, now: datetime) -> list[Json]:
    """The clinic does not agree, and says why: it goes on with the work."""
    to = states.advance("cancel-requested", "refuse-cancel", side, states.workflow(task))
    said = stages.stage(task) == "cancel-requested"
    on = states.written(task, cast("Stage", to)) | {"lastModified": now.isoformat(timespec="seconds")}
    return [*([on] if said else []), *_answered(case, task, "rejected", now, reason)]


def _answered(case: Case, task: Json, status: str, now: datetime, reason: str = "") -> list[Json]:
    abort = stages.cancelling(task, case.tasks, case.order)
    if abort is None or text(abort, "status") == "completed":
        return []
    why = {"statusReason": {"text": reason}} if reason else {}
    return [abort | {"status": status, "lastModified": now.isoformat(timespec="seconds")} | why]


def _called_off(visit: Json | None, reason: str) -> list[Json]:
    stands = visit is not None and "cancel" in visit_states.legal(text(visit, "status"), "either")
    return [visit_acts.ended(visit, "cancel", reason)] if visit and stands else []


# What of an order goes over into the one that takes its place; who, what and for whom are not put right so.
_KEPT: Final = (
    "resourceType", "category", "code", "orderDetail", "quantityQuantity", "quantityRatio", "subject", "requester",
    "performerType", "performer", "locationCode", "locationReference", "reasonCode", "reasonReference", "insurance",
    "supportingInfo", "bodySite", "note", "patientInstruction", "priority", "occurrencePeriod", "occurrenceDateTime",
)  # fmt: skip
_NUMBERED: Final = re.compile(r"(.*)-v(\d+)")


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is put right; empty: as it was. `until`: the last day of the window; `why`: said to the clinic."""

    why: str
    priority: str = ""
    reason: str = ""
    question: str = ""
    until: date | None = None


def replaceable(case: Case, task: Json, side: Side) -> bool:
    """Whether an order can be put right so: it went out, and can still be withdrawn at once."""
    if text(case.order, "status") not in ("active", "on-hold") or case.order.get("resourceType") != "ServiceRequest":
        return False
    return bool(task) and way(case, task, side) == "withdraw" and acts.stage(task, case.order) != "draft"


def replaced(
    case: Case, task: Json, visits: list[Json], side: Side, id: str, office: Json, said: Amendment, now: datetime
) -> list[Json]:
    """The order and its Task withdrawn, and in their place a new order with a Task that asks the same clinic. What
    stands of a visit is for the new order from now on. Raises Conflict where nothing would be different, or the table
    has no such move."""
    order = _order(case, id, said, now)
    kept = ("priority", "reasonCode", "note", "occurrencePeriod", "occurrenceDateTime")
    if all(order.get(name) == case.order.get(name) for name in kept):
        raise Conflict(sentence("refusals.nothing-would-be-different-change"))
    owner = item(task, "owner") or next(iter(items(order, "performer")), {})
    asks = acts.asking(replace(case, order=order), id, office, owner, now) | {"reasonCode": {"text": said.why}}
    ended = task if acts.stage(task, case.order) in acts.ENDED else acts.moved(task, "withdraw", side, now, said.why)
    about = [{"reference": key(order)}]
    return [
        *([ended] if ended is not task else []), case.order | {"status": "revoked"}, order, asks,
        *(each | {"basedOn": about} for each in visits),
    ]  # fmt: skip


def _order(case: Case, id: str, said: Amendment, now: datetime) -> Json:
    old = case.order
    order: Json = {name: old[name] for name in _KEPT if name in old}
    order |= {
        "id": id, "status": "active", "intent": text(old, "intent") or "order",
        "replaces": [{"reference": key(old)}], "authoredOn": now.isoformat(timespec="seconds"),
        "identifier": [_next(each) for each in items(old, "identifier")],
    }  # fmt: skip
    if said.priority:
        order["priority"] = said.priority
    if said.reason:  # other words are no longer those of the old code
        order["reasonCode"] = [{"text": said.reason}]
    if said.question:
        order["note"] = [*items(old, "note"), {"text": said.question}]
    if said.until:
        order["occurrencePeriod"] = item(old, "occurrencePeriod") | {"end": said.until.isoformat()}
        order.pop("occurrenceDateTime", None)
    # what was attached to the old order, and decided of it, is of this one: a document, a payer's answer
    papers = [{"reference": key(each)} for each in documents(case)]
    answers = [key(each) for each in case.responses if target(item(each, "request")) in linked(old, case.claims, ())]
    named = items(old, "supportingInfo")
    order["supportingInfo"] = [*named, *(each for each in papers if each not in named)]
    order["insurance"] = [
        *items(old, "insurance"), *({"reference": each} for each in answers if each not in targets(old, "insurance"))
    ]  # fmt: skip
    return {name: value for name, value in order.items() if value != []}


def _next(identifier: Json) -> Json:
    """The number of the order that takes its place: R-24817 is followed by R-24817-v2."""
    value = text(identifier, "value")
    found = _NUMBERED.fullmatch(value)
    return identifier | {"value": f"{found[1]}-v{int(found[2]) + 1}" if found else f"{value}-v2"}
