"""The register of networks: which plan uses which networks when, and who takes part in them, where and under which
agreement. Read from InsurancePlan, OrganizationAffiliation and (for single clinicians) Plan-Net's PractitionerRole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from carecoord.domain.agreements.versions import Version
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.referral import specialties
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER, PLAN_NET_NETWORK
from carecoord.domain.resource.days import Days, days, first
from carecoord.domain.resource.elements import Json, evidence, extension, extensions, item, items, target, text
from carecoord.domain.resource.parties import Directory, Party, Role, party
from carecoord.fhir.code_systems import canonical


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of the directory: who takes part, in what, where, when, under which Contract. Empty `networks`: all of the
    payer's; empty `sites` or `specialties`: all."""

    evidence: Evidence
    include: bool
    payer: Party | None
    organization: Party | None
    practitioner: Party | None
    networks: tuple[Party, ...]
    sites: tuple[Party, ...]
    specialties: frozenset[str]
    days: Days
    credentialed: date | None
    contract: str  # `Contract/id`


@dataclass(frozen=True, slots=True)
class PlanNetwork:
    """A plan and the networks it uses during these days."""

    plan: str
    payer: Party | None
    networks: tuple[Party, ...]
    days: Days
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of networks and agreements. `numbers`: the agreement number of each `Contract/id`."""

    rows: tuple[Membership, ...]
    plans: tuple[PlanNetwork, ...]
    agreements: Mapping[str, tuple[Version, ...]]
    numbers: Mapping[str, str]
    parents: Mapping[str, Party]  # `Organization/id` -> the organization it is part of


def register(
    case: Case,
    known: Directory,
    roles: Mapping[str, Role],
    agreements: Mapping[str, tuple[Version, ...]],
    policy: Policy,
) -> Register:
    """Read the directory's rows of a case."""
    rows = [_affiliation(each, known, policy) for each in case.affiliations if each.get("active") is not False]
    rows += [
        _clinician(each, known, roles, policy)
        for each in case.roles
        if each.get("active") is not False and extensions(each, PLAN_NET_NETWORK)
    ]
    plans = [
        network
        for each in case.plans
        if each.get("status", "active") == "active"
        for network in _plans(each, known, policy)
    ]
    numbers = {version.key: number for number, found in agreements.items() for version in found}
    parents = {
        f"Organization/{o.get('id')}": above
        for o in case.organizations
        if o.get("partOf") and (above := party(item(o, "partOf"), known))
    }
    return Register(tuple(rows), tuple(plans), agreements, numbers, parents)


def _affiliation(row: Json, known: Directory, policy: Policy) -> Membership:
    return Membership(
        evidence(row, "period"),
        text(_mark(row, "participation-kind"), "valueCode") != "exclude",
        party(item(row, "organization"), known),
        party(item(row, "participatingOrganization"), known),
        None,
        _parties(items(row, "network"), known),
        _parties(items(row, "location"), known),
        _specialties(row),
        days(row.get("period"), policy.zone),
        _credentialed(row, policy),
        target(item(_mark(row, "governing-contract"), "valueReference")),
    )


def _clinician(row: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> Membership:
    role = roles.get(f"PractitionerRole/{row.get('id')}", Role(None, None))
    return Membership(
        evidence(row, "period"),
        text(_mark(row, "participation-kind"), "valueCode") != "exclude",
        None,
        role.organization,
        role.practitioner,
        _parties([item(e, "valueReference") for e in extensions(row, PLAN_NET_NETWORK)], known),
        _parties(items(row, "location"), known),
        _specialties(row),
        days(row.get("period"), policy.zone),
        _credentialed(row, policy),
        target(item(_mark(row, "governing-contract"), "valueReference")),
    )


def _mark(row: Json, name: str) -> Json:
    return extension(row, f"{EXTENSION}/{name}")


def _parties(references: Iterable[Json], known: Directory) -> tuple[Party, ...]:
    return tuple(found for found in (party(each, known) for each in references) if found)


def _specialties(row: Json) -> frozenset[str]:
    return frozenset[str]().union(*(specialties(each) for each in items(row, "specialty")))


def _credentialed(row: Json, policy: Policy) -> date | None:
    said = text(_mark(row, "credentialed-from"), "valueDate")
    try:
        return first(said, policy.zone) if said else None
    except ValueError:
        return date.max


def _plans(plan: Json, known: Directory, policy: Policy) -> list[PlanNetwork]:
    ids = [
        text(i, "value")
        for i in items(plan, "identifier")
        if canonical(text(i, "system")) in ("", f"{IDENTIFIER}/plan")
    ] or [text(i, "value") for i in items(plan, "identifier")]
    parts = [plan, *items(plan, "coverage"), *items(plan, "plan")]
    networks = _parties([each for part in parts for each in items(part, "network")], known)
    owner, when = party(item(plan, "ownedBy"), known), days(plan.get("period"), policy.zone)
    return [PlanNetwork(id, owner, networks, when, evidence(plan, "network")) for id in ids if id]
