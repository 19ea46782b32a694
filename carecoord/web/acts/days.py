"""A day as people write it: "4 Dec", "Dec 4 2026", "12/4", "2026-12-04", "mon", "tomorrow", "+3". What was understood
is said back in full."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from carecoord.web.page.times import month
from carecoord.words.catalogue import count, say, spoken, words
from carecoord.words.reader import reads
from carecoord.words.sentence import sentence

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BARE: Final = str.maketrans("áéíóúñ", "aeioun")
_SPANISH: Final = {"hoy": "today", "manana": "tomorrow", "ayer": "yesterday"}
_SPANISH_SHORT: Final = {  # the beginnings of weekdays and months that are not as in English
    "lun": "mon", "mie": "wed", "jue": "thu", "vie": "fri", "sab": "sat", "dom": "sun",
    "ene": "jan", "abr": "apr", "ago": "aug", "dic": "dec",
}  # fmt: skip
EXAMPLES: Final = sentence("acts.examples")
PAST_EXAMPLES: Final = sentence("acts.past-examples")
ANY_EXAMPLES: Final = sentence("acts.any-examples")
_FIRST, _LAST = date(1950, 1, 1), date(2200, 1, 1)
_FURTHEST: Final = timedelta(days=2 * 366)
_LONGEST_AGO: Final = timedelta(days=120 * 366)
_AHEAD: Final = re.compile(r"\+\s*(\d{1,3})\s*(d|w|days?|weeks?)?")
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_SLASHED: Final = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d{2}))?")
_HOUR: Final = re.compile(r"(\d{1,2})(?::(\d\d))?\s*(am|pm)?")
_DAY, _MONTH = r"(\d{1,2})(?:st|nd|rd|th)?", r"([a-z]{3})[a-z]*"
_SPOKEN: Final = re.compile(rf"(?:{_DAY}\s*{_MONTH}|{_MONTH}\s*{_DAY})(?:\s*(\d{{4}}))?")


@dataclass(frozen=True, slots=True)
class Meant:
    """`day`: what was meant. `sum`: how it was reckoned, empty where it was written out: "27 Nov + 1 working day"."""

    day: date
    sum: str

    @property
    def full(self) -> str:
        """With its weekday and year: "Mon 30 Nov 2026"."""
        return f"{words(reads())[f'weekday.{self.day.isoweekday()}'][:3]} {say(self.day)}"

    @property
    def echo(self) -> str:
        """What was understood: "27 Nov + 1 working day = Mon 30 Nov 2026"."""
        return f"{self.sum} = {self.full}" if self.sum else self.full


def read_past(said: str, today: date) -> Meant:
    """The day that was meant, today or before. Raises ValueError with words for who wrote it."""
    plain = _plain(said)
    found = next(_written(plain, today, back=True), None)
    if found is None:
        raise ValueError(spoken("acts.no-day-that-can-be", strip=said.strip()[:40], past_examples=PAST_EXAMPLES))
    if found > today:
        raise ValueError(spoken("acts.has-not-come-yet-write", full=Meant(found, "").full))
    if today - found > _LONGEST_AGO:
        raise ValueError(spoken("acts.more-than-120-years-ago", full=Meant(found, "").full))
    return Meant(found, "")


def read(said: str, today: date) -> Meant:
    """The day that was meant, today or later. Raises ValueError with words for who wrote it."""
    plain = _plain(said)
    found = _counted(plain, today) or next((Meant(day, "") for day in _written(plain, today)), None)
    if found is None:
        raise ValueError(spoken("acts.no-day-that-can-be.2", strip=said.strip()[:40], examples=EXAMPLES))
    if found.day < today:
        raise ValueError(spoken("acts.over-choose-today-or-later", full=found.full))
    if found.day - today > _FURTHEST:
        raise ValueError(spoken("acts.more-than-two-years-away", full=found.full))
    return found


def read_any(said: str, today: date) -> Meant:
    """The day that was meant, whether it is over or lies many years ahead, as the days of an agreement may. Raises
    ValueError with words for who wrote it."""
    plain = _plain(said)
    found = _counted(plain, today) or next((Meant(day, "") for day in _written(plain, today)), None)
    if found is None:
        raise ValueError(spoken("acts.no-day-that-can-be.3", strip=said.strip()[:40], any_examples=ANY_EXAMPLES))
    if not _FIRST <= found.day < _LAST:
        raise ValueError(spoken("acts.write-day-from", full=found.full, year=_FIRST.year, year2=_LAST.year - 1))
    return found


def _plain(said: str) -> str:
    """The day in English, one word beside the other: whoever writes Spanish is understood as well."""
    plain = re.sub(r"[.,\s]+", " ", said.casefold().translate(_BARE)).strip()
    if plain == "mar":
        return "tue"
    return " ".join(_english(word) for word in plain.split() if word not in ("de", "del"))


def _english(word: str) -> str:
    if word in _SPANISH:
        return _SPANISH[word]
    return "tue" if word == "martes" else _SPANISH_SHORT.get(word[:3], word) if word.isalpha() else word


def hour(said: str) -> time | None:
    """A time of day: "14:30", "9", "2:30 pm"; None for anything else."""
    match = _HOUR.fullmatch(said.casefold().replace(".", "").replace("a m", "am").replace("p m", "pm").strip())
    if match is None:
        return None
    hours, minutes, half = int(match[1]), int(match[2] or 0), match[3]
    if half and not 1 <= hours <= 12:
        return None
    hours = hours % 12 + 12 * (half == "pm") if half else hours
    return time(hours, minutes) if hours < 24 and minutes < 60 else None


def read_moment(said: str, today: date) -> tuple[date, time]:
    """A day and a time of it in one line, either first: "Mon 30 Nov 15:00", "tomorrow 9 am", "3:30 pm 12/4". Raises
    ValueError with words for who wrote it."""
    plain = re.sub(r"\b([ap])\. m\b\.?", r"\1m", said.casefold().replace(",", " "))
    plain = re.sub(r"(\d)[.h](\d\d)\b", r"\1:\2", plain)
    plain = re.sub(r"(?<=\d) +(?=[ap]\.?m\b)", "", re.sub(r"\b(?:at|a las)\b", " ", plain))
    parts = plain.split()
    for day, at in ((parts[:-1], parts[-1:]), (parts[1:], parts[:1])):
        if day and (found := hour(at[0])) and (":" in at[0] or "m" in at[0] or not day[-1].isalpha()):
            return read(" ".join(day), today).day, found
    raise ValueError(spoken("acts.no-day-with-time-that", strip=said.strip()[:40]))


def _counted(said: str, today: date) -> Meant | None:
    """ "+3" counts working days, as "+3d"; "+2w" weeks."""
    match = _AHEAD.fullmatch(said)
    if match is None:
        return None
    n, weeks = int(match[1]), (match[2] or "d").startswith("w")
    length = count(n, "week") if weeks else count(n, "working-day")
    day = today + timedelta(weeks=n) if weeks else _working(today, n)
    return Meant(day, f"{today.day} {month(today)} + {length}")


def _working(day: date, n: int) -> date:
    while n or day.weekday() > 4:
        day += timedelta(days=1)
        n -= n > 0 and day.weekday() < 5
    return day


def _written(said: str, today: date, back: bool = False) -> Iterator[date]:
    """The day that is written out; a month and a day without a year mean the next such or, back, the last."""
    if said in ("today", "tod"):
        yield today
    if said in ("tomorrow", "tom"):
        yield today + timedelta(days=1)
    if said == "yesterday":
        yield today - timedelta(days=1)
    if said[:3] in WEEKDAYS and re.fullmatch(r"[a-z]+", said):
        ahead = (WEEKDAYS.index(said[:3]) - today.weekday()) % 7
        yield today + timedelta(days=ahead - 7 if back and ahead else 0 if back else ahead or 7)
    if match := _ISO.fullmatch(said):
        yield from _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _SLASHED.fullmatch(said):
        year = int(match[3]) + (2000 if len(match[3]) == 2 else 0) if match[3] else None
        yield from _next(year, int(match[1]), int(match[2]), today, back)
    if match := _SPOKEN.fullmatch(re.sub(r"^[a-z]{3,9} (?=\d)", lambda m: "" if m[0][:3] in WEEKDAYS else m[0], said)):
        name, number = (match[2], match[1]) if match[2] else (match[3], match[4])
        if name in MONTHS:
            year = int(match[5]) if match[5] else None
            yield from _next(year, MONTHS.index(name) + 1, int(number), today, back)


def _next(year: int | None, month: int, day: int, today: date, back: bool) -> Iterator[date]:
    if year is not None:
        yield from _day(year, month, day)
        return
    # Within half a year back it was meant so, and is over; 29 Feb looks for the next leap year.
    years = [today.year - ago for ago in range(9)] if back else [today.year + ahead for ahead in range(9)]
    found = [each for one in years for each in _day(one, month, day)]
    if back:
        yield from (each for each in found if each <= today)
    else:
        yield from (each for each in found[:2] if each >= today - timedelta(days=180))


def _day(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return
