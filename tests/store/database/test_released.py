"""Databases as released revisions left them (released/make.py), brought to the present one: nothing is lost, the cases
and the trail are what they were, and `check` finds nothing amiss. On both databases, by the commands themselves."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from carecoord.store.database import revision
from carecoord.store.database.engine import open_engine, reading
from tests.demo.conftest import Run
from tests.demo.conftest import run as run

RELEASED = Path(__file__).parent / "released"
REVISIONS = ("0030", "0040", "0047", "0052")
CASES = {"R-24760", "R-24792"}  # of the two patients, that are open
KEPT = {  # what each of them held: counted from what their own code had said when it filled them
    "resources": "SELECT count(*) FROM resource",
    "older versions": "SELECT count(*) FROM history",
    "audit": "SELECT count(*) FROM audit",
    "seals": "SELECT count(*) FROM audit_seal",
    "people": "SELECT count(*) FROM auth_user",
    "clients": "SELECT count(*) FROM auth_client",
    "ehrs": "SELECT count(*) FROM ehr",
}
TEXTS = {
    "bodies": "SELECT type, id, version, hash FROM resource ORDER BY type, id",
    "chain": "SELECT * FROM audit_seal ORDER BY n",
}
COUNTS = {"resources": 68, "older versions": 2, "audit": 70, "seals": 70, "people": 1, "clients": 1, "ehrs": 1}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """A function that puts the database of a revision in place; returns its URL."""

    def put(number: str) -> str:
        var = tmp_path / "var"
        var.mkdir(mode=0o700)
        if request.param == "sqlite":
            file = var / "carecoord.db"
            file.write_bytes(gzip.decompress((RELEASED / f"{number}.sqlite.gz").read_bytes()))
            file.chmod(0o600)
            return f"sqlite:///{file}"
        server = request.getfixturevalue("postgres_url")
        plain, name = server.replace("+psycopg", ""), f"released{number}"
        with psycopg.connect(plain, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[arg-type]
        url = plain.rpartition("/")[0] + f"/{name}"
        said = gzip.decompress((RELEASED / f"{number}.sql.gz").read_bytes()).decode()
        wanted = "\n".join(line for line in said.splitlines() if not line.startswith("\\"))  # \restrict is psql's
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(wanted)  # type: ignore[arg-type]
        monkeypatch.setenv("CARECOORD_DATABASE_URL", url)
        return url

    return put


@pytest.fixture
def asked() -> Iterator[Callable[[str, str], Any]]:
    """A function that asks a database one thing, all rows of it."""
    engines: dict[str, Engine] = {}

    def ask(url: str, statement: str) -> Any:
        engine = engines.setdefault(url, open_engine(url))
        with reading(engine) as conn:
            return [tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)
                    for row in conn.execute(text(statement))]  # fmt: skip

    yield ask
    for engine in engines.values():
        engine.dispose()


@pytest.mark.parametrize("number", REVISIONS)
def test_a_database_of_a_released_revision_is_brought_here_with_all_that_it_holds(
    place: Callable[[str], str], asked: Callable[[str, str], Any], run: Run, number: str
) -> None:
    url = place(number)
    counts = {name: asked(url, statement)[0][0] for name, statement in KEPT.items()}
    assert counts == COUNTS
    texts = {name: asked(url, statement) for name, statement in TEXTS.items()}
    code, out, err = run("upgrade", "--dry-run")
    assert (code, err) == (0, "")
    assert f"from {number} to " in out
    assert "Nothing was changed." in out
    assert asked(url, "SELECT version_num FROM alembic_version") == [(number,)]
    assert run("upgrade")[0] == 0
    assert asked(url, "SELECT version_num FROM alembic_version") == [(revision.newest(),)]
    assert {name: asked(url, statement)[0][0] for name, statement in KEPT.items()} == counts
    assert {name: asked(url, statement) for name, statement in TEXTS.items()} == texts
    code, out, _ = run("cases", "--json")
    assert (code, {case["number"] for case in json.loads(out)}) == (0, CASES)
    code, out, _ = run("audit", "verify")
    assert (code, "unbroken" in out) == (0, True), out
    bad = [line for line in run("check")[1].splitlines() if line.startswith("BAD")]
    assert all("EHR city" in line or "sync of city" in line for line in bad), bad
