"""What the authorization gate is judged by on one day, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final, Literal

from carecoord.domain.agreements.participation import Participation, Result
from carecoord.domain.coverage.gate import Card
from carecoord.domain.coverage.services import needed
from carecoord.domain.gates.gate import Action, Evidence, Gate
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.prior_auth.charges import Ledger
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.question import Known, Question
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Network, Requirement, requirement
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Visits
from carecoord.domain.resource.days import local
from carecoord.domain.resource.parties import Party
from carecoord.words.sentence import Sentence, Value, sentence

NETWORK: Final[dict[Result, Network]] = {
    "in": "in",
    "out": "out",
    "excluded": "out",
    "pending": "unknown",
    "unknown": "unknown",
}
PREPARE = Action("prepare-authorization", sentence("do.prepare-authorization"))
NOTIFY = Action("notify-payer", sentence("do.notify-payer"))
CALL = Action("call-payer", sentence("do.call-payer"))
SUBMIT_DUE, CALL_DUE = sentence("due.submit-authorization"), sentence("due.call-payer")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """What the gate is judged by on one day. `asked`: papers that the payer waits for, by words."""

    referral: Referral
    card: Card | None
    requests: Sequence[Request]
    visits: Visits
    rules: Sequence[Rule]
    known: Known
    asked: Sequence[Value]
    participation: Participation
    site: Party | None
    day: date
    settled: bool  # a visit is booked or asked about for the day, which is not just one of many to choose from
    visit: tuple[Evidence, ...]  # the appointment booked for the day
    now: datetime
    policy: Policy
    ledger: Ledger

    @property
    def insurer(self) -> Payer | None:
        """Whose policy the clocks go by."""
        return self.card.insurer if self.card else None

    @property
    def order(self) -> str:
        """`ServiceRequest/id` of the order."""
        return self.referral.evidence.reference

    @property
    def need(self) -> Requirement:
        """What the payer's rules say, unless its answer about the card says of this service that it needs one."""
        card, network = self.card, NETWORK[self.participation.result]
        asked = Question(
            known=self.known,
            payer=card.payer if card else None,
            plan=card.plan if card else "",
            businesses=card.businesses if card else frozenset(),
            network=network,
            day=self.day,
            site=self.site,
        )
        by_rule = requirement(asked, self.rules)
        if card is None or by_rule.needed or by_rule.answer == "notification-only":
            return by_rule
        side = network if network != "unknown" else ""
        answers = (each for each in card.answers if each.answered and each.at and each.served.holds(self.day))
        said = ((each, needed(each.services, self.referral.codes, side)) for each in answers)
        newest, wants = next(((each, need) for each, need in said if need is not None), (None, False))
        if newest is None or newest.at is None or not wants:
            return by_rule
        reason = sentence("requirement.answer", day=local(newest.at, self.policy.zone))
        return Requirement("required", reason, by_rule.papers, (newest.evidence, *by_rule.evidence))


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
    def words(self) -> Sentence:
        """`5 of 12 visits left`."""
        return sentence("units.left", left=self.unit.number(self.left), amount=self.unit.words(self.total))

    @property
    def full(self) -> Sentence:
        """Why another visit has no room."""
        n = self.here + self.elsewhere
        if self.left > 0 and self.unit.kind == "minutes":
            return sentence("authorization.units.too-little", left=self.words)
        if n and self.unit.kind == "visits":
            return sentence("authorization.units.over", spent=self.spent, n=n)
        return sentence("authorization.units", spent=self.spent)

    @property
    def spent(self) -> Sentence:
        """That nothing is left, as a clause."""
        if self.total <= 0:
            return sentence("units.none", units=self.unit.several)
        if self.total == 1:
            return sentence("units.one", unit=self.unit.one)
        return sentence("units.all", number=self.unit.number(self.total), units=self.unit.several)


# How an authorization stands, as its chip says it; `expiring` is an approval that will soon have ended.
AuthorizationState = Literal[
    "not-required", "missing", "draft", "submitted", "pended", "approved", "partly", "expiring", "expired", "denied",
    "unknown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gate, and what its chip says with the `remark` beside it. `line` is the approved line that speaks, if one
    does; `tally` what is left of it and of the approvals beside it that cover the visit as well."""

    gate: Gate
    chip: AuthorizationState
    remark: Sentence | None = None
    line: Line | None = None
    request: Request | None = None
    need: Requirement | None = None
    tally: Tally | None = None

    @property
    def note(self) -> str:
        """The remark in English, for tests and whoever stands outside; empty where there is none."""
        return str(self.remark) if self.remark else ""

    @property
    def left(self) -> float | None:
        """The units left, None when they are not counted."""
        return float(self.tally.left) if self.tally else None
