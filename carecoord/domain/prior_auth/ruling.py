"""What the authorization gate is judged by on one day, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from carecoord.domain.agreements.participation import Participation
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState
from carecoord.domain.gates.policy import Policy
from carecoord.domain.gates.rules import rule as rule_id
from carecoord.domain.prior_auth.charges import Ledger
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Requirement, Rule, requirement
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Visits
from carecoord.domain.resource.parties import Party

NETWORK = {"in": "in", "out": "out", "excluded": "out", "pending": "unknown", "unknown": "unknown"}
PREPARE = Action("prepare-authorization", "Prepare the request")
CALL = Action("call-payer", "Call the payer")


@dataclass(frozen=True, slots=True)
class Matter:
    """What the gate is judged by on one day. `asked`: papers that the payer waits for, by words."""

    referral: Referral
    card: Card | None
    requests: Sequence[Request]
    visits: Visits
    rules: Sequence[Rule]
    asked: Sequence[str]
    participation: Participation
    site: Party | None
    day: date
    settled: bool  # a visit is booked or asked about for the day, which is not just one of many to choose from
    visit: tuple[Evidence, ...]  # the appointment booked for the day
    now: datetime
    policy: Policy
    ledger: Ledger

    @property
    def order(self) -> str:
        """`ServiceRequest/id` of the order."""
        return self.referral.evidence.reference

    @property
    def need(self) -> Requirement:
        """What the payer's rules say."""
        payer, plan = (self.card.payer, self.card.plan) if self.card else (None, "")
        return requirement(self.referral.codes, payer, plan, NETWORK[self.participation.result], self.day, self.rules)


@dataclass(frozen=True, slots=True)
class Tally:
    """What approvals have authorized and have left, in units of `unit`; visits that find no room: `here` of this order,
    `elsewhere` of others that share the authorization."""

    unit: Amount
    total: Fraction
    left: Fraction
    here: int
    elsewhere: int

    @property
    def words(self) -> str:
        """`5 of 12 visits left`."""
        return f"{self.unit.number(self.left)} of {self.unit.words(self.total)} left"

    @property
    def full(self) -> str:
        """Why another visit has no room."""
        n = self.here + self.elsewhere
        over = f", {n} more than allowed" if n and self.unit.kind == "visits" else ""
        if self.left > 0 and self.unit.kind == "minutes":
            return f"Only {self.words}: too little for the visit, ask for more before booking another."
        return f"{self.spoken_for}{over}: ask for more before booking another."

    @property
    def spoken_for(self) -> str:
        """That nothing is left."""
        if self.total <= 0:
            return f"No {self.unit.plural} are authorized"
        if self.total == 1:
            return f"The one authorized {self.unit.noun} is used or booked"
        return f"All {self.unit.words(self.total, 'authorized ')} are used or booked"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gate, and what its chip says. `line` is the approved line that speaks, if one does; `tally` what is left of
    it and of the approvals beside it that cover the visit as well."""

    gate: Gate
    chip: str
    note: str = ""
    line: Line | None = None
    request: Request | None = None
    need: Requirement | None = None
    tally: Tally | None = None

    @property
    def left(self) -> float | None:
        """The units left, None when they are not counted."""
        return float(self.tally.left) if self.tally else None


def verdict(
    state: GateState,
    reason: str,
    rule: str,
    evidence: tuple[Evidence, ...],
    action: Action | None = None,
    who: str | None = None,
    due: datetime | None = None,
    label: str | None = None,
    since: datetime | None = None,
    waits_on: str | None = None,
) -> Gate:
    """The authorization gate, said briefly."""
    id = rule_id("authorization", rule)
    return Gate("authorization", state, reason, id, evidence, action, who, due, label, since, waits_on)
