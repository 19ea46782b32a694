"""Steps of a payer's desk beside the state of a request, each a Task of the payer's own about the Claim: the medical
director is asked, what a rule approved is looked at by a person, a decision is held for a while before it leaves.
Nobody outside has been told anything by them.

Clauses: FHIR R4 Task.focus; 42 CFR 422.566(d) (a physician or other fitting professional reviews a denial)."""

from datetime import datetime
from typing import Final, Literal

from carecoord.domain.prior_auth.desk.second_look import CODE
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

StepKind = Literal["director", "sample", "held"]
KINDS: Final[dict[StepKind, tuple[str, str]]] = {
    "director": (CODE[0], "medical-director"),
    "sample": (CODE[0], "look-over"),
    "held": (CODE[0], "held-decision"),
}


def asked(id: str, kind: StepKind, claim: Json, words: str, now: datetime) -> Json:
    """The Task that opens a step of the payer of a Claim. words: what is asked, or why."""
    at = now.isoformat(timespec="seconds")
    system, code = KINDS[kind]
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "proposal",
        "code": {"coding": [{"system": system, "code": code}]},
        "focus": {"reference": f"Claim/{claim['id']}"},
        "authoredOn": at,
        "lastModified": at,
        "requester": item(claim, "insurer"),
        "owner": item(claim, "insurer"),
        **({"description": words} if words else {}),
    }


def closed(task: Json, who: Json, words: str, now: datetime) -> Json:
    """The Task once somebody (a Reference) has said what there is. Raises Conflict where somebody already has."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.somebody-has-looked-at-this"), "http.act")
    return task | {
        "status": "completed",
        "lastModified": now.isoformat(timespec="seconds"),
        "output": [
            {"type": {"text": "Reviewer"}, "valueReference": who},
            {"type": {"text": "Note"}, "valueString": words},
        ],
    }


def kind_of(task: Json) -> StepKind | None:
    """Which step a Task is; None for another."""
    codings = items(task.get("code") or {}, "coding")
    said = {(text(each, "system"), text(each, "code")) for each in codings}
    return next((kind for kind, code in KINDS.items() if code in said), None)


def open_(task: Json) -> bool:
    """Whether a step still waits."""
    return text(task, "status") == "requested"


def note(task: Json) -> str:
    """What was said when a step was done."""
    return next((text(each, "valueString") for each in items(task, "output") if text(each, "valueString")), "")
