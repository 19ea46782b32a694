"""Everything the gates need to know of a case, read once from its resources."""

from dataclasses import dataclass
from datetime import date

from carecoord.domain import agreement
from carecoord.domain.case import Case
from carecoord.domain.conflict import Conflict, conflicts
from carecoord.domain.coverage import Card, cards
from carecoord.domain.gate import Evidence
from carecoord.domain.information import Papers, papers
from carecoord.domain.loop import Closing, closing
from carecoord.domain.participation import exactness
from carecoord.domain.parties import Directory, Role, directory, party
from carecoord.domain.policy import Policy
from carecoord.domain.prior_auth import Request, requests
from carecoord.domain.reading import Json, evidence, item, key, text
from carecoord.domain.referral import Referral, referral
from carecoord.domain.register import Register, register
from carecoord.domain.requirement import Rule, rules
from carecoord.domain.visits import Visits, visits


@dataclass(frozen=True, slots=True)
class Facts:
    """The parts of a case as the rules speak of them."""

    parties: Directory
    referral: Referral
    cards: tuple[Card, ...]
    requests: tuple[Request, ...]
    papers: Papers
    visits: Visits
    closing: Closing
    register: Register
    rules: tuple[Rule, ...]
    conflicts: tuple[Conflict, ...]
    died: Evidence | None

    @property
    def edges(self) -> frozenset[date]:
        """Every day on which something that bears on the case begins or ends: between two of them no answer changes."""
        who, known = self.referral.performer, self.register
        rows = [row for row in known.rows if who and exactness(row, who, known)]
        numbers = {known.numbers.get(row.contract, "") for row in rows}
        payers = frozenset[str]().union(*(card.payer.keys for card in self.cards if card.payer))
        spans = [card.days for card in self.cards]
        spans += [each for card in self.cards for each in card.doubt]
        spans += [days for card in self.cards for each in card.answers for days in (each.served, each.benefit)]
        spans += [each.served for card in self.cards for each in card.inquiries]
        spans += [line.days for request in self.requests for line in request.lines]
        spans += [plan.days for plan in known.plans if any(plan.plan == card.plan for card in self.cards)]
        spans += [row.days for row in rows]
        spans += [v.run for number in numbers for v in known.agreements.get(number, ())]
        spans += [rule.days for rule in self.rules if rule.payer in payers]
        begun = frozenset(row.credentialed for row in rows if row.credentialed)
        return begun.union(*(span.edges for span in spans))


def facts(case: Case, policy: Policy) -> Facts:
    """Read a case."""
    known = directory((*case.organizations, *case.locations, *case.practitioners))
    roles = {
        key(each): Role(party(item(each, "practitioner"), known), party(item(each, "organization"), known))
        for each in case.roles
    }
    order = referral(case, known, roles, policy)
    asked = requests(case, known, roles, policy)
    versions = agreement.versions(case.agreements, policy.zone)
    return Facts(
        known,
        order,
        cards(case, known, policy),
        asked,
        papers(case, asked, policy),
        visits(case, known, policy),
        closing(case, policy),
        register(case, known, roles, versions, policy),
        rules(case.rules, order.codes, policy),
        conflicts(case, policy),
        _died(case.patient),
    )


def _died(patient: Json | None) -> Evidence | None:
    """What says that the patient has died."""
    if patient is None or not (patient.get("deceasedBoolean") is True or text(patient, "deceasedDateTime")):
        return None
    return evidence(patient, "deceased")
