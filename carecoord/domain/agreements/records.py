"""What the register holds of agreements and networks, row by row: who takes part in what, which networks a plan uses,
the versions of agreements, each as one version of a resource says it. The store keeps these rows with the time during
which they were known; `read` makes them of resources, and everything that asks about a network asks rows.

Clauses: Plan-Net 1.2.0 (OrganizationAffiliation, PractitionerRole's network-reference, InsurancePlan); contracts.md
1.2."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Final

from carecoord.domain.agreements.versions import Version, version_of
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER, PLAN_NET_NETWORK, specialties
from carecoord.domain.resource.days import Days, first, possible, sure
from carecoord.domain.resource.elements import (
    Json,
    evidence,
    extension,
    extensions,
    identifier,
    item,
    items,
    target,
    text,
)
from carecoord.domain.resource.places import Place
from carecoord.fhir.code_systems import canonical

TYPES: Final = ("OrganizationAffiliation", "PractitionerRole", "InsurancePlan", "Contract")  # what rows are made of


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the directory: who takes part (FHIR References), in what, where, when, under which Contract. Empty
    `networks`: all of the payer's; empty `sites` or `specialties`: all."""

    evidence: Evidence
    include: bool
    payer: Json
    organization: Json
    practitioner: Json
    networks: tuple[Json, ...]
    sites: tuple[Json, ...]
    specialties: frozenset[str]
    days: Days
    credentialed: date | None
    contract: str  # `Contract/id`
    tier: str = ""
    verified: date | None = None  # the day on which the directory last asked whether the row is true
    absent: Json = field(default_factory=dict)  # the clinician in whose place it lists another, as a locum

    @property
    def subject(self) -> str:
        """The key of whom the row is about: the clinician, or the organization."""
        return named(self.practitioner) or named(self.organization)

    @property
    def open_to(self) -> frozenset[str]:
        """The keys of the networks that it opens, of the payer where it opens all that payer's."""
        return frozenset(map(named, self.networks)) or frozenset({every_network_of(named(self.payer))})


@dataclass(frozen=True, slots=True)
class PlanListing:
    """A plan, by the value of its identifier, and the networks that it uses during these days."""

    evidence: Evidence
    plan: str
    payer: Json
    networks: tuple[Json, ...]
    days: Days


@dataclass(frozen=True, slots=True)
class Records:
    """Rows that bear on a question."""

    listings: tuple[Listing, ...] = ()
    plans: tuple[PlanListing, ...] = ()
    versions: tuple[Version, ...] = ()  # each as it is written: what amendments inherit is not yet in it
    places: tuple[Place, ...] = ()  # of others who could see the patient

    @property
    def parties(self) -> frozenset[str]:
        """The organizations, clinicians and places that the rows name, `Type/id`."""
        rows = [each for row in self.listings for each in (row.payer, row.organization, row.practitioner)]
        rows += [each for row in self.listings for each in (*row.networks, *row.sites, row.absent)]
        rows += [each for plan in self.plans for each in (plan.payer, *plan.networks)]
        rows += [each for version in self.versions for each in version.authority]
        found = map(target, rows)
        return frozenset(to for to in found if to.partition("/")[0] in ("Organization", "Location", "Practitioner"))


def read(resources: Iterable[Json], zone: tzinfo) -> Records:
    """The rows that these resources make. Those of other types, and what is not in use, make none."""
    listings: list[Listing] = []
    plans: list[PlanListing] = []
    versions: list[Version] = []
    for each in resources:
        kind = each.get("resourceType")
        if kind == "OrganizationAffiliation" and each.get("active") is not False:
            listings.append(_affiliation(each, zone))
        elif kind == "PractitionerRole" and each.get("active") is not False and _lists(each):
            listings.append(_clinician(each, zone))
        elif kind == "InsurancePlan" and each.get("status", "active") == "active":
            plans += _plans(each, zone)
        elif kind == "Contract":
            versions.append(version_of(each, zone))
    return Records(tuple(listings), tuple(plans), tuple(versions))


def _lists(role: Json) -> bool:
    """Whether a role says that its clinician takes part in a network, or stands in for one who does."""
    return bool(extensions(role, PLAN_NET_NETWORK) or _mark(role, "locum-for"))


def named(reference: Json) -> str:
    """The key of whom a Reference means: `Type/id`, else `system|value` of its logical identifier; empty for nobody."""
    if to := target(reference):
        return to
    logical = item(reference, "identifier")
    value = text(logical, "value")
    return identifier(logical) or (f"|{value}" if value else "")


def every_network_of(payer: str) -> str:
    """The key that stands for all networks of a payer, whose own key is given."""
    return f"*{payer}"


def _affiliation(row: Json, zone: tzinfo) -> Listing:
    return Listing(
        evidence(row, "period"),
        _is_included(row),
        item(row, "organization"),
        item(row, "participatingOrganization"),
        {},
        tuple(items(row, "network")),
        *_where_and_when(row, zone),
        *_beside(row, zone),
    )


def _clinician(row: Json, zone: tzinfo) -> Listing:
    return Listing(
        evidence(row, "period"),
        _is_included(row),
        {},
        item(row, "organization"),
        item(row, "practitioner"),
        tuple(item(each, "valueReference") for each in extensions(row, PLAN_NET_NETWORK)),
        *_where_and_when(row, zone),
        *_beside(row, zone),
        item(_mark(row, "locum-for"), "valueReference"),
    )


def _is_included(row: Json) -> bool:
    return text(_mark(row, "participation-kind"), "valueCode") != "exclude"


def _where_and_when(row: Json, zone: tzinfo) -> tuple[tuple[Json, ...], frozenset[str], Days, date | None, str]:
    return (
        tuple(items(row, "location")),
        frozenset[str]().union(*(specialties(each) for each in items(row, "specialty"))),
        (sure if _is_included(row) else possible)(row.get("period"), zone),
        _credentialed(row, zone),
        target(item(_mark(row, "governing-contract"), "valueReference")),
    )


def _beside(row: Json, zone: tzinfo) -> tuple[str, date | None]:
    """The tier, and when the row was last verified."""
    tier, said = _mark(row, "tier"), text(_mark(row, "verified-on"), "valueDate")
    try:
        return text(tier, "valueString") or text(tier, "valueCode"), first(said, zone) if said else None
    except ValueError:
        return text(tier, "valueString") or text(tier, "valueCode"), date.min


def _mark(row: Json, name: str) -> Json:
    return extension(row, f"{EXTENSION}/{name}")


def _credentialed(row: Json, zone: tzinfo) -> date | None:
    said = text(_mark(row, "credentialed-from"), "valueDate")
    try:
        return first(said, zone) if said else None
    except ValueError:
        return date.max


def _plans(plan: Json, zone: tzinfo) -> list[PlanListing]:
    given = [(canonical(text(i, "system")), text(i, "value").strip()) for i in items(plan, "identifier")]
    ids = [value for system, value in given if system in ("", f"{IDENTIFIER}/plan")] or [value for _, value in given]
    parts = [plan, *items(plan, "coverage"), *items(plan, "plan")]
    networks = tuple(each for part in parts for each in items(part, "network"))
    said, when = item(plan, "ownedBy"), sure(plan.get("period"), zone)
    return [PlanListing(evidence(plan, "network"), id, said, networks, when) for id in dict.fromkeys(ids) if id]
