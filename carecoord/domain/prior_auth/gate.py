"""The authorization gate: none is needed, or an approval covers patient, coverage, service, date, performer and site
with units left (units = authorized - booked - used)."""

from collections.abc import Sequence

from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Action, Gate
from carecoord.domain.prior_auth import approval, undecided
from carecoord.domain.prior_auth.approval import suitable
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.ruling import CALL, PREPARE, Matter, Ruling, verdict


def ruling(matter: Matter) -> Ruling:
    """Judge one day."""
    card = matter.card
    if card is None:
        return Ruling(
            Gate(
                "authorization",
                "unknown",
                "Which payer decides is not known.",
                "authorization.no-payer",
                waits_on="coverage",
            ),
            "unknown",
        )
    if card.self_pay:
        return Ruling(
            Gate(
                "authorization",
                "not-needed",
                "The patient pays: no payer has to agree.",
                "authorization.self-pay",
                (card.evidence,),
            ),
            "not-required",
        )
    need = matter.need
    if need.needed is False:
        return Ruling(
            Gate("authorization", "not-needed", f"{need.reason}.", "authorization.rule", need.evidence),
            "not-required",
            need=need,
        )
    linked = [r for r in matter.requests if r.linked and r.state != "cancelled" and not _elsewhere(r, card)]
    own = [r for r in linked if card.key in r.coverages]
    judged = _judged(own, matter, need)
    if met := next((each for each in judged if not each.gate.unmet), None):
        return met
    doubtful = _judged([r for r in linked if r not in own], matter, need)
    if good := next((each for each in doubtful if not each.gate.unmet and each.line), None):
        return _doubtful(good, card, need)
    return (judged or doubtful or [_nothing(matter, card, need)])[0]


def _elsewhere(request: Request, card: Card) -> bool:
    """Whether a request is certainly about another insurance than the card."""
    if request.payer and card.payer and not request.payer.same(card.payer):
        return True
    return card.key in request.elsewhere


def _judged(requests: Sequence[Request], matter: Matter, need: Requirement) -> list[Ruling]:
    """Each request, its approvals together with those of the others: a visit is charged to any that has room."""
    fitting = [
        (r, line) for r in requests for line in _fitting(r, matter) if line.state in GRANTED and suitable(line, matter)
    ]
    pool = {matter.ledger.account(r, line) for r, line in fitting}
    return [_judge(request, matter, need, pool) for request in requests]


def _fitting(request: Request, matter: Matter) -> list[Line]:
    """The lines about the service that the order asks for."""
    return [line for line in request.lines if line.covers(matter.referral.codes)]


def _doubtful(good: Ruling, card: Card, need: Requirement) -> Ruling:
    """An approval that would cover, under a card of the same payer of which nobody says whether it is this one."""
    reason = (
        f"The approval was asked for under another card of {card.payer_name}, and neither gives a member number: "
        "ask whether it holds for this one."
    )
    proof = (*good.gate.evidence, card.evidence)
    gate = verdict("unknown", reason, "card", proof, CALL, "coordinator", label="Call the payer")
    return Ruling(gate, "unknown", "Other card", request=good.request, need=need)


def _nothing(matter: Matter, card: Card, need: Requirement) -> Ruling:
    """No request of this payer for this order."""
    others = [r for r in matter.requests if r.linked and any(line.state in GRANTED for line in r.lines)]
    if others:
        payer = others[0].payer
        same = bool(payer and payer.same(card.payer))
        old = payer.name if payer else "another payer"
        said = f"The approval is {old}'s; for the visit the patient is with {card.payer_name}"
        if same:
            said = f"The approval is for another {old} coverage than the patient has for the visit"
        reason = f"{said}: ask them for a new one."
        gate = verdict(
            "open",
            reason,
            "coverage" if same else "payer",
            (*others[0].evidence, card.evidence),
            PREPARE,
            "coordinator",
            label="Submit authorization",
        )
        return Ruling(gate, "missing", "New coverage" if same else "New payer", need=need)
    if need.needed is None:
        ask = Action("check-requirement", "Ask the payer whether it needs one")
        waits = "agreement" if matter.participation.result in ("unknown", "pending") and need.evidence else None
        gate = verdict(
            "unknown",
            need.reason,
            "no-rule",
            need.evidence,
            ask,
            "coordinator",
            label="Check requirement",
            waits_on=waits,
        )
        return Ruling(gate, "unknown", "Depends on network" if waits else "No rule", need=need)
    gate = verdict(
        "open",
        f"{need.reason}: nothing has been asked for yet.",
        "missing",
        need.evidence,
        PREPARE,
        "coordinator",
        label="Submit authorization",
    )
    return Ruling(gate, "missing", "Request needed", need=need)


def _judge(request: Request, matter: Matter, need: Requirement, pool: set[int]) -> Ruling:
    """One chain of requests: what was granted first, then how the newest claim stands."""
    fitting = _fitting(request, matter)
    approved = [line for line in fitting if line.state in GRANTED]
    spared = next((line for line in fitting if line.state == "not-required"), None)
    if spared:
        gate = verdict(
            "not-needed", "The payer answered that no authorization is needed.", "payer-says-none", spared.evidence
        )
        return Ruling(gate, "not-required", request=request, need=need)
    checked = [approval.granted(line, request, matter, need, pool) for line in approved]
    met = next((each for each in checked if not each.gate.unmet), None)
    if met or (checked and request.state == "answered"):
        return met or checked[0]
    return undecided.standing(request, fitting, matter, need)
