"""What waits for somebody: each watch is a list of `case_row` made of tests; all of them together, each case once, by
the first watch that finds it, are counted by any parts and read page by page.

By the sets of rows that the process keeps, where there are any (see store/worklist/bitmaps): then the page's rows alone
are read. Else each watch is a walk along one index, as far as `most`, all of them one statement; and both ways put the
same tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, literal_column, select, union_all

from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps import ahead
from carecoord.store.worklist.bitmaps.arms import TOLD
from carecoord.store.worklist.bitmaps.copies import Bitmaps
from carecoord.store.worklist.rows import with_columns
from carecoord.store.worklist.walks import AnyOf, Arm, Ever, In, Other, Outside, Span, Test

if TYPE_CHECKING:
    from pyroaring import BitMap

    from carecoord.store.worklist.bitmaps.lists import Lists

_SLIM = ("rid", "id", "patient", "headline_gate", "action", "stage", "role", "owner", "owner_name", "wakes_at")


@dataclass(frozen=True)
class Watch:
    """Cases that one side of them sees (`scope`: placer, performer, payer_key; `value`: who) and that have one of these
    values in each of the columns `led`, with which an index of that side begins.

    late: only those whose clock has run out; seen: only those whose visit's hour has come; resting: only those that the
    office lets rest, where the others are those that it does not; only: those alone that pass this."""

    scope: str
    value: str
    led: tuple[tuple[str, tuple[Any, ...]], ...]
    late: bool = False
    seen: bool = False
    resting: bool = False
    only: AnyOf | None = None

    @property
    def clock(self) -> str:
        """The column of the side's own clock."""
        return "payer_sort" if self.scope == "payer_key" else "sort_due"

    def tests(self, now: int, until: int | None, besides: tuple[str, ...]) -> tuple[Test, ...]:
        """What a row passes that it finds. until: only what is due before; besides: the patients whose cases are
        withheld."""
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
        return (*tests, *([self.only] if self.only else []))

    def arm(self, tests: tuple[Test, ...]) -> Arm:
        """The walk by which it is found."""
        index = ("wakes_at",) if self.resting else (*(name for name, _ in self.led), self.clock)
        return Arm(tests, (self.scope, *index))


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


Part = tuple[tuple[Test, ...] | None, ...]  # for each watch what its rows must pass further; None: none of them belongs


@dataclass
class Waits:
    """What the watches find in a transaction. until: only what is due before; besides: the patients whose cases are
    withheld; most: how far each watch is walked where there are no sets."""

    conn: Connection
    watches: Sequence[Watch]
    now: int
    most: int
    until: int | None = None
    besides: tuple[str, ...] = ()
    _bitmaps: Bitmaps = field(init=False)
    _walked: list[Wait] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._bitmaps = Bitmaps(self.conn, self.now)

    def counts(self, parts: Mapping[str, Part]) -> dict[str, int]:
        """How many cases each part has."""
        with self._bitmaps.lists() as sets:
            if sets is not None:
                found = sets.apart(self._tests())
                return {name: sum(map(len, self._of(sets, found, part).values())) for name, part in parts.items()}
        return {name: len(self._walk(part)) for name, part in parts.items()}

    def page(self, part: Part, size: int, after: tuple[int, int] | None = None) -> list[Wait]:
        """The first cases of a part by (their clock, their number), after that place."""
        with self._bitmaps.lists() as sets:
            first = None if sets is None else self._first(sets, part, size, after)
            turned = [] if sets is None or not first else sets.turned(sorted(first))
        if first is None:
            return [each for each in self._walk(part) if after is None or (each.due, each.rid) > after][:size]
        rows = self._read(sorted(first), turned)
        found = [_wait(row, self.watches[first[row.rid]], first[row.rid]) for row in rows]
        return sorted(found, key=lambda wait: (wait.due, wait.rid))[:size]

    def wakes(self) -> int | None:
        """When the first of them comes back, where they rest."""
        with self._bitmaps.lists() as sets:
            first = None if sets is None else sets.first_of(sets.apart(self._tests()), "wakes_at", 1)
            turned = [] if sets is None or not first else sets.turned(first)
        if first is None:
            return min((each.wakes for each in self._walk(((),) * len(self.watches))), default=None)
        return next((row.wakes_at for row in self._read(first, turned)), None)

    def _read(self, rids: Sequence[int], turned: Sequence[int]) -> list[Row[Any]]:
        """These rows; those that time has turned as it was foreseen."""
        rows = list(self.conn.execute(_some, {"rids": listed(rids)})) if rids else []
        foreseen = ahead.of(self.conn, turned, self.now)
        told = {rid: {name: v for name, v in one.columns.items() if name in _READ} for rid, one in foreseen.items()}
        return [with_columns(row, told[row.rid]) if row.rid in told else row for row in rows]

    def _tests(self) -> list[tuple[Test, ...]]:
        return [watch.tests(self.now, self.until, self.besides) for watch in self.watches]

    def _of(self, sets: "Lists", found: "Sequence[BitMap]", part: Part) -> "dict[int, BitMap]":
        """The rows of a part, by the number of their watch."""
        ways = enumerate(zip(found, part, strict=True))
        return {n: rows & sets.rows(further) if further else rows for n, (rows, further) in ways if further is not None}

    def _first(self, sets: "Lists", part: Part, size: int, after: tuple[int, int] | None) -> dict[int, int]:
        """The first rows (rid) of a part by each clock, with the number of their watch."""
        of = self._of(sets, sets.apart(self._tests()), part)
        clocks = {watch.clock for watch in self.watches}
        rids = [
            rid
            for clock in sorted(clocks)
            for rid in sets.first_of((of[n] for n in of if self.watches[n].clock == clock), clock, size, after)
        ]
        return {rid: next(n for n, rows in of.items() if sets.has(rows, rid)) for rid in rids}

    def _walk(self, part: Part) -> list[Wait]:
        """All of a part, as far as the watches are walked."""
        if self._walked is None:
            self._walked = list(self._every())
        return [
            each
            for each in self._walked
            if (further := part[each.watch]) is not None
            and all(_passes(each, self.watches[each.watch].clock, test) for test in further)
        ]

    def _every(self) -> Iterator[Wait]:
        if not self.watches:
            return
        arms = [watch.arm(tests) for watch, tests in zip(self.watches, self._tests(), strict=True)]
        statement = _heads(tuple((arm.blank(), watch.clock) for arm, watch in zip(arms, self.watches, strict=True)))
        given = {name: value for n, arm in enumerate(arms) for name, value in arm.binds(f"w{n}").items()}
        found: dict[int, Wait] = {}
        for row in sorted(self.conn.execute(statement, {**given, "most": self.most}), key=lambda row: row.watch):
            found.setdefault(row.rid, _wait(row, self.watches[row.watch], row.watch))
        yield from sorted(found.values(), key=lambda wait: (wait.due, wait.rid))


def named(conn: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The whole rows of these cases by their ids."""
    return {row.id: row for row in conn.execute(select(case).where(case.c.id.in_(ids)))} if ids else {}


_READ: Final = (*_SLIM, "sort_due", "payer_sort")
_some = select(*(case.c[name] for name in _READ)).where(OneOf(case.c.rid, "rids"))


def _wait(row: Row[*tuple[Any, ...]], watch: Watch, n: int) -> Wait:
    told = row._mapping
    slim = {name: told[name] for name in _SLIM if name != "wakes_at"}
    return Wait(due=told["clock"] if "clock" in told else told[watch.clock], wakes=told["wakes_at"], watch=n, **slim)


def _passes(wait: Wait, clock: str, test: Test) -> bool:
    """Whether a case passes a test of a part, which asks for its clock, its gate and its action alone."""
    if isinstance(test, AnyOf):
        return any(all(_passes(wait, clock, each) for each in tests) for tests in test.alternatives)
    if isinstance(test, In):
        return getattr(wait, test.column) in test.values
    if isinstance(test, Other):
        return bool(getattr(wait, test.column) != test.value)
    if isinstance(test, Span) and test.column == clock:
        low, high = test.low, test.high
        return not (isinstance(low, int) and wait.due < low) and not (isinstance(high, int) and wait.due >= high)
    raise TypeError(f"no part of what waits is made by {test}")


@lru_cache(maxsize=256)
def _heads(walks: tuple[tuple[Arm, str], ...]) -> Select[Any]:
    """The first `:most` of each walk along its index, with the number of the walk."""
    heads = []
    for n, (arm, clock) in enumerate(walks):
        head: tuple[Any, ...] = (literal_column(str(n)).label("watch"), case.c[clock].label("clock"))
        walk = arm.walk(f"w{n}", *head, *(case.c[name] for name in _SLIM))
        heads.append(select(walk.order_by(case.c[clock], case.c.rid).limit(bindparam("most")).subquery()))
    return select(union_all(*heads).subquery())
