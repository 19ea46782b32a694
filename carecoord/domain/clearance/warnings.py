"""What is not in the way now and will be: said before it happens."""

from collections.abc import Sequence
from datetime import date, datetime

from carecoord.domain.agreements.participation import Participation
from carecoord.domain.clearance.facts import Facts
from carecoord.domain.coverage.gate import Card, rivals
from carecoord.domain.gates.gate import RANK, Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.ruling import Ruling
from carecoord.domain.resource.days import Days, counted, local, spoken


def cautions(
    gates: Sequence[Gate],
    known: Facts,
    ruling: Ruling,
    card: Card | None,
    participation: Participation,
    day: date,
    settled: bool,
    now: datetime,
    policy: Policy,
) -> tuple[str, ...]:
    """One sentence each: days of the window on which an answer is worse, units that are all spoken for, an approval
    that nobody has tied to the order, a coverage by the card alone, an agreement about to end."""
    found = [
        f"{spoken(span.first)} to {spoken(span.last)}: {span.reason}"
        for gate in gates
        for span in gate.spans
        if RANK[span.state] > RANK[gate.state]
    ]
    found += _used_up(ruling)
    if card and ruling.gate.rule in ("authorization.missing", "authorization.no-rule"):
        found += _suggestions(known, card, day)
    if card and (others := rivals(known.cards, known.referral.cards, card, day)):
        n = {1: "Two", 2: "Three"}.get(len(others), "Several")
        both = " and ".join(_called(each) for each in (card, *others))
        found.append(f"{n} cards of one rank are active, {both}: the first was taken; confirm it.")
    if said := known.referral.stage_unread:
        performer = known.referral.performer
        found.append(f"{performer.name if performer else 'The performer'} says of the referral: {said.rstrip('.')}.")
    if gates[0].rule == "coverage.by-period":
        found.append("The coverage has not been confirmed with the payer.")
    if participation.result == "in" and participation.until and not settled:
        left = participation.until - local(now, policy.zone)
        if left <= policy.expiring:
            found.append(f"The agreement ends on {spoken(Days(end=participation.until).last)}.")
    return tuple(dict.fromkeys(found))


def _called(card: Card) -> str:
    since = f" since {spoken(card.days.start)}" if card.days.start else ""
    return f"{card.payer_name}{since} ({card.plan_name or 'no plan'})"


def _used_up(ruling: Ruling) -> list[str]:
    """Before the next visit is booked: nothing is left; another order has booked more than there was."""
    tally, found = ruling.tally, []
    if tally is None or ruling.gate.unmet:
        return []
    if tally.left < 1 and (tally.unit.kind != "minutes" or tally.left <= 0):
        found.append(f"{tally.spoken_for}: another needs more units first.")
    if tally.elsewhere:
        visits = counted(tally.elsewhere, "visit")
        found.append(f"Another order under the same authorization has {visits} more than it allows.")
    return found


def _suggestions(known: Facts, card: Card, day: date) -> list[str]:
    """An approval that names no order but fits patient, payer, service and day: for a person to confirm."""
    return [
        f"Authorization {line.number or request.key} of {card.payer_name} may be meant for this referral: confirm it."
        for request in known.requests
        if not request.linked and request.payer and request.payer.same(card.payer) and card.key not in request.elsewhere
        for line in request.lines
        if line.state in GRANTED and line.codes and line.covers(known.referral.codes) and line.days.holds(day)
    ]
