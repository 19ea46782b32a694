"""The R4B models of fhir.resources as judges. See validate.py for where they depart from R4.

They judge no extensions, which structure.py has done by 4.0.1: R4B lets them hold other datatypes, and going through
the fifty choices of each takes half the time of a Patient.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from carecoord.errors import Issue

# The beginnings of what only the models refuse: UUIDs and URLs, and a required choice given by extensions alone, which
# extensibility.html#Special-Case allows.
_R4B_ONLY = ("uuid", "url", "value_error: Value error, Expect any of field value")

_MUTE = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_RESHAPED = {"Evidence", "EvidenceVariable"}  # changed in R4B beyond recognition: 4.0.1 judges them alone


def issues(resource: dict[str, Any], type_: str) -> list[Issue]:
    """What the R4B model says of a resource whose structure is good. One within another has its own model."""
    return [issue for where, part in _parts(resource, type_) for issue in _judged(part, where)]


def _judged(part: dict[str, Any], where: str) -> list[Issue]:
    model = _model(part["resourceType"])
    return _refusals(model, part, where) if model else []


def _parts(resource: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A resource without those within it, and each of these, in a Bundle as deep as they stand."""
    own = {name: value for name, value in resource.items() if name != "contained"}
    if resource["resourceType"] == "Bundle" and "entry" in own:
        own["entry"] = [{name: value for name, value in each.items() if name != "resource"} for each in own["entry"]]
        for n, each in enumerate(resource["entry"]):
            if "resource" in each:
                yield from _parts(each["resource"], f"{where}.entry[{n}].resource")
    yield where, own
    yield from ((f"{where}.contained[{n}]", part) for n, part in enumerate(resource.get("contained", ())))


def _refusals(model: type[BaseModel], resource: dict[str, Any], where: str) -> list[Issue]:
    try:
        model.model_validate(_without_extensions(resource))
    except ValidationError as refusal:
        faults = refusal.errors(include_url=False, include_context=False, include_input=False)
        return [
            Issue("error", "invalid", f"{fault['msg']}.", _expression(where, fault["loc"]))
            for fault in faults
            if not f"{fault['type']}: {fault['msg']}".startswith(_R4B_ONLY)
        ]
    return []


def _without_extensions(value: Any) -> Any:
    """What the models judge. Beside a primitive (`_status`) one stays that says nothing: it may stand for a required
    value."""
    if value.__class__ is dict:
        return {
            name: _bare(inner) if name[0] == "_" else _without_extensions(inner)
            for name, inner in value.items()
            if name not in ("extension", "modifierExtension")
        }
    return [_without_extensions(item) for item in value] if value.__class__ is list else value


def _bare(beside: Any) -> Any:
    if beside.__class__ is list:
        return [_bare(each) for each in beside]
    return beside if beside is None or "extension" not in beside else {**beside, "extension": [_MUTE]}


def _expression(where: str, location: tuple[int | str, ...]) -> str:
    return where + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


@cache
def _model(type_: str) -> type[BaseModel] | None:
    """The R4B model of a type; none of those that R4B dropped or gave another shape."""
    if type_ in _RESHAPED:
        return None
    try:
        model: type[BaseModel] = get_fhir_model_class(type_)
    except ValueError:
        return None
    return model
