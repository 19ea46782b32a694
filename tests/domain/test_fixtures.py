"""The ten worked cases as the fixtures tell them, through the write door into a real database, and read back as
rows."""

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, select

from carecoord.actions import projecting
from carecoord.actions.assembling import assemble
from carecoord.domain.clearance import clear
from carecoord.domain.policy import Policy
from carecoord.store.engine import open_engine, writing
from carecoord.store.tables import case
from carecoord.store.write import Actor, Change, put_all
from tests.domain.test_worked_cases import GATES, TABLE

FIXTURES = Path(__file__).parents[2] / "fixtures"
BASE = "http://127.0.0.1:8000/fhir"
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
    put_all(conn, changes, now=now, actor=ACTOR, base_url=BASE, project=projecting.projector(POLICY))


@pytest.fixture(scope="module")
def told(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A database that the whole story was told to."""
    path = tmp_path_factory.mktemp("story") / "story.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    with writing(engine) as conn:
        tell(conn, story(), nine())
    return engine


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
