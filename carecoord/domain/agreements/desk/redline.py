"""The words and the rates of two versions against each other, as a redline shows them: what is gone, what is new, and
what stays between."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final, Literal, TypeVar

from carecoord.domain.agreements.rates import RateLine

How = Literal["same", "gone", "new"]
Line = TypeVar("Line")
SERVICE: Final = (  # what a line is about, by the fields of RateLine
    "code", "code_end", "system", "category", "modifiers", "places", "specialties", "site", "setting", "billing",
)  # fmt: skip
PAYS: Final = ("method", "amount", "percent", "factor", "least", "most", "reference", "lesser_of", "unit")
_TOKEN: Final = re.compile(r"\s+|[$(]*\w(?:[\w'.,-]*\w)?[%)]*|[^\w\s]")
_MOST: Final = 4_000_000  # pairs of words that are compared; a longer text stands there as a whole
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, and whether only the first version has it (gone), only the second (new), or both."""

    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A rate that differs. None where only the other version has the line. `more`: by how much the second pays more,
    where both name an amount, and `share` of it in percent, None where there was nothing before."""

    before: RateLine | None
    after: RateLine | None

    @property
    def more(self) -> Decimal | None:
        """By how much the second pays more, in the measure of both; None where they have none in common."""
        pair = self._measures()
        return pair[1] - pair[0] if pair else None

    @property
    def share(self) -> Decimal | None:
        """The same in percent of what the first pays, to a tenth."""
        pair = self._measures()
        return ((pair[1] - pair[0]) * 100 / pair[0]).quantize(_TENTH) if pair and pair[0] else None

    def _measures(self) -> tuple[Decimal, Decimal] | None:
        if self.before is None or self.after is None or self.before.method != self.after.method:
            return None
        for name in ("amount", "percent", "factor"):
            was, now = getattr(self.before, name), getattr(self.after, name)
            if was is not None and now is not None and was != now:
                return was, now
        return None


def pieces(before: str, after: str) -> list[Piece]:
    """A text word by word. What stays between two changes without a word of its own is part of the change."""
    was, now = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(was) * len(now) > _MOST:
        return whole(before, after)
    gone: list[str] = []
    new: list[str] = []
    found: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        same = "".join(was[a:b])
        if tag == "equal" and not ((gone or new) and b < len(was) and not re.search(r"\w", same)):
            found += [*whole("".join(gone), "".join(new)), Piece("same", same)]
            gone, new = [], []
        else:
            gone += was[a:b]
            new += now[c:d]
    return [*found, *whole("".join(gone), "".join(new))]


def whole(before: str, after: str) -> list[Piece]:
    """One in the place of the other."""
    pieces = (Piece("gone", before), Piece("new", after))
    return [each for each in pieces if each.text]


def among(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    """Several that stand beside each other: who is gone, who is new, and who stays."""
    return [
        *(Piece("same", each) for each in before if each in after),
        *(Piece("gone", each) for each in before if each not in after),
        *(Piece("new", each) for each in after if each not in before),
    ]


def differing(
    before: Iterable[Line], after: Iterable[Line], *, service: Callable[[Line], object],
    pays: Callable[[Line], object], start: Callable[[Line], int],
) -> tuple[list[tuple[Line | None, Line | None]], int]:  # fmt: skip
    """The lines of a schedule that pay otherwise, as pairs of before and after, and how many pay the same. Lines about
    the same `service` are paired in the order of their days (`start`); when a line begins is no change by itself, for
    every version has days of its own."""
    was, now = _by_service(before, service, start), _by_service(after, service, start)
    found: list[tuple[Line | None, Line | None]] = []
    same = 0
    for each in dict.fromkeys((*was, *now)):
        for old, new in zip_longest(was.get(each, ()), now.get(each, ())):
            if old is not None and new is not None and pays(old) == pays(new):
                same += 1
            else:
                found.append((old, new))
    return found, same


def _by_service(
    lines: Iterable[Line], service: Callable[[Line], object], start: Callable[[Line], int]
) -> dict[object, list[Line]]:
    found: dict[object, list[Line]] = {}
    for line in lines:
        found.setdefault(service(line), []).append(line)
    for each in found.values():
        each.sort(key=start)
    return found
