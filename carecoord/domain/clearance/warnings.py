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
from carecoord.domain.resource.days import Days, local, midnight
from carecoord.words.sentence import Sentence, dated, joined, sentence


def cautions(
    gates: Sequence[Gate],
    known: Facts,
    *,
    ruling: Ruling,
    card: Card | None,
    participation: Participation,
    day: date,
    settled: bool,
    now: datetime,
    policy: Policy,
) -> tuple[Sentence, ...]:
    """One sentence each: days of the window on which an answer is worse, units that are all spoken for, an approval
    that nobody has tied to the order, a coverage by the card alone, an agreement about to end."""
    found = [
        sentence("warning.days", first=span.first, last=span.last, reason=span.reason)
        for gate in gates
        for span in gate.spans
        if RANK[span.state] > RANK[gate.state]
    ]
    found += used_up(ruling)
    if card and ruling.gate.rule in ("authorization.missing", "authorization.no-rule"):
        found += _suggestions(known, card, day)
    if card and (others := rivals(known.cards, known.referral.cards, card, day)):
        found.append(_rivalry([card, *others]))
    if said := known.referral.stage_unread:
        performer = known.referral.performer
        who = performer.named if performer else sentence("role.performer")
        found.append(sentence("warning.stage", who=who, said=said.rstrip(".")))
    found += known.odd
    if gates[0].rule == "coverage.by-period":
        found.append(sentence("warning.unconfirmed"))
    if participation.result == "in" and participation.until and not settled:
        left, payer = participation.until - local(now, policy.zone), card.insurer if card else None
        if left <= policy.length("expiring", midnight(participation.until, policy.zone), payer):
            found.append(sentence("warning.agreement-ends", day=dated(Days(end=participation.until).last)))
    return tuple(dict.fromkeys(found))


def _rivalry(cards: Sequence[Card]) -> Sentence:
    """Cards of which nothing says which one is to pay first."""
    called = joined([_called(each) for each in cards])
    if len(cards) == 2:
        return sentence("warning.two-cards", cards=called)
    return sentence("warning.three-cards", cards=called) if len(cards) == 3 else sentence("warning.cards", cards=called)


def _called(card: Card) -> Sentence:
    plan = card.plan_name or sentence("plan.unnamed")
    if card.days.start:
        return sentence("card.since", payer=card.payer_named, day=card.days.start, plan=plan)
    return sentence("card", payer=card.payer_named, plan=plan)


def used_up(ruling: Ruling) -> list[Sentence]:
    """Before the next visit is booked: nothing is left; another order has booked more than there was."""
    tally, found = ruling.tally, []
    if tally is None or ruling.gate.unmet:
        return []
    if tally.left < 1 and (tally.unit.kind != "minutes" or tally.left <= 0):
        found.append(sentence("warning.used-up", spent=tally.spent))
    if tally.elsewhere:
        found.append(sentence("warning.over-elsewhere", n=tally.elsewhere))
    return found


def _suggestions(known: Facts, card: Card, day: date) -> list[Sentence]:
    """An approval that names no order but fits patient, payer, service and day: for a person to confirm."""
    return [
        sentence("warning.unlinked", number=line.number or request.key, payer=card.payer_named)
        for request in known.requests
        if not request.linked and request.payer and request.payer.same(card.payer) and card.key not in request.elsewhere
        for line in request.lines
        if line.state in GRANTED and line.codes and line.covers(known.referral.codes) and line.holds(day)
        and line.suits(known.known.modifiers)
    ]
