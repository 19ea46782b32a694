"""A file as a table: CSV however it was written, or a workbook's first sheet. Cells are text, whatever they were.

Formats: RFC 4180, with what spreadsheets write beside it; ECMA-376 (XLSX) is read in workbooks.py."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from carecoord.actions.imports import fixed_width
from carecoord.domain.imports.headings import letters
from carecoord.domain.imports.rows import Fault
from carecoord.errors import Invalid
from carecoord.words.sentence import Sentence

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
LONGEST: Final = 4_000  # characters of a cell
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


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
        return (not first and not self.odd) or first.startswith("# ")


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


def read(name: str, data: bytes) -> Table:
    """Read a file. Raises Invalid for what is no table of ours."""
    if data.startswith(_OLD_EXCEL):
        raise Invalid(f"{name} is an old Excel file (.xls) or has a password: save it as .xlsx or as CSV, without one.")
    if data.startswith(_ZIP):
        from carecoord.actions.imports import workbooks  # openpyxl is dear to load: not before somebody brings one

        return workbooks.read(name, data)
    if fixed_width.is_hcpcs(data):
        return _fixed(name, data)
    return _csv(name, data)


def _fixed(name: str, data: bytes) -> Table:
    lines = (Line(n, cells) for n, cells in fixed_width.records(_decoded(name, data)))
    return table(name, "", chain([Line(0, fixed_width.HEADER)], lines))


def place(table: Table, mapped: Mapping[str, int], fault: Fault) -> str:
    """Where a fault is: `agreements.xlsx, sheet Agreements, C14`; of a row as a whole `row 14`."""
    at = f"{letters(mapped[fault.column])}{fault.row}" if fault.column in mapped else f"row {fault.row}"
    return ", ".join(filter(None, (table.name, f"sheet {table.sheet}" if table.sheet else "", at)))


def table(name: str, sheet: str, lines: Iterator[Line], formulas: int = 0) -> Table:
    """The table of these lines: the first that is not empty holds the headings. Raises Invalid."""
    head = next((line for line in lines if not line.empty), None)
    if head is None:
        raise Invalid(f"{name} is empty: its first line holds the names of the columns.")
    header = [" ".join(cell.split()) for cell in head.cells]
    while header and not header[-1]:
        header.pop()
    if len(header) > MOST_COLUMNS:
        raise Invalid(f"{name} has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    rows = []
    for line in lines:
        if not line.empty:
            rows.append(line)
        if len(rows) > MOST_ROWS:
            raise Invalid(f"{name} has more than {MOST_ROWS:,} rows: part it into several files.")
    return Table(name, sheet, head.number, header, rows, formulas)


def _csv(name: str, data: bytes) -> Table:
    text = _decoded(name, data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    csv.field_size_limit(LONGEST * 4)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first))
    try:
        return table(name, "", (Line(n, _clean(cells)) for n, cells in enumerate(lines, 1)))
    except csv.Error as e:
        raise Invalid(f"{name}, line {lines.line_num}: {e}. Is a quotation mark left open?") from e


def _clean(cells: Sequence[str]) -> list[str]:
    """Without the mark by which our own exports keep a spreadsheet from running a cell as a formula."""
    return [cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell for cell in cells]


def _decoded(name: str, data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as e:
                raise Invalid(f"{name} is damaged: it begins as {encoding.upper()} does, and is not.") from e
    if data[1:200:2].count(0) > 20:
        return data.decode("utf-16-le", "replace")
    if data[0:200:2].count(0) > 20:
        return data.decode("utf-16-be", "replace")
    if b"\0" in data:
        raise Invalid(f"{name} is neither CSV nor XLSX: save the table as one of them.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(line: str) -> str:
    """Of comma, semicolon and tab that which parts the headings."""
    outside = "".join(part for n, part in enumerate(line.split('"')) if n % 2 == 0)
    return max((",", ";", "\t"), key=outside.count)
