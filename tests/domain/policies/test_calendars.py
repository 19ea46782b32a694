"""Hours and days of business, counted by hand and by properties, over holidays and nights on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.domain.policies.calendars import Calendar, closed_days, hours, known_place, weekdays
from carecoord.domain.policies.spans import Span, span

NEW_YORK = ZoneInfo("America/New_York")
OFFICE = Calendar(NEW_YORK, place="US")


def at(*said: int) -> datetime:
    return datetime(*said, tzinfo=NEW_YORK)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("since", "said", "until"),
    [
        # Fri 27 Nov 2026; Thanksgiving was the 26th
        (at(2026, 11, 25, 15), "1 business day", at(2026, 11, 27, 17)),
        (at(2026, 11, 27, 10), "2 business days", at(2026, 12, 1, 17)),
        (at(2026, 11, 28, 10), "1 business day", at(2026, 11, 30, 17)),  # a Saturday
        (at(2026, 11, 27, 16), "4 business hours", at(2026, 11, 30, 11)),
        (at(2026, 11, 27, 7), "2 business hours", at(2026, 11, 27, 10)),
        (at(2026, 11, 27, 8), "9 business hours", at(2026, 11, 27, 17)),
        (at(2026, 7, 2, 12), "1 business day", at(2026, 7, 6, 17)),  # 4 July is a Saturday, kept on the 3rd
        (at(2026, 3, 6, 12), "72 hours", at(2026, 3, 9, 13)),  # the clocks go on an hour on the 8th
        (at(2026, 11, 27, 10), "0 business days", at(2026, 11, 27, 10)),
    ],
)
def test_a_clock_of_business_ends_when_the_hand_says(since: datetime, said: str, until: datetime) -> None:
    assert OFFICE.after(since, span(said)) == until


def test_hours_of_business_over_a_night_of_changing_clocks_are_hours_that_pass() -> None:
    """Open all day and every day: 48 business hours from Saturday noon end 48 hours later, on Monday at 13:00 by the
    clock, which went on an hour."""
    always = Calendar(NEW_YORK, frozenset(range(7)), time(0), time.max)
    assert always.after(at(2026, 3, 7, 12), Span(48, "business-hour")) == at(2026, 3, 9, 13)
    assert always.after(at(2026, 10, 31, 12), Span(48, "business-hour")) == at(2026, 11, 2, 11)


def test_own_closed_days_count_as_little_as_holidays() -> None:
    closed = Calendar(NEW_YORK, place="US", closed=frozenset({date(2026, 11, 27)}))
    assert closed.after(at(2026, 11, 25, 15), span("1 business day")) == at(2026, 11, 30, 17)


def test_a_state_has_holidays_that_its_country_has_not() -> None:
    """Cesar Chavez Day, 31 March, is a holiday in California alone; 31 Mar 2026 is a Tuesday."""
    zone = ZoneInfo("America/Los_Angeles")
    assert Calendar(zone, place="US").works(date(2026, 3, 31))
    assert not Calendar(zone, place="US-CA").works(date(2026, 3, 31))
    assert [known_place(each) for each in ("US-CA", "US-XX", "Narnia")] == [True, False, False]


zones = st.sampled_from([NEW_YORK, ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")])
calendars = st.builds(
    Calendar, zones, st.frozensets(st.integers(0, 6), min_size=1), place=st.sampled_from(["", "US", "US-NY", "DE-BY"])
)
instants = st.integers(0, 4 * 365 * 24).map(lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n))
units = st.sampled_from(["business-hour", "business-day", "hour", "day"])


@settings(max_examples=40, deadline=None)
@given(calendars, instants, st.integers(1, 60), units)
def test_a_longer_clock_never_ends_earlier_and_none_before_it_began(calendar, since, amount, unit) -> None:
    short, long = calendar.after(since, Span(amount, unit)), calendar.after(since, Span(amount + 1, unit))
    assert since < short < long


@settings(max_examples=40, deadline=None)
@given(calendars, instants, st.integers(1, 60), units, st.integers(0, 100))
def test_a_clock_that_starts_later_never_ends_earlier(calendar, since, amount, unit, later) -> None:
    after = since + timedelta(hours=later)
    assert calendar.after(since, Span(amount, unit)) <= calendar.after(after, Span(amount, unit))


@settings(max_examples=40, deadline=None)
@given(calendars, instants, st.integers(1, 60), st.sampled_from(["business-hour", "business-day"]))
def test_a_clock_of_business_ends_while_somebody_works(calendar, since, amount, unit) -> None:
    end = calendar.after(since, Span(amount, unit)).astimezone(calendar.zone)
    assert calendar.works(end.date())
    assert calendar.opens < end.time() <= calendar.closes


@settings(max_examples=30, deadline=None)
@given(calendars, instants, st.integers(1, 30), st.integers(1, 30))
def test_hours_of_business_add_up(calendar, since, one, other) -> None:
    first = calendar.after(since, Span(one, "business-hour"))
    assert calendar.after(first, Span(other, "business-hour")) == calendar.after(
        since, Span(one + other, "business-hour")
    )


def test_what_people_write_is_read() -> None:
    assert weekdays("Mon-Fri") == frozenset(range(5))
    assert weekdays("Sat - Mon, Wed") == frozenset({5, 6, 0, 2})
    assert hours("8:00 - 16:30") == (time(8), time(16, 30))
    assert hours("00:00-24:00") == (time(0), time.max)
    assert closed_days("2026-12-24; 2026-12-31") == frozenset({date(2026, 12, 24), date(2026, 12, 31)})
    assert [str(span(each)) for each in ("2  Business Days", "1 hours")] == ["2 business days", "1 hour"]


@pytest.mark.parametrize(("read", "said"), [(weekdays, ""), (weekdays, "Someday"), (hours, "17:00-08:00"),
                                            (hours, "early"), (closed_days, "Christmas"), (span, "soon"),
                                            (span, "9999 days"), (span, "-1 days"), (span, "1 fortnight")])  # fmt: skip
def test_what_is_no_time_is_refused(read, said) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(said)
