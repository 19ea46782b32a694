"""What waits for a contract desk: notice that is due, and drafts that nobody has signed."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Row

from carecoord.actions.access.turn import Turn
from carecoord.actions.agreements import desk
from carecoord.actions.agreements.desk import Line
from carecoord.domain.resource.days import midnight
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.agreements import roll
from carecoord.store.agreements.register import NO_END
from carecoord.store.agreements.roll import Asked
from carecoord.world import World

TABS = ("notice", "unsigned")  # of the register: what is to be done


def waiting(turn: Turn, most: int) -> Iterator[tuple[Line, int]]:
    """The agreements on which something is to be done, each once, with the instant (microseconds) at which its day is
    over; far off where it has none."""
    day = turn.now.astimezone(turn.world.base.zone).date()
    found: dict[int, tuple[Row[Any], int]] = {}
    for tab in TABS:
        for row in roll.page(turn.conn, Asked(day.toordinal(), desk.whose(turn), tab), most):
            due = _over(turn.world, row.notice_by) if tab == "notice" else FOREVER
            found.setdefault(row.n, (row, due))
    yield from ((desk.line(row), due) for row, due in found.values())


def _over(world: World, due: int) -> int:
    """When a day, by its ordinal, is over in the office."""
    if due >= NO_END:
        return FOREVER
    return micros(midnight(date.fromordinal(due + 1), world.base.zone))
