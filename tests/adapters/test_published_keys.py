"""An EHR that fetches our public keys from our address: two instances of our own server, each on a real port, with one
clock that a test can move."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from auth.client.keys import OVERLAP, SETTLE
from auth.grant import Grant
from auth.scopes import parse, resources
from auth.server.issuer import CLIENT_KEYS_PATH
from auth.store import Client
from carecoord import app
from carecoord.actions.ehrs import sync as ehrs_sync
from carecoord.actions.ehrs.sync_health import list_ehrs
from carecoord.actions.fhir.interactions import update
from carecoord.actions.people import accounts
from carecoord.actions.server import keys as server_keys
from carecoord.settings import Settings
from carecoord.store.database.engine import open_engine
from carecoord.world import World
from fhir_adapters.connection import connect
from fhir_adapters.ehr import BackendServices, Ehr

EVERYBODY = Grant("loader", "loader", resources(parse("system/*.cruds")))


class Clock:
    """Now, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Both:
    """We and the EHR."""

    ours: World
    hospital: World
    clock: Clock

    def sync(self) -> None:
        assert ehrs_sync.run(self.ours, "hospital").error is None


@contextmanager
def served(folder: Path, template: Path, clock: Clock) -> Iterator[World]:
    """An instance on a port of its own."""
    folder.mkdir()
    shutil.copyfile(template, folder / "carecoord.db")
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True)
    address = f"http://127.0.0.1:{server.server_port}"
    settings = Settings(var=str(folder), base_url=address, private_hosts="127.0.0.1")
    world = replace(app.world(settings), clock=clock, engine=open_engine(settings.database))
    server.app = app.wired(world)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield world
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


@pytest.fixture
def both(tmp_path: Path, sqlite_template: Path) -> Iterator[Both]:
    clock = Clock()
    with (
        served(tmp_path / "hospital", sqlite_template, clock) as hospital,
        served(tmp_path / "ours", sqlite_template, clock) as ours,
    ):
        where = server_keys.address(ours)
        accounts.add_backend(hospital, Client("carecoord", "carecoord", "system/*.rs", jwks_url=where))
        patient = {"resourceType": "Patient", "id": "one", "name": [{"family": "Okafor"}]}
        update(hospital, EVERYBODY, "Patient", "one", patient)
        auth = BackendServices("carecoord", scope="system/*.rs")
        ehrs_sync.add_ehr(ours, Ehr("hospital", hospital.settings.fhir_url, auth=auth))
        yield Both(ours, hospital, clock)


def test_an_ehr_that_knows_our_address_lets_us_in_without_a_key_file(both: Both) -> None:
    first = ehrs_sync.run(both.ours, "hospital")
    assert (first.error, first.received) == (None, 1)
    assert both.ours.settings.url + CLIENT_KEYS_PATH == server_keys.address(both.ours)
    assert ehrs_sync.examine(both.ours, "hospital").notices == ()


def test_no_sync_fails_while_our_keys_are_rotated(both: Both) -> None:
    both.sync()
    server_keys.rotate(both.ours)
    for seconds in (1, SETTLE, OVERLAP):
        both.clock.pass_by(seconds)
        both.sync()
    assert len(server_keys.every(both.ours)) == 2, "the old pair is gone by then"


def test_a_run_that_began_before_the_rotation_ends_with_the_key_that_it_began_with(both: Both) -> None:
    keys = server_keys.signing(both.ours)
    one = list_ehrs(both.ours)[0].ehr
    with both.ours.http() as session:
        began = connect(one, session, keys, clock=both.clock, new_id=both.ours.new_id)
        server_keys.rotate(both.ours)
        both.clock.pass_by(3 * SETTLE)
        assert server_keys.signing(both.ours) != keys
        assert began.backend is not None
        assert began.backend.renew()


def test_lost_keys_open_nothing_any_more_once_the_ehr_has_asked_again(both: Both) -> None:
    both.sync()
    stolen = server_keys.signing(both.ours)
    server_keys.rotate(both.ours, lost=True)
    both.clock.pass_by(3_601)
    both.sync()
    one = list_ehrs(both.ours)[0].ehr
    with both.ours.http() as session, pytest.raises(Exception, match="invalid_client"):
        connect(one, session, stolen, clock=both.clock, new_id=both.ours.new_id)


def test_the_key_set_may_be_kept_for_an_hour_by_anybody(both: Both) -> None:
    """Whoever keeps it goes by Cache-Control (S22@341)."""
    answer = requests.get(server_keys.address(both.ours), timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {(key["kty"], key["alg"]) for key in answer.json()["keys"]} == {("EC", "ES384"), ("RSA", "RS384")}
