"""The authorization gate: none is needed, or an approval covers patient, coverage, service, date, performer and site
with units left (units = authorized - booked - used)."""

from collections.abc import Sequence
from datetime import datetime

from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Action, Gate, GateName
from carecoord.domain.prior_auth import approval, undecided
from carecoord.domain.prior_auth.approval import suitable
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.ruling import CALL, CALL_DUE, NOTIFY, PREPARE, SUBMIT_DUE, GateInput, Ruling
from carecoord.domain.resource.days import midnight, shifted
from carecoord.words.sentence import sentence


def ruling(matter: GateInput) -> Ruling:
    """Judge one day."""
    card, need = matter.card, matter.need
    if card is None:
        said = sentence("authorization.no-payer")
        return Ruling(Gate(rule="authorization.no-payer", state="unknown", reason=said, waits_on="coverage"), "unknown")
    if card.self_pay:
        said, proof = sentence("authorization.self-pay"), (card.evidence,)
        return Ruling(
            Gate(rule="authorization.self-pay", state="not-needed", reason=said, evidence=proof), "not-required"
        )
    if need.answer == "not-required":
        said = sentence("authorization.rule", need=need.reason)
        gate = Gate(rule="authorization.rule", state="not-needed", reason=said, evidence=need.evidence)
        return Ruling(gate, "not-required", need=need)
    linked = [r for r in matter.requests if r.linked and r.state != "cancelled" and not _elsewhere(r, card, need)]
    own = [r for r in linked if card.key in r.coverages]
    if need.answer == "notification-only":
        return _notification(own, need)
    judged = _judged(own, matter, need)
    if met := next((each for each in judged if not each.gate.unmet), None):
        return met
    doubtful = _judged([r for r in linked if r not in own], matter, need)
    if good := next((each for each in doubtful if not each.gate.unmet and each.line), None):
        return _doubtful(good, card, need)
    return (judged or doubtful or [_nothing(matter, card, need)])[0]


def _elsewhere(request: Request, card: Card, need: Requirement) -> bool:
    """Whether a request is certainly about another insurance than the card; one to the vendor who decides in the
    payer's place is not."""
    if request.payer and card.payer and not request.payer.same(card.payer):
        return not (need.vendor and need.vendor in (request.payer.name, *request.payer.keys))
    return card.key in request.elsewhere


def _notification(own: Sequence[Request], need: Requirement) -> Ruling:
    """The payer wants to be told and decides nothing: met as soon as a request was sent to it."""
    sent = next((r for r in own if r.state in ("submitted", "answered")), None)
    if sent:
        said, proof = sentence("authorization.notified", need=need.reason), (*sent.evidence, *need.evidence)
        gate = Gate(rule="authorization.notified", state="met", reason=said, evidence=proof)
        return Ruling(gate, "not-required", request=sent, need=need)
    gate = Gate(
        rule="authorization.notify",
        state="open",
        reason=sentence("authorization.notify", need=need.reason),
        evidence=need.evidence,
        action=NOTIFY,
        who="coordinator",
        due_label=sentence("due.notify-payer"),
    )
    return Ruling(gate, "missing", sentence("remark.notify"), need=need)


def _judged(requests: Sequence[Request], matter: GateInput, need: Requirement) -> list[Ruling]:
    """Each request, its approvals together with those of the others: a visit is charged to any that has room."""
    fitting = [
        (r, line) for r in requests for line in _fitting(r, matter) if line.state in GRANTED and suitable(line, matter)
    ]
    pool = {matter.ledger.account(r, line) for r, line in fitting}
    return [_judge(request, matter, need, pool) for request in requests]


def _fitting(request: Request, matter: GateInput) -> list[Line]:
    """The lines about the service that the order asks for."""
    return [
        line for line in request.lines
        if line.covers(matter.referral.codes) and line.suits(matter.known.modifiers)
    ]  # fmt: skip


def _doubtful(good: Ruling, card: Card, need: Requirement) -> Ruling:
    """An approval that would cover, under a card of the same payer of which nobody says whether it is this one."""
    gate = Gate(
        rule="authorization.card",
        state="unknown",
        reason=sentence("authorization.card", payer=card.payer_named),
        evidence=(*good.gate.evidence, card.evidence),
        action=CALL,
        who="coordinator",
        due_label=CALL_DUE,
    )
    return Ruling(gate, "unknown", sentence("remark.other-card"), request=good.request, need=need)


def _nothing(matter: GateInput, card: Card, need: Requirement) -> Ruling:
    """No request of this payer for this order."""
    others = [r for r in matter.requests if r.linked and any(line.state in GRANTED for line in r.lines)]
    if others:
        return _of_another(others[0], card, need)
    if need.needed is None:
        doubtful = matter.participation.result in ("unknown", "pending") and need.evidence
        waits: GateName | None = "agreement" if doubtful else None
        gate = Gate(
            rule="authorization.no-rule",
            state="unknown",
            reason=sentence("authorization.no-rule", need=need.reason),
            evidence=need.evidence,
            action=Action("check-requirement", sentence("do.check-requirement")),
            who="coordinator",
            due_label=sentence("due.check-requirement"),
            waits_on=waits,
        )
        return Ruling(gate, "unknown", sentence("remark.network") if waits else sentence("remark.no-rule"), need=need)
    gate = Gate(
        rule="authorization.missing",
        state="open",
        reason=sentence("authorization.missing", need=need.reason),
        evidence=need.evidence,
        action=PREPARE,
        who="coordinator",
        due=_in_time(matter, need),
        due_label=SUBMIT_DUE,
    )
    way = matter.policy.said("channel", matter.day, matter.insurer)
    remark = sentence("remark.request-by", how=way) if way else sentence("remark.request-needed")
    return Ruling(gate, "missing", remark, need=need)


def _in_time(matter: GateInput, need: Requirement) -> datetime | None:
    """When a payer that says how many days before the visit it must be asked is to be asked; None where no visit is
    booked yet, or it does not say."""
    if need.lead_days is None or not matter.visit:
        return None
    own = matter.policy.length("visit-lead", midnight(matter.day, matter.policy.zone), matter.insurer)
    lead = max(need.lead_days, own.days)
    return midnight(shifted(matter.day, -lead), matter.policy.zone)


def _of_another(request: Request, card: Card, need: Requirement) -> Ruling:
    """What was granted stands under an insurance that the patient does not have for the visit."""
    payer = request.payer
    old = payer.name if payer else sentence("payer.another")
    if payer and payer.same(card.payer):
        said, rule = sentence("authorization.coverage", payer=old), "authorization.coverage"
        remark = sentence("remark.new-coverage")
    else:
        said, rule = sentence("authorization.payer", old=old, payer=card.payer_named), "authorization.payer"
        remark = sentence("remark.new-payer")
    gate = Gate(
        rule=rule,
        state="open",
        reason=said,
        evidence=(*request.evidence, card.evidence),
        action=PREPARE,
        who="coordinator",
        due_label=SUBMIT_DUE,
    )
    return Ruling(gate, "missing", remark, need=need)


def _judge(request: Request, matter: GateInput, need: Requirement, pool: set[int]) -> Ruling:
    """One chain of requests: what was granted first, then how the newest claim stands."""
    fitting = _fitting(request, matter)
    approved = [line for line in fitting if line.state in GRANTED]
    spared = next((line for line in fitting if line.state == "not-required"), None)
    if spared:
        said, rule = sentence("authorization.payer-says-none"), "authorization.payer-says-none"
        gate = Gate(rule=rule, state="not-needed", reason=said, evidence=spared.evidence)
        return Ruling(gate, "not-required", request=request, need=need)
    checked = [approval.granted(line, request, matter, need, pool) for line in approved]
    met = next((each for each in checked if not each.gate.unmet), None)
    if met or (checked and request.state == "answered"):
        return met or checked[0]
    return undecided.standing(request, fitting, matter, need)
