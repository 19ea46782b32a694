"""When an office or a payer works: which days of the week, from when to when, less the holidays of its country or
state and the days on which it is closed.

Two rules of counting. *Business days*: the day on which a clock starts does not count, and the clock ends when work
ends on the last one (Fed. R. Civ. P. 6(a) counts so: exclude the day of the event, include the last day). *Business
hours*: only the time between opening and closing counts, measured as time that passes, so that a night on which the
clocks change neither gives nor takes an hour."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Final

import holidays

from carecoord.domain.policies.spans import Span
from carecoord.domain.resource.days import later, local, shifted

_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"(\d\d?):(\d\d)\s*(?:-|\u2013|to)\s*(\d\d?):(\d\d)")
MOST_CLOSED: Final = 400  # days on which somebody is closed by an own decision
_AT_ONCE: Final = 4000  # days that are looked at before a calendar is taken to have no more days of work


@dataclass(frozen=True, slots=True)
class Calendar:
    """weekdays: 0 is Monday. place: whose holidays count, such as `US` or `US-NY`; empty: nobody's."""

    zone: tzinfo
    weekdays: frozenset[int] = frozenset(range(5))
    opens: time = time(8)
    closes: time = time(17)
    place: str = ""
    closed: frozenset[date] = field(default=frozenset())

    def works(self, day: date) -> bool:
        """Whether it is a day of business."""
        return day.weekday() in self.weekdays and day not in self.closed and day not in _days_off(self.place, day.year)

    def after(self, at: datetime, span: Span) -> datetime:
        """The instant, UTC, so long after another."""
        at = at.astimezone(UTC)  # else Python adds on the clock of the zone, and a night's change is lost
        if not span.of_business:
            return later(at, span.length)
        return self._days_after(at, span.amount) if span.unit == "business-day" else self._hours_after(at, span.length)

    def _days_after(self, at: datetime, count: int) -> datetime:
        """Work's end on the last of so many days of business after the day of `at`; of none, `at` itself."""
        for n, (_, closing) in enumerate(self._shifts(shifted(local(at, self.zone), 1)), start=1):
            if n == count:
                return closing
        return at

    def _hours_after(self, at: datetime, length: timedelta) -> datetime:
        left = length
        for opening, closing in self._shifts(local(at, self.zone)):
            begins = max(opening, at)
            if left <= timedelta():
                break
            if begins + left <= closing:
                return begins + left
            left -= max(closing - begins, timedelta())
        return at

    def _shifts(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """When work begins and ends, UTC, from a day on."""
        for n in range(_AT_ONCE):
            if self.works(each := shifted(day, n)):
                yield self._instant(each, self.opens), self._instant(each, self.closes)

    def _instant(self, day: date, at: time) -> datetime:
        if at == time.max:  # until the day is over
            day, at = shifted(day, 1), time()
        return datetime.combine(day, at, self.zone).astimezone(UTC)


@cache
def places() -> dict[str, tuple[str, ...]]:
    """The countries whose holidays are known, with their states or regions, by their ISO 3166 codes."""
    found = holidays.list_supported_countries(include_aliases=False)
    return {country: tuple(sorted(states)) for country, states in sorted(found.items())}


def known_place(place: str) -> bool:
    """Whether the holidays of a place are known: `US`, `US-NY`."""
    country, dash, state = place.partition("-")
    return country in places() and (not dash or state in places()[country])


@lru_cache(maxsize=512)
def _days_off(place: str, year: int) -> frozenset[date]:
    if not place or not known_place(place):
        return frozenset()
    country, _, state = place.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=state or None, years=year))


@lru_cache(maxsize=256)
def weekdays(said: str) -> frozenset[int]:
    """Days of the week, such as `Mon-Fri` or `Mon, Tue, Sat`. Raises ValueError where there is none."""
    found = set[int]()
    for part in filter(None, re.split(r"[,;\s]+", re.sub(r"\s*[-\u2013]\s*", "-", said.strip().casefold()))):
        first, dash, last = part.partition("-")
        begin = _NAMES.index(first[:3])
        end = _NAMES.index(last[:3]) if dash else begin
        found |= {n % 7 for n in range(begin, end + (7 if end < begin else 0) + 1)}
    if not found:
        raise ValueError("no day of the week")
    return frozenset(found)


@lru_cache(maxsize=256)
def hours(said: str) -> tuple[time, time]:
    """From when to when, such as `08:00-17:00`; `24:00` is the day's end. Raises ValueError when it is no such time, or
    ends before it begins."""
    found = _HOURS.fullmatch(said.strip())
    if not found:
        raise ValueError("no hours of work")
    opens = time(int(found[1]), int(found[2]))
    closes = time.max if (found[3], found[4]) == ("24", "00") else time(int(found[3]), int(found[4]))
    if closes <= opens:
        raise ValueError("hours of work that end before they begin")
    return opens, closes


@lru_cache(maxsize=256)
def closed_days(said: str) -> frozenset[date]:
    """Days such as `2026-12-24, 2026-12-31`. Raises ValueError when one is none, or when they are too many."""
    found = frozenset(_days(filter(None, re.split(r"[,;\s]+", said.strip()))))
    if len(found) > MOST_CLOSED:
        raise ValueError("too many days")
    return found


def _days(said: Iterable[str]) -> Iterator[date]:
    for each in said:
        yield date.fromisoformat(each)
