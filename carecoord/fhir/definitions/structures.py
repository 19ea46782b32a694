"""Trim the official structure definitions to one flat table of elements, for trim.py.

The table: {owner: {property: [datatype, least, most, flags, binding, choice]}}. An owner is a resource type, a datatype
or a backbone element by its path ("Patient.contact"), and so is a datatype. `most` is 1 or 0 for any number. flags: "s"
isSummary, "m" isModifier. `binding` names a required value set or is null. `choice` is the [x] group ("value") or is
null: each type of a choice has its own property (valueQuantity), and `least` then speaks of the group.
"""

from typing import Any

Element = list[Any]
Table = dict[str, dict[str, Element]]

# The package has additions of its own among HL7's elements: these are the ones in datatypes and in types of ours.
_NOT_HL7S = {"Meta": ("account", "accounts", "author", "compartment", "onBehalfOf", "project"), "Binary": ("url",)}

_SAME = {"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}
_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def table(definition: dict[str, Any]) -> Table:
    """The elements of one structure definition, by owner."""
    out: Table = {}
    for element in definition["snapshot"]["element"]:
        owner, _, name = element["path"].rpartition(".")
        if owner:
            out.setdefault(owner, {}).update(_rows(element, name))
    for name in _NOT_HL7S.get(definition["type"], ()):
        out[definition["type"]].pop(name, None)
    if definition["kind"] == "resource":
        out[definition["type"]]["id"][0] = "id"  # declared as a FHIRPath string; resource.html#id says id
    return out


def _rows(element: dict[str, Any], name: str) -> dict[str, Element]:
    flags = ("s" if element.get("isSummary") else "") + ("m" if element.get("isModifier") else "")
    least, most = element["min"], 0 if element["max"] == "*" else int(element["max"])
    rows = {}
    for datatype in datatypes(element):
        choice = name.removesuffix("[x]") if name.endswith("[x]") else None
        property_ = choice + datatype[0].upper() + datatype[1:] if choice else name
        rows[property_] = [datatype, least, most, flags, _binding(element, datatype), choice]
    return rows


def datatypes(element: dict[str, Any]) -> list[str]:
    """The datatypes that an element may have, each by its owner in the table."""
    if "contentReference" in element:
        return [element["contentReference"].removeprefix("#")]
    return [_datatype(element, kind) for kind in element["type"]]


def _datatype(element: dict[str, Any], kind: dict[str, Any]) -> str:
    code: str = kind["code"]
    if code in ("BackboneElement", "Element"):
        return str(element["path"])
    for extension in kind.get("extension", ()):
        if extension["url"] == _TYPE:  # ids and urls are declared as FHIRPath strings, and annotated
            code = extension["valueUrl"]
    return _SAME.get(code, code)


def _binding(element: dict[str, Any], datatype: str) -> str | None:
    binding = element.get("binding", {})
    bound = binding.get("strength") == "required" and datatype in ("code", "Coding", "CodeableConcept", "Quantity")
    return str(binding["valueSet"]).split("|")[0] if bound and "valueSet" in binding else None
