"""Issue 3, Audit: the trail is searched by patient, person, app, time and kind; pages neither repeat nor skip."""

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from carecoord.store.audit import trail_search
from carecoord.store.audit.events import Event, record
from carecoord.store.audit.seals import patients_of
from carecoord.store.audit.tables import audit
from carecoord.store.audit.trail_search import Place, Wanted
from carecoord.store.database.engine import reading, writing

ASKED = (
    Wanted(),
    Wanted(patient="p1"),
    Wanted(patient="p1", interactions=("read", "search")),
    Wanted(patient="p2", subject="amara", since=20, until=70),
    Wanted(subject="amara"),
    Wanted(subject="amara", client="viewer", type="Task"),
    Wanted(client="viewer", since=10),
    Wanted(client="viewer", interactions=("sign-in", "update")),
    Wanted(subject="bela", interactions=("read",), since=20),
    Wanted(subject="bela", interactions=("read",), emergency=True),
    Wanted(interactions=("read",)),
    Wanted(interactions=("read", "sign-in"), until=60),
    Wanted(emergency=True),
    Wanted(emergency=True, interactions=("read",), patient="p1"),
    Wanted(since=30, until=31),
    Wanted(patient="nobody"),
)


@pytest.fixture
def trail(engine: Engine) -> Engine:
    rng = random.Random(7)
    pick = lambda *among: rng.choice(among)  # noqa: E731
    events = []
    for n in range(150):
        shown = pick(None, "p1", "p2", ("p1", "p2", "p3"), ("p2", "p4"))
        one, several = (None, shown) if isinstance(shown, tuple) else (shown, ())
        events.append(
            Event(
                n // 2, f"r{n}", pick("read", "search", "sign-in", "update"), 200, pick(None, "amara", "bela"),
                pick(None, "viewer", "crawler"), None, pick("Task", "Patient"), None, None, one, None, None,
                pick(None, None, "glass"), several,
            )
        )  # fmt: skip
    with writing(engine) as conn:
        record(conn, events)
    return engine


def expected(engine: Engine, wanted: Wanted) -> list[int]:
    """The plain reading of what is wanted, over all rows."""
    with reading(engine) as conn:
        rows = conn.execute(select(audit).order_by(audit.c.at.desc(), audit.c.n.desc())).all()
        several = patients_of(conn, [row.n for row in rows])
    tests: tuple[Any, ...] = (
        lambda row: wanted.patient in (None, row.patient, *several.get(row.n, ())),
        lambda row: wanted.subject in (None, row.subject) and wanted.client in (None, row.client),
        lambda row: wanted.type in (None, row.type),
        lambda row: not wanted.interactions or row.interaction in wanted.interactions,
        lambda row: not wanted.emergency or row.emergency is not None,
        lambda row: (wanted.since or 0) <= row.at < (wanted.until or 1_000),
    )
    return [row.n for row in rows if all(test(row) for test in tests)]


@pytest.mark.parametrize("rare", [2000, 0], ids=["of kinds that are rare", "of any kinds"])
@pytest.mark.parametrize("wanted", ASKED, ids=range(len(ASKED)))
def test_every_row_that_is_wanted_comes_once_newest_first(
    trail: Engine, wanted: Wanted, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_search, "_RARE", rare)
    found: list[int] = []
    place: Place | None = None
    with reading(trail) as conn:
        while rows := trail_search.page(conn, wanted, 7, place):
            found += [row.n for row in rows]
            place = Place(rows[-1].at, rows[-1].n)
        total, few = trail_search.count(conn, wanted, 1000), trail_search.count(conn, wanted, 3)
    assert found == expected(trail, wanted)
    assert (total, few) == (len(found), min(3, len(found)))


def test_what_a_launch_began_with_is_found_by_its_id(engine: Engine) -> None:
    with writing(engine) as conn:
        record(conn, [
            Event(1, "r", "consent", 200, "amara", "viewer", launch="fam"),
            Event(2, "r", "read", 200, "amara", "viewer", launch="fam"),
            Event(3, "r", "launch", 200, "amara", launch="emb", query="ehr=city"),
        ])  # fmt: skip
    with reading(engine) as conn:
        found = trail_search.beginnings(conn, ["fam", "emb", "none"])
    assert {id: (row.interaction, row.at) for id, row in found.items()} == {"fam": ("consent", 1), "emb": ("launch", 3)}


def test_every_search_goes_along_an_index_without_sorting(trail: Engine) -> None:
    """On SQLite, whose planner keeps no statistics."""
    if trail.dialect.name != "sqlite":
        return
    ran: list[tuple[str, Any]] = []
    event.listen(trail, "before_cursor_execute", lambda conn, cursor, sql, given, *_: ran.append((sql, given)))
    with reading(trail) as conn:
        for wanted, place in itertools.product(ASKED, (None, Place(40, 81))):
            trail_search.page(conn, wanted, 7, place)
            trail_search.count(conn, wanted, 1000)
        trail_search.beginnings(conn, ["fam"])
        for sql, given in list(ran):
            told = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all()
            plan = "\n".join(str(line[3]) for line in told)
            assert "SCAN audit" not in plan.replace("SCAN audit USING INDEX ix_audit_at", "").replace(
                "SCAN audit USING COVERING INDEX", ""
            ).replace("SCAN audit USING INDEX ix_audit_emergency", ""), f"{sql}\n{plan}"
            if "count(" not in sql and "launch IN" not in sql:
                assert "TEMP B-TREE" not in plan, f"{sql}\n{plan}"
