"""Statements that PostgreSQL has prepared go by libpq itself: they give and refuse what psycopg's own cursor does."""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, bindparam, func, select
from sqlalchemy import text as sql

from carecoord.errors import DatabaseAway
from carecoord.store import prepared_statements
from carecoord.store.database import bulk, driver, tables
from carecoord.store.database.engine import glancing, open_engine, reading, writing

pytestmark = pytest.mark.postgres

ASKED: tuple[tuple[str, Any], ...] = (
    ("SELECT %(n)s::bigint, %(t)s::text, %(b)s::bytea", {"n": 7, "t": "Ñandú", "b": b"\x00\xff"}),
    ("SELECT %(n)s::bigint", {"n": 2**40}),
    ("SELECT %(n)s::bigint", {"n": -3}),
    ("SELECT %(n)s::text, %(n)s::text IS NULL", {"n": None}),
    ("SELECT %(yes)s::boolean, NOT %(yes)s::boolean", {"yes": True}),
    ("SELECT %(x)s::double precision", {"x": 0.1}),
    ("SELECT n FROM unnest(%s::bigint[]) AS n", ([3, 1, 2**35],)),
    ("SELECT '{\"a\": [1]}'::jsonb, ARRAY['x', NULL], 1.50::numeric", None),
    ("SELECT 1 WHERE %(n)s::int > 5", {"n": 3}),
    ("SELECT '100%%', %(n)s::int", {"n": 1}),
    ("SELECT 1", {"n": 1}),
    ("SELECT 1", ()),
)


@pytest.fixture
def engine(new_database: Callable[[str], str]) -> Iterator[Engine]:
    found = open_engine(new_database("postgres"))
    yield found
    found.dispose()


@pytest.fixture
def cursors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that psycopg's own cursor sends from now on."""
    sent: list[str] = []
    real = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *values: Any, **more: Any) -> Any:
        sent.append(str(query))
        return real(self, query, *values, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    return sent


def raw_of(conn: Connection) -> Any:
    return conn.connection.dbapi_connection


def write(engine: Engine, *steps: Callable[[Any], object]) -> None:
    """Do these with one connection, in one transaction."""
    with writing(engine) as conn:
        for step in steps:
            step(raw_of(conn))


def one(text: str, values: Any = None) -> Callable[[Any], object]:
    return lambda raw: prepared_statements.execute(raw, text, values)


def several(*asked: tuple[str, Any]) -> Callable[[Any], object]:
    return lambda raw: prepared_statements.together(raw, asked)


def test_they_give_what_the_drivers_cursor_gives(engine: Engine) -> None:
    with reading(engine) as conn:
        raw = raw_of(conn)
        for text, values in ASKED:
            own = raw.execute(text, values).fetchall()
            for _ in range(4):
                assert prepared_statements.execute(raw, text, values).fetchall() == own
                assert prepared_statements.execute(raw, text, values).fetchone() == next(iter(own), None)


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), {"n": 1}], ids=["too few", "too many", "by name"])
def test_values_that_do_not_fit_the_statement_are_refused_as_the_driver_refuses_them(
    engine: Engine, values: Any
) -> None:
    with reading(engine) as conn:
        for _ in range(4):
            assert prepared_statements.execute(raw_of(conn), "SELECT %s::int, %s::int", (1, 2)).fetchall() == [(1, 2)]
        with pytest.raises((psycopg.ProgrammingError, TypeError), match="placeholders"):
            prepared_statements.execute(raw_of(conn), "SELECT %s::int, %s::int", values)


def test_the_third_time_psycopg_prepares_and_from_then_on_makes_no_cursor(engine: Engine, cursors: list[str]) -> None:
    asked = select(tables.setting.c.value).where(tables.setting.c.name == "nobody")
    for _ in range(6):
        with reading(engine) as conn:
            assert driver.every(conn, asked, {}) == []
    assert len([each for each in cursors if "FROM setting" in each]) == 3


def test_after_a_rollback_they_are_prepared_anew(engine: Engine, cursors: list[str]) -> None:
    for _ in range(2):
        with writing(engine) as conn:
            for _ in range(4):
                prepared_statements.execute(raw_of(conn), "SELECT 1")
        with writing(engine) as conn:
            assert prepared_statements.execute(raw_of(conn), "SELECT 1").fetchall() == [(1,)]
            conn.rollback()
    assert cursors.count("SELECT 1") == 6


def test_the_first_of_a_transaction_begins_it_as_it_was_meant(engine: Engine) -> None:
    for _ in range(4):
        with glancing(engine) as conn:
            insert = "INSERT INTO setting (name, value) VALUES ('x', '') ON CONFLICT DO NOTHING"
            prepared_statements.execute(raw_of(conn), insert)
            assert raw_of(conn).info.transaction_status.name == "IDLE"  # it was a transaction by itself
    count = "SELECT count(*) FROM setting WHERE name = 'y'"
    for _ in range(4):
        with reading(engine) as conn:
            prepared_statements.execute(raw_of(conn), count)
    with reading(engine) as conn:
        assert prepared_statements.execute(raw_of(conn), count).fetchone() == (0,)
        with writing(engine) as other:
            other.execute(sql("INSERT INTO setting (name, value) VALUES ('y', '')"))
        assert prepared_statements.execute(raw_of(conn), count).fetchone() == (0,)  # one state throughout
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            raw_of(conn).execute("DELETE FROM setting")
        conn.rollback()


def test_what_is_refused_is_refused_by_its_own_error_and_nothing_is_kept(engine: Engine) -> None:
    insert = "INSERT INTO setting (name, value) VALUES (%(name)s, '')"
    write(engine, *(one(insert, {"name": f"is {n}"}) for n in range(4)))
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        write(engine, one(insert, {"name": "new"}), one(insert, {"name": "is 1"}))
    assert refused.value.sqlstate == "23505"
    with reading(engine) as conn:
        kept = conn.scalars(sql("SELECT name FROM setting WHERE name LIKE 'is %' OR name = 'new' ORDER BY name")).all()
    assert kept == ["is 0", "is 1", "is 2", "is 3"]


def test_several_go_together_and_the_first_that_fails_is_told(engine: Engine, cursors: list[str]) -> None:
    insert = "INSERT INTO setting (name, value) VALUES (%(name)s, '')"
    with writing(engine) as conn:
        for n in range(4):
            prepared_statements.execute(raw_of(conn), insert, {"name": f"is {n}"})
        cursors.clear()
        prepared_statements.together(raw_of(conn), [(insert, {"name": f"more {n}"}) for n in range(50)])
        assert cursors == []
        assert conn.scalar(sql("SELECT count(*) FROM setting WHERE name LIKE 'more %'")) == 50
    names = ("new", "is 2", "is 3", "newer")
    refused = several(*((insert, {"name": name}) for name in names))
    with pytest.raises(psycopg.errors.UniqueViolation, match="is 2"):
        write(engine, one(insert, {"name": "before"}), refused)
    with writing(engine) as conn:  # the connection is fit for use again
        assert conn.scalar(sql("SELECT count(*) FROM setting WHERE name IN ('before', 'new', 'newer')")) == 0


def test_rows_that_fill_every_buffer_go_together_too(engine: Engine) -> None:
    for turn in range(4):
        with writing(engine) as conn, bulk.together(conn):
            for start in range(0, 30, 10):
                rows = [(f"{turn} {n}", b"x" * 200_000) for n in range(start, start + 10)]
                bulk.insert(conn, tables.setting, rows)
            bulk.remove(conn, tables.flag, [1, 2])
    with reading(engine) as conn:
        kept = conn.execute(sql("SELECT count(*), min(length(value)) FROM setting WHERE name LIKE '% %'")).one()
    assert tuple(kept) == (120, 200_000)


def test_what_is_written_together_is_not_sent_where_its_making_fails(engine: Engine) -> None:
    def fail(conn: Connection) -> None:
        with bulk.together(conn):
            bulk.insert(conn, tables.setting, [("x", b"")])
            raise ZeroDivisionError

    with writing(engine) as conn:
        with pytest.raises(ZeroDivisionError):
            fail(conn)
        bulk.insert(conn, tables.setting, [("y", b"")])
    with reading(engine) as conn:
        assert conn.scalars(sql("SELECT name FROM setting WHERE name IN ('x', 'y')")).all() == ["y"]


@pytest.mark.parametrize("many", [False, True], ids=["one", "several"])
def test_a_connection_that_is_cut_off_is_told_as_a_database_away(engine: Engine, many: bool) -> None:
    count = ("SELECT count(*) FROM setting", None)
    write(engine, *[one(*count)] * 4)

    def cut(raw: Any) -> None:
        with writing(engine) as other:
            other.execute(sql("SELECT pg_terminate_backend(:pid)"), {"pid": raw.info.backend_pid})

    with pytest.raises(DatabaseAway):
        write(engine, one(*count), cut, several(count, count) if many else one(*count))
    with reading(engine) as conn:
        assert prepared_statements.execute(raw_of(conn), *count).fetchall()


@pytest.mark.parametrize("many", [False, True], ids=["one", "several"])
def test_who_waits_for_a_lock_lets_other_threads_go_on(engine: Engine, many: bool) -> None:
    lock = ("SELECT pg_advisory_xact_lock(%(n)s)", {"n": 7})
    count = ("SELECT 1", None)
    for _ in range(2):
        write(engine, *[one(*lock), one(*count)] * 2)
    waits = (one(*count), several(count, lock)) if many else (one(*lock),)
    waiter = threading.Thread(target=write, args=(engine, *waits))
    with writing(engine) as conn:
        conn.execute(sql("SELECT pg_advisory_xact_lock(7)"))
        waiter.start()
        asked = sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not conn.scalar(asked):  # would go on for ever, did the waiter hold this thread up
            assert waiter.is_alive()
    waiter.join(30)
    assert not waiter.is_alive()


def test_of_many_open_files_none_keeps_statements_from_being_sent_together(engine: Engine) -> None:
    """`select.select` takes no file above 1,023; a busy server has more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2_000, limits[1]), limits[1]))
    taken: list[int] = []
    try:
        while not taken or taken[-1] < 1_050:
            taken.append(os.open(os.devnull, os.O_RDONLY))
        insert = "INSERT INTO setting (name, value) VALUES (%(name)s, '')"
        with writing(engine) as conn:
            for n in range(4):
                prepared_statements.execute(raw_of(conn), insert, {"name": f"is {n}"})
            assert raw_of(conn).pgconn.socket > 1_023
            prepared_statements.together(raw_of(conn), [(insert, {"name": f"more {n}"}) for n in range(50)])
            assert conn.scalar(sql("SELECT count(*) FROM setting WHERE name LIKE 'more %'")) == 50
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_what_is_foreseen_is_handed_out_once_and_asked_anew_after_that(
    engine: Engine, cursors: list[str]
) -> None:
    counted = select(func.count()).select_from(tables.setting).where(tables.setting.c.name.like(bindparam("name")))
    these, others = (counted, {"name": "is %"}), (counted, {"name": "was %"})
    with writing(engine) as conn:
        for _ in range(3):
            assert driver.every(conn, *these) == [(0,)]
        cursors.clear()
        with driver.foreseen(conn, [these, others]):
            bulk.insert(conn, tables.setting, [("is 1", b"")])
            assert driver.every(conn, *these) == [(0,)]  # as it was when it was foreseen
            assert driver.every(conn, *these) == [(1,)]
            bulk.insert(conn, tables.setting, [("was 1", b"")])
        assert driver.every(conn, *others) == [(1,)]  # nobody had asked for it inside
        assert not [each for each in cursors if "SELECT count" in each]


def test_what_is_not_prepared_is_asked_in_its_turn(engine: Engine) -> None:
    counted = select(func.count()).select_from(tables.setting).where(tables.setting.c.name.like(bindparam("name")))
    these, others = (counted, {"name": "is %"}), (counted, {"name": "was %"})
    with writing(engine) as conn, driver.foreseen(conn, [these, others]):
        bulk.insert(conn, tables.setting, [("is 1", b"")])
        assert driver.every(conn, *these) == [(1,)]


def test_what_is_foreseen_behind_a_lock_sees_what_was_written_by_who_had_it(engine: Engine) -> None:
    lock = ("SELECT pg_advisory_xact_lock(%s)", (7,))
    counted = (select(func.count()).select_from(tables.setting).where(tables.setting.c.name == "mine"), {})
    found: list[Any] = []

    def count() -> None:
        with writing(engine) as conn, driver.foreseen(conn, [lock, counted]):
            driver.send(conn, lock[0], *lock[1])
            found.append(driver.every(conn, *counted))

    for _ in range(6):  # on each connection they are prepared
        count()
    waiter = threading.Thread(target=count)
    with writing(engine) as conn:
        driver.send(conn, lock[0], *lock[1])
        bulk.insert(conn, tables.setting, [("mine", b"")])
        waiter.start()
        asked = sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not conn.scalar(asked):
            assert waiter.is_alive()
    waiter.join(30)
    assert found == [[(0,)]] * 6 + [[(1,)]]
