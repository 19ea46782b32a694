"""Everything the gates need to know of a case, read once from its resources."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from carecoord.domain.agreements.directory import Register, register
from carecoord.domain.agreements.fitness import fitness
from carecoord.domain.agreements.participation import exactness
from carecoord.domain.clearance.conflicts import Conflict, conflicts, system_name
from carecoord.domain.coverage.gate import Card, cards, choose
from carecoord.domain.documents.gate import Papers, papers
from carecoord.domain.ehrs import doubts
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.charges import Ledger, Use, accounts, charge, sharing
from carecoord.domain.prior_auth.requests import Request, requests
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import CLINICAL, Case
from carecoord.domain.referrals.loop_gate import Closing, closing
from carecoord.domain.referrals.referral import Referral, referral
from carecoord.domain.referrals.visits import Visits, visits
from carecoord.domain.resource.days import when
from carecoord.domain.resource.elements import Json, codes, evidence, item, key, targets, text
from carecoord.domain.resource.parties import Directory, Party, Role, directory, party
from carecoord.domain.resource.places import Point, of
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
        spans += [line.days for request in self.requests for line in request.lines]
        spans += [plan.days for plan in known.plans if any(plan.plan == card.plan for card in self.cards)]
        spans += [days for row in rows for days in (row.days, row.trusted)]
        spans += [v.run for number in numbers for v in known.agreements.get(number, ())]
        begun = frozenset(row.credentialed for row in rows if row.credentialed)
        begun |= {day for key, each in known.fitness.items() if who and who.is_called(key) for day in each.edges}
        own = question.edges((rule for rule in self.rules if rule.payer in payers), self.known)
        return begun.union(own, *(span.edges for span in spans))


def facts(case: Case, policy: Policy) -> Facts:
    """Read a case: once, however often it is judged."""
    found: Facts | None = case.read.get(policy)
    if found is None:
        found = case.read[policy] = _read(case, policy)
    return found


def _read(case: Case, policy: Policy) -> Facts:
    known = directory((*case.organizations, *case.locations, *case.practitioners))
    roles = {
        key(each): Role(party(item(each, "practitioner"), known), party(item(each, "organization"), known))
        for each in case.roles
    }
    policy = replace(policy, lines=case.policies)
    order = referral(case, known, roles, policy)
    policy = policy.of_office(order.placer).at_site(order.site)
    asked, held = requests(case, known, roles, policy), cards(case, known, policy)
    own = visits(case.appointments, case.encounters, known, policy, case.replies)
    return Facts(
        policy=policy,
        parties=known,
        referral=order,
        cards=held,
        requests=asked,
        papers=papers(case, asked, policy),
        visits=own,
        closing=closing(case, policy),
        register=register(
            case.records,
            known,
            case.organizations,
            fitness((*case.organizations, *case.practitioners), policy.zone),
        ),
        rules=case.rules,
        known=question.known(case, order, known, roles, (own, *_alike(case, known, policy))),
        conflicts=conflicts(case, policy),
        died=_died(case.patient),
        ledger=_ledger(case, asked, held, order, own, known, roles, policy),
        home=of(case.patient) if case.patient else None,
        odd=(*_odd(case), *_doubted(case)),
    )


def _alike(case: Case, known: Directory, policy: Policy) -> list[Visits]:
    """The visits of the patient's other orders for the same service."""
    return [visits(each.appointments, each.encounters, known, policy) for each in case.alike]


def _odd(case: Case) -> tuple[Sentence, ...]:
    found = (each for each in (case.order, *case.tasks, *case.appointments, *case.responses) if key(each) in case.odd)
    return tuple(
        sentence("warning.odd-move", who=system_name(each, case.systems), what=key(each), state=text(each, "status"))
        for each in found
    )


def _doubted(case: Case) -> list[Sentence]:
    """What is wrong in the resources of a case, the patient's among them; of other orders their own cases tell."""
    if not case.doubts:
        return []
    parts = [case.order, *((case.patient,) if case.patient else ())]
    parts += [each for name in CLINICAL.values() for each in getattr(case, name)]
    return doubts.told(case.doubts, parts, {key(each): system_name(each, case.systems) for each in parts})


def _ledger(
    case: Case,
    asked: tuple[Request, ...],
    held: tuple[Card, ...],
    order: Referral,
    own: Visits,
    known: Directory,
    roles: Mapping[str, Role],
    policy: Policy,
) -> Ledger:
    """Every visit under an authorization that this order shares, of whichever order, charged once. From whichever of
    these orders one looks, the books are the same."""
    uses = _uses(case.order, own, held, _seen_by(order), policy)
    shared, near = sharing(accounts(asked), key(case.order))
    undated = own.undated
    for other in case.others:
        if key(other.order) in near:
            theirs = visits(other.appointments, other.encounters, known, policy)
            undated += theirs.undated
            who = referral(Case(other.order, tasks=other.tasks), known, roles, policy)
            uses += _uses(other.order, theirs, held, _seen_by(who), policy)
    named = frozenset[str]().union(*(request.own for each in shared for request, _ in each.lines))
    return charge(shared, uses, lambda use: use.orders.isdisjoint(named), undated)


def _seen_by(order: Referral) -> tuple[Party, ...]:
    """Who is to see the patient."""
    who = order.performer
    return tuple(each for each in (who.organization, who.practitioner) if each) if who else ()


def _uses(order: Json, found: Visits, held: tuple[Card, ...], who: tuple[Party, ...], policy: Policy) -> list[Use]:
    """The visits of an order as they use up what was authorized."""
    me, services = frozenset({key(order)}), codes(item(order, "code"))
    named = tuple(targets(order, "insurance"))

    def card(day: date) -> str:
        chosen = choose(held, named, day)
        return chosen.key if chosen and chosen.active(day) else ""

    done = [
        Use(
            v.appointments | {v.key},
            me,
            v.day,
            True,
            v.at,
            when("", policy.zone),
            v.minutes,
            v.site,
            card(v.day),
            services,
            who,
        )
        for v in found.done
    ]
    return done + [
        Use(
            b.keys,
            me,
            b.day,
            False,
            b.start,
            when(b.made, policy.zone),
            b.minutes,
            b.site,
            card(b.day),
            services,
            who,
        )
        for b in found.open
        if b.day and b.start
    ]


def _died(patient: Json | None) -> Evidence | None:
    """What says that the patient has died."""
    if patient is None or not (patient.get("deceasedBoolean") is True or text(patient, "deceasedDateTime")):
        return None
    return evidence(patient, "deceased")
