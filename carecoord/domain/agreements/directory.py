"""The register of networks: which plan uses which networks when, and who takes part in them, where and under which
agreement: the rows of the register (`records`), with the parties that their references mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from carecoord.domain.agreements.fitness import Fitness
from carecoord.domain.agreements.records import Records
from carecoord.domain.agreements.versions import Version, by_agreement
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.days import ALWAYS, Days, shifted
from carecoord.domain.resource.elements import Json, item, key
from carecoord.domain.resource.parties import Directory, Party, party
from carecoord.domain.resource.places import Place

VERIFIED_FOR: Final = 90  # days


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
    tier: str = ""
    verified: date | None = None
    absent: Party | None = None  # the clinician in whose place it lists another

    @property
    def trusted(self) -> Days:
        """The days for which the row may be believed: a directory that is not verified within 90 days is stale (No
        Surprises Act, PHSA 2799A-5(a)(2)). One that nobody says is verified by days is not judged by them."""
        return Days(end=shifted(self.verified, VERIFIED_FOR)) if self.verified else ALWAYS


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
    """What is known of networks and agreements. `numbers`: the agreement (a key of `agreements`) of each
    `Contract/id`."""

    rows: tuple[Membership, ...]
    plans: tuple[PlanNetwork, ...]
    agreements: Mapping[str, tuple[Version, ...]]
    numbers: Mapping[str, str]
    parents: Mapping[str, Party]  # `Organization/id` -> the organization it is part of
    fitness: Mapping[str, Fitness] = field(default_factory=dict)  # of people and organizations, by `Type/id`
    places: tuple[Place, ...] = ()


def register(
    records: Records, known: Directory, organizations: Iterable[Json], fit: Mapping[str, Fitness] | None = None
) -> Register:
    """Tell who is meant in rows of the register. organizations: as resources, for what they are part of. fit: who may
    not be paid, and who is licensed until when."""
    rows = [
        Membership(
            each.evidence,
            each.include,
            party(each.payer, known),
            party(each.organization, known),
            party(each.practitioner, known),
            _parties(each.networks, known),
            _parties(each.sites, known),
            each.specialties,
            each.days,
            each.credentialed,
            each.contract,
            each.tier,
            each.verified,
            party(each.absent, known) if each.absent else None,
        )
        for each in records.listings
    ]
    plans = [
        PlanNetwork(each.plan, party(each.payer, known), _parties(each.networks, known), each.days, each.evidence)
        for each in records.plans
    ]
    agreements = by_agreement(records.versions, known)
    return Register(
        tuple(rows),
        tuple(plans),
        agreements,
        {version.key: agreement for agreement, found in agreements.items() for version in found},
        {
            key(each): above
            for each in organizations
            if each.get("partOf") and (above := party(item(each, "partOf"), known))
        },
        fit or {},
        records.places,
    )


def _parties(references: Iterable[Json], known: Directory) -> tuple[Party, ...]:
    return tuple(found for found in (party(each, known) for each in references) if found)
