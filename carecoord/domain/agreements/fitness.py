"""Whether somebody may be paid for care at all: licences that end, and lists of those excluded from federal programs.

A licence is a Practitioner.qualification whose code is `license` of our CodeSystem `qualification`, with its period.
The extension `exclusion` of a Practitioner or Organization holds `list` (valueString: LEIE, SAM), `period`
(valuePeriod) and `certain` (valueBoolean: by number; false: by name alone, which may be another). contracts.md 1.4, 4
and 5, 7."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.days import Days, possible, sure
from carecoord.domain.resource.elements import Json, code_of, evidence, extension, extensions, item, items, key, text

_KIND: Final = f"{CANONICAL}/CodeSystem/qualification"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Somebody, or by the name alone perhaps somebody else, stands on a list during these days."""

    name: str
    days: Days
    certain: bool


@dataclass(frozen=True, slots=True)
class Fitness:
    """What is known of one person or organization. No licences: nobody has told us of any, which proves nothing."""

    evidence: Evidence
    licences: tuple[Days, ...]
    exclusions: tuple[Exclusion, ...]

    @property
    def edges(self) -> tuple[date, ...]:
        """The days on which a licence or an exclusion begins or ends."""
        spans = (*self.licences, *(each.days for each in self.exclusions))
        return tuple(day for span in spans for day in span.edges)


def fitness(resources: Iterable[Json], zone: tzinfo) -> dict[str, Fitness]:
    """By `Type/id`, of those Practitioners and Organizations that say anything of it."""
    found = {key(each): _read(each, zone) for each in resources}
    return {name: each for name, each in found.items() if each.licences or each.exclusions}


def _read(resource: Json, zone: tzinfo) -> Fitness:
    licences = (each for each in items(resource, "qualification") if code_of(item(each, "code"), _KIND) == "license")
    marks = extensions(resource, f"{EXTENSION}/exclusion")
    return Fitness(
        evidence(resource, "qualification" if not marks else "extension('exclusion')"),
        tuple(sure(each.get("period"), zone) for each in licences),
        tuple(_exclusion(each, zone) for each in marks),
    )


def _exclusion(mark: Json, zone: tzinfo) -> Exclusion:
    """One whose days can not be read stands: it is no proof of being free."""
    said = possible(extension(mark, "period").get("valuePeriod"), zone)
    certain = extension(mark, "certain").get("valueBoolean") is not False
    return Exclusion(text(extension(mark, "list"), "valueString"), Days() if said.empty else said, certain)
