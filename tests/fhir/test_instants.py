"""Partial dates are ranges; instants are numbers."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.fhir.instants import EVER, FOREVER, instant, micros, moment, period, span

_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _at(*parts: int) -> int:
    return micros(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


@given(_moments)
def test_an_instant_reads_back_as_the_same_number(at: datetime) -> None:
    low, high = period(instant(micros(at)), UTC)
    assert low == micros(at)
    assert high - low == (1 if at.microsecond % 1000 else 1000)
    assert moment(low) == at


@given(_moments, _zones)
def test_the_zone_moves_the_range_and_not_its_length(at: datetime, zone: timezone) -> None:
    local = at.replace(microsecond=0).astimezone(zone) if 2 < at.year < 9998 else at.replace(microsecond=0)
    assert period(local.isoformat(), UTC) == (micros(local), micros(local) + 1_000_000)


@given(_moments)
def test_a_longer_date_lies_inside_the_shorter_one(at: datetime) -> None:
    text = instant(micros(at.replace(microsecond=123456)))
    texts = (text[:4], text[:7], text[:10], text[:19] + "Z", text[:23] + "Z", text)
    ranges = [period(each, UTC) for each in texts]
    for (low, high), (inner_low, inner_high) in pairwise(ranges):
        assert low <= inner_low < inner_high <= high


@given(st.dates())
def test_days_touch_and_do_not_overlap(day: object) -> None:
    low, high = period(str(day), UTC)
    assert high - low == 86_400_000_000
    assert EVER < low < high < FOREVER


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", _at(2024, 1, 1), _at(2025, 1, 1)),
        ("2024-02", _at(2024, 2, 1), _at(2024, 3, 1)),
        ("2023-12", _at(2023, 12, 1), _at(2024, 1, 1)),
        ("2024-02-29", _at(2024, 2, 29), _at(2024, 3, 1)),
        ("2024-02-29T10:00", _at(2024, 2, 29, 10), _at(2024, 2, 29, 10, 1)),
        ("2024-02-29T10:00:05-05:00", _at(2024, 2, 29, 15, 0, 5), _at(2024, 2, 29, 15, 0, 6)),
        ("2024-02-29T23:59:60Z", _at(2024, 3, 1), _at(2024, 3, 1, 0, 0, 1)),
        ("2024-02-29T10:00:05.5Z", _at(2024, 2, 29, 10, 0, 5, 500000), _at(2024, 2, 29, 10, 0, 5, 600000)),
        ("2024-02-29T10:00:05.1234567Z", _at(2024, 2, 29, 10, 0, 5, 123456), _at(2024, 2, 29, 10, 0, 5, 123457)),
    ],
)
def test_a_date_covers_what_it_names(text: str, low: int, high: int) -> None:
    assert period(text, UTC) == (low, high)


NEW_YORK, APIA = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026-03-07", _at(2026, 3, 7, 5), _at(2026, 3, 8, 5)),
        ("2026-03-08", _at(2026, 3, 8, 5), _at(2026, 3, 9, 4)),  # the clocks go forward: 23 hours
        ("2026-11-01", _at(2026, 11, 1, 4), _at(2026, 11, 2, 5)),  # and back: 25
        ("2026-03", _at(2026, 3, 1, 5), _at(2026, 4, 1, 4)),
        ("2026", _at(2026, 1, 1, 5), _at(2027, 1, 1, 5)),
        ("2026-12", _at(2026, 12, 1, 5), _at(2027, 1, 1, 5)),
        ("2026-03-08T20:30", _at(2026, 3, 9, 0, 30), _at(2026, 3, 9, 0, 31)),
        ("2026-03-08T20:30:00", _at(2026, 3, 9, 0, 30), _at(2026, 3, 9, 0, 30, 1)),
        ("2026-03-08T20:30:00Z", _at(2026, 3, 8, 20, 30), _at(2026, 3, 8, 20, 30, 1)),
        ("2026-03-08T20:30:00+01:00", _at(2026, 3, 8, 19, 30), _at(2026, 3, 8, 19, 30, 1)),
    ],
)
def test_a_date_without_a_zone_is_one_of_the_zone_that_is_meant(text: str, low: int, high: int) -> None:
    assert period(text, NEW_YORK) == (low, high)


def test_a_day_that_a_zone_left_out_is_still_found_by_its_name() -> None:
    low, high = period("2011-12-30", APIA)
    assert (low, high) == (_at(2011, 12, 30, 10), _at(2011, 12, 30, 10) + 1)


@pytest.mark.parametrize("zone", [NEW_YORK, APIA, ZoneInfo("Europe/Berlin"), UTC])
def test_the_ends_of_the_calendar_have_days_in_every_zone(zone: ZoneInfo) -> None:
    for text in ("0001", "0001-01-01", "9999-12-31", "9999-12", "9999", "9999-12-31T23:59"):
        low, high = period(text, zone)
        assert EVER < low < high < FOREVER


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024-02-29T10:00:05Z", _at(2024, 2, 29, 10, 0, 5), _at(2024, 2, 29, 10, 0, 5) + 1),
        ("2024-02-29T10:00:05.000Z", _at(2024, 2, 29, 10, 0, 5), _at(2024, 2, 29, 10, 0, 5) + 1),
        ("2024-02-29T10:00:05.5Z", _at(2024, 2, 29, 10, 0, 5, 500000), _at(2024, 2, 29, 10, 0, 5, 500000) + 1),
        ("2024-02-29T10:00Z", _at(2024, 2, 29, 10), _at(2024, 2, 29, 10, 1)),
        ("2024-02-29", _at(2024, 2, 29), _at(2024, 3, 1)),
    ],
)
def test_what_is_stored_to_the_second_or_finer_is_a_point(text: str, low: int, high: int) -> None:
    assert span(text, UTC) == (low, high)


def test_the_last_year_has_an_end() -> None:
    assert period("9999", UTC)[1] == period("9999-12-31", UTC)[1] == period("9999-12", UTC)[1] < FOREVER


@pytest.mark.parametrize(
    "text",
    [
        "", "24", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "0000", "2024-1", "2024-01-01T",
        "2024-01-01T24:00:00Z",
        "2024-01-01T10", "2024-01-01T10:60:00Z", "2024-01-01T10:00:61Z", "2024-01-01T10:00:00+15:00",
        "2024-01-01T10:00:00+00:60", "2024-01-01 10:00:00Z", "2024-01-01T10:00:00.Z", "today",
        "\uff12\uff10\uff12\uff14", "2024\n",
    ],
)  # fmt: skip
def test_it_refuses_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|no zone"):
        period(text, UTC)


@given(st.text(max_size=30) | st.from_regex(r"[0-9:TZ.+-]{0,30}"))
def test_any_text_is_a_range_or_a_value_error(text: str) -> None:
    try:
        low, high = period(text, UTC)
    except ValueError:
        return
    assert EVER < low < high < FOREVER
