"""A file read as a table, whatever format it came in. Cells are text, whatever they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from carecoord.domain.imports.headings import letters
from carecoord.domain.imports.rows import Fault
from carecoord.errors import Invalid
from carecoord.words.sentence import Sentence, sentence

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
LONGEST: Final = 4_000  # characters of a cell


@dataclass(frozen=True)
class Line:
    """A line of a table. number: as a spreadsheet counts, from 1. odd: cells (by place) that can not be taken as they
    are, and why."""

    number: int
    cells: Sequence[str]
    odd: dict[int, Sentence] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it, or a remark: a first cell that begins with "# "."""
        first = next((cell.strip() for cell in self.cells if cell.strip()), "")
        return (not first and not self.odd) or f"{first} ".startswith("# ")


@dataclass(frozen=True)
class Table:
    """A file read. sheet: the name of a workbook's sheet, empty for a CSV. at: the number of the line of headings.
    formulas: how many cells hold one, of which the value last saved is taken."""

    name: str
    sheet: str
    at: int
    header: Sequence[str]
    lines: Sequence[Line]
    formulas: int = 0


def place(table: Table, mapped: Mapping[str, int], fault: Fault) -> Sentence:
    """Where a fault is: `agreements.xlsx, sheet Agreements, C14`; of a row as a whole `row 14`."""
    of_row = sentence("import.at.row", row=str(fault.row))
    at = f"{letters(mapped[fault.column])}{fault.row}" if fault.column in mapped else of_row
    if not table.sheet:
        return sentence("import.at", file=table.name, at=at)
    return sentence("import.at.sheet", file=table.name, sheet=table.sheet, at=at)


def table(name: str, sheet: str, lines: Iterator[Line], formulas: int = 0) -> Table:
    """The table of these lines: the first that is not empty holds the headings. Raises Invalid."""
    head = next((line for line in lines if not line.empty), None)
    if head is None:
        raise Invalid(sentence("refusals.empty-its-first-line-holds", name=name))
    header = [" ".join(cell.split()) for cell in head.cells]
    while header and not header[-1]:
        header.pop()
    if len(header) > MOST_COLUMNS:
        raise Invalid(
            sentence("refusals.has-columns-at-most-read", name=name, n=len(header), most_columns=MOST_COLUMNS)
        )
    rows = []
    for line in lines:
        if not line.empty:
            rows.append(line)
        if len(rows) > MOST_ROWS:
            raise Invalid(sentence("refusals.has-more-than-rows-part", name=name, most_rows=f"{MOST_ROWS:,}"))
    return Table(name, sheet, head.number, header, rows, formulas)
