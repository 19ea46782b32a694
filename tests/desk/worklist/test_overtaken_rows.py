"""Rows whose time has come, before the worker has judged them anew: who reads them writes nothing, and is told nothing
that time has overtaken."""

import csv
import io
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord import app
from carecoord.actions.worklist import current, project
from carecoord.store.database import tables
from carecoord.store.database.engine import open_engine, reading
from carecoord.worker import loop
from tests.desk.conftest import NOW, House

LATER = timedelta(days=400)  # when every coverage was last asked about long ago, and every visit is over


@pytest.fixture
def late(house: House, tmp_path: Path) -> Iterator[House]:
    """The same house after more than a year in which no worker ran."""
    with house.world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(Path(house.world.settings.var) / "carecoord.db", tmp_path / "carecoord.db")
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db")
    world = replace(house.world, engine=engine, clock=lambda: NOW + LATER)
    yield House(world, app.wired(world))
    engine.dispose()


def rows(house: House) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        found = conn.execute(select(tables.case).order_by(tables.case.c.rid)).mappings()
        return [dict(row) for row in found]


def work(house: House) -> list[Any]:
    """What waits in the outbox: where no test of the house ran yet, what the load of it has asked for."""
    with reading(house.world.engine) as conn:
        return list(conn.execute(select(tables.outbox)))


def csv_rows(client: Any) -> list[dict[str, str]]:
    answer = client.get("/worklist.csv?tab=open")
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


def test_reading_every_page_of_the_desk_changes_no_row_and_asks_for_no_work(late: House) -> None:
    before, waiting = rows(late), work(late)
    assert any(row["cleared"] for row in before), "or there would be nothing to be wrong about"
    for who in ("coordinator", "clinician", "payer", "contracts"):
        client = late.enter(who)
        for path in ("/", "/?tab=cleared", "/?tab=open&sort=patient", "/worklist.csv"):
            assert client.get(path).status_code in (200, 400, 403, 404)
    client = late.enter("coordinator")
    for row in before[:10]:
        assert client.get(f"/referrals/{row['id']}").status_code in (200, 404)
    assert rows(late) == before
    assert work(late) == waiting


def test_nothing_is_cleared_by_a_row_that_time_has_overtaken(late: House) -> None:
    client = late.enter("coordinator")
    page = client.get("/").get_data(as_text=True)
    figure = re.search(r'Cleared</span>\s*<span class="figure-value[^>]*>(\d+)<', page)
    assert figure, page[:2000]
    assert figure[1] == "0"
    listed = csv_rows(client)
    assert listed
    assert {row["cleared"] for row in listed} <= {"no", "False", "false", ""}
    stored = [row for row in rows(late) if row["cleared"] and row["open"]]
    for row in stored:
        panel = client.get(f"/referrals/{row['id']}").get_data(as_text=True)
        assert "Cleared: can be seen and paid for" not in panel


def test_a_page_shows_what_the_worker_will_write(late: House) -> None:
    client = late.enter("coordinator")
    shown = {row["number"]: row for row in csv_rows(client)}
    assert loop.once(late.world) == 1
    assert {row["number"]: row for row in csv_rows(client)} == shown


def test_a_download_judges_the_rows_of_a_run_together_and_each_patient_once(
    late: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, libraries = [], []

    def of_patient(library: Any, patient: str) -> Any:
        judged.append(patient)
        libraries.append(id(library))
        return judge(library, patient)

    judge = current.of_patient
    client = late.enter("coordinator")
    monkeypatch.setattr(current, "of_patient", of_patient)
    assert len(csv_rows(client)) > 40
    assert len(judged) == len(set(judged)) > 20
    assert len(set(libraries)) == 1


def test_a_case_that_can_not_be_judged_is_not_cleared_and_holds_up_no_other(
    late: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(late)
    broken = next(row["patient"] for row in before if row["cleared"] and row["open"])

    def of_patients(library: Any, patients: Sequence[str]) -> Any:
        if broken in patients:
            raise ZeroDivisionError
        return judge(library, patients)

    judge = project.of_patients
    monkeypatch.setattr(project, "of_patients", of_patients)
    monkeypatch.setattr(current, "of_patient", lambda library, patient: of_patients(library, [patient])[patient])
    shown = csv_rows(late.enter("coordinator"))
    assert loop.once(late.world) == 1
    after = {row["rid"]: row for row in rows(late)}
    late_by_then = [row for row in after.values() if row["changes_at"] is not None and row["changes_at"] <= moved(0)]
    assert late_by_then == []
    ours = [row for row in after.values() if row["patient"] == broken and row["changes_at"] == moved(10)]
    assert ours
    for row in ours:
        gates = {row[name] for name in row if name.endswith("_gate") and name != "headline_gate"}
        assert not row["cleared"]
        assert "met" not in gates
        assert row["number"] in {each["number"] for each in shown} or not row["open"]


def moved(minutes: int) -> int:
    return int((NOW + LATER + timedelta(minutes=minutes)).timestamp()) * 1_000_000
