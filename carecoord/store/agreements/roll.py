"""The register looked through: which agreements a search finds, how many under each tab, some of them in the order in
which something is due. A count is the length of its list: both are made of the same tests; it stops at `MANY`.

Of few agreements, a party's or those that say a word, the list is read first; of many the walk goes along what is due,
and asks of each whether it is one of them: the first page is full long before the list would have been read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    delete,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)

from carecoord.store.agreements import papers
from carecoord.store.agreements.register import NEVER, NO_END
from carecoord.store.agreements.tables import agreement_party as party
from carecoord.store.agreements.tables import agreement_row as row
from carecoord.store.agreements.tables import agreement_version
from carecoord.store.database import bulk

_RUN: Final = 400
SOON: Final = 60  # days ahead in which notice is due
WITHIN: Final = 180  # days ahead in which an end is near
HALF_YEARS: Final = (182, 365, 547, 730)  # days: ends in 0-6, 6-12, 12-18, 18-24 months, later or never
TABS: Final = ("current", "notice", "ending", "unsigned", "ended", "all")
MANY: Final = 1000  # a count that reaches it is shown as "999+"
_FEW: Final = 2000  # of what is first read as a list
_FEW_SAID: Final = 5000  # the same in PostgreSQL of those that say a word: to put it to a row takes seven times as long
BUCKETS: Final = ("6", "12", "18", "24", "later")


@dataclass(frozen=True)
class Asked:
    """What is asked for. `parties`: the keys of those to whom the asker is narrowed, None for everybody's; `words`: in
    base letters, each the beginning of one; `party`: `Type/id`; `bucket`: of BUCKETS; `after`: (due, n) of the last;
    `offices`: ids of those whose papers are looked through too, where one says the words (`papers.say`)."""

    today: int
    parties: tuple[str, ...] | None = ()
    tab: str = "current"
    words: tuple[str, ...] = ()
    kind: str = ""
    party: str = ""
    bucket: str = ""
    after: tuple[int, int] | None = None
    offices: tuple[str, ...] = ()


def page(conn: Connection, asked: Asked, most: int) -> Sequence[Row[Any]]:
    """The agreements of a tab in the order in which something is due, at most so many."""
    of = _led(conn, asked)
    found = _found(conn, asked, of).where(_tab(asked.tab, asked.today, of))
    if asked.bucket:
        found = found.where(_buckets(asked.today, of)[asked.bucket])
    if asked.after:
        found = found.where(tuple_(of.c.due, of.c.n) > tuple_(*asked.after))
    if of is not row:  # the rows themselves are fetched for one page alone
        chosen = found.with_only_columns(of.c.n).order_by(of.c.due, of.c.n).limit(most)
        return conn.execute(select(row).where(row.c.n.in_(chosen)).order_by(row.c.due, row.c.n)).all()
    return conn.execute(found.order_by(row.c.due, row.c.n).limit(most)).all()


def counts(conn: Connection, asked: Asked) -> dict[str, int]:
    """How many under each tab, and in each of BUCKETS among those that are current, each at most MANY: what words find
    in one pass, for each word is looked up anew in every statement; else each tab along its own index."""
    today = asked.today
    of = _led(conn, asked, whole=True)
    tests = {name: _tab(name, today, of) for name in TABS}
    tests |= {name: and_(_tab("current", today, of), test) for name, test in _buckets(today, of).items()}
    found = _found(conn, asked, of, whole=True)
    if asked.words:
        counted = found.with_only_columns(*(func.count().filter(test) for test in tests.values()))
    else:
        lists = (found.with_only_columns(row.c.n).where(test).limit(MANY).subquery() for test in tests.values())
        counted = select(*(select(func.count()).select_from(one).scalar_subquery() for one in lists))
    one = conn.execute(counted).one()
    return {name: min(MANY, int(n)) for name, n in zip(tests, one, strict=True)}


def one(conn: Connection, contract: str, parties: Sequence[str] | None) -> Row[Any] | None:
    """The agreement of which a Contract (id) is a version, if it is one of these parties'."""
    among = select(agreement_version.c.agreement).where(
        agreement_version.c.id == contract, agreement_version.c.superseded_at == NEVER
    )
    asked = Asked(0, None if parties is None else tuple(parties))
    found = conn.execute(_found(conn, asked).where(row.c.agreement.in_(among))).all()
    return next((each for each in found if each.contract == contract), found[0] if len(found) == 1 else None)


def agreed(conn: Connection, parties: Iterable[str]) -> set[str]:
    """Those of these, `Organization/id`, who are bound by an agreement that is in force."""
    found: set[str] = set()
    for run in bulk.runs(sorted(set(parties)), _RUN):
        bound = select(party.c.key).join_from(party, row, row.c.n == party.c.row).distinct()
        found |= set(conn.scalars(bound.where(party.c.key.in_(run), party.c.binds, row.c.stage == "current")))
    return found


def replace(conn: Connection, agreements: Iterable[str], made: Sequence[Mapping[str, Any]]) -> None:
    """Let the rows of these agreements be those: the values of `agreement_row`, but `sides` as a list of (key,
    binds)."""
    for run in bulk.runs(sorted(set(agreements)), _RUN):
        gone = select(row.c.n).where(row.c.agreement.in_(run))
        conn.execute(delete(party).where(party.c.row.in_(gone)))
        conn.execute(delete(row).where(row.c.agreement.in_(run)))
    for some in bulk.runs(made, _RUN):
        values = [{**each, "sides": sides_of(key for key, _ in each["sides"])} for each in some]
        numbers = conn.scalars(row.insert().returning(row.c.n, sort_by_parameter_order=True), values).all()
        sides = [(n, key, binds) for n, each in zip(numbers, some, strict=True) for key, binds in each["sides"]]
        bulk.insert(conn, party, sides)


def sides_of(keys: Iterable[str]) -> str:
    """Keys of parties as a row holds them."""
    return "".join(f"\n{each}\n" for each in keys)


def clear(conn: Connection) -> None:
    """Forget every row, to make them anew."""
    conn.execute(delete(party))
    conn.execute(delete(row))


def outdate(conn: Connection, keys: Iterable[str]) -> None:
    """Say that the rows with these parties are to be made anew: one is called otherwise now."""
    for run in bulk.runs(sorted(set(keys)), _RUN):
        named = select(party.c.row).where(party.c.key.in_(run))
        conn.execute(update(row).where(row.c.n.in_(named)).values(turns_on=0))


def turned(conn: Connection, today: int, most: int) -> list[str]:
    """Agreements whose rows say what held before this day, at most so many."""
    return list(conn.scalars(select(row.c.agreement).where(row.c.turns_on <= today).limit(most)))


def agreements(conn: Connection, behind: str, most: int) -> list[str]:
    """Agreements of which there are versions, in the order of their keys, after one, at most so many."""
    found = select(agreement_version.c.agreement).where(agreement_version.c.agreement > behind).distinct()
    return list(conn.scalars(found.order_by(agreement_version.c.agreement).limit(most)))


def newest(conn: Connection, wanted: Iterable[str]) -> list[str]:
    """The ids of the Contracts that are the present versions of these agreements."""
    found: list[str] = []
    for run in bulk.runs(sorted(set(wanted)), _RUN):
        still = agreement_version.c.superseded_at == NEVER
        found += conn.scalars(select(agreement_version.c.id).where(agreement_version.c.agreement.in_(run), still))
    return found


def _led(conn: Connection, asked: Asked, *, whole: bool = False) -> FromClause:
    """What is looked through: in PostgreSQL, where words lead the way, the rows that say them; else all."""
    if not asked.words or conn.dialect.name != "postgresql":
        return row
    said = _said(conn, asked)
    return said if whole or _are_few(conn, select(said.c.n), _FEW_SAID) else row


def _found(conn: Connection, asked: Asked, of: FromClause = row, *, whole: bool = False) -> Select[Any]:
    """What is looked through, whatever the tab. of: as `_led` gave it; whole: to the end, not until a page is full."""
    found = select(of)
    if asked.parties is not None and of is row:
        found = found.where(_between(conn, asked.parties, of))
    if asked.party:
        found = found.where(exists().where(party.c.row == of.c.n, party.c.key == asked.party))
    if asked.kind:
        found = found.where(of.c.kind == asked.kind)
    return found.where(_says(conn, asked, whole)) if asked.words and of is row else found


def _on_paper(conn: Connection, asked: Asked) -> Select[Any] | None:
    """What selects the agreements of which a paper says the words; None where none is looked through."""
    return papers.agreements(conn, asked.words, asked.offices) if asked.words and asked.offices else None


def _between(conn: Connection, parties: Sequence[str], of: FromClause) -> ColumnElement[bool]:
    """That one of these is a party to the agreement, or keeps it."""
    theirs = (party.c.key.in_(parties),)
    few = select(party.c.row).where(*theirs)
    if _are_few(conn, few):
        return of.c.n.in_(few)
    if conn.dialect.name == "postgresql":  # to look up each in another table takes ten times as long
        return or_(*(func.strpos(of.c.sides, f"\n{each}\n") > 0 for each in parties))
    asked: Select[Any] = select(literal_column("1")).where(party.c.row == of.c.n, *theirs)
    return asked.exists()


def _are_few(conn: Connection, found: Select[Any] | CompoundSelect[Any], few: int = _FEW) -> bool:
    return (conn.scalar(select(func.count()).select_from(found.limit(few).subquery())) or 0) < few


def _says(conn: Connection, asked: Asked, whole: bool) -> ColumnElement[bool]:
    """That all of these words begin one of the agreement's, or of a page of its papers. In SQLite, where they begin one
    of few or the walk goes to the end, the index of the words leads the way; else what is due does, and the words are
    only checked."""
    words, on_paper = asked.words, _on_paper(conn, asked)
    if conn.dialect.name == "sqlite":
        match = text("agreement_words MATCH :said").bindparams(said=" ".join(f'"{word}"*' for word in words))
        said: Select[Any] = select(literal_column("rowid")).select_from(text("agreement_words")).where(match)
        if on_paper is not None:
            said = said.union(select(row.c.n).where(row.c.agreement.in_(on_paper)))  # type: ignore[assignment]
        if whole or _are_few(conn, said):
            return row.c.n.in_(said)
        return (row.c.n + literal_column("0")).in_(said)  # a sum is looked up in no index
    says = func.coalesce(_match(row, words), false())  # into which its planner does not look for an index
    return says if on_paper is None else or_(says, row.c.agreement.in_(on_paper))


def _said(conn: Connection, asked: Asked) -> CTE:
    """The rows in PostgreSQL that say all of the words and are between the parties, with what they are counted by.
    Materialized: its planner takes the making of a tsvector for cheap, and would make one of every row on the way."""
    every, on_paper = row.alias(), _on_paper(conn, asked)
    names = ("n", "kind", "stage", "notice_by", "ends", "drafts", "due")
    mine = select(*(every.c[name] for name in names))
    if asked.parties is not None:
        mine = mine.where(_between(conn, asked.parties, every))
    said = mine.where(_match(every, asked.words))
    found = said if on_paper is None else said.union(mine.where(every.c.agreement.in_(on_paper)))
    return found.cte("said").prefix_with("MATERIALIZED", dialect="postgresql")


def _match(of: FromClause, words: Sequence[str]) -> ColumnElement[bool]:
    simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
    asked = func.to_tsquery(simple, " & ".join(f"'{word}':*" for word in words))
    return func.to_tsvector(simple, of.c.words).op("@@")(asked)


def _tab(name: str, today: int, of: FromClause = row) -> ColumnElement[bool]:
    current = of.c.stage == "current"
    tests: dict[str, ColumnElement[bool]] = {
        "current": current,
        "notice": and_(current, of.c.notice_by <= today + SOON),
        "ending": and_(current, of.c.ends <= today + WITHIN),
        "unsigned": of.c.drafts.is_(True),
        "ended": of.c.stage == "ended",
        "all": true(),
    }
    return tests[name]


def _buckets(today: int, of: FromClause = row) -> dict[str, ColumnElement[bool]]:
    """By when they end."""
    edges = [0, *(today + days for days in HALF_YEARS), NO_END + 1]
    return {
        name: and_(of.c.ends > low, of.c.ends <= high)
        for name, low, high in zip(BUCKETS, edges, edges[1:], strict=False)
    }
