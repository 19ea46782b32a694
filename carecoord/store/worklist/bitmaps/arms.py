"""Whose cases a list is made of, side by side, and the walks along indexes that it is read and counted by where no copy
of the rows is at hand: one for each side and, where an order is asked for, for each value of what leads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row

from carecoord.store.database.tables import CASE_LEADS, CASE_SORTS
from carecoord.store.worklist import walks
from carecoord.store.worklist.counted import Counted
from carecoord.store.worklist.tabs import of_side, rests
from carecoord.store.worklist.walks import Arm, In, Other, Outside, Span, Test, Word

SAMPLE: Final = 4000  # how far a list is counted to find the shortest one to walk
_SEARCHED: Final = 20_000  # rows that a search may have for all its counts to be made in one pass over them
PAYERS: Final = {"authorization_state": "payer_authorization", "agreement_state": "payer_agreement"}  # -> its own
# A case belongs to a payer's list once a request for authorization lies there: then its own columns say something.
TOLD: Final = Span("payer_authorization", "", None)


class Scope(Protocol):
    """Whose cases: see query.CaseScope."""

    @property
    def any_of(self) -> tuple[tuple[str, str], ...] | None: ...
    @property
    def besides(self) -> tuple[str, ...]: ...
    @property
    def is_payers(self) -> bool: ...


@dataclass(frozen=True)
class Side:
    """Cases seen by one column (empty: everybody's), apart from those that are seen by the sides before."""

    scope: str
    whose: tuple[Test, ...]

    def tests(self, tests: tuple[Test, ...]) -> tuple[Test, ...] | None:
        """All that a row of the list must pass on this side; None where it holds nothing there."""
        own = self.own(tests)
        return None if own is None else (*self.whose, *own)

    def own(self, tests: tuple[Test, ...]) -> tuple[Test, ...] | None:
        """Of that, what is not about whose they are."""
        if not self.scope:
            return tests
        here = of_side(tests, self.scope)
        return tuple(map(_plain, here)) if here is not None and self.scope == "payer_key" else here


def sides(seen: Scope, apart: bool = False) -> Iterator[Side]:
    """The sides from which somebody sees cases: one for each column, or (apart) for each of its values."""
    kept = (Outside("patient", seen.besides),) if seen.besides else ()
    if seen.any_of is None:
        yield Side("", kept)
        return
    alone = [(scope, (value,)) for scope, value in seen.any_of]
    scopes = dict.fromkeys(scope for scope, _ in seen.any_of)
    given = alone if apart else [(each, tuple(v for scope, v in seen.any_of if scope == each)) for each in scopes]
    for n, (scope, values) in enumerate(given):
        others = [Other(column, value) for column, several in given[:n] for value in several]
        told = [TOLD] if scope == "payer_key" else []
        yield Side(scope, (In(scope, values), *others, *told, *kept))


@dataclass
class Walked:
    """One asker's lists, walked."""

    conn: Connection
    seen: Scope
    _known: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def rows(
        self, tests: tuple[Test, ...], by: str, size: int, *, down: bool, past: tuple[Any, int] | None
    ) -> list[Row[Any]]:
        """The first rows of a list in the order of a column, after `past`."""
        arms = self._arms(tests, by)
        if not arms:
            return []
        statement = walks.rows(walks.blank(arms), by, down, past is not None, size)
        beside = {"value": past[0], "rid": past[1]} if past else {}
        return list(self.conn.execute(statement, {**walks.binds(arms, "r"), **beside}))

    def values(self, column: str, label: str) -> dict[str, str]:
        """The values that a column has among the open cases, each with what stands in its `label` column; none where no
        index of the asker's leads to them."""
        found: dict[str, str] = {}
        for arm in self._arms((In("open", (True,)),), "sort_due"):
            if column in CASE_LEADS.get(arm.leading[0], ()):
                statement = walks.values(arm.blank(), column, label)
                found.update((pair.value, pair.label) for pair in self.conn.execute(statement, walks.binds([arm], "r")))
        return found

    def is_short(self, base: tuple[Test, ...], few: int) -> bool:
        """Whether one pass over the base is cheaper than counting list by list; few: rows that are."""
        typed = [test for test in base if isinstance(test, Word)]
        return min(map(self._spelt, typed)) < _SEARCHED if typed else self.lengths([base], few)[0] < few

    def counts(
        self, lists: Mapping[str, tuple[Test, ...]], base: tuple[Test, ...], *, in_one: bool, most: int
    ) -> dict[str, int]:
        """How many rows each list has, about `most` at the most; in_one: in one pass over the base."""
        if in_one:
            return self._sums(base, lists, most)
        return dict(zip(lists, self.lengths(list(lists.values()), most), strict=True))

    def lengths(self, lists: Sequence[tuple[Test, ...]], most: int) -> list[int]:
        """The length of each list, no more than `most`."""
        armed = [self._arms(tests, "") for tests in lists]
        measured = iter(self._measure([arms for arms in armed if arms], most) if any(armed) else ())
        return [min(most, next(measured)) if arms else 0 for arms in armed]

    def _measure(self, armed: Sequence[Sequence[Arm]], most: int) -> list[int]:
        given = {name: value for n, arms in enumerate(armed) for name, value in walks.binds(arms, f"l{n}_").items()}
        statement = walks.lengths(tuple(walks.blank(arms) for arms in armed), most)
        return list(self.conn.execute(statement, given).one())

    def _sums(self, base: tuple[Test, ...], lists: Mapping[str, tuple[Test, ...]], most: int) -> dict[str, int]:
        """Exact counts of the lists: those that hold rows outside the base, or of one side alone what rests, apart; all
        others in one pass over it."""
        apart = {
            name: tests for name, tests in lists.items()
            if not all(test in tests for test in base) or any(rests(test) for test in tests if test not in base)
        }  # fmt: skip
        within = {name: tuple(t for t in tests if t not in base) for name, tests in lists.items() if name not in apart}
        arms = self._arms(base, "", words=_SEARCHED)
        if not arms:
            return dict.fromkeys(lists, 0)
        shapes = tuple(tuple(test.blank() for test in tests) for tests in within.values())
        statement = walks.sums(walks.blank(arms), shapes)
        given = {**walks.binds(arms, "b"), **walks.sum_binds(list(within.values()))}
        got = [sum(counts) for counts in zip(*self.conn.execute(statement, given), strict=True)] if within else []
        closed = self.lengths(list(apart.values()), most) if apart else []
        return dict(zip(within, got, strict=True)) | dict(zip(apart, closed, strict=True))

    def _arms(self, tests: tuple[Test, ...], by: str, words: int = SAMPLE) -> tuple[Arm, ...]:
        """The list as disjoint walks along one index each: per alternative of whose it is and, where an order is asked
        for, per value of what leads. by: the column of the order; empty where rows are only counted.

        `words`: a search whose word fewer rows have is walked along these rows."""
        # Along the rows that have a word all that one side may see is one walk: no index of the side is wanted. Nor is
        # its order where rows are counted: each walk less is one less to plan, to bind and to begin.
        found = any(isinstance(t, Counted) or (isinstance(t, Word) and self._spelt(t) < words) for t in tests)
        arms: list[Arm] = []
        for side in sides(self.seen, apart=bool(by) and not found):
            own = side.own(tests)
            if own is None:
                continue
            if not side.scope:
                arms.append(Arm((*own, *side.whose), ("open", "sort_due")))
            else:
                arms += [Arm((*side.whose, *own), ("rid",))] if found else self._led(side.scope, side.whose, own, by)
        return tuple(arms)

    def _led(self, scope: str, whose: tuple[Test, ...], tests: tuple[Test, ...], by: str) -> list[Arm]:
        """The walks of one alternative: by number, along its shortest index, or along the order when all are long."""
        whole = (*whose, *tests)
        if any(isinstance(test, In) and test.column == "id" for test in tests):
            return [Arm(whole, ("id",))]
        if scope == "placer" and any(isinstance(test, Span) and test.column == "appointment_at" for test in tests):
            return [Arm(whole, (scope, "open", "cleared", "appointment_at"))]
        if scope == "placer" and any(map(rests, tests)):  # few rest: they are found among all that do not
            return [Arm(whole, (scope, "wakes_at"))]
        if self.seen.is_payers:
            moves = any(isinstance(test, In) and test.column == "payer_moves" for test in tests)
            return [Arm(whole, (scope, "payer_open", *(["payer_moves"] if moves else []), "payer_sort"))]
        lead = self._lead(scope, whose, tests)
        if by in CASE_SORTS.get(scope, ()) and not (
            lead and self._led_length(scope, whose, lead, tests) < SAMPLE
        ):  # fmt: skip
            return [Arm(whole, (scope, "open", by))]
        if lead is None:
            return [Arm(whole, (scope, "open", "sort_due"))]
        rest = tuple(test for test in whole if test is not lead)
        led = (scope, "open", lead.column, "sort_due")
        if not by and (None not in lead.values or len(lead.values) == 1):
            return [Arm(whole, led)]
        return [Arm((*rest, replace(lead, values=(value,))), led) for value in lead.values]

    def _lead(self, scope: str, whose: tuple[Test, ...], tests: tuple[Test, ...]) -> In | None:
        """The test to walk along: the only one that has an index, or the one that the fewest rows pass."""
        leads = [test for test in tests if isinstance(test, In) and test.column in CASE_LEADS[scope]]
        if len(leads) < 2:
            return leads[0] if leads else None
        return min(leads, key=lambda lead: self._led_length(scope, whose, lead, tests))

    def _led_length(self, scope: str, whose: tuple[Test, ...], lead: In, tests: tuple[Test, ...]) -> int:
        state = tuple(test for test in tests if isinstance(test, In) and test.column == "open")
        key = (whose[0], state, lead)
        if key not in self._known:
            led = (scope, "open", lead.column)
            arms = [Arm((whose[0], *state, replace(lead, values=(value,))), led) for value in lead.values]
            self._known[key] = self._measure([arms], SAMPLE)[0]
        return self._known[key]

    def _spelt(self, word: Word) -> int:
        if (word,) not in self._known:
            found = self.conn.scalar(walks.spelt(_SEARCHED), word.binds("w"))
            self._known[(word,)] = found or 0
        return self._known[(word,)]


def _plain(test: Test) -> Test:
    """The test as a payer may put it: nobody finds by a clinical word what is shown without it, or by a state other
    than the one that is shown."""
    if isinstance(test, In):
        return replace(test, column=PAYERS.get(test.column, test.column))
    return replace(test, whole=False) if isinstance(test, Word) else test
