"""When the move of a gate is due, and when time alone may change an answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from carecoord.domain.clearance.facts import Facts
from carecoord.domain.gates.gate import Gate
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.prior_auth.ruling import Ruling
from carecoord.domain.referrals.visits import Booking
from carecoord.domain.resource.days import later, midnight
from carecoord.words.sentence import Sentence, sentence


def timed(gate: Gate, known: Facts, booking: Booking | None, policy: Policy, payer: Payer | None = None) -> Gate:
    """Give an unmet gate without a clock of its own one: what a booked visit needs is due before it, as early as the
    office or the payer wants it, anything else so long after it came up."""
    if not gate.unmet or gate.due or not gate.action or gate.waits_on:
        return gate
    order = known.referral
    if booking and booking.start and gate.name != "loop":
        lead = policy.length("visit-lead", booking.start, payer)
        return replace(gate, due=later(booking.start, -lead), since=gate.since or order.stage_since)
    begun = max((at for at in (gate.since, order.authored) if at), default=None)
    step = "submit" if gate.name == "authorization" else "settle"
    return replace(gate, due=policy.due(begun, step, order.priority), since=begun) if begun else gate


@dataclass(frozen=True, slots=True)
class Clock:
    """What a case's clock runs to, what that is, and since when."""

    due: datetime
    label: Sentence | None
    since: datetime | None


def working(
    gates: Sequence[Gate], first: Gate | None, known: Facts, booking: Booking | None, ruling: Ruling, policy: Policy
) -> Clock | None:
    """The clock of a case: what hurts the patient first. That is the next step, or before it what the payer and its
    papers wait for, the end of the care window while no visit lies inside it, or of an approval that no visit uses."""
    order, zone = known.referral, policy.zone
    by = {gate.name: gate for gate in gates}
    clocks = [
        Clock(gate.due, gate.due_label, gate.since)
        for gate in (first, by["authorization"], by["information"])
        if gate and gate.unmet and gate.due
    ]
    begun = max((at for at in (order.stage_since, order.authored) if at), default=None)
    if by["appointment"].unmet and not known.visits.done and not order.withdrawn:
        ends = [(order.window.end, sentence("due.window-ends"))]
        ends += [(ruling.line.days.end, sentence("due.approval-ends"))] if ruling.line and not ruling.gate.unmet else []
        seen = booking.day if booking else None
        clocks += [Clock(midnight(end, zone), label, begun) for end, label in ends if end and not (seen and seen < end)]
    return min(clocks, key=lambda clock: clock.due, default=None)


def changes_at(
    known: Facts, untils: Iterable[date | None], unsettled: bool, now: datetime, policy: Policy
) -> datetime | None:
    """The earliest instant after `now` at which an answer may differ though nothing was written: an eligibility answer
    grows old, a payer's or performer's clock runs out, a visit's time passes, something begins to show as expiring or,
    while no day is settled (`unsettled`), the days that are left to choose from begin or end differently."""
    at = [card.ages(a.at, policy) for card in known.cards for a in card.answers if a.at]
    at += [then for request in known.requests for then in (request.due, request.peer_by) if then]
    at += [then for b in known.visits.open if b.start for then in (b.start, policy.after(b.start, "confirm"))]
    at += [b.start for b in known.visits.bookings if b.kind == "held" and b.start and known.referral.withdrawn]
    at += [policy.after(visit.at, "report") for visit in known.visits.done[-1:]]
    ends = [until for until in untils if until]
    payers: set[Payer | None] = {card.insurer for card in known.cards} or {None}
    at += [policy.expires(until, payer) for until in ends for payer in payers]
    window = known.referral.window
    days = set(ends) | {day for day in (window.start, window.end) if day} | (known.edges if unsettled else frozenset())
    at += [midnight(day, policy.zone) for day in days]
    return min((each for each in at if each > now), default=None)
