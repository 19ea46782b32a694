"""Time as integers: microseconds since 1970-01-01 UTC, and FHIR's partial dates as half-open ranges of them.

Clause: FHIR R4 datatypes.html#dateTime and search.html#date ("2013 means the whole of 2013": a date is a period).
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

FOREVER = 2**62  # later than any date, exact as a double too
EVER = -(2**62)  # earlier than any date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_POINT = 1  # microsecond: the precision of the system
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=64)  # all that one write makes is of one instant
def instant(at: int) -> str:
    """The FHIR instant of a number of microseconds: `2026-11-22T09:30:00.123Z`, six digits where needed."""
    return moment(at).isoformat(timespec="microseconds" if at % 1000 else "milliseconds").replace("+00:00", "Z")


def moment(at: int) -> datetime:
    """The aware UTC datetime of a number of microseconds."""
    return _EPOCH + timedelta(microseconds=at)


def span(text: str, zone: tzinfo) -> tuple[int, int]:
    """The range [low, high) that a stored date, dateTime or instant takes up, in microseconds. A time of day that tells
    its seconds, or fractions of one, is a point: "an interval with an effective width of 0" (search.html#date), written
    by one system to the second and by the next, as JavaScript does, with `.000` behind.

    Raises ValueError for anything else.
    """
    low, high = period(text, zone)
    return low, low + _POINT if high - low <= _SECOND else high


@lru_cache(maxsize=8192)
def period(text: str, zone: tzinfo) -> tuple[int, int]:
    """The range [low, high) that a FHIR date, dateTime or instant names, in microseconds: a year, a month, a day, a
    minute, a second or a fraction of one. zone: of a text that tells none.

    Raises ValueError for anything else, 2024-02-30 included.
    """
    match = _SHAPE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a date: write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if hour is None:
        return _days(text, year, month, day, zone)
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        raise ValueError(f"{text!r} is not a time of day")
    day_ = _day(text, year, month, day)
    low = (day_.toordinal() - _EPOCH_DAY) * _DAY + ((int(hour) * 60 + int(minute)) * 60 + int(second or 0)) * _SECOND
    low -= _ahead(day_, time(int(hour), int(minute)), zone) if offset is None else _offset(text, offset)
    if second is None:
        return low, low + 60 * _SECOND
    if fraction is None:
        return low, low + _SECOND
    low += int(fraction[:6].ljust(6, "0"))
    return low, low + 10 ** max(0, 6 - len(fraction))


def _days(text: str, year: str, month: str | None, day: str | None, zone: tzinfo) -> tuple[int, int]:
    first = _day(text, year, month or "01", day or "01")
    low = _midnight(first, zone)
    if month and not day:
        last = first.replace(day=monthrange(first.year, first.month)[1])
    else:
        last = first if day else first.replace(month=12, day=31)
    if last == date.max:  # the calendar has no midnight after it
        return low, _midnight(last, zone) + _DAY
    high = _midnight(date.fromordinal(last.toordinal() + 1), zone)
    return low, max(high, low + _POINT)  # a zone may have left a day out: Samoa had no 30 December 2011


def _day(text: str, year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None


def _midnight(day: date, zone: tzinfo) -> int:
    return (day.toordinal() - _EPOCH_DAY) * _DAY - _ahead(day, time(), zone)


def _ahead(day: date, at: time, zone: tzinfo) -> int:
    """How far the zone's clock is ahead of UTC's when it shows this, in microseconds. Reckoned from the clock, never by
    converting, for that fails at both ends of the calendar."""
    return (datetime.combine(day, at, zone).utcoffset() or timedelta()) // timedelta(microseconds=1)


def _offset(text: str, zone: str) -> int:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError(f"{text!r} has no zone of this world")
    return (hours * 60 + minutes) * 60 * _SECOND * (-1 if zone[0] == "-" else 1)
