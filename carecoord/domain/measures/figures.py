"""The figure of a measure from what was counted: a percentage or a median to one decimal, and nothing but counts where
there are few. Pure; exact, in decimals, so that whoever counts again comes to the same last digit."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from carecoord.domain.measures.definitions import FEWEST, Definition, Unit

DAY: Final = 1440  # minutes
_MINUTES: Final[dict[Unit, int]] = {"days": DAY, "hours": 60, "times": 1}
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted: how many, how many of them are in the numerator, and the values, in any order."""

    n: int = 0
    hits: int = 0
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """`value`: in the measure's unit, to one decimal; None where too few were counted, or none."""

    n: int
    hits: int
    value: Decimal | None

    def reaches(self, goal: Definition) -> bool | None:
        """Whether it is on the good side of the goal; None where there is no goal or no value."""
        if goal.goal is None or self.value is None:
            return None
        return self.value >= goal.goal if goal.good == "least" else self.value <= goal.goal


def figure(what: Definition, counted: Tally) -> Figure:
    """The figure of a measure."""
    if counted.n < (1 if what.diaries else FEWEST):
        return Figure(counted.n, counted.hits, None)
    return Figure(counted.n, counted.hits, _value(what, counted))


def joined(tallies: Iterable[Tally]) -> Tally:
    """Several that count different things as one."""
    every = list(tallies)
    values = tuple(value for each in every for value in each.values)
    return Tally(sum(each.n for each in every), sum(each.hits for each in every), values)


def without(counted: Tally, left_out: Tally) -> Tally:
    """What is left of a tally when a part of it is not told."""
    values = list(counted.values)
    for each in left_out.values:
        values.remove(each)
    return Tally(counted.n - left_out.n, counted.hits - left_out.hits, tuple(values))


def _value(what: Definition, counted: Tally) -> Decimal:
    if what.kind == "share":
        return _rounded(Decimal(100 * counted.hits) / counted.n)
    values, per = sorted(counted.values), _MINUTES[what.unit]
    if what.kind == "mean":
        return _rounded(Decimal(sum(values)) / (len(values) * per))
    middle = values[(len(values) - 1) // 2] + values[len(values) // 2]
    return _rounded(Decimal(middle) / (2 * per))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_TENTH, ROUND_HALF_UP)
