"""What several sources say of one patient, and where they differ: nobody's word is dropped for another's.

Two entries speak of the same thing where they share a code, or have the same words; they differ where they come from
two sources and say another state, dose, severity or value of it."""

from collections.abc import Iterable, Sequence
from typing import Final

from carecoord.domain.resource.elements import Json, codes, item, items, key, source, text, words

_SAID: Final = (  # what makes two entries about one thing differ
    "status", "clinicalStatus", "verificationStatus", "criticality", "dosageInstruction", "dosage", "valueQuantity",
    "valueCodeableConcept", "valueString", "doNotPerform", "severity",
)  # fmt: skip
_WRONG: Final = "entered-in-error"


def subject(entry: Json) -> Json:
    """The concept that an entry is about."""
    return item(entry, "code") or item(entry, "medicationCodeableConcept") or item(entry, "relationship")


def is_mistaken(entry: Json) -> bool:
    """Whether somebody said that it was entered in error."""
    verified = {code for _, code in codes(item(entry, "verificationStatus"))}
    return text(entry, "status") == _WRONG or _WRONG in verified


def differing(entries: Iterable[Json]) -> frozenset[str]:
    """Those, `Type/id`, of which another source says something else; of results only what was measured at one time."""
    found: set[str] = set()
    held = list(entries)
    for group in _groups(held):
        for each in group:
            others = (other for other in group if source(other) != source(each) and _moment(other) == _moment(each))
            if any(_says(other) != _says(each) for other in others):
                found.add(key(each))
    return frozenset(found)


def _groups(entries: Sequence[Json]) -> list[list[Json]]:
    """The entries about one thing together."""
    by_name: dict[object, list[Json]] = {}
    for each in entries:
        concept = subject(each)
        names: set[object] = set(codes(concept)) or {" ".join(words(concept).casefold().split())}
        for name in names:
            by_name.setdefault((each.get("resourceType"), name), []).append(each)
    return [group for group in by_name.values() if len(group) > 1]


def _moment(entry: Json) -> str:
    return text(entry, "effectiveDateTime") if entry.get("resourceType") == "Observation" else ""


def _says(entry: Json) -> list[object]:
    told: list[object] = []
    for name in _SAID:
        found = entry.get(name)
        concept = isinstance(found, dict) and "coding" in found
        told.append(sorted(codes(item(entry, name))) if concept else found)
    return [*told, [words(item(each, "code")) for each in items(entry, "component")]]
