"""A payer's form that an office is to fill in for a request: a Task of the office about the request. Pure."""

from datetime import datetime
from typing import Final

from carecoord.domain.questionnaires.form import canonical
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import EXTENSION, GRAVITY_CODES, IDENTIFIER, PAYER_FORM, has
from carecoord.domain.resource.elements import Json, item, items, key, target, text

_WHOSE: Final = f"{EXTENSION}/plan-payer"
_FETCHED: Final = f"{IDENTIFIER}/fetched-from"  # whose value is the id of the payer's Organization here


def fetched(form: Json, payer: str) -> Json:
    """A form, or a value set of one, marked as fetched from a payer (the id of its Organization) and from nobody else.
    The mark is none of the payer's own identifiers: what was fetched is filled in here, and handed to nobody."""
    rest = [each for each in items(form, "extension") if each.get("url") != _WHOSE]
    mark = {"url": _WHOSE, "valueIdentifier": {"system": _FETCHED, "value": payer}}
    return form | {"extension": [*rest, mark]}


def whose(task: Json) -> frozenset[str]:
    """The mark of the forms from among which a Task asks for one, `system|value`; none for one that is no payer's."""
    payer = target(item(task, "requester")).removeprefix("Organization/")
    return frozenset({f"{_FETCHED}|{payer}"}) if is_one(task) and payer else frozenset()


def task(id: str, claim: Json, order: str, questionnaire: Json, now: datetime) -> Json:
    """The Task. order: `ServiceRequest/id`."""
    at = now.isoformat(timespec="seconds")
    kind = {"coding": [{"system": GRAVITY_CODES, "code": "questionnaire"}], "text": "Form"}
    return {
        "resourceType": "Task",
        "id": id,
        "status": "ready",
        "intent": "order",
        "code": {"coding": [{"system": PAYER_FORM[0], "code": PAYER_FORM[1]}]},
        "description": text(questionnaire, "title") or canonical(questionnaire),
        "basedOn": [{"reference": order}],
        "focus": {"reference": key(claim)},
        "for": item(claim, "patient"),
        "owner": item(claim, "provider"),
        "requester": item(claim, "insurer") or item(claim, "provider"),
        "authoredOn": at,
        "lastModified": at,
        "input": [{"type": kind, "valueCanonical": canonical(questionnaire)}],
    }


def refused(id: str, claim: Json, order: str, title: str, now: datetime) -> Json:
    """The Task of a form that can not be filled in here, because it asks each question only after the one before."""
    made = task(id, claim, order, {"title": title}, now)
    return {name: value for name, value in made.items() if name != "input"} | {
        "status": "rejected", "statusReason": {"text": "adaptive"},
    }  # fmt: skip


def is_one(task: Json) -> bool:
    """Whether a Task is such a one."""
    return has(item(task, "code"), *PAYER_FORM)


def of_case(case: Case) -> list[Json]:
    """All of a case, the oldest first."""
    found = [each for each in case.tasks if is_one(each) and text(each, "status") not in ("cancelled",)]
    return sorted(found, key=lambda each: (text(each, "authoredOn"), text(each, "id")))


def claim(case: Case, task: Json) -> Json:
    """The request that a Task is about; empty where it is gone."""
    named = target(item(task, "focus"))
    return next((each for each in case.claims if key(each) == named), {})


def answers(task: Json) -> str:
    """The response by which it was filled in, `QuestionnaireResponse/id`; empty where it was not yet."""
    return next((to for each in items(task, "output") if (to := target(item(each, "valueReference")))), "")
