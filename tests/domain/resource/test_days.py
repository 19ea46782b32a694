"""Days as the trade counts them: whole local days, half open inside, whatever precision and zone they came in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.resource.days import (
    ALWAYS,
    NEVER,
    Days,
    add_months,
    days,
    later,
    midnight,
    moment,
    shifted,
)

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
ANY = st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))
JUNK = ({"start": "2027-02-30"}, {"end": "soon"}, {"start": 5}, {"end": ["2027"]}, [], "2027", {"start": "0000-01-01"})


def read(start: str | None = None, end: str | None = None) -> Days:
    return days({name: text for name, text in (("start", start), ("end", end)) if text}, ZONE)


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2027-01-30", date(2027, 1, 30)),
        ("2027-02", date(2027, 2, 28)),
        ("2028-02", date(2028, 2, 29)),
        ("2027", date(2027, 12, 31)),
        ("2027-01-30T23:59:59-05:00", date(2027, 1, 30)),
        ("2027-01-31T04:59:59Z", date(2027, 1, 30)),
        ("2027-01-31T05:00:00Z", date(2027, 1, 30)),  # local midnight ends the day before, it claims no new day
        ("2027-01-31T05:00:01Z", date(2027, 1, 31)),
    ],
)
def test_an_end_includes_all_that_it_names_in_local_days(end, last):
    assert read(end=end).last == last


def test_an_instant_begins_on_its_local_day():
    assert read("2027-01-01T03:00:00Z").start == date(2026, 12, 31)
    assert moment("2027-01-01", ZONE) == datetime(2027, 1, 1, 5, tzinfo=UTC)


def test_the_end_of_all_time_is_no_end():
    assert read("2026-01-01", "9999-12-31") == Days(date(2026, 1, 1), None)


def test_the_beginning_of_all_time_is_a_beginning():
    assert read("0001-01-01").holds(date(2027, 1, 1))
    assert read("0001-01-01T00:00:00Z", "2027-01-30").last == date(2027, 1, 30)
    assert not read(end="0001-01-01").holds(date(2027, 1, 1))
    assert moment("0001-01-01T00:00:00Z", ZONE) is None, "how programs write that they know no time"


@pytest.mark.parametrize(
    ("day", "months", "there"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2027, 3, 15), -2, date(2027, 1, 15)),
        (date(9999, 12, 1), 1, date.max),
        (date(2027, 1, 1), 10**12, date.max),
        (date(2027, 1, 1), -(10**12), date.min),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_a_shorter_month(day, months, there):
    assert add_months(day, months) == there


def test_no_number_of_days_leads_out_of_the_calendar():
    assert shifted(date(2027, 1, 30), 3) == date(2027, 2, 2)
    assert (shifted(date.max, 1), shifted(date.min, -(10**12))) == (date.max, date.min)
    assert later(NOW, timedelta.max) > NOW > later(NOW, timedelta.min)


def test_no_period_is_always_and_an_unreadable_one_is_never():
    assert days(None, ZONE) == ALWAYS
    assert not NEVER.holds(date(2027, 1, 1))
    for junk in JUNK:
        assert days(junk, ZONE) == NEVER


def test_days_on_which_the_clocks_change_have_their_own_length():
    for day, hours in ((date(2027, 3, 14), 23), (date(2027, 11, 7), 25), (date(2027, 6, 1), 24)):
        assert midnight(day + timedelta(days=1), ZONE) - midnight(day, ZONE) == timedelta(hours=hours)


@given(ANY, ANY, ANY, ANY, st.dates(date(2019, 1, 1), date(2031, 1, 1)))
def test_clipping_holds_exactly_what_both_hold(a, b, c, d, day):
    one, other = Days(a, b), Days(c, d)
    assert one.clip(other).holds(day) == (one.holds(day) and other.holds(day))
    assert not (one.empty and one.holds(day))
