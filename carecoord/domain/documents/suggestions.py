"""What the words of a document that came in may say: whom it is about and what is wanted. Suggestions alone, each to be
looked at by a person: letters are misread, and what a document says of its patient may be wrong. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from carecoord.domain.terms.vocabularies import VOCABULARIES, Vocabulary

_NAMED: Final = re.compile(
    r"\b(?i:patient(?:'s)?(?: name)?|name|re|regarding)\s*[:#]\s*([A-Z][\w'\u2019.-]+(?:,? +[A-Z][\w'\u2019.-]+){1,3})"
)
_BORN: Final = re.compile(
    r"(?:dob|d\.o\.b\.|date of birth|birth ?date|born)\s*[:#]?\s*"
    r"(\d{1,2}[/-]\d{1,2}[/-]\d{4}|\d{4}-\d{2}-\d{2}|\d{1,2} [a-z]{3,9}\.? \d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"(?:mrn|medical record(?: number| no\.?)?|member(?: id| no\.?| number)?|subscriber(?: id)?|id)\s*[:#]?\s*"
    r"([A-Z0-9][A-Z0-9-]{3,20})\b",
    re.IGNORECASE,
)
_PHONE: Final = re.compile(
    r"(?<!\d)(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}(?!\d)|(?<![\d-])\d{3}-\d{4}(?![\d-])"
)
_SPECIALTY: Final = re.compile(
    r"(?:specialty|refer(?:ral|red)? to|consult(?:ation)? (?:with|to)|service requested)\s*[:#]?\s*"
    r"([A-Za-z][A-Za-z ]{3,40})",
    re.IGNORECASE,
)
_URGENT: Final = re.compile(r"\b(stat|urgent|asap)\b", re.IGNORECASE)
_CODE: Final = re.compile(r"\b[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?\b|\b[A-Z]?\d{4}[0-9FTU]?\b")
_MOST: Final = 4  # of each that are told


@dataclass(frozen=True, slots=True)
class Suggestions:
    """`searches`: what to look for the patient by, the surest first. `specialty`, `urgency`: empty where nothing is
    said. `services`, `diagnoses`: codes as their systems write them."""

    searches: tuple[str, ...] = ()
    specialty: str = ""
    urgency: str = ""
    services: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()


def suggestions(words: str) -> Suggestions:
    """What a text may say."""
    urgent, specialty = _URGENT.search(words), _SPECIALTY.search(words)
    written = _CODE.findall(words)
    return Suggestions(
        _some(_searches(words)),
        " ".join(specialty[1].split()) if specialty else "",
        urgent[1].lower() if urgent else "",
        _some(code for code in written if code[0].isalpha() and _is(code, "service")),
        _some(code for code in written if "." in code and _is(code, "diagnosis")),
    )


def _searches(words: str) -> Iterator[str]:
    """A number that is the patient's alone, then a name with the day of birth, a telephone, the name by itself."""
    numbers = [each for each in _NUMBER.findall(words) if any(letter.isdigit() for letter in each)]
    named, born = _NAMED.search(words), _BORN.search(words)
    yield from numbers
    if named and born:
        yield f"{_name(named[1])} {born[1]}"
    yield from (each.strip() for each in _PHONE.findall(words))
    if born:
        yield born[1]
    if named:
        yield _name(named[1])


def _name(said: str) -> str:
    return " ".join(said.replace(",", " ").split())


def _is(code: str, vocabulary: Vocabulary) -> bool:
    return any(part.written(code) == code for part in VOCABULARIES[vocabulary])


def _some(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))[:_MOST]
