"""What the office asks of a patient in a referral: a form to fill in, instructions to read; each is a Task of theirs.
Pure.

Clause: Gravity SDOHCC Task for the patient: code `complete-questionnaire` with the form as its input and the response
as its output, code `review-material`; status ready, then completed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from carecoord.domain.questionnaires.form import Form
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import FORM_TO_FILL, GRAVITY_CODES, MATERIAL_TO_READ, has
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

OPEN: Final = frozenset({"requested", "ready", "accepted", "in-progress", "on-hold"})


def wanted(case: Case, id: str, office: Json, form: Form, now: datetime) -> Json:
    """The Task by which a patient is asked to fill in a form."""
    asks = {"type": _named("questionnaire", "Form"), "valueCanonical": form.canonical}
    return _asked(case, id, office, FORM_TO_FILL, now) | {
        "description": form.title, **({"_description": form.spoken} if form.spoken else {}), "input": [asks],
    }  # fmt: skip


def instructed(case: Case, id: str, office: Json, words: str, now: datetime) -> Json:
    """The Task by which a patient is asked to read instructions."""
    told = {"type": _named("material", "Instructions"), "valueMarkdown": words}
    return _asked(case, id, office, MATERIAL_TO_READ, now) | {"description": "Instructions", "input": [told]}


def answered(case: Case, task: Json, form: Form, made: Sequence[Json], author: Json, now: datetime) -> Json:
    """The response to the form that a Task asks for."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": response_id(task),
        "questionnaire": form.canonical,
        "status": "completed",
        "subject": {"reference": target(item(case.order, "subject"))},
        "basedOn": [{"reference": key(case.order)}],
        "authored": now.isoformat(timespec="seconds"),
        "author": author,
        "item": list(made),
    }


def response_id(task: Json) -> str:
    """The id of the response to a form: one for each Task, begun or sent."""
    return f"answers-{text(task, 'id')}"[:64]


def done(task: Json, now: datetime, output: str = "") -> Json:
    """A Task of a patient once it is done; output: `Type/id` of what came of it. Raises Conflict where it was already,
    or was taken back."""
    if text(task, "status") not in OPEN:
        raise Conflict(sentence("refusals.task.over"), "http.act")
    came = {"type": _named("questionnaire-response", "Answers"), "valueReference": {"reference": output}}
    return task | {
        "status": "completed", "lastModified": now.isoformat(timespec="seconds"),
        **({"output": [came]} if output else {}),
    }  # fmt: skip


def forms(case: Case) -> list[Json]:
    """The forms that the patient of a case was asked to fill in, as Tasks, the latest first."""
    return _of(case, FORM_TO_FILL)


def instructions(case: Case) -> list[Json]:
    """The instructions that the patient of a case was given, as Tasks, the latest first."""
    return _of(case, MATERIAL_TO_READ)


def asks(task: Json) -> str:
    """The form that a Task asks for, by its canonical; empty where it asks for none."""
    return next((text(each, "valueCanonical") for each in items(task, "input") if "valueCanonical" in each), "")


def says(task: Json) -> str:
    """What the instructions of a Task say."""
    return next((text(each, "valueMarkdown") for each in items(task, "input") if "valueMarkdown" in each), "")


def response(case: Case, task: Json) -> Json | None:
    """What came of a form, once it is filled in."""
    named = {target(item(each, "valueReference")) for each in items(task, "output")}
    return next((each for each in case.answers if key(each) in named), None)


def begun(case: Case, task: Json) -> Json | None:
    """What was kept of a form before it was sent."""
    mine = (each for each in case.answers if text(each, "id") == response_id(task))
    return next((each for each in mine if text(each, "status") == "in-progress"), None)


def _of(case: Case, code: tuple[str, str]) -> list[Json]:
    me = target(item(case.order, "subject"))
    found = [each for each in case.tasks if has(item(each, "code"), *code) and target(item(each, "owner")) == me]
    found = [each for each in found if text(each, "status") not in ("cancelled", "entered-in-error")]
    return sorted(found, key=lambda each: (text(each, "authoredOn"), text(each, "id")), reverse=True)


def _asked(case: Case, id: str, office: Json, code: tuple[str, str], now: datetime) -> Json:
    patient = {"reference": target(item(case.order, "subject"))}
    at = now.isoformat(timespec="seconds")
    return {
        "resourceType": "Task",
        "id": id,
        "status": "ready",
        "intent": "order",
        "code": {"coding": [{"system": code[0], "code": code[1]}]},
        "basedOn": [{"reference": key(case.order)}],
        "for": patient,
        "owner": patient,
        "requester": office,
        "authoredOn": at,
        "lastModified": at,
    }


def _named(code: str, words: str) -> Json:
    return {"coding": [{"system": GRAVITY_CODES, "code": code}], "text": words}
