"""The judge of what comes in: is it valid FHIR R4?

Clause: FHIR R4 validation.html (structure, cardinality, value domains, required bindings). Two judges must agree: the
official 4.0.1 structure with its required bindings (structure.py) and the R4B models of fhir.resources. The models
are of 4.3.0, so where R4B departs from 4.0.1 the 4.0.1 definitions decide: extensions (R4B lets them hold other
datatypes), PlanDefinition.subjectCanonical and ActivityDefinition.subjectCanonical (only R4B has them), UUIDs and URLs
(the models take version 4 and a few schemes only).
"""

from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from carecoord.errors import Invalid, Issue, Unprocessable
from carecoord.fhir.structure import walk
from carecoord.fhir.types import TYPES

# The beginnings of what only the models refuse: UUIDs and URLs, and a required choice given by extensions alone, which
# extensibility.html#Special-Case allows.
_R4B_ONLY = ("uuid", "url", "value_error: Value error, Expect any of field value")


def judge(resource: Any, type: str | None = None) -> None:
    """Let a valid resource pass. Raises Invalid (400) for what is no resource of ours or not of the `type` wanted, and
    Unprocessable (422) with every issue for one that breaks the rules. Raises nothing else for any JSON value."""
    found = issues(resource)
    given = resource.get("resourceType") if isinstance(resource, dict) else None
    if found and (not isinstance(given, str) or given not in TYPES):
        raise Invalid(found[0].text, found[0].where, issues=found)
    if type is not None and given != type:
        raise Invalid(f"This address takes a {type}, not a {given}.", "resourceType")
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Unprocessable(f"{found[0].text}{more}", found[0].where, issues=found)


def issues(resource: Any) -> list[Issue]:
    """Everything that is wrong with a resource, each with its FHIRPath expression; nothing when it is valid."""
    if not isinstance(resource, dict):
        return [Issue("error", "structure", "A resource must be a JSON object.")]
    type_ = resource.get("resourceType")
    if not isinstance(type_, str):
        return [Issue("error", "required", "resourceType is missing and must be given.", "resourceType")]
    if type_ not in TYPES:
        text = f"{type_[:60]!r} is not a resource type of this server."
        return [Issue("error", "not-supported", text, "resourceType")]
    return walk(resource, type_) or _second_opinion(resource, type_)


def _second_opinion(resource: dict[str, Any], type_: str) -> list[Issue]:
    """What the R4B model says of a resource whose structure is good. A contained resource has its own model."""
    found = []
    own = {name: value for name, value in resource.items() if name != "contained"}
    inner = resource.get("contained", ())
    parts = [(type_, own), *((f"{type_}.contained[{n}]", part) for n, part in enumerate(inner))]
    for where, part in parts:
        model = _model(part["resourceType"])
        if model:
            found += _refusals(model, part, where)
    return found


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
    """What the models judge. Those beside a primitive (`_status`) stay: they may stand for a required value."""
    if value.__class__ is dict:
        return {
            name: inner if name[0] == "_" else _without_extensions(inner)
            for name, inner in value.items()
            if name not in ("extension", "modifierExtension")
        }
    return [_without_extensions(item) for item in value] if value.__class__ is list else value


def _expression(where: str, location: tuple[int | str, ...]) -> str:
    return where + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


@cache
def _model(type_: str) -> type[BaseModel] | None:
    """The R4B model of a type; none of those that R4B dropped. Importing them takes a quarter of a second, so not
    before the first write."""
    from fhir.resources.R4B import get_fhir_model_class

    try:
        model: type[BaseModel] = get_fhir_model_class(type_)
    except ValueError:
        return None
    return model
