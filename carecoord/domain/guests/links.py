"""Links by which somebody without an account takes part in one referral: the clinic that was asked, the patient, a
relative whom the patient lets know. Whom a link is for, until when it is good, what stands in its way. Pure.

A link is two secrets: its address, which only its holder has, and what they know besides: a clinic its code, told on
another way, a patient and a relative the date of birth. Five wrong answers lock it: the address alone opens nothing."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, Literal, Protocol

Audience = Literal["clinic", "patient", "relative"]
State = Literal["open", "locked", "withdrawn", "expired"]

ROLE: Final[Mapping[Audience, str]] = {
    "clinic": "clinic-link",
    "patient": "patient-link",
    "relative": "relative-link",
}  # of access.verbs.GUESTS
USUAL: Final[Mapping[Audience, timedelta]] = {
    "clinic": timedelta(days=14),
    "patient": timedelta(days=90),
    "relative": timedelta(days=90),
}
LONGEST: Final = timedelta(days=180)
WRONG: Final = 5  # wrong answers in a row that lock a link
LETTERS: Final = "23456789BCDFGHJKMNPQRTVWXY"  # none that is mistaken for another on a fax, and no word comes of them
CODE: Final = 8  # letters of a clinic's code
COVER: Final = 10  # letters of the number in the bar code of a cover sheet: it names the link and opens nothing
SUBJECT: Final = "link:"  # before the id of a link, where the log and the audit say who acted


class Ending(Protocol):
    """What of a link says whether it is still good. Times are microseconds."""

    @property
    def expires(self) -> int: ...
    @property
    def locked(self) -> int | None: ...
    @property
    def withdrawn(self) -> int | None: ...


def state(link: Ending, now: int) -> State:
    """What a link is good for at an instant (microseconds)."""
    if link.withdrawn is not None:
        return "withdrawn"
    if now >= link.expires:
        return "expired"
    return "open" if link.locked is None else "locked"


def subject(id: str) -> str:
    """By what the log and the audit know who acts by a link."""
    return f"{SUBJECT}{id}"


def read_code(said: str) -> str:
    """A code as it was told, without the marks and the case that people write it with."""
    return re.sub(r"[^0-9A-Z]", "", said.upper())[:64]


def written_code(code: str) -> str:
    """A code as it is printed: `K7QM-4TXR`."""
    return f"{code[:4]}-{code[4:]}" if code else ""


_MONTHS: Final = {  # as the two languages of the page shorten them, in three letters
    name: n
    for names in (
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    )
    for n, name in enumerate(names, 1)
}


def read_birth_date(said: str, language: str) -> str:
    """A date of birth as people write it, as FHIR does; empty for what is none. Of `3/2/1979` English reads the month
    first and Spanish the day; a name of the month settles it."""
    plain = " ".join(re.sub(r"[\s.,/-]+", " ", said.casefold()).replace(" de ", " ").split())
    if match := re.fullmatch(r"(\d{4}) (\d{1,2}) (\d{1,2})", plain):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := re.fullmatch(r"(\d{1,2}) (\d{1,2}) (\d{4})", plain):
        first, second = int(match[1]), int(match[2])
        month, day = (second, first) if language == "es" else (first, second)
        return _day(int(match[3]), month, day)
    if match := re.fullmatch(r"(?:(\d{1,2}) ([a-zé]+)|([a-zé]+) (\d{1,2})) (\d{4})", plain):
        name, day_said = (match[2], match[1]) if match[2] else (match[3], match[4])
        return _day(int(match[5]), _MONTHS.get(name[:3], 0), int(day_said))
    return ""


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
