"""The loops of a transaction: what stands under a hierarchical level (HL), and how its days, names and amounts are
read.

Clause: X12.22 (HL01 its number, HL02 its parent's, HL03 what it is)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, fault
from carecoord.words.sentence import sentence

_DIGITS: Final = 15  # of a number: more no guide has, and more can not be reckoned with to the cent
_DEEPEST: Final = 10  # levels above one: a guide has five
_LONGEST: Final = 500  # segments of a level with others under it, for each of which it is looked through


@dataclass(frozen=True, slots=True)
class Level:
    """An HL with its segments, up to the next; levels: of every level above, the outermost first, itself the last."""

    number: str
    kind: str
    segments: tuple[Segment, ...]
    above: tuple["Level", ...]

    def all(self, name: str, qualifier: str = "") -> list[Segment]:
        """Its segments of a name, of one qualifier in their first element where it is given."""
        return [each for each in self.segments if each.id == name and qualifier in ("", each.at(1))]

    def first(self, name: str, *qualifiers: str) -> Segment | None:
        """The first of a name, of one of these qualifiers where any is given."""
        wanted = (each for each in self.segments if each.id == name)
        return next((each for each in wanted if not qualifiers or each.at(1) in qualifiers), None)


def levels(segments: Sequence[Segment], faults: list[Fault]) -> list[Level]:
    """The levels of a transaction in their order. A level whose parent is not there, or is too long to be one, one too
    deep, or a number twice, is a fault."""
    found: dict[str, Level] = {}
    starts = [n for n, each in enumerate(segments) if each.id == "HL"]
    for n, end in pairwise([*starts, len(segments) - 1]):
        head = segments[n]
        number, parent = head.at(1), head.at(2)
        if number in found:
            faults.append(fault(head, 1, sentence("x12.fault.level-twice", number=number)))
        above = found.get(parent)
        if parent and above is None:
            faults.append(fault(head, 2, sentence("x12.fault.level-parent", number=parent)))
        if above and len(above.segments) > _LONGEST:
            faults.append(fault(head, 2, sentence("x12.fault.level-long", number=parent, most=_LONGEST)))
            above = None
        chain = (*above.above, above) if above else ()
        if len(chain) > _DEEPEST:
            faults.append(fault(head, 2, sentence("x12.fault.level-deep", most=_DEEPEST)))
            chain = ()
        found[number] = Level(number, head.at(3), tuple(segments[n:end]), chain)
    return list(found.values())


def day(segment: Segment, n: int, faults: list[Fault]) -> date | None:
    """Element n as a day, CCYYMMDD; None where it is empty or a fault."""
    return _day(segment.at(n), segment, n, faults)


def _day(said: str, segment: Segment, n: int, faults: list[Fault]) -> date | None:
    if not said:
        return None
    try:
        if len(said) != 8 or not said.isascii() or not said.isdecimal():
            raise ValueError
        return date(int(said[:4]), int(said[4:6]), int(said[6:]))
    except ValueError:
        faults.append(fault(segment, n, sentence("x12.fault.day", said=said)))
        return None


def days(segment: Segment, form: int, faults: list[Fault]) -> tuple[date | None, date | None]:
    """The days of a DTP: element `form` says how (D8 one day, RD8 from one to another), the next one which."""
    said, n = segment.at(form + 1), form + 1
    if segment.at(form) == "D8":
        only = _day(said, segment, n, faults)
        return only, only
    if segment.at(form) == "RD8":
        first, _, last = said.partition("-")
        return _day(first, segment, n, faults), _day(last, segment, n, faults)
    faults.append(fault(segment, form, sentence("x12.fault.date-form", form=segment.at(form) or "-")))
    return None, None


def money(segment: Segment, n: int, faults: list[Fault]) -> Decimal:
    """Element n as an amount; 0 where it is empty."""
    found = number(segment, n, faults)
    return Decimal(0) if found is None else found


def number(segment: Segment, n: int, faults: list[Fault]) -> Decimal | None:
    """Element n as a number; None where it is empty or a fault."""
    said = segment.at(n)
    if not said:
        return None
    try:
        plain = said.isascii() and set(said) <= set("-.0123456789")
        found = Decimal(said) if plain else Decimal("nan")
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or len(found.as_tuple().digits) > _DIGITS or len(said) > 2 * _DIGITS:
        faults.append(fault(segment, n, sentence("x12.fault.number", said=said)))
        return None
    return found


def runs(segments: Sequence[Segment], name: str) -> Iterator[tuple[Segment, ...]]:
    """What begins with each segment of a name, up to the next of it."""
    starts = [n for n, each in enumerate(segments) if each.id == name]
    for n, end in pairwise([*starts, len(segments)]):
        yield tuple(segments[n:end])
