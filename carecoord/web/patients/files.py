"""What leaves the pages of patients as files: those who were found as a table, the visits of one for a calendar."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from carecoord.actions.patients.page import PatientPage
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, items, key, target, text
from carecoord.web.page.calendars import Entry
from carecoord.web.page.times import Times
from carecoord.web.referrals.marks import Part
from carecoord.web.referrals.patient_view import Cards
from carecoord.words.sentence import sentence, spoken

_STATUS: Final[dict[str, Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]]] = {
    "booked": "CONFIRMED", "arrived": "CONFIRMED", "checked-in": "CONFIRMED", "fulfilled": "CONFIRMED",
    "proposed": "TENTATIVE", "pending": "TENTATIVE", "cancelled": "CANCELLED",
}  # fmt: skip
_USUAL: Final = 30  # minutes of a visit that does not say how long it lasts


def header() -> list[str]:
    """The headings of the table of patients."""
    return [
        spoken("downloads.patient"), spoken("downloads.born"), spoken("downloads.about"), spoken("downloads.numbers"),
        spoken("downloads.telephone"), spoken("downloads.language"), spoken("downloads.coverage"),
        spoken("downloads.open"),
    ]  # fmt: skip


def rows(found: Cards) -> Iterator[list[str]]:
    """Those who were found, one a row."""
    for card in found.cards:
        numbers = ", ".join(map(_plain, card.numbers))
        yield [
            card.plain_name, _plain(card.born), card.about, numbers, _plain(card.phone), card.language, card.coverage,
            card.open,
        ]  # fmt: skip


def entries(found: PatientPage, times: Times) -> Iterator[Entry]:
    """The visits of a patient's open referrals, each under the name that the referral's own file gives it."""
    numbers = {f"ServiceRequest/{row.id}": (row.number, row.id) for row in found.loops.rows}
    for visit in found.visits:
        starts, status = moment(text(visit, "start"), times.zone), text(visit, "status")
        case = next((numbers[to] for to in map(target, items(visit, "basedOn")) if to in numbers), None)
        if starts is None or status not in _STATUS or case is None:
            continue
        number, id = case
        ends = moment(text(visit, "end"), times.zone)
        minutes = round((ends - starts).total_seconds() / 60) if ends else 0
        places = (target(item(each, "actor")) for each in items(visit, "participant"))
        place = next((found.places[to] for to in places if to.startswith("Location/") and found.places.get(to)), "")
        yield Entry(
            key(visit), sentence("calendar.visit", number=number), starts, times.zone,
            minutes if minutes > 0 else _USUAL, place, f"/referrals/{id}", _STATUS[status],
        )  # fmt: skip


def _plain(parts: Iterable[Part]) -> str:
    """The words of a text of which some parts are marked."""
    return "".join(each.text for each in parts)
