"""$validate: would this be taken? By the judge of every write, and the table of who may do what.

Clause: FHIR R4 resource-operation-validate.html. The answer is an OperationOutcome whatever it says. An error is what a
write would be refused for; what a second judge alone doubts is a warning.
"""

from dataclasses import replace
from typing import Any, Final

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.fhir.read import demand_type, known
from carecoord.errors import Gone, Invalid, Issue, Problem
from carecoord.fhir import text
from carecoord.fhir.outcome import outcome
from carecoord.fhir.validation.validate import issues, second_opinion
from carecoord.world import World

MODES: Final = {"create": "c", "update": "u", "delete": "d"}
_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"


def validate(
    world: World,
    asker: Asker,
    type: str,
    id: str | None,
    resource: Any,
    *,
    mode: str | None = None,
    profile: str | None = None,
    request: str = "",
) -> dict[str, Any]:
    """The OperationOutcome. id: of the resource that it is asked of. resource: what is to be judged; None: that one as
    it is stored. mode: create, update or delete, which also asks whether this access might.

    Raises Invalid for a mode that is none or without anything to judge, NotFound, Gone, Forbidden.
    """
    if mode not in (None, *MODES):
        raise Invalid(f"mode is one of {', '.join(MODES)}, not {mode!r}.", "http.mode")
    with looking(world, asker, request) as turn, noted(turn, "validate", type, id) as shown:
        demand_type(type)
        if id is not None:
            row = turn.told(known(turn, type, id))
            if row.deleted:
                raise Gone(f"{type}/{id} has been deleted.")
            shown.append(row.patient)
            resource = text.loads(row.body) if resource is None else resource
        found = _permitted(turn, type, id, mode)
        if mode != "delete":
            if resource is None:
                raise Invalid("Send the resource to judge, by itself or as the parameter `resource`.", "http.body")
            found += _judged(resource, type, id if mode == "update" else None, profile)
        return outcome(found)


def _judged(resource: Any, type: str, id: str | None, profile: str | None) -> list[Issue]:
    found = issues(resource) or [replace(doubt, severity="warning") for doubt in second_opinion(resource)]
    given = resource.get("resourceType") if isinstance(resource, dict) else None
    if given != type and isinstance(given, str):
        found.append(Issue("error", "invalid", f"This address takes a {type}, not a {given[:80]}.", "resourceType"))
    if id is not None and isinstance(resource, dict) and resource.get("id") != id:
        found.append(Issue("error", "invalid", f"An update must have the id of its address, {id!r}.", f"{type}.id"))
    named = resource.get("meta", {}) if isinstance(resource, dict) else {}
    claimed = named.get("profile", ()) if isinstance(named, dict) else ()
    for url in dict.fromkeys([*([profile] if profile else []), *(claimed if isinstance(claimed, list) else ())]):
        if isinstance(url, str) and url.partition("|")[0] != f"{_BASE}{type}":
            words = f"The profile {url[:200]} is not known here: judged by the base definition of {type} alone."
            found.append(Issue("warning", "not-supported", words, f"{type}.meta.profile"))
    return found


def _permitted(turn: Turn, type: str, id: str | None, mode: str | None) -> list[Issue]:
    """Why this access might not do it."""
    if mode is None:
        return []
    perm = MODES[mode]
    try:
        if id is None or mode == "create":
            turn.demand(type, perm)
        else:
            turn.demand_row(known(turn, type, id), perm)
    except Problem as problem:
        return list(problem.all_issues())
    return []
