"""A request that has granted nothing for this service (yet): how it stands and what it takes to go on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from carecoord.domain.gates.gate import Action, Evidence, Gate
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request, RequestState
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.review_action import LineState
from carecoord.domain.prior_auth.ruling import CALL, PREPARE, Matter, Ruling, verdict
from carecoord.domain.resource.days import local, midnight, spoken

# How a request stands; where it was answered, what the payer says of this service ("other": it speaks of others).
StandingState = RequestState | LineState | Literal["other"]


def standing(request: Request, fitting: Sequence[Line], matter: Matter, need: Requirement) -> Ruling:
    """A request that has granted nothing for this service (yet)."""
    payer = request.payer.name if request.payer else "the payer"
    state: StandingState = request.state
    if state == "answered":
        said = [each.state for each in fitting]
        closed: StandingState = "cancelled" if said else "other" if request.lines else "unclear"
        state = next((each for each in said if each != "cancelled"), closed)
    proof = tuple(e for each in fitting[:1] for e in each.evidence) or request.evidence
    gate, note = STANDINGS[state](request, fitting, matter, payer, proof)
    chip = {"draft": "draft", "submitted": "submitted", "pended": "pended", "denied": "denied"}.get(state, "unknown")
    return Ruling(gate, "missing" if state in ("other", "cancelled") else chip, note, request=request, need=need)


def _draft(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    action = Action("submit-authorization", "Submit the request")
    reason = f"The request to {payer} is drafted, not sent."
    return verdict(
        "open", reason, "draft", proof, action, "coordinator", label="Submit authorization", since=request.created
    ), ""


def _waiting(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    """Sent or pended: the payer's clock runs, and asking for papers does not stop it."""
    pended = request.state == "answered"
    asked = ", ".join(matter.asked)
    late = request.due is not None and request.due <= matter.now
    said = f"{payer} has the request" + (f" and asks for {asked}" if asked else " and has not decided yet")
    reason = f"{said}; the time to decide is over." if late else f"{said}."
    action = CALL if late else Action("await-decision", "Wait for the decision")
    kind = "72 h expedited" if request.expedited else "7 d standard"
    gate = verdict(
        "pending",
        reason,
        "pended" if pended else "submitted",
        proof,
        action,
        "payer",
        request.due,
        "Payer decision",
        request.created,
        "information" if asked else None,
    )
    return gate, "Info requested" if asked else kind


def _denied(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    why = next((each.reason for each in lines if each.reason), "no reason given")
    last = request.decided + matter.policy.appeal if request.decided else None
    due = _answer_by(request, matter, last)
    action = Action("appeal", "Appeal, or ask for a peer-to-peer talk")
    gate = verdict(
        "blocked",
        f"{payer} denied the request: {why.rstrip('.')}.",
        "denied",
        proof,
        action,
        "coordinator",
        due,
        "Answer the denial",
        request.decided,
    )
    by = spoken(local(last, matter.policy.zone)) if last else ""
    return gate, f"Appeal by {by}" if by else ""


def _answer_by(request: Request, matter: Matter, last: datetime | None) -> datetime | None:
    """When a denial is to be answered: within the office's own time for the order's urgency, and so early that the
    payer can still decide an appeal inside the care window; never after the last day that the law gives."""
    order, policy = matter.referral, matter.policy
    if request.decided is None or last is None:
        return None
    decides = policy.decision_standard if order.priority == "routine" else policy.decision_expedited
    window = midnight(order.window.end, policy.zone) - decides if order.window.end else last
    return min(last, request.decided + order.clock(policy.submit), max(window, request.decided))


def _contact(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    return verdict(
        "open",
        f"{payer} asks for a call about the request.",
        "contact",
        proof,
        CALL,
        "coordinator",
        request.due,
        "Call the payer",
        request.decided,
    ), "Call the payer"


def _error(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    why = f": {request.reason.rstrip('.')}" if request.reason else ""
    action = Action("correct-request", "Correct and send it again")
    return verdict(
        "open",
        f"{payer} could not take the request{why}.",
        "error",
        proof,
        action,
        "coordinator",
        label="Submit authorization",
        since=request.decided,
    ), "Refused by form"


def _other(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    services = ", ".join(dict.fromkeys(line.service for line in request.lines if line.service)) or "another service"
    reason = f"The request is for {services}; the order asks for {matter.referral.service}: ask for that."
    return verdict(
        "open", reason, "service", proof, PREPARE, "coordinator", label="Submit authorization"
    ), "Other service"


def _cancelled(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    reason = f"{payer} closed the request without a decision: ask again."
    return verdict(
        "open", reason, "closed", proof, PREPARE, "coordinator", label="Submit authorization", since=request.decided
    ), "Closed"


def _unclear(
    request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]
) -> tuple[Gate, str]:
    return verdict(
        "unknown",
        f"{payer}'s answer does not say what was decided.",
        "unclear",
        proof,
        CALL,
        "coordinator",
        label="Call the payer",
        since=request.decided,
    ), ""


STANDINGS = {
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
