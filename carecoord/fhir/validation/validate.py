"""The judge of what comes in: is it valid FHIR R4?

Clause: FHIR R4 validation.html (structure, cardinality, value domains, required bindings, invariants). One judge
decides what is stored: the official 4.0.1 structure with its required bindings, reference targets and invariants
(structure.py). The R4B models of fhir.resources are a second opinion, for who asks $validate and for the tests that
hold both to one answer. The models are of 4.3.0, so where R4B departs from 4.0.1 the 4.0.1 definitions decide:
extensions (R4B lets them hold other datatypes), PlanDefinition.subjectCanonical and ActivityDefinition.subjectCanonical
(only R4B has them), UUIDs and URLs (the models take version 4 and a few schemes only).
"""

from typing import Any

from carecoord.errors import Invalid, Issue, Unprocessable
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.structure import walk


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
    return walk(resource, type_)


def second_opinion(resource: dict[str, Any]) -> list[Issue]:
    """What the R4B model finds wrong in a resource that has no `issues`, ten times as dear as these."""
    from carecoord.fhir.validation import models  # takes a quarter of a second: not before somebody asks

    return models.issues(resource, resource["resourceType"])
