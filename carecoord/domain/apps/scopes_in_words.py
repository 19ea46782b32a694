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
from carecoord.words.sentence import Sentence, Value, joined, sentence

_OBSERVATION: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CONDITION: Final = "http://terminology.hl7.org/CodeSystem/condition-category"

# type -> (what it is called, search argument, its value)
PARTS: Final[dict[str, tuple[tuple[Sentence, str, str], ...]]] = {
    "Observation": (
        (sentence("part.laboratory"), "category", f"{_OBSERVATION}|laboratory"),
        (sentence("part.vital-signs"), "category", f"{_OBSERVATION}|vital-signs"),
        (sentence("part.social-history"), "category", f"{_OBSERVATION}|social-history"),
        (sentence("part.surveys"), "category", f"{_OBSERVATION}|survey"),
    ),
    "Condition": (
        (sentence("part.problem-list"), "category", f"{_CONDITION}|problem-list-item"),
        (sentence("part.diagnoses"), "category", f"{_CONDITION}|encounter-diagnosis"),
        (sentence("part.health-concerns"), "category", "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"),
    ),
    "ServiceRequest": ((sentence("part.referrals"), "category", "http://snomed.info/sct|3457005"),),
    "Claim": ((sentence("part.prior-authorizations"), "use", "preauthorization"),),
    "ClaimResponse": ((sentence("part.decisions"), "use", "preauthorization"),),
    "DocumentReference": ((sentence("part.consultation-notes"), "type", "http://loinc.org|11488-4"),),
}
# Not the person's to decline: they say how the app was started, and permit nothing by themselves.
SILENT: Final = frozenset({"launch", "launch/patient", "launch/encounter"})
SPOKEN: Final[dict[str, tuple[Sentence, Value]]] = {
    "openid": (sentence("scope.openid"), sentence("scope.openid.more")),
    "fhirUser": (sentence("scope.fhirUser"), sentence("scope.fhirUser.more")),
    "profile": (sentence("scope.profile"), ""),
    "offline_access": (sentence("scope.offline"), sentence("scope.offline.more")),
    "online_access": (sentence("scope.online"), sentence("scope.online.more")),
}
CALLED: Final[dict[str, Sentence]] = {
    "*": sentence("type.any"),
    "Basic": sentence("type.Basic"),
    "Patient": sentence("type.Patient"),
    "RelatedPerson": sentence("type.RelatedPerson"),
    "Coverage": sentence("type.Coverage"),
    "Claim": sentence("type.Claim"),
    "ClaimResponse": sentence("type.ClaimResponse"),
    "ServiceRequest": sentence("type.ServiceRequest"),
    "DocumentReference": sentence("type.DocumentReference"),
    "Binary": sentence("type.Binary"),
    "MedicationRequest": sentence("type.MedicationRequest"),
    "AllergyIntolerance": sentence("type.AllergyIntolerance"),
    "FamilyMemberHistory": sentence("type.FamilyMemberHistory"),
}
_VERBS: Final[dict[str, Sentence]] = {
    "c": sentence("verb.add"),
    "u": sentence("verb.change"),
    "d": sentence("verb.delete"),
}


@dataclass(frozen=True)
class Line:
    """One thing to allow or decline: `value` is the scope itself, `says` what it permits, as a line begins with it;
    `parts` are narrower ones to give instead of it."""

    value: str
    says: Value
    more: Value = ""
    writes: bool = False
    parts: tuple["Line", ...] = ()


def lines(scopes: Sequence[Scope | Special]) -> tuple[Line, ...]:
    """What to ask the person about, in the order asked: who they are first, then the record."""
    special = [_special(scope) for scope in scopes if isinstance(scope, Special) and scope.name not in SILENT]
    return (*special, *(_resource(scope) for scope in scopes if isinstance(scope, Scope)))


def silent(scopes: Sequence[Scope | Special]) -> tuple[str, ...]:
    """The scopes that go along without a question."""
    return tuple(scope.name for scope in scopes if isinstance(scope, Special) and scope.name in SILENT)


def named(scope: str) -> tuple[Value, ...]:
    """What was granted."""
    return tuple(line.says for line in lines(parse(scope)))


def plural(type: str) -> Value:
    """What people call resources of a type; those that nobody has named are called as FHIR does: `care teams`."""
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
    verbs, what = _verbs(scope.perms), plural(scope.type)
    says = sentence("scope.permits", verbs=verbs, what=what)
    if scope.query:
        limit = tuple(_limit(scope.type, name, value) for name, value in scope.query)
        says = sentence("scope.permits.part", verbs=verbs, what=what, limit=limit)
    more = "" if scope.level == "patient" else sentence("scope.everybody")
    return Line(str(scope), says, more, bool(scope.perms & set("cud")), _parts(scope))


def _parts(scope: Scope) -> tuple[Line, ...]:
    if scope.type == "*":
        found = (replace(scope, type=type) for type in TYPES if _within(scope, type))
        return tuple(Line(str(part), plural(part.type)) for part in found if understands(part))
    if scope.query:
        return ()
    known = PARTS.get(scope.type, ())
    narrower = ((says, replace(scope, query=((name, value),), v1=False)) for says, name, value in known)
    return tuple(Line(str(part), says) for says, part in narrower)


def _within(scope: Scope, type: str) -> bool:
    """Whether a wildcard can mean the type: a patient's scope means the compartment and what is about nobody."""
    return scope.level != "patient" or type == "Patient" or type in roles.PUBLIC or bool(compartment(type))


def _limit(type: str, name: str, value: str) -> Value:
    known = {(argument, said): called for called, argument, said in PARTS.get(type, ())}
    return known.get((name, value)) or sentence("scope.limit", name=name, value=value.rpartition("|")[2])


def _verbs(perms: frozenset[str]) -> Value:
    found = [sentence("verb.read")] if perms & set("rs") else []
    found += [verb for letter, verb in _VERBS.items() if letter in perms]
    return joined([tuple(found[:-1]), found[-1]]) if len(found) > 1 else found[0]
