"""The authorization gate: none is needed, or an approval covers patient, coverage, service, date, performer and site
with units left (units = authorized - booked - used)."""

from carecoord.domain import approval, pursuit
from carecoord.domain.coverage import Card
from carecoord.domain.gate import Action, Gate
from carecoord.domain.lines import GRANTED
from carecoord.domain.prior_auth import Request
from carecoord.domain.requirement import Requirement
from carecoord.domain.ruling import PREPARE, Matter, Ruling, verdict


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
    own = [r for r in matter.requests if r.linked and r.state != "cancelled" and _of_payer(r, card)]
    judged = [_judge(request, matter, need) for request in own]
    met = next((each for each in judged if not each.gate.unmet), None)
    return met or (judged[0] if judged else _nothing(matter, card, need))


def _of_payer(request: Request, card: Card) -> bool:
    if request.payer and card.payer:
        return request.payer.same(card.payer)
    return request.coverage == card.key


def _nothing(matter: Matter, card: Card, need: Requirement) -> Ruling:
    """No request of this payer for this order."""
    others = [r for r in matter.requests if r.linked and any(line.state in GRANTED for line in r.lines)]
    if others:
        old = others[0].payer.name if others[0].payer else "another payer"
        said = f"The approval is {old}'s; for the visit the patient is with {card.payer_name}"
        reason = f"{said}: ask them for a new one."
        gate = verdict(
            "open",
            reason,
            "payer",
            (*others[0].evidence, card.evidence),
            PREPARE,
            "coordinator",
            label="Submit authorization",
        )
        return Ruling(gate, "missing", "New payer", need=need)
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
        return Ruling(gate, "unknown", "No rule", need=need)
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


def _judge(request: Request, matter: Matter, need: Requirement) -> Ruling:
    """One chain of requests: what was granted first, then how the newest claim stands."""
    fitting = [line for line in request.lines if line.covers(matter.referral.codes)]
    approved = [line for line in fitting if line.state in GRANTED]
    spared = next((line for line in fitting if line.state == "not-required"), None)
    if spared:
        gate = verdict(
            "not-needed", "The payer answered that no authorization is needed.", "payer-says-none", spared.evidence
        )
        return Ruling(gate, "not-required", request=request, need=need)
    checked = [approval.granted(line, request, matter, need) for line in approved]
    met = next((each for each in checked if not each.gate.unmet), None)
    if met or (checked and request.state == "answered"):
        return met or checked[0]
    return pursuit.standing(request, fitting, matter, need)
