"""A visit recorded by hand: booked, moved, called off, arrived, missed. Pure; the states say what is legal."""

from datetime import UTC, datetime, timedelta

from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.scheduling import states

USUAL = timedelta(minutes=30)


def booked(case: Case, id: str, place: str, start: datetime, now: datetime) -> Json:
    """A new visit of the patient. `start` in the zone of the office, whose offset the record keeps. `place`: what the
    clinic is called, where the order names no site."""
    site = next((each for each in items(case.order, "locationReference") if target(each)), None)
    where = site or {"display": place}
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": "booked",
        "basedOn": [{"reference": key(case.order)}],
        "created": now.isoformat(timespec="seconds"),
        "start": start.isoformat(timespec="seconds"),
        "end": (start + USUAL).isoformat(timespec="seconds"),
        "minutesDuration": 30,
        "participant": [
            {"actor": {"reference": target(item(case.order, "subject"))}, "status": "accepted"},
            {"actor": where, "status": "accepted"},
        ],
    }


def moved(appointment: Json, start: datetime) -> Json:
    """The visit at another time, as long as before."""
    states.advance(str(appointment.get("status")), "move", "either")
    length = appointment.get("minutesDuration")
    lasts = timedelta(minutes=length) if isinstance(length, int) and 0 < length <= 1440 else USUAL
    told = {"start": start.isoformat(timespec="seconds"), "end": (start + lasts).isoformat(timespec="seconds")}
    return {name: value for name, value in appointment.items() if name != "slot"} | told


def is_at(appointment: Json, start: datetime) -> bool:
    """Whether it is for this time."""
    return moment(text(appointment, "start"), start.tzinfo or UTC) == start


def confirmed(appointment: Json, start: datetime) -> Json:
    """A time that was held, booked. Who was still to answer has: somebody has just recorded it."""
    status = states.advance(text(appointment, "status"), "book", "either")
    told = [each | {"status": "accepted"} for each in items(appointment, "participant")]
    ends = {} if "end" in appointment else {"end": (start + USUAL).isoformat(timespec="seconds")}
    return appointment | {"status": status, "participant": told} | ends


def ended(appointment: Json, verb: str, reason: str = "") -> Json:
    """The visit called off (`cancel`, with the reason), arrived (`arrive`), missed (`no-show`)."""
    status = states.advance(str(appointment.get("status")), verb, "either")
    return appointment | {"status": status} | ({"cancelationReason": {"text": reason}} if reason else {})
