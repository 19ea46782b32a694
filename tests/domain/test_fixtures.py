"""The ten worked cases as the fixtures tell them, through the write door into a real database, and read back as
rows."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, select

from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.gates.policy import Policy
from carecoord.fhir.service_base import Base
from carecoord.store.database.engine import open_engine, writing
from carecoord.store.database.tables import case
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.words.catalogue import in_words
from tests.domain.clearance.test_worked_cases import GATES, TABLE

FIXTURES = Path(__file__).parents[2] / "fixtures"
HERE = Base("http://127.0.0.1:8000/fhir", UTC)
ACTOR = Actor("tester", None, None, "request")
POLICY = Policy()
NAMES = (
    "worked-01-visit-after-approval", "worked-02-thirteenth-visit", "worked-03-notice-given", "worked-04-site-b",
    "worked-05-new-payer", "worked-06-agreement-lapsed", "worked-07-document-asked", "worked-08-rate-only-amendment",
    "worked-09-stale-eligibility", "worked-10-declined",
)  # fmt: skip
CASES = [(name, dict(zip(GATES, states.split(), strict=True))) for name, (_, states) in zip(NAMES, TABLE, strict=True)]


def today() -> date:
    return date.fromisoformat(json.loads((FIXTURES / "anchor.json").read_text())["today"])


def nine() -> datetime:
    """Nine in the morning of the day that the fixtures play on."""
    return datetime.combine(today(), time(9), ZoneInfo("America/New_York"))


def story() -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(FIXTURES.glob("*/*.ndjson")) for line in path.read_text().splitlines()]


def tell(conn: Connection, resources: list[dict[str, Any]], now: datetime) -> None:
    changes = [Change(each["resourceType"], each["id"], each) for each in resources]
    put_all(conn, changes, now=now, actor=ACTOR, base=HERE, project=worklist_project.projector(POLICY))


@pytest.fixture(scope="module")
def told(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database that the whole story was told to."""
    path = tmp_path_factory.mktemp("story") / "story.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    with writing(engine) as conn:
        tell(conn, story(), nine())
    yield engine
    engine.dispose()


@pytest.mark.parametrize(("name", "wanted"), CASES, ids=NAMES)
def test_each_worked_case_of_the_fixtures_shows_its_six_gate_states(
    told: Engine, name: str, wanted: dict[str, str]
) -> None:
    with told.connect() as conn:
        found = assemble(conn, name)
        row = conn.execute(select(case).where(case.c.id == name)).mappings().one()
    assert found is not None
    judged = clear(found, nine(), POLICY)
    assert {gate.name: gate.state for gate in judged.gates} == wanted
    assert {gate: row[f"{gate}_gate"] for gate in GATES} == wanted


def test_every_referral_of_the_story_has_a_row_and_nothing_else_has(told: Engine) -> None:
    orders = {each["id"] for each in story() if each["resourceType"] == "ServiceRequest"}
    with told.connect() as conn:
        assert set(conn.scalars(select(case.c.id))) == orders


def test_no_task_of_the_story_was_changed_before_it_was_made_nor_a_visit_followed_before_it_took_place() -> None:
    """FHIR R4 Task inv-1: last modified date must be greater than or equal to authored-on date."""
    tasks = [each for each in story() if each["resourceType"] == "Task" and "lastModified" in each]
    assert [task["id"] for task in tasks if task["lastModified"] < task["authoredOn"]] == []
    seen: dict[str, str] = {}
    for each in story():
        if each["resourceType"] == "Appointment" and each["status"] == "fulfilled":
            order = each["basedOn"][0]["reference"]
            seen[order] = max(seen.get(order, ""), each["start"])
    followed = {"visit-done", "report-received"}
    for task in tasks:
        stage = next((c["code"] for c in task.get("businessStatus", {}).get("coding", ())), "")
        if stage in followed and task["focus"]["reference"] in seen:
            assert task["lastModified"] > seen[task["focus"]["reference"]], task["id"]


@pytest.fixture(scope="module")
def rows(told: Engine) -> dict[str, Any]:
    with told.connect() as conn:
        return {row.number: row for row in conn.execute(select(case))}


def test_an_urgent_denial_stands_on_top_of_the_story(rows: dict[str, Any]) -> None:
    waiting = sorted(row.sort_due for row in rows.values() if row.open)
    for number in ("R-24790", "R-24824"):
        assert waiting.index(rows[number].sort_due) < len(waiting) // 3, in_words(rows[number].due_label)
        note = in_words(rows[number].authorization_note)
        assert note.startswith("Appeal by "), "the last day of the law is told beside it"
    assert in_words(rows["R-24790"].due_label) == "Answer the denial"


def test_nobody_of_the_story_is_cleared_who_can_not_be_seen(rows: dict[str, Any]) -> None:
    assert (rows["R-24772"].stage, rows["R-24772"].action) == ("cancel-requested", "chase-performer")
    for number in ("R-24772", "R-24813", "R-24744", "R-24797", "R-24781"):
        assert not rows[number].cleared, number
    for row in rows.values():
        if row.cleared:
            assert row.appointment_at is not None
            assert row.appointment_gate == "met"


def test_a_pended_request_stays_in_the_payers_queue(rows: dict[str, Any]) -> None:
    for number in ("R-24817", "R-90007"):
        assert (rows[number].payer_moves, in_words(rows[number].payer_due_label)) == (True, "Payer decision"), number
