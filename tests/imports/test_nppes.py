"""The registry of NPIs in its own layout: who is here is brought up to date, who else comes in a filter says, and what
was taken back is not active any more."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import nppes_file
from carecoord.actions.imports.published.nppes_file import Wanted
from carecoord.errors import Invalid
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.imports.nppes_lines import HEADER, line

HEAD = ",".join(f'"{heading}"' for heading in HEADER)
ELM = {"npi": "9000010089", "kind": "2", "business": "ELM CLINIC PC", "line": "9 New Street", "city": "FAIRMONT",
       "state": "NY", "zip": "100011234", "phone": "5550118", "taxonomy1": "261QM1300X"}  # fmt: skip
ANN = {"npi": "9000030012", "kind": "1", "last": "BEISPIEL", "first": "ANN", "credentials": "M.D.", "state": "NY",
       "taxonomy1": "207RC0000X", "taxonomy2": "207R00000X"}  # fmt: skip
BOB = ANN | {"npi": "9000100807", "last": "EXAMPLE", "first": "BOB", "state": "CA"}
TYPO = ANN | {"npi": "9000030013"}
NAMELESS = ANN | {"npi": "9000010121", "last": ""}


def brought(
    world: World, path: Path, *lines: Mapping[str, str], wanted: Wanted, dry: bool = False
) -> tuple[dict[str, int], list[str]]:
    path.write_text("\n".join([HEAD, *map(line, lines)]) + "\n")
    found = nppes_file.bring(world, IMPORTER, "test", path, wanted, dry=dry)
    assert found.lines == len(lines)
    return dict(+found.brought.rows), [f"{each.row} {each.column}: {say(each.why)}" for each in found.brought.faults]


def held(world: World, type: str) -> dict[str, dict[str, object]]:
    with reading(world.engine) as conn:
        rows = registry.every(conn, type)
    found = [text.loads(row.body) for row in rows]
    return {next(i["value"] for i in each["identifier"]): each for each in found}


def test_who_is_here_is_brought_up_to_date_and_the_filter_says_who_else_comes_in(office: World, tmp_path: Path) -> None:
    file, york = tmp_path / "npidata_pfile_20260101-20260208.csv", Wanted(("NY",), ("207R",))
    assert brought(office, file, ELM, ANN, BOB, wanted=Wanted()) == ({"changed": 1}, [])
    assert brought(office, file, ELM, ANN, BOB, wanted=york, dry=True) == ({"new": 1, "unchanged": 1}, [])
    assert held(office, "Practitioner") == {}
    assert brought(office, file, ELM, ANN, BOB, wanted=york) == ({"new": 1, "unchanged": 1}, [])
    assert brought(office, file, ELM, ANN, BOB, wanted=york) == ({"unchanged": 2}, [])
    elm = held(office, "Organization")["9000010089"]
    address = {"city": "FAIRMONT", "state": "NY", "postalCode": "10001-1234", "line": ["9 New Street"], "use": "work",
               "country": "US"}  # fmt: skip
    assert (elm["name"], elm["address"]) == ("ELM CLINIC PC", [address])
    (ann,) = held(office, "Practitioner").values()
    assert ann["name"] == [{"family": "BEISPIEL", "given": ["ANN"], "suffix": ["M.D."]}]
    codes = [each["code"]["coding"][0]["code"] for each in ann["qualification"]]  # type: ignore[attr-defined]
    assert codes == ["207RC0000X", "207R00000X"]


def test_a_faulty_line_is_told_and_the_others_come_in(office: World, tmp_path: Path) -> None:
    rows, faults = brought(office, tmp_path / "a.csv", TYPO, ANN, NAMELESS, wanted=Wanted(("NY",)))
    assert rows == {"new": 1, "faulty": 2}
    assert faults == [
        "2 npi: '9000030013' is no NPI: its last digit does not fit the others, so one is mistyped",
        "4 last: It has no name",
    ]


def test_a_number_that_was_taken_back_is_not_active_any_more(office: World, tmp_path: Path) -> None:
    gone = {"npi": "9000010089", "gone": "02/01/2026"}
    stranger = {"npi": "9000100807", "gone": "02/01/2026"}
    assert brought(office, tmp_path / "a.csv", gone, stranger, wanted=Wanted(("NY",))) == ({"changed": 1}, [])
    assert held(office, "Organization")["9000010089"]["active"] is False
    back = ELM | {"gone": "02/01/2026", "back": "03/01/2026"}
    assert brought(office, tmp_path / "a.csv", back, wanted=Wanted()) == ({"changed": 1}, [])
    assert held(office, "Organization")["9000010089"]["active"] is True


def test_the_archive_of_the_month_is_read_as_it_is_and_another_file_is_refused(office: World, tmp_path: Path) -> None:
    month = tmp_path / "NPPES_Data_Dissemination_February_2026_V2.zip"
    with zipfile.ZipFile(month, "w") as packed:
        packed.writestr("npidata_pfile_20050523-20260208_fileheader.csv", HEAD)
        packed.writestr("npidata_pfile_20050523-20260208.csv", f"{HEAD}\n{line(ANN)}\n")
        packed.writestr("pl_pfile_20050523-20260208.csv", "NPI\n")
    found = nppes_file.bring(office, IMPORTER, "test", month, Wanted(("NY",)))
    assert +found.brought.rows == {"new": 1}
    other = tmp_path / "other.csv"
    other.write_text("NPI,Name\n1,x\n")
    with pytest.raises(Invalid, match="is not the registry of NPIs: it has no column “Entity Type Code”"):
        nppes_file.bring(office, IMPORTER, "test", other, Wanted())
