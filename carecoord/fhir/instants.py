"""Time as integers: microseconds since 1970-01-01 UTC, and FHIR's partial dates as half-open ranges of them.

Clause: FHIR R4 datatypes.html#dateTime and search.html#date ("2013 means the whole of 2013": a date is a period).
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

FOREVER = 2**62  # later than any date, exact as a double too
EVER = -(2**62)  # earlier than any date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> str:
    """The FHIR instant of a number of microseconds: `2026-11-22T09:30:00.123Z`, six digits where needed."""
    return moment(at).isoformat(timespec="microseconds" if at % 1000 else "milliseconds").replace("+00:00", "Z")


def moment(at: int) -> datetime:
    """The aware UTC datetime of a number of microseconds."""
    return _EPOCH + timedelta(microseconds=at)


@lru_cache(maxsize=8192)
def period(text: str) -> tuple[int, int]:
    """The range [low, high) that a FHIR date, dateTime or instant covers, in microseconds: a year, a month, a day, a
    minute, a second or a fraction of one. No zone means UTC (search.html lets the server choose).

    Raises ValueError for anything else, 2024-02-30 included.
    """
    match = _SHAPE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a date: write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if hour is None:
        return _days(text, year, month, day)
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        raise ValueError(f"{text!r} is not a time of day")
    low = _midnight(text, int(year), int(month), int(day)) - _offset(text, zone)
    low += ((int(hour) * 60 + int(minute)) * 60 + int(second or 0)) * _SECOND
    if second is None:
        return low, low + 60 * _SECOND
    if fraction is None:
        return low, low + _SECOND
    low += int(fraction[:6].ljust(6, "0"))
    return low, low + 10 ** max(0, 6 - len(fraction))


def _days(text: str, year: str, month: str | None, day: str | None) -> tuple[int, int]:
    low = _midnight(text, int(year), int(month or 1), int(day or 1))
    if day:
        return low, low + _DAY
    if month and month != "12":
        return low, _midnight(text, int(year), int(month) + 1, 1)
    return low, _midnight(text, int(year), 12, 31) + _DAY


def _midnight(text: str, year: int, month: int, day: int) -> int:
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * _DAY
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None


def _offset(text: str, zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError(f"{text!r} has no zone of this world")
    return (hours * 60 + minutes) * 60 * _SECOND * (-1 if zone[0] == "-" else 1)
