"""Appointments and what became of them: booked, held, waiting, missed, done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.calendar import first, moment
from carecoord.domain.case import Case
from carecoord.domain.gate import Evidence
from carecoord.domain.parties import Directory, Party, party
from carecoord.domain.policy import Policy
from carecoord.domain.reading import Json, evidence, identifiers, item, items, key, target, targets, text

KIND = {  # Appointment.status -> what it means for the case
    "booked": "booked",
    "arrived": "booked",
    "checked-in": "booked",
    "pending": "held",
    "proposed": "held",
    "waitlist": "waiting",
    "noshow": "missed",
    "cancelled": "cancelled",
    "fulfilled": "done",
}


@dataclass(frozen=True, slots=True)
class Booking:
    """One Appointment; `start` is None when it has no time yet."""

    key: str
    evidence: Evidence
    kind: str
    status: str
    start: datetime | None
    day: date | None
    site: Party | None
    identifiers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that took place."""

    evidence: Evidence
    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Visits:
    """All of a case, in order of time."""

    bookings: tuple[Booking, ...]
    done: tuple[Visit, ...]

    @property
    def open(self) -> tuple[Booking, ...]:
        """The booked ones that no finished visit answers."""
        seen = {visit.day for visit in self.done}
        return tuple(b for b in self.bookings if b.kind == "booked" and b.start and b.day not in seen)

    def ahead(self, now: datetime, policy: Policy) -> tuple[Booking, ...]:
        """The booked ones whose outcome is not yet overdue."""
        return tuple(b for b in self.open if b.start and now < b.start + policy.confirm)

    def unexplained(self, now: datetime, policy: Policy) -> tuple[Booking, ...]:
        """The booked ones whose time has passed without a word of their outcome, unless a later visit was done."""
        last = self.done[-1].at if self.done else None
        late = (b for b in self.open if b.start and b.start + policy.confirm <= now)
        return tuple(b for b in late if b.start and (last is None or b.start > last))

    def booked(self, now: datetime, policy: Policy) -> Booking | None:
        """The booking that the case is judged for: the next, else the last that nobody has explained."""
        ahead, late = self.ahead(now, policy), self.unexplained(now, policy)
        return ahead[0] if ahead else late[-1] if late else None


def visits(case: Case, known: Directory, policy: Policy) -> Visits:
    """Read them. A finished Encounter and the fulfilled Appointment that it names, or of the same day, are one
    visit."""
    bookings = _single([_booking(each, known, policy) for each in case.appointments if text(each, "status") in KIND])
    met: set[str] = set()
    done = []
    for each in case.encounters:
        if text(each, "status") == "finished" and (visit := _encounter(each, bookings, policy)):
            met.update(targets(each, "appointment"))
            done.append(visit)
    days = {visit.day for visit in done}
    done += [
        Visit(b.evidence, b.day, b.start)
        for b in bookings
        if b.kind == "done" and b.day and b.start and b.key not in met and b.day not in days
    ]
    return Visits(tuple(bookings), tuple(sorted(done, key=lambda v: (v.at, v.evidence.reference))))


def _single(bookings: Sequence[Booking]) -> list[Booking]:
    """In order of time; copies that share an identifier and say the same are one."""
    found: list[Booking] = []
    said: set[tuple[str, str, datetime | None]] = set()
    for each in sorted(bookings, key=lambda b: (b.start is None, b.start.timestamp() if b.start else 0, b.key)):
        words = {(id, each.kind, each.start) for id in each.identifiers}
        if not words & said:
            found.append(each)
        said |= words
    return found


def _booking(appointment: Json, known: Directory, policy: Policy) -> Booking:
    start = text(appointment, "start")
    actors = [item(each, "actor") for each in items(appointment, "participant")]
    place = next((actor for actor in actors if target(actor).startswith("Location/")), None)
    at = moment(start, policy.zone) if start else None
    return Booking(
        key(appointment),
        evidence(appointment, "start"),
        KIND[text(appointment, "status")],
        text(appointment, "status"),
        at,
        first(start, policy.zone) if at else None,
        party(place, known) if place else None,
        identifiers(appointment),
    )


def _encounter(encounter: Json, bookings: Sequence[Booking], policy: Policy) -> Visit | None:
    start = text(item(encounter, "period"), "start")
    at = moment(start, policy.zone) if start else None
    if at is None:
        booked = next((b for b in bookings if b.key in targets(encounter, "appointment") and b.start), None)
        at = booked.start if booked else None
    return Visit(evidence(encounter, "status"), at.astimezone(policy.zone).date(), at) if at else None
