"""The payers' rules looked through by people: a page of them in the order of their codes, one with all that was ever
known of it, and those beside one that may say something else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_, update

from carecoord.store.database import bulk
from carecoord.store.prior_auth.rules import KEPT, Line
from carecoord.store.prior_auth.tables import PRESENT
from carecoord.store.prior_auth.tables import authorization_rule as rule

MANY: Final = 1000  # a count that reaches it is shown as "more than 999"
_COLUMNS: Final = (
    rule.c.n, rule.c.source, rule.c.version, rule.c.recorded_from, rule.c.recorded_to, *(rule.c[n] for n in KEPT),
)  # fmt: skip
_RUN: Final = 400  # numbers in one question
_BEYOND: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: its number, `PlanDefinition/id` and version of its source, from when until when (microseconds; PRESENT:
    it stands) it was known, and the values of `rules.KEPT`."""

    n: int
    source: str
    version: str | None
    known_from: int
    known_to: int
    line: Line

    @property
    def stands(self) -> bool:
        """Whether it is what is known now."""
        return self.known_to == PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for among the rules that stand: of these payers (`system|value`), `code`: that may speak of it, or
    whose code begins so, and `stems` under which those about it are kept; `plan`: of it or of any; `line`: with this
    number in its source; `exempt`: of one provider; `holds`: now | later | over | any, by `today` (YYYY-MM-DD)."""

    payers: tuple[str, ...]
    today: str
    code: str = ""
    stems: tuple[str, ...] = ()
    plan: str = ""
    answer: str = ""
    line: str = ""
    exempt: bool = False
    holds: str = "now"
    after: tuple[str, int] | None = None


def listed(conn: Connection, wanted: Wanted, most: int) -> list[Entry]:
    """Some of them, by code, those that came first before; `after`: (code, n) of the last that was shown."""
    query = select(*_COLUMNS).where(*_tests(wanted)).order_by(rule.c.code, rule.c.n).limit(most)
    if wanted.after:
        query = query.where(tuple_(rule.c.code, rule.c.n) > tuple_(*wanted.after))
    return _entries(conn, query)


def count(conn: Connection, wanted: Wanted) -> int:
    """How many there are, MANY at most."""
    some = select(rule.c.n).where(*_tests(wanted)).limit(MANY).subquery()
    return conn.scalar(select(func.count()).select_from(some)) or 0


def _tests(wanted: Wanted) -> list[ColumnElement[bool]]:
    tests = [rule.c.payer.in_(wanted.payers), rule.c.recorded_to == PRESENT]
    if code := wanted.code:
        ranged = and_(rule.c.stem.in_(wanted.stems), _holding(code))
        tests.append(or_(ranged, and_(rule.c.code >= code, rule.c.code < code + _BEYOND)))
    if wanted.plan:
        tests.append(rule.c.plan.in_(("", wanted.plan)))
    if wanted.answer:
        tests.append(rule.c.answer == wanted.answer)
    if wanted.line:
        tests.append(rule.c.line == wanted.line)
    if wanted.exempt:
        tests.append(rule.c.provider != "")
    begun = or_(rule.c.valid_from.is_(None), rule.c.valid_from <= wanted.today)
    over = and_(rule.c.valid_to.is_not(None), rule.c.valid_to <= wanted.today)
    holds = {"now": and_(begun, ~over), "later": ~begun, "over": over}
    return [*tests, holds[wanted.holds]] if wanted.holds in holds else tests


def _holding(code: str) -> ColumnElement[bool]:
    """Rules about any service, about the code, or about a range that may hold it."""
    return or_(rule.c.code.in_(("", code)), and_(rule.c.code <= code, rule.c.code_end >= code))


def one(conn: Connection, n: int) -> Entry | None:
    """A row by its number, also one that stands no more."""
    return next(iter(_entries(conn, select(*_COLUMNS).where(rule.c.n == n))), None)


def standing(conn: Connection, source: str, line: str, element: str) -> list[Entry]:
    """The rows of a line that stand: one for each of its plans."""
    return _entries(conn, _of_line(source, line, element).where(rule.c.recorded_to == PRESENT))


def known(conn: Connection, source: str, line: str, element: str, most: int) -> list[Entry]:
    """All that was known of a line, the latest first."""
    query = _of_line(source, line, element).order_by(None).order_by(rule.c.recorded_from.desc(), rule.c.n)
    return _entries(conn, query.limit(most))


def _of_line(source: str, line: str, element: str) -> Any:
    mine = (rule.c.source == source, rule.c.line == line, rule.c.element == element)
    return select(*_COLUMNS).where(*mine).order_by(rule.c.n)


def of_lines(conn: Connection, source: str, lines: Iterable[str]) -> list[Entry]:
    """All that was ever known of the lines of a source with these numbers."""
    found: list[Entry] = []
    for run in bulk.runs(sorted(lines), _RUN):
        found += _entries(conn, select(*_COLUMNS).where(rule.c.source == source, rule.c.line.in_(run)))
    return found


def begun(conn: Connection, sources: Iterable[str]) -> dict[str, int]:
    """Since when (microseconds) anything was known of each of these sources."""
    found: dict[str, int] = {}
    for run in bulk.runs(sorted(sources), _RUN):
        query = select(rule.c.source, func.min(rule.c.recorded_from)).where(rule.c.source.in_(run))
        found.update((source, since) for source, since in conn.execute(query.group_by(rule.c.source)))
    return found


def beside(conn: Connection, payer: str, low: str, high: str, most: int) -> list[Entry]:
    """The rules of a payer that stand and may speak of a code of the range `low` to `high`, both empty: of any code;
    those about the fewest codes first."""
    mine = [rule.c.payer == payer, rule.c.recorded_to == PRESENT]
    if low:
        last = func.coalesce(func.nullif(rule.c.code_end, ""), rule.c.code)
        mine.append(or_(rule.c.code == "", and_(rule.c.code <= (high or low), last >= low)))
    return _entries(conn, select(*_COLUMNS).where(*mine).order_by(rule.c.code.desc(), rule.c.n).limit(most))


def set_aside(conn: Connection, source: str, line: str, element: str, at: int) -> int:
    """Let a line of an import be known no more from the instant on (microseconds); how many rows it was."""
    mine = (rule.c.source == source, rule.c.line == line, rule.c.element == element, rule.c.recorded_to == PRESENT)
    return conn.execute(update(rule).where(*mine).values(recorded_to=at)).rowcount


def payers(conn: Connection) -> list[str]:
    """Every payer (`system|value`) of whom there is a rule: a leap along the index for each."""
    found: list[str] = []
    last = ""
    while (said := conn.scalar(select(func.min(rule.c.payer)).where(rule.c.payer > last))) is not None:
        found.append(said)
        last = said
    return found


def _entries(conn: Connection, query: Any) -> list[Entry]:
    return [
        Entry(n, source, version, since, until, tuple(line))
        for n, source, version, since, until, *line in conn.execute(query)
    ]
