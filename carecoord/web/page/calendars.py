"""Dates as a file that calendars open (RFC 5545). A calendar travels: what is said in it is a number and a place, and
nobody's name. An entry keeps its UID, so that the file of a date that has moved, or was called off, moves it there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from werkzeug.wrappers import Response

from carecoord.words.sentence import Sentence, say


@dataclass(frozen=True)
class Entry:
    """A date. `uid`: what it is of, as `Appointment/id`. `begins`: an instant, told on the clock of `zone`, or a whole
    day. `minutes`: how long, of an instant. `status`: as RFC 5545 says it of an event (3.8.1.11)."""

    uid: str
    what: Sentence
    begins: datetime | date
    zone: ZoneInfo
    minutes: int = 30
    place: str = ""
    href: str = ""
    status: Literal["CONFIRMED", "TENTATIVE", "CANCELLED"] = "CONFIRMED"


def file(name: str, entries: Iterable[Entry], site: str, now: datetime) -> Response:
    """The file of this name. site: our base URL, by which UIDs are ours. now: when it was made."""
    calendar = Calendar()
    calendar.add("prodid", "-//carecoord//desk//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for entry in entries:
        calendar.add_component(_event(entry, site, now))
    calendar.add_missing_timezones()
    named = {"Content-Disposition": f'attachment; filename="{name}.ics"', "Cache-Control": "no-store"}
    return Response(calendar.to_ical(), content_type="text/calendar; charset=utf-8", headers=named)


def _event(entry: Entry, site: str, now: datetime) -> Event:
    event = Event()
    host = site.partition("://")[2].partition("/")[0]
    event.add("uid", f"{entry.uid.replace('/', '-')}@{host}")
    event.add("dtstamp", now)
    event.add("summary", say(entry.what))
    if isinstance(entry.begins, datetime):
        begins = entry.begins.astimezone(entry.zone)
        event.add("dtstart", begins)
        event.add("dtend", begins + timedelta(minutes=entry.minutes))
    else:
        event.add("dtstart", entry.begins)
        event.add("dtend", entry.begins + timedelta(days=1))  # RFC 5545 3.6.1: the end is exclusive
    if entry.place:
        event.add("location", entry.place)
    if entry.href:
        event.add("url", f"{site}{entry.href}")
    event.add("status", entry.status)
    return event
