"""The rows of days on both databases: made of observations, made anew where one changes, alike in one walk or many."""

from sqlalchemy import Engine

from carecoord.store.database import marks
from carecoord.store.database.engine import reading, writing
from carecoord.store.measures import days, observations, third_free
from carecoord.store.measures.observations import Key


def row(case: str, day: int, hit: bool, value: int | None = None, clinic: str = "oak") -> tuple[object, ...]:
    return (case, "first-answer", "Task/t", 1, f"of-{case}", "elm", day, hit, value, "", "Eyes", clinic, "", "", "stat")


def told(engine: Engine, facet: str = "", choice: str = "") -> list[tuple[object, ...]]:
    with reading(engine) as conn:
        return sorted((each.day, each.n, each.hits, each.spread) for each in
                      days.found(conn, ["elm"], 0, 99, facet, [choice]))  # fmt: skip


def test_a_day_is_made_anew_from_what_is_counted_on_it_wherever_that_moves(engine: Engine) -> None:
    with writing(engine) as conn:
        assert observations.replace(conn, ["a"], [row("a", 7, True, 90)]) == {Key("elm", "first-answer", 7)}
        changed = observations.replace(conn, ["a", "b"], [row("a", 8, True, 60), row("b", 8, False, 20, "ash")])
        assert changed == {Key("elm", "first-answer", 7), Key("elm", "first-answer", 8)}
        days.remake(conn, changed)
    expected = [(8, 2, 1, "[20,60]")]
    assert told(engine) == expected
    assert told(engine, "clinic", "ash") == [(8, 1, 0, "[20]")]
    assert told(engine, "urgency", "stat") == expected
    with writing(engine) as conn:
        days.remake_all(conn)
        marks.put(conn, "measures", b"{}")  # as who counts anew does in the same transaction
    assert told(engine) == expected
    with reading(engine) as conn:
        assert observations.moved(conn) == ["a", "b"], "neither has a row on the worklist"
        (mine,) = observations.of_patients(conn, ["of-b"], ["elm"], 0, 99)
        assert (mine.hit, mine.value) == (False, 20)
        assert days.choices(conn, ["elm"], "clinic", 0) == [("ash", "ash"), ("oak", "oak")]
        assert days.clinics(conn, 0) == ["ash", "oak"]
        assert observations.clinics(conn, ["elm"], 0, 99, [("specialty", ["Eyes"])]) == ["ash", "oak"]
        assert [each.measure for each in observations.counted(conn, ["elm"], 0, 99, [("clinic", ["oak"])])] == [
            "first-answer"
        ]
        assert [each.case_id for each in observations.behind(conn, ["elm"], "first-answer", (0, 99), [], ["of-a"])] == [
            "b"
        ]
    with writing(engine) as conn:
        days.remake(conn, observations.replace(conn, ["a", "b"], []))
        third_free.put(conn, [("oak", 8, 3), ("ash", 8, 4)])
        third_free.put(conn, [("oak", 8, 5)])
    assert told(engine) == []
    with reading(engine) as conn:
        assert third_free.looked_at(conn, 8)
        assert sorted((each.clinic, each.days) for each in third_free.between(conn, ["oak", "ash"], 8, 8)) == [
            ("ash", 4), ("oak", 5)
        ]  # fmt: skip
        assert third_free.starts(conn, ["s"], 0) is None
