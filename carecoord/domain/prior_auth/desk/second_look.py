"""A denial takes two people of the payer: one proposes it, and a second looks at the same lines and decides. Until then
it is a Task of the payer's own, which carries the answer that is proposed, and nobody outside has been told anything.

Clauses: Da Vinci PAS 2.2.1, extension ClaimResponseReviewer (wasHumanReviewedFlag, reviewerNPI); CMS-0057-F (a specific
reason); 42 CFR 422.566(d) (a physician or other fitting professional reviews a denial); FHIR R4 Task.focus."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from carecoord.domain.prior_auth.review_action import decided
from carecoord.domain.resource.codes import CANONICAL, PAS, has
from carecoord.domain.resource.elements import Json, extension, extensions, items, text, whole
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

CODE: Final = (f"{CANONICAL}/CodeSystem/authorization-step", "second-look")
REVIEWER: Final = f"{PAS}/extension-claimResponseReviewer"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_SET_BY_SERVER: Final = ("id", "meta", "created", "extension")


def proposed(id: str, claim: str, payer: Json, answer: Json, now: datetime, due: datetime | None) -> Json:
    """The Task by which a second person of the payer (a Reference) is asked to look at an answer to a request
    (`Claim/id`). due: the payer's own clock."""
    until = {"restriction": {"period": {"end": due.isoformat(timespec="seconds")}}} if due else {}
    return {
        "resourceType": "Task",
        "id": id,
        "contained": [answer | {"id": "answer"}],
        "status": "requested",
        "intent": "proposal",
        "code": {"coding": [{"system": CODE[0], "code": CODE[1]}]},
        "focus": {"reference": claim},
        "authoredOn": now.isoformat(timespec="seconds"),
        "lastModified": now.isoformat(timespec="seconds"),
        "requester": payer,
        "owner": payer,
        **until,
        "input": [{"type": {"text": "Answer"}, "valueReference": {"reference": "#answer"}}],
    }


def looked_at(task: Json, who: Json, agreed: bool, words: str, now: datetime) -> Json:
    """The Task once a second person (a Reference) has looked. Raises Conflict where somebody has already."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.somebody-has-looked-at-this"), "http.act")
    note = [{"type": {"text": "Note"}, "valueString": words}] if words else []
    return task | {
        "status": "completed" if agreed else "rejected",
        "lastModified": now.isoformat(timespec="seconds"),
        "output": [{"type": {"text": "Looked at by"}, "valueReference": who}, *note],
    }


def is_proposal(task: Json) -> bool:
    """Whether a Task asks for a second look."""
    return has({"coding": items(task.get("code") or {}, "coding")}, *CODE)


def answer(task: Json) -> Json:
    """The answer that is proposed; empty where a Task carries none."""
    held = (each for each in items(task, "contained") if each.get("resourceType") == "ClaimResponse")
    return next(({k: v for k, v in each.items() if k not in _SET_BY_SERVER} for each in held), {})


def denied(told: Json) -> list[Json]:
    """The lines of an answer that are denied; the answer itself where it has no lines and denies."""
    lines = [each for name in ("item", "addItem") for each in items(told, name)]
    if not lines:
        return [told] if decided(told, {}) == "denied" else []
    return [each for each in lines if decided(told, each) == "denied"]


def newly_denied(before: Json, after: Json) -> list[Json]:
    """The denied lines of an active answer that the version before did not deny."""
    if text(after, "status") != "active":
        return []
    old = {whole(each, "itemSequence") for each in denied(before)} if text(before, "status") == "active" else set()
    return [each for each in denied(after) if whole(each, "itemSequence") not in old]


def covers(task: Json, lines: Iterable[Json]) -> bool:
    """Whether a Task that was not turned down proposes these very lines."""
    if not is_proposal(task) or text(task, "status") not in ("requested", "completed"):
        return False
    offered = denied(answer(task))
    return all(each in offered for each in lines)


def reviewer(npi: str) -> Json:
    """The extension that says that a human looked, and who: `npi` empty where they have none."""
    who = [{"url": "reviewerNPI", "valueIdentifier": {"system": _NPI, "value": npi}}] if npi else []
    return {"url": REVIEWER, "extension": [{"url": "wasHumanReviewedFlag", "valueBoolean": True}, *who]}


def unreviewed() -> Json:
    """The extension that says that no human looked."""
    return {"url": REVIEWER, "extension": [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]}


def human(told: Json) -> bool | None:
    """Whether an answer says that a human reviewed it; None where it says nothing."""
    flags = [extension(each, "wasHumanReviewedFlag").get("valueBoolean") for each in extensions(told, REVIEWER)]
    return None if not flags else all(flag is True for flag in flags)
