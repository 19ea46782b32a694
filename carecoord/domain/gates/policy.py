"""Every number that the rules go by, in one frozen value: what offices and payers have said (`policies.lines`), over
what is said where nobody has (`policies.shipped`). The most specific wins: a payer's line of business, the payer, the
office, everybody; of two alike the one that began last. The steps of the clinic that sees the patient are counted on
the calendar of its site, where somebody has said one.

A clock goes by what was in force on the day on which it started, so a change of policy moves no clock that runs, and
the answer is the same whenever it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

from carecoord.domain.policies import calendars
from carecoord.domain.policies.calendars import Calendar
from carecoord.domain.policies.lines import Line
from carecoord.domain.policies.shipped import PRIORITIES, SHIPPED
from carecoord.domain.policies.spans import Span, span
from carecoord.domain.resource.days import later, local, midnight
from carecoord.domain.resource.parties import Party

NOBODY: frozenset[str] = frozenset()
SITE_STEPS: Final = frozenset({"acknowledge", "triage", "report"})  # of the clinic, which works at its site
Whose = Literal["business", "payer", "site", "office", "everybody", "shipped"]
_WHOSE: Final[tuple[Whose, ...]] = ("everybody", "office", "site", "payer", "business")  # the most specific last


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose policy a clock goes by beside the office's: the payer, and the lines of business that a card may be of."""

    party: Party | None
    businesses: frozenset[str] = NOBODY


@dataclass(frozen=True)
class Policy:
    """Clocks and spans by name, and whose midnight counts. lines: what was said by those whom a case is about. office:
    every key of the office that refers; site: of the place at which the patient is seen, and its own time zone.
    defaults: of this server, by name."""

    zone: tzinfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    lines: tuple[Line, ...] = ()
    office: frozenset[str] = NOBODY
    site: frozenset[str] = NOBODY
    site_zone: str = ""
    defaults: Mapping[str, str] = field(default_factory=lambda: SHIPPED, hash=False)

    def of_office(self, office: Party | None) -> "Policy":
        """The same for a case that this office refers."""
        return replace(self, office=office.keys) if office and self.lines else self

    def at_site(self, site: Party | None) -> "Policy":
        """The same for a case whose patient is seen at this Location."""
        return replace(self, site=site.keys, site_zone=site.zone) if site and self.lines else self

    def said(self, name: str, on: date, payer: Payer | None = None) -> str:
        """What is said on a day, empty where that is nothing."""
        return self.source(name, on, payer)[1]

    def source(
        self, name: str, on: date, payer: Payer | None = None, *, at_site: bool = False
    ) -> tuple[Whose, str, date | None]:
        """Whose word counts on a day, what it says, and since when where that is known. at_site: also the site's."""
        if not self.lines:
            return "shipped", self.defaults[name], None
        found = [
            (rank, line.days.start or date.min, line.value)
            for line in self.lines
            if line.name == name and line.days.holds(on) and (rank := self._rank(line, payer, at_site)) is not None
        ]
        if not found:
            return "shipped", self.defaults[name], None
        rank, since, value = max(found)
        return _WHOSE[rank], value, since if since != date.min else None

    def span(self, name: str, at: datetime, payer: Payer | None = None) -> Span | None:
        """The length of the clock that starts at an instant; None where there is none."""
        said = self.said(name, local(at, self.zone), payer)
        return span(said) if said else None

    def length(self, name: str, at: datetime, payer: Payer | None = None) -> timedelta:
        """The same for what is counted in hours or days that run on; nothing where there is none."""
        found = self.span(name, at, payer)
        return found.length if found else timedelta()

    def after(self, at: datetime, name: str, payer: Payer | None = None) -> datetime:
        """When the clock that starts at an instant has run out, on the calendar of whose clock it is."""
        found = self.span(name, at, payer)
        if found is None or not found.of_business:
            return later(at, found.length) if found else at
        return self.calendar(local(at, self.zone), payer, at_site=at_site(name)).after(at, found)

    def due(self, at: datetime, step: str, priority: str) -> datetime:
        """When a step of the office's own is due for an order of this priority; an unknown one counts as routine."""
        return self.after(at, by_priority(step, priority))

    def expires(self, until: date, payer: Payer | None = None) -> datetime:
        """From when on an approval or agreement that ends with the day before `until` shows as expiring."""
        end = midnight(until, self.zone)
        return later(end, -self.length("expiring", end, payer))

    def calendar(self, on: date, payer: Payer | None = None, *, at_site: bool = False) -> Calendar:
        """When the payer works, else the site (at_site), else the office, as it stands on a day."""
        said = {
            name: self.source(f"calendar.{name}", on, payer, at_site=at_site)
            for name in ("week", "hours", "holidays", "closed", "zone")
        }
        week, hours, place, closed, zone = (value for _, value, _ in said.values())
        opens, closes = calendars.hours(hours)
        if at_site and self.site_zone and said["zone"][0] not in ("site", "payer", "business"):
            zone = self.site_zone  # where its clock stands, by its own record
        where = ZoneInfo(zone) if zone else self.zone
        return Calendar(where, calendars.weekdays(week), opens, closes, place, calendars.closed_days(closed))

    def keeper(self, on: date, payer: Payer | None = None, *, at_site: bool = False) -> Whose:
        """Whose calendar that is: of those who have said any of it the most specific."""
        names = (f"calendar.{name}" for name in ("week", "hours", "holidays", "closed", "zone"))
        found = {self.source(name, on, payer, at_site=at_site)[0] for name in names}
        return max(found - {"shipped"}, key=_WHOSE.index, default="shipped")

    def _rank(self, line: Line, payer: Payer | None, at_site: bool) -> int | None:
        """How specific a line is to the matter, as an index of `_WHOSE`; None where it does not speak of it."""
        if payer and payer.party and line.organization in payer.party.keys:
            if not line.business:
                return 3
            return 4 if payer.businesses == {line.business} else None
        if line.business:
            return None
        if at_site and not payer and line.organization in self.site:
            return 2
        return 1 if line.organization in self.office else 0 if not line.organization else None


def at_site(name: str) -> bool:
    """Whether a clock is counted on the calendar of the site at which the patient is seen."""
    return name.partition(".")[0] in SITE_STEPS


def by_priority(step: str, priority: str) -> str:
    """The name of a step's clock for an order of a priority."""
    return f"{step}.{priority if priority in PRIORITIES else 'routine'}"
