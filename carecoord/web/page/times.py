"""How the desk says times: the clock of a row, dates in the office's time zone, and how long ago something was."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from carecoord.domain.resource.present import Present
from carecoord.fhir.instants import micros, moment
from carecoord.words.catalogue import count, say, spoken, words
from carecoord.words.reader import reads

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Clock:
    """`text` "4h 12m", with a minus sign when it is over; `tone` late, today or calm; `share` 0 to 100 of the allowed
    time that has run; `heard` the same in words; `exact` the date and time it runs to;
    `due` the same in microseconds."""

    text: str
    tone: str
    share: int
    heard: str
    exact: str
    due: int


@dataclass(frozen=True)
class Times:
    """Now, and the office's time zone."""

    now: datetime
    zone: ZoneInfo

    def present(self) -> Present:
        """What a name's or a telephone's Period is held against."""
        return Present(self.now, self.zone)

    def clock(self, due: int | None, start: int | None, today: int) -> Clock | None:
        """The clock that runs to `due` (microseconds), or None when nothing is due. `today`: when the day ends."""
        if due is None:
            return None
        at = micros(self.now)
        left = moment(due) - self.now
        tone = "late" if due < at else "today" if due < today else "calm"
        whole = due - start if start is not None and start < due else 0
        share = 100 if due <= at else round(100 * (at - start) / whole) if whole and start is not None else 0
        how_long = _spell(abs(left))
        heard = spoken("time.overdue", left=how_long) if due < at else spoken("time.due-in", left=how_long)
        return Clock(
            (MINUS if due < at else "") + span(abs(left)),
            tone,
            max(0, min(100, share)),
            heard,
            self.exact(due),
            due,
        )

    def exact(self, at: int) -> str:
        """A point in time as it is read in the office: "21 Nov 09:00", with the year when it is another one."""
        local = moment(at).astimezone(self.zone)
        return f"{self.date(local.date())} {local:%H:%M}"

    def weekday_exact(self, at: int) -> str:
        """The same with its weekday: "Sat 21 Nov 09:00"."""
        weekday = moment(at).astimezone(self.zone).isoweekday()
        return f"{words(reads())[f'weekday.{weekday}'][:3]} {self.exact(at)}"

    def day(self, at: int) -> str:
        """A day: "21 Nov", with the year when it is another one."""
        return self.date(moment(at).astimezone(self.zone).date())

    def date(self, day: date) -> str:
        return f"{day.day} {month(day)}" if day.year == self._year else say(day)

    def born(self, said: str | None) -> str:
        """A date of birth, as exact as it is known, always with its year: "15 Jan 1965", "Jan 1965", "1965"."""
        parts = (said or "").split("-")
        try:
            day = date(*(int(part) for part in (*parts, "1", "1")[:3]))
        except ValueError:
            return ""
        return {1: f"{day.year}", 2: f"{month(day)} {day.year}"}.get(len(parts), f"{day.day} {month(day)} {day.year}")

    def stored(self, said: str) -> str:
        """A FHIR date, dateTime or instant as it is read in the office, with its year, as exact as it is known:
        "21 Nov 2026, 09:00", "21 Nov 2026", "Nov 2026"; what is no date stays as it is."""
        if "T" not in said:
            return self.born(said) or said
        try:
            at = datetime.fromisoformat(said)
        except ValueError:
            return said
        local = at.astimezone(self.zone) if at.tzinfo else at
        return f"{say(local.date())}, {local:%H:%M}"

    def to_the_second(self, at: datetime) -> str:
        """An instant as evidence names it: "22 Nov 2026, 09:05:31 EST"."""
        local = at.astimezone(self.zone)
        return f"{say(local.date())}, {local:%H:%M:%S %Z}"

    def ago(self, at: datetime) -> str:
        """How long ago: "just now", "2 min ago", "3 h ago", "2 d ago"."""
        minutes = int((self.now - at).total_seconds() // 60)
        if minutes < 1:
            return spoken("time.just-now")
        if minutes < 60:
            return spoken("time.minutes-ago", n=minutes)
        if minutes < 48 * 60:
            return spoken("time.hours-ago", n=minutes // 60)
        return spoken("time.days-ago", n=minutes // 1440)

    def stamp(self) -> str:
        """Now, as a sheet of paper says it: "As of 22 Nov 2026, 09:05 EST"."""
        local = self.now.astimezone(self.zone)
        return spoken("time.as-of", at=f"{say(local.date())}, {local:%H:%M %Z}")

    def midnight(self, days: int) -> int:
        """The end of today, or of a day so many days later, in the office: microseconds."""
        local = self.now.astimezone(self.zone).date() + timedelta(days=days + 1)
        return micros(datetime.combine(local, time(), self.zone).astimezone(UTC))

    @property
    def _year(self) -> int:
        return self.now.astimezone(self.zone).year


def month(day: date) -> str:
    """The month of a day in short: "Nov"."""
    return words(reads())[f"month.{day.month}"]


def stored_day(said: str) -> date | None:
    """A stored day; None where it is none."""
    try:
        return date.fromisoformat(said[:10])
    except ValueError:
        return None


def place(zone: ZoneInfo) -> str:
    """Where the hours of a page are told: "New York time", or "UTC"."""
    area, slash, city = zone.key.partition("/")
    if not slash or area == "Etc":
        return city or area
    return spoken("time.of-place", place=city.rpartition("/")[2].replace("_", " "))


def age(born: str | None, today: date) -> str:
    """Years, or months under two years: "61 y", "14 mo"; nothing when the birth date is unknown or only a year."""
    try:
        day = date.fromisoformat(born or "")
    except ValueError:
        return ""
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months >= 24:
        return spoken("time.years-old", n=months // 12)
    return spoken("time.months-old", n=max(months, 0))


def span(left: timedelta) -> str:
    """A length of time in at most two units: "20m", "4h 12m", "1d 03h", "12d"."""
    minutes = int(left.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60:02}m"
    days, hours = divmod(minutes // 60, 24)
    return f"{days}d {hours:02}h" if days < 10 else f"{days}d"


def _spell(left: timedelta) -> str:
    minutes = int(left.total_seconds() // 60)
    if minutes < 60:
        return count(minutes, "minute")
    if minutes < 48 * 60:
        return count(minutes // 60, "hour")
    return count(minutes // 1440, "day")
