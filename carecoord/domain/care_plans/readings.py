"""What was measured for a goal: the Observations of its measure as values in the unit of its target.

Clauses: FHIR R4 observation.html (a value stands in the Observation or in one of its components; only what is final, or
was put right since, counts), goal.html (target.measure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from carecoord.domain.care_plans import units
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, codes, item, items, key, number, text

COUNTED: Final = frozenset({"final", "amended", "corrected"})
_WHEN: Final = ("effectiveDateTime", "effectiveInstant")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value. `value`: in the unit of the target, None where it can not be told in it; `said`: as it was told, with
    its unit; `observation`: `Observation/id`."""

    at: datetime
    value: float | None
    said: str
    observation: str


def readings(observations: Iterable[Json], measure: Json, unit: str, zone: tzinfo) -> Sequence[Reading]:
    """The values of a measure (a CodeableConcept), oldest first. unit: of the target, a UCUM code, or the words of one
    that has no code. What has no day, is not final or speaks of something else is left out."""
    wanted = codes(measure)
    found = [
        reading
        for each in observations
        if text(each, "status") in COUNTED and (at := measured_at(each, zone))
        for reading in _values(each, wanted, unit, at)
    ]
    return sorted(found, key=lambda each: (each.at, each.observation))


def measured_at(observation: Json, zone: tzinfo) -> datetime | None:
    """When it was measured: the end of a period; where nobody says, when it was issued."""
    period = item(observation, "effectivePeriod")
    said = (*(text(observation, name) for name in _WHEN), text(period, "end"), text(period, "start"))
    return next((at for each in (*said, text(observation, "issued")) if each and (at := moment(each, zone))), None)


def _values(observation: Json, wanted: frozenset[tuple[str, str]], unit: str, at: datetime) -> Iterator[Reading]:
    for part in (observation, *items(observation, "component")):
        quantity = item(part, "valueQuantity")
        if codes(item(part, "code")) & wanted and number(quantity, "value") is not None:
            yield Reading(at, in_unit(quantity, unit), said(quantity), key(observation))


def said(quantity: Json) -> str:
    """A Quantity as it was told: `<5 mg/dL`."""
    value = number(quantity, "value")
    shown = "" if value is None else f"{value:.12g}"
    return f"{text(quantity, 'comparator')}{shown} {unit_words(quantity)}".strip()


def unit_words(quantity: Json) -> str:
    """A unit as people read it, where a system wrote its code in the place of words: `mmHg`, not `mm[Hg]`."""
    words, code = text(quantity, "unit"), text(quantity, "code")
    return units.WORDS.get(code, words or code) if not words or words == code else words


def in_unit(quantity: Json, unit: str) -> float | None:
    """The value of a Quantity in a unit; None where it is a bound rather than a value (`<5`), or can not be turned."""
    value = number(quantity, "value")
    if value is None or text(quantity, "comparator"):
        return None
    mine = unit_of(quantity)
    if mine == unit or text(quantity, "unit") == unit:
        return value
    coded = text(quantity, "system") == units.UCUM
    return units.converted(value, mine, unit) if coded else None


def unit_of(quantity: Json) -> str:
    """The UCUM code of a Quantity's unit; its words where it has none."""
    return text(quantity, "code") if text(quantity, "system") == units.UCUM else text(quantity, "unit")
