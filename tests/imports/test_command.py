"""`carecoord import` and `export`, as a person at the command meets them."""

import json
from pathlib import Path

import pytest

from carecoord.cli import main
from tests.imports import nppes_lines
from tests.imports.conftest import ORGANIZATIONS


@pytest.fixture
def var(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "carecoord.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("CARECOORD_VAR", str(tmp_path))
    return tmp_path


def test_a_table_is_tried_brought_in_and_written_out_again(var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = var / "them.csv"
    file.write_text(ORGANIZATIONS + "Bad Clinic,clinic,9000010088,,,,,,,\n")
    assert main(["import", "organizations", str(file), "--dry-run"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "them.csv, C6: '9000010088' is no NPI: its last digit does not fit the others, so one is mistyped",
        "4 rows would be new, 0 would be changed, 0 unchanged; 1 faulty.",
    ]
    assert main(["import", "organizations", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["rows"]["new"] == 4
    assert told["faults"][0]["where"] == "them.csv, C6"
    assert main(["export", "organizations", str(var / "out.csv")]) == 0
    assert (var / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfName,Kind,NPI,")
    assert "Elm Clinic,clinic,9000010089" in (var / "out.csv").read_text("utf-8-sig")


def test_a_column_of_another_name_is_asked_for_and_told_by_map(var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = var / "them.csv"
    file.write_text("Praxis,NPI\nElm Clinic,9000010089\n")
    assert main(["import", "organizations", str(file)]) == 1
    assert "no column for Name. Its columns are Praxis, NPI" in capsys.readouterr().err
    assert main(["import", "organizations", str(file), "--map", "Name=Praxis"]) == 0
    assert main(["import", "organizations", str(file), "--map", "Name=Klinik"]) == 1
    assert main(["import", "organizations", str(var / "none.csv")]) == 1


def test_a_file_in_a_publishers_layout_is_brought_in_by_its_kind(
    var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = ",".join(f'"{heading}"' for heading in nppes_lines.HEADER)
    elm = {"npi": "9000010089", "kind": "2", "business": "ELM CLINIC PC", "state": "NY"}
    typo = elm | {"npi": "9000010088"}
    file = var / "npidata_pfile.csv"
    file.write_text("\n".join([head, nppes_lines.line(elm), nppes_lines.line(typo)]))
    assert main(["import", "nppes", str(file), "--state", "ny"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "npidata_pfile.csv, A3: '9000010088' is no NPI: its last digit does not fit the others, so one is mistyped",
        "2 lines read. 1 new, 0 changed, 0 unchanged; 1 faulty, left out.",
    ]
    assert main(["import", "in-network", str(file)]) == 1
    assert "Which agreement is it? Name its number: --agreement NUMBER." in capsys.readouterr().err
