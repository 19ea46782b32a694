"""The events of one case, put in order: when each resource came to which state. Pure.

An event that was told anew, with a better date, counts as told last; what came late counts where it belongs, for
nothing here goes by the order in which it became known. What was entered in error, or deleted, never was."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from carecoord.domain.timeline.events import Logged

Json = dict[str, Any]
_CLINIC: Final = "Organization/"
_NEVER_WAS: Final = frozenset({"entered-in-error", "error", "deleted"})


@dataclass(slots=True)
class Course:
    """What became of one resource. `first`: state -> when (microseconds) it first came there; a beginning that nobody
    dates is not there. `reasons`: what was said of it. `payload`: what was said last. `reports`: when it was first
    said to be the outcome of a visit."""

    kind: str
    reference: str
    state: str = ""
    first: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    payload: Json = field(default_factory=dict)
    reports: int | None = None

    def earliest(self, states: Iterable[str]) -> int | None:
        """When it first came to one of these."""
        return min((self.first[each] for each in states if each in self.first), default=None)


@dataclass(frozen=True, slots=True)
class Courses:
    """Those of a case, by kind."""

    by_kind: Mapping[str, Sequence[Course]]

    def of(self, kind: str, type: str = "") -> Sequence[Course]:
        """Those of a kind, of one type where it is named."""
        return [each for each in self.by_kind.get(kind, ()) if each.reference.startswith(type)]

    def performer(self) -> str:
        """The Organization (its id) that was asked last, empty where none was."""
        owners = (str(each.payload.get("who", {}).get("reference", "")) for each in self.of("stage"))
        return next((to.removeprefix(_CLINIC) for to in reversed(list(owners)) if to.startswith(_CLINIC)), "")

    def done(self, errand: str) -> int | None:
        """When the errand of a name was first done."""
        said = (each.first.get("done") for each in self.of("errand") if each.payload.get("errand") == errand)
        return min((at for at in said if at is not None), default=None)


def courses(events: Iterable[Logged]) -> Courses:
    """The courses of a case from its events, in the order of the log."""
    found: dict[tuple[str, str, str], Course] = {}
    for one in events:
        reference = f"{one.type}/{one.resource}"
        course = found.setdefault((one.kind, one.type, one.resource), Course(one.kind, reference))
        _note(course, one)
    kinds: dict[str, list[Course]] = {}
    for course in _real(list(found.values())):
        kinds.setdefault(course.kind, []).append(course)
    return Courses(kinds)


def _note(course: Course, one: Logged) -> None:
    course.payload = course.payload | one.payload
    if one.payload.get("reports") and (course.reports is None or not one.before):
        course.reports = one.at
    if not one.before:  # where it began; the later word on that is the better one
        if one.said:
            course.first[one.state] = one.at
        course.state = course.state or one.state
    elif one.before != one.state:
        course.first.setdefault(one.state, one.at)
        course.state = one.state
    if one.reason:
        course.reasons[one.state] = one.reason


def _real(every: Sequence[Course]) -> Iterator[Course]:
    gone = {each.reference for each in every if each.state in _NEVER_WAS}
    return (each for each in every if each.reference not in gone)
