"""Marks of overtaken rows on PostgreSQL, where several write at once: one for each row, and nobody waits."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, select

from carecoord.store.database.engine import open_engine, writing
from carecoord.store.worklist import marks
from carecoord.store.worklist.tables import case_mark

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(new_database: Callable[[str], str]) -> Iterator[Engine]:
    engine = open_engine(new_database("postgres"))
    with writing(engine) as conn:
        marks.mark(conn, [7, 8])
    yield engine
    engine.dispose()


def held(conn: Connection) -> list[marks.Mark]:
    """Every mark that a transaction sees, by row."""
    return [(rid, change) for rid, change in conn.execute(select(case_mark.c.rid, case_mark.c.change).order_by("rid"))]


def test_of_many_changes_in_a_row_each_row_has_the_mark_of_the_last(engine: Engine) -> None:
    for _ in range(3):
        with writing(engine) as conn:
            marks.mark(conn, [7])
            marks.mark(conn, [7])
    with writing(engine) as conn:
        (seven, last), (eight, first) = held(conn)
        assert (seven, eight) == (7, 8)
        assert last > first


def test_a_change_that_is_given_up_leaves_the_mark_that_stood_there(engine: Engine) -> None:
    with engine.connect() as conn:
        before = held(conn)
        marks.mark(conn, [7])
        conn.rollback()
    with writing(engine) as conn:
        assert held(conn) == before


def test_a_change_while_a_row_is_judged_waits_for_nobody_and_its_mark_stays(engine: Engine) -> None:
    with writing(engine) as judging:
        marks.settle(judging, held(judging))
        with writing(engine) as changing:
            changing.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            marks.mark(changing, [7])
    with writing(engine) as conn:
        assert [rid for rid, _ in held(conn)] == [7]


def test_who_judged_a_row_that_is_being_changed_waits_for_nobody_and_takes_no_mark_of_the_change(
    engine: Engine,
) -> None:
    with writing(engine) as changing:
        seen = held(changing)
        marks.mark(changing, [7])
        with writing(engine) as judging:
            judging.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            marks.settle(judging, seen)
    with writing(engine) as conn:
        assert [rid for rid, _ in held(conn)] == [7]
        assert held(conn) != seen[:1]
