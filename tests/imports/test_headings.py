"""Columns are called as their reader reads, and are recognized in every language."""

import pytest

from carecoord.actions.imports import exporter, formats, importer
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from carecoord.words.reader import reading_in
from carecoord.world import World

AGREEMENTS = (
    "Número de convenio,Versión,Clase,Título,Situación,Primera parte,Segunda parte,Empieza,Termina,"
    "Renovación automática,Meses de renovación,Días de preaviso,Preaviso dado,Modifica la versión,"
    "Clase de modificación,Importe máximo,Redes,Especialidades"
)


def test_a_template_is_headed_in_its_readers_language() -> None:
    with reading_in("es"):
        told = exporter.template(SHEETS["agreements"], "csv").decode("utf-8-sig")
    assert told.splitlines()[0] == AGREEMENTS


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", SHEETS)
def test_every_column_of_a_template_is_recognized_in_each_language(kind: str, language: str) -> None:
    sheet = SHEETS[kind]
    with reading_in(language):
        header = formats.read("table.csv", exporter.template(sheet, "csv")).header
    assert headings.mapped(sheet, header) == {column.name: place for place, column in enumerate(sheet.columns)}


def test_a_column_is_recognized_however_capitals_and_accents_are_written() -> None:
    header = ["NUMERO DE CONVENIO", "primera parte", "Second party", "empieza"]
    found = headings.mapped(SHEETS["agreements"], header)
    assert found == {"number": 0, "payer": 1, "provider": 2, "starts": 3}


def test_what_was_exported_in_spanish_comes_in_again_unchanged(office: World) -> None:
    with reading_in("es"):
        data = exporter.export(office, importer.IMPORTER, "test", SHEETS["organizations"], "csv")
    assert data.decode("utf-8-sig").startswith("Nombre,Clase,NPI,Número de la aseguradora,Número fiscal,Parte de,")
    table = formats.read("organizaciones.csv", data)
    found = headings.mapped(SHEETS["organizations"], table.header)
    brought = importer.bring(office, importer.IMPORTER, "test", SHEETS["organizations"], table, found, dry=True)
    assert brought.faults == []
    assert [name for name, rows in brought.rows.items() if rows] == ["unchanged"]
