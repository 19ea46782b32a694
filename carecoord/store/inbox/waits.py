"""What waits for somebody, read in one statement: each watch is a walk along one index of `case_row`, as far as `most`.
Number, tabs and rows are made of what it finds, so that they can not differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, literal_column, select, union_all

from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps.arms import TOLD
from carecoord.store.worklist.walks import Arm, Ever, In, Outside, Span, Test

_SLIM = ("rid", "id", "patient", "headline_gate", "action", "stage", "role", "owner", "owner_name")


@dataclass(frozen=True)
class Watch:
    """Cases that one side of them sees (`scope`: placer, performer, payer_key; `value`: who) and that have one of these
    values in each of the columns `led`, with which an index of that side begins.

    late: only those whose clock has run out; seen: only those whose visit's hour has come; resting: only those that the
    office lets rest, where the others are those that it does not."""

    scope: str
    value: str
    led: tuple[tuple[str, tuple[Any, ...]], ...]
    late: bool = False
    seen: bool = False
    resting: bool = False

    @property
    def clock(self) -> str:
        """The column of the side's own clock."""
        return "payer_sort" if self.scope == "payer_key" else "sort_due"

    def arm(self, now: int, until: int | None, besides: tuple[str, ...]) -> Arm:
        """The walk. until: only what is due before; besides: the patients whose cases are withheld."""
        tests: list[Test] = [In(self.scope, (self.value,)), *(In(name, values) for name, values in self.led)]
        tests += [TOLD] if self.scope == "payer_key" else []
        tests += [Span(self.clock, None, until)] if until is not None else []
        tests += [Span(self.clock, None, now)] if self.late else []
        tests += [Span("appointment_at", 0, now + 1)] if self.seen else []
        if self.resting:
            tests += [Span("wakes_at", now + 1, None), Ever("wakes_at")]
        elif self.scope == "placer":
            tests += [Span("wakes_at", None, now + 1)]
        tests += [Outside("patient", besides)] if besides else []
        index = ("wakes_at",) if self.resting else (*(name for name, _ in self.led), self.clock)
        return Arm(tuple(tests), (self.scope, *index))


@dataclass(frozen=True)
class Wait:
    """A case that waits, when its clock runs out (microseconds, far off where it has none), when it comes back where it
    rests, and the number of the first watch that found it."""

    rid: int
    id: str
    patient: str
    due: int
    wakes: int
    watch: int
    headline_gate: str | None
    action: str | None
    stage: str
    role: str | None
    owner: str | None
    owner_name: str | None


def waits(
    conn: Connection, watches: Sequence[Watch], now: int, most: int, until: int | None = None,
    besides: tuple[str, ...] = (),
) -> list[Wait]:  # fmt: skip
    """What the watches find, each case once, by its clock; of each watch at most `most`."""
    if not watches:
        return []
    arms = [watch.arm(now, until, besides) for watch in watches]
    statement = _heads(tuple((arm.blank(), watch.clock) for arm, watch in zip(arms, watches, strict=True)))
    given = {name: value for n, arm in enumerate(arms) for name, value in arm.binds(f"w{n}").items()}
    found: dict[int, Wait] = {}
    for row in sorted(conn.execute(statement, {**given, "most": most}), key=lambda row: row.watch):
        told: dict[str, Any] = {name: row._mapping[name] for name in _SLIM}
        found.setdefault(row.rid, Wait(due=row.clock, wakes=row.wakes_at, watch=row.watch, **told))
    return sorted(found.values(), key=lambda wait: (wait.due, wait.rid))


def named(conn: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The whole rows of these cases by their ids."""
    return {row.id: row for row in conn.execute(select(case).where(case.c.id.in_(ids)))} if ids else {}


@lru_cache(maxsize=256)
def _heads(walks: tuple[tuple[Arm, str], ...]) -> Select[Any]:
    """The first `:most` of each walk along its index, with the number of the walk."""
    heads = []
    for n, (arm, clock) in enumerate(walks):
        head: tuple[Any, ...] = (literal_column(str(n)).label("watch"), case.c[clock].label("clock"), case.c.wakes_at)
        walk = arm.walk(f"w{n}", *head, *(case.c[name] for name in _SLIM))
        heads.append(select(walk.order_by(case.c[clock], case.c.rid).limit(bindparam("most")).subquery()))
    return select(union_all(*heads).subquery())
