"""A decision that was made and has not left the house: for a while whoever made it can take it back. Until it leaves it
is a Task of the payer's own, which carries the answer and the papers that are asked for, and nobody outside has been
told anything. What is urgent is not held, nor what would miss its clock by it.

Clauses: FHIR R4 Task.focus, Task.restriction; CMS-0057-F (the clock runs until the decision is told)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from carecoord.domain.prior_auth.desk.second_look import CODE
from carecoord.domain.prior_auth.desk.steps import kind_of
from carecoord.domain.resource.codes import has
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

HOLD: Final = timedelta(minutes=15)
STUCK: Final = timedelta(minutes=15)  # past its hour: what lets it leave does not run
_SYSTEM, _STEP, _REPLACED = CODE[0], "held-decision", "request-replaced"


def is_due_later(expedited: bool, due: datetime | None, now: datetime) -> bool:
    """Whether a decision is held. due: until when the payer must have decided."""
    return not expedited and (due is None or due > now + HOLD)


def held(id: str, claim: Json, told: Sequence[Json], now: datetime) -> Json:
    """The Task that holds what is to be told of a Claim: the answer first, then the papers that are asked for."""
    at, until = (each.isoformat(timespec="seconds") for each in (now, now + HOLD))
    return {
        "resourceType": "Task",
        "id": id,
        "contained": [each | {"id": f"told-{n}"} for n, each in enumerate(told, 1)],
        "status": "requested",
        "intent": "proposal",
        "code": {"coding": [{"system": _SYSTEM, "code": _STEP}]},
        "focus": {"reference": f"Claim/{claim['id']}"},
        "authoredOn": at,
        "lastModified": at,
        "requester": item(claim, "insurer"),
        "owner": item(claim, "insurer"),
        "restriction": {"period": {"end": until}},
        "input": [
            {"type": {"text": "Told"}, "valueReference": {"reference": f"#told-{n}"}} for n in range(1, len(told) + 1)
        ],
    }


def is_held(task: Json) -> bool:
    """Whether a Task holds a decision that has not left."""
    return kind_of(task) == "held" and text(task, "status") == "requested"


def answer(task: Json) -> Json:
    """The answer that is held; empty where a Task carries none."""
    return next((each for each in told(task) if each.get("resourceType") == "ClaimResponse"), {})


def told(task: Json) -> list[Json]:
    """What is told once it leaves, without ids, in the order in which it was put in."""
    return [{name: value for name, value in each.items() if name not in ("id", "meta")}
            for each in items(task, "contained")]  # fmt: skip


def leaves(task: Json) -> str:
    """When it leaves by itself, an instant."""
    return text(item(item(task, "restriction"), "period"), "end")


def is_stuck(task: Json, now: datetime) -> bool:
    """Whether it ought to have left long since."""
    at = leaves(task)
    return is_held(task) and bool(at) and now >= datetime.fromisoformat(at) + STUCK


def is_called_off(task: Json) -> bool:
    """Whether a Task held a decision that never left, since its request was replaced."""
    return kind_of(task) == "held" and has(item(task, "statusReason"), _SYSTEM, _REPLACED)


def called_off(task: Json, now: datetime) -> Json:
    """The Task once its request was replaced before the decision left. Raises Conflict as `ended` does."""
    return ended(task, False, now) | {"statusReason": {"coding": [{"system": _SYSTEM, "code": _REPLACED}]}}


def ended(task: Json, left: bool, now: datetime) -> Json:
    """The Task once the decision has left, or was taken back. Raises Conflict where either was done already."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.decision-not-held"), "http.act")
    return task | {"status": "completed" if left else "cancelled", "lastModified": now.isoformat(timespec="seconds")}
