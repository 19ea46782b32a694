"""What verbs print: for people on screens of any width, for programs as JSON and CSV, and the words that a shell
completes (issue 12.8)."""

import csv
import io
import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from carecoord.cli import GROUPS, VERBS
from carecoord.cli.screen import Screen
from carecoord.store.database import outbox
from carecoord.store.database.engine import open_engine, writing

from .conftest import Run

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
COLUMNS = ("name", "address", "result")
ROWS = [("city", "https://ehr.example/fhir/of/the/whole/city", "good"), ("bay", "https://bay.example/fhir", "")]
EHRS = "name,address,dialect,last sync,received,changed,flagged,next,result"


def shown(width: int, terminal: bool = True) -> str:
    screen = Screen()
    screen.out = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    screen.table(COLUMNS, ROWS)
    file = screen.out.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_table_that_fits_is_a_table_and_one_that_does_not_is_told_in_lines() -> None:
    assert [line.split() for line in shown(80).splitlines() if "city" in line] == [list(ROWS[0])]
    assert shown(40) == (
        "city\n    address: https://ehr.example/fhir/of/the/whole/city\n    result: good\n"
        "bay\n    address: https://bay.example/fhir\n"
    )


def test_every_verb_stands_under_who_needs_it_once() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(VERBS)


def test_rows_come_as_json_and_csv_and_what_is_said_beside_them_on_stderr(ready: Run) -> None:
    ready("ehr", "add", "city", "https://ehr.example/fhir", "--client-id", "x")
    code, out, _ = ready("ehr", "list", "--json")
    (row,) = json.loads(out)
    assert (code, row["name"], row["next"], row["result"]) == (0, "city", "by hand", "never")
    code, out, _ = ready("ehr", "list", "--csv")
    assert out.splitlines() == [EHRS, "city,https://ehr.example/fhir,generic,never,,,,by hand,never"]
    code, out, err = ready("keys", "list", "--json")
    assert {row["kind"] for row in json.loads(out)} == {"ES384", "RS384"}
    assert "Published at" in err


def test_where_there_is_nothing_a_program_gets_an_empty_list_and_a_person_what_to_do(ready: Run) -> None:
    assert ready("ehr", "list", "--json")[1] == "[]\n"
    assert ready("ehr", "list", "--csv")[1] == f"{EHRS}\n"
    assert "carecoord ehr add" in ready("ehr", "list")[1]
    assert ready("jobs", "list")[1] == "No job was given up.\n"


def test_an_ehr_is_paused_and_resumed_and_the_list_says_when_it_is_read_next(ready: Run) -> None:
    ready("ehr", "add", "city", "https://ehr.example/fhir", "--client-id", "x", "--every", "15")
    assert ready("ehr", "pause", "city")[0] == 0
    assert json.loads(ready("ehr", "list", "--json")[1])[0]["next"] == "paused"
    assert ready("ehr", "resume", "city")[0] == 0
    assert json.loads(ready("ehr", "list", "--json")[1])[0]["next"].endswith(" UTC")
    code, _, err = ready("ehr", "pause", "nobody")
    assert code == 1
    assert "nobody" in err


def test_an_ehr_is_taken_away_after_it_was_said_what_becomes_of_its_data(ready: Run) -> None:
    ready("ehr", "add", "city", "https://ehr.example/fhir", "--client-id", "x", "--every", "15")
    code, out, err = ready("ehr", "remove", "city")
    assert code == 1
    assert "What came from it stays, as it is now, and is ours alone: nothing." in out
    assert "say --yes" in err
    assert len(json.loads(ready("ehr", "list", "--json")[1])) == 1
    code, out, err = ready("ehr", "remove", "city", "--yes")
    assert (code, err, out.splitlines()[-1]) == (0, "", "city is gone.")
    assert json.loads(ready("ehr", "list", "--json")[1]) == []
    assert json.loads(ready("jobs", "list", "--json")[1]) == []
    assert "There is no EHR 'city'" in ready("ehr", "remove", "city", "--yes")[2]


def test_cases_come_for_programs_with_instants(ready: Run) -> None:
    ready("load", FIXTURES / "office" / "Organization.ndjson")
    found = list(csv.DictReader(io.StringIO(ready("cases", "--csv")[1])))
    assert found == []
    assert ready("cases", "--csv")[1].startswith("number,patient,referred to,coverage,")


def test_check_is_read_by_programs_and_ends_as_ever(ready: Run) -> None:
    code, out, _ = ready("check", "--json")
    found = {row["what"]: row["standing"] for row in json.loads(out)}
    assert code == 1
    assert (found["database"], found["people"]) == ("good", "bad")


def test_check_names_the_lane_that_nobody_does(ready: Run, tmp_path: Path) -> None:
    """Machines that are given lanes (`work --lane`) may leave one out between them."""
    engine = open_engine(f"sqlite:///{tmp_path}/var/carecoord.db")
    with writing(engine) as conn:
        outbox.add(conn, "request-packet", "p1", b"{}", datetime.now(UTC) - timedelta(minutes=20))
    engine.dispose()
    _, out, _ = ready("check", "--json")
    (said,) = [row["told"] for row in json.loads(out) if row["what"] == "later work" and row["standing"] == "bad"]
    assert re.match(r"a job is due for 2\d minutes \(lane papers\): carecoord serve, or carecoord work in each ", said)


def test_a_verb_that_has_verbs_shows_them_where_none_is_given(run: Run) -> None:
    code, out, _ = run("ehr")
    assert code == 2
    assert "    pause " in out


def test_a_part_that_is_through_is_told_in_a_line_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen().progress("Syncing city") as report:
        report("Patient", 100, 150)
        report("Patient", 150, 150)
        report("Task", 3, None)
    assert capsys.readouterr().err == "Syncing city: Patient 150\nSyncing city: Task 3\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_is_told_the_words(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "resume" in out


def test_bash_reads_what_it_is_told(run: Run) -> None:
    script = run("completion", "bash")[1]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
