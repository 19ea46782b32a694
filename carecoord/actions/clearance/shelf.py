"""What a process has read of the registry, and need not read again while the registry stands as it stood.

Every case leans on the same few organizations, clinicians, plans and agreements. They are read, decoded and looked up
once for each state of the registry; a look at its mark tells which state a transaction sees.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection

from carecoord.store.resources import registry_mark
from carecoord.store.resources.write import Touched

T = TypeVar("T")
SHARED: Final = frozenset(
    {
        "Organization", "Location", "Practitioner", "PractitionerRole", "OrganizationAffiliation", "InsurancePlan",
        "Contract", "PlanDefinition",
    }
)  # fmt: skip
_STATES: Final = 4  # of databases that a process remembers
# Things put together: what one request hands on to the next part of it, or to the next request, and what the worker
# judges of some patients (worklist/project.TOGETHER) before it writes their rows.
_MADE: Final = 32
_MOST: Final = 50_000  # answers to one kind of question: then it begins anew


@dataclass
class Shelf:
    """What is known of one state of the registry: by kind of question, its answers. mark: of the state. made: what was
    last put together of it and something else, by the question: that other evidence, and what came of both."""

    mark: bytes
    answers: dict[str, dict[Any, Any]] = field(default_factory=dict)
    made: "OrderedDict[Any, tuple[Any, Any]]" = field(default_factory=OrderedDict)


class Layer(Generic[T]):
    """Answers to one kind of question: those that this transaction has read, over those that the shelf has."""

    __slots__ = ("known", "read")

    def __init__(self, known: dict[Any, T]) -> None:
        self.known, self.read = known, dict[Any, T]()

    def __contains__(self, question: object) -> bool:
        return question in self.read or question in self.known

    def __getitem__(self, question: Any) -> T:
        return self.read[question] if question in self.read else self.known[question]

    def add(self, answers: Mapping[Any, T]) -> None:
        """Answers that were read."""
        self.read.update(answers)


@dataclass
class Reading:
    """One transaction's use of the shelf. past: what it reads is not of now, and goes on no shelf. looked: the registry
    may be taken as this transaction saw it last."""

    conn: Connection
    past: bool = False
    looked: bool = False
    _layers: dict[str, Layer[Any]] = field(default_factory=dict)
    _made: dict[Any, tuple[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        look = registry_mark.looked if self.looked else registry_mark.mark
        self._shelf = Shelf(b"") if self.past else _shelf(look(self.conn))

    def layer(self, kind: str) -> Layer[Any]:
        """The answers to a kind of question."""
        if kind not in self._layers:
            self._layers[kind] = Layer(self._shelf.answers.setdefault(kind, {}))
        return self._layers[kind]

    def made(self, question: Any, evidence: Any) -> Any:
        """What was put together for this question of the very same evidence in this state of the registry; else None.
        Compared is the evidence itself and no number of it: two databases may share a state, and go on differently."""
        with _lock:
            before = self._shelf.made.get(question)
        return before[1] if before and before[0] == evidence else None

    def make(self, question: Any, evidence: Any, found: Any) -> None:
        """Put something together, for `keep` to put on the shelf."""
        self._made[question] = evidence, found

    @property
    def mark(self) -> bytes:
        """The mark of the registry when this reading began."""
        return self._shelf.mark

    def keep(self) -> None:
        """Put on the shelf what was read and made. In PostgreSQL each statement of a writer sees the newest state, so a
        look afterwards tells whether all of it was of this one."""
        fresh = [layer for layer in self._layers.values() if layer.read]
        wanted = self._shelf.mark and (fresh or self._made)
        if wanted and registry_mark.mark(self.conn) == self._shelf.mark:
            with _lock:
                for question, both in self._made.items():
                    self._shelf.made[question] = both
                    self._shelf.made.move_to_end(question)
                while len(self._shelf.made) > _MADE:
                    self._shelf.made.popitem(last=False)
            self._made = {}
            for layer in fresh:
                layer.known.update(layer.read)
                layer.read = {}
            if any(len(layer.known) > _MOST for layer in fresh):
                with _lock:  # whoever uses it goes on with it
                    _shelves.pop(self._shelf.mark, None)


_shelves: "OrderedDict[bytes, Shelf]" = OrderedDict()
_lock = Lock()


def _shelf(mark: bytes) -> Shelf:
    if not mark:
        return Shelf(mark)
    with _lock:
        found = _shelves.setdefault(mark, Shelf(mark))
        _shelves.move_to_end(mark)
        while len(_shelves) > _STATES:
            _shelves.popitem(last=False)
        return found


def note(conn: Connection, touched: Iterable[Touched]) -> None:
    """Mark the registry as changed where a write has changed it; to be called before anybody reads of it again."""
    if any(each.type in SHARED for each in touched):
        registry_mark.renew(conn)
