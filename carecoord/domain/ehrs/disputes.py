"""What is in dispute between an EHR and us, as a case tells it: in a sentence, and with the gate that it touches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from carecoord.domain.ehrs.merge import WHOLE
from carecoord.domain.gates.gate import GateName
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, text, words
from carecoord.words.sentence import Sentence, Value, sentence

Json = dict[str, Any]

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")

# What a visit stands or falls with; what else of it is in dispute is a matter of the case.
_VISIT: Final = frozenset({"status", "start", "participant", WHOLE})
_DECISION: Final = frozenset({"status", "item", "outcome", "preAuthRef", "preAuthPeriod", "error", WHOLE})
_NAMED: Final = {
    "Task": sentence("dispute.type.Task"),
    "ServiceRequest": sentence("dispute.type.ServiceRequest"),
    "Appointment": sentence("dispute.type.Appointment"),
    "Communication": sentence("dispute.type.Communication"),
    "DocumentReference": sentence("dispute.type.DocumentReference"),
    "Patient": sentence("dispute.type.Patient"),
    "Coverage": sentence("dispute.type.Coverage"),
}


@dataclass(frozen=True)
class Disputed:
    """An element that the EHR called `ehr` and we have changed differently; ours, theirs: the elements that go together
    as each side has them, empty where it has none, or has deleted the resource (element `*`)."""

    ehr: str
    type: str
    id: str
    element: str
    ours: Json
    theirs: Json

    @property
    def key(self) -> str:
        """`Type/id` of ours."""
        return f"{self.type}/{self.id}"


def gate(one: Disputed) -> GateName:
    """The gate that the dispute touches."""
    if one.type == "Appointment" and one.element in _VISIT:
        return "appointment"
    if one.type in ("Claim", "ClaimResponse") and one.element in _DECISION:
        return "authorization"
    return "loop"


def of_case(disputes: Iterable[Disputed], held: Iterable[str], patient: str) -> tuple[Disputed, ...]:
    """Those that concern a case: of what it is made of (`Type/id`), of its patient, and of what was deleted here and
    would perhaps be part of it."""
    mine = {*held, f"Patient/{patient}"}
    return tuple(one for one in disputes if one.key in mine or (one.element == WHOLE and not one.ours))


def told(one: Disputed, zone: tzinfo) -> Sentence:
    """The dispute in a sentence."""
    what = named(one.type)
    if one.element == WHOLE and not one.theirs:
        return sentence("dispute.deleted-there", ehr=one.ehr, what=what)
    if one.element == WHOLE and not one.ours:
        return sentence("dispute.deleted-here", ehr=one.ehr, what=what)
    theirs, ours = (value(side, zone) for side in (one.theirs, one.ours))
    return sentence("dispute.differ", ehr=one.ehr, what=what, element=one.element, theirs=theirs, ours=ours)


def named(type: str) -> Sentence:
    """What people call a resource of this type."""
    return _NAMED.get(type) or sentence("dispute.type.other", type=type)


def value(side: Json, zone: tzinfo) -> Value:
    """What one side has, as it reads; a value that no words are kept for as it is written."""
    said = [_spoken(each, zone) for name, each in side.items() if not name.startswith("_")]
    return tuple(each for each in said if each != "") or sentence("dispute.nothing")


def _spoken(value: Any, zone: tzinfo) -> Value:
    if isinstance(value, str):
        at = moment(value, zone) if _INSTANT.match(value) else None
        return at.astimezone(zone) if at else value
    if isinstance(value, list):
        return _listed([_spoken(each, zone) for each in value])
    if not isinstance(value, dict):
        return str(value)
    named = words(value) or text(value, "display") or text(value, "value") or text(value, "reference")
    inner = item(value, "actor") or item(value, "content")
    return named or (_spoken(inner, zone) if inner else _listed([_spoken(each, zone) for each in value.values()]))


def _listed(said: Sequence[Value]) -> Value:
    found = tuple(each for each in said if each != "")
    return found[0] if len(found) == 1 else found or ""
