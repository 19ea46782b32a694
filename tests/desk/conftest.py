"""The house of the desk's tests: the whole application over the story's real resources, and the people who sign in."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from carecoord import app
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.worklist import project
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine
from carecoord.world import World
from tests.conftest import BUSY

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)  # the day that the story plays on, fixtures/anchor.json
PASSWORD = "five made-up words in a row"
PEOPLE = {
    "coordinator": ("reyes", "Reyes, Maria", "office-fairmont"),
    "outsider": ("harper", "Harper, Olga", "office-harborview"),
    "clinician": ("farrow", "Farrow, Amelia", "office-fairmont"),
    "payer": ("okonkwo", "Okonkwo, Paul", "office-blue-horizon"),
    "contracts": ("nilsson", "Nilsson, Carla", "office-fairmont"),
    "rival": ("pratt", "Pratt, Paula", "office-pinnacle"),
    "auditor": ("osborne", "Osborne, Ada", "office-fairmont"),
    "admin": ("whitlock", "Whitlock, Sam", "office-fairmont"),
}
HIRED = tuple(PEOPLE.items())  # who is in every house: tests add people of their own, to one house


@dataclass(frozen=True)
class House:
    """The application with the story in it. shared: by all tests of a session, which leave it as it is."""

    world: World
    app: Flask
    shared: bool = False

    def enter(self, who: str) -> FlaskClient:
        """A browser in which this person has signed in: one of PEOPLE, or another by their login."""
        client = self.app.test_client()
        page = client.get("/sign-in").get_data(as_text=True)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        login = PEOPLE[who][0] if who in PEOPLE else who
        client.post("/sign-in", data={**hidden, "login": login, "password": PASSWORD})
        return client


@pytest.fixture(scope="session")
def story(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the story and its people in it, to copy: each house begins with what this one load wrote."""
    var = tmp_path_factory.mktemp("story")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for world in opened(var, lambda: NOW):
        files = [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]
        assert not fhir_load.load(world, files).refusals
        for who, (login, name, organization) in HIRED:
            role = {"outsider": "coordinator", "rival": "contracts"}.get(who, who)
            accounts.add_user(world, NewUser(login, name, frozenset({role}), organization), PASSWORD)
    return var


@pytest.fixture(scope="session")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("desk"), lambda: NOW, shared=True)


@pytest.fixture(autouse=True)
def unchanged(request: pytest.FixtureRequest) -> Iterator[None]:
    """The house that all tests share stays as it was: what one test writes another would read, in an order that
    differs from run to run. Who writes takes `acting_house`."""
    found = request.getfixturevalue("house") if "house" in request.fixturenames else None
    if found is None or not found.shared:
        yield
        return
    engine = found.world.engine
    before = _written(engine)
    yield
    assert _written(engine) == before, "this test writes into the house that all tests share: take `acting_house`"
    _take_work_away(engine)


def _take_work_away(engine: Engine) -> None:
    """The work that a page has asked for is not there for the next test."""
    with engine.begin() as connection:
        if connection.execute(text("SELECT count(*) FROM outbox")).scalar():
            connection.execute(text("DELETE FROM outbox"))


def _written(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(text("SELECT (SELECT count(*) FROM history), (SELECT max(n) FROM event)")).one()


class Clock:
    """A clock that a test sets, and that runs from there where it says so."""

    now = NOW
    begun: float | None = None

    def __call__(self) -> datetime:
        return self.now if self.begun is None else self.now + timedelta(seconds=time.monotonic() - self.begun)


@pytest.fixture(scope="module")
def acting_house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of a module's own, for tests that change what is in it, with a clock that they set."""
    yield from built(story, tmp_path_factory.mktemp("acts"), Clock())


def built(story: Path, var: Path, clock: Callable[[], datetime], shared: bool = False) -> Iterator[House]:
    """The house, until the test is done with it."""
    shutil.copytree(story, var, dirs_exist_ok=True)
    for world in opened(var, clock):
        yield House(world, app.wired(world), shared)


def opened(var: Path, clock: Callable[[], datetime], **given: Any) -> Iterator[World]:
    """The world of a folder with a database in it; closed afterwards, when all stands in the database's one file.
    given: further settings."""
    settings = Settings(var=str(var), **BUSY | given)
    engine = open_engine(settings.database)
    rules = project.projector(project.policy(settings))
    yield World(engine, clock, lambda: str(uuid4()), requests.Session, settings, rules, Journal(var / "audit"))
    engine.dispose()


@pytest.fixture
def explain() -> Callable[[Engine, Callable[[], Any]], str]:
    """Run something, and tell SQLite's plan of every statement that it ran."""

    def told(engine: Engine, run: Callable[[], Any]) -> str:
        ran: list[tuple[str, Any]] = []

        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            ran.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        try:
            run()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        with engine.connect() as conn:
            plans = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all() for sql, given in ran]
        return "\n".join(str(line[3]) for plan in plans for line in plan)

    return told
