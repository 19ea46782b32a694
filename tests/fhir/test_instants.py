"""Partial dates are ranges; instants are numbers."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.fhir.instants import EVER, FOREVER, instant, micros, moment, period

_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _at(*parts: int) -> int:
    return micros(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


@given(_moments)
def test_an_instant_reads_back_as_the_same_number(at: datetime) -> None:
    low, high = period(instant(micros(at)))
    assert low == micros(at)
    assert high - low == (1 if at.microsecond % 1000 else 1000)
    assert moment(low) == at


@given(_moments, _zones)
def test_the_zone_moves_the_range_and_not_its_length(at: datetime, zone: timezone) -> None:
    local = at.replace(microsecond=0).astimezone(zone) if 2 < at.year < 9998 else at.replace(microsecond=0)
    assert period(local.isoformat()) == (micros(local), micros(local) + 1_000_000)


@given(_moments)
def test_a_longer_date_lies_inside_the_shorter_one(at: datetime) -> None:
    text = instant(micros(at.replace(microsecond=123456)))
    ranges = [period(text[:n]) for n in (4, 7, 10)] + [period(text[:19] + "Z"), period(text[:23] + "Z"), period(text)]
    for (low, high), (inner_low, inner_high) in pairwise(ranges):
        assert low <= inner_low < inner_high <= high


@given(st.dates())
def test_days_touch_and_do_not_overlap(day: object) -> None:
    low, high = period(str(day))
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
    assert period(text) == (low, high)


def test_the_last_year_has_an_end() -> None:
    assert period("9999")[1] == period("9999-12-31")[1] == period("9999-12")[1] < FOREVER


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
        period(text)


@given(st.text(max_size=30) | st.from_regex(r"[0-9:TZ.+-]{0,30}"))
def test_any_text_is_a_range_or_a_value_error(text: str) -> None:
    try:
        low, high = period(text)
    except ValueError:
        return
    assert EVER < low < high < FOREVER
