"""What a change of a resource means to its case, as codes: before and after in, what happened out. Pure.

Every change of a governed resource is at least one occurrence; one that leaves the state as it was says the state twice
and names the elements. Dates are as the resource says them; what it does not date is not dated here. What a sentence
about it needs is in the payload: codes, names and references, never the sentence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from carecoord.domain.agreements.versions import number_of
from carecoord.domain.documents.audience import is_kept
from carecoord.domain.prior_auth.desk import guides, second_look
from carecoord.domain.prior_auth.metrics import facts
from carecoord.domain.prior_auth.review_action import decided, overall, reviews
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.case import ORDERS, case_id, coordinates, orders
from carecoord.domain.referrals.loop_gate import FINAL
from carecoord.domain.resource.codes import (
    ACKNOWLEDGE,
    CONSULT_NOTE,
    EXTENSION,
    FORM_WANTED,
    OBTAIN_PAPER,
    PAPER_WANTED,
    TELL,
    has,
)
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, targets, text, words

ERRANDS: Final = {  # the Tasks beside the course, by their code
    "acknowledge": ACKNOWLEDGE,
    "tell": TELL,
    "paper": PAPER_WANTED,
    "form": FORM_WANTED,
    "obtain": OBTAIN_PAPER,
}
ARRIVED: Final = frozenset({"fulfilled", "noshow", "arrived", "checked-in"})  # states of a visit that its day dates
_UNSENT: Final = frozenset({"preparation", "in-progress", "on-hold"})


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened. kind: order, stage, errand, authorization, coverage, agreement, visit, reply, talk,
    document, plan, goal;
    clearance and conflict, which no change of one resource tells.
    before: the state until then, empty where there was nothing. at: the FHIR date or dateTime that says when, empty
    where nobody says. reason: in the words of whoever gave one."""

    kind: str
    before: str
    state: str
    at: str = ""
    reason: str = ""
    payload: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a resource stands. begun: the date of its beginning. turned: the date of its present state. first: the
    state in which it began, for what comes from elsewhere was not born in the state that it is in; empty where that is
    not known."""

    kind: str
    state: str
    begun: str = ""
    turned: str = ""
    first: str = ""
    reason: str = ""
    payload: Json = field(default_factory=dict)


def changes(before: Json | None, after: Json | None) -> list[Occurrence]:
    """What happened when a resource (None: it is not there) became another version of itself; of a type that is not
    governed, or a Claim that is no request for authorization, nothing."""
    shown = after or before or {}
    read = _STANDINGS.get(text(shown, "resourceType"))
    if read is None or (text(shown, "resourceType") == "Claim" and shown.get("use") != "preauthorization"):
        return []
    was, now = read(before) if before else None, read(after) if after else None
    if now is None:
        return [Occurrence(was.kind, was.state, "deleted")] if was else []
    happened = _begun(now) if was is None else _turned(was, now, before or {}, after or {})
    return [*happened, *_notice(before or {}, after or {}, now)]


def orders_named(resource: Json) -> set[str]:
    """The cases, by `case.case_id`, whose orders a governed resource names itself."""
    if resource.get("resourceType") == "Claim":
        named = orders(resource)
    else:
        named = {target(item(resource, "focus")), *targets(item(resource, "context"), "related")}
        named |= {to for name in ("basedOn", "about") for to in targets(resource, name)} | {key(resource)}
    pairs = (to.partition("/") for to in named)
    return {case_id({"resourceType": type, "id": id}) for type, _, id in pairs if type in ORDERS and id}


def go_betweens(resource: Json) -> set[str]:
    """The Tasks and requests for authorization, `Type/id`, through which a governed resource may concern an order."""
    named = {target(item(resource, name)) for name in ("focus", "reasonReference", "request")}
    named |= {to for name in ("basedOn", "about", "partOf") for to in targets(resource, name)}
    return {to for to in named if to.startswith(("Task/", "Claim/"))}


def _begun(now: _Standing) -> Iterator[Occurrence]:
    if now.first and now.first != now.state:
        yield Occurrence(now.kind, "", now.first, now.begun, "", now.payload)
        yield Occurrence(now.kind, now.first, now.state, now.turned, now.reason, now.payload)
    else:
        yield Occurrence(now.kind, "", now.state, now.begun, now.reason, now.payload)


def _turned(was: _Standing, now: _Standing, before: Json, after: Json) -> Iterator[Occurrence]:
    if was.state != now.state or was.kind != now.kind:
        at = now.turned if now.turned != was.turned or now.state in ARRIVED else ""
        yield Occurrence(now.kind, was.state, now.state, at, now.reason, now.payload)
        return
    if now.begun != was.begun and now.begun:  # it says better than before when it began
        yield Occurrence(now.kind, "", now.first or now.state, now.begun, now.reason, now.payload)
    differs = (name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    changed = sorted(name for name in differs if name not in ("meta", "id", "resourceType"))
    moved = _said(was=text(before, "start")) if now.kind == "visit" and "start" in changed else {}
    yield Occurrence(now.kind, was.state, now.state, "", now.reason, {**now.payload, **moved, "changed": changed})


def _notice(before: Json, after: Json, now: _Standing) -> Iterator[Occurrence]:
    given = _given(after)
    if now.kind == "agreement" and given and given != _given(before):
        yield Occurrence(now.kind, now.state, "notice", given, "", now.payload)


def _given(contract: Json) -> str:
    return text(extension(contract, f"{EXTENSION}/notice-given"), "valueDate")


def _order(order: Json) -> _Standing:
    sender = _reference(item(order, "requester"))
    return _Standing("order", text(order, "status"), text(order, "authoredOn"), payload=_said(by=sender))


def _task(task: Json) -> _Standing:
    owner = _said(who=_reference(item(task, "owner")))
    begun, turned = text(task, "authoredOn"), text(task, "lastModified")
    why = words(item(task, "statusReason"))
    if coordinates(task):
        stage = stages.stage(task)
        return _Standing("stage", stage, begun, turned, "" if stage == "draft" else "sent", why, owner)
    status = text(task, "status")
    state = {"completed": "done"}.get(status) or (
        status if status in ("draft", "cancelled", "rejected", "failed", "entered-in-error") else "asked"
    )
    wanted = [
        said
        for each in items(task, "input")
        if (said := words(item(each, "valueCodeableConcept")) or text(each, "valueString"))
    ]
    name = _errand(task)
    if name in ("acknowledge", "tell"):
        turned = turned or begun  # one that does not say when it was done says at least when it was written
    payload = {**owner, **_said(errand=name or code_of(item(task, "code")), wanted=wanted)}
    return _Standing("errand", state, begun, turned, "" if state == "draft" else "asked", why, payload)


def _errand(task: Json) -> str:
    return next((name for name, code in ERRANDS.items() if has(item(task, "code"), *code)), "")


def _claim(claim: Json) -> _Standing:
    status = text(claim, "status")
    state = {"draft": "draft", "active": "submitted"}.get(status, status or "submitted")
    services = [words(item(line, "productOrService")) for line in items(claim, "item")]
    said = _said(fast=code_of(item(claim, "priority")) == "stat", services=list(dict.fromkeys(filter(None, services))))
    said |= facts.of_request(claim)
    created = text(claim, "created")
    turned = created if state in ("draft", "submitted") else ""
    return _Standing("authorization", state, created, turned, "" if state == "draft" else "submitted", payload=said)


def _answer(answer: Json) -> _Standing:
    """The payer's answer: the decision on the first line that has one, its number and its reason."""
    answered = (*items(answer, "item"), *items(answer, "addItem"))
    states = (decided(answer, line) for line in answered)
    found = next((each for each in states if each != "unclear"), overall(answer) if not answered else "unclear")
    said = [each for part in (*answered, answer) for each in reviews(part)]
    numbers = [text(extension(each, "number"), "valueString") for each in said]
    number = next((each for each in (*numbers, text(answer, "preAuthRef")) if each), "")
    reasons = [words(item(extension(each, "reasonCode"), "valueCodeableConcept")) for each in said]
    why = next((each for each in (*reasons, text(answer, "disposition")) if each), "")
    state = {"cancelled": "withdrawn"}.get(status := text(answer, "status"), status)
    created = text(answer, "created")
    asked = target(item(answer, "request"))
    payload = _said(who=_reference(item(answer, "insurer")), number=number, request=asked, by=_decider(answer),
                    rule=guides.rule_of(answer)) | facts.of_answer(answer)  # fmt: skip
    if state in ("withdrawn", "entered-in-error"):
        return _Standing("authorization", state, created, "", found, payload=payload)
    return _Standing("authorization", "draft" if state == "draft" else found, created, created, "", why, payload)


def _decider(answer: Json) -> str:
    """Whether a rule gave an answer, or it says that a person has reviewed it; empty where it does not say."""
    if guides.rule_of(answer):
        return "rule"
    return "human" if second_look.human(answer) else ""


def _visit(visit: Json) -> _Standing:
    status, start, created = text(visit, "status"), text(visit, "start"), text(visit, "created")
    places = [item(each, "actor") for each in items(visit, "participant")]
    at = [_reference(each) for each in places if text(each, "reference").startswith("Location/")]
    dated = start if status in ARRIVED else created
    why = words(item(visit, "cancelationReason"))
    return _Standing("visit", status, dated, dated, reason=why, payload=_said(start=start, at=at))


def _reply(reply: Json) -> _Standing:
    """Somebody's answer to a visit. R4 does not date it: it is as old as its version."""
    at = text(item(reply, "meta"), "lastUpdated")
    said = _said(visit=target(item(reply, "appointment")), who=_reference(item(reply, "actor")))
    return _Standing("reply", text(reply, "participantStatus"), at, at, reason=text(reply, "comment"), payload=said)


def _eligibility(answer: Json) -> _Standing:
    inforce = [each.get("inforce") for each in items(answer, "insurance")]
    state = "met" if any(inforce) else "blocked" if False in inforce else "unknown"
    created, said = text(answer, "created"), _said(who=_reference(item(answer, "insurer")))
    return _Standing("coverage", state, created, created, reason=text(answer, "disposition"), payload=said)


def _talk(talk: Json) -> _Standing:
    status, at = text(talk, "status"), text(talk, "sent") or text(talk, "received")
    state = {"not-done": "failed", "entered-in-error": "entered-in-error"}.get(status) or (
        "preparation" if status in _UNSENT and not at else "done"
    )
    medium = next((code_of(each) or words(each) for each in items(talk, "medium")), "")
    to = [_reference(each) for each in items(talk, "recipient")]
    why = words(item(talk, "statusReason"))
    return _Standing("talk", state, at, at, reason=why, payload=_said(medium=medium, to=to))


def _document(document: Json) -> _Standing:
    status, date = text(document, "status"), text(document, "date")
    state = "here" if status == "current" else status
    note = has(item(document, "type"), *CONSULT_NOTE) and not is_kept(document)
    return _Standing("document", state, date, payload=_said(name=words(item(document, "type")), reports=note))


def _report(report: Json) -> _Standing:
    at = text(report, "issued") or text(report, "effectiveDateTime")
    status = text(report, "status")
    state = status if status in ("cancelled", "entered-in-error") else "here"
    return _Standing("document", state, at, payload=_said(name=words(item(report, "code")), reports=status in FINAL))


def _plan(plan: Json) -> _Standing:
    began = text(item(plan, "period"), "start") or text(plan, "created")
    return _Standing("plan", text(plan, "status"), began, payload=_said(name=text(plan, "title")))


def _goal(goal: Json) -> _Standing:
    began, turned = text(goal, "startDate"), text(goal, "statusDate")
    name = text(item(goal, "description"), "text")
    said, why = _said(name=name, achievement=code_of(item(goal, "achievementStatus"))), text(goal, "statusReason")
    return _Standing("goal", text(goal, "lifecycleStatus"), began, turned, reason=why, payload=said)


def _contract(contract: Json) -> _Standing:
    payload = _said(number=number_of(contract), ends=text(item(contract, "applies"), "end"))
    return _Standing("agreement", text(contract, "status"), text(contract, "issued"), payload=payload)


_STANDINGS: Final[dict[str, Callable[[Json], _Standing]]] = {
    "ServiceRequest": _order,
    "DeviceRequest": _order,
    "Task": _task,
    "Claim": _claim,
    "ClaimResponse": _answer,
    "Appointment": _visit,
    "AppointmentResponse": _reply,
    "CoverageEligibilityResponse": _eligibility,
    "Communication": _talk,
    "DocumentReference": _document,
    "DiagnosticReport": _report,
    "Contract": _contract,
    "CarePlan": _plan,
    "Goal": _goal,
}
GOVERNED: Final = frozenset(_STANDINGS)


def _reference(reference: Json) -> Json:
    """Of a Reference what names somebody: where it points, or the identifier, and the name given."""
    named = {name: said for name in ("reference", "display") if (said := text(reference, name))}
    id = item(reference, "identifier")
    own = {name: said for name in ("system", "value") if (said := text(id, name))}
    return {**named, "identifier": own} if own else named


def _said(**values: object) -> Json:
    """What is said of these, without what is not."""
    return {name: value for name, value in values.items() if value}
