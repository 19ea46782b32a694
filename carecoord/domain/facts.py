"""Everything the gates need to know of a case, read once from its resources."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from carecoord.domain import agreement
from carecoord.domain.case import Case
from carecoord.domain.conflict import Conflict, conflicts
from carecoord.domain.coverage import Card, cards
from carecoord.domain.information import Papers, papers
from carecoord.domain.loop import Closing, closing
from carecoord.domain.parties import Directory, Role, directory, party
from carecoord.domain.policy import Policy
from carecoord.domain.prior_auth import Request, requests
from carecoord.domain.reading import item, key
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

    @property
    def edges(self) -> frozenset[date]:
        """Every day on which something begins or ends: between two of them no answer changes."""
        spans = [card.days for card in self.cards]
        spans += [card.answer.benefit for card in self.cards if card.answer]
        spans += [line.days for request in self.requests for line in request.lines]
        spans += [plan.days for plan in self.register.plans]
        spans += [row.days for row in self.register.rows]
        spans += [v.run for found in self.register.agreements.values() for v in found]
        spans += [rule.days for rule in self.rules]
        begun: Iterable[date] = (row.credentialed for row in self.register.rows if row.credentialed)
        return frozenset(day for span in spans for day in span.edges) | frozenset(begun)


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
    )
