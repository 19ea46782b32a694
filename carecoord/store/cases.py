"""The worklist read: filters, counts and pages over `case_row`, all of them from one query object.

Two promises. A count is the length of its list, because both are made of the same tests. And the work does not grow with
the table: every query walks an index that begins with whose cases they are and, where that helps, with the most selective
thing asked for, in the order of the due time; counting stops at `MANY`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, select, true, tuple_, union_all

from carecoord.fhir.extract import fold
from carecoord.store.tables import CASE_LEADS, case_word
from carecoord.store.tables import case as row

MANY = 1000  # a count that reaches it is shown as "999+"
_SAMPLE = 4000  # how far a list is counted to find the shortest one to walk
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
SORTS = {"due": "sort_due", "patient": "patient_name", "specialty": "specialty"}
RISKS = ("expiring", "ended", "out-of-network", "excluded", "unknown", "blocked", "open")


@dataclass(frozen=True)
class Moments:
    """The instants that "late", "today", "soon" and "this week" mean, in microseconds: ends, exclusive."""

    now: int
    today: int
    soon: int
    week: int


@dataclass(frozen=True)
class Seen:
    """Whose cases: any of the alternatives (column, value) of placer, performer or payer_key; None: everybody's."""

    any_of: tuple[tuple[str, str], ...] | None = ()


@dataclass(frozen=True)
class Asked:
    """What is asked for. `facets`: (name of FACETS, its alternatives). `after` or `before`: the (sort value, rid) beside
    which the page begins or ends. `sort`: a name of SORTS, with "-" in front for the other direction."""

    tab: str = "open"
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    words: str = ""
    sort: str = "due"
    after: tuple[Any, int] | None = None
    before: tuple[Any, int] | None = None
    only: tuple[str, ...] = ()  # ids of cases, for a download of the chosen ones


@dataclass(frozen=True)
class In:
    """The column has one of these values; None among them stands for nothing there."""

    column: str
    values: tuple[Any, ...]

    def sql(self) -> ColumnElement[bool]:
        given = [value for value in self.values if value is not None]
        column = row.c[self.column]
        test = column == given[0] if len(given) == 1 else column.in_(given)
        return test if len(given) == len(self.values) else (column.is_(None) | test) if given else column.is_(None)


@dataclass(frozen=True)
class Span:
    """The column lies in [low, high); None: no bound."""

    column: str
    low: int | None
    high: int | None

    def sql(self) -> ColumnElement[bool]:
        column = row.c[self.column]
        return and_(*([column >= self.low] if self.low is not None else []),
                    *([column < self.high] if self.high is not None else []))


@dataclass(frozen=True)
class Word:
    """A word of the case's names and numbers begins so."""

    start: str

    def begins(self) -> ColumnElement[bool]:
        return (case_word.c.word >= self.start) & (case_word.c.word < self.start + "\U0010ffff")

    def sql(self) -> ColumnElement[bool]:
        return row.c.rid.in_(select(case_word.c.rid).where(self.begins()))


Test = In | Span | Word


def tabs(at: Moments) -> dict[str, tuple[Test, ...]]:
    """Every tab and figure of the desk, and the tests it stands for. A case is open or closed: no state falls between."""
    still = In("open", (True,))
    return {
        "open": (still,),
        "overdue": (still, Span("sort_due", None, at.now)),
        "today": (still, Span("sort_due", at.now, at.today)),
        "payer": (still, In("role", ("payer",))),
        "book": (still, In("headline_gate", ("appointment",))),
        "contract": (still, In("agreement_state", RISKS)),
        "report": (still, In("headline_gate", ("loop",))),
        "risk": (still, In("cleared", (False,)), Span("appointment_at", at.now, at.week)),
        "cleared": (still, In("cleared", (True,))),
        "closed": (In("open", (False,)),),
    }


def groups(at: Moments) -> dict[str, Span]:
    """The urgency groups, in order: they split the whole range of due times."""
    return {
        "overdue": Span("sort_due", None, at.now),
        "today": Span("sort_due", at.now, at.today),
        "soon": Span("sort_due", at.today, at.soon),
        "later": Span("sort_due", at.soon, None),
    }


def words(text: str) -> set[str]:
    """The words that a text is found by: folded, whole, in their parts, and without their punctuation (`4410-882`)."""
    found = set()
    for word in fold(text).split():
        parts = re.findall(r"\w+", word)
        found.update(parts, {"".join(parts)}, {word.strip(",.;:()")})
    return found - {""}


@dataclass
class Worklist:
    """What one asker may see of the cases at one moment. Reads only; make one per request."""

    conn: Connection
    seen: Seen
    at: Moments
    _lengths: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def tests(self, asked: Asked) -> tuple[Test, ...]:
        """All that a row must pass to be in the list, apart from whose it is. Dropping any makes the list no shorter."""
        chosen = [In(FACETS[name], tuple(None if v == NONE else v for v in values)) for name, values in asked.facets]
        typed = [Word(start) for start in fold(asked.words).split()]
        picked = [In("id", asked.only)] if asked.only else []
        return (*tabs(self.at)[asked.tab], *chosen, *typed, *picked)

    def count(self, asked: Asked, within: Span | None = None) -> int:
        """How many rows the list has (in one urgency group), at most MANY."""
        tests = self.tests(asked) + ((within,) if within else ())
        return min(MANY, sum(self._length(arm, MANY) for arm in self._arms(tests)))

    def tally(self, asked: Asked, names: Sequence[str]) -> dict[str, int]:
        """The counts of several tabs under the same filters: in one pass when the filters leave few rows."""
        base = replace(asked, tab="open")
        still = [name for name in names if name != "closed"]
        few = self.count(base)
        if few >= MANY:
            return {name: self.count(replace(asked, tab=name)) for name in names}
        tested = tabs(self.at)
        sums = [func.coalesce(func.sum(case((_all(tested[name]), 1), else_=0)), 0) for name in still]
        chosen = union_all(*(arm.walk(row.c.rid) for arm in self._arms(self.tests(base)))).subquery()
        got = self.conn.execute(select(*sums).select_from(row.join(chosen, chosen.c.rid == row.c.rid))).one()
        rest = {name: self.count(replace(asked, tab=name)) for name in names if name == "closed"}
        return {name: int(n) for name, n in zip(still, got, strict=True)} | rest

    def page(self, asked: Asked, size: int) -> tuple[list[Row[Any]], bool, bool]:
        """(rows in the asked order, whether more come after, whether some come before)."""
        back = asked.before is not None
        found = self._slice(asked, size + 1)
        more = len(found) > size
        found = found[:size]
        if back:
            found.reverse()
        return found, back or more, more if back else asked.after is not None

    def every(self, asked: Asked) -> Iterator[Row[Any]]:
        """All rows of the list, in order, a run at a time."""
        while run := self._slice(asked, _RUN):
            yield from run
            last = run[-1]
            asked = replace(asked, after=(last._mapping[SORTS[asked.sort.lstrip("-")]], last.rid), before=None)

    def first_due(self, asked: Asked) -> int | None:
        """The earliest due time in the list, if anything in it is due."""
        found = self._slice(replace(asked, sort="due", after=None, before=None), 1)
        return found[0].due_at if found else None

    def choices(self, name: str, label: str) -> list[tuple[str, str]]:
        """The values that a facet has among the open cases, each with its `label` column, by the label.

        Hops from value to value along the index of the facet, so it costs as many steps as there are values."""
        found: dict[str, str] = {}
        for arm in self._arms((In("open", (True,)),)):
            column, where = row.c[FACETS[name]], _all(arm.tests) & arm.whose
            hop = select(func.min(column).label("v")).where(where).cte("hop", recursive=True)
            after = select(func.min(column)).where(where, column > hop.c.v).scalar_subquery()
            hop = hop.union_all(select(after).where(hop.c.v.is_not(None)))
            named = select(func.coalesce(row.c[label], column)).where(where, column == hop.c.v).limit(1)
            pairs = select(hop.c.v, named.scalar_subquery()).where(hop.c.v.is_not(None))
            found.update({value: text for value, text in self.conn.execute(pairs)})
        return sorted(found.items(), key=lambda pair: (pair[1], pair[0]))

    def one(self, id: str) -> Row[Any] | None:
        """The row of a case, open or closed, if the asker may know of it."""
        for state in (True, False):
            for arm in self._arms((In("open", (state,)), In("id", (id,)))):
                if found := self.conn.execute(select(row).where(_all(arm.tests), arm.whose)).first():
                    return found
        return None

    def _slice(self, asked: Asked, size: int) -> list[Row[Any]]:
        """The first rows after (or, nearest first, before) the cursor."""
        column = row.c[SORTS[asked.sort.lstrip("-")]]
        back = asked.before is not None
        down = asked.sort.startswith("-") != back
        order = (column.desc(), row.c.rid.desc()) if down else (column, row.c.rid)
        cursor = asked.before if back else asked.after
        beside = tuple_(column, row.c.rid)
        past = [] if cursor is None else [beside < cursor if down else beside > cursor]
        arms = self._arms(self.tests(asked), asked.sort.lstrip("-"))
        if len(arms) == 1:
            return list(self.conn.execute(arms[0].walk(row).where(*past).order_by(*order).limit(size)))
        heads = [arm.walk(row.c.rid).where(*past).order_by(*order).limit(size).subquery() for arm in arms]
        near = union_all(*(select(head) for head in heads)).subquery()
        both = select(row).select_from(row.join(near, near.c.rid == row.c.rid))
        return list(self.conn.execute(both.order_by(*order).limit(size)))

    def _arms(self, tests: tuple[Test, ...], sort: str = "due") -> list["Arm"]:
        """The list as disjoint walks along one index each: one per alternative of whose it is and of the leading test."""
        arms: list[Arm] = []
        if self.seen.any_of is None:
            return [Arm(tests, true(), "case_row_due")]
        for n, (scope, value) in enumerate(self.seen.any_of):
            others = [row.c[c].is_distinct_from(v) for c, v in self.seen.any_of[:n]]
            whose = and_(row.c[scope] == value, *others)
            arms += self._led(scope, value, whose, tests, sort)
        return arms

    def _led(
        self, scope: str, value: str, whose: ColumnElement[bool], tests: tuple[Test, ...], sort: str
    ) -> list["Arm"]:
        """The walks of one alternative: along its shortest index, or along the sort order when all are long."""
        by_id = [t for t in tests if isinstance(t, In) and t.column == "id"]
        typed = [t for t in tests if isinstance(t, Word)]
        if by_id or (typed and min(map(self._spelt, typed)) < _SAMPLE):
            return [Arm(tests, whose, "" if by_id else None)]
        leads = [t for t in tests if isinstance(t, In) and t.column in CASE_LEADS[scope]]
        sized = [(self._lead_length(scope, value, lead, tests) if len(leads) > 1 else 0, n) for n, lead in enumerate(leads)]
        plain = f"case_row_{scope}" if sort == "due" or scope != "placer" else f"case_row_{scope}_{SORTS[sort]}"
        if not leads or (sort != "due" and min(sized)[0] >= _SAMPLE):
            return [Arm(tests, whose, plain)]
        lead = leads[min(sized)[1]]
        rest = tuple(test for test in tests if test is not lead)
        return [Arm((*rest, In(lead.column, (v,))), whose, f"case_row_{scope}_{lead.column}") for v in lead.values]

    def _lead_length(self, scope: str, value: str, lead: In, tests: tuple[Test, ...]) -> int:
        states = tuple(test for test in tests if isinstance(test, In) and test.column == "open")
        arms = [Arm((*states, In(lead.column, (v,))), row.c[scope] == value, f"case_row_{scope}_{lead.column}")
                for v in lead.values]
        return sum(self._length(arm, _SAMPLE, (scope, value, states, lead.column, arm.tests[-1])) for arm in arms)

    def _spelt(self, word: Word) -> int:
        begins = select(case_word.c.rid).where(word.begins()).limit(_SAMPLE).subquery()
        return self.conn.scalar(select(func.count()).select_from(begins)) or 0

    def _length(self, arm: "Arm", most: int, key: tuple[Any, ...] | None = None) -> int:
        if key is not None and key in self._lengths:
            return self._lengths[key]
        found = arm.walk(row.c.rid).limit(most).subquery()
        length = self.conn.scalar(select(func.count()).select_from(found)) or 0
        if key is not None:
            self._lengths[key] = length
        return length


@dataclass(frozen=True)
class Arm:
    """A walk along one index. `index`: its name; "" leaves the choice to the database; None: by the row's own number.

    SQLite keeps no statistics here and would take any index that begins alike, so it is told; PostgreSQL keeps its own."""

    tests: tuple[Test, ...]
    whose: ColumnElement[bool]
    index: str | None

    def walk(self, *columns: Any) -> Select[Any]:
        found = select(*columns).where(self.whose, _all(self.tests))
        if self.index == "":
            return found
        return found.with_hint(row, f"INDEXED BY {self.index}" if self.index else "NOT INDEXED", "sqlite")


def _all(tests: Sequence[Test]) -> ColumnElement[bool]:
    return and_(true(), *(test.sql() for test in tests))
