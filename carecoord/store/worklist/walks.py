"""Walks over `case_row`: the tests that a row must pass, and the statements that count and fetch along one index.

A statement is built once for each shape of question and kept: building one takes five times as long as running it.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from carecoord.store.database.among import Among, listed
from carecoord.store.database.tables import case as row
from carecoord.store.database.tables import case_word
from carecoord.store.database.unled import Beside, Only
from carecoord.store.worklist.counted import Counted, Pick
from carecoord.store.worklist.tables import case_mark

_LAST = "\U0010ffff"  # sorts behind every letter


def checked(name: str) -> ColumnElement[Any]:
    """A column that is only checked."""
    return Beside(row.c[name])


def _looked_at(name: str) -> ColumnElement[Any]:
    """A column of a row that is read in any case, where no index is looked for."""
    return checked(name) if name == "rid" else row.c[name]


@dataclass(frozen=True)
class In:
    """The column has one of these values; None among them stands for nothing there. fixed: they are no asker's, they
    make a list what it is. These, and what is true or false, stand in the statement, so that PostgreSQL knows how many
    rows have them: few are in conflict, and by a plan for any values it would walk through all that are not."""

    column: str
    values: tuple[Any, ...]
    fixed: bool = False

    def blank(self) -> "In":
        if self._is_written():
            return self
        nothing = None in self.values
        known = len(self.values) - nothing
        return In(self.column, (*["?"] * known, *[None] * nothing))

    def _is_written(self) -> bool:
        return self.fixed or self._is_truth()

    def _is_truth(self) -> bool:
        return len(self.values) == 1 and isinstance(self.values[0], bool)

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        column = pick(self.column)
        if self._is_truth():
            return column == (true() if self.values[0] else false())
        if self.fixed:
            return column.in_([literal_column(f"'{value}'", column.type) for value in self.values])
        given = [bindparam(f"{at}_{n}", type_=column.type) for n, v in enumerate(self.values) if v is not None]
        test = column == given[0] if len(given) == 1 else column.in_(given)
        return test if len(given) == len(self.values) else (column.is_(None) | test) if given else column.is_(None)

    def binds(self, at: str) -> dict[str, Any]:
        known = [v for v in self.values if v is not None and not self._is_written()]
        return {f"{at}_{n}": v for n, v in enumerate(known)}


@dataclass(frozen=True)
class Other:
    """The column is not this value; it may be empty. Keeps the alternatives of "whose" apart."""

    column: str
    value: str

    def blank(self) -> "Other":
        return Other(self.column, "?")

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        return pick(self.column).is_distinct_from(bindparam(at, type_=row.c[self.column].type))

    def binds(self, at: str) -> dict[str, Any]:
        return {at: self.value}


@dataclass(frozen=True)
class Outside:
    """The column is none of these values. As many as there are, the statement stays the same."""

    column: str
    values: tuple[str, ...]

    def blank(self) -> "Outside":
        return Outside(self.column, ())

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        return not_(Among(pick(self.column), at))

    def binds(self, at: str) -> dict[str, Any]:
        return {at: listed(self.values)}


@dataclass(frozen=True)
class Span:
    """The column lies in [low, high); None: no bound."""

    column: str
    low: int | str | None
    high: int | str | None

    def blank(self) -> "Span":
        return Span(self.column, None if self.low is None else 0, None if self.high is None else 0)

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        column = pick(self.column)
        low = [] if self.low is None else [column >= bindparam(f"{at}_low")]
        high = [] if self.high is None else [column < bindparam(f"{at}_high")]
        return and_(*low, *high)

    def binds(self, at: str) -> dict[str, Any]:
        bounds = {f"{at}_low": self.low, f"{at}_high": self.high}
        return {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True)
class Unpassed:
    """The instant in the column is not reached at this one, or there is none."""

    column: str
    at: int

    def blank(self) -> "Unpassed":
        return Unpassed(self.column, 0)

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        column = pick(self.column)
        return column.is_(None) | (column > bindparam(at))

    def binds(self, at: str) -> dict[str, Any]:
        return {at: self.at}


@dataclass(frozen=True)
class Unmarked:
    """No change has overtaken the row: see marks."""

    column: str = "rid"

    def blank(self) -> "Unmarked":
        return self

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        return ~exists().where(case_mark.c.rid == row.c.rid).correlate(row)

    def binds(self, at: str) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Ever:
    """The number in the column is above zero. The zero is written out, for a partial index answers only where what it
    holds is said in so many words (sqlite.org/partialindex.html, rule 1)."""

    column: str

    def blank(self) -> "Ever":
        return self

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        return pick(self.column) > literal_column("0")

    def binds(self, at: str) -> dict[str, Any]:
        return {}


CLINICAL_MARK = "~"  # stands before the words that only those find a case by who see it whole


@dataclass(frozen=True)
class Word:
    """A word that the case is found by begins so; `whole`: clinical words too."""

    start: str
    whole: bool = True

    def blank(self) -> "Word":
        return Word("", self.whole)

    def rids(self, at: str) -> CompoundSelect[Any]:
        """The rows that have the word, along the words: one range, and with `whole` that of the clinical ones."""
        return union_all(*(select(case_word.c.rid).where(each) for each in self._begins(at, case_word.c.word)))

    def _begins(self, at: str, word: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        marks = ("", "c") if self.whole else ("",)
        return [(word >= bindparam(f"{at}_{m}low")) & (word < bindparam(f"{at}_{m}high")) for m in marks]

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        """By the word when the walk is along the rows that have it, else by the row: a common word has too many."""
        rid = pick("rid")
        if rid is row.c.rid:
            return rid.in_(self.rids(at))
        begins = or_(*self._begins(at, Beside(case_word.c.word)))
        return exists().where(case_word.c.rid == row.c.rid, begins).correlate(row)

    def is_met_by(self, word: str) -> bool:
        """Whether a word that a case is found by, marked where it is clinical, is one of these."""
        return word.startswith(self.start) or (self.whole and word.startswith(CLINICAL_MARK + self.start))

    def binds(self, at: str) -> dict[str, Any]:
        clinical = CLINICAL_MARK + self.start
        both = {f"{at}_clow": clinical, f"{at}_chigh": clinical + _LAST} if self.whole else {}
        return {f"{at}_low": self.start, f"{at}_high": self.start + _LAST, **both}


@dataclass(frozen=True)
class AnyOf:
    """All tests of at least one of these alternatives. No index is looked for by any of them."""

    alternatives: "tuple[tuple[Test, ...], ...]"
    column: str = ""

    def blank(self) -> "AnyOf":
        return AnyOf(tuple(tuple(test.blank() for test in tests) for tests in self.alternatives))

    def sql(self, at: str, pick: Pick) -> ColumnElement[bool]:
        ways = [
            and_(true(), *(test.sql(f"{at}_{n}_{m}", checked) for m, test in enumerate(tests)))
            for n, tests in enumerate(self.alternatives)
        ]
        return or_(false(), *ways)

    def binds(self, at: str) -> dict[str, Any]:
        every = [(f"{at}_{n}_{m}", test) for n, tests in enumerate(self.alternatives) for m, test in enumerate(tests)]
        return {name: value for where, test in every for name, value in test.binds(where).items()}


Test = In | Other | Outside | Span | Unpassed | Unmarked | Ever | Word | Counted | AnyOf


@dataclass(frozen=True)
class Arm:
    """A walk along one index: the tests, and the columns by which that index is found; the others are only checked."""

    tests: tuple[Test, ...]
    leading: tuple[str, ...]

    def blank(self) -> "Arm":
        return Arm(tuple(test.blank() for test in self.tests), self.leading)

    def where(self, at: str) -> list[ColumnElement[bool]]:
        return [self._put(test, f"{at}_{n}") for n, test in enumerate(self.tests)]

    def _put(self, test: Test, at: str) -> ColumnElement[bool]:
        found = test.sql(at, self._pick)
        return found if isinstance(test, Word) or test.column in self.leading else Only(found)

    def walk(self, at: str, *columns: Any) -> Select[Any]:
        return select(*columns).where(*self.where(at))

    def _pick(self, name: str) -> ColumnElement[Any]:
        return row.c[name] if name in self.leading else checked(name)

    def binds(self, at: str) -> dict[str, Any]:
        return {name: value for n, test in enumerate(self.tests) for name, value in test.binds(f"{at}_{n}").items()}


Arms = tuple[Arm, ...]  # disjoint: a row is met by at most one of them


def blank(arms: Sequence[Arm]) -> Arms:
    """The shape of a list without its values: what a kept statement is found by."""
    return tuple(arm.blank() for arm in arms)


def binds(arms: Sequence[Arm], at: str) -> dict[str, Any]:
    """The values that belong into the statement of these arms."""
    return {name: value for n, arm in enumerate(arms) for name, value in arm.binds(f"{at}{n}").items()}


@functools.lru_cache(maxsize=1024)
def lengths(lists: tuple[Arms, ...], most: int) -> Select[Any]:
    """One row with the length of each list (binds `l0_`, `l1_`, ...), every arm counted no further than `most`."""
    columns = []
    for n, arms in enumerate(lists):
        found = [arm.walk(f"l{n}_{m}", row.c.rid).limit(_written(most)).subquery() for m, arm in enumerate(arms)]
        counted = [select(func.count()).select_from(one).scalar_subquery() for one in found]
        columns.append(sum(counted[1:], start=counted[0]).label(f"n{n}"))
    return select(*columns)


@functools.lru_cache(maxsize=256)
def sums(base: Arms, lists: tuple[tuple[Test, ...], ...]) -> CompoundSelect[Any]:
    """A row for each arm of `base`: how many of its rows pass each of `lists`. One pass over each arm."""
    columns = []
    for n, tests in enumerate(lists):
        passes = and_(literal(True), *(test.sql(f"s{n}_{m}", _looked_at) for m, test in enumerate(tests)))
        columns.append(func.coalesce(func.sum(case((passes, 1), else_=0)), 0).label(f"n{n}"))
    return union_all(*(arm.walk(f"b{n}", *columns) for n, arm in enumerate(base)))


def sum_binds(lists: Sequence[Sequence[Test]]) -> dict[str, Any]:
    """The values of the tests in `sums`."""
    return {
        name: value
        for n, tests in enumerate(lists)
        for m, test in enumerate(tests)
        for name, value in test.binds(f"s{n}_{m}").items()
    }


@functools.lru_cache(maxsize=512)
def rows(arms: Arms, column: str, down: bool, beside: bool, size: int) -> Select[Any]:
    """The first `size` rows of a list in the order of (column, rid); `beside`: after the cursor (`:value`, `:rid`)."""
    key = row.c[column]
    order = (key.desc(), row.c.rid.desc()) if down else (key, row.c.rid)
    here, cursor = (
        tuple_(key, row.c.rid),
        tuple_(bindparam("value", type_=key.type), bindparam("rid", type_=row.c.rid.type)),
    )
    past = [here < cursor if down else here > cursor] if beside else []
    if len(arms) == 1:
        return arms[0].walk("r0", row).where(*past).order_by(*order).limit(_written(size))
    heads = [
        arm.walk(f"r{n}", row.c.rid).where(*past).order_by(*order).limit(_written(size)).subquery()
        for n, arm in enumerate(arms)
    ]
    near = union_all(*(select(head) for head in heads)).subquery()
    both = select(row).select_from(near.join(row, near.c.rid == row.c.rid))
    return both.order_by(*order).limit(_written(size))


@functools.lru_cache(maxsize=256)
def values(arm: Arm, column: str, label: str) -> Select[Any]:
    """The values that a column has along an arm, each with its label: hops from value to value along its index."""
    of = row.c[column]
    where = and_(*arm.where("r0"))
    hop = select(func.min(of).label("value")).where(where).cte("hop", recursive=True)
    after = select(func.min(of)).where(where, of > hop.c.value).scalar_subquery()
    hop = hop.union_all(select(after).where(hop.c.value.is_not(None)))
    named = select(func.coalesce(row.c[label], of)).where(where, of == hop.c.value).limit(_written(1))
    return select(hop.c.value, named.scalar_subquery().label("label")).where(hop.c.value.is_not(None))


@functools.lru_cache(maxsize=8)
def spelt(most: int) -> Select[Any]:
    """How many rows have a word that begins so (bind `w`), counted no further than `most`."""
    return select(func.count()).select_from(Word("").rids("w").limit(_written(most)).subquery())


def _written(number: int) -> ColumnElement[int]:
    """A limit that stands in the statement: PostgreSQL makes a plan for any values, and must know that few rows are
    wanted. There are only a few such numbers."""
    return literal_column(str(number), Integer)
