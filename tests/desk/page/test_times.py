"""How times are said."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.fhir.instants import micros
from carecoord.web.page.times import MINUS, Times, age, place, span

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
TIMES = Times(NOW, NEW_YORK)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (-190, f"{MINUS}3h 10m"),
        (-20, f"{MINUS}20m"),
        (0, "0m"),
        (252, "4h 12m"),
        (1440, "1d 00h"),
        (5 * 1440, "5d 00h"),
        (70 * 1440, "70d"),
    ],
)
def test_a_clock_says_the_time_left_in_two_units(left: int, said: str) -> None:
    clock = TIMES.clock(micros(NOW + timedelta(minutes=left)), None, micros(NOW + 10 * HOUR))
    assert clock is not None
    assert clock.text == said


def test_a_clock_is_late_then_of_today_then_calm() -> None:
    today = micros(NOW + 10 * HOUR)
    tones = [TIMES.clock(micros(NOW + n * HOUR), None, today) for n in (-1, 1, 11)]
    assert [clock.tone for clock in tones if clock] == ["late", "today", "calm"]


@given(st.integers(-(10**13), 10**13), st.one_of(st.none(), st.integers(-(10**13), 10**13)))
def test_the_bar_never_leaves_its_track(due: int, start: int | None) -> None:
    begun = None if start is None else micros(NOW) + start
    clock = TIMES.clock(micros(NOW) + due, begun, micros(NOW))
    assert clock is not None
    assert 0 <= clock.share <= 100
    assert (clock.tone == "late") == (due < 0)


def test_midnight_is_the_offices_even_when_the_clocks_change() -> None:
    night = Times(datetime(2026, 11, 1, 3, 0, tzinfo=UTC), NEW_YORK)  # still 31 October in New York
    assert night.midnight(0) == micros(datetime(2026, 11, 1, 4, 0, tzinfo=UTC))
    assert night.midnight(1) == micros(datetime(2026, 11, 2, 5, 0, tzinfo=UTC))


def test_a_date_has_its_year_when_it_is_not_this_one() -> None:
    assert TIMES.exact(micros(datetime(2026, 11, 18, 19, 5, tzinfo=UTC))) == "18 Nov 14:05"
    assert TIMES.exact(micros(datetime(2027, 2, 3, 15, 0, tzinfo=UTC))) == "3 Feb 2027 10:00"


@pytest.mark.parametrize(
    ("born", "said"),
    [("1965-03-01", "61 y"), ("2026-01-23", "9 mo"), ("2024-11-22", "2 y"), ("1965", ""), (None, ""), ("nonsense", "")],
)
def test_an_age_is_in_years_and_a_babys_in_months(born: str | None, said: str) -> None:
    assert age(born, date(2026, 11, 22)) == said


@pytest.mark.parametrize(
    ("ago", "said"), [(10, "just now"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_it_says_how_long_ago(ago: int, said: str) -> None:
    assert TIMES.ago(NOW - timedelta(seconds=ago)) == said


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_span_is_short(left: timedelta) -> None:
    assert len(span(left)) <= 7


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("America/New_York", "New York time"),
        ("America/Indiana/Knox", "Knox time"),
        ("UTC", "UTC"),
        ("Etc/GMT+5", "GMT+5"),
    ],
)
def test_a_page_says_where_its_hours_are_told(zone: str, said: str) -> None:
    assert place(ZoneInfo(zone)) == said


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("2026-11-21", "21 Nov 2026"),
        ("2026-11", "Nov 2026"),
        ("2026", "2026"),
        ("2026-11-21T14:00:00Z", "21 Nov 2026, 09:00"),
        ("2026-11-21T23:30:00-05:00", "21 Nov 2026, 23:30"),
        ("2026-11-22T03:30:00Z", "21 Nov 2026, 22:30"),
        ("", ""),
        ("soon", "soon"),
    ],
)
def test_a_stored_date_is_read_in_the_office_with_its_year(stored: str, said: str) -> None:
    assert Times(datetime(2026, 11, 22, tzinfo=UTC), ZoneInfo("America/New_York")).stored(stored) == said
