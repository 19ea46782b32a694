"""When the move of a gate is due, and when time alone may change an answer."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from carecoord.domain.calendar import later, midnight
from carecoord.domain.facts import Facts
from carecoord.domain.gate import Gate
from carecoord.domain.policy import Policy
from carecoord.domain.visits import Booking


def timed(gate: Gate, known: Facts, booking: Booking | None, policy: Policy) -> Gate:
    """Give an unmet gate without a clock of its own one: what a booked visit needs is due before it, anything else so
    long after it came up."""
    if not gate.unmet or gate.due or not gate.action or gate.waits_on:
        return gate
    order = known.referral
    if booking and booking.start and gate.name != "loop":
        return replace(gate, due=booking.start - policy.visit_lead, since=gate.since or order.stage_since)
    begun = max((at for at in (gate.since, order.authored) if at), default=None)
    clock = policy.submit if gate.name == "authorization" else policy.settle
    return replace(gate, due=begun + order.clock(clock), since=begun) if begun else gate


def changes_at(
    known: Facts, untils: Iterable[date | None], unsettled: bool, now: datetime, policy: Policy
) -> datetime | None:
    """The earliest instant after `now` at which an answer may differ though nothing was written: an eligibility answer
    grows old, a payer's or performer's clock runs out, a visit's time passes, something begins to show as expiring or,
    while no day is settled (`unsettled`), the days that are left to choose from begin or end differently."""
    at = [later(a.at, policy.eligibility_age) for card in known.cards for a in card.answers if a.at]
    at += [request.due for request in known.requests if request.due]
    at += [booked.start + policy.confirm for booked in known.visits.open if booked.start]
    at += [visit.at + policy.report for visit in known.visits.done[-1:]]
    ends = [until for until in untils if until]
    at += [later(midnight(until, policy.zone), -policy.expiring) for until in ends]
    window = known.referral.window
    days = set(ends) | {day for day in (window.start, window.end) if day} | (known.edges if unsettled else frozenset())
    at += [midnight(day, policy.zone) for day in days]
    return min((each for each in at if each > now), default=None)
