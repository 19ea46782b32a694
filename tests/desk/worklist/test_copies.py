"""The copy of the case rows that a process keeps is exactly in the state that each transaction sees: after changes,
removals and what was rolled back, for one that began before another saw more, and for writers that end in any order."""

import threading
import tracemalloc
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from carecoord.errors import Unavailable
from carecoord.fhir.instants import moment
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import ahead, changes, copies, copy
from carecoord.store.worklist.bitmaps.ahead import Ahead
from carecoord.store.worklist.bitmaps.copies import Bitmaps
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from tests.desk import rows
from tests.desk.rows import DAY, NOW, OURS, PAYER
from tests.desk.worklist.test_query import AT

TABS = ("open", "overdue", "cleared", "new", "snoozed", "closed")
SCOPES = (CaseScope((("placer", OURS), ("performer", OURS))), CaseScope((("payer_key", PAYER),)), CaseScope(None))
ASKED = (WorklistQuery(), WorklistQuery(words="oka", sort="patient"), WorklistQuery("overdue", (("owner", ("tran",)),)))


def changed(chance: Random, rid: int) -> dict[str, Any]:
    due = chance.choice((None, NOW - DAY, NOW + DAY, NOW + chance.randrange(9 * DAY)))
    return rows.row(
        rid, due_at=due, owner=chance.choice(("reyes", "tran", "new", None)), patient_name=chance.choice(rows.NAMES),
        open=chance.random() < 0.9, stage=chance.choice(rows.STAGES), wakes_at=chance.choice((0, 0, 0, NOW + DAY)),
        specialty=chance.choice(("Cardiology", "Spine", "Zoo", f"Clinic {rid}")),
    )  # fmt: skip


def told(conn: Connection, scope: CaseScope, asked: WorklistQuery) -> Any:
    worklist = Worklist(conn, scope, AT)
    return [row.rid for row in worklist.every(asked)], worklist.tally(asked, TABS)


def agree(conn: Connection, scopes: Sequence[CaseScope] = SCOPES) -> None:
    """What the copy tells is what a walk over the rows tells in the same transaction."""
    with Bitmaps(conn, NOW).lists() as lists:
        assert lists is not None
    for scope in scopes:
        for asked in ASKED:
            by_copy = told(conn, scope, asked)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(copies, "_CAN", False)
                assert by_copy == told(conn, scope, asked)


def happens(conn: Connection, chance: Random, new: int) -> None:
    """A few rows are written, some for the first time, and one may go."""
    rids = {chance.randrange(1, 60) for _ in range(3)} | {new}
    worklist_rows.save(conn, [changed(chance, rid) for rid in rids])
    if chance.random() < 0.5:
        worklist_rows.remove(conn, [chance.randrange(1, 60)])


def undone(engine: Engine, chance: Random, new: int) -> None:
    with writing(engine) as conn:
        happens(conn, chance, new)
        told(conn, SCOPES[0], ASKED[0])
        raise RuntimeError("undone")


def test_whatever_is_written_undone_and_seen_by_older_transactions_the_copy_tells_what_each_sees(
    engine: Engine,
) -> None:  # fmt: skip
    chance = Random(7)
    with writing(engine) as conn:
        worklist_rows.save(conn, [changed(chance, rid) for rid in range(1, 41)])
    for n in range(3):
        with reading(engine) as older:
            agree(older)
            with writing(engine) as conn:
                happens(conn, chance, 100 + n)
            with reading(engine) as newer:
                agree(newer, SCOPES[:1])
            agree(older, SCOPES[:1])
        with pytest.raises(RuntimeError):
            undone(engine, chance, 200 + n)
        with reading(engine) as conn:
            agree(conn, SCOPES[:2])


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_of_writers_that_end_in_another_order_than_they_began_none_is_missed(engine: Engine) -> None:
    chance = Random(8)
    with writing(engine) as conn:
        worklist_rows.save(conn, [changed(chance, rid) for rid in range(1, 41)])
    with reading(engine) as conn:
        agree(conn)
    with ExitStack() as slow, ExitStack() as slower:
        first, second = slow.enter_context(writing(engine)), slower.enter_context(writing(engine))
        worklist_rows.save(first, [changed(chance, 300)])
        worklist_rows.save(second, [changed(chance, 301)])
        with writing(engine) as conn:
            worklist_rows.save(conn, [changed(chance, 302)])
        with reading(engine) as before:
            agree(before)
            slower.close()
            with reading(engine) as between:
                agree(between)
                slow.close()
                with reading(engine) as after:
                    agree(after)
                agree(between)
            agree(before)


def test_who_was_left_behind_what_the_log_still_tells_is_made_anew(engine: Engine) -> None:
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(1), rows.row(2)])
    with reading(engine) as conn:
        agree(conn)
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(2, stage="sent")])
        worklist_rows.remove(conn, [1])
    with pytest.MonkeyPatch.context() as patch, writing(engine) as conn:
        patch.setattr(changes, "KEPT", 0)
        changes.prune(conn)
    with reading(engine) as conn:
        assert told(conn, SCOPES[0], ASKED[0])[0] == [2]
    with reading(engine) as conn:
        agree(conn)


def test_a_process_has_the_copy_made_and_brought_along_before_anybody_asks_where_there_are_many_cases(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(n) for n in range(1, 9)])
    monkeypatch.setattr(copies, "_SMALL", 8)
    monkeypatch.setattr(copies, "_size", copies.select(copies.func.count()).select_from(copies.case))
    followed(engine)
    assert copies._held(engine).copy is None, "it is made in passing of so few"
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(9)])
    followed(engine)
    made = copies._held(engine).copy
    assert made is not None
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(n) for n in range(10, 15)])
    followed(engine)
    assert copies._held(engine).copy is made, "it was brought along"
    assert made.changes == 5
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(15)])
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(n) for n in range(16, 30)])
    with writing(engine) as conn, monkeypatch.context() as patch:
        patch.setattr(changes, "KEPT", 0)
        changes.prune(conn)
    followed(engine)
    anew = copies._held(engine).copy
    assert anew is not made, "the log no longer tells, so it was made anew"
    assert anew is not None
    assert len(anew.rows) == 29
    with reading(engine) as conn:
        agree(conn)


def followed(engine: Engine) -> None:
    """Look once, and wait for the thread that reads the case rows."""
    copies.follow(engine, NOW)
    for thread in [each for each in threading.enumerate() if each.name == "case-rows"]:
        thread.join(30)


def test_whoever_keeps_the_copy_ends_when_the_process_does_and_outlives_a_database_that_is_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, stop = list[str](), threading.Event()

    def away(_: Engine, at: int) -> None:
        looks.append("")
        if len(looks) == 2:
            stop.set()
        raise Unavailable("The database is away.")

    monkeypatch.setattr(copies, "_LOOK", 0.01)
    monkeypatch.setattr(copies, "follow", away)
    copies.keep(engine, lambda: moment(NOW), stop)
    assert len(looks) == 2


def test_the_copy_for_a_midnight_holds_little_of_what_is_foreseen(engine: Engine) -> None:
    """At a hundred thousand rows each byte of a row is a tenth of a megabyte, in every process that serves."""
    many, words = 2_000, tuple((whole, f"word-{n}", 0) for n in range(20) for whole in (True, False))
    with writing(engine) as conn:
        worklist_rows.save(conn, [rows.row(rid, changes_at=NOW + 5) for rid in range(1, many + 1)])
        ahead.note(conn, dict.fromkeys(range(1, many + 1), NOW + 5), NOW)
        wanted = ahead.wanted(conn, NOW, many)
        ahead.keep(conn, [(row, Ahead({"changes_at": None, "headline": "H" * 500}, words, words)) for row in wanted])
    with reading(engine) as conn:
        copy.read(conn, NOW + 9)  # what is loaded and read once
        tracemalloc.start()
        made = copy.read(conn, NOW + 9)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(made.turned) == many
    assert held / many < 1_500, "bytes for each row"
