"""Of which visits a payer is asked by itself today."""

from datetime import date
from zoneinfo import ZoneInfo

from carecoord.domain.coverage.inquiries import days, was_asked

NEW_YORK = ZoneInfo("America/New_York")


def day(said: str) -> date:
    return date.fromisoformat(said)


def test_a_payer_is_asked_of_visits_14_and_3_days_ahead() -> None:
    spans = [(day("2026-12-06"), day("2026-12-07")), (day("2026-11-25"), day("2026-11-26"))]
    assert days(day("2026-11-22")) == spans


def test_on_the_first_of_a_month_a_payer_is_asked_of_all_visits_of_the_month() -> None:
    """January is when plans change."""
    assert days(day("2027-01-01"))[-1] == (day("2027-01-01"), day("2027-02-01"))
    assert days(day("2026-02-01"))[-1] == (day("2026-02-01"), day("2026-03-01"))


def test_nobody_is_asked_twice_on_one_day_about_the_same() -> None:
    asked = [{"servicedDate": "2026-12-06", "created": "2026-11-22T06:00:00-05:00"}]
    assert was_asked(asked, day("2026-12-06"), day("2026-11-22"), NEW_YORK)
    assert not was_asked(asked, day("2026-12-06"), day("2026-12-03"), NEW_YORK)
    assert not was_asked(asked, day("2026-12-07"), day("2026-11-22"), NEW_YORK)


def test_who_asks_in_the_evening_asks_that_day_though_it_is_the_next_in_utc() -> None:
    asked = [{"servicedDate": "2026-12-06", "created": "2026-11-22T01:00:00+00:00"}]
    assert was_asked(asked, day("2026-12-06"), day("2026-11-21"), NEW_YORK)
    assert not was_asked(asked, day("2026-12-06"), day("2026-11-22"), NEW_YORK)
