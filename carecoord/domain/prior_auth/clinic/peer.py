"""A talk of two clinicians about a denial (peer-to-peer): asked for by the clinic, held at an hour, with what came of
it. It is a Task about the request; a decision that changes is another answer of the payer. Pure.

Clauses: FHIR R4 task.html (focus, executionPeriod, output); prior-auth.md 5 (peer-to-peer is a state of its own while
its window is open)."""

from datetime import datetime
from typing import Final, Literal, get_args

from carecoord.domain.resource.codes import CANONICAL, has
from carecoord.domain.resource.elements import Json, item, items, key, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

CODE: Final = (f"{CANONICAL}/CodeSystem/authorization-step", "peer-to-peer")
Result = Literal["will-overturn", "will-change", "upheld", "not-held"]
RESULTS: Final[tuple[Result, ...]] = get_args(Result)
_RESULTS: Final = f"{CANONICAL}/CodeSystem/peer-to-peer-result"


def asked(id: str, claim: Json, office: Json, *, who: str, at: datetime | None, now: datetime) -> Json:
    """The Task by which a talk is asked for. who: the clinician who will talk; at: the hour that was given, None where
    none was yet."""
    hour = {"executionPeriod": {"start": at.isoformat(timespec="seconds")}} if at else {}
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": CODE[0], "code": CODE[1]}]},
        "focus": {"reference": key(claim)},
        "for": item(claim, "patient"),
        "authoredOn": now.isoformat(timespec="seconds"),
        "lastModified": now.isoformat(timespec="seconds"),
        "requester": office,
        **({"owner": item(claim, "insurer")} if item(claim, "insurer") else {}),
        **hour,
        "input": [{"type": {"text": "Clinician"}, "valueString": who}],
    }


def held(task: Json, *, result: Result, words: str, now: datetime) -> Json:
    """The Task once the talk was held, or came to nothing. Raises Conflict where that was written down already."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.peer-held-already"), "http.act")
    said = {"coding": [{"system": _RESULTS, "code": result}], "text": words or result}
    return task | {
        "status": "failed" if result == "not-held" else "completed",
        "lastModified": now.isoformat(timespec="seconds"),
        "output": [{"type": {"text": "Result"}, "valueCodeableConcept": said}],
    }


def is_talk(task: Json) -> bool:
    """Whether a Task is such a talk."""
    return has(item(task, "code"), *CODE)


def result(task: Json) -> tuple[str, str]:
    """(of RESULTS, the words) of what came of it; empty where nothing has yet."""
    for each in items(task, "output"):
        said = item(each, "valueCodeableConcept")
        for coding in items(said, "coding"):
            if text(coding, "system") == _RESULTS:
                return text(coding, "code"), text(said, "text")
    return "", ""


def clinician(task: Json) -> str:
    """Who talks for the clinic."""
    return next((said for each in items(task, "input") if (said := text(each, "valueString"))), "")
