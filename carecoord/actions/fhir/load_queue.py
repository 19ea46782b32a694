"""Resources of a load that wait for what they refer to by a condition. They wait in a file: there may be many."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from carecoord.actions.fhir.bundle_entries import Pairs
from carecoord.actions.fhir.write import ResolvedWrite
from carecoord.errors import Issue
from carecoord.fhir import text
from carecoord.store.resources.change import Method

Json = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """Where a resource that waits stands, the id it will have, why the rules refuse what is stored all the same, and
    the condition under which it is not to be made, and the method that its entry asked for."""

    file: str
    place: str
    type: str
    id: str
    flags: tuple[Issue, ...] = ()
    unless: Pairs | None = None
    method: Method = "PUT"


class Waiting:
    """What waits, first in first out. To be used in a `with`."""

    def __init__(self) -> None:
        self._told: list[Held] = []
        self._bodies = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> "Waiting":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bodies.close()

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._told)

    def add(self, held: Held, write: ResolvedWrite) -> None:
        """Let the resource of a write wait."""
        self._told.append(held)
        self._bodies.write(text.dumps(write.resource or {}) + b"\n")

    def taken(self, run: int) -> Iterator[list[tuple[Held, Json]]]:
        """Take out all that waits by now, at most `run` at a time; what is added meanwhile waits for the next call."""
        told, bodies = self._told, self._bodies
        self._told, self._bodies = [], tempfile.TemporaryFile()  # noqa: SIM115
        bodies.seek(0)
        with bodies:
            for n in range(0, len(told), run):
                yield [(held, text.loads(bodies.readline())) for held in told[n : n + run]]
