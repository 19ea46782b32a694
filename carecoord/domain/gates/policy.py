"""Every number the rules go by, in one frozen value. The defaults are seeds from public policies (referrals.md 5) and
the federal clocks for payers (prior-auth.md 1); an office sets its own."""

from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Clock:
    """Hours allowed, by the priority of the order."""

    stat: int
    asap: int
    urgent: int
    routine: int

    def allows(self, priority: str) -> timedelta:
        """The time for one priority; an unknown one counts as routine."""
        hours = {"stat": self.stat, "asap": self.asap, "urgent": self.urgent}.get(priority, self.routine)
        return timedelta(hours=hours)


@dataclass(frozen=True)
class Policy:
    """Clocks by priority, spans of days, and whose midnight counts."""

    zone: tzinfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    eligibility_age: timedelta = timedelta(days=30)  # an older answer no longer confirms a coverage
    eligibility_reply: timedelta = timedelta(hours=24)  # until a payer who was asked is asked again
    expiring: timedelta = timedelta(days=30)  # an approval or agreement that ends within this shows as expiring
    decision_standard: timedelta = timedelta(days=7)  # the payer's clock: 7 calendar days, 72 h when expedited
    decision_expedited: timedelta = timedelta(hours=72)
    information_lead: timedelta = timedelta(hours=24)  # asked papers are due this long before the payer's clock
    visit_lead: timedelta = timedelta(days=3)  # what must be settled before a visit is due this long before it
    appeal: timedelta = timedelta(days=65)  # to file after a denial (Medicare Advantage reconsideration)
    confirm: timedelta = timedelta(hours=24)  # after a visit's time, until its outcome must be known
    report: timedelta = timedelta(days=7)  # after the visit, until the report is chased
    acknowledge_report: timedelta = timedelta(days=3)  # after the report came
    tell_patient: timedelta = timedelta(days=7)  # after the report came
    send: Clock = Clock(2, 8, 24, 48)  # a drafted referral
    acknowledge: Clock = Clock(2, 8, 24, 48)  # the performer opens what was sent
    triage: Clock = Clock(4, 12, 24, 72)  # the performer accepts, declines or asks
    submit: Clock = Clock(4, 8, 24, 72)  # an authorization that is needed
    settle: Clock = Clock(4, 8, 24, 72)  # coverage, agreement and papers
    book: Clock = Clock(8, 24, 48, 120)  # after acceptance
    reroute: Clock = Clock(4, 8, 24, 48)  # after a decline
    window: Clock = Clock(24, 72, 14 * 24, 60 * 24)  # to be seen, when the order does not say
