"""What a process knows of the registry is true of the state that each transaction sees."""

from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import pytest
from sqlalchemy import Connection, Engine, text

from carecoord.actions.clearance import shelf
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.clearance.library import Library
from carecoord.domain.referrals.case import REGISTRY
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.resources import registry_mark
from tests.domain.stories import group, plain
from tests.domain.worklist.test_project import put, statements


def told(engine: Engine) -> None:
    with writing(engine) as conn:
        put(conn, *plain().resources.values())


def unread(engine: Engine) -> None:
    """A state of the registry of which nobody has read anything."""
    with writing(engine) as conn:
        registry_mark.renew(conn)


def renamed(conn: Connection, name: str) -> None:
    put(conn, group(1) | {"name": name})


def clinic(conn: Connection) -> str:
    """What the clinic of the referral is called, as its case has it."""
    case = assemble(conn, "sr")
    assert case is not None
    return str(next(each for each in case.organizations if each["id"] == "group-1")["name"])


def test_every_type_of_the_registry_renews_the_mark() -> None:
    assert REGISTRY.keys() <= shelf.SHARED


def test_the_registry_is_not_read_again_while_it_stands(engine: Engine) -> None:
    told(engine)
    unread(engine)
    counts = []
    for _ in range(2):
        with statements(engine) as ran, reading(engine) as conn:
            assert clinic(conn) == group(1)["name"]
        counts.append(len(ran))
    assert counts[1] <= 10 < counts[0], counts  # of the case itself


def test_a_case_is_put_together_once_while_nothing_of_it_changes_and_anew_when_anything_does(engine: Engine) -> None:
    told(engine)
    with writing(engine) as conn:
        first = assemble(conn, "sr")
        assert assemble(conn, "sr") is first is not None
        put(conn, {"resourceType": "Task", "id": "new", "status": "requested", "intent": "order",
                   "focus": {"reference": "ServiceRequest/sr"}})  # fmt: skip
        second = assemble(conn, "sr")
        assert second is not None
        assert "new" in {each["id"] for each in second.tasks}
        renamed(conn, "Lakeside Heart")
        assert clinic(conn) == "Lakeside Heart"


def test_nothing_is_handed_on_to_other_evidence(engine: Engine) -> None:
    told(engine)
    with reading(engine) as conn:
        here = shelf.Reading(conn)
        here.make("q", [(1, b"a")], "made of a")
        here.keep()
        assert shelf.Reading(conn).made("q", [(1, b"a")]) == "made of a"
        assert shelf.Reading(conn).made("q", [(1, b"b")]) is None
        assert shelf.Reading(conn, past=True).made("q", [(1, b"a")]) is None


def test_a_change_is_seen_by_the_next_transaction_and_not_by_one_that_sees_the_state_before(engine: Engine) -> None:
    told(engine)
    with reading(engine) as before:
        old = clinic(before)
        with writing(engine) as conn:
            renamed(conn, "Lakeside Heart")
            assert clinic(conn) == "Lakeside Heart"
        with reading(engine) as conn:
            assert clinic(conn) == "Lakeside Heart"
        assert clinic(before) == old != "Lakeside Heart"


def test_a_change_that_is_undone_leaves_nothing_behind(engine: Engine) -> None:
    told(engine)
    with suppress(ZeroDivisionError), writing(engine) as conn:
        renamed(conn, "Lakeside Heart")
        assert clinic(conn) == "Lakeside Heart"
        raise ZeroDivisionError
    with reading(engine) as conn:
        assert clinic(conn) == group(1)["name"]


def test_where_no_change_was_ever_marked_everything_is_read(engine: Engine) -> None:
    told(engine)
    with writing(engine) as conn:
        conn.execute(text("DELETE FROM setting WHERE name LIKE 'registry:%'"))
    counts = []
    for _ in range(2):
        with statements(engine) as ran, reading(engine) as conn:
            assert clinic(conn) == group(1)["name"]
        counts.append(len(ran))
    assert counts[0] == counts[1] > 10


@pytest.mark.postgres
def test_what_a_writer_reads_while_another_changes_the_registry_goes_on_no_shelf(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    told(engine)
    unread(engine)
    with reading(engine) as before, writing(engine) as conn:
        mark = registry_mark.mark(before)
        library = Library(conn)
        with writing(engine) as other:
            renamed(other, "Lakeside Heart")
        assert [each["name"] for each in library.fetch(["Organization/group-1"])] == ["Lakeside Heart"]
        library.keep()
        assert registry_mark.mark(before) == mark
        assert clinic(before) == group(1)["name"]
    engine.dispose()


def test_a_registry_that_is_held_still_is_looked_at_no_more_until_the_transaction_itself_changes_it(
    engine: Engine,
) -> None:
    told(engine)
    with writing(engine) as conn:
        assert registry_mark.hold_still(conn)
        before = registry_mark.mark(conn)
        with statements(engine) as ran:
            assert registry_mark.mark(conn) == registry_mark.looked(conn) == before
            assert registry_mark.keep(conn, before)
            assert not registry_mark.keep(conn, b"another") or engine.dialect.name == "sqlite"
        assert ran == []
        renamed(conn, "Lakeside Heart")
        assert registry_mark.mark(conn) != before
        assert clinic(conn) == "Lakeside Heart"


def test_what_is_undone_to_a_savepoint_leaves_no_mark_behind(engine: Engine) -> None:
    told(engine)
    with writing(engine) as conn:
        before = registry_mark.mark(conn)
        with conn.begin_nested() as trial:
            renamed(conn, "Lakeside Heart")
            assert registry_mark.mark(conn) != before
            assert clinic(conn) == "Lakeside Heart"
            trial.rollback()
        assert registry_mark.looked(conn) == registry_mark.mark(conn) == before
        assert clinic(conn) == group(1)["name"]


@pytest.mark.postgres
def test_who_changes_a_registry_that_is_held_still_waits_until_the_transaction_ends(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    told(engine)

    def change() -> None:
        with writing(engine) as conn:
            renamed(conn, "Lakeside Heart")

    other = Thread(target=change)
    with writing(engine) as conn:
        assert registry_mark.hold_still(conn)
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert clinic(conn) == group(1)["name"]
    other.join()
    with reading(engine) as conn:
        assert clinic(conn) == "Lakeside Heart"
    engine.dispose()


@pytest.mark.postgres
def test_two_who_change_the_registry_at_once_do_not_wait_for_each_other(new_database: Callable[[str], str]) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as one, writing(engine) as other:
        other.execute(text("SET LOCAL lock_timeout = '2s'"))
        registry_mark.renew(one)
        registry_mark.renew(other)
    with reading(engine) as conn:
        assert len(registry_mark.mark(conn)) == 32
    engine.dispose()


@pytest.mark.postgres
def test_two_who_change_the_registry_judge_by_it_and_change_it_again_do_not_wait_for_each_other(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as one, writing(engine) as other:  # as $submit does with a Bundle that brings a clinician
        for conn in (one, other):
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            registry_mark.renew(conn)
        assert not registry_mark.hold_still(one)
        assert not registry_mark.hold_still(other)
        registry_mark.renew(one)
        registry_mark.renew(other)
    engine.dispose()


@pytest.mark.postgres
def test_who_changes_the_registry_again_after_a_change_was_undone_to_a_savepoint_is_seen_by_who_judges(
    new_database: Callable[[str], str],
) -> None:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as one, writing(engine) as other:
        below = one.begin_nested()
        registry_mark.renew(one)
        below.rollback()
        registry_mark.renew(one)
        assert not registry_mark.hold_still(other)
    engine.dispose()
