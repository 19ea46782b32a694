"""Tables out, as they can be brought in again: what is here by kind, and the empty ones with an example."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.imports import rule_books
from carecoord.domain.imports import rules
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.sheets import Sheet
from carecoord.domain.resource.elements import source
from carecoord.fhir import text
from carecoord.fhir.search.collation import fold
from carecoord.store.worklist import registry
from carecoord.words.csv_lines import csv_line
from carecoord.world import World

Form = Literal["csv", "xlsx"]
_BOM: Final = "\ufeff"


def export(world: World, grant: Grant, request: str, sheet: Sheet, form: Form) -> bytes:
    """Everything of a kind that the asker sees, sorted by its first column, but for what an EHR keeps. Raises
    Forbidden."""
    with looking(world, grant, request) as turn:
        for type in sheet.exports:
            turn.demand(type, "s")
        seen = [
            text.loads(row.body)
            for type in dict.fromkeys((*sheet.reads, *sheet.exports, *sheet.makes, *sheet.shows))
            for row in registry.every(turn.conn, type)
            if turn.is_whole(type, "r") or turn.sees(row, "r")
        ]
        lines = [rules.cells(rule, book) for rule, book in rule_books.every(turn)] if sheet.lines else []
    known = Known(seen)
    own = [each for type in sheet.exports for each in known.every(type) if not source(each)]
    found = lines or [cells for each in own for cells in sheet.cells(each, known)]
    rows = [[cells.get(column.name, "") for column in sheet.columns] for cells in found]
    rows.sort(key=lambda row: [fold(cell) for cell in row])
    return _written(sheet, rows, form)


def template(sheet: Sheet, form: Form) -> bytes:
    """An empty table with its headings, and a line of remark that shows how a row is filled."""
    example = [column.example for column in sheet.columns]
    return _written(sheet, [[f"# {example[0]}", *example[1:]]], form)


def _written(sheet: Sheet, rows: Iterable[Sequence[str]], form: Form) -> bytes:
    header = [column.heading for column in sheet.columns]
    if form == "xlsx":
        from carecoord.actions.imports import workbooks  # openpyxl is dear to load: not before somebody wants one

        return workbooks.written(sheet.kind.capitalize(), header, iter(rows))
    return "".join(_lines([header, *rows])).encode()


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _BOM
    for row in rows:
        yield csv_line(row)
