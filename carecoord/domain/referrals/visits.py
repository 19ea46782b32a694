"""Appointments and what became of them: booked, held, waiting, missed, done.

A visit has a key of its own, never a day: the Appointment, or the Encounter that is part of no other. Two Encounters of
one Appointment are one visit; a morning and an afternoon are two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.resource.days import first, local, moment
from carecoord.domain.resource.elements import (
    Json,
    evidence,
    identifiers,
    item,
    items,
    key,
    source,
    target,
    targets,
    text,
    whole,
)
from carecoord.domain.resource.parties import Directory, Party, party
from carecoord.domain.scheduling.replies import Decline, declines

BookingKind = Literal["booked", "held", "waiting", "missed", "cancelled", "done"]
KIND: Final[dict[str, BookingKind]] = {  # Appointment.status -> what it means for the case
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
_USUAL = timedelta(minutes=30)  # a booking without an end lasts so long where an Encounter is matched with it
_LATE = timedelta(hours=1)  # so much later than booked may a visit begin and still be that one


@dataclass(frozen=True, slots=True)
class Booking:
    """One Appointment; `start` is None when it has no time yet, `minutes` when it does not say how long it lasts.
    `day` is the day at the clinic."""

    key: str
    evidence: Evidence
    kind: BookingKind
    status: str
    start: datetime | None
    day: date | None
    site: Party | None
    identifiers: frozenset[str]
    minutes: Fraction | None = None
    made: str = ""  # Appointment.created
    source: str = ""  # the system it came from
    keys: frozenset[str] = frozenset()  # its own, and those of its copies
    declines: tuple[Decline, ...] = ()  # who has answered that it will not take place


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that took place. `appointments`: the `Appointment/id`s that it answers."""

    evidence: Evidence
    day: date
    at: datetime
    key: str = ""
    appointments: frozenset[str] = frozenset()
    minutes: Fraction | None = None
    site: Party | None = None


@dataclass(frozen=True, slots=True)
class Visits:
    """All of an order, in order of time. `open`: the booked ones that no finished visit answers."""

    bookings: tuple[Booking, ...]
    done: tuple[Visit, ...]
    undated: int = 0  # visits that took place or are booked, and nothing says when
    open: tuple[Booking, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        met = frozenset[str]().union(*(visit.appointments for visit in self.done))
        left = tuple(b for b in self.bookings if b.kind == "booked" and b.start and b.keys.isdisjoint(met))
        object.__setattr__(self, "open", left)

    def ahead(self, now: datetime, policy: Policy) -> tuple[Booking, ...]:
        """The booked ones whose outcome is not yet overdue."""
        return tuple(b for b in self.open if b.start and now < policy.after(b.start, "confirm"))

    def unexplained(self, now: datetime, policy: Policy) -> tuple[Booking, ...]:
        """The booked ones whose time has passed without a word of their outcome, unless a later visit was done."""
        last = self.done[-1].at if self.done else None
        late = (b for b in self.open if b.start and policy.after(b.start, "confirm") <= now)
        return tuple(b for b in late if b.start and (last is None or b.start > last))

    def booked(self, now: datetime, policy: Policy) -> Booking | None:
        """The booking that the case is judged for: the next, else the last that nobody has explained."""
        ahead, late = self.ahead(now, policy), self.unexplained(now, policy)
        return ahead[0] if ahead else late[-1] if late else None


def visits(
    appointments: Iterable[Json], encounters: Iterable[Json], known: Directory, policy: Policy,
    replies: Sequence[Json] = (),
) -> Visits:  # fmt: skip
    """Read those of one order. Finished Encounters are one visit where they name one Appointment or are part of one
    Encounter; one that names none answers the fulfilled or booked Appointment during which it took place.
    `replies`: what was answered to the Appointments."""
    standing = (each for each in appointments if text(each, "status") in KIND)
    bookings = _single([_booking(each, known, policy, replies) for each in standing])
    by = {id: b for b in bookings for id in b.keys}
    done = [_done(group, by, known, policy) for group in _groups(encounters)]
    took = _matched([each for each in done if each], bookings)
    met = {id for visit in took for id in visit.appointments}
    took += [
        Visit(b.evidence, b.day, b.start, b.key, b.keys, b.minutes, b.site)
        for b in bookings
        if b.kind == "done" and b.day and b.start and b.keys.isdisjoint(met)
    ]
    lost = sum(each is None for each in done)
    lost += sum(b.kind in ("done", "booked") and not b.start and b.keys.isdisjoint(met) for b in bookings)
    return Visits(tuple(bookings), tuple(sorted(took, key=lambda v: (v.at, v.evidence.reference))), lost)


def _single(bookings: Sequence[Booking]) -> list[Booking]:
    """In order of time; copies that say the same are one, and each knows the keys of all its copies."""
    found: list[Booking] = []
    for each in sorted(bookings, key=lambda b: (b.start is None, b.start.timestamp() if b.start else 0, b.key)):
        keys = frozenset({each.key}).union(*(other.keys for other in bookings if _copies(each, other)))
        if not any(other.kind == each.kind and _copies(each, other) for other in found):
            told = dict.fromkeys(decline for other in bookings if other.key in keys for decline in other.declines)
            found.append(replace(each, keys=keys, declines=tuple(told)))
    return found


def _copies(one: Booking, other: Booking) -> bool:
    """Whether two Appointments of an order are one visit, told by two systems or twice: at the same time, with an
    identifier in common, or from different systems and not at different places."""
    if one.start != other.start:
        return False
    apart = one.site and other.site and not one.site.same(other.site)
    return bool(one.identifiers & other.identifiers) or (one.source != other.source and bool(one.start) and not apart)


def _booking(appointment: Json, known: Directory, policy: Policy, replies: Sequence[Json]) -> Booking:
    start = text(appointment, "start")
    site = clinic(appointment, known)
    zone = zone_of(site, policy.zone)
    at = moment(start, zone) if start else None
    stated = whole(appointment, "minutesDuration")
    return Booking(
        key(appointment),
        evidence(appointment, "start"),
        KIND[text(appointment, "status")],
        text(appointment, "status"),
        at,
        _day(start, at, site, policy.zone) if at else None,
        site,
        identifiers(appointment),
        _minutes(at, text(appointment, "end"), policy) or (Fraction(stated) if stated and stated > 0 else None),
        text(appointment, "created"),
        source(appointment),
        frozenset({key(appointment)}),
        declines(appointment, replies),
    )


def clinic(appointment: Json, known: Directory) -> Party | None:
    """The place of an Appointment."""
    actors = [item(each, "actor") for each in items(appointment, "participant")]
    place = next((actor for actor in actors if target(actor).startswith("Location/")), None)
    return party(place, known) if place else None


def zone_of(site: Party | None, ours: tzinfo) -> tzinfo:
    """Where the clock of the site stands, which an instant in UTC does not tell; ours where nobody says."""
    try:
        return ZoneInfo(site.zone) if site and site.zone else ours
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ours


def _day(start: str, at: datetime, site: Party | None, ours: tzinfo) -> date:
    """The day of a visit: by the clock of its site, where somebody says which that is, else of whoever wrote it."""
    return local(at, zone_of(site, ours)) if site and site.zone else first(start, ours)


def _minutes(start: datetime | None, end: str, policy: Policy) -> Fraction | None:
    """How long it lasts; None when an end is missing, is a mere date, or does not follow the start."""
    over = moment(end, policy.zone) if len(end) > 10 else None
    return Fraction(int((over - start).total_seconds()), 60) if start and over and over > start else None


def _groups(encounters: Iterable[Json]) -> list[list[Json]]:
    """The finished Encounters of each visit: joined by the Appointment that they name, the Encounter that they are part
    of, or an identifier and the same start (copies of two systems)."""
    finished = [each for each in encounters if text(each, "status") == "finished"]
    parts = {key(each): target(item(each, "partOf")) for each in finished}
    owner: dict[str, int] = {}
    groups: dict[int, list[Json]] = {}
    for n, each in enumerate(finished):
        start = text(item(each, "period"), "start")
        marks = {*targets(each, "appointment"), _root(key(each), parts), key(each)} - {""}
        marks |= {f"{id} {start}" for id in identifiers(each) if start}
        group = [each]
        for old in {owner[mark] for mark in marks if mark in owner}:
            group = groups.pop(old) + group
        groups[n] = group
        owner |= dict.fromkeys(marks, n)
        owner = {mark: place if place in groups else n for mark, place in owner.items()}
    return list(groups.values())


def _root(id: str, parts: Mapping[str, str]) -> str:
    """The Encounter that an Encounter is part of, and so on up."""
    seen = {id}
    while (above := parts.get(id, "")) and above not in seen:
        seen.add(above)
        id = above
    return min(seen) if parts.get(id) else id


def _done(group: Sequence[Json], bookings: Mapping[str, Booking], known: Directory, policy: Policy) -> Visit | None:
    """One visit that took place, by the earliest of its Encounters; None when nothing says when."""
    named = frozenset(to for each in group for to in targets(each, "appointment") if to)
    booked = next((b for b in (bookings.get(to) for to in sorted(named)) if b and b.start), None)
    places = [item(place, "location") for each in group for place in items(each, "location")]
    there = next((p for p in (party(each, known) for each in places) if p), None)
    site = (booked.site if booked else None) or there
    zone = zone_of(site, policy.zone)
    begun = [
        (at, start, each)
        for each in group
        for period in (item(each, "period"),)
        if (start := text(period, "start") or text(period, "end")) and (at := moment(start, zone))
    ]
    if begun:
        at, start, each = min(begun, key=lambda one: (one[0], key(one[2])))
        ends = [text(item(other, "period"), "end") for _, _, other in begun]
        lasted = [m for m in (_minutes(at, end, policy) for end in ends) if m]
        minutes = max(lasted) if lasted else booked.minutes if booked else None
        return Visit(evidence(each, "status"), _day(start, at, site, policy.zone), at, key(each), named, minutes, site)
    if booked and booked.start and booked.day:
        proof = evidence(group[0], "status")
        return Visit(proof, booked.day, booked.start, key(group[0]), named, booked.minutes, site)
    return None


def _matched(done: Sequence[Visit], bookings: Sequence[Booking]) -> list[Visit]:
    """The visits with the Appointment that each answers, where it names none itself: one for one, the nearest first."""
    taken = {id for visit in done for id in visit.appointments}
    left = [b for b in bookings if b.kind in ("done", "booked") and b.start and b.keys.isdisjoint(taken)]
    pairs = [
        (distance, n, b)
        for n, visit in enumerate(done)
        if not visit.appointments
        for b in left
        if (distance := _distance(visit, b)) is not None
    ]
    found = list(done)
    for _, n, b in sorted(pairs, key=lambda pair: (pair[0], pair[1], pair[2].key)):
        if not found[n].appointments and b.keys.isdisjoint(taken):
            taken |= b.keys
            minutes, site = found[n].minutes or b.minutes, found[n].site or b.site
            found[n] = replace(found[n], appointments=b.keys, minutes=minutes, site=site)
    return found


def _distance(visit: Visit, booking: Booking) -> tuple[bool, timedelta] | None:
    """How far an Encounter that names no Appointment is from one that it may answer; None when it is another visit. It
    took place while the booking lasts, or began a little late; one that is marked fulfilled may have begun early
    too."""
    if booking.start is None:
        return None
    ends = booking.start + (timedelta(minutes=float(booking.minutes)) if booking.minutes else _USUAL)
    left = visit.at + (timedelta(minutes=float(visit.minutes)) if visit.minutes else timedelta(microseconds=1))
    gap = abs(visit.at - booking.start)
    if visit.at < ends and booking.start < left:
        return False, gap
    early = booking.kind != "done" and visit.at < booking.start
    return (True, gap) if gap <= _LATE and not early else None
