"""Whose word counts for which element when an EHR and we have both changed it: one table, which an EHR may override.

Ownership decides nothing while only one side has changed an element: then that side's change stands, whoever owns it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from carecoord.errors import Invalid

Owner = Literal["ours", "theirs", "either"]
OWNERS: Final[frozenset[str]] = frozenset(get_args(Owner))

ALL: Final = "*"  # every element of a type, or every type, for which nothing more exact is said

# Where it says "either" or "ours", what we have stays until the conflict is settled; where it says "theirs", what the
# EHR has. A clinic's calendar is the EHR's; whether a patient comes is heard first by whoever speaks with them.
TABLE: Final[Mapping[str, Mapping[str, Owner]]] = MappingProxyType(
    {
        ALL: {ALL: "theirs"},
        "Task": {ALL: "either", "for": "theirs", "focus": "theirs", "authoredOn": "theirs"},
        "ServiceRequest": {
            ALL: "theirs",
            "status": "either",
            "performer": "either",
            "locationReference": "either",
            "insurance": "either",
            "supportingInfo": "either",
            "note": "either",
        },
        "Appointment": {ALL: "theirs", "status": "either", "comment": "either", "patientInstruction": "either"},
        "Communication": {ALL: "either", "subject": "theirs"},
        "Patient": {ALL: "theirs", "link": "either"},
        "CommunicationRequest": {ALL: "either", "subject": "theirs"},
        "DocumentReference": {ALL: "theirs", "status": "either", "description": "either", "context": "either"},
        "Claim": {ALL: "either"},
        "Contract": {ALL: "ours"},
        "OrganizationAffiliation": {ALL: "ours"},
        "InsurancePlan": {ALL: "ours"},
    }
)


def owner(type: str, element: str, overrides: Mapping[str, str] = MappingProxyType({})) -> Owner:
    """Whose word counts for an element of a type. `overrides`: of one EHR, as `Task.status`, `Task.*` or `*`."""
    for name in (f"{type}.{element}", f"{type}.{ALL}", ALL):
        if name in overrides:
            return checked(name, overrides[name])
    rows = TABLE.get(type, TABLE[ALL])
    return rows.get(element, rows[ALL])


def checked(name: str, said: str) -> Owner:
    """An override's value. Raises Invalid for one that is none of the three."""
    match said:
        case "ours" | "theirs" | "either":
            return said
    raise Invalid(f"{name}={said}: who owns it is one of {', '.join(sorted(OWNERS))}.")
