"""The worklist read: filters, counts and pages over `case_row`, all of them from one query object.

Two promises. A count is the length of its list, because both are made of the same tests. And the work does not grow
with the table: every query walks an index that begins with whose cases they are and, where that helps, with the most
selective thing asked for, in the order of the due time; counting stops at `MANY`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from carecoord.fhir.search.collation import fold
from carecoord.store.database.engine import plan_once
from carecoord.store.database.tables import CASE_LEADS, CASE_SORTS
from carecoord.store.worklist import search_words, walks
from carecoord.store.worklist.counted import Counted
from carecoord.store.worklist.tabs import DueBounds, groups, is_awake, of_side, rests, tabs
from carecoord.store.worklist.walks import Arm, In, Other, Outside, Span, Test, Word

MANY = 1000  # a count that reaches it is shown as "999+"
_SAMPLE = 4000  # how far a list is counted to find the shortest one to walk
_SEARCHED = 20_000  # rows that a search may have for all its counts to be made in one pass over them
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
PAYERS = {"authorization_state": "payer_authorization", "agreement_state": "payer_agreement"}  # -> the payer's own
# A case belongs to a payer's list once a request for authorization lies there: then its own columns say something.
TOLD = Span("payer_authorization", "", None)


@dataclass(frozen=True)
class CaseScope:
    """Whose cases: any of the alternatives (column, value), columns placer, performer, payer_key; None: everybody's.
    besides: the patients whose cases are withheld all the same."""

    any_of: tuple[tuple[str, str], ...] | None = ()
    besides: tuple[str, ...] = ()


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
    """What one asker may see of the cases at one moment. Reads only; make one per request."""

    conn: Connection
    seen: CaseScope
    at: DueBounds
    mine: tuple[str, ...] = ()  # the ids of the asker, as owners of cases have them
    _known: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan_once(self.conn)

    @property
    def payers(self) -> bool:
        """Whether the asker sees the cases as a payer only, whose clock and moves are its own."""
        return bool(self.seen.any_of) and all(scope == "payer_key" for scope, _ in self.seen.any_of or ())

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
        return self._lengths([self.tests(asked)], MANY)[0]

    def tally(self, asked: WorklistQuery, names: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
        """(the count of each tab of `names` under the same filters, the count of each urgency group of the asked tab).

        In one pass over the open cases when the filters leave few of them, else each along its own index."""
        asked_for = self.tests(asked)
        lists = {name: self.tests(replace(asked, tab=name)) for name in names}
        lists |= {f"group {name}": (*asked_for, self._own(span)) for name, span in groups(self.at).items()}
        base = self.tests(replace(asked, tab="open"))
        if self._is_short(asked, base):
            found = self._sums(base, lists)
        else:
            found = dict(zip(lists, self._lengths(list(lists.values()), MANY), strict=True))
        found = {name: min(MANY, length) for name, length in found.items()}
        return ({name: found[name] for name in names}, {name: found[f"group {name}"] for name in groups(self.at)})

    def options(self, asked: WorklistQuery, name: str, values: Sequence[str]) -> dict[str, int]:
        """How many rows each value of a facet gives by itself, under all else that is asked; at most MANY.

        Like the tabs: in one pass where few rows are left or no index leads to the values, else along each index."""
        others = tuple((other, chosen) for other, chosen in asked.facets if other != name)
        free = replace(asked, facets=others, after=None, before=None)
        lists = {value: self.tests(replace(free, facets=(*others, (name, (value,))))) for value in values}
        base = self.tests(free)
        scopes = {scope for scope, _ in self.seen.any_of or ()}
        led = not self.payers and all(FACETS[name] in CASE_LEADS.get(scope, ()) for scope in scopes)
        if not led or self._is_short(free, base):
            found = self._sums(base, lists)
        else:
            found = dict(zip(lists, self._lengths(list(lists.values()), MANY), strict=True))
        return {value: min(MANY, length) for value, length in found.items()}

    def _is_short(self, asked: WorklistQuery, base: tuple[Test, ...]) -> bool:
        """Whether one pass over the base is cheaper than counting list by list."""
        if asked.counted:
            return True
        typed = [test for test in base if isinstance(test, Word)]
        if typed:
            return min(map(self._spelt, typed)) < _SEARCHED
        few = _SAMPLE if asked.facets else MANY
        return self._lengths([base], few)[0] < few

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
        found: dict[str, str] = {}
        for arm in self._arms((In("open", (True,)),)):
            if FACETS[name] in CASE_LEADS.get(arm.leading[0], ()):
                statement = walks.values(arm.blank(), FACETS[name], label)
                found.update((pair.value, pair.label) for pair in self.conn.execute(statement, walks.binds([arm], "r")))
        return sorted(found.items(), key=lambda pair: (fold(pair[1]), pair[0]))

    def one(self, id: str) -> Row[Any] | None:
        """The row of a case, open or closed, if the asker may know of it."""
        found = self._slice(WorklistQuery(only=(id,)), 1) or self._slice(WorklistQuery("closed", only=(id,)), 1)
        return found[0] if found else None

    def _slice(self, asked: WorklistQuery, size: int) -> list[Row[Any]]:
        """The first rows after (or, nearest first, before) the cursor."""
        sort = asked.sort.lstrip("-")
        cursor = asked.before or asked.after
        down = asked.sort.startswith("-") != (asked.before is not None)
        arms = self._arms(self.tests(asked), sort)
        if not arms:
            return []
        statement = walks.rows(walks.blank(arms), column(sort, self.payers), down, cursor is not None, size)
        beside = {"value": cursor[0], "rid": cursor[1]} if cursor else {}
        return list(self.conn.execute(statement, {**walks.binds(arms, "r"), **beside}))

    def _lengths(self, lists: Sequence[tuple[Test, ...]], most: int) -> list[int]:
        """The length of each list, no more than `most`."""
        armed = [self._arms(tests, "") for tests in lists]
        measured = iter(self._measure([arms for arms in armed if arms], most) if any(armed) else ())
        return [min(most, next(measured)) if arms else 0 for arms in armed]

    def _measure(self, armed: Sequence[Sequence[Arm]], most: int) -> list[int]:
        given = {name: value for n, arms in enumerate(armed) for name, value in walks.binds(arms, f"l{n}_").items()}
        statement = walks.lengths(tuple(walks.blank(arms) for arms in armed), most)
        return list(self.conn.execute(statement, given).one())

    def _sums(self, base: tuple[Test, ...], lists: Mapping[str, tuple[Test, ...]]) -> dict[str, int]:
        """Exact counts of the lists: those that hold rows outside the base apart, all others in one pass over it."""
        apart = {name: tests for name, tests in lists.items() if not all(test in tests for test in base)}
        within = {name: tuple(t for t in tests if t not in base) for name, tests in lists.items() if name not in apart}
        arms = self._arms(base, "", words=_SEARCHED)
        if not arms:
            return dict.fromkeys(lists, 0)
        shapes = tuple(tuple(test.blank() for test in tests) for tests in within.values())
        statement = walks.sums(walks.blank(arms), shapes)
        given = {**walks.binds(arms, "b"), **walks.sum_binds(list(within.values()))}
        got = [sum(counts) for counts in zip(*self.conn.execute(statement, given), strict=True)] if within else []
        closed = self._lengths(list(apart.values()), MANY) if apart else []
        return dict(zip(within, got, strict=True)) | dict(zip(apart, closed, strict=True))

    def _arms(self, tests: tuple[Test, ...], sort: str = "due", words: int = _SAMPLE) -> tuple[Arm, ...]:
        """The list as disjoint walks along one index each: per alternative of whose it is and, where an order is asked
        for, per value of what leads. `sort`: the order; empty where rows are only counted.

        `words`: a search whose word fewer rows have is walked along these rows."""
        kept = (Outside("patient", self.seen.besides),) if self.seen.besides else ()
        if self.seen.any_of is None:
            return (Arm((*tests, *kept), ("open", "sort_due")),)
        # Along the rows that have a word all that one side may see is one walk: no index of the side is wanted. Nor is
        # its order where rows are counted: each walk less is one less to plan, to bind and to begin.
        found = any(isinstance(t, Counted) or (isinstance(t, Word) and self._spelt(t) < words) for t in tests)
        sides: list[tuple[str, tuple[str, ...]]] = [(scope, (value,)) for scope, value in self.seen.any_of]
        if found or not sort:
            scopes = dict.fromkeys(scope for scope, _ in sides)
            sides = [(each, tuple(v for scope, v in self.seen.any_of if scope == each)) for each in scopes]
        arms: list[Arm] = []
        for n, (scope, values) in enumerate(sides):
            others = [Other(c, v) for c, several in sides[:n] for v in several]
            told = [TOLD] if scope == "payer_key" else []
            whose: tuple[Test, ...] = (In(scope, values), *others, *told, *kept)
            here = of_side(tests, scope)
            if here is None:
                continue
            own = tuple(_plain(test) for test in here) if scope == "payer_key" else here
            arms += [Arm((*whose, *own), ("rid",))] if found else self._led(scope, whose, own, sort)
        return tuple(arms)

    def _led(self, scope: str, whose: tuple[Test, ...], tests: tuple[Test, ...], sort: str) -> list[Arm]:
        """The walks of one alternative: by number, along its shortest index, or along the order when all are long."""
        whole = (*whose, *tests)
        if any(isinstance(test, In) and test.column == "id" for test in tests):
            return [Arm(whole, ("id",))]
        if scope == "placer" and any(isinstance(test, Span) and test.column == "appointment_at" for test in tests):
            return [Arm(whole, (scope, "open", "cleared", "appointment_at"))]
        if scope == "placer" and any(map(rests, tests)):  # few rest: they are found among all that do not
            return [Arm(whole, (scope, "wakes_at"))]
        if self.payers:
            moves = any(isinstance(test, In) and test.column == "payer_moves" for test in tests)
            return [Arm(whole, (scope, "payer_open", *(["payer_moves"] if moves else []), "payer_sort"))]
        lead = self._lead(scope, whose, tests)
        if SORTS.get(sort) in CASE_SORTS.get(scope, ()) and not (
            lead and self._led_length(scope, whose, lead, tests) < _SAMPLE
        ):
            return [Arm(whole, (scope, "open", SORTS[sort]))]
        if lead is None:
            return [Arm(whole, (scope, "open", "sort_due"))]
        rest = tuple(test for test in whole if test is not lead)
        led = (scope, "open", lead.column, "sort_due")
        if not sort and (None not in lead.values or len(lead.values) == 1):
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
            self._known[key] = self._measure([arms], _SAMPLE)[0]
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
