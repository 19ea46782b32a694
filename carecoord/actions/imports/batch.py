"""A table on its way in, and what became of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.domain.imports.cells import Kind
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Fault, Row
from carecoord.domain.imports.sheets import Sheet
from carecoord.domain.resource.elements import Json
from carecoord.fhir import text
from carecoord.store.worklist import registry
from carecoord.world import World

Report = Callable[[int, int], None]
_REPORTED = 500  # rows between two words of how far it is


@dataclass
class Brought:
    """What became of a table, or would: rows by new, changed, unchanged, ended and faulty; resources by type; what is
    wrong, row by row."""

    rows: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    written: list[tuple[str, str, int]] = field(default_factory=list)  # type, id and version of what was written


@dataclass(frozen=True)
class Batch:
    """The rows of a table, and who brings them. dry: to be tried only. report: (done, total), as it goes on."""

    world: World
    grant: Grant
    request: str
    sheet: Sheet
    rows: Iterable[Row]
    total: int
    dry: bool
    report: Report

    def each(self, known: Known) -> Iterator[Row]:
        """The rows with their cells read, telling how far it is."""
        for n, row in enumerate(self.rows, 1):
            row.read(self.sheet.columns, known)
            yield row
            if n % _REPORTED == 0:
                self.report(n, self.total)
        self.report(self.total, self.total)


class Register(Known):
    """What rows may name; it does not grow while they are read, so each name is looked up once."""

    def __init__(self, resources: Iterable[Json]) -> None:
        super().__init__(resources)
        self._found: dict[tuple[Kind, str], str] = {}

    def reference(self, kind: Kind, written: str) -> str:
        """As `Known.reference`."""
        if (kind, written) not in self._found:
            self._found[kind, written] = super().reference(kind, written)
        return self._found[kind, written]


def register(turn: Turn, types: Iterable[str]) -> Register:
    """Everything of these types that the asker sees."""
    return Register(
        text.loads(row.body)
        for type in types
        for row in registry.every(turn.conn, type)
        if turn.is_whole(type, "r") or turn.sees(row, "r")
    )
