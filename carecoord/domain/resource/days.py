"""Days of the calendar as the trade counts them: local dates in half-open ranges, so that "until 30 Jan" ends at the
midnight after it, and months that end when they end. Arithmetic stops at the ends of the calendar, as Python and FHIR
have it (0001-01-01 to 9999-12-31): any date and any number of days that a resource may hold has an answer.

Clause: FHIR R4 datatypes.html#Period ("If the end of the period is missing, it means that the period is ongoing"; an
end given as a day includes that day).
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any

_MIDNIGHT_UTC = re.compile(r"\d{4}-\d\d-\d\dT00:00(:00(\.0+)?)?(Z|[+-]00:00)")
# Instants are kept this far from the ends of the calendar, so that a clock added to one, or a zone, stays inside it.
_LEAP = re.compile(r"(T\d\d:\d\d:)60")  # a leap second, which Python's clock does not have
_FIRST, _LAST = date(1000, 1, 1), date(8999, 12, 31)
_EARLIEST, _LATEST = (datetime.combine(day, time(), UTC) for day in (_FIRST, _LAST))


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `start` up to but not including `end`; None leaves that side open."""

    start: date | None = None
    end: date | None = None

    def holds(self, day: date) -> bool:
        """Whether the day lies inside."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def clip(self, other: "Days") -> "Days":
        """The days that lie in both."""
        start = max((d for d in (self.start, other.start) if d), default=None)
        end = min((d for d in (self.end, other.end) if d), default=None)
        return Days(start, end)

    @property
    def empty(self) -> bool:
        """Whether no day lies inside."""
        return self.start is not None and self.end is not None and self.end <= self.start

    @property
    def last(self) -> date | None:
        """The last day inside, None when it goes on."""
        return shifted(self.end, -1) if self.end else None

    @property
    def edges(self) -> tuple[date, ...]:
        """The days on which passing from outside to inside or back changes an answer."""
        return tuple(day for day in (self.start, self.end) if day)


ALWAYS = Days()
NEVER = Days(date.max, date.max)  # what a period that can not be read counts as: it never proves anything


def days(period: Any, zone: tzinfo) -> Days:
    """The days of a FHIR Period. An end at exactly local midnight does not claim the day it begins."""
    if period is None:
        return ALWAYS
    if not isinstance(period, dict):
        return NEVER
    start, end = period.get("start"), period.get("end")
    try:
        # 9999-12-31 is how the trade writes "no end" (CMS Transparency in Coverage).
        ends = end and not end.startswith("9999")
        return Days(first(start, zone) if start else None, after(end, zone) if ends else None)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return NEVER


def doubtful(period: Any, zone: tzinfo) -> tuple[Days, ...]:
    """The days that a FHIR Period claims or not according to how a bound at exactly midnight UTC is read: as the
    instant that it is by the letter, or as the day that programs without zones mean by it. None east of Greenwich."""
    bounds = (period.get("start"), period.get("end")) if isinstance(period, dict) else ()
    found = [
        Days(*sorted((read(said, zone), read(said[:10], zone))))
        for said, read in zip(bounds, (first, after), strict=False)
        if isinstance(said, str) and _MIDNIGHT_UTC.fullmatch(said) and moment(said, zone)
    ]
    return tuple(each for each in found if not each.empty)


def sure(period: Any, zone: tzinfo) -> Days:
    """The days that a FHIR Period claims whichever way a bound at exactly midnight UTC is read (`doubtful`): for what
    proves that somebody may."""
    return _letter_and_word(period, zone)[0]


def possible(period: Any, zone: tzinfo) -> Days:
    """The days that it claims by one reading or the other: for what keeps somebody from it."""
    return _letter_and_word(period, zone)[1]


def _letter_and_word(period: Any, zone: tzinfo) -> tuple[Days, Days]:
    """The days that both readings claim, and those of either."""
    read = days(period, zone)
    if read == NEVER or not isinstance(period, dict):
        return read, read
    bounds = ((name, period.get(name)) for name in ("start", "end"))
    words = {name: said[:10] for name, said in bounds if isinstance(said, str) and _MIDNIGHT_UTC.fullmatch(said)}
    other = days(period | words, zone)
    starts = min(read.start, other.start) if read.start and other.start else None
    ends = max(read.end, other.end) if read.end and other.end else None
    return read.clip(other), Days(starts, ends)


@lru_cache(maxsize=8192)
def first(text: str, zone: tzinfo) -> date:
    """The first local day that a FHIR date or dateTime touches: by the clock of whoever wrote it, which an offset tells
    (an evening at a Pacific clinic is that evening for everybody); one in UTC tells no place, there ours counts. Raises
    ValueError when it is none."""
    if len(text) > 10:
        return clock(text, zone).date()
    return date.fromisoformat(text + "-01-01"[len(text) - 10 :] if len(text) < 10 else text)


@lru_cache(maxsize=8192)
def after(text: str, zone: tzinfo) -> date:
    """The day after the last local day that a FHIR date or dateTime, used as an end, includes. Raises ValueError."""
    if len(text) > 10:
        day = first(text, zone)
        starts = clock(text, zone).time().replace(microsecond=0) == time()
        return day if starts else shifted(day, 1)
    start = first(text, zone)
    months = {4: 12, 7: 1}.get(len(text), 0)
    return add_months(start, months) if months else shifted(start, 1)


@lru_cache(maxsize=8192)
def moment(text: str, zone: tzinfo) -> datetime | None:
    """The instant, UTC, at which a FHIR date or dateTime begins; a day begins at local midnight. None when unreadable,
    or so far off that it stands for "no time" (0001-01-01T00:00:00Z, 9999-12-31)."""
    try:
        day = first(text, zone)
        at = _instant(text, zone) if len(text) > 10 else midnight(day, zone)
    except ValueError:
        return None
    return at if _FIRST <= day <= _LAST else None


def _instant(text: str, zone: tzinfo) -> datetime:
    read = _read(text)
    if not _FIRST <= read.date() <= _LAST:
        return read.replace(tzinfo=UTC)  # no zone moves it by what matters, and some would move it off the calendar
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def _read(text: str) -> datetime:
    return datetime.fromisoformat(_LEAP.sub(r"\g<1>59", text))


def clock(text: str, zone: tzinfo) -> datetime:
    """An instant on the clock of whoever wrote it, where its offset tells that; else on ours. Raises ValueError."""
    at, written = _instant(text, zone), _read(text)
    if not _EARLIEST <= at <= _LATEST:
        return at
    return written if written.utcoffset() else at.astimezone(zone)


def local(at: datetime, zone: tzinfo) -> date:
    """The day in the zone at an instant."""
    return at.date() if not _EARLIEST <= at <= _LATEST else at.astimezone(zone).date()


def shifted(day: date, days: int) -> date:
    """The day so many days later (earlier when negative), or the end of the calendar where that lies beyond it."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def later(at: datetime, by: timedelta) -> datetime:
    """The instant, UTC, a length of time later, or the end of the calendar where that lies beyond it."""
    try:
        return at + by
    except OverflowError:
        return _LATEST if by > timedelta() else _EARLIEST


@dataclass(frozen=True, slots=True, order=True)
class When:
    """A FHIR date, dateTime or instant in the order of time, whatever offset it was written with. Of two that begin
    together the coarser comes first: a year before its first month, a day before its hours. What can not be read stands
    before everything. Texts are never compared: `23:30-05:00` is later than `03:00Z` of the next day."""

    begins: datetime
    precision: int  # 0 unreadable, 1 year, 2 month, 3 day, 4 a time of day


_UNREAD = When(datetime.min.replace(tzinfo=UTC), 0)


@lru_cache(maxsize=8192)
def when(text: str, zone: tzinfo) -> When:
    """Where a FHIR date, dateTime or instant stands in the order of time."""
    begins = moment(text, zone)
    return When(begins, {4: 1, 7: 2, 10: 3}.get(len(text), 4)) if begins else _UNREAD


@lru_cache(maxsize=4096)
def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant, UTC, at which a local day begins; days at the very ends of the calendar stay inside it."""
    near = min(max(day, _FIRST), _LAST)
    return datetime(near.year, near.month, near.day, tzinfo=zone).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it is shorter: 31 Jan + 1 month = 28 or 29 Feb; the
    end of the calendar where that lies beyond it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        return date.max if months > 0 else date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
