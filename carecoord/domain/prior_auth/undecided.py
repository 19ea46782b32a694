"""A request that has granted nothing for this service (yet): how it stands and what it takes to go on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from carecoord.domain.gates.gate import Action, Evidence, Gate
from carecoord.domain.policies.shipped import SHIPPED
from carecoord.domain.policies.spans import Unit
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request, RequestState
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.review_action import LineState
from carecoord.domain.prior_auth.ruling import (
    CALL,
    CALL_DUE,
    PREPARE,
    SUBMIT_DUE,
    AuthorizationState,
    GateInput,
    Ruling,
)
from carecoord.domain.resource.days import later, local, midnight
from carecoord.words.sentence import Sentence, Value, because, sentence

# How a request stands; where it was answered, what the payer says of this service ("other": it speaks of others).
StandingState = RequestState | LineState | Literal["other"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A request, its lines about this service, the payer as a sentence names it, and what its state rests on."""

    request: Request
    lines: Sequence[Line]
    matter: GateInput
    payer: Value
    proof: tuple[Evidence, ...]


CHIPS: Final[dict[StandingState, AuthorizationState]] = {  # what the chip says; for the rest nobody knows
    "draft": "draft",
    "submitted": "submitted",
    "pended": "pended",
    "denied": "denied",
    "other": "missing",
    "cancelled": "missing",
}
Found = tuple[Gate, Sentence | None]


def standing(request: Request, fitting: Sequence[Line], matter: GateInput, need: Requirement) -> Ruling:
    """A request that has granted nothing for this service (yet)."""
    payer = request.payer.name if request.payer else sentence("payer.unnamed")
    state: StandingState = request.state
    if state == "answered":
        said = [each.state for each in fitting]
        closed: StandingState = "cancelled" if said else "other" if request.lines else "unclear"
        state = next((each for each in said if each != "cancelled"), closed)
    proof = tuple(e for each in fitting[:1] for e in each.evidence) or request.evidence
    gate, remark = STANDINGS[state](Standing(request, fitting, matter, payer, proof))
    return Ruling(gate, CHIPS.get(state, "unknown"), remark, request=request, need=need)


def _draft(at: Standing) -> Found:
    return Gate(
        rule="authorization.draft",
        state="open",
        reason=sentence("authorization.draft", payer=at.payer),
        evidence=at.proof,
        action=Action("submit-authorization", sentence("do.submit-authorization")),
        who="coordinator",
        due_label=SUBMIT_DUE,
        since=at.request.received,
    ), None


def _waiting(at: Standing) -> Found:
    """Sent or pended: the payer's clock runs, and asking for papers does not stop it."""
    request, asked = at.request, tuple(at.matter.asked)
    late = request.due is not None and request.due <= at.matter.now
    if asked:
        over = sentence("authorization.submitted.asks.late", payer=at.payer, papers=asked)
        said = over if late else sentence("authorization.submitted.asks", payer=at.payer, papers=asked)
    else:
        over = sentence("authorization.submitted.late", payer=at.payer)
        said = over if late else sentence("authorization.submitted", payer=at.payer)
    gate = Gate(
        rule="authorization.pended" if request.state == "answered" else "authorization.submitted",
        state="pending",
        reason=said,
        evidence=at.proof,
        action=CALL if late else Action("await-decision", sentence("do.await-decision")),
        who="payer",
        due=request.due,
        due_label=sentence("due.payer-decision"),
        since=request.received,
        waits_on="information" if asked else None,
    )
    return gate, sentence("remark.asked") if asked else _clock(at)


def _clock(at: Standing) -> Sentence:
    """The time that the payer has: the federal one by its name, another by its length."""
    name = "decision.expedited" if at.request.expedited else "decision.standard"
    since = at.request.received or at.matter.now
    if at.request.extended:
        ground = at.matter.policy.said("extension.ground", local(since, at.matter.policy.zone), at.request.insurer)
        return _EXTENDED[at.request.extended](because(ground) if ground else "")
    given = at.matter.policy.span(name, since, at.request.insurer)
    if given is None or str(given) == SHIPPED[name]:
        return sentence("remark.expedited") if at.request.expedited else sentence("remark.standard")
    return _TIMES[given.unit](given.amount)


_EXTENDED: Final[dict[str, Callable[[Value], Sentence]]] = {
    "patient": lambda ground: sentence("remark.extended-by-patient", ground=ground),
    "payer": lambda ground: sentence("remark.extended-by-payer", ground=ground),
}
_TIMES: Final[dict[Unit, Callable[[int], Sentence]]] = {
    "hour": lambda n: sentence("remark.decides.hour", n=n),
    "day": lambda n: sentence("remark.decides.day", n=n),
    "business-hour": lambda n: sentence("remark.decides.business-hour", n=n),
    "business-day": lambda n: sentence("remark.decides.business-day", n=n),
}


def _denied(at: Standing) -> Found:
    request, policy = at.request, at.matter.policy
    last, peer = request.appeal_by, request.peer_by
    why = next((each.reason for each in at.lines if each.reason), "").rstrip(".")
    gate = Gate(
        rule="authorization.denied",
        state="blocked",
        reason=sentence("authorization.denied", payer=at.payer, why=why or sentence("no-reason")),
        evidence=at.proof,
        action=Action("appeal", sentence("do.appeal")),
        who="coordinator",
        due=_answer_by(request, at.matter, last),
        due_label=sentence("due.answer-denial"),
        since=request.decided,
    )
    if last and peer and at.matter.now < peer:
        return gate, sentence("remark.peer-by", peer=local(peer, policy.zone), day=local(last, policy.zone))
    return gate, sentence("remark.appeal-by", day=local(last, policy.zone)) if last else None


def _answer_by(request: Request, matter: GateInput, last: datetime | None) -> datetime | None:
    """When a denial is to be answered: within the office's own time for the order's urgency, and so early that the
    payer can still decide an appeal inside the care window; never after the last day that the law gives."""
    order, policy = matter.referral, matter.policy
    if request.decided is None or last is None:
        return None
    speed = "decision.standard" if order.priority == "routine" else "decision.expedited"
    decides = policy.length(speed, request.decided, request.insurer)
    window = later(midnight(order.window.end, policy.zone), -decides) if order.window.end else last
    return min(last, policy.due(request.decided, "submit", order.priority), max(window, request.decided))


def _contact(at: Standing) -> Found:
    gate = Gate(
        rule="authorization.contact",
        state="open",
        reason=sentence("authorization.contact", payer=at.payer),
        evidence=at.proof,
        action=CALL,
        who="coordinator",
        due=at.request.due,
        due_label=CALL_DUE,
        since=at.request.decided,
    )
    return gate, sentence("remark.call")


def _error(at: Standing) -> Found:
    gate = Gate(
        rule="authorization.error",
        state="open",
        reason=sentence("authorization.error", payer=at.payer, why=because(at.request.reason)),
        evidence=at.proof,
        action=Action("correct-request", sentence("do.correct-request")),
        who="coordinator",
        due_label=SUBMIT_DUE,
        since=at.request.decided,
    )
    return gate, sentence("remark.form")


def _other(at: Standing) -> Found:
    wanted, mine = at.matter.referral, at.matter.known.modifiers
    asked: Value = wanted.service
    services: list[Value] = [line.service for line in at.request.lines if line.service]
    if marked := [line for line in at.request.lines if line.covers(wanted.codes) and not line.suits(mine)]:
        services = [_marked(line.service, line.modifiers) for line in marked]
        asked = _marked(asked, mine or ())
    named = tuple(dict.fromkeys(services)) or sentence("service.another")
    gate = Gate(
        rule="authorization.service",
        state="open",
        reason=sentence("authorization.service", services=named, asked=asked),
        evidence=at.proof,
        action=PREPARE,
        who="coordinator",
        due_label=SUBMIT_DUE,
    )
    return gate, sentence("remark.other-service")


def _marked(service: Value, modifiers: Iterable[str]) -> Sentence:
    """A service by what tells it from another of the same code."""
    return sentence("service.modified", service=service, codes=", ".join(sorted(modifiers)))


def _cancelled(at: Standing) -> Found:
    gate = Gate(
        rule="authorization.closed",
        state="open",
        reason=sentence("authorization.closed", payer=at.payer),
        evidence=at.proof,
        action=PREPARE,
        who="coordinator",
        due_label=SUBMIT_DUE,
        since=at.request.decided,
    )
    return gate, sentence("remark.closed")


def _unclear(at: Standing) -> Found:
    return Gate(
        rule="authorization.unclear",
        state="unknown",
        reason=sentence("authorization.unclear", payer=at.payer),
        evidence=at.proof,
        action=CALL,
        who="coordinator",
        due_label=CALL_DUE,
        since=at.request.decided,
    ), None


STANDINGS: Final[dict[str, Callable[[Standing], Found]]] = {
    "draft": _draft,
    "submitted": _waiting,
    "pended": _waiting,
    "denied": _denied,
    "contact": _contact,
    "error": _error,
    "other": _other,
    "cancelled": _cancelled,
    "unclear": _unclear,
}
