"""What a party owes under an agreement by a day: a Task about the Contract, done with what shows it. One that comes
back is followed by its next, so that the calendar never runs dry and every time it was done stays.

Clauses: FHIR R4 Task.focus, owner (who does it), restriction.period.end ("over what time-period is fulfillment
sought"), output; contracts.md 1.2 (obligations are Tasks)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from carecoord.domain.agreements.desk import tasks
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, has
from carecoord.domain.resource.days import add_months
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text, whole
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

CODE: Final = (f"{CANONICAL}/CodeSystem/term-type", "obligation")
_EVERY: Final = f"{EXTENSION}/repeat-months"
_DEAD: Final = ("cancelled", "entered-in-error", "rejected", "failed")


@dataclass(frozen=True, slots=True)
class Duty:
    """What is owed, as somebody writes it. `owner`: a Reference to the party that owes it; `months`: it comes back
    after so many, None: it does not."""

    what: str
    owner: Json
    due: date
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Obligation:
    """What is owed, as it stands. `task`: its key; `owner`: the key of who owes it; `done`: the day on which it was,
    None while it is open; `proof`: the documents that show it, `DocumentReference/id`; `words`: what was said of it."""

    task: str
    version: str
    what: str
    owner: str
    due: date
    months: int | None
    done: date | None
    proof: tuple[str, ...]
    words: str


def owed(id: str, contract: str, office: Json, given: Duty, now: datetime) -> Json:
    """The Task of a duty under a Contract, `Contract/id`, that an office (a Reference) keeps."""
    until = given.due.isoformat()
    task = tasks.requested(id, contract, CODE, given.what, office=office, owner=given.owner, now=now, until=until)
    return task | ({"extension": [{"url": _EVERY, "valueInteger": given.months}]} if given.months else {})


def fulfilled(task: Json, on: date, words: str, proof: str) -> Json:
    """The Task done on a day. proof: `DocumentReference/id` that shows it, empty for none. Raises Conflict where it is
    no longer open."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.it-done-already-or-was"), "http.act")
    shown = [{"type": {"text": "Evidence"}, "valueReference": {"reference": proof}}] if proof else []
    said = [{"type": {"text": "Note"}, "valueString": words}] if words else []
    done = task | {"status": "completed", "executionPeriod": {"end": on.isoformat()}}
    return done | ({"output": shown + said} if shown or said else {})


def following(id: str, task: Json, now: datetime) -> list[Json]:
    """The next of a duty that comes back, counted from when this one was due, not from when it was done."""
    months, due = whole(extension(task, _EVERY), "valueInteger"), _due(task)
    if not months or not due:
        return []
    given = Duty(text(task, "description"), item(task, "owner"), add_months(due, months), months)
    return [owed(id, target(item(task, "focus")), item(task, "requester"), given, now)]


def obligations(tasks: Iterable[Json]) -> list[Obligation]:
    """What is owed, as these Tasks tell it: the open ones by when they are due, then those that were done, the last
    first."""
    found = [_read(each) for each in tasks if has(item(each, "code"), *CODE) and text(each, "status") not in _DEAD]
    known = [each for each in found if each]
    still = sorted((each for each in known if each.done is None), key=lambda each: (each.due, each.task))
    over = (each for each in known if each.done is not None)
    return still + sorted(over, key=lambda each: (each.done or each.due, each.task), reverse=True)


def _read(task: Json) -> Obligation | None:
    due = _due(task)
    if due is None:
        return None
    finished = text(task, "status") == "completed"
    proof = tuple(to for each in items(task, "output") if (to := target(item(each, "valueReference"))))
    words = " ".join(said for each in items(task, "output") if (said := text(each, "valueString")))
    return Obligation(
        key(task), text(item(task, "meta"), "versionId"), text(task, "description"), target(item(task, "owner")), due,
        whole(extension(task, _EVERY), "valueInteger"),
        (_day(text(item(task, "executionPeriod"), "end")) or due) if finished else None, proof, words,
    )  # fmt: skip


def _due(task: Json) -> date | None:
    return _day(text(item(item(task, "restriction"), "period"), "end"))


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None
