"""A real authorization server on a real database, with keys made for the occasion and a clock that a test can move."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Engine, create_engine, insert

from auth import store
from auth.keys.fetched import KeySets
from auth.server.issuer import Issuer
from auth.server.routes import Effects, blueprint
from auth.tables import key as key_table
from auth.tables import metadata
from carecoord.actions.worklist import project as worklist_project
from carecoord.app import wired
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine, writing
from carecoord.world import World
from tests.conftest import BUSY

from .place import RESOURCES, URL, Place

ISSUER = Issuer("https://care.example", "https://care.example/fhir", lambda scope: scope.type != "Nonsense")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Key = RSAKey | ECKey


@dataclass
class Clock:
    """Now, until a test says otherwise."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> int:
        return int(self.now.timestamp())

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "rsa-1"})


@pytest.fixture(scope="session")
def ec() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "ec-1"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def signing_row() -> dict[str, Any]:
    """A signing key of our own, made once: making one for each test would take most of its time."""
    made = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig", "alg": "RS256"})
    private = json.dumps(made.as_dict(private=True))
    return {"kid": "ours", "alg": "RS256", "jwk": private, "made": 0, "retired": None}


@pytest.fixture(scope="session")
def auth_template(tmp_path_factory: pytest.TempPathFactory, signing_row: dict[str, Any]) -> Path:
    """A database with the authorization server's own tables and its key, to be copied for each test."""
    path = tmp_path_factory.mktemp("auth") / "auth.db"
    made = create_engine(f"sqlite:///{path}")
    metadata.create_all(made)
    with made.begin() as conn:
        conn.execute(insert(key_table).values(signing_row))
    made.dispose()
    return path


@pytest.fixture
def engine(tmp_path: Path, auth_template: Path) -> Iterator[Engine]:
    shutil.copyfile(auth_template, tmp_path / "auth.db")
    made = create_engine(f"sqlite:///{tmp_path / 'auth.db'}")
    yield made
    made.dispose()


@pytest.fixture
def keys() -> KeySets:
    return KeySets(requests.Session)


@pytest.fixture
def app(engine: Engine, clock: Clock, keys: KeySets) -> Flask:
    flask = Flask("auth_under_test")
    flask.register_blueprint(blueprint(ISSUER, Effects(engine.begin, engine.begin, clock, keys)))
    return flask


@pytest.fixture
def web(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def register(engine: Engine, clock: Clock) -> Callable[..., store.Client]:
    def add(secret: str | None = None, **changes: Any) -> store.Client:
        client = store.Client(**{"id": "loader", "name": "Loader", "scope": "system/*.rs", **changes})
        with engine.begin() as conn:
            store.add_client(conn, client, clock.seconds(), secret)
        return client

    return add


@pytest.fixture(scope="session")
def practice(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, signing_row: dict[str, Any]) -> Path:
    """A database with the practice of place.py in it, to be copied for each test."""
    folder = tmp_path_factory.mktemp("practice")
    shutil.copyfile(sqlite_template, folder / "practice.db")
    world = build_world(folder, "practice.db")
    place = Place(world, wired(world).test_client())
    with writing(world.engine) as conn:
        conn.execute(insert(key_table).values(signing_row))
    token = place.service("system/*.cruds")
    for resource in RESOURCES:
        made = place.fhir(token, "PUT", f"{resource['resourceType']}/{resource['id']}", resource)
        assert made.status_code == 201, made.text
    with world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.engine.dispose()
    return folder / "practice.db"


@pytest.fixture
def place(practice: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copyfile(practice, tmp_path / "practice.db")
    world = build_world(tmp_path, "practice.db")
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


def build_world(folder: Path, name: str) -> World:
    clock = Clock()
    settings = Settings(var=str(folder), database_url=f"sqlite:///{folder / name}", base_url=URL, **BUSY)
    project = worklist_project.projector(worklist_project.policy(settings))
    journal = Journal(folder / "audit")
    return World(
        open_engine(settings.database), clock, lambda: str(uuid4()), requests.Session, settings, project, journal
    )


def public(*made: Key) -> str:
    """A JWKS, as text, of the public halves."""
    return json.dumps(KeySet(list(made)).as_dict(private=False))


def claims(clock: Clock, **changes: Any) -> dict[str, Any]:
    """The claims of a good assertion by `loader`, but for the changes; a change to None takes the claim away."""
    good = {
        "iss": "loader", "sub": "loader", "aud": ISSUER.token_url, "iat": clock.seconds(),
        "exp": clock.seconds() + 240, "jti": str(uuid4()),
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def sign(key: Key, said: dict[str, Any], **header: Any) -> str:
    alg = header.pop("alg", "RS384" if isinstance(key, RSAKey) else "ES384")
    full = {"alg": alg, "kid": key.kid, "typ": "JWT", **header}
    return jwt.encode({k: v for k, v in full.items() if v is not None}, said, key, algorithms=[alg], default_type=None)


def ask(web: FlaskClient, assertion: str, **changes: Any) -> Any:
    """POST a client_credentials request with this assertion."""
    form = {
        "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }  # fmt: skip
    sent = {name: value for name, value in {**form, **changes}.items() if value is not None}
    return web.post("/oauth/token", data=sent)
