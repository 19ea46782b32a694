"""The dates of a referral as entries of a calendar: its visits, and when its office means to look at it again."""

from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.referrals.visits import Booking, BookingKind
from carecoord.domain.resource.days import local
from carecoord.fhir.instants import moment
from carecoord.web.page.calendars import Entry
from carecoord.words.sentence import sentence

_STATUS: Final[dict[BookingKind, Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]]] = {
    "booked": "CONFIRMED", "held": "TENTATIVE", "cancelled": "CANCELLED",
}  # fmt: skip
_USUAL: Final = 30  # minutes of a visit that does not say how long it lasts


def entries(panel: Panel, zone: ZoneInfo) -> Iterator[Entry]:
    """Each visit that is booked or was called off, on the clock of its place; the day of the next touch."""
    number, href = panel.row.number, f"/referrals/{quote(panel.row.id)}"
    for booking in panel.clearance.facts.visits.bookings:
        if booking.start is not None and booking.kind in _STATUS:
            place = booking.site.name if booking.site else ""
            what = sentence("calendar.visit", number=number)
            yield Entry(
                booking.key, what, booking.start, _zone(booking, zone), _minutes(booking), place, href,
                _STATUS[booking.kind],
            )  # fmt: skip
    if panel.row.touch_at is not None:
        day = local(moment(panel.row.touch_at), zone)
        yield Entry(f"touch-{panel.row.id}", sentence("calendar.touch", number=number), day, zone, href=href)


def _zone(booking: Booking, otherwise: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(booking.site.zone) if booking.site and booking.site.zone else otherwise


def _minutes(booking: Booking) -> int:
    return max(1, round(booking.minutes)) if booking.minutes else _USUAL
