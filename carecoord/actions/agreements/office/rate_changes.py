"""What two versions of an agreement pay otherwise, line by line, for who may see the rates of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements import rates
from carecoord.actions.agreements.rates import Held
from carecoord.actions.terms.meanings import Coding, meanings
from carecoord.domain.agreements.desk import redline
from carecoord.domain.agreements.desk.redline import Paid
from carecoord.store.agreements.rates import KEPT, Line
from carecoord.world import World

MOST = 10_000  # lines of a schedule up to which two are compared
SHOWN = 12  # lines of a schedule that are shown
_service: Callable[[Line], Any] = itemgetter(*(KEPT.index(name) for name in redline.SERVICE))
_pays: Callable[[Line], Any] = itemgetter(*(KEPT.index(name) for name in (*redline.PAYS, "valid_to")))
_start: Callable[[Line], Any] = itemgetter(KEPT.index("valid_from"))


@dataclass(frozen=True)
class Changed:
    """A schedule that is not the same in both versions. `before`, `after`: how many lines it has; `paid`: the first of
    those that differ, of which there are `differing`; `same`: how many pay the same; `compared`: False where there are
    too many lines to say which."""

    name: str
    before: int
    after: int
    paid: Sequence[Paid] = ()
    differing: int = 0
    same: int = 0
    compared: bool = True


@dataclass(frozen=True)
class Rates:
    """The schedules that differ, and the meanings of the codes in them."""

    changed: Sequence[Changed] = ()
    meanings: Mapping[Coding, str] = field(default_factory=dict)


def changed(world: World, grant: Grant, request: str, before: Sequence[str], after: Sequence[str]) -> Rates:
    """The schedules that differ between two versions that the asker may read, each given as its chain
    (`versions.amended_by`): a schedule takes the place of the one of its name in what is amended. Nothing for who may
    not see the rates of both."""
    with looking(world, grant, request) as turn:
        if not (turn.sees_rates(before[0]) and turn.sees_rates(after[0])):
            return Rates()
        was, now = _standing(turn, before), _standing(turn, after)
        found = [_compared(turn, name, was.get(name), now.get(name)) for name in dict.fromkeys((*was, *now))]
        differing = [each for each in found if each and (each.differing or not each.compared)]
        lines = (line for each in differing for paid in each.paid for line in (paid.before, paid.after) if line)
        codes = ((line.system, code) for line in lines for code in (line.code, line.code_end))
        return Rates(differing, meanings(turn.conn, codes))


def _standing(turn: Turn, chain: Sequence[str]) -> dict[str, Held]:
    """The schedules that hold under a version, by name."""
    found: dict[str, Held] = {}
    for contract in chain:
        for held in rates.visible(turn, contract):
            found.setdefault(held.schedule.name, held)
    return found


def _compared(turn: Turn, name: str, before: Held | None, after: Held | None) -> Changed | None:
    if before and after and before.key == after.key:
        return None
    sizes = (before.size if before else 0, after.size if after else 0)
    if max(sizes) > MOST:
        return Changed(name, *sizes, compared=False)
    was, now = (rates.kept(turn, held, MOST) if held else [] for held in (before, after))
    found, same = redline.differing(was, now, service=_service, pays=_pays, start=_start)
    found.sort(key=lambda pair: _service(pair[0] or pair[1] or ()))
    paid = [Paid(*(rates.read(line) if line else None for line in pair)) for pair in found[:SHOWN]]
    return Changed(name, *sizes, paid, len(found), same)
