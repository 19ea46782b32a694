"""What the appointment gate is judged by, and the words that all that judges it shares."""

from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.agreements.participation import Participation
from carecoord.domain.gates.gate import Evidence, Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.ruling import Ruling
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Booking, Visits
from carecoord.domain.resource.days import local
from carecoord.words.sentence import Sentence, Value, dated, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """`ruling` and `participation` are those of the booked day, or of the best day when nothing is booked. `shut`: the
    gate that no day of the window gets past, if there is one. `died`: what
    says that the patient has. `conflict`: what the sources say that can not both be."""

    referral: Referral
    visits: Visits
    booking: Booking | None
    ruling: Ruling
    participation: Participation
    shut: Gate | None
    died: Evidence | None
    conflict: Sentence | None
    conflict_evidence: tuple[Evidence, ...]
    now: datetime
    policy: Policy

    @property
    def today(self) -> date:
        """The local day."""
        return local(self.now, self.policy.zone)

    def due(self, clock: str) -> datetime | None:
        """When the present stage's step is due: what the Task itself says, else the clock of the policy."""
        since = self.referral.stage_since
        return self.referral.stage_due or (self.policy.due(since, clock, self.referral.priority) if since else None)


def still_booked(booking: Booking | None) -> Value:
    """The booked visit that a sentence about something else has to mention; nothing where there is none."""
    return sentence("visit.still-booked", day=dated(booking.day)) if booking else ""


def proof_of(booking: Booking | None) -> tuple[Evidence, ...]:
    return (booking.evidence,) if booking else ()


def who_of(matter: GateInput) -> Value:
    return matter.referral.performer.named if matter.referral.performer else sentence("performer.unnamed")
