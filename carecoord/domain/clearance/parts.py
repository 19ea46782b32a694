"""The parts of a case's facts, each read once of the very same resources: of a case that is written most parts are
what they were. Each names what it is read of, and sees nothing else: a rule that began to read more of a case would
find it empty in every test, and not stale on some day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, tzinfo

from carecoord.domain.agreements.directory import Register, register
from carecoord.domain.agreements.fitness import fitness
from carecoord.domain.agreements.records import Records
from carecoord.domain.clearance.conflicts import Conflict, conflicts
from carecoord.domain.coverage.gate import Card, cards, choose
from carecoord.domain.documents.gate import Paper
from carecoord.domain.documents.gate import held as papers_held
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import Line
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.charges import Ledger, Use, accounts, charge, sharing
from carecoord.domain.prior_auth.requests import Request, requests
from carecoord.domain.referrals.case import Case, OtherOrder, Some
from carecoord.domain.referrals.loop_gate import Closing, closing
from carecoord.domain.referrals.referral import Referral, referral
from carecoord.domain.referrals.visits import Booking, Visit, Visits, visits
from carecoord.domain.resource.days import when
from carecoord.domain.resource.elements import Json, item, key, targets
from carecoord.domain.resource.memory import remembered
from carecoord.domain.resource.parties import Directory, Party, Role, directory, party
from carecoord.domain.resource.places import Point, of

Roles = Mapping[str, Role]


@remembered
def known(organizations: Some, locations: Some, practitioners: Some) -> Directory:
    """Who is who."""
    return directory((*organizations, *locations, *practitioners))


@remembered
def roles(given: Some, known: Directory) -> Roles:
    """Who works for whom, by `PractitionerRole/id`."""
    return {
        key(each): Role(party(item(each, "practitioner"), known), party(item(each, "organization"), known))
        for each in given
    }


@remembered
def said(policy: Policy, lines: tuple[Line, ...]) -> Policy:
    """The policy with what those around the case have said."""
    return replace(policy, lines=lines)


@remembered
def in_force(policy: Policy, placer: Party | None, site: Party | None) -> Policy:
    """The policy of the office that refers and of the place at which the patient is seen."""
    return policy.of_office(placer).at_site(site)


@remembered
def order(given: Json, tasks: Some, known: Directory, roles: Roles, policy: Policy) -> Referral:
    """The order and who is to carry it out."""
    return referral(Case(given, tasks=tasks), known, roles, policy)


def seen_by(order: Referral) -> tuple[Party, ...]:
    """Who is to see the patient."""
    who = order.performer
    return tuple(each for each in (who.organization, who.practitioner) if each) if who else ()


@remembered
def asked(
    *, order: Json, claims: Some, responses: Some, coverages: Some, near: Some, known: Directory, roles: Roles,
    policy: Policy,
) -> tuple[Request, ...]:  # fmt: skip
    """The requests for authorization. near: the patient's other orders of which they may speak."""
    others = tuple(map(OtherOrder, near))
    case = Case(order, claims=claims, responses=responses, coverages=coverages, others=others)
    return requests(case, known, roles, policy)


@remembered
def held(coverages: Some, eligibility: Some, inquiries: Some, known: Directory, policy: Policy) -> tuple[Card, ...]:
    """The patient's cards."""
    return cards(Case({}, coverages=coverages, eligibility=eligibility, inquiries=inquiries), known, policy)


@remembered
def filed(order: Json, documents: Some, answers: Some) -> tuple[Paper, ...]:
    """The papers and forms that there are."""
    return papers_held(Case(order, documents=documents, answers=answers))


@remembered
def visited(appointments: Some, encounters: Some, replies: Some, known: Directory, policy: Policy) -> Visits:
    """The visits of an order."""
    return visits(appointments, encounters, known, policy, replies)


@remembered
def closed(order: Json, tasks: Some, reports: Some, documents: Some, policy: Policy) -> Closing:
    """What followed the visit."""
    return closing(Case(order, tasks=tasks, reports=reports, documents=documents), policy)


@remembered
def listed(records: Records, known: Directory, organizations: Some, practitioners: Some, zone: tzinfo) -> Register:
    """What the register says of who takes part in the plan's networks."""
    return register(records, known, organizations, fitness((*organizations, *practitioners), zone))


@remembered
def questioned(
    *, order: Json, patient: Json | None, locations: Some, given: Some, who: tuple[Party, ...], known: Directory,
    roles: Roles, counted: tuple[Visits, ...],
) -> question.Known:  # fmt: skip
    """What the case says of the parts of a payer's rule. given: the roles as resources."""
    return question.known(Case(order, patient, locations=locations, roles=given), who, known, roles, counted)


@remembered
def contradicted(
    appointments: Some, responses: Some, systems: Mapping[str, str], policy: Policy
) -> tuple[Conflict, ...]:
    """Where two sources disagree, apart from what an EHR and we dispute."""
    return conflicts(Case({}, appointments=appointments, responses=responses, systems=systems), policy)


@remembered
def home(patient: Json | None) -> Point | None:
    """Where the patient lives."""
    return of(patient) if patient else None


@remembered
def charged(
    *, order: Json, others: tuple[OtherOrder, ...], asked: tuple[Request, ...], held: tuple[Card, ...],
    who: tuple[Party, ...], own: Visits, known: Directory, roles: Roles, locations: Some, policy: Policy,
) -> Ledger:  # fmt: skip
    """Every visit under an authorization that this order shares, of whichever order, charged once. From whichever of
    these orders one looks, the books are the same."""
    uses = _uses(question.ordered(order, locations), order, own, held, who, policy)
    shared, near = sharing(accounts(asked), key(order))
    undated = own.undated
    for other in others:
        if key(other.order) in near:
            theirs = visits(other.appointments, other.encounters, known, policy)
            undated += theirs.undated
            there = seen_by(referral(Case(other.order, tasks=other.tasks), known, roles, policy))
            uses += _uses(question.ordered(other.order, locations), other.order, theirs, held, there, policy)
    named = frozenset[str]().union(*(request.own for each in shared for request, _ in each.lines))
    return charge(shared, uses, lambda use: use.orders.isdisjoint(named), undated)


def _uses(
    said: question.Known, order: Json, found: Visits, held: tuple[Card, ...], who: tuple[Party, ...], policy: Policy
) -> list[Use]:
    """The visits of an order as they use up what was authorized. said: by the order."""
    me, named = frozenset({key(order)}), tuple(targets(order, "insurance"))

    def use(keys: frozenset[str], day: date, done: bool, at: datetime, made: str, one: Visit | Booking) -> Use:
        chosen = choose(held, named, day)
        card = chosen.key if chosen and chosen.active(day) else ""
        return Use(
            keys, me, day, done, at, when(made, policy.zone), one.minutes, one.site, card, said.codes, who,
            said.modifiers, said.places_at(one.site),
        )  # fmt: skip

    took = [use(v.appointments | {v.key}, v.day, True, v.at, "", v) for v in found.done]
    return took + [use(b.keys, b.day, False, b.start, b.made, b) for b in found.open if b.day and b.start]
