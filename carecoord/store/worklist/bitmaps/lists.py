"""Lists of the worklist as sets of rows: made of the very tests that a walk along an index puts to each row, counted
and cut into pages without looking at the rows."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from carecoord.store.database import driver
from carecoord.store.database.among import Among, listed
from carecoord.store.database.engine import once
from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps.columns import Numbers, slots_of
from carecoord.store.worklist.bitmaps.copy import Copy
from carecoord.store.worklist.counted import Counted
from carecoord.store.worklist.tables import case_mark
from carecoord.store.worklist.walks import AnyOf, Ever, In, Other, Outside, Span, Test, Unmarked, Unpassed, Word

_COMMON: Final = 500  # rows that have a word, from which on these are kept
_theirs = select(case.c.rid).where(Among(case.c.patient, "patients"))
Rows = tuple[BitMap, bool]  # those that pass a test, or, where it is false, all but those


class Lists:
    """The lists of one moment, of a copy that is in the state that the connection sees."""

    def __init__(self, copy: Copy, conn: Connection) -> None:
        self._copy, self._conn = copy, conn
        self._known: dict[Test, Rows] = {}

    def counts(self, lists: Sequence[Sequence[Test]]) -> list[int]:
        """How many rows each list has. What all of them ask for is looked for once."""
        shared = [test for test in lists[0] if all(test in each for each in lists[1:])] if lists else []
        begun: dict[tuple[Test, ...], BitMap] = {(): self.rows(shared)}
        return [self._count(begun, tuple(test for test in each if test not in shared)) for each in lists]

    def rows(self, tests: Sequence[Test]) -> BitMap:
        """The rows that pass all of these."""
        found = [self._passing(test) for test in tests]
        within = sorted((rows for rows, passes in found if passes), key=len)
        rest = BitMap(within[0]) if within else BitMap(self._copy.rows)
        for rows in within[1:]:
            rest &= rows
        for rows in (rows for rows, passes in found if not passes):
            rest -= rows
        return rest

    def first(
        self, lists: Sequence[Sequence[Test]], column: str, size: int, *, down: bool, past: tuple[Any, int] | None
    ) -> list[int]:  # fmt: skip
        """The numbers (rid) of the first `size` rows of these lists together by (the column, rid), after `past`."""
        rows = BitMap.union(*map(self.rows, lists)) if lists else BitMap()
        if past is not None and column in self._copy.words:
            past = self._copy.words[column].place(*past)
        return self._copy.orders[column].first(rows, self._copy.rids, size, down, past)

    def apart(self, lists: Iterable[Sequence[Test]]) -> list[BitMap]:
        """The rows of each list that none of those before it has."""
        found, taken = [], BitMap()
        for tests in lists:
            found.append(self.rows(tests) - taken)
            taken |= found[-1]
        return found

    def first_of(
        self, sets: Iterable[BitMap], column: str, size: int, past: tuple[int, int] | None = None
    ) -> list[int]:  # fmt: skip
        """The numbers (rid) of the first `size` of these rows by (the column of numbers, rid), after `past`."""
        return self._copy.orders[column].first(BitMap.union(BitMap(), *sets), self._copy.rids, size, False, past)

    def turned(self, rids: Sequence[int]) -> list[int]:
        """Those of these rows that are in the lists as it was foreseen, not as they are stored."""
        slots = self._copy.slots(np.array(rids, np.int64)) & self._copy.turned
        return [int(rid) for rid in self._copy.rids[slots_of(slots)]] if slots else []

    def has(self, rows: BitMap, rid: int) -> bool:
        """Whether the row of this number is among these."""
        return bool(rows & self._copy.slots(np.array([rid], np.int64)))

    def _count(self, begun: dict[tuple[Test, ...], BitMap], tests: tuple[Test, ...]) -> int:
        if not tests:
            return len(begun[()])
        within = self._begun(begun, tests[:-1])
        rows, passes = self._passing(tests[-1])
        met: int = within.intersection_cardinality(rows)
        return met if passes else len(within) - met

    def _begun(self, begun: dict[tuple[Test, ...], BitMap], tests: tuple[Test, ...]) -> BitMap:
        """The rows that pass these of the shared ones; most lists of the desk begin alike."""
        if tests not in begun:
            rows, passes = self._passing(tests[-1])
            within = self._begun(begun, tests[:-1])
            begun[tests] = within & rows if passes else within - rows
        return begun[tests]

    def _passing(self, test: Test) -> Rows:
        if test not in self._known:
            copied = not isinstance(test, In | Other | Span) or self._copy.has(test.column)
            self._known[test] = _WAYS[type(test)](self, test) if copied else self._looked_up(test)
        return self._known[test]

    def _one_of(self, test: In) -> Rows:
        facet = self._copy.facets[test.column]
        if len(test.values) == 1:
            return facet.rows(test.values[0]), True
        return BitMap.union(*map(facet.rows, test.values)) if test.values else BitMap(), True

    def _not_that(self, test: Other) -> Rows:
        return self._copy.facets[test.column].rows(test.value), False

    def _none_of(self, test: Outside) -> Rows:
        theirs = driver.every(self._conn, _theirs, {"patients": listed(test.values)})
        return self._copy.slots(np.array([rid for (rid,) in theirs], np.int64)), False

    def _between(self, test: Span) -> Rows:
        if test.column in self._copy.facets:  # of a word it is only asked whether it is there
            return self._copy.facets[test.column].rows(None), False
        order = self._copy.orders[test.column]
        if not isinstance(test.high, int):
            return order.before(int(test.low or 0)), False
        below = order.before(test.high)
        return below - order.before(test.low) if isinstance(test.low, int) else below, True

    def _unpassed(self, test: Unpassed) -> Rows:
        return self._copy.orders[test.column].before(test.at + 1), False

    def _unmarked(self, test: Unmarked) -> Rows:
        dialect = self._conn.dialect.name
        ((told,),) = once(self._conn, "marked", lambda conn: driver.every(conn, _marked(dialect), {}))
        return self._copy.slots(_numbers(told, dialect)), False

    def _ever(self, test: Ever) -> Rows:
        return self._copy.orders[test.column].before(1), False

    def _looked_up(self, test: Test) -> Rows:
        """By the database: what a figure counted, and what is in a column of which there is no copy."""
        passing = select(case.c.rid).where(test.sql("of", lambda name: case.c[name]))
        rids = list(self._conn.scalars(passing, test.binds("of")))
        return self._copy.slots(np.array(rids, np.int64)), True

    def _any_of(self, test: AnyOf) -> Rows:
        return BitMap.union(*map(self.rows, test.alternatives)), True

    def _word(self, test: Word) -> Rows:
        known = self._copy.found(test)
        if known is None:
            known = self._copy.respelt(test, self._copy.slots(_having(self._conn, test)))
            if len(known) >= _COMMON:
                self._copy.find(test, known)
        return known, True


_WAYS: Final[dict[type[Test], Callable[[Lists, Any], Rows]]] = {
    In: Lists._one_of,
    Other: Lists._not_that,
    Outside: Lists._none_of,
    Span: Lists._between,
    Unpassed: Lists._unpassed,
    Unmarked: Lists._unmarked,
    Ever: Lists._ever,
    Counted: Lists._looked_up,
    AnyOf: Lists._any_of,
    Word: Lists._word,
}


def _having(conn: Connection, word: Word) -> Numbers:
    """The numbers (rid) of the rows that have the word, in one value: a tuple for each would cost ten times as much."""
    ((told,),) = driver.every(conn, _listed(word.whole, conn.dialect.name), word.binds("w"))
    return _numbers(told, conn.dialect.name)


def _numbers(told: Any, dialect: str) -> Numbers:
    if told is None:
        return np.zeros(0, np.int64)
    if dialect == "sqlite":
        return np.fromstring(str(told), np.int64, sep=",")
    return np.frombuffer(told, ">i8").astype(np.int64)


@lru_cache(maxsize=4)
def _listed(whole: bool, dialect: str) -> Select[Any]:
    return _in_one(Word("", whole).rids("w").subquery().c.rid, dialect)


@lru_cache(maxsize=2)
def _marked(dialect: str) -> Select[Any]:
    return _in_one(case_mark.c.rid, dialect)


def _in_one(rid: ColumnElement[Any], dialect: str) -> Select[Any]:
    if dialect == "sqlite":
        return select(func.group_concat(rid))
    return select(func.string_agg(func.int8send(rid), literal_column("''::bytea")))
