"""Issue 7, 3: the log of events is only ever added to, and no reader with a cursor of its own misses an event."""

import random
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DatabaseError

from carecoord.store.database.engine import reading, writing
from carecoord.store.events import log
from carecoord.store.events.log import Entry
from carecoord.store.events.tables import event


def entry(resource: str, **more: Any) -> Entry:
    given = {
        "at": 10, "said": None, "recorded": 20, "subject": "amara", "client": "desk", "organization": "clinic",
        "request": "req-1", "patient": "p1", "case_id": "r1", "kind": "stage", "before": "sent", "state": "accepted",
        "type": "Task", "resource": resource, "version": 2,
    }  # fmt: skip
    return Entry(**{**given, **more})


def append(engine: Engine, *entries: Entry) -> None:
    with writing(engine) as conn:
        log.append(conn, entries)


def names(entries: list[Entry]) -> list[str]:
    return [each.resource for each in entries]


def test_an_event_comes_back_as_it_was_written_with_its_number(engine: Engine) -> None:
    whole = entry("t1", said="2026-11-20", reason="no slot", payload={"to": {"reference": "Organization/x"}, "n": 1})
    append(engine, whole)
    (found,) = log.after(engine, 0, 10)
    assert found.n == 1
    assert (found.at, found.said, found.recorded) == (10, "2026-11-20", 20)
    assert (found.subject, found.client, found.organization, found.request) == ("amara", "desk", "clinic", "req-1")
    assert (found.patient, found.case_id, found.kind, found.before, found.state) == (
        "p1", "r1", "stage", "sent", "accepted",
    )  # fmt: skip
    assert (found.type, found.resource, found.version, found.reason) == ("Task", "t1", 2, "no slot")
    assert found.payload == {"to": {"reference": "Organization/x"}, "n": 1}


def test_a_zero_byte_in_a_reason_is_left_out_and_the_rest_kept(engine: Engine) -> None:
    append(engine, entry("t1", reason="no\0 slot", payload={"who": "a\0b"}))
    (found,) = log.after(engine, 0, 10)
    assert found.reason == "no slot"
    assert found.payload == {"who": "a\0b"}


def test_a_cursor_goes_on_where_it_stood_and_cases_patients_and_resources_have_their_own(engine: Engine) -> None:
    append(engine, entry("t1"), entry("t2", case_id="r2"), entry("t1", patient="p2"))
    append(engine, entry("c1", type="Claim", case_id=None, patient="p2"))
    first = log.after(engine, 0, 2)
    assert names(first) == ["t1", "t2"]
    assert names(log.after(engine, first[-1].n, 10)) == ["t1", "c1"]
    assert names(log.of_case(engine, "r1", 0, 10)) == ["t1", "t1"]
    assert names(log.of_case(engine, "r1", first[0].n, 10)) == ["t1"]
    assert names(log.of_patient(engine, "p2", 0, 10)) == ["t1", "c1"]
    with reading(engine) as conn:
        assert [each.n for each in log.of_resources(conn, ["Claim/c1", "Task/t1", "Task/none"])] == [1, 3, 4]


@pytest.mark.parametrize("statement", [delete(event), update(event).values(state="x")], ids=["delete", "update"])
def test_the_database_refuses_to_change_or_remove_an_event(engine: Engine, statement: Any) -> None:
    append(engine, entry("t1"))
    with pytest.raises(DatabaseError, match="only ever added to"), writing(engine) as conn:
        conn.execute(statement)
    assert names(log.after(engine, 0, 10)) == ["t1"]


def test_what_is_undone_leaves_no_event(engine: Engine) -> None:
    with suppress(ZeroDivisionError), writing(engine) as conn:
        log.append(conn, [entry("t1")])
        raise ZeroDivisionError
    append(engine, entry("t2"))
    assert names(log.after(engine, 0, 10)) == ["t2"]


@pytest.mark.postgres
def test_who_commits_late_with_a_low_number_is_waited_for(pg: Engine) -> None:
    """The first of two has the lower number and commits last: a reader between them sees neither, then both."""
    append(pg, entry("before"))
    with writing(pg) as slow:
        log.append(slow, [entry("slow")])
        append(pg, entry("quick"))
        assert names(log.after(pg, 0, 10)) == ["before"]
        with reading(pg) as other:  # the panel of a case shows it at once: it has no cursor to lose it by
            assert names(log.of_resources(other, ["Task/quick"])) == ["quick"]
    assert names(log.after(pg, 1, 10)) == ["slow", "quick"]


@pytest.mark.postgres
def test_numbers_beyond_what_a_lock_can_say_are_still_told_apart(pg: Engine) -> None:
    with writing(pg) as conn:
        conn.execute(text("SELECT setval('event_n_seq', 2147483647)"))
    with writing(pg) as slow:
        log.append(slow, [entry("slow")])
        append(pg, entry("quick"))
        assert log.horizon(pg) == 2147483647
        assert names(log.after(pg, 0, 10)) == []
    assert names(log.after(pg, 0, 10)) == ["slow", "quick"]


@pytest.mark.postgres
def test_a_long_transaction_that_appends_nothing_holds_nobody_up(pg: Engine) -> None:
    with writing(pg) as long:
        long.execute(text("CREATE TABLE elsewhere (n int)"))
        append(pg, entry("t1"))
        assert names(log.after(pg, 0, 10)) == ["t1"]


@pytest.mark.postgres
def test_who_gives_up_leaves_a_gap_that_nobody_waits_for(pg: Engine) -> None:
    with suppress(ZeroDivisionError), writing(pg) as conn:
        log.append(conn, [entry("undone")])
        append(pg, entry("t2"))
        raise ZeroDivisionError
    assert names(log.after(pg, 0, 10)) == ["t2"]


def test_no_reader_misses_an_event_of_many_writers_at_once(engine: Engine) -> None:
    """Writers that dawdle between number and commit, some of which give up; a reader whose cursor never goes back."""
    kept: set[str] = set()
    over = threading.Event()

    def write(me: int) -> None:
        rng = random.Random(me)
        for turn in range(25):
            wanted = [f"{me}-{turn}-{each}" for each in range(rng.randint(1, 3))]
            try:
                with writing(engine) as conn:
                    for name in wanted:
                        log.append(conn, [entry(name)])
                        time.sleep(rng.choice((0, 0, 0.002)))
                    if rng.random() < 0.2:
                        raise ZeroDivisionError
                kept.update(wanted)
            except ZeroDivisionError:
                pass

    seen: list[Entry] = []

    def read() -> None:
        while True:
            last = over.is_set()
            found = log.after(engine, seen[-1].n if seen else 0, 7)
            seen.extend(found)
            if last and not found:
                return

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert sorted(names(seen)) == sorted(kept)
    assert [each.n for each in seen] == sorted({each.n for each in seen})
