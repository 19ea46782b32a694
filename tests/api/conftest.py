"""The whole application over a fresh database, and clients that hold real tokens."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import func, select
from werkzeug.test import Client, TestResponse

from auth import store
from auth.store import Token
from carecoord import app
from carecoord.actions.worklist import project as worklist_project
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database import tables
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.world import World
from tests.conftest import BUSY

FHIR_JSON = "application/fhir+json"
EVERYTHING = "system/*.cruds"


@dataclass
class Clock:
    """Now, moving on by a millisecond with each look."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Api:
    """A client of the FHIR API that shows its token with each request."""

    http: Client
    token: str | None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            sent.setdefault("Content-Type", FHIR_JSON)
        data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        return self.http.open(f"/fhir{path}", method=method, data=data, headers=sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self("DELETE", path, **headers)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    url = "https://care.example"
    return Settings(var=str(tmp_path), database_url=database_url, base_url=url, max_body=200_000, **BUSY)


@pytest.fixture
def world(settings: Settings, clock: Clock) -> Iterator[World]:
    engine = open_engine(settings.database)
    project = worklist_project.projector(worklist_project.policy(settings))
    journal = Journal(Path(settings.var) / "audit")
    yield World(engine, clock, lambda: str(uuid4()), requests.Session, settings, project, journal)
    engine.dispose()


@pytest.fixture
def http(world: World) -> Client:
    return Client(app.wired(world))


@pytest.fixture
def client(world: World, http: Client, clock: Clock) -> Callable[..., Api]:
    """Makes a client whose token has these scopes."""

    def make(scope: str = EVERYTHING, life: int = 300, **more: Any) -> Api:
        now = int(clock().timestamp())
        with writing(world.engine) as conn:
            new = Token("access", "tester", more.pop("subject", "tester"), scope, now, now + life, **more)
            return Api(http, store.issue(conn, new))

    return make


@pytest.fixture
def api(client: Callable[..., Api]) -> Api:
    """A backend service that may do everything."""
    return client()


@pytest.fixture
def rows(world: World) -> Callable[[], dict[str, int]]:
    """Counts the rows of every table of the store, in one statement."""
    counts = {
        name: select(func.count()).select_from(table).scalar_subquery()
        for name, table in tables.metadata.tables.items()
    }
    every = select(*(count.label(name) for name, count in counts.items()))

    def count() -> dict[str, int]:
        with reading(world.engine) as conn:
            return dict(conn.execute(every).mappings().one())

    return count


def issues(answer: TestResponse) -> list[dict[str, Any]]:
    """The issues of an answer that must be an OperationOutcome."""
    assert answer.content_type.startswith(FHIR_JSON), answer.get_data()
    outcome = json.loads(answer.get_data())
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(issue["diagnostics"] for issue in outcome["issue"])
    return list(outcome["issue"])


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "active": True, "name": [{"family": "Okafor", "given": ["Ngozi"]}], **more}


def referral(subject: str, **more: Any) -> dict[str, Any]:
    order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order"}
    return {**order, "subject": {"reference": subject}, **more}
