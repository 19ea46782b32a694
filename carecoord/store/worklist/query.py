"""The worklist read: filters, counts and pages over `case_row`, all of them from one query object.

Two promises. A count is the length of its list, because both are made of the same tests. And the work does not grow
with the table: rows are counted and chosen by sets in memory, and where there are none every query walks an index that
begins with whose cases they are and, where that helps, with the most selective thing asked for, in the order of the due
time; counting stops at `MANY`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from carecoord.fhir.search.collation import fold
from carecoord.store.database.engine import plan_once
from carecoord.store.database.tables import CASE_LEADS
from carecoord.store.worklist import search_words
from carecoord.store.worklist.bitmaps import ahead
from carecoord.store.worklist.bitmaps.arms import SAMPLE, Walked, sides
from carecoord.store.worklist.bitmaps.copies import Bitmaps
from carecoord.store.worklist.counted import Counted
from carecoord.store.worklist.rows import of_rids, with_columns
from carecoord.store.worklist.tabs import DueBounds, Own, groups, is_awake, tabs
from carecoord.store.worklist.walks import In, Span, Test, Word

MANY = 1000  # a count that reaches it is shown as "999+"
_RUN = 1000  # rows fetched at a time for a download

FACETS = {  # what can be asked for, and its column; NONE asks for rows that have nothing there
    "referral": "stage",
    "authorization": "authorization_state",
    "contract": "agreement_state",
    "payer": "payer_key",
    "priority": "priority",
    "owner": "owner",
    "move": "role",
    "gate": "headline_gate",
}
NONE = "none"
SORTS = {"due": "sort_due", "patient": "patient_sort", "specialty": "specialty_sort"}


@dataclass(frozen=True)
class CaseScope:
    """Whose cases: any of the alternatives (column, value), columns placer, performer, payer_key; None: everybody's.
    besides: the patients whose cases are withheld all the same."""

    any_of: tuple[tuple[str, str], ...] | None = ()
    besides: tuple[str, ...] = ()

    @property
    def is_payers(self) -> bool:
        """Whether somebody sees the cases as a payer only."""
        return bool(self.any_of) and all(scope == "payer_key" for scope, _ in self.any_of or ())


@dataclass(frozen=True)
class CountedIn:
    """A figure of a measure: of these days, both ends in, narrowed to (facet, its alternatives). `hits`: the numerator
    of it alone."""

    measure: str
    first: date
    last: date
    hits: bool = False
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class WorklistQuery:
    """What is asked for. `facets`: (name of FACETS, its alternatives). `after` or `before`: the (sort value, rid)
    beside which the page begins or ends. `sort`: a name of SORTS, with "-" in front for the other direction."""

    tab: str = "open"
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    words: str = ""
    sort: str = "due"
    after: tuple[Any, int] | None = None
    before: tuple[Any, int] | None = None
    only: tuple[str, ...] = ()  # ids of cases, for a download of the chosen ones
    counted: "CountedIn | None" = None  # those alone that are behind a figure of a measure


@dataclass
class Worklist:
    """What one asker may see of the cases at one moment. Reads only; make one per request.

    Lists are counted and cut into pages by the copy of the rows that the process keeps (see `bitmaps`), where the
    transaction only reads and there is one, else by walks; both are made of the same tests."""

    conn: Connection
    seen: CaseScope
    at: DueBounds
    mine: Own = field(default_factory=Own)  # which of them are the asker's own

    def __post_init__(self) -> None:
        plan_once(self.conn)
        self._walked = Walked(self.conn, self.seen)
        self._bitmaps = Bitmaps(self.conn, self.at.now)

    @property
    def payers(self) -> bool:
        """Whether the asker sees the cases as a payer only, whose clock and moves are its own."""
        return self.seen.is_payers

    def tests(self, asked: WorklistQuery) -> tuple[Test, ...]:
        """All that a row must pass to be in the list, apart from whose it is. Dropping one never shortens the list."""
        chosen = [In(FACETS[name], tuple(None if v == NONE else v for v in values)) for name, values in asked.facets]
        typed = [Word(start) for start in search_words.asked(asked.words)]
        picked = [In("id", asked.only)] if asked.only else []
        tab: Iterable[Test] = tabs(self.at, self._offices("placer"), self._offices("performer"), self.mine)[asked.tab]
        if picked:  # who names a case means it, also while it rests
            tab = [test for test in tab if not is_awake(test)]
        return tuple(self._own(test) for test in (*tab, *chosen, *typed, *picked, *self._counted(asked.counted)))

    def _counted(self, asked: CountedIn | None) -> Iterator[Test]:
        if asked:
            days = (asked.first.toordinal(), asked.last.toordinal())
            yield Counted(self._offices("placer") or (), asked.measure, *days, asked.hits, asked.choices)

    def _offices(self, side: str) -> tuple[str, ...] | None:
        """The offices of the asker that refer (placer: who works on a case is theirs to say), or are asked
        (performer); None: anybody's."""
        scopes = self.seen.any_of
        return None if scopes is None else tuple(value for scope, value in scopes if scope == side)

    def _own(self, test: Test) -> Test:
        return _by_payers_clock(test) if self.payers else test

    def count(self, asked: WorklistQuery) -> int:
        """How many rows the list has, at most MANY."""
        lists = {"": self.tests(asked)}
        found = self._by_sets(lists)
        return min(MANY, found[""]) if found else self._walked.lengths(list(lists.values()), MANY)[0]

    def is_behind(self) -> bool:
        """Whether any open case is one that time or another change has overtaken, and of which nobody knows yet what it
        is now."""
        if not self.at.behind:
            return False
        still = self.tests(WorklistQuery())
        known = (*still, *self.at.known())
        found = self._by_sets({"all": still, "known": known})
        return found is None or found["known"] < found["all"]

    def tally(self, asked: WorklistQuery, names: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
        """(the count of each tab of `names` under the same filters, the count of each urgency group of the asked tab),
        at most MANY.

        Walked in one pass over the open cases when the filters leave few of them, else each along its own index."""
        asked_for = self.tests(asked)
        lists = {name: self.tests(replace(asked, tab=name)) for name in names}
        lists |= {f"group {name}": (*asked_for, self._own(span)) for name, span in groups(self.at).items()}
        found = self._by_sets(lists)
        if found is None:
            base = self.tests(replace(asked, tab="open"))
            in_one = bool(asked.counted) or self._walked.is_short(base, _few(asked))
            found = self._walked.counts(lists, base, in_one=in_one, most=MANY)
        found = {name: min(MANY, length) for name, length in found.items()}
        return ({name: found[name] for name in names}, {name: found[f"group {name}"] for name in groups(self.at)})

    def options(self, asked: WorklistQuery, name: str, values: Sequence[str]) -> dict[str, int]:
        """How many rows each value of a facet gives by itself, under all else that is asked; at most MANY.

        Walked like the tabs: in one pass where few rows are left or no index leads to the values."""
        others = tuple((other, chosen) for other, chosen in asked.facets if other != name)
        free = replace(asked, facets=others, after=None, before=None)
        lists = {value: self.tests(replace(free, facets=(*others, (name, (value,))))) for value in values}
        found = self._by_sets(lists)
        if found is None:
            base = self.tests(free)
            scopes = {scope for scope, _ in self.seen.any_of or ()}
            led = not self.payers and all(FACETS[name] in CASE_LEADS.get(scope, ()) for scope in scopes)
            in_one = bool(free.counted) or not led or self._walked.is_short(base, _few(free))
            found = self._walked.counts(lists, base, in_one=in_one, most=MANY)
        return {value: min(MANY, length) for value, length in found.items()}

    def _by_sets(self, lists: Mapping[str, tuple[Test, ...]]) -> dict[str, int] | None:
        """How many rows each list has, by the copy of the rows; None where it can not be had."""
        with self._bitmaps.lists() as sets:
            if sets is None:
                return None
            found = dict.fromkeys(lists, 0)
            for side in sides(self.seen):
                here = {name: own for name, tests in lists.items() if (own := side.tests(tests)) is not None}
                for name, length in zip(here, sets.counts(list(here.values())), strict=True):
                    found[name] += length
            return found

    def page(self, asked: WorklistQuery, size: int) -> tuple[list[Row[Any]], bool, bool]:
        """(rows in the asked order, whether more come after, whether some come before)."""
        back = asked.before is not None
        found = self._slice(asked, size + 1)
        more = len(found) > size
        found = found[:size]
        if back:
            found.reverse()
        return found, back or more, more if back else asked.after is not None

    def every(self, asked: WorklistQuery) -> Iterator[Row[Any]]:
        """All rows of the list, in order, a run at a time."""
        while run := self._slice(asked, _RUN):
            yield from run
            asked = replace(asked, after=place(run[-1], asked.sort, self.payers), before=None)

    def first_due(self, asked: WorklistQuery) -> int | None:
        """The earliest due time in the list, if anything in it is due."""
        found = self._slice(replace(asked, sort="due", after=None, before=None), 1)
        return (found[0].payer_due if self.payers else found[0].due_at) if found else None

    def choices(self, name: str, label: str) -> list[tuple[str, str]]:
        """The values that a facet has among the open cases with their `label` column, by label.

        Empty for an asker whose view has no index on that facet (a payer's clerk has one payer)."""
        found = self._walked.values(FACETS[name], label)
        return sorted(found.items(), key=lambda pair: (fold(pair[1]), pair[0]))

    def one(self, id: str) -> Row[Any] | None:
        """The row of a case, open or closed, if the asker may know of it."""
        found = self._slice(WorklistQuery(only=(id,)), 1) or self._slice(WorklistQuery("closed", only=(id,)), 1)
        return found[0] if found else None

    def _slice(self, asked: WorklistQuery, size: int) -> list[Row[Any]]:
        """The first rows after (or, nearest first, before) the cursor."""
        by, cursor = column(asked.sort, self.payers), asked.before or asked.after
        down = asked.sort.startswith("-") != (asked.before is not None)
        rows = None if asked.only else self._cut(self.tests(asked), by, size, down, cursor)
        if rows is not None:
            return rows
        return self._walked.rows(self.tests(asked), by, size, down=down, past=cursor)

    def _cut(
        self, tests: tuple[Test, ...], by: str, size: int, down: bool, past: tuple[Any, int] | None
    ) -> list[Row[Any]] | None:  # fmt: skip
        """The first rows of a list in an order, by the copy of the rows: as it was foreseen where time has changed them
        since they were written. None where there is no copy."""
        with self._bitmaps.lists() as sets:
            if sets is None:
                return None
            within = [own for side in sides(self.seen) if (own := side.tests(tests)) is not None]
            rids = sets.first(within, by, size, down=down, past=past)
            turned = sets.turned(rids)
        foreseen = ahead.of(self.conn, turned, self.at.now)
        rows = of_rids(self.conn, rids)
        return [with_columns(row, foreseen[row.rid].columns) if row.rid in foreseen else row for row in rows]


def _few(asked: WorklistQuery) -> int:
    """Up to how many rows one pass over all of them is cheaper than a walk for each list."""
    return SAMPLE if asked.facets else MANY


def _by_payers_clock(test: Test) -> Test:
    """The test by the payer's own end, move and clock in the place of the whole case's."""
    if isinstance(test, Span) and test.column == "sort_due":
        return replace(test, column="payer_sort")
    if isinstance(test, In) and test.column == "open":
        return replace(test, column="payer_open")
    if isinstance(test, In) and (test.column, test.values) == ("role", ("payer",)):
        return In("payer_moves", (True,))
    return test


def column(sort: str, payers: bool) -> str:
    """The column of an order; `payers`: by the payer's own clock."""
    name = SORTS[sort.lstrip("-")]
    return "payer_sort" if payers and name == "sort_due" else name


def place(row: Row[Any], sort: str, payers: bool = False) -> tuple[Any, int]:
    """Where a row stands in an order: what a page goes on from."""
    return row._mapping[column(sort, payers)], row.rid
