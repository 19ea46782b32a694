"""The formats of a table: CSV however it was written, or a workbook's first sheet.

Formats: RFC 4180, with what spreadsheets write beside it; ECMA-376 (XLSX) is read in workbooks.py."""

import codecs
import csv
import io
from collections.abc import Sequence
from itertools import chain
from typing import Final

from carecoord.actions.imports import fixed_width
from carecoord.actions.imports.tables import LONGEST, Line, Table, table
from carecoord.errors import Invalid
from carecoord.words.sentence import sentence

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


def read(name: str, data: bytes) -> Table:
    """Read a file. Raises Invalid for what is no table of ours."""
    if data.startswith(_OLD_EXCEL):
        raise Invalid(sentence("refusals.old-excel-file-xls-or", name=name))
    if data.startswith(_ZIP):
        from carecoord.actions.imports import workbooks  # openpyxl is dear to load: not before somebody brings one

        return workbooks.read(name, data)
    if fixed_width.is_hcpcs(data):
        return _fixed(name, data)
    return _csv(name, data)


def _fixed(name: str, data: bytes) -> Table:
    lines = (Line(n, cells) for n, cells in fixed_width.records(_decoded(name, data)))
    return table(name, "", chain([Line(0, fixed_width.HEADER)], lines))


def _csv(name: str, data: bytes) -> Table:
    text = _decoded(name, data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    csv.field_size_limit(LONGEST * 4)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first))
    try:
        return table(name, "", (Line(n, _clean(cells)) for n, cells in enumerate(lines, 1)))
    except csv.Error as e:
        raise Invalid(
            sentence("refusals.line-quotation-mark-left-open", name=name, line_num=lines.line_num, e=str(e))
        ) from e


def _clean(cells: Sequence[str]) -> list[str]:
    """Without the mark by which our own exports keep a spreadsheet from running a cell as a formula."""
    return [cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell for cell in cells]


def _decoded(name: str, data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as e:
                raise Invalid(sentence("refusals.damaged-it-begins-as-does", name=name, upper=encoding.upper())) from e
    if data[1:200:2].count(0) > 20:
        return data.decode("utf-16-le", "replace")
    if data[0:200:2].count(0) > 20:
        return data.decode("utf-16-be", "replace")
    if b"\0" in data:
        raise Invalid(sentence("refusals.neither-csv-nor-xlsx-save", name=name))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(line: str) -> str:
    """Of comma, semicolon and tab that which parts the headings."""
    outside = "".join(part for n, part in enumerate(line.split('"')) if n % 2 == 0)
    return max((",", ";", "\t"), key=outside.count)
