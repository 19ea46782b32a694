"""Everything the gates need to know of a case, read once from its resources."""

from dataclasses import dataclass
from datetime import date

from carecoord.domain.agreements.directory import Register
from carecoord.domain.agreements.participation import exactness
from carecoord.domain.clearance import parts
from carecoord.domain.clearance.conflicts import Conflict, conflicts, system_name
from carecoord.domain.clearance.task_elements import seen
from carecoord.domain.coverage.gate import Card
from carecoord.domain.documents.gate import Papers, papers
from carecoord.domain.ehrs import doubts
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.charges import Ledger
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import CLINICAL, Case
from carecoord.domain.referrals.loop_gate import Closing
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Visits
from carecoord.domain.resource.elements import Json, evidence, key, text
from carecoord.domain.resource.parties import Directory
from carecoord.domain.resource.places import Point
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The parts of a case as the rules speak of them."""

    policy: Policy  # of the office that refers, and of the payers
    parties: Directory
    referral: Referral
    cards: tuple[Card, ...]
    requests: tuple[Request, ...]
    papers: Papers
    visits: Visits
    closing: Closing
    register: Register
    rules: tuple[Rule, ...]
    known: question.Known  # what the case says of the parts of a rule's key
    conflicts: tuple[Conflict, ...]
    died: Evidence | None
    ledger: Ledger
    home: Point | None  # where the patient lives
    odd: tuple[Sentence, ...]  # what an EHR moved as no table of states has it, and what the judge finds wrong in it

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
        spans += [span for each in self.requests for line in each.lines for span in (*line.spans, *line.doubt)]
        spans += [plan.days for plan in known.plans if any(plan.plan == card.plan for card in self.cards)]
        spans += [days for row in rows for days in (row.days, row.trusted)]
        spans += [v.run for number in numbers for v in known.agreements.get(number, ())]
        begun = frozenset(row.credentialed for row in rows if row.credentialed)
        begun |= {day for key, each in known.fitness.items() if who and who.is_called(key) for day in each.edges}
        own = question.edges((rule for rule in self.rules if rule.payer in payers), self.known)
        return begun.union(own, *(span.edges for span in spans))


def facts(case: Case, policy: Policy) -> Facts:
    """Read a case: once, however often it is judged."""
    case = seen(case)
    found: Facts | None = case.read.get(policy)
    if found is None:
        found = case.read[policy] = _read(case, policy)
    return found


def _read(case: Case, policy: Policy) -> Facts:
    known = parts.known(case.organizations, case.locations, case.practitioners)
    roles = parts.roles(case.roles, known)
    said = parts.said(policy, case.policies)
    order = parts.order(case.order, case.tasks, known, roles, said)
    policy = parts.in_force(said, order.placer, order.site)
    who = parts.seen_by(order)
    asked = parts.asked(
        order=case.order, claims=case.claims, responses=case.responses, coverages=case.coverages,
        near=tuple(each.order for each in case.others), known=known, roles=roles, policy=policy,
    )  # fmt: skip
    held = parts.held(case.coverages, case.eligibility, case.inquiries, known, policy)
    own = parts.visited(case.appointments, case.encounters, case.replies, known, policy)
    return Facts(
        policy=policy,
        parties=known,
        referral=order,
        cards=held,
        requests=asked,
        papers=papers(case, asked, parts.filed(case.order, case.documents, case.answers), policy),
        visits=own,
        closing=parts.closed(case.order, case.tasks, case.reports, case.documents, policy),
        register=parts.listed(case.records, known, case.organizations, case.practitioners, policy.zone),
        rules=case.rules,
        known=parts.questioned(
            order=case.order, patient=case.patient, locations=case.locations, given=case.roles, who=who, known=known,
            roles=roles, counted=(own, *_alike(case, known, policy)),
        ),
        conflicts=conflicts(case, policy) if case.disputes
        else parts.contradicted(case.appointments, case.responses, case.systems, policy),
        died=_died(case.patient),
        ledger=parts.charged(
            order=case.order, others=case.others, asked=asked, held=held, who=who, own=own, known=known, roles=roles,
            locations=case.locations, policy=policy,
        ),
        home=parts.home(case.patient),
        odd=(*_odd(case), *_doubted(case)),
    )  # fmt: skip


def _alike(case: Case, known: Directory, policy: Policy) -> tuple[Visits, ...]:
    """The visits of the patient's other orders for the same service."""
    return tuple(parts.visited(each.appointments, each.encounters, (), known, policy) for each in case.alike)


def _odd(case: Case) -> tuple[Sentence, ...]:
    if not case.odd:
        return ()
    found = (each for each in (case.order, *case.tasks, *case.appointments, *case.responses) if key(each) in case.odd)
    return tuple(
        sentence("warning.odd-move", who=system_name(each, case.systems), what=key(each), state=text(each, "status"))
        for each in found
    )


def _doubted(case: Case) -> list[Sentence]:
    """What is wrong in the resources of a case, the patient's among them; of other orders their own cases tell."""
    if not case.doubts:
        return []
    mine = [case.order, *((case.patient,) if case.patient else ())]
    mine += [each for name in CLINICAL.values() for each in getattr(case, name)]
    return doubts.told(case.doubts, mine, {key(each): system_name(each, case.systems) for each in mine})


def _died(patient: Json | None) -> Evidence | None:
    """What says that the patient has died."""
    if patient is None or not (patient.get("deceasedBoolean") is True or text(patient, "deceasedDateTime")):
        return None
    return evidence(patient, "deceased")
