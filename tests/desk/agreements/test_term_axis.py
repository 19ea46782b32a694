"""Where the parts of a term are drawn, on an axis whose days were counted by hand."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from carecoord.store.agreements.register import NO_END, NO_START
from carecoord.web.agreements.term_axis import Axis, Bar, of_row, shared

TODAY = date(2026, 11, 22)


def row(**given: Any) -> Any:
    said = {"stage": "current", "starts": NO_START, "ends": NO_END, "term_ends": NO_END, "notice_by": NO_END} | given
    return SimpleNamespace(**{name: v.toordinal() if isinstance(v, date) else v for name, v in said.items()})


def test_the_registers_axis_has_the_year_before_this_one_and_two_to_come() -> None:
    assert shared(TODAY) == Axis(1461, 690, [(0, 2025), (365, 2026), (730, 2027), (1095, 2028)])


def test_a_term_is_parted_at_the_day_of_notice_and_where_it_is_not_sure_to_go_on() -> None:
    rolling = row(starts=date(2025, 1, 11), term_ends=date(2027, 1, 1), notice_by=date(2026, 12, 1))
    assert of_row(rolling, TODAY) == [Bar(10, 690, "force"), Bar(700, 30, "notice"), Bar(730, 731, "next")]


def test_what_lies_before_or_after_the_axis_is_cut_off_and_an_open_term_fills_it() -> None:
    assert of_row(row(), TODAY) == [Bar(0, 1461, "force")]
    assert of_row(row(ends=date(2031, 1, 1), starts=date(2020, 1, 1)), TODAY) == [Bar(0, 1461, "force")]
    assert of_row(row(stage="ended", ends=date(2024, 1, 1)), TODAY) == []
    assert of_row(row(stage="ended", ends=date(2025, 1, 11)), TODAY) == [Bar(0, 10, "past")]
    assert of_row(row(stage="awaited", starts=date(2028, 12, 1)), TODAY) == [Bar(1430, 31, "next")]
