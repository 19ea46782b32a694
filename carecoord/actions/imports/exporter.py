"""Tables out, as they can be brought in again: what is here by kind, and the empty ones with an example."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements.desk import today
from carecoord.actions.agreements.dossier import gathered
from carecoord.actions.imports import code_tables, exclusion_tables, people_tables, rate_tables, rule_books
from carecoord.actions.imports.batch import register
from carecoord.domain.access import verbs
from carecoord.domain.imports.sheets import SHEETS, Sheet
from carecoord.domain.resource.elements import source
from carecoord.errors import Forbidden
from carecoord.fhir.search.collation import fold
from carecoord.words.catalogue import say
from carecoord.words.csv_lines import csv_line
from carecoord.words.sentence import sentence
from carecoord.world import World

Form = Literal["csv", "xlsx"]
_BOM: Final = "\ufeff"
_LINES: Final[dict[str, Callable[[Turn], Iterator[Mapping[str, str]]]]] = {  # of kinds whose rows are no resources
    "rules": rule_books.rows, "rates": rate_tables.rows, "people": people_tables.rows,
    "codes": code_tables.rows, "exclusions": exclusion_tables.rows,
}  # fmt: skip


def export(world: World, grant: Grant, request: str, sheet: Sheet, form: Form, title: str = "") -> bytes:
    """Everything of a kind that the asker sees, sorted by its first column, but for what an EHR keeps, its columns
    called as the asker reads. title: of a workbook's sheet. Raises Forbidden."""
    if not grant.is_operator and not verbs.may(grant.roles, sheet.verb):
        raise Forbidden(sentence("refusals.your-roles-do-not-see"))
    of = sheet.exports[0] if sheet.exports else "Basic"
    asked = f"table={sheet.kind}&format={form}"
    with looking(world, grant, request) as turn, noted(turn, "export-table", of, None, asked) as shown:
        shown.append(None)
        for type in sheet.exports:
            turn.demand(type, "s")
        found = list(_LINES[sheet.kind](turn)) if sheet.kind in _LINES else _resources(turn, sheet)
    rows = [[cells.get(column.name, "") for column in sheet.columns] for cells in found]
    rows.sort(key=lambda row: [fold(cell) for cell in row])
    return _written(sheet, rows, form, title)


def rates_of(
    world: World, grant: Grant, request: str, id: str, form: Form, title: str = ""
) -> tuple[str, bytes]:  # fmt: skip
    """The number of the agreement of which a Contract is a version, and every line that is paid under its versions, as
    far as the asker may see rates; none alike where there are none and where they may not. Raises Forbidden, NotFound.
    """
    sheet, asked = SHEETS["rates"], f"table=rates&format={form}"
    with looking(world, grant, request) as turn, noted(turn, "export-table", "Contract", id, asked) as shown:
        found = gathered(turn, id, today(world))
        shown.append(None)
        lines = list(rate_tables.of_versions(turn, (contract for _, contract in found.versions)))
    rows = [[cells.get(column.name, "") for column in sheet.columns] for cells in lines]
    return found.row.number, _written(sheet, rows, form, title)


def _resources(turn: Turn, sheet: Sheet) -> list[Mapping[str, str]]:
    known = register(turn, dict.fromkeys((*sheet.reads, *sheet.exports, *sheet.makes, *sheet.shows)))
    own = [each for type in sheet.exports for each in known.every(type) if not source(each)]
    return [cells for each in own for cells in sheet.cells(each, known)]


def template(sheet: Sheet, form: Form, title: str = "") -> bytes:
    """An empty table with its headings, and a line of remark that shows how a row is filled."""
    example = [column.example for column in sheet.columns]
    return _written(sheet, [[f"# {example[0]}", *example[1:]]], form, title)


def _written(sheet: Sheet, rows: Iterable[Sequence[str]], form: Form, title: str) -> bytes:
    header = [say(column.titled) for column in sheet.columns]
    if form == "xlsx":
        from carecoord.actions.imports import workbooks  # openpyxl is dear to load: not before somebody wants one

        return workbooks.written(title or sheet.kind.capitalize(), header, iter(rows))
    return "".join(_lines([header, *rows])).encode()


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _BOM
    for row in rows:
        yield csv_line(row)
