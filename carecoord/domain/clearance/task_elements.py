"""What is read of a Task when its case is judged: these elements, and nothing else of it. Whoever judges is handed a
Task with no more in it, so that a rule that began to read more would find it empty in every test. That makes the other
half true as well: a new version that differs in nothing of this leaves every row of its case as it was."""

from dataclasses import replace
from typing import Final

from carecoord.domain.referrals.case import Case, OtherOrder, Some
from carecoord.domain.resource.elements import Json, item
from carecoord.domain.resource.memory import interned, remembered

# Not read: what people note on it, and what it says for others to read (note, description, text, reasonCode, priority).
READ: Final = frozenset(
    {
        "resourceType", "id", "meta", "identifier", "basedOn", "partOf", "status", "statusReason", "businessStatus",
        "code", "focus", "for", "authoredOn", "lastModified", "requester", "owner", "reasonReference", "restriction",
        "input", "output",
    }
)  # fmt: skip
_SEEN: Final = "seen"  # in Case.read
_OF_THE_VERSION: Final = frozenset({"versionId", "lastUpdated"})  # of meta: which version it is, and since when


def seen(case: Case) -> Case:
    """The case as it is judged: of its Tasks, and of those of the patient's other orders, what is read of them. The
    case itself where they hold no more."""
    found: Case | None = case.read.get(_SEEN)
    if found is None:
        tasks, others = _seen(case.tasks), tuple([_of_other(each) for each in case.others])
        if tasks is case.tasks and others == case.others:
            return case  # not kept: it would hold itself
        found = case.read[_SEEN] = replace(case, tasks=tasks, others=others)
    return found


def is_news(before: Json, after: Json) -> bool:
    """Whether a case may be judged otherwise by the version after of one of its Tasks."""
    return _said(before) != _said(after)


def _said(task: Json) -> Json:
    about = {name: value for name, value in item(task, "meta").items() if name not in _OF_THE_VERSION}
    return {name: value for name, value in task.items() if name in READ} | {"meta": about}


def _seen(tasks: Some) -> Some:
    """The very same Tasks where they hold no more than is read."""
    found = tuple([_read(task) for task in tasks])
    return found if any(one is not task for one, task in zip(found, tasks, strict=True)) else tasks


def _of_other(other: OtherOrder) -> OtherOrder:
    tasks = _seen(other.tasks)
    return other if tasks is other.tasks else interned(replace(other, tasks=tasks))


def _read(task: Json) -> Json:
    return task if task.keys() <= READ else _only(task)


@remembered
def _only(task: Json) -> Json:
    return {name: value for name, value in task.items() if name in READ}
