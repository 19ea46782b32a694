"""Who looks a draft over before it is signed: the steps that an office names, one after the other, each a Task about
the Contract. What was approved is the text: a step counts for what the draft said when it was looked at, whichever way
it is changed after that.

Clauses: FHIR R4 Task.focus, requester, input, output, restriction; contracts.md 1.2 (approvals are Tasks)."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from carecoord.domain.agreements.desk import tasks
from carecoord.domain.resource.codes import CANONICAL, has
from carecoord.domain.resource.elements import Json, item, items, key, text
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence

State = Literal["done", "open", "later"]
CODE: Final = (f"{CANONICAL}/CodeSystem/agreement-step", "approval")
_CONTENT: Final = "Content"  # of the Task's input: the digest of what is looked at
_BESIDE: Final = ("id", "meta", "text", "status", "legalState", "issued", "signer", "relevantHistory")


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands. `task`: its key, empty while it is not asked for; `by`: who approved it; `asked`: the day on
    which it was; `due`: by when it is wanted; `on`: the day on which it was approved."""

    name: str
    state: State
    task: str = ""
    by: str = ""
    asked: date | None = None
    due: date | None = None
    on: date | None = None


def named(said: str) -> tuple[str, ...]:
    """The steps that a policy names, `Review, Law`, each once, in their order."""
    return tuple(dict.fromkeys(name for each in re.split(r"[,;]", said) if (name := " ".join(each.split()))))


def content(contract: Json) -> str:
    """A mark of what a version says: another for another text, the same in whichever state it is."""
    told = {name: value for name, value in contract.items() if name not in _BESIDE}
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic", enc_hook=str)).hexdigest()


def chain(steps: Sequence[str], tasks: Iterable[Json], contract: Json) -> tuple[Step, ...]:
    """The steps of an office, as its Tasks about a version tell of what that version says now."""
    mark, found = content(contract), dict[str, Json]()
    for task in tasks:
        counts = text(task, "status") in ("requested", "completed")
        if counts and has(item(task, "code"), *CODE) and _input(task) == mark:
            name = text(task, "description")
            if name not in found or text(task, "status") == "completed":
                found[name] = task
    return tuple(_step(name, found.get(name)) for name in steps)


def approved(steps: Iterable[Step]) -> bool:
    """Whether nothing lacks."""
    return all(each.state == "done" for each in steps)


def waiting(steps: Iterable[Step]) -> Step | None:
    """The step that is asked for and not done."""
    return next((each for each in steps if each.state == "open"), None)


def asked(id: str, contract: Json, office: Json, name: str, now: datetime, due: datetime) -> Json:
    """The Task of a step that an office (a Reference) is asked for."""
    until = due.isoformat(timespec="seconds")
    task = tasks.requested(id, key(contract), CODE, name, office=office, owner=office, now=now, until=until)
    return task | {"input": [{"type": {"text": _CONTENT}, "valueString": content(contract)}]}


def decided(task: Json, who: Json, yes: bool, words: str, now: datetime) -> Json:
    """The Task of a step once somebody (a Reference) has looked: done, or given back. Raises Conflict where it is
    decided already."""
    if text(task, "status") != "requested":
        raise Conflict(sentence("refusals.this-step-decided-already-look"), "http.act")
    note = [{"type": {"text": "Note"}, "valueString": words}] if words else []
    looked = {"type": {"text": "Looked over by"}, "valueReference": who}
    return task | {
        "status": "completed" if yes else "rejected",
        "executionPeriod": {"end": now.isoformat(timespec="seconds")},
        "output": [looked, *note],
    }


def _step(name: str, task: Json | None) -> Step:
    if task is None:
        return Step(name, "later")
    day, due = _day(text(task, "authoredOn")), _day(text(item(item(task, "restriction"), "period"), "end"))
    if text(task, "status") == "requested":
        return Step(name, "open", key(task), "", day, due)
    who = next((text(item(each, "valueReference"), "display") for each in items(task, "output")), "")
    return Step(name, "done", key(task), who, day, due, _day(text(item(task, "executionPeriod"), "end")))


def _input(task: Json) -> str:
    held = (each for each in items(task, "input") if text(item(each, "type"), "text") == _CONTENT)
    return next((text(each, "valueString") for each in held), "")


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None
