"""Issue 9, must show 3: the measures equal what an independent script counts from `_history`, to the last digit."""

from datetime import date

import pytest
from sqlalchemy import delete, select

from auth.grant import Grant
from carecoord.actions.measures import board, count
from carecoord.domain.measures.definitions import MEASURES
from carecoord.store.database.engine import reading, writing
from carecoord.store.measures.tables import day_row, observation
from tests.desk.measures.conftest import Office
from tests.desk.measures.made import OFFICE

QUILL = Grant("quill", roles=frozenset({"coordinator"}), organization=OFFICE, name="Quill")
OF_CASES = [name for name, each in MEASURES.items() if not each.diaries]


def test_every_figure_is_what_an_independent_count_of_the_history_comes_to(office: Office) -> None:
    seen = board.board(office.house.world, QUILL, board.Asked(date(2026, 6, 1), date(2026, 11, 28)), "r")
    for name in OF_CASES:
        measured = seen.measures[name]
        n, hits, value, _ = office.recount.figure(name, date(2026, 6, 1), date(2026, 11, 28))
        assert (name, measured.figure.n, measured.figure.hits, measured.figure.value) == (name, n, hits, value)
        for first, shown in measured.months:
            following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            last = min(date(2026, 11, 28), date.fromordinal(following.toordinal() - 1))
            counted = office.recount.figure(name, first, last)[:3]
            assert (name, first, shown.n, shown.hits, shown.value) == (name, first, *counted)
    assert all(seen.measures[name].figure.n > 3 for name in OF_CASES)
    assert len([name for name in OF_CASES if seen.measures[name].figure.value is not None]) > 12


def test_what_was_counted_by_other_rules_is_counted_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure that is new, or counted in another way, needs no command: its past is there at the next count."""
    world = office.house.world
    with writing(world.engine) as conn:
        conn.execute(delete(observation).where(observation.c.measure == "denied"))
    count.follow(world)

    def denied() -> int:
        with reading(world.engine) as conn:
            ours = (observation.c.measure == "denied", observation.c.placer == OFFICE)
            return len(conn.execute(select(observation).where(*ours)).all())

    assert denied() == 0
    monkeypatch.setattr(count, "_OF", 7)
    count.follow(world)
    monkeypatch.undo()
    count.follow(world)
    assert denied() == office.recount.figure("denied", date(2020, 1, 1), date(2027, 1, 1))[0] > 10


def test_what_was_counted_bit_by_bit_is_what_is_counted_anew(office: Office) -> None:
    world = office.house.world

    def kept() -> list[list[tuple[object, ...]]]:
        with reading(world.engine) as conn:
            return [sorted(map(tuple, conn.execute(select(table)))) for table in (observation, day_row)]

    before = kept()
    assert count.anew(world) > 60
    assert kept() == before
    count.follow(world)
    assert kept() == before
