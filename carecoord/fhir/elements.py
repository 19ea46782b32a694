"""Parts of a resource: `_elements` and `_summary`.

Clause: FHIR R4 search.html#elements, #summary. What is mandatory or a modifier comes along whether asked for or not,
and meta.tag says SUBSETTED, so that nobody takes the part for the whole and writes it back.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from carecoord.errors import Invalid
from carecoord.fhir.definitions import read

MODES = ("true", "text", "data", "count", "false")  # `count` means no entries at all, which is the search's to do

_ALWAYS = frozenset({"resourceType", "id", "meta"})
_MARK = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


def elements(resource: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The resource with only these of its top elements (`name`, or `value` for valueQuantity, or `Patient.name`).
    Raises Invalid for a name that its type does not have."""
    table = _table(resource["resourceType"])
    wanted = {name.rpartition(".")[2] for name in names}
    known = table.keys() | {row[5] for row in table.values()}
    if strangers := wanted - known - {"resourceType"}:
        listed = ", ".join(sorted(strangers))
        raise Invalid(f"_elements: {resource['resourceType']} has no element {listed}.", "http._elements")
    keep = _needed(resource["resourceType"]) | {name for name, row in table.items() if wanted & {name, row[5]}}
    return marked({name: value for name, value in resource.items() if name.removeprefix("_") in keep})


def summary(resource: dict[str, Any], mode: str) -> dict[str, Any]:
    """The resource as `_summary` wants it: `true` (summary elements only, within backbone elements too), `text` (the
    narrative), `data` (all but the narrative), `false` (as it is). Raises Invalid for another mode."""
    type_ = resource["resourceType"]
    if mode not in MODES:
        raise Invalid(f"_summary must be one of {', '.join(MODES)}, not {mode[:60]!r}.", "http._summary")
    if mode == "true":
        return marked(_short(resource, type_))
    if mode == "text":
        keep = _needed(type_) | {"text"}
        return marked({name: value for name, value in resource.items() if name.removeprefix("_") in keep})
    if mode == "data":
        return marked({name: value for name, value in resource.items() if name != "text"})
    return resource


def _short(value: Any, owner: str) -> Any:
    """The summary of an element or of a list of them, nothing left of one without summary elements."""
    if isinstance(value, list):
        return [short for item in value if (short := _short(item, owner))]
    if not isinstance(value, dict):
        return value
    keep, backbones = _summarized(owner)
    part = {name: inner for name, inner in value.items() if name.removeprefix("_") in keep}
    for name in part.keys() & backbones.keys():
        part[name] = _short(part[name], backbones[name])
    kept = {name: inner for name, inner in part.items() if inner or name not in backbones}
    return {} if kept.keys() == {"id"} else kept  # an id is no content (ele-1)


@cache
def _summarized(owner: str) -> tuple[frozenset[str], dict[str, str]]:
    """The summary elements of a type or backbone element, and the paths of those that are backbone elements."""
    table = _table(owner)
    keep = {name for name, row in table.items() if row[1] or row[3]}
    keep |= _ALWAYS if "." not in owner else {"id", "extension"}
    return frozenset(keep), {name: row[0] for name, row in table.items() if "." in row[0]}


@cache
def _needed(type_: str) -> frozenset[str]:
    return _ALWAYS | {name for name, row in _table(type_).items() if row[1] or "m" in row[3]}


def _table(owner: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = read("structures")["elements"][owner]
    return found


def is_part(resource: dict[str, Any]) -> bool:
    """Whether a resource says that it is only a part of itself."""
    meta = resource.get("meta")
    tags = meta.get("tag", ()) if isinstance(meta, dict) else ()
    return any(tag.get("code") == _MARK["code"] for tag in tags)


def marked(part: dict[str, Any]) -> dict[str, Any]:
    """A part of a resource, marked as one."""
    meta = part.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != _MARK["code"]]
    return {**part, "meta": {**meta, "tag": [*tags, _MARK]}}
