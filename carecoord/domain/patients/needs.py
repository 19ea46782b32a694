"""Social needs, and the services that meet them, by the codes of the Gravity Project: what is lacking, who helps with
it, whether there is room.

Clause: SDOH Clinical Care 3.0.0: categories of CodeSystem SDOHCC-CodeSystemTemporaryCodes, the extension
SDOHCC-ExtensionHealthcareServiceCapacityStatus (cap-1). How many places are free it does not say: that is ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, codes, extension, item, items, key, text, whole, words
from carecoord.fhir.code_systems import canonical

_GRAVITY: Final = "http://hl7.org/fhir/us/sdoh-clinicalcare"
DOMAINS: Final = f"{_GRAVITY}/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
_CAPACITY: Final = f"{_GRAVITY}/StructureDefinition/SDOHCC-ExtensionHealthcareServiceCapacityStatus"
FREE_PLACES: Final = f"{EXTENSION}/free-places"  # of a HealthcareService, valueUnsignedInt
_UNSPECIFIED: Final = "sdoh-category-unspecified"
Room = Literal["room", "waits", "full", "unknown"]
_ROOMS: Final[dict[str, Room]] = {"capacity": "room", "no-capacity-has-waitlist": "waits", "no-capacity": "full"}
_ORDER: Final[tuple[Room, ...]] = ("room", "waits", "unknown", "full")


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the directory. `free`: its free places, None where nobody says; `note`: in its own words; `told`:
    when it was last written (FHIR instant)."""

    reference: str
    name: str
    domains: frozenset[str]
    room: Room
    free: int | None
    note: str
    telecom: tuple[Json, ...]
    told: str


def domains(resource: Json) -> frozenset[str]:
    """The Gravity domains that a resource is of, by its categories."""
    held = (code for each in items(resource, "category") for system, code in codes(each) if _is_gravity(system))
    return frozenset(held) - {_UNSPECIFIED}


def needs(conditions: Iterable[Json]) -> list[Json]:
    """Of a patient's problems those that are social needs and not over."""
    ended = {"inactive", "remission", "resolved"}
    return [
        each
        for each in conditions
        if any(_is_gravity(system) for part in items(each, "category") for system, _ in codes(part))
        and not ended & {code for _, code in codes(item(each, "clinicalStatus"))}
    ]


def service(resource: Json) -> Service:
    """A HealthcareService. One that says both that it is full and how many places are free is believed neither."""
    said = extension(resource, _CAPACITY)
    status = {code for _, code in codes(item(extension(said, "capacityStatus"), "valueCodeableConcept"))}
    room: Room = next((_ROOMS[code] for code in sorted(status & _ROOMS.keys())), "unknown")
    free = whole(extension(resource, FREE_PLACES), "valueUnsignedInt")
    if room == "unknown" and free is not None:
        room = "room" if free else "full"
    if free is not None and (room == "room") != bool(free):
        room, free = "unknown", None
    return Service(
        key(resource), text(resource, "name") or words(next(iter(items(resource, "type")), {})), domains(resource),
        room, free, text(extension(said, "capacityNotes"), "valueString"), tuple(items(resource, "telecom")),
        text(item(resource, "meta"), "lastUpdated"),
    )  # fmt: skip


def ranked(services: Iterable[Service]) -> list[Service]:
    """Those with room first, the most of it before others."""
    return sorted(services, key=lambda each: (_ORDER.index(each.room), -(each.free or 0), each.name))


def _is_gravity(system: str) -> bool:
    return system == canonical(DOMAINS)
