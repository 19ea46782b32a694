"""Writes an X12 interchange. Nothing is escaped, for X12 has no escape, and nothing is left out in silence: a value
that holds a separator, a line break or a character that X12 does not have is told, by segment and element.

Clauses: X12.5 (ISA of fixed width, envelopes with their counts), X12.6 (basic and extended character sets)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from carecoord.domain.prior_auth.x12.envelope import GROUPS, Fault, Separators
from carecoord.errors import Issue, Unprocessable
from carecoord.words.sentence import sentence

Value = str | tuple[str, ...]  # an element, or the components of one
Row = tuple[Value, ...]  # a segment: its name, then its elements
_LETTERS: Final = "ÀÁÂÄàáâäÈÉÊËèéêëÌÍÎÏìíîïÒÓÔÖòóôöÙÚÛÜùúûüÇçÑñ¿¡"  # beyond ASCII: those of the extended set
_MOST: Final = {  # characters of an element, of those that hold what people write (X12 005010 data dictionary)
    ("BHT", 3): 50, ("NM1", 3): 60, ("NM1", 4): 35, ("NM1", 5): 25, ("NM1", 9): 80, ("PWK", 6): 80, ("PWK", 7): 80,
    ("REF", 2): 50, ("TRN", 2): 50, ("TRN", 3): 10,
}  # fmt: skip
_GROUP: Final = {kind: group for group, kind in GROUPS.items()}


@dataclass(frozen=True, slots=True)
class Header:
    """Who sends to whom. sender, receiver: as both sides agreed, at most 15 characters; control: of the interchange, 1
    to 999999999; made: in the sender's zone."""

    sender: str
    receiver: str
    control: int
    made: datetime
    test: bool = False
    separators: Separators = field(default_factory=Separators)


def written(header: Header, guide: str, kind: str, transactions: Sequence[Sequence[Row]]) -> str:
    """The interchange of these transactions, each without its ST and SE, in one group. Raises Unprocessable, an issue
    for each fault."""
    rows = [_isa(header), _gs(header, guide, kind)]
    for n, each in enumerate(transactions, 1):
        control = f"{n:04}"
        rows += [("ST", kind, control, guide), *each, ("SE", str(len(each) + 2), control)]
    rows += [("GE", str(len(transactions)), str(header.control)), ("IEA", "1", f"{header.control:09}")]
    if faults := list(_faults(rows, header.separators)):
        issues = [Issue("error", "value", each.why, f"{each.place} {each.where}") for each in faults]
        raise Unprocessable(faults[0].why, issues[0].where, issues=issues)
    by = header.separators
    ends = by.terminator if by.terminator in "\r\n" else f"{by.terminator}\n"
    return "".join(f"{_segment(row, by)}{ends}" for row in rows)


def _isa(header: Header) -> Row:
    made, by = header.made, header.separators
    return (
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{header.sender:<15}", "ZZ", f"{header.receiver:<15}",
        f"{made:%y%m%d}", f"{made:%H%M}", by.repetition or "U", "00501", f"{header.control:09}", "0",
        "T" if header.test else "P", by.component,
    )  # fmt: skip


def _gs(header: Header, guide: str, kind: str) -> Row:
    made = header.made
    return ("GS", _GROUP[kind], header.sender, header.receiver, f"{made:%Y%m%d}", f"{made:%H%M}",
            str(header.control), "X", guide)  # fmt: skip


def _segment(row: Row, by: Separators) -> str:
    elements = [each if isinstance(each, str) else by.component.join(_bare(each)) for each in row]
    return by.element.join(elements if row[0] == "ISA" else _bare(elements))


def _bare(values: Sequence[str]) -> list[str]:
    """Without the empty ones at the end."""
    n = len(values)
    while n and not values[n - 1]:
        n -= 1
    return list(values[:n])


def _faults(rows: Sequence[Row], by: Separators) -> Iterator[Fault]:
    for place, row in enumerate(rows, 1):
        name = str(row[0])
        if name == "ISA":
            yield from _addresses(row)
        for n, element in enumerate(row):
            if name == "ISA" and n in (11, 16):
                continue
            for value in (element,) if isinstance(element, str) else element:
                yield from _wrong(place, name, n, value, by)


def _wrong(place: int, name: str, n: int, value: str, by: Separators) -> Iterator[Fault]:
    held, most = sorted(set(value) & by.all), _MOST.get((name, n))
    strange = sorted({each for each in value if not (" " <= each <= "~" or each in _LETTERS)})
    if held:
        yield Fault(place, name, n, sentence("x12.fault.separator-in-value", value=value, held=" ".join(held)))
    elif strange:
        codes = ", ".join(f"U+{ord(each):04X}" for each in strange)
        said = "".join(each if each.isprintable() else " " for each in value)
        yield Fault(place, name, n, sentence("x12.fault.strange", value=said, codes=codes))
    elif most and len(value) > most:
        yield Fault(place, name, n, sentence("x12.fault.longer", n=len(value), most=str(most)))


def _addresses(row: Row) -> Iterator[Fault]:
    for n in (6, 8):
        value = str(row[n])
        if not value.strip() or len(value) > 15:
            yield Fault(1, "ISA", n, sentence("x12.fault.address", value=value.strip() or "-"))
