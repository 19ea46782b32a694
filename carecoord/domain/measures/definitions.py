"""What is measured: one table, a row each. What a measure counts, and what it leaves out, stands in words in the
catalogue (`measure.NAME.*`) and as a rule in `observations.py`; a change of the rule is a new version here.

Seeds of the goals: the desk's design; `law`: 42 CFR 422.568 and 422.572 as changed by CMS-0057-F."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Name = Literal[
    "closed-loop", "referral-to-visit", "first-answer", "no-show", "out-of-network", "declined", "visit-to-report",
    "approved-first", "denied", "authorization-turnaround", "inside-clock", "touches",
    "report-returned", "answer-to-contact", "answer-to-booking", "booking-to-visit",
    "authorization-turnaround-expedited", "third-next-free",
]  # fmt: skip
Kind = Literal["share", "median", "mean"]  # of whose observations: a percentage; of lengths; of numbers
Unit = Literal["percent", "days", "hours", "times"]
Side = Literal["least", "most"]  # on which side of the goal is good


@dataclass(frozen=True, slots=True)
class Definition:
    """One measure. `version`: of how it is counted. `goal`: in the unit; None where there is none. `law`: whether the
    goal is one. `tile`: whether it has a picture of its own; the others stand in the table. `diaries`: it counts not
    cases but the diaries of clinics, so that few of them name nobody, and no list of cases is behind it."""

    name: Name
    kind: Kind
    unit: Unit
    goal: Decimal | None
    good: Side
    version: int = 1
    law: bool = False
    tile: bool = True
    diaries: bool = False


def _row(
    name: Name, kind: Kind, unit: Unit, goal: str, good: Side, law: bool = False, tile: bool = True
) -> tuple[Name, Definition]:  # fmt: skip
    return name, Definition(name, kind, unit, Decimal(goal) if goal else None, good, law=law, tile=tile)


MEASURES: Final[Mapping[Name, Definition]] = dict(
    (
        _row("closed-loop", "share", "percent", "85", "least"),
        _row("referral-to-visit", "median", "days", "12", "most"),
        _row("first-answer", "median", "days", "2", "most"),
        ("third-next-free", Definition("third-next-free", "median", "days", Decimal(7), "most", diaries=True)),
        _row("no-show", "share", "percent", "7", "most"),
        _row("out-of-network", "share", "percent", "5", "most"),
        _row("declined", "share", "percent", "8", "most"),
        _row("visit-to-report", "median", "days", "7", "most"),
        _row("approved-first", "share", "percent", "85", "least"),
        _row("denied", "share", "percent", "", "most"),
        _row("authorization-turnaround", "median", "days", "7", "most", law=True),
        _row("inside-clock", "share", "percent", "90", "least"),
        _row("touches", "mean", "times", "8", "most"),
        _row("report-returned", "share", "percent", "", "least", tile=False),
        _row("answer-to-contact", "median", "days", "", "most", tile=False),
        _row("answer-to-booking", "median", "days", "", "most", tile=False),
        _row("booking-to-visit", "median", "days", "", "most", tile=False),
        _row("authorization-turnaround-expedited", "median", "hours", "72", "most", law=True, tile=False),
    )
)
FACETS: Final = ("specialty", "clinic", "payer", "coordinator", "urgency")  # by what the figures can be narrowed
_BY_PAYER: Final = frozenset[Name](
    {"approved-first", "denied", "authorization-turnaround", "authorization-turnaround-expedited"}
)
_BY_PERSON: Final = frozenset[Name]({"closed-loop", "touches", "inside-clock", "first-answer"})
SPLITS: Final[Mapping[Name, str]] = {  # by which facet a measure is told inside it, beside specialties
    **dict.fromkeys(_BY_PAYER, "payer"), **dict.fromkeys(_BY_PERSON, "coordinator"),
}  # fmt: skip
FEWEST: Final = 10  # observations below which only counts are told: a rate of few says little, and names people
STAGES: Final[tuple[Name, ...]] = ("first-answer", "answer-to-booking", "booking-to-visit")  # where the days go
