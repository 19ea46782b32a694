"""The payers' rules about authorization: a source's lines are replaced by what it says now, and the few that bear on an
order are found by payer, plan and code, however many there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, literal_column, or_, select, text, update

from carecoord.store.database import bulk
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new
from carecoord.store.database.tables import setting
from carecoord.store.prior_auth.tables import PRESENT
from carecoord.store.prior_auth.tables import authorization_rule as rule
from carecoord.store.resources.read import COLUMNS, OLD, Row, rows

Line = tuple[Any, ...]  # the values of KEPT
KEPT: Final = tuple(column.name for column in rule.c)[5:]
_NUMBER = KEPT.index("line")
_UNWRITTEN = "rules_to_write"  # as the migration calls it
_RUN = 400
_BATCH = 5000  # lines in one statement

_line = tuple(rule.c[name] for name in KEPT)
_present = select(rule.c.n, *_line).where(rule.c.source == bindparam("source"), rule.c.recorded_to == PRESENT)
_whole = (
    select(rule.c.source, rule.c.version, *_line)
    .where(rule.c.source == bindparam("source"), rule.c.recorded_to == PRESENT)
    .order_by(rule.c.n)
)
_end = update(rule).where(rule.c.n.in_(bindparam("numbers", expanding=True))).values(recorded_to=bindparam("at"))
_near = (
    rule.c.payer.in_(bindparam("payers", expanding=True)), rule.c.stem.in_(bindparam("stems", expanding=True)),
)  # fmt: skip
_wanted = (
    select(rule.c.source, rule.c.version, *_line)
    .where(*_near, rule.c.provider.in_(bindparam("providers", expanding=True)))
    .order_by(literal_column("+authorization_rule.n"))  # a sign in front: else SQLite walks all rules in their order
)
_sparing: Select[Any] = select(literal_column("1")).where(*_near, rule.c.provider > "").limit(1)
_count = text("ANALYZE authorization_rule")
_any = rule.c.code == ""
_one = rule.c.code_end.in_(("", rule.c.code)) & rule.c.code.in_(bindparam("codes", expanding=True))
_of_plans = rule.c.plan.in_(bindparam("plans", expanding=True))
# A sign in front: SQLite would take the index of all rules of a payer that stand for it.
_until = literal_column("+authorization_rule.recorded_to", rule.c.recorded_to.type)
_stands = _until == PRESENT
_then = (rule.c.recorded_from <= bindparam("at")) & (_until > bindparam("at"))
_books = new.c.type == "PlanDefinition"
_versions = (  # in the order in which they were written
    select(*COLUMNS).where(_books).union_all(select(*OLD).join_from(new, old, old.c.rid == new.c.rid).where(_books))
)


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of a source's lines."""

    added: int
    ended: int
    kept: int


def put_rules(
    conn: Connection, source: str, version: str | None, lines: Iterable[Line], at: int, *, whole: bool = True
) -> Replaced:
    """Let the lines of a source be these from the instant (microseconds) on: those that stand there already stay, those
    that are gone end, so the same lines a second time change nothing. Not `whole`: some could not be read, and of what
    is gone only that ends whose number one of these has. The caller holds the source locked."""
    known = {tuple(line): n for n, *line in conn.execute(_present, {"source": source})}
    wanted = dict.fromkeys(lines)
    numbers = None if whole else {line[_NUMBER] for line in wanted}
    gone = sorted(
        n for line, n in known.items() if line not in wanted and (numbers is None or line[_NUMBER] in numbers)
    )
    fresh = [(source, version, at, PRESENT, *line) for line in wanted if line not in known]
    for run in bulk.runs(gone, _RUN):
        conn.execute(_end, {"numbers": run, "at": at})
    for batch in bulk.runs(fresh, _BATCH):
        bulk.add(conn, rule, batch)
    if len(fresh) > _BATCH and conn.dialect.name == "postgresql":
        conn.execute(_count)  # else its planner takes the table for the small one that it was
    return Replaced(len(fresh), len(gone), len(wanted) - len(fresh))


def find(
    conn: Connection,
    payers: Iterable[str],
    codes: Mapping[str, Iterable[str]],
    plans: Iterable[str] | None,
    providers: Iterable[str],
    as_of: int | None = None,
) -> list[tuple[str, str | None, Line]]:
    """(source, its version, line) of each rule of one of these payers about any service, or whose code or range may
    hold one of these codes (each with the stems under which that is kept): for any plan or one of these (None:
    whichever), for any provider or one of these; now, or as it was known at an instant."""
    asked = _asked(payers, codes, plans) | {"providers": sorted({"", *providers})}
    if not asked["payers"]:
        return []
    query = _narrowed(_wanted, asked).where(_stands if as_of is None else _then)
    asked |= {} if as_of is None else {"at": as_of}
    return [(source, version, tuple(line)) for source, version, *line in conn.execute(query, asked)]


def spares_any(
    conn: Connection, payers: Iterable[str], codes: Mapping[str, Iterable[str]], plans: Iterable[str] | None
) -> bool:
    """Whether any rule that stands now, and is near to these as `find` has it, speaks of one provider alone."""
    asked = _asked(payers, codes, plans)
    query = _narrowed(_sparing, asked).where(_stands)
    return bool(asked["payers"]) and conn.execute(query, asked).first() is not None


def _asked(
    payers: Iterable[str], codes: Mapping[str, Iterable[str]], plans: Iterable[str] | None
) -> dict[str, Any]:
    stems = {"", *(stem for stems in codes.values() for stem in stems)}
    asked = {"payers": sorted(set(payers)), "stems": sorted(stems), "codes": sorted(codes)}
    return asked if plans is None else asked | {"plans": sorted({"", *plans})}


def _narrowed(query: Select[Any], asked: Mapping[str, Any]) -> Select[Any]:
    """The query for these codes, and these plans where any are asked for."""
    between = ((rule.c.code <= code) & (rule.c.code_end >= code) for code in asked["codes"])
    query = query.where(or_(_any, _one, *between))
    return query.where(_of_plans) if "plans" in asked else query


def of_source(conn: Connection, source: str) -> list[tuple[str, str | None, Line]]:
    """(source, its version, line) of each of its rules that stand now."""
    found = conn.execute(_whole, {"source": source})
    return [(source, version, tuple(line)) for _, version, *line in found]


def payers(conn: Connection, source: str) -> set[str]:
    """Of whom the lines of a source speak or ever spoke."""
    return set(conn.scalars(select(rule.c.payer).where(rule.c.source == source).distinct()))


def ruled(conn: Connection, keys: Iterable[str]) -> set[str]:
    """Those of these payers, `system|value`, of whom any rule stands now."""
    stands = rule.c.recorded_to == PRESENT
    asked = ((key, select(rule.c.n).where(rule.c.payer == key, stands).limit(1)) for key in sorted(set(keys)))
    return {key for key, query in asked if conn.execute(query).first()}


def unwritten(conn: Connection) -> list[Row]:
    """Every version of every rule book that was stored before there was a table of their lines, the oldest first; none
    once that has been seen to."""
    if conn.execute(select(setting.c.value).where(setting.c.name == _UNWRITTEN)).first() is None:
        return []
    return sorted(rows(conn.execute(_versions)), key=lambda row: (row.updated, row.rid, row.version))


def written(conn: Connection) -> None:
    """Say that the lines of all books are in the table."""
    conn.execute(delete(setting).where(setting.c.name == _UNWRITTEN))
