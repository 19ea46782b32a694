"""X12 interchanges as segments: separators read from ISA, every envelope checked, faults told by the place of a segment
and the number of an element. Nothing is mended and nothing guessed: what an envelope at fault encloses is not read.

Clauses: X12.5 (ISA is of fixed width and says the separators; IEA, GE count and repeat the control number of ISA, GS),
X12.6 (ST and SE: control number, count of segments with both). ISA15 tells a test from the real thing. An envelope at
fault is rejected with all in it, as TA1 and 999 have it; a transaction at fault goes alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from carecoord.words.sentence import Sentence, sentence

_WIDTHS: Final = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)  # of ISA01 to ISA16
ISA_LENGTH: Final = 106  # with its terminator
_BLANK: Final = "\r\n\t "  # may stand around segments
_DIGITS: Final = 10  # of a count, at most
_MOST: Final = 1_500_000  # segments of a file: one of 20 MB has half as many, and may be nothing but ends of segments
_LONGEST: Final = 264  # characters of an element, or of a part of one (X12 933, the longest of these guides)
_REPEATS: Final = "00402"  # from this version on ISA11 is the separator of repetitions
GROUPS: Final = {  # GS01 -> the transactions that stand in such a group
    "HI": "278", "HB": "271", "HS": "270", "HN": "277", "HP": "835", "FA": "999",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Separators:
    """The four characters of an interchange. repetition: empty where its version has none."""

    element: str = "*"
    repetition: str = "^"
    component: str = ":"
    terminator: str = "~"

    @property
    def all(self) -> frozenset[str]:
        """Those that no value may hold."""
        return frozenset({self.element, self.repetition, self.component, self.terminator} - {""})


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment at its place in the file, counted from 1. elements: the first is its name."""

    place: int
    elements: tuple[str, ...]
    separators: Separators

    @property
    def id(self) -> str:
        return self.elements[0]

    def at(self, n: int) -> str:
        """Element n, empty where it is not there."""
        return self.elements[n] if n < len(self.elements) else ""

    def parts(self, n: int) -> tuple[str, ...]:
        """The components of element n."""
        return tuple(self.at(n).split(self.separators.component))

    def part(self, n: int, of: int) -> str:
        """Component `of` (from 1) of element n, empty where it is not there."""
        parts = self.parts(n)
        return parts[of - 1] if of <= len(parts) else ""

    def repeats(self, n: int) -> tuple[str, ...]:
        """The repetitions of element n; none where it is empty."""
        by = self.separators.repetition
        return tuple(each for each in (self.at(n).split(by) if by else (self.at(n),)) if each)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a segment. element: its number, 0 for the segment as such."""

    place: int
    segment: str
    element: int
    why: Sentence

    @property
    def where(self) -> str:
        """`SE01`, or `SE`."""
        return f"{self.segment}{self.element:02}" if self.element else self.segment


def fault(segment: Segment, element: int, why: Sentence) -> Fault:
    """A fault of an element of a segment."""
    return Fault(segment.place, segment.id, element, why)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One ST to SE, whole. guide: of which implementation guide (ST03, else GS08); segments: ST and SE with them."""

    kind: str
    control: str
    guide: str
    group: str
    interchange: str
    sender: str
    receiver: str
    test: bool
    segments: tuple[Segment, ...]


def overlong(transaction: Transaction) -> list[Fault]:
    """The elements that are longer than any that these guides have: no index of a database holds whatever comes."""
    return [
        fault(segment, n, sentence("x12.fault.too-long", most=str(_LONGEST)))
        for segment in transaction.segments for n, said in enumerate(segment.elements)
        if len(said) > _LONGEST and any(len(part) > _LONGEST for each in segment.repeats(n)
                                        for part in each.split(segment.separators.component))
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """A TA1: what the other side says of an interchange of ours. accepted: A taken, E taken with faults, R not."""

    interchange: str
    accepted: str
    note: str


@dataclass(slots=True)
class Interchanges:
    """What a file holds: the transactions that are whole, the receipts, and what is wrong."""

    transactions: list[Transaction] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read(data: bytes) -> Interchanges:
    """What a file holds. Its text is UTF-8, or else ISO 8859-1. Never raises: what can not be read is a fault."""
    try:
        said = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        said = data.decode("latin-1")
    found, place, last = Interchanges(), 1, len(said.rstrip(_BLANK))
    at = _start(said, 0)
    if at == len(said):
        found.faults.append(Fault(1, "ISA", 0, sentence("x12.fault.empty")))
    while at < len(said):
        separators = _separators(said, at)
        if isinstance(separators, Sentence):
            found.faults.append(Fault(place, "ISA", 0, separators))
            return found
        segments, at, ends = _segments(said, at, place, last, separators)
        place += len(segments)
        if place > _MOST:
            found.faults.append(fault(segments[-1], 0, sentence("x12.fault.too-many", most=f"{_MOST:,}")))
            return found
        if not ends:
            found.faults.append(fault(segments[-1], 0, sentence("x12.fault.no-terminator")))
        else:
            _interchange(segments, found)
        at = _start(said, at)
    return found


def _start(said: str, at: int) -> int:
    while at < len(said) and said[at] in _BLANK:
        at += 1
    return at


def _separators(said: str, at: int) -> Separators | Sentence:
    """The separators of the interchange that begins here, or why there are none to read."""
    head = said[at : at + ISA_LENGTH]
    if not head.startswith("ISA"):
        return sentence("x12.fault.no-isa")
    if len(head) < ISA_LENGTH:
        return sentence("x12.fault.isa-short")
    element, place = head[3], 3
    for width in _WIDTHS:
        if head[place] != element or element in head[place + 1 : place + 1 + width]:
            return sentence("x12.fault.isa-width")
        place += width + 1
    version, repetition = head[84:89], head[82]
    repeats = version >= _REPEATS and not repetition.isalnum()
    found = Separators(element, repetition if repeats else "", head[104], head[105])
    if len(found.all) != 3 + repeats or any(each.isalnum() or each == " " for each in found.all):
        return sentence("x12.fault.separators")
    return found


def _segments(said: str, at: int, place: int, last: int, by: Separators) -> tuple[list[Segment], int, bool]:
    """The segments up to IEA, or up to another ISA or the end where there is none; where the rest begins; and whether
    the last one is ended. last: from there on all is blank."""
    found: list[Segment] = []
    while at < len(said) and place + len(found) <= _MOST:
        end = said.find(by.terminator, at)
        body = said[at : end if end >= 0 else len(said)].lstrip("\r\n")
        if found and body.startswith(f"ISA{by.element}"):
            return found, at, True
        if body or (end >= 0 and by.terminator not in "\r\n"):  # a blank line is no segment
            found.append(Segment(place + len(found), tuple(body.split(by.element)), by))
        if end < 0:
            return found, len(said), not body.strip()
        at = end + 1
        if (found and found[-1].id == "IEA") or at >= last:
            return found, at, True
    return found, at, True


def _interchange(segments: Sequence[Segment], found: Interchanges) -> None:
    """The groups of an interchange, if its own envelope holds."""
    head, last = segments[0], segments[-1]
    faults: list[Fault] = []
    groups, loose = _enclosed(segments[1:-1], "GS", "GE", faults)
    receipts = [each for each in loose if each.id == "TA1"]
    if last.id != "IEA":
        faults.append(fault(last, 0, sentence("x12.fault.no-iea", control=head.at(13))))
    else:
        faults += _repeated(head, 13, last, 2)
        faults += _counted(last, len(groups), sentence("x12.counts.groups", n=len(groups)))
    faults += [fault(each, 0, sentence("x12.fault.outside")) for each in loose if each.id != "TA1"]
    found.faults += faults
    if faults:
        return
    found.receipts += [Receipt(each.at(1), each.at(4), each.at(5)) for each in receipts]
    for group in groups:
        _group(head, group, found)


def _group(head: Segment, segments: Sequence[Segment], found: Interchanges) -> None:
    """The transactions of a group, if its own envelope holds."""
    first, last = segments[0], segments[-1]
    broken: list[Fault] = []
    sets, loose = _enclosed(segments[1:-1], "ST", "SE", broken)
    own = [*_repeated(first, 6, last, 2)]
    own += _counted(last, len(sets) + len(broken), sentence("x12.counts.transactions", n=len(sets) + len(broken)))
    own += [fault(each, 0, sentence("x12.fault.outside")) for each in loose]
    found.faults += [*own, *broken]
    if own:
        return
    seen: set[str] = set()
    for each in sets:
        start, end = each[0], each[-1]
        wrong = [*_repeated(start, 2, end, 2), *_counted(end, len(each), sentence("x12.counts.segments", n=len(each)))]
        if start.at(2) in seen:
            wrong.append(fault(start, 2, sentence("x12.fault.same-control", control=start.at(2))))
        if GROUPS.get(first.at(1), start.at(1)) != start.at(1):
            said = sentence("x12.fault.other-group", kind=start.at(1), group=first.at(1))
            wrong.append(fault(start, 1, said))
        wrong += [fault(one, 0, sentence("x12.fault.no-name")) for one in each if not one.id.strip()]
        seen.add(start.at(2))
        found.faults += wrong
        if not wrong:
            found.transactions.append(_transaction(head, first, each))


def _transaction(head: Segment, group: Segment, segments: Sequence[Segment]) -> Transaction:
    start = segments[0]
    return Transaction(
        start.at(1), start.at(2), start.at(3) or group.at(8), group.at(6), head.at(13), head.at(6).strip(),
        head.at(8).strip(), head.at(15) == "T", tuple(segments),
    )  # fmt: skip


def _enclosed(
    segments: Sequence[Segment], opens: str, closes: str, faults: list[Fault]
) -> tuple[list[list[Segment]], list[Segment]]:
    """The runs from one name to the other, and what stands in none; a run that is not closed is a fault."""
    runs: list[list[Segment]] = []
    loose: list[Segment] = []
    run: list[Segment] = []
    for each in segments:
        if each.id == opens:
            faults += _unclosed(run, closes)
            run = [each]
        elif run:
            run.append(each)
            if each.id == closes:
                runs.append(run)
                run = []
        else:
            loose.append(each)
    faults += _unclosed(run, closes)
    return runs, loose


def _unclosed(run: Sequence[Segment], closes: str) -> Iterator[Fault]:
    if run:
        yield fault(run[0], 0, sentence("x12.fault.unclosed", closes=closes))


def _repeated(head: Segment, n: int, last: Segment, m: int) -> Iterator[Fault]:
    """Where an end does not repeat the control number of its beginning."""
    if not head.at(n).strip() or head.at(n) != last.at(m):
        said = sentence("x12.fault.control", said=last.at(m) or "-", wanted=head.at(n) or "-",
                        where=f"{head.id}{n:02}")  # fmt: skip
        yield fault(last, m, said)


def _counted(last: Segment, n: int, counted: Sentence) -> Iterator[Fault]:
    """Where an end counts otherwise than there is."""
    said = last.at(1)
    if not said.isascii() or not said.isdecimal() or len(said) > _DIGITS or int(said) != n:
        yield fault(last, 1, sentence("x12.fault.count", said=last.at(1) or "-", counted=counted))
