"""The trail (security.md 5), on both databases: what somebody does to its rows directly in the database is found by the
command, and named; and no read or refusal over HTTP leaves no row."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError

from carecoord.store.audit.seals import seal
from carecoord.store.audit.tables import audit, audit_patient, audit_seal
from carecoord.store.database.engine import reading, writing
from tests.attacks.conftest import KINDS
from tests.attacks.fort import Fort, standing
from tests.forked import carry_out

TABLES = (audit, audit_patient, audit_seal)
Deed = Callable[[Connection], Any]


@pytest.fixture(scope="module", params=KINDS)
def small(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Fort]:
    """A server of this module's own with a few patients in it, whose trail has ten rows and more."""
    folder = tmp_path_factory.mktemp(f"tampering-{request.param}")
    with standing(folder, new_database(request.param)) as fort:
        fort.put(*({"resourceType": "Patient", "id": f"p{n}", "gender": "female"} for n in range(6)))
        token = fort.token()
        for n in range(12):
            assert fort.ask("GET", f"Patient/p{n % 6}", token).status_code == 200
        yield fort


def settled(fort: Fort) -> int:
    """All rows that are there, once each is in the table and sealed."""
    end = time.monotonic() + 60
    while True:
        seal(fort.world.engine)
        with reading(fort.world.engine) as conn:
            rows = conn.scalar(select(func.count()).select_from(audit)) or 0
            sealed = conn.scalar(select(func.count()).select_from(audit_seal)) or 0
        journal = (Path(fort.environ["CARECOORD_VAR"]) / "audit").glob("audit-*.jsonl")
        if rows == sealed and not any(path.stat().st_size for path in journal):
            return rows
        assert time.monotonic() < end, (rows, sealed)
        time.sleep(0.2)


def sealed_as(conn: Connection, which: int) -> int:
    """The number of the row with this seal."""
    return int(conn.scalar(select(audit_seal.c.n).where(audit_seal.c.seal == which)) or 0)


def edit(conn: Connection) -> None:
    conn.execute(update(audit).where(audit.c.n == sealed_as(conn, 5)).values(subject="somebody else"))


def remove(conn: Connection) -> None:
    conn.execute(delete(audit).where(audit.c.n == sealed_as(conn, 5)))


def swap(conn: Connection) -> None:
    """Two rows change places."""
    one, other = sealed_as(conn, 4), sealed_as(conn, 7)
    for before, after in ((one, -1), (other, one), (-1, other)):
        conn.execute(update(audit).where(audit.c.n == before).values(n=after))


def cut(conn: Connection) -> None:
    """The last three, with their seals."""
    last = conn.scalar(select(func.max(audit_seal.c.seal))) or 0
    numbers = list(conn.scalars(select(audit_seal.c.n).where(audit_seal.c.seal > last - 3)))
    conn.execute(delete(audit).where(audit.c.n.in_(numbers)))
    conn.execute(delete(audit_seal).where(audit_seal.c.n.in_(numbers)))


DEEDS: dict[str, tuple[Deed, str]] = {
    "edited": (edit, "seal 5"), "deleted": (remove, "seal 5"), "swapped": (swap, "seal 4"), "cut off": (cut, "seal"),
}


def shielded(conn: Connection, on: bool, kept: list[str]) -> None:
    """What keeps the tables from change, taken away by who owns the database, or put back."""
    if conn.dialect.name == "postgresql":
        for table in TABLES:
            conn.execute(text(f"ALTER TABLE {table.name} {'ENABLE' if on else 'DISABLE'} TRIGGER ALL"))
        return
    if on:
        for statement in kept:
            conn.execute(text(statement.replace(":", r"\:")))
        return
    for name, statement in conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all():
        kept.append(statement)
        conn.execute(text(f"DROP TRIGGER {name}"))


@pytest.mark.parametrize("how", DEEDS)
def test_what_was_done_to_the_trail_is_found_and_named(small: Fort, how: str) -> None:
    deed, named = DEEDS[how]
    settled(small)
    with reading(small.world.engine) as conn:
        held = {table: [dict(row) for row in conn.execute(select(table)).mappings()] for table in TABLES}
    with pytest.raises(DatabaseError), writing(small.world.engine) as conn:
        deed(conn)  # as the program itself may: a trigger says no
    kept: list[str] = []
    with writing(small.world.engine) as conn:
        shielded(conn, False, kept)
        deed(conn)
    try:
        bad = carry_out(("audit", "verify"), small.environ)
        assert bad.returncode == 1, bad.stdout + bad.stderr
        assert named in bad.stdout + bad.stderr
        if how == "edited":  # the other verb walks the chain in the same way
            assert carry_out(("check",), small.environ).returncode == 1
    finally:
        with writing(small.world.engine) as conn:
            for table, rows in held.items():
                conn.execute(delete(table))
                if rows:
                    conn.execute(insert(table), rows)
            shielded(conn, True, kept)
    good = carry_out(("audit", "verify"), small.environ)
    assert good.returncode == 0, good.stdout + good.stderr


ASKED: list[tuple[str, str, Any]] = [
    ("GET", "Patient/p1", None), ("GET", "Patient/p1/_history/1", None), ("GET", "Patient/none", None),
    ("GET", "Patient/p1/_history", None), ("GET", "Patient?_id=p1", None), ("GET", "Patient?_id=no", None),
    ("GET", "Patient?_summary=count", None), ("GET", "Patient?_id=p1&_elements=id", None), ("HEAD", "Patient/p1", None),
    ("GET", "Patient/p1/$everything", None), ("GET", "Patient/p1/*", None), ("GET", "Patient/p1/Coverage", None),
    ("GET", "_history", None), ("GET", "Patient/_history", None), ("POST", "Patient/_search", b"_id=p1"),
    ("PUT", "Patient/p1", {"resourceType": "Patient", "id": "p2"}), ("DELETE", "Patient/none", None),
    ("DELETE", "Patient?_id=none", None),
    ("PATCH", "Patient/p1", [{"op": "test", "path": "/id", "value": "p2"}]),
    ("GET", "ServiceRequest/none/$clearance", None),
]  # fmt: skip
KINDS_OF_BODY = {bytes: "application/x-www-form-urlencoded", list: "application/json-patch+json"}


def rows_of(fort: Fort, request: str) -> int:
    with reading(fort.world.engine) as conn:
        return conn.scalar(select(func.count()).select_from(audit).where(audit.c.request == request)) or 0


def demand_row(fort: Fort, request: str, what: str) -> None:
    end = time.monotonic() + 30
    while not rows_of(fort, request):
        assert time.monotonic() < end, f"no row for {what}"
        time.sleep(0.1)


@pytest.mark.parametrize("scope", ["system/*.cruds", "system/Coverage.rs"])
def test_no_read_and_no_refusal_leaves_no_row(small: Fort, scope: str) -> None:
    """Whoever may ask it, and who may not."""
    token, asked = small.token(scope), []
    for method, path, body in ASKED:
        kind = KINDS_OF_BODY.get(type(body), "application/fhir+json")
        answer = small.ask(method, path, token, body, Content_Type=kind)
        assert answer.status_code < 500, (path, answer.text[:300])
        asked.append((answer.headers["X-Request-Id"], f"{method} {path} ({answer.status_code})"))
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/p3"}}]}
    answer = small.ask("POST", "", token, batch)
    asked.append((answer.headers["X-Request-Id"], f"a batch ({json.dumps(answer.json())[:80]})"))
    missing = []
    for request, what in asked:
        try:
            demand_row(small, request, what)
        except AssertionError as none:
            missing.append(str(none))
    assert missing == []
