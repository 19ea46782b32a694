"""XLSX in and out (ECMA-376): the first sheet that is seen, its values as last saved. What only looks like a value (a
merged cell, an error, a formula that was never worked out) is told of."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter, range_boundaries

from carecoord.actions.imports.tables import LONGEST, MOST_COLUMNS, Line, Table, table
from carecoord.errors import Invalid
from carecoord.words.sentence import Sentence, sentence

MOST_BYTES: Final = 400_000_000  # unpacked
MOST_LINES: Final = 1_048_576  # a spreadsheet has no more: whoever says so has us count blanks
MOST_MERGED: Final = 100_000  # cells, of all that are merged
_MERGED = re.compile(rb'<mergeCell\s[^<>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
Merged = dict[tuple[int, int], str]  # (row, column), both from 1 -> the cell that holds the value


def read(name: str, data: bytes) -> Table:
    """Read a workbook's first visible sheet. Raises Invalid."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_BYTES:
                raise Invalid(
                    sentence("refusals.unpacks-more-than-mb-part", name=name, most_bytes=MOST_BYTES // 1000000)
                )
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet: Any = next(each for each in book.worksheets if each.sheet_state == "visible")
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            raw = packed.read(sheet._worksheet_path.lstrip("/"))  # a read-only sheet tells neither merges nor formulas
        formulas = _formulas(data, sheet.title) if b"<f" in raw else {}
        lines = _lines(name, sheet.iter_rows(values_only=True), _merged(raw), formulas)
        return table(name, sheet.title, lines, len(formulas))
    except Invalid:
        raise
    except Exception as e:  # openpyxl and zipfile raise whatever a damaged file makes them stumble over
        raise Invalid(sentence("refusals.can-not-be-read-as", name=name)) from e


def _formulas(data: bytes, title: str) -> dict[tuple[int, int], str]:
    book = load_workbook(io.BytesIO(data), read_only=True)
    rows = enumerate(book[title].iter_rows(values_only=True), 1)
    return {
        (n, place): str(value)
        for n, row in rows
        for place, value in enumerate(row, 1)
        if isinstance(value, str) and value.startswith("=")
    }


def _merged(raw: bytes) -> Merged:
    found: Merged = {}
    for each in _MERGED.findall(raw):
        left, top, right, bottom = (edge or 1 for edge in range_boundaries(each.decode()))
        if len(found) + (right - left + 1) * (bottom - top + 1) > MOST_MERGED:
            raise Invalid(sentence("refusals.merged-cell-covers-whole-sheet"))
        first = f"{get_column_letter(left)}{top}"
        found |= {(n, place): first for n in range(top, bottom + 1) for place in range(left, right + 1)}
        del found[top, left]
    return found


def _lines(
    name: str, rows: Iterator[Sequence[Any]], merged: Merged, formulas: dict[tuple[int, int], str]
) -> Iterator[Line]:
    told = {n for n, _ in (*merged, *formulas)}
    for n, whole in enumerate(rows, 1):
        if n > MOST_LINES:
            raise Invalid(sentence("refusals.has-more-than-rows-part", name=name, most_rows=f"{MOST_LINES:,}"))
        odd: dict[int, Sentence] = {}
        cells = []
        row = whole[:MOST_COLUMNS]
        if n not in told and row.count(None) == len(row):  # a sheet may have a million such
            yield Line(n, ())
            continue
        for place, value in enumerate(row):
            here = (n, place + 1)
            if here in merged:
                odd[place] = sentence("import.merged", cell=merged[here])
            elif here in formulas and value is None:
                odd[place] = sentence("import.formula", formula=formulas[here][:80])
            elif isinstance(value, str) and re.fullmatch(r"#[A-Z/0!?]+", value) and value.endswith(("!", "?", "A")):
                odd[place] = sentence("import.error-value", text=value)
            cells.append(_text(value))
        yield Line(n, cells, odd)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)[:LONGEST]


def written(title: str, header: Sequence[str], rows: Iterator[Sequence[str]]) -> bytes:
    """A workbook with one sheet of texts: a spreadsheet neither runs nor rounds any of them."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for n in range(1, len(header) + 1):
        sheet.column_dimensions[get_column_letter(n)].width = 22
    sheet.append([_bold(sheet, each) for each in header])
    for row in rows:
        sheet.append([_plain(sheet, each) for each in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _bold(sheet: Any, text: str) -> Any:
    cell = _plain(sheet, text)
    cell.font = Font(bold=True)
    return cell


def _plain(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text))
    cell.data_type = "s"  # a text that begins with = is a text
    return cell
