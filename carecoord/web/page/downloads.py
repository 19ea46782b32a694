"""A table as a file, CSV or XLSX: the one way in which rows leave a page. In neither does a cell ever run as a formula
(OWASP, CSV injection): in CSV it is quoted as text, in XLSX it is one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from werkzeug.wrappers import Response

from carecoord.web.page.columns import SHEETS
from carecoord.words.csv_lines import csv_line
from carecoord.words.reader import reading_in, reads

Form = Literal["csv", "xlsx"]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def table(
    name: str, header: Sequence[str], rows: Iterable[Sequence[str]], form: Form, marked: bool = False
) -> Response:  # fmt: skip
    """The file of this name with its headings and rows, texts as they are to be read. CSV goes out row by row;
    `marked`: with the mark by which Excel knows UTF-8, that a program which reads the file has to take off."""
    named = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    rows = _read(reads(), rows)  # CSV goes out after the request, whose reader is over by then
    if form == "csv":
        return Response(_lines(header, rows, marked), mimetype="text/csv", headers=named)
    from carecoord.actions.imports import workbooks  # openpyxl is dear to load: not before somebody wants one

    return Response(workbooks.written(SHEETS.get(name, name.capitalize()), header, rows), mimetype=_XLSX, headers=named)


def whole(name: str, data: bytes, form: Form) -> Response:
    """A table that was written already, as a file of this name."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:100]
    named = {"Content-Disposition": f'attachment; filename="{plain}.{form}"', "Cache-Control": "no-store"}
    return Response(data, mimetype="text/csv" if form == "csv" else _XLSX, headers=named)


def _read(language: str, rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    """The rows, each made for somebody who reads this language."""
    left = iter(rows)
    while True:
        with reading_in(language):
            row = next(left, None)
        if row is None:
            return
        yield row


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]], marked: bool) -> Iterator[str]:
    yield ("\ufeff" if marked else "") + csv_line(header)
    yield from map(csv_line, rows)
