"""What judges many cases anew, and foresees them, walks through no whole table of PostgreSQL and puts none in order."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from carecoord.fhir.search import params
from carecoord.store import prepared_statements
from carecoord.store.database.engine import open_engine, writing
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import flags, read
from carecoord.store.worklist import marks, registry
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import ahead, changes
from carecoord.store.worklist.bitmaps.ahead import Ahead
from tests.desk import rows
from tests.desk.rows import NOW

CASES = 3_000
SOON = NOW + ahead.HORIZON // 2  # when all of them change
FILLED = (
    "INSERT INTO resource (type, id, version, updated, deleted, patient, hash, body) SELECT "
    "CASE n % 4 WHEN 0 THEN 'ServiceRequest' WHEN 1 THEN 'Task' WHEN 2 THEN 'Patient' ELSE 'Claim' END, 'r' || n, 1, "
    "n, false, 'patient-' || n / 8, '', '{}' FROM generate_series(1, 24000) AS n",
    f"INSERT INTO ix_reference (rid, key, id, type, url) SELECT n, {params.key('Task', 'focus')}, 'r' || n - 1, "
    "'ServiceRequest', '' FROM generate_series(1, 24000) AS n WHERE n % 4 = 1",
    "INSERT INTO case_need (key, rid) SELECT n % 500, n FROM generate_series(1, 3000) AS n",
    "INSERT INTO flag (rid, n, severity, code, text) SELECT n, 0, 'error', 'x', 'x' FROM generate_series(1, 6000) AS n",
    "ANALYZE",
)
RIDS = list(range(100, 120))
PATIENTS = [f"patient-{n}" for n in RIDS]


@pytest.fixture(scope="module")
def conn(new_database: Callable[[str], str]) -> Iterator[Connection]:
    """Some thousand cases, half of them marked, all of them others at one instant soon."""
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        own = {"changes_at": SOON, "open": True}
        worklist_rows.save(conn, [each | {"patient": f"patient-{each['rid']}"} | own for each in rows.many(CASES)])
        ahead.note(conn, dict.fromkeys(range(1, CASES + 1), SOON), NOW)
        marks.mark(conn, list(range(1, CASES + 1, 2)))
        for statement in FILLED:
            conn.execute(text(statement))
    with writing(engine) as conn:
        yield conn
    engine.dispose()


def foreseen(conn: Connection) -> None:
    wanted = ahead.wanted(conn, NOW, 200)
    assert [row.rid for row in wanted[:3]] == [2, 4, 6]
    ahead.keep(conn, [(row, Ahead({"changes_at": None})) for row in wanted[:20]])


ASKED: Mapping[str, Callable[[Connection], object]] = {
    "marks of some": lambda conn: marks.among(conn, RIDS),
    "marks of patients": lambda conn: marks.of_patients(conn, PATIENTS),
    "marks made": lambda conn: marks.mark(conn, RIDS),
    "marks settled": lambda conn: marks.settle(conn, [(rid, 1) for rid in RIDS]),
    "who is due": lambda conn: worklist_rows.due(conn, NOW, 20),
    "whether any is": lambda conn: worklist_rows.is_behind(conn, NOW),
    "who is concerned": lambda conn: worklist_rows.concerned(conn, PATIENTS),
    "rows of patients": lambda conn: worklist_rows.of_patients(conn, PATIENTS),
    "resources of patients": lambda conn: read.of_patients(conn, PATIENTS, ["ServiceRequest", "Task", "Patient"]),
    "who speaks of orders": lambda conn: registry.pointers(conn, [params.key("Task", "focus")], ["r400", "r404"]),
    "resources by number": lambda conn: read.numbered(conn, RIDS),
    "flags": lambda conn: flags.of(conn, RIDS),
    "needs": lambda conn: registry.save_dependencies(conn, {rid: frozenset({"Contract/c"}) for rid in RIDS}),
    "dependents": lambda conn: registry.dependents(conn, ["Contract/c"]),
    "rows written": lambda conn: worklist_rows.save(conn, [rows.row(rid, headline="Call them") for rid in RIDS]),
    "changes noted": lambda conn: changes.note(conn, RIDS),
    "turns noted": lambda conn: ahead.note(conn, dict.fromkeys(RIDS, SOON), NOW),
    "foreseen": foreseen,
    "as foreseen": lambda conn: ahead.of(conn, RIDS, SOON),
    "as foreseen in a run": lambda conn: ahead.between(conn, 100, 200, SOON),
    "requests": lambda conn: authorizations.keep(conn, PATIENTS, {}, NOW),
}


@pytest.mark.postgres
@pytest.mark.parametrize("what", ASKED)
def test_it_goes_by_an_index(conn: Connection, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    sent: list[tuple[Any, tuple[Any, ...]]] = []
    real = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *values: Any, **more: Any) -> Any:
        sent.append((query, values[:1]))
        return real(self, query, *values, **more)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", execute)
        # also what is prepared goes by a cursor
        patched.setattr(prepared_statements._Prepared, "rows", lambda *_: None)
        patched.setattr(prepared_statements._Prepared, "all", lambda *_: False)
        ASKED[what](conn)
    assert sent
    raw: Any = conn.connection.dbapi_connection
    raw.execute("SET LOCAL enable_seqscan = off")  # then it walks through a table only where no index is of any use
    for query, values in sent:
        ((told,),) = raw.execute(f"EXPLAIN (FORMAT JSON) {query}", *values).fetchall()
        for node in nodes(told[0]["Plan"]):
            where = f"{what}: {query}\n{json.dumps(told, indent=1)}"
            assert node["Node Type"] != "Seq Scan", where
            assert node["Node Type"] != "Sort" or node["Plan Rows"] < 2_500, where
    raw.execute("SET LOCAL enable_seqscan = on")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)
