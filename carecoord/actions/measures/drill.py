"""What is behind one figure: by specialty, payer or person, for which reasons, the longest; and how many referrals that
is, the very rows that the worklist shows of it. Of few nothing but how many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import looking
from carecoord.actions.measures import board
from carecoord.actions.measures.board import Asked
from carecoord.domain.measures.definitions import FEWEST, SPLITS, Definition
from carecoord.domain.measures.figures import Figure, figure
from carecoord.store.measures import observations
from carecoord.store.measures.observations import Case
from carecoord.world import World

_LONGEST: Final = 5
_STEPS: Final = "inside-clock"


@dataclass(frozen=True)
class Drill:
    """`referrals`: how many different ones. `specialties`: (name, figure), the most first. `reasons`: (in the words of
    whoever gave one, how many), of the numerator. `steps`: (the step's name, figure). `longest`: (case, minutes).
    `split`: (the facet's value, figure) by payer or coordinator, where the measure is told so (`SPLITS`)."""

    definition: Definition
    referrals: int
    specialties: Sequence[tuple[str, Figure]]
    reasons: Sequence[tuple[str, int]]
    steps: Sequence[tuple[str, Figure]]
    longest: Sequence[tuple[Case, int]]
    split: Sequence[tuple[str, Figure]] = ()


def drill(world: World, grant: Grant, what: Definition, asked: Asked, request: str) -> Drill:
    """What is behind a figure. Raises Forbidden. Audited with those whose referrals it names."""
    board.demand(grant)
    if what.diaries:
        return Drill(what, 0, (), (), (), ())
    with looking(world, grant, request) as turn:
        offices, withheld = turn.office().organizations, turn.denied().cases()
        span = (asked.first.toordinal(), asked.last.toordinal())
        rows = observations.behind(turn.conn, offices, what.name, span, asked.choices, sorted(withheld))
        told = len(rows) >= FEWEST
        longest = _longest(rows) if told and what.kind == "median" else []
        cases = observations.named(turn.conn, [row.case_id for row in longest])
        shown = [(cases[row.case_id], int(row.value)) for row in longest if row.case_id in cases]
        query = f"measures={what.name}"
        world.journal.append(event(turn.now, request, "search", by=grant, shown=[case.patient for case, _ in shown],
                                   type="ServiceRequest", query=query))  # fmt: skip
    return Drill(
        what, len({row.case_id for row in rows}),
        _split(what, rows, "specialty") if told and what.name != _STEPS else (),
        _reasons(rows) if told and what.kind == "share" and what.name != _STEPS else (),
        _split(what, rows, "reason") if told and what.name == _STEPS else (), shown,
        _split(what, rows, SPLITS[what.name]) if told and what.name in SPLITS else (),
    )  # fmt: skip


def _split(what: Definition, rows: Sequence[Any], by: str) -> list[tuple[str, Figure]]:
    held: dict[str, list[Any]] = {}
    for row in rows:
        held.setdefault(getattr(row, by), []).append(row)
    found = [(name, figure(what, board.tally(each))) for name, each in held.items()]
    return sorted(found, key=lambda pair: (-pair[1].n, pair[0]))


def _reasons(rows: Sequence[Any]) -> list[tuple[str, int]]:
    counted = Counter(row.reason for row in rows if row.hit)
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])) if any(counted) else []


def _longest(rows: Sequence[Any]) -> list[Any]:
    return sorted((row for row in rows if row.value is not None), key=lambda row: -row.value)[:_LONGEST]
