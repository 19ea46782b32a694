"""Who is who. The same organization exists several times (an EHR's copy, our office's copy, a payer's): copies are one
party when they share an identifier, never because ids or names look alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carecoord.domain.resource import patient
from carecoord.domain.resource.codes import HL7, IDENTIFIER, has
from carecoord.domain.resource.elements import (
    Json,
    extension,
    identifier,
    identifiers,
    item,
    items,
    key,
    source,
    target,
    text,
)
from carecoord.fhir.code_systems import TAX_ID

# A tax id is shared by organizations that are not each other (contracts.md 1.4: the least specific match of all).
TAXES = f"{TAX_ID}|"
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
NO_TAXES: frozenset[str] = frozenset()
PAYER_ID = f"{IDENTIFIER}/payer|"
_PAYER_TYPES = (
    (f"{HL7}/organization-type", "pay"),
    (f"{HL7}/organization-type", "ins"),
    ("http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/OrgTypeCS", "payer"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """One organization, person or place. `keys`: every copy's `Type/id` and every `system|value` but tax ids."""

    reference: str
    name: str
    keys: frozenset[str]
    taxes: frozenset[str] = frozenset()
    owner: str = ""  # of a Location: `Organization/id` that manages it
    zone: str = ""  # of a Location: where its clock stands, such as `America/Los_Angeles`

    def same(self, other: "Party | None") -> bool:
        """Whether both are copies of one party."""
        return other is not None and not self.keys.isdisjoint(other.keys)

    def key(self, system: str = "") -> str:
        """The identifier `system|value` that all copies share: the first in order, of that system if it has one."""
        found = sorted(key for key in self.keys if "|" in key)
        return next((key for key in found if system and key.startswith(f"{system}|")), found[0] if found else "")


@dataclass(frozen=True, slots=True)
class Role:
    """A PractitionerRole: who works for whom."""

    practitioner: Party | None
    organization: Party | None


Directory = Mapping[str, Party]


def directory(resources: Iterable[Json]) -> dict[str, Party]:
    """The party behind every `Type/id` of the Organizations, Locations and Practitioners given."""
    found: list[tuple[str, Json, frozenset[str]]] = []
    groups: dict[str, frozenset[str]] = {}
    for each in resources:
        reference, keys, taxes = key(each), identifiers(each), NO_TAXES
        if any(id.startswith(TAXES) for id in keys):
            taxes = frozenset(id for id in keys if id.startswith(TAXES))
            keys -= taxes
        found.append((reference, each, taxes))
        merged = keys | {reference}
        for copy in [groups[id] for id in keys if id in groups]:
            merged |= copy
        for id in merged:
            groups[id] = merged
    return {
        reference: Party(
            reference,
            name(each),
            groups[reference],
            taxes,
            target(item(each, "managingOrganization")),
            text(extension(each, TIMEZONE), "valueCode"),
        )
        for reference, each, taxes in found
    }


def distinct(resources: Iterable[Json]) -> list[Json]:
    """Each party once: of its copies our own, which no other system sent."""
    told = sorted(resources, key=lambda one: bool(source(one)))
    parties = directory(told)
    kept: list[Json] = []
    known: set[str] = set()
    for each in told:
        keys = parties[key(each)].keys
        if known.isdisjoint(keys):
            kept.append(each)
        known |= keys
    return kept


def is_payer(organization: Json) -> bool:
    """Whether an Organization pays for care: by its type (organization-type `pay` or `ins`, Plan-Net's `payer`), or a
    payer's number."""
    typed = any(has(kind, *code) for kind in items(organization, "type") for code in _PAYER_TYPES)
    return typed or any(each.startswith(PAYER_ID) for each in identifiers(organization))


def name(resource: Json) -> str:
    """What people call it: `Riverside Heart Group`, or `Okafor, Ngozi` for a person."""
    return text(resource, "name") or patient.name(resource)


def party(reference: Json, known: Directory) -> Party | None:
    """The party a Reference means: by what it points to, else by its logical identifier. None when it says neither."""
    to = target(reference)
    if to in known:
        return known[to]
    logical = item(reference, "identifier")
    value = text(logical, "value")
    id = identifier(logical) or (f"|{value}" if value else "")
    if not to and not id:
        return None
    same = next((each for each in known.values() if id and id in each.keys), None)
    return same or Party(to, text(reference, "display"), frozenset(each for each in (to, id) if each))
