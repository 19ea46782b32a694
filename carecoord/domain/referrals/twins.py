"""Which two patients may be one person who was written down twice, and the question that would settle it.

Two who were born on one day and have a family name or a telephone number in common: whose Patient.link says how they
belong together is no such pair."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.resource.patient import birth_date, record_number
from carecoord.domain.resource.patient_words import telephone
from carecoord.fhir.search.collation import fold

Settles = Literal["name", "telephone", "number", "address"]  # what to ask about


@dataclass(frozen=True, slots=True)
class Twin:
    """Another record, `Patient/id`, that may be of the same person. `settles`: what the two say differently, or what
    neither says; `mine`, `theirs`: what each says of it."""

    other: str
    settles: Settles
    mine: str = ""
    theirs: str = ""


def twins(patient: Json, others: Iterable[Json]) -> list[Twin]:
    """Those of the others who may be this patient."""
    return [_told(patient, each) for each in others if key(each) != key(patient) and _alike(patient, each)]


def _alike(one: Json, other: Json) -> bool:
    born = birth_date(one)
    if len(born) != len("YYYY-MM-DD") or born != birth_date(other) or _linked(one, other):
        return False
    return bool(_families(one) & _families(other)) or bool(_telephones(one).keys() & _telephones(other).keys())


def _linked(one: Json, other: Json) -> bool:
    """Whether somebody has said already how the two belong together."""
    named = {target(item(each, "other")) for whose in (one, other) for each in items(whose, "link")}
    return bool(named & {key(one), key(other)})


def _told(patient: Json, other: Json) -> Twin:
    """What settles it: the given name where they differ, for twins share all the rest; then what is quickly asked."""
    mine, theirs = _given(patient), _given(other)
    if mine and theirs and {fold(each) for each in mine}.isdisjoint(fold(each) for each in theirs):
        return Twin(key(other), "name", mine[0], theirs[0])
    numbers, others = _telephones(patient), _telephones(other)
    if numbers and others and not numbers.keys() & others.keys():
        return Twin(key(other), "telephone", next(iter(numbers.values())), next(iter(others.values())))
    records = record_number(patient), record_number(other)
    if all(records) and records[0] != records[1]:
        return Twin(key(other), "number", *records)
    return Twin(key(other), "address")


def _families(patient: Json) -> set[str]:
    return {fold(said) for each in items(patient, "name") if (said := text(each, "family"))}


def _given(patient: Json) -> list[str]:
    said = (each.get("given") for each in items(patient, "name"))
    return [part for given in said if isinstance(given, list) for part in given if isinstance(part, str)]


def _telephones(patient: Json) -> Mapping[str, str]:
    """The numbers by their last figures, as they are written."""
    found: dict[str, str] = {}
    for contact in items(patient, "telecom"):
        forms = list(telephone(contact))
        if forms and len(forms[3]) >= 7:
            found.setdefault(forms[2], forms[0])
    return found
