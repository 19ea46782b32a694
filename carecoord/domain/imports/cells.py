"""What the cells of a table say: the kinds of columns, and how each is read. A person typed them, in the ways that
people type; what can mean two things is no value but a fault that says what to write.

Pure: a cell comes as text, a fault goes as a Sentence."""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from carecoord.domain.imports.heads import titled
from carecoord.words.sentence import Sentence, Value, sentence

Kind = Literal[
    "text", "day", "money", "number", "npi", "yes-no", "whole", "choice", "code",
    "organization", "payer", "network", "site", "clinician", "plan",
]  # fmt: skip
REFERENCES: Final = frozenset({"organization", "payer", "network", "site", "clinician", "plan"})


@dataclass(frozen=True)
class Column:
    """A column of a table. headings: what it may be called, the first as English templates and exports do. many:
    several values, parted by semicolons. choices: what may be written -> what it means, the first name of a meaning is
    the one that is exported."""

    name: str
    headings: tuple[str, ...]
    kind: Kind = "text"
    required: bool = False
    many: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    example: str = ""

    @property
    def heading(self) -> str:
        """As English templates and exports, and the command line, call it."""
        return self.headings[0]

    @property
    def titled(self) -> Value:
        """As templates and exports call it in their reader's language."""
        return titled(self.heading)


class Faulty(Exception):
    """A cell that can not be read. It says why, and what to write."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")  # as the files of agencies write it
_DOTS = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{2}|\d{4})")  # day first, wherever dots are written
_SLASHES = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{2}|\d{4})")  # month first, as the payers of the country write
_WORDS = re.compile(r"(?:(\d{1,2})\.? ([A-Za-z]{3,9})\.?,? (\d{4})|([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4}))")
_SERIAL = re.compile(r"[34567]\d{4}(?:\.0+)?")  # 1982 to 2119, as a spreadsheet counts days
_SERIAL_ZERO: Final = date(1899, 12, 30)
_MONEY = re.compile(r"\$?\s?(\d{1,3}(?:,\d{3})+|\d+)(\.\d{1,2}|\.\d{4,8})?(?:\s?USD)?")  # 1.234 may be a thousand
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?")
_YES: Final = {"yes": True, "y": True, "true": True, "1": True, "x": True, "required": True,
               "no": False, "n": False, "false": False, "0": False, "not required": False}  # fmt: skip


def read(column: Column, written: str) -> Any:
    """The value of one cell that is not empty: str, date, Decimal, bool or int; of a reference, and of a code, the text
    itself. Raises Faulty."""
    text = " ".join(written.split())
    if column.kind == "choice":
        return _choice(column, text)
    return _READERS[column.kind](text) if column.kind in _READERS else text


def several(column: Column, written: str) -> list[str]:
    """The texts of a cell that holds several."""
    return [each for part in re.split(r"[;|\n]", written) if (each := " ".join(part.split()))]


def _day(text: str) -> date:
    if (found := _ISO.fullmatch(text)) or (found := _COMPACT.fullmatch(text)):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DOTS.fullmatch(text):
        day, month, year = _parts(found, text, day_first=True)
    elif found := _SLASHES.fullmatch(text):
        month, day, year = _parts(found, text, day_first=False)
    elif found := _WORDS.fullmatch(text):
        parts = found.groups()
        day, word, year = (parts[0], parts[1], parts[2]) if parts[0] else (parts[4], parts[3], parts[5])  # type: ignore[assignment]
        day, year = int(day), int(year)
        month = MONTHS.index(str(word)[:3].lower()) + 1 if str(word)[:3].lower() in MONTHS else 0
    elif _SERIAL.fullmatch(text):
        counted = _SERIAL_ZERO + timedelta(days=int(float(text)))
        raise Faulty(sentence("import.day.serial", text=text, day=counted.isoformat()))
    else:
        raise Faulty(sentence("import.day.unread", text=text))
    if not 1900 <= year <= 9998 or not 1 <= month <= 12:
        raise Faulty(sentence("import.day.unread", text=text))
    last = monthrange(year, month)[1]
    if not 1 <= day <= last:
        raise Faulty(sentence("import.day.none", text=text, day=f"{year:04}-{month:02}-{last:02}"))
    return date(year, month, day)


def _parts(found: re.Match[str], text: str, day_first: bool) -> tuple[int, int, int]:
    first, second, year = found.groups()
    day, month = (first, second) if day_first else (second, first)
    if len(year) == 2:
        wanted = f"20{year}-{int(month):02}-{int(day):02}"
        raise Faulty(sentence("import.day.century", text=text, day=wanted))
    if not day_first and int(month) > 12 and int(day) <= 12:
        wanted = f"{year}-{int(day):02}-{int(month):02}"
        raise Faulty(sentence("import.day.order", text=text, day=wanted))
    return int(first), int(second), int(year)


def _money(text: str) -> Decimal:
    found = _MONEY.fullmatch(text)
    if not found:
        raise Faulty(sentence("import.money", text=text))
    return Decimal(found[1].replace(",", "") + (found[2] or ""))


def _number(text: str) -> Decimal:
    plain = text.removesuffix("%").strip()
    if not _NUMBER.fullmatch(plain):
        raise Faulty(sentence("import.number", text=text))
    return Decimal(plain)


def check_digit(digits: str) -> bool:
    """Whether ten digits are a National Provider Identifier: the last one checks the others (45 CFR 162.406; ISO/IEC
    7812-1 Luhn over the prefix 80840)."""
    if not re.fullmatch(r"\d{10}", digits, re.ASCII):
        return False
    total = 24  # of the prefix
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _npi(text: str) -> str:
    digits = text.removesuffix(".0")
    if not re.fullmatch(r"\d{10}", digits, re.ASCII):
        raise Faulty(sentence("import.npi.length", text=text))
    if not check_digit(digits):
        raise Faulty(sentence("import.npi.digit", text=text))
    return digits


def _whole(text: str) -> int:
    digits = text.removesuffix(".0")
    if not re.fullmatch(r"\d{1,6}", digits, re.ASCII):
        raise Faulty(sentence("import.whole", text=text))
    return int(digits)


def _yes_no(text: str) -> bool:
    if text.lower() not in _YES:
        raise Faulty(sentence("import.yes-no", text=text))
    return _YES[text.lower()]


def _choice(column: Column, text: str) -> str:
    found = column.choices.get(text.lower())
    if found is None:
        first: dict[str, str] = {}
        for name, meaning in column.choices.items():
            first.setdefault(meaning, name)
        raise Faulty(sentence("import.choice", text=text, choices=tuple(first.values())))
    return found


def _plain(text: str) -> str:
    if not text.isprintable() or len(text) > 500:
        raise Faulty(sentence("import.text"))
    return text


_READERS: Final = {
    "day": _day, "money": _money, "number": _number, "npi": _npi, "whole": _whole, "yes-no": _yes_no,
    "text": _plain, "code": _plain,
}  # fmt: skip
