"""What hangs on each agreement, as the contract desk sees it: numbers of open referrals, and no patient."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.store.worklist.standings import Standing
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Times


@dataclass(frozen=True)
class Line:
    """One agreement. `states`: how it stands for its referrals, each with how many."""

    agreement: str
    payer: str
    until: str
    total: int
    states: Sequence[tuple[Chip, int]]
    waiting: int


def _end(one: Standing, times: Times) -> str:
    if one.agreement is None:
        return ""
    # the end is stored as the midnight after the last day
    return times.day(one.until - 1) if one.until is not None else "No end"


def lines(found: Sequence[Standing], times: Times) -> list[Line]:
    """Every agreement with its numbers, in words."""
    order = list(labels.CONTRACT)
    return [
        Line(
            one.agreement or "No agreement known",
            one.payer or "" if one.agreement else "",
            _end(one, times),
            sum(one.states.values()),
            [
                (chip(labels.CONTRACT, state), n)
                for state, n in sorted(
                    one.states.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else 99
                )
            ],
            one.waiting,
        )
        for one in found
    ]
