"""The demo as a new user meets it: one command in an empty folder, real processes, real sockets."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
import requests

from auth.client.backend import Backend, load_keys
from tests.ports import free_port

Done: TypeAlias = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.xdist_group("demo")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
GATES = {  # coverage, authorization, agreement, information, appointment, loop: clearance.md, fixtures/README.md
    "R-90001": "met open met not-needed open pending",
    "R-90002": "met met met not-needed met pending",
    "R-90003": "met met blocked not-needed open pending",
    "R-90004": "met not-needed blocked not-needed met pending",
    "R-90005": "met open met not-needed met pending",
    "R-90006": "met open blocked not-needed open pending",
    "R-90007": "met pending met open open pending",
    "R-90008": "met not-needed met not-needed met pending",
    "R-90009": "unknown not-needed met not-needed met pending",
    "R-90010": "met open met not-needed pending pending",
}
NAMES = ("coverage", "authorization", "agreement", "information", "appointment", "loop")


@dataclass(frozen=True)
class Place:
    """Where a demo stands: its folder and its ports."""

    var: Path
    port: int
    ehr_port: int

    @property
    def environ(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CARECOORD_")}
        return own | {
            "CARECOORD_VAR": str(self.var),
            "CARECOORD_PORT": str(self.port),
            "CARECOORD_DEMO_EHR_PORT": str(self.ehr_port),
        }

    def run(self, *words: str) -> Done:
        command = [sys.executable, "-m", "carecoord.cli", *words]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def note(self) -> dict[str, Any]:
        return dict(json.loads((self.var / "demo.json").read_text()))

    def rows(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.var / "carecoord.db")) as conn:
            return conn.execute(statement).fetchall()

    def content(self) -> list[Any]:
        """All that a second run must leave as it is."""
        tables = ("resource", "history", "auth_user", "auth_client", "ehr", "case_row")
        tables += ("claim", "claim_act", "x12_file")
        kept = [self.rows(f'SELECT * FROM "{table}" ORDER BY 1, 2') for table in tables]
        # each start gives the registry a new mark (decision 31)
        return [*kept, self.rows("SELECT * FROM setting WHERE name NOT LIKE 'registry:%' ORDER BY name")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("demo") / "var", free_port(), free_port())


@pytest.fixture(scope="module")
def first(place: Place) -> Done:
    """The first run in an empty folder."""
    return place.run("demo", "--once")


@contextmanager
def serving(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A demo that serves."""
    log = (place.var.parent / "serving.log").open("wb")
    command = [sys.executable, "-m", "carecoord.cli", "demo"]
    with log, subprocess.Popen(command, env=place.environ, stdout=log, stderr=log) as process:
        try:
            wait(f"http://127.0.0.1:{place.port}/healthz", process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")


def test_the_first_run_ends_well_and_shows_every_open_case(first: Done, place: Place) -> None:
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].split("  ")[0] == "number"
    shown = [line for line in lines if line.startswith("R-")]
    assert len(shown) == place.rows("SELECT count(*) FROM case_row WHERE open")[0][0] >= 50
    assert f"{len(shown)} open cases" in first.stdout
    assert "Okafor, Ngozi" in first.stdout


def test_the_ten_worked_cases_show_their_gates(first: Done, place: Place) -> None:
    columns = ", ".join(f"{name}_gate" for name in NAMES)
    found = {row[0]: " ".join(row[1:]) for row in place.rows(f"SELECT number, {columns} FROM case_row")}
    assert {number: found.get(number) for number in GATES} == GATES


def test_all_of_the_story_arrives_and_nothing_in_it_is_flagged(first: Done, place: Place) -> None:
    sent = sum(len(path.read_text().splitlines()) for path in (ROOT / "fixtures").glob("*/*.ndjson"))
    ((kept,),) = place.rows("SELECT count(*) FROM resource WHERE NOT deleted AND type <> 'ExplanationOfBenefit'")
    assert kept == sent, "the story and nothing else: its EHR does nothing by itself"
    assert place.rows("SELECT count(*) FROM flag") == [(0,)]


def test_the_desk_of_claims_has_one_paid_denied_paid_in_part_paid_short_and_of_nobody_here(
    first: Done, place: Place
) -> None:
    columns = "number, status, work, denied, short, patient IS NOT NULL, agreement_number"
    assert {row[0]: row[1:] for row in place.rows(f"SELECT {columns} FROM claim")} == {
        "FM-80114": ("paid", "closed", 0, 0, 1, "AGR-0126"),
        "FM-80127": ("denied", "open", 64000, 0, 1, None),  # of a service without a price
        "FM-80131": ("partly", "open", 5500, 0, 1, "AGR-0126"),
        "FM-80140": ("paid", "open", 0, 4900, 1, "AGR-0126"),
        "FM-80142": ("paid", "open", 0, 0, 0, None),
    }
    ((decided,),) = place.rows("SELECT DISTINCT decided FROM claim")
    assert date.fromisoformat(place.note()["today"]) - date.fromisoformat(decided) == timedelta(days=3)
    assert place.rows("SELECT state, faults FROM x12_transaction") == [("taken", "[]")]
    assert place.rows("SELECT count(*) FROM resource WHERE type = 'ExplanationOfBenefit'") == [(4,)]


def test_a_contradiction_between_sources_is_shown(first: Done, place: Place) -> None:
    assert place.rows("SELECT number FROM case_row WHERE conflict") == [("R-24804",)]


def test_what_a_script_needs_is_written_for_its_owner_only(first: Done, place: Place) -> None:
    note = place.note()
    assert note["base_url"] == f"http://127.0.0.1:{place.port}"
    assert note["ehr_url"] == f"http://127.0.0.1:{place.ehr_port}/fhir"
    roles = [user["role"] for user in note["users"]]
    assert sorted(roles) == ["admin", "auditor", "clinician", "contracts", "coordinator", "medical-director", "payer"]
    assert all(user["login"] and len(user["password"]) >= 20 for user in note["users"])
    secrets = [place.var / "demo.json", *(place.var / "keys").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}


def test_a_second_run_changes_nothing(first: Done, place: Place) -> None:
    before, note = place.content(), place.note()
    again = place.run("demo", "--once")
    assert again.returncode == 0, again.stderr
    assert "0 of them new or changed" in again.stdout
    assert place.content() == before
    assert place.note() == note


def test_a_port_in_use_is_told_with_another_to_choose(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.ehr_port))
        taken.listen()
        done = place.run("demo", "--once")
    assert done.returncode == 1
    assert f"Port {place.ehr_port} is in use" in done.stderr
    assert "CARECOORD_DEMO_EHR_PORT=" in done.stderr


def test_the_demo_goes_on_with_its_ehr_on_another_port_and_writes_a_lost_note_anew(first: Done, place: Place) -> None:
    """A24: the second setting of a port was refused until the folder was removed. The passwords of a new note are new;
    the test after this one goes back to the first port."""
    note = place.note()
    (place.var / "demo.json").unlink()
    kept = 'SELECT type, id FROM "resource" WHERE NOT deleted ORDER BY 1, 2'
    before = place.rows(kept)
    elsewhere = Place(place.var, place.port, free_port())
    assert elsewhere.run("demo", "--once").returncode == 0
    assert elsewhere.rows(kept) == before, "the same resources under the same ids"
    after = place.note()
    assert after["today"] == note["today"]
    assert [user["login"] for user in after["users"]] == [user["login"] for user in note["users"]]
    assert after["users"][0]["password"] != note["users"][0]["password"]


def test_a_script_gets_in_with_what_the_note_says_and_ctrl_c_ends_all(first: Done, place: Place) -> None:
    with serving(place) as process:
        note = place.note()
        client = note["client"]
        keys = load_keys(Path(client["private_key_file"]).read_bytes())
        with requests.Session() as session:
            token = Backend(
                session,
                client["token_url"],
                client["client_id"],
                keys,
                client["scope"],
                clock=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid4()),
            ).token()
            found = session.get(
                f"{note['fhir_url']}/ServiceRequest",
                params={"identifier": "R-90008", "_total": "accurate"},
                headers={"Authorization": f"Bearer {token}"},
                timeout=20,
            ).json()
            assert found["total"] == 1
            assert session.get(f"{note['fhir_url']}/Patient", timeout=20).status_code == 401
            assert session.get(f"{note['ehr_url']}/Patient", timeout=20).status_code == 401
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    for port in (place.port, place.ehr_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that wind down are no listener
            probe.bind(("127.0.0.1", port))
