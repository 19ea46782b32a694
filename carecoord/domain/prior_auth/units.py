"""How much a payer authorized, and of what: visits, days, time, money, or units that only the payer can count. Amounts
of one kind are compared; what can not be converted is said to be unknown, never taken for visits.

Clauses: FHIR R4 datatypes.html#Quantity (a number means nothing without its unit); X12 673 (quantity qualifier of a
health care services delivery) and 355 (unit of measure); UCUM.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Final, Literal

from carecoord.domain.resource.elements import Json, text
from carecoord.fhir.code_systems import CURRENCY, UCUM, X12_QUANTITY, X12_UNIT, canonical
from carecoord.words.sentence import Sentence, Value, sentence

Kind = Literal["visits", "days", "minutes", "other"]


@dataclass(frozen=True, slots=True)
class Amount:
    """`count` of something: of visits, of days with a visit, of stretches of `minutes` minutes, or of a thing that
    visits can not be counted in (`other`). `noun` is what one of them is called: a key of UNITS, or the payer's own
    word."""

    count: Fraction
    kind: Kind
    noun: str
    minutes: int = 0  # the length of one, where the kind is minutes

    @property
    def counted(self) -> bool:
        """Whether visits can be taken off it."""
        return self.kind != "other"

    def alike(self, other: "Amount | None") -> bool:
        """Whether both count the same thing, so that they can be added."""
        mine = self.kind, self.noun, self.minutes
        return other is not None and mine == (other.kind, other.noun, other.minutes)

    def words(self, count: Fraction | None = None) -> Sentence:
        """So many of it as people say it: `38 quarter hours`."""
        n = self.count if count is None else count
        return sentence("amount", number=self.number(n), unit=self.one if n == 1 else self.several)

    @staticmethod
    def number(n: Fraction) -> str:
        """A number as people write it, parts of one with two digits, rounded down: what is left is never overstated."""
        return f"{n.numerator * 100 // n.denominator / 100:.2f}".rstrip("0").rstrip(".")

    @property
    def one(self) -> Value:
        """What a sentence calls one of them."""
        if self.noun == _STRETCH_OF:
            return sentence("unit.stretch", minutes=self.minutes)
        return UNITS[self.noun][0] if self.noun in UNITS else self.noun

    @property
    def several(self) -> Value:
        """What a sentence calls several of them. A payer's own word gets the plural of the language it is in."""
        if self.noun == _STRETCH_OF:
            return sentence("unit.stretches", minutes=self.minutes)
        if self.noun in UNITS:
            return UNITS[self.noun][1]
        own = self.noun
        return own if own.isupper() or not own[-1:].isalpha() or own.endswith("s") else f"{own}s"


_STRETCH_OF = "stretch"  # of so many minutes as no unit of ours has
UNITS: Final[dict[str, tuple[Sentence, Sentence]]] = {  # noun -> what one and several of them are called
    "visit": (sentence("unit.visit"), sentence("unit.visits")),
    "day": (sentence("unit.day"), sentence("unit.days")),
    "minute": (sentence("unit.minute"), sentence("unit.minutes")),
    "hour": (sentence("unit.hour"), sentence("unit.hours")),
    "quarter hour": (sentence("unit.quarter-hour"), sentence("unit.quarter-hours")),
    "half hour": (sentence("unit.half-hour"), sentence("unit.half-hours")),
    "unit": (sentence("unit.unit"), sentence("unit.units")),
    "week": (sentence("unit.week"), sentence("unit.weeks")),
    "month": (sentence("unit.month"), sentence("unit.months")),
    "year": (sentence("unit.year"), sentence("unit.years")),
}

Sort = tuple[Kind, str, int]  # kind, noun, minutes
_VISIT: Sort = ("visits", "visit", 0)
_DAY: Sort = ("days", "day", 0)
_MINUTE: Sort = ("minutes", "minute", 1)
_HOUR: Sort = ("minutes", "hour", 60)
_QUARTER: Sort = ("minutes", "quarter hour", 15)
_UNIT: Sort = ("other", "unit", 0)
_WEEK: Sort = ("other", "week", 0)
_MONTH: Sort = ("other", "month", 0)
_YEAR: Sort = ("other", "year", 0)

_CODES: dict[str, dict[str, Sort]] = {
    UCUM: {
        "1": _VISIT, "min": _MINUTE, "h": _HOUR, "d": _DAY, "wk": _WEEK, "mo": _MONTH, "a": _YEAR,
        "{visit}": _VISIT, "{visits}": _VISIT, "{session}": _VISIT, "{encounter}": _VISIT, "{treatment}": _VISIT,
        "{unit}": _UNIT, "{units}": _UNIT, "{each}": _UNIT,
    },
    X12_QUANTITY: {"VS": _VISIT, "DY": _DAY, "HS": _HOUR, "MN": _MONTH, "FL": _UNIT, "UN": _UNIT},
    X12_UNIT: {
        "VS": _VISIT, "DA": _DAY, "DY": _DAY, "HR": _HOUR, "HS": _HOUR, "MJ": _MINUTE, "WK": _WEEK, "MO": _MONTH,
        "YR": _YEAR, "UN": _UNIT, "EA": _UNIT, "F2": _UNIT,
    },
}  # fmt: skip
_WORDS: dict[str, Sort] = {
    "visit": _VISIT, "session": _VISIT, "encounter": _VISIT, "appointment": _VISIT, "treatment": _VISIT,
    "consultation": _VISIT, "office visit": _VISIT, "vs": _VISIT,
    "day": _DAY, "d": _DAY, "da": _DAY, "dy": _DAY, "visit day": _DAY, "treatment day": _DAY,
    "minute": _MINUTE, "min": _MINUTE, "mj": _MINUTE,
    "hour": _HOUR, "hr": _HOUR, "h": _HOUR, "hs": _HOUR,
    "quarter hour": _QUARTER, "quarter-hour": _QUARTER, "half hour": ("minutes", "half hour", 30),
    "week": _WEEK, "wk": _WEEK, "month": _MONTH, "mo": _MONTH, "year": _YEAR, "yr": _YEAR,
    "unit": _UNIT, "un": _UNIT, "each": _UNIT, "ea": _UNIT,
}  # fmt: skip
_SESSION = re.compile(r"\b(visit|session|encounter|appointment)s?\b")
_OTHERWISE = re.compile(r"\b(unit|day)s?\b|\b[a-z]+ (hour|minute)s?$")  # units of a visit, hours of a session
_STRETCH = re.compile(r"\D*\b(\d{1,3})[ \-.]*(?:min|mins|minute|minutes|m)\b\D*")
_STRETCHES = {15: "quarter hour", 30: "half hour", 60: "hour", 1: "minute"}


def amount(quantity: Json) -> Amount | None:
    """What a Quantity (or a Money) authorizes; None when it says no number. A number without a unit counts the service
    itself, and a service that is booked is a visit; a bound (`<= 12`) is no number."""
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not isfinite(value):
        return None
    kind, noun, minutes = _sort(quantity)
    if quantity.get("comparator"):
        kind, noun = "other", f"{quantity['comparator']} {noun}"
    return Amount(Fraction(value), kind, noun, minutes)


def bare(quantity: Json) -> bool:
    """Whether it is a number alone."""
    return not any(quantity.get(name) for name in ("unit", "code", "currency", "comparator"))


def _sort(quantity: Json) -> Sort:
    """Code before words, and words before nothing."""
    system, code, unit = canonical(text(quantity, "system")), text(quantity, "code").strip(), text(quantity, "unit")
    if currency := text(quantity, "currency") or (code if system == CURRENCY else ""):
        return "other", currency, 0
    table = _CODES.get(system, {})
    known = table.get(code) or table.get(code.upper() if system != UCUM else code.lower())
    spoken = _spoken(unit)
    if known in (None, _UNIT) and (stretch := _stretch(unit) or _stretch(code)):
        return stretch  # "units" of 15 minutes: the words say what the code leaves open
    if known == _VISIT and code == "1" and unit.strip():
        return spoken  # UCUM's 1 is a bare number: its unit is what the words say
    if known:
        return known
    if unit.strip():
        return spoken
    return _spoken(code) if code else _VISIT


def _spoken(unit: str) -> Sort:
    """The kind that a unit in words means; words that we do not know stay what they are."""
    said = " ".join(unit.casefold().replace("(s)", "").strip(" .{}").split())
    if known := _WORDS.get(said) or _WORDS.get(said.removesuffix("s")):
        return known
    if stretch := _stretch(said):
        return stretch
    if _SESSION.search(said) and not _OTHERWISE.search(said):
        return _VISIT
    return "other", unit.strip() or "unit", 0


def _stretch(said: str) -> Sort | None:
    """`15 minutes`, `15-min units`, `unit (15 min)`; a session of 60 minutes is a session."""
    plain = " ".join(said.casefold().split())
    found = None if _SESSION.search(plain) and "unit" not in plain else _STRETCH.fullmatch(plain)
    minutes = int(found[1]) if found else 0
    return ("minutes", _STRETCHES.get(minutes, _STRETCH_OF), minutes) if minutes else None
