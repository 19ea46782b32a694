"""Must-show 4 of issue 12: a house is backed up while apps write, and put back elsewhere. What stands there is that
house as it was at one instant: the counts, every version, the audit's chain, and cases that, judged anew, are what
their rows say. `audit verify` and `check --deep` agree."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from carecoord.store.database.engine import open_engine, reading
from tests.attacks.callers import at_work
from tests.attacks.fort import Fort, built
from tests.desk.conftest import story
from tests.forked import carry_out

__all__ = ["story"]

pytestmark = pytest.mark.slow

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
ORDERS = ("order-24744", "order-24752", "order-24820")  # whose cases are judged with each write
VERSIONS = """SELECT type, id, version, body FROM resource
  UNION ALL SELECT r.type, r.id, h.version, h.body FROM history h JOIN resource r ON r.rid = h.rid"""
Version: TypeAlias = tuple[str, int]  # Type/id, number


@dataclass
class Load:
    """What was answered so far: the newest version of each, and how many."""

    newest: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def more(self, by: int = 40) -> None:
        """Wait for so many more."""
        wanted, end = self.count + by, time.monotonic() + 90
        while self.count < wanted:
            assert time.monotonic() < end, self
            time.sleep(0.05)


@pytest.fixture(params=KINDS)
def fort(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str], story: Path
) -> Iterator[Fort]:
    (tmp_path / "var").mkdir(mode=0o700)
    with built(request.param, tmp_path / "var", new_database(request.param), story) as made:
        yield made


@contextmanager
def loaded(fort: Fort) -> Iterator[Load]:
    """Somebody writes versions of each order and of four patients, as fast as they are answered."""
    token, told = fort.token(), Load()
    bodies = [fort.ask("GET", f"ServiceRequest/{id}", token).json() for id in ORDERS]
    bodies += [{"resourceType": "Patient", "id": f"load-{n}"} for n in range(4)]

    def write(body: dict[str, Any], n: int) -> None:
        path = f"{body['resourceType']}/{body['id']}"
        said = {"note": [{"text": f"{n}"}]} if "subject" in body else {"name": [{"family": f"Load{n}"}]}
        answer = fort.ask("PUT", path, token, body | said)
        assert answer.status_code in (200, 201), answer.text
        told.newest[path] = int(answer.headers["ETag"].split('"')[1])
        told.count += 1

    with at_work([partial(write, body) for body in bodies]):
        yield told


def elsewhere(fort: Fort, folder: Path) -> dict[str, str]:
    """The settings of a place where there is nothing yet."""
    own = {"CARECOORD_VAR": str(folder)}
    if fort.sqlite:
        return fort.environ | own | {"CARECOORD_DATABASE_URL": ""}
    url = make_url(fort.environ["CARECOORD_DATABASE_URL"])
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(False), autocommit=True) as conn:
        conn.execute("CREATE DATABASE elsewhere")
    return fort.environ | own | {"CARECOORD_DATABASE_URL": url.set(database="elsewhere").render_as_string(False)}


def run(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return carry_out(words, environ | {"PATH": os.environ["PATH"]})  # where pg_dump is


def versions(engine: Engine) -> dict[Version, bytes]:
    with reading(engine) as conn:
        return {(f"{kind}/{id}", n): bytes(body) for kind, id, n, body in conn.execute(text(VERSIONS))}


def cases(engine: Engine) -> dict[str, dict[str, Any]]:
    with reading(engine) as conn:
        return {row["id"]: dict(row) for row in conn.execute(text("SELECT * FROM case_row")).mappings()}


def test_a_house_at_work_is_put_back_elsewhere_as_it_was_at_one_instant(fort: Fort, tmp_path: Path) -> None:
    archive = tmp_path / "kept.tar.gz"
    with loaded(fort) as load:
        load.more()
        before = dict(load.newest)
        done = run(fort.environ, "backup", str(archive))
        assert done.returncode == 0, done.stderr
        after = dict(load.newest)
        load.more()
    place = elsewhere(fort, tmp_path / "elsewhere")
    done = run(place, "restore", str(archive))  # which counts each table against what the backup says
    assert done.returncode == 0, done.stderr

    engine = open_engine(place["CARECOORD_DATABASE_URL"] or f"sqlite:///{tmp_path}/elsewhere/carecoord.db")
    here, there = versions(fort.world.engine), versions(engine)
    assert there.items() < here.items(), "each version is what it was"
    newest = {path: max(n for each, n in there if each == path) for path in before}
    assert all(before[path] <= newest[path] <= after.get(path, before[path]) + 1 for path in before), (newest, after)
    assert {(path, n) for path in newest for n in range(1, newest[path] + 1)} <= there.keys(), "and none is missing"
    stood, stand = cases(fort.world.engine), cases(engine)
    assert len(stand) == 71
    assert {id for id, row in stand.items() if row != stood[id]} <= set(ORDERS), "whom nobody wrote to stands as before"
    engine.dispose()

    assert "chain unbroken" in run(place, "audit", "verify").stdout
    found = {row["what"]: row for row in json.loads(run(place, "check", "--deep", "--json").stdout)}
    looked = ("database", "audit", "resources", "journal", "backup")
    assert {what: found[what]["standing"] for what in looked} == dict.fromkeys(looked, "good"), found
    assert " and 71 cases were looked at" in found["resources"]["told"]
