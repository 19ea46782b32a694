"""The texts that a patient is found by, as the record writes them: names in every part, telephone numbers in every form
that people type, the date of birth, numbers of records and of cards."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from carecoord.domain.resource.elements import Json, items, text

NUMBERED: Final = ("phone", "sms", "fax", "pager")  # systems of a ContactPoint whose value is a telephone number
_LOCAL, _NATIONAL = 7, 10  # figures of a telephone number without and with its area


def of_patient(patient: Json) -> list[str]:
    """What a Patient is found by, each text once."""
    told = [
        *(said for human in items(patient, "name") for said in names(human)),
        text(patient, "birthDate"),
        *(said for contact in items(patient, "telecom") for said in telephone(contact)),
        *(text(each, "value") for each in items(patient, "identifier")),
    ]
    return list(dict.fromkeys(each for each in told if each))


def of_coverage(card: Json) -> list[str]:
    """What its beneficiary is found by of a Coverage: the numbers that stand on the card."""
    told = [text(card, "subscriberId"), *(text(each, "value") for each in items(card, "identifier"))]
    return list(dict.fromkeys(each for each in told if each))


def names(human: Json) -> Iterator[str]:
    """A name in all its parts; somebody may still be known by a former one."""
    given = human.get("given")
    each = [part for part in given if isinstance(part, str)] if isinstance(given, list) else []
    yield from (text(human, "family"), *each, text(human, "text"))
    yield from joined([text(human, "family"), *each])


def joined(parts: Iterable[str]) -> Iterator[str]:
    """A name of several words as others join it, `Smith Jones` as Smith-Jones, `van der Berg` as vanderberg."""
    return ("-".join(part.split()) for part in parts if len(part.split()) > 1)


def telephone(contact: Json) -> Iterator[str]:
    """A number as it is written, and its figures with and without country and area."""
    if text(contact, "system") not in NUMBERED:
        return
    written = text(contact, "value")
    figures = re.sub(r"\D", "", re.split(r"[^\W\d]", written)[0])
    national = figures[-_NATIONAL:]
    yield from (written, figures, national, figures[-_LOCAL:])
    if len(national) == _NATIONAL:
        yield from (national[:3], f"1{national}", f"0{national}")
