"""`carecoord check --deep`: it finds each row that was broken by hand, and nothing where all is well."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from carecoord import app
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.server import deep
from carecoord.cli.screen import Screen
from carecoord.cli.server import deep as deep_look
from carecoord.settings import Settings
from carecoord.store.database.engine import writing
from carecoord.store.database.tables import metadata
from carecoord.world import World
from tests.conftest import BUSY, DATABASES

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)  # the day that the story plays on

pytestmark = pytest.mark.xdist_group("deep")


@pytest.fixture(scope="module", params=DATABASES)
def world(
    request: pytest.FixtureRequest, new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The story, as `load` writes it, with a Consent that forbids something."""
    var = tmp_path_factory.mktemp("deep")
    settings = Settings(var=str(var), database_url=new_database(request.param), **BUSY)
    made = app.world(settings)
    object.__setattr__(made, "clock", lambda: NOW)
    files = [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]
    assert not fhir_load.load(made, files).refusals
    yield made
    made.engine.dispose()


def faults(world: World) -> list[tuple[str, str]]:
    return [(fault.kind, fault.where) for fault in deep.walk(world, deep.Looked())]


def test_everything_agrees_where_nobody_broke_anything(world: World) -> None:
    looked = deep.Looked()
    told: list[tuple[str, int, int | None]] = []
    assert list(deep.walk(world, looked, lambda *said: told.append(said))) == []
    assert looked.resources > 700
    assert looked.cases == 71
    assert told[0][:2] == ("resources", 500)
    assert told[-1][0] == "patients with cases"
    words, good = deep_look.look(world, Screen())
    assert good
    assert words.endswith("resources and 71 cases were looked at; all that stands beside them says what they say")


SOMEBODY = "(SELECT min(rid) FROM resource WHERE type = 'Patient')"
CASE = "(SELECT min(rid) FROM case_row)"

# What is done to the database by hand, and what is found then: (kind, table).
BROKEN = [
    (f"DELETE FROM ix_token WHERE rid = {SOMEBODY}", [("index", "ix_token")]),
    (f"UPDATE ix_string SET folded = 'x' || folded WHERE rid = {SOMEBODY}", [("index", "ix_string")]),
    (f"UPDATE ix_date SET low = low - 1 WHERE rid = {SOMEBODY}", [("index", "ix_date")]),
    ("DELETE FROM ix_number WHERE rid = (SELECT min(rid) FROM ix_number)", [("index", "ix_number")]),
    (f"DELETE FROM ix_reference WHERE rid = {CASE}", [("index", "ix_reference")]),
    ("DELETE FROM ix_uri WHERE rid = (SELECT min(rid) FROM ix_uri)", [("index", "ix_uri")]),
    ("DELETE FROM ix_pair WHERE rid = (SELECT min(rid) FROM ix_pair)", [("index", "ix_pair")]),
    (
        f"UPDATE resource SET patient = 'nobody' WHERE rid = {SOMEBODY}",
        [("compartment", ""), ("case", "case_row")],  # by which cases are put together, too
    ),
    (f"UPDATE resource SET hash = body WHERE rid = {SOMEBODY}", [("hash", "")]),
    (f"UPDATE resource SET updated = updated + 1000 WHERE rid = {SOMEBODY}", [("body", "")]),
    (f"UPDATE resource SET version = 2 WHERE rid = {SOMEBODY}", [("history", ""), ("body", "")]),
    (f"INSERT INTO history SELECT rid, 9, updated, deleted, body, method FROM resource WHERE rid = {SOMEBODY}",
     [("history", "")]),
    (f"INSERT INTO directive VALUES ({SOMEBODY})", [("directive", "directive")]),
    (f"INSERT INTO organization_place VALUES ({SOMEBODY}, 'Location/x', 'Organization/x', 1, 1, 1, 1, 1)",
     [("place", "organization_place")]),
    (f"DELETE FROM patient_word WHERE rid = {SOMEBODY}", [("patient words", "patient_word")]),
    ("INSERT INTO ix_uri VALUES (999999999, 1, 'x')", [("stray", "ix_uri")]),
    ("INSERT INTO case_need (key, rid) VALUES (1, 999999999)", [("stray", "case_need")]),
    (f"UPDATE case_row SET stage = 'closed' WHERE rid = {CASE}", [("case", "case_row")]),
    (f"UPDATE case_row SET cleared = NOT cleared WHERE rid = {CASE}", [("case", "case_row")]),
    (f"DELETE FROM case_row WHERE rid = {CASE}",
     [("stray", "case_word"), ("stray", "case_ahead"), ("case", "case_row")]),
    (f"DELETE FROM case_word WHERE rid = {CASE}", [("case words", "case_word")]),
    (f"DELETE FROM case_need WHERE rid = {CASE}", [("case needs", "case_need")]),
    ("UPDATE authorization_row SET state = 'denied' WHERE root = (SELECT min(root) FROM authorization_row "
     "WHERE state <> 'denied')", [("authorization", "authorization_row")]),
    ("DELETE FROM authorization_party WHERE root = (SELECT min(root) FROM authorization_party)",
     [("authorization words", "authorization_word")]),
    ("UPDATE authorization_word SET payer = NOT payer WHERE root = (SELECT min(root) FROM authorization_word)",
     [("authorization words", "authorization_word")]),
    ("INSERT INTO claim_tally VALUES ('x', 'all', '', 'open', 'paid', false, false, 0, 1, 0, 0)",
     [("claims", "claim_tally")]),
]  # fmt: skip


def _table(statement: str) -> str:
    words = statement.replace("INTO", "FROM").replace("UPDATE", "FROM").split()
    return words[words.index("FROM") + 1]


def rounds() -> list[dict[str, list[tuple[str, str]]]]:
    """What is broken at once, since a look at everything is dear: of each round no two have to do with one table, or
    with a case, of which the first that is wrong is told."""
    made: list[tuple[set[str], dict[str, list[tuple[str, str]]]]] = []
    for statement, found in BROKEN:
        tables = {_table(statement), *(where for _, where in found if where)}
        touched = {"case" if each.startswith("case_") else each for each in tables}
        free = next((each for each in made if not each[0] & touched), None)
        if free is None:
            made.append(free := (set(), {}))
        free[0].update(touched)
        free[1][statement] = found
    return [statements for _, statements in made]


@pytest.mark.parametrize("broken", rounds(), ids=[f"{len(each)} at once" for each in rounds()])
def test_each_row_that_was_broken_by_hand_is_found(world: World, broken: dict[str, list[tuple[str, str]]]) -> None:
    with writing(world.engine) as conn:
        names = [_table(statement) for statement in broken]
        before = {name: conn.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in names}
        for statement in broken:
            assert conn.execute(text(statement)).rowcount, statement
    try:
        assert sorted(faults(world)) == sorted(fault for found in broken.values() for fault in found)
    finally:
        with writing(world.engine) as conn:
            _put_back(conn, before)


def test_what_those_broke_agrees_again_and_a_fault_is_said_in_words(world: World) -> None:
    """A whole look takes a second: what the tests above put back is looked at once, after the last."""
    assert faults(world) == []
    with writing(world.engine) as conn:
        conn.execute(text(f"UPDATE resource SET hash = body WHERE rid = {SOMEBODY}"))
    words, good = deep_look.look(world, Screen())
    assert not good
    assert words.startswith("1 fault: Patient/")
    assert ": its mark of what it says is of something else. 1,466 resources and 71 cases were looked at. Put" in words


def _put_back(conn: Connection, before: dict[str, list[dict[str, object]]]) -> None:
    for name, rows in before.items():
        conn.execute(text(f"DELETE FROM {name}"))
        if rows:
            conn.execute(metadata.tables[name].insert(), [dict(row) for row in rows])
