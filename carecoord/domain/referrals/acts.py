"""What the sides of a referral do with it, as the Task and the order are to be: sent, accepted, declined, asked about,
answered, opened anew, its report read and told. Pure; the table of states says what is legal."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from carecoord.domain.referrals import stages, states
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.states import Side
from carecoord.domain.resource.codes import CHILD, CONSULT_NOTE, STAGE, has
from carecoord.domain.resource.elements import Json, item, items, key, target, text

ENDED = ("declined", "cancelled", "failed")  # stages from which the same order can go out again
_FULFILL = {"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}


def stage(task: Json, order: Json) -> str:
    """The stage that the Task stands in; an order without one is a draft or, where it was sent, nobody's yet."""
    return stages.stage(task) if task else "draft" if text(order, "status") == "draft" else "new"


def moved(task: Json, verb: str, side: Side, now: datetime, reason: str = "") -> Json:
    """The Task after a verb. Raises Conflict (409) or Forbidden (403) where the table does not have it."""
    to = states.advance(stages.stage(task), verb, side, states.workflow(task))
    return states.written(task, cast("Stage", to), reason) | {"lastModified": _at(now)}


def sent(case: Case, task: Json, id: str, office: Json, now: datetime) -> list[Json]:
    """A draft goes out: the order is signed, and its Task asks for the work; where it has none, one is made."""
    order = case.order
    written = [order | {"status": "active"}] if text(order, "status") == "draft" else []
    if task:
        return [*written, moved(task, "send", "requester", now)]
    return [*written, asking(case, id, office, next(iter(items(order, "performer")), {}), now)]


def asking(case: Case, id: str, office: Json, owner: Json, now: datetime) -> Json:
    """A new Task that asks somebody for the work of the order."""
    order = case.order
    task: Json = {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "businessStatus": {"coding": [{"system": STAGE, "code": "sent"}]},
        "intent": "order",
        "priority": text(order, "priority") or "routine",
        "code": {"coding": [_FULFILL]},
        "focus": {"reference": key(order)},
        "basedOn": [{"reference": key(order)}],
        "for": {"reference": target(item(order, "subject"))},
        "requester": office,
        "authoredOn": _at(now),
        "lastModified": _at(now),
    }
    return task | ({"owner": owner} if owner else {})


def candidates(case: Case) -> list[Json]:
    """Whom the order can go to: those that it names, then those who were asked before; each once."""
    named = [*items(case.order, "performer"), *(item(task, "owner") for task in case.tasks if states.coordinated(task))]
    found = {target(each): each for each in reversed(named) if target(each)}
    return list(reversed(found.values()))


def unasked(case: Case) -> list[Json]:
    """Whom the order can go to and nobody asks just now."""
    asked = {target(item(task, "owner")) for task in case.tasks if states.coordinated(task) and not _ended(task)}
    return [each for each in candidates(case) if target(each) not in asked]


def beside(case: Case, task: Json) -> list[Json]:
    """The Tasks of other clinics that are still asked beside this one."""
    others = (each for each in case.tasks if states.coordinated(each) and key(each) != key(task))
    return [each for each in others if not _ended(each)]


def _ended(task: Json) -> bool:
    return stages.stage(task) in states.ENDS


def step(case: Case, task: Json, code: tuple[str, str], id: str, owner: Json, now: datetime) -> list[Json]:
    """A step after the visit (the report acknowledged, the patient told), done: the Task that waits for it or, where
    none does, one that is made for it first; each as it is to be written, one after the other."""
    mine = [each for each in case.tasks if has(item(each, "code"), *code)]
    waiting = next((each for each in mine if text(each, "status") not in ("completed", *_OVER)), None)
    made: Json = waiting or {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": CHILD, "code": code[1]}]},
        "focus": {"reference": key(case.order)},
        **({"partOf": [{"reference": key(task)}]} if task else {}),
        "for": {"reference": target(item(case.order, "subject"))},
        "owner": owner,
        "authoredOn": _at(now),
    }
    return [*([] if waiting else [made]), made | {"status": "completed", "lastModified": _at(now)}]


_OVER = ("cancelled", "entered-in-error", "rejected", "failed")


def report(case: Case, id: str, author: Json, words: str, now: datetime) -> Json:
    """A report that came, as the record says that it is here: the file may be attached to it later."""
    return {
        "resourceType": "DocumentReference",
        "id": id,
        "status": "current",
        "type": {"coding": [{"system": CONSULT_NOTE[0], "code": CONSULT_NOTE[1]}], "text": "Consult note"},
        "subject": {"reference": target(item(case.order, "subject"))},
        "date": now.isoformat(timespec="seconds"),
        "author": [author],
        **({"description": words} if words else {}),
        "content": [{"attachment": {"title": "Consult note"}}],
        "context": {"related": [{"reference": key(case.order)}]},
    }


def advised(task: Json, side: Side, document: str, now: datetime) -> Json:
    """The Task ended by advice, `DocumentReference/id`: no visit is needed. Raises Conflict (409), Forbidden (403)."""
    output = {"type": {"text": "Advice"}, "valueReference": {"reference": document}}
    return moved(task, "advise", side, now) | {"output": [*items(task, "output"), output]}


def claimed(task: Json, office: Json) -> Json:
    """An open Task with who takes it; one that is somebody's stays so."""
    return task if item(task, "owner") else task | {"owner": office}


def completed(task: Json, side: Side, document: str, now: datetime) -> Json | None:
    """The Task completed by a report, `DocumentReference/id`, where that is the side's to say."""
    verbs: Iterable[str] = states.legal(stages.stage(task), side, states.workflow(task)) if task else ()
    if "report" not in verbs:
        return None
    output = {"type": {"text": "Consult note"}, "valueReference": {"reference": document}}
    return moved(task, "report", side, now) | {"output": [*items(task, "output"), output]}


def _at(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
