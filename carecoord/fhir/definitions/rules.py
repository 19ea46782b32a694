"""Trim the official structure definitions to what they say beyond structure, for trim.py: the invariants that are
errors, and what a reference may point at.

Invariants: {place: [[key, human, expression]]}. A place is an owner as in structures.py ("Period", "Patient.contact"),
then the expression's context is an object of it; or an owner and a property behind a colon ("Organization:address"),
then it is that element's value. "DomainResource" stands for every type that can contain others. Left out is what a
snapshot repeats at each element: ele-1, and ext-1 but at Extension itself.

Targets: {owner: {property: [types]}} of each element that is a Reference; none of one that may point at anything.
"""

from typing import Any

from carecoord.fhir.definitions.structures import datatypes

Invariants = dict[str, list[list[str]]]
Targets = dict[str, dict[str, list[str]]]

_EVERYWHERE = {"ele-1"}  # of every element: the walk of the structure knows it by itself
_BASE = "http://hl7.org/fhir/StructureDefinition/"


def invariants(definition: dict[str, Any]) -> Invariants:
    """What one structure definition marks as errors."""
    out: Invariants = {}
    for element in definition["snapshot"]["element"]:
        for rule in element.get("constraint", ()):
            place = _place(element, rule, definition)
            if rule["severity"] == "error" and rule["key"] not in _EVERYWHERE and place:
                for each in place:
                    out.setdefault(each, []).append([rule["key"], rule["human"], rule["expression"]])
    return out


def _place(element: dict[str, Any], rule: dict[str, Any], definition: dict[str, Any]) -> list[str]:
    path: str = element["path"]
    owner, _, name = path.rpartition(".")
    if rule["key"] == "ext-1":
        return [path] if path == "Extension" else []
    if rule["key"].startswith("dom-"):
        return ["DomainResource"] if definition["type"] == "Patient" else []
    kinds = datatypes(element) if owner else [path]
    if kinds == [path]:
        return [path]
    stem = name.removesuffix("[x]")
    names = [stem + kind[0].upper() + kind[1:] if name.endswith("[x]") else stem for kind in kinds]
    return [f"{owner}:{each}" for each in names]


def targets(definition: dict[str, Any]) -> Targets:
    """The types that each reference of one structure definition may point at."""
    out: Targets = {}
    for element in definition["snapshot"]["element"]:
        owner, _, name = element["path"].rpartition(".")
        for kind in element.get("type", ()):
            types = sorted(profile.removeprefix(_BASE) for profile in kind.get("targetProfile", ()))
            if kind["code"] == "Reference" and types and "Resource" not in types:
                property_ = name.replace("[x]", "Reference")
                out.setdefault(owner, {})[property_] = types
    return out
