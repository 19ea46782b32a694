"""What an app asks for, in words, and the smaller permissions that a person may give instead. Pure.

Clause: SMART App Launch 2.2 scopes-and-launch-context.html; US Core 7 scopes.html names the categories of Condition and
Observation that every server must offer; the rest is ours by the same pattern.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from auth.scopes import Scope, Special, parse
from carecoord.domain.access import roles
from carecoord.domain.access.roles import understands
from carecoord.fhir.search.params import compartment
from carecoord.fhir.types import TYPES

_OBSERVATION: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CONDITION: Final = "http://terminology.hl7.org/CodeSystem/condition-category"

# type -> (what it is called, search argument, its value)
PARTS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "Observation": (
        ("laboratory results", "category", f"{_OBSERVATION}|laboratory"),
        ("vital signs", "category", f"{_OBSERVATION}|vital-signs"),
        ("social history", "category", f"{_OBSERVATION}|social-history"),
        ("surveys and assessments", "category", f"{_OBSERVATION}|survey"),
    ),
    "Condition": (
        ("problem list", "category", f"{_CONDITION}|problem-list-item"),
        ("diagnoses of a visit", "category", f"{_CONDITION}|encounter-diagnosis"),
        ("health concerns", "category", "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"),
    ),
    "ServiceRequest": (("referrals", "category", "http://snomed.info/sct|3457005"),),
    "Claim": (("prior authorizations", "use", "preauthorization"),),
    "ClaimResponse": (("decisions on prior authorizations", "use", "preauthorization"),),
    "DocumentReference": (("consultation notes", "type", "http://loinc.org|11488-4"),),
}
# Not the person's to decline: they say how the app was started, and permit nothing by themselves.
SILENT: Final = frozenset({"launch", "launch/patient", "launch/encounter"})
SPOKEN: Final = {
    "openid": ("Know that it is you", "Your account here, so that the app recognises you."),
    "fhirUser": ("Know who you are", "Your name and your entry in the directory."),
    "profile": ("Know your name", ""),
    "offline_access": ("Stay connected when you are away", "For up to 90 days, until you take it back."),
    "online_access": ("Stay connected while you work", "For up to 12 hours."),
}
CALLED: Final = {
    "*": "everything",
    "Basic": "notes and settings of its own",
    "Patient": "patient details",
    "RelatedPerson": "family and contacts",
    "Coverage": "insurance",
    "Claim": "claims and requests for authorization",
    "ClaimResponse": "payers' decisions",
    "ServiceRequest": "orders and referrals",
    "DocumentReference": "documents",
    "Binary": "files",
    "MedicationRequest": "prescriptions",
    "AllergyIntolerance": "allergies",
    "FamilyMemberHistory": "family history",
}
_VERBS: Final = {"c": "add", "u": "change", "d": "delete"}


@dataclass(frozen=True)
class Line:
    """One thing to allow or decline: `value` is the scope itself; `parts` are narrower ones to give instead of it."""

    value: str
    says: str
    more: str = ""
    writes: bool = False
    parts: tuple["Line", ...] = ()


def lines(scopes: Sequence[Scope | Special]) -> tuple[Line, ...]:
    """What to ask the person about, in the order asked: who they are first, then the record."""
    special = [_special(scope) for scope in scopes if isinstance(scope, Special) and scope.name not in SILENT]
    return (*special, *(_resource(scope) for scope in scopes if isinstance(scope, Scope)))


def silent(scopes: Sequence[Scope | Special]) -> tuple[str, ...]:
    """The scopes that go along without a question."""
    return tuple(scope.name for scope in scopes if isinstance(scope, Special) and scope.name in SILENT)


def named(scope: str) -> tuple[str, ...]:
    """What was granted, in words."""
    return tuple(line.says for line in lines(parse(scope)))


def plural(type: str) -> str:
    """What people call resources of a type: `service requests`."""
    if type in CALLED:
        return CALLED[type]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type).lower()
    if words.endswith("y") and words[-2] not in "aeiou":
        return words[:-1] + "ies"
    return words if words.endswith(("s", "care")) else words + "s"


def _special(scope: Special) -> Line:
    says, more = SPOKEN.get(scope.name, (scope.name, ""))
    return Line(scope.name, says, more)


def _resource(scope: Scope) -> Line:
    what = plural(scope.type)
    limit = ", ".join(_limit(scope.type, name, value) for name, value in scope.query)
    return Line(
        str(scope),
        f"{_verbs(scope.perms)} {what}{f': {limit}' if limit else ''}",
        "" if scope.level == "patient" else "Of everybody whose record you may see.",
        bool(scope.perms & set("cud")),
        _parts(scope),
    )


def _parts(scope: Scope) -> tuple[Line, ...]:
    if scope.type == "*":
        found = (replace(scope, type=type) for type in TYPES if _within(scope, type))
        return tuple(Line(str(part), _upper(plural(part.type))) for part in found if understands(part))
    if scope.query:
        return ()
    known = PARTS.get(scope.type, ())
    narrower = ((says, replace(scope, query=((name, value),), v1=False)) for says, name, value in known)
    return tuple(Line(str(part), _upper(says)) for says, part in narrower)


def _within(scope: Scope, type: str) -> bool:
    """Whether a wildcard can mean the type: a patient's scope means the compartment and what is about nobody."""
    return scope.level != "patient" or type == "Patient" or type in roles.PUBLIC or bool(compartment(type))


def _limit(type: str, name: str, value: str) -> str:
    known = {(argument, said): words for words, argument, said in PARTS.get(type, ())}
    return known.get((name, value)) or f"{name} {value.rpartition('|')[2]}"


def _verbs(perms: frozenset[str]) -> str:
    found = ["read"] if perms & set("rs") else []
    found += [verb for letter, verb in _VERBS.items() if letter in perms]
    return _upper(", ".join(found[:-1]) + " and " + found[-1] if len(found) > 1 else found[0])


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
