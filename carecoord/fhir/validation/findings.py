"""What a walk through a resource has found so far, and where it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from carecoord.errors import Issue
from carecoord.fhir.validation.invariants.rules import Rule
from carecoord.fhir.validation.invariants.values import Scope

_MOST: Final = 100  # told of one resource
Ruled = tuple[tuple[str | None, Rule], ...]  # each invariant of a place by each property that calls for it


@dataclass(slots=True)
class Place:
    """Where the walk is: an element of a parent, by its FHIRPath name and index, and how deep."""

    parent: "Place | None"
    name: str
    index: int
    depth: int

    def __str__(self) -> str:
        here = self.name if self.index < 0 else f"{self.name}[{self.index}]"
        return here if self.parent is None else f"{self.parent}.{here}"


def ruled(rules: Iterable[Rule]) -> Ruled:
    """The invariants of a place, for `judge`."""
    return tuple((name, rule) for rule in rules for name in rule.triggers or (None,))


class Findings(list[Issue]):
    """The faults in the structure, in the order of the walk. Beside them the invariants that are broken, which are
    looked at only where no such fault was found: they rely on it. scope: the resource that is being walked."""

    __slots__ = ("_broken", "_waiting", "scope")

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
        self._broken: dict[tuple[str, str], Issue] = {}
        self._waiting: list[tuple[Rule, Any, Place, Scope]] = []

    def judge(self, rules: Ruled, value: Any, at: Place) -> None:
        """Look at the invariants of a value that has been walked."""
        for name, rule in rules:
            if name is None or name in value:
                if rule.waits:
                    self._waiting.append((rule, value, at, self.scope.at(value)))
                elif rule.holds(value, self.scope) is not True:
                    self._note(rule, at)

    def told(self) -> list[Issue]:
        """What is wrong: with the structure, or else by the invariants."""
        if self:
            return self
        for rule, value, at, scope in self._waiting:
            if rule.holds(value, scope) is not True:
                self._note(rule, at)
        return list(self._broken.values())

    def _note(self, rule: Rule, at: Place) -> None:
        if len(self._broken) >= _MOST:
            return
        where = str(at)
        self._broken[rule.key, where] = Issue("error", "invariant", f"{rule.human} ({rule.key}).", where)
