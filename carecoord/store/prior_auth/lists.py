"""The lists of requests at both desks: pages, counts, and what there is to choose from. A count is the length of its
list: both are made of the same tests; it stops at `MANY`.

Nearly all that was ever asked for is decided and over, and most tabs are of what is not. So beside its test a tab has
`arms`: what its rows are found by in an index, together all that may pass and none of them twice. Whose a row is, is
looked up for each that is found so. Where somebody has few requests, or words are typed, those are the arms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    exists,
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

from carecoord.fhir.instants import FOREVER
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.engine import once
from carecoord.store.database.unled import Beside
from carecoord.store.prior_auth import queues
from carecoord.store.prior_auth.authorizations import DAY, GRANTED, Asked, Tab, Whose, mine
from carecoord.store.prior_auth.tables import PROPOSED, UNCOVERED
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import authorization_step as step
from carecoord.store.prior_auth.tables import authorization_word as word
from carecoord.store.worklist import search_words

MANY: Final = 1000  # a count that reaches it is shown as "999+"
ALL: Final = 50_000  # rows of a file
SOON: Final = 14  # days ahead in which an approval is about to end
FEW: Final = 2  # units left at which an approval is near its limit
_SMALL: Final = 5000  # requests that are looked at one by one, whatever is asked for
_REFUSED: Final = ("denied", "partly", "modified")
_UNANSWERED: Final = ("draft", "error", *queues.WAITING)
_ONE_OF: Final[Mapping[str, tuple[str, ...]]] = {  # the states of a tab's rows, where these say enough
    **dict.fromkeys(
        ("decide", "mine", "new", "expedited", "standard", "extended", "asked", "answered", "appeals", "late", "info"),
        queues.WAITING,
    ),
    "due": _UNANSWERED, "drafts": _UNANSWERED,
}  # fmt: skip
_AT_STEPS: Final = ("second", "director", "sample", "held")
_Tests = tuple[ColumnElement[bool], ...]
_Ordered = tuple[Select[Any], ColumnElement[Any]]  # rows, and the column or the like of their order; root comes next


def page(conn: Connection, whose: Whose, asked: Asked, most: int) -> list[Row[Any]]:
    """The rows of a tab in the order in which something is due, or in the one that is asked for, at most so many."""
    places = [place for found, by in _ways(conn, whose, asked) for place in _first(conn, found, by, asked, most)]
    roots = [root for _, root in sorted(places, reverse=asked.down)[:most]]
    whole = select(row).where(OneOf(row.c.root, "roots"))
    held = {each.root: each for each in conn.execute(whole, {"roots": listed(roots)})} if roots else {}
    return [held[root] for root in roots if root in held]


def _ways(conn: Connection, whose: Whose, asked: Asked) -> Iterator[_Ordered]:
    """The rows of a list: by its arms; along an index of its order; or all that the asker may know of."""
    if (arms := _arms(asked)) and not _is_narrow(conn, whose, asked):
        yield from ((_looked_up(whose, asked).where(arm), _order(asked)) for arm in arms)
    elif asked.sort not in (None, "due") or _is_chosen(asked) or _is_narrow(conn, whose, asked):
        yield _found(whose, asked), _order(asked)
    elif asked.sort is None:
        yield _looked_up(whose, asked), row.c.sort_due
    else:  # what is over has nothing due any more, and stands behind
        yield _looked_up(whose, asked).where(not_(_over(asked.now))), row.c.sort_office
        if asked.tab != "open":
            yield _looked_up(whose, asked).where(_over(asked.now)), literal(FOREVER)


def _first(
    conn: Connection, found: Select[Any], by: ColumnElement[Any], asked: Asked, most: int
) -> list[tuple[int | str, str]]:
    """Where the first of these rows stand that come after the last page."""
    if asked.after:
        place, last = tuple_(by, row.c.root), tuple_(*asked.after)
        found = found.where(place < last if asked.down else place > last)
    keys: list[ColumnElement[Any]] = [row.c.root] if isinstance(by, BindParameter) else [by, row.c.root]
    ordered = found.with_only_columns(by, row.c.root).order_by(*(each.desc() if asked.down else each for each in keys))
    return [(each[0], each[1]) for each in conn.execute(ordered.limit(most))]


def place(found: Row[Any], asked: Asked) -> tuple[int | str, str]:
    """Where a row stands in the order that was asked for."""
    over = found.state in GRANTED and not found.outside and found.ends is not None and found.ends <= asked.now
    value = {
        None: found.sort_due, "due": FOREVER if over else found.sort_office, "patient": found.patient_sort,
        "payer": found.payer_name or "", "ends": FOREVER if found.ends is None else found.ends,
    }[asked.sort]  # fmt: skip
    return value, found.root


def _order(asked: Asked) -> ColumnElement[Any]:
    return {
        None: row.c.sort_due, "due": case((_over(asked.now), FOREVER), else_=row.c.sort_office),
        "patient": row.c.patient_sort,
        "payer": func.coalesce(row.c.payer_name, ""), "ends": func.coalesce(row.c.ends, FOREVER),
    }[asked.sort]  # fmt: skip


def counts(conn: Connection, whose: Whose, asked: Asked, tabs: Sequence[Tab]) -> dict[str, int]:
    """How many under each tab with these words and choices, each at most MANY: in one pass over all that the asker may
    know of, where that is little, else each by its arms."""
    lists = [replace(asked, tab=tab, sort=None, after=None) for tab in tabs]
    if _is_narrow(conn, whose, asked):
        sums = (func.sum(case((_tab(each), 1), else_=0)) for each in lists)
        counted = conn.execute(_chosen(mine(whose), whose, asked).with_only_columns(*sums)).one()
        return {tab: min(MANY, int(n or 0)) for tab, n in zip(tabs, counted, strict=True)}
    ways = (_up_to(rows, literal(each.tab)) for each in lists for rows, _ in _ways(conn, whose, each))
    found: dict[str, int] = dict.fromkeys(tabs, 0)
    for tab, n in conn.execute(union_all(*ways)):
        found[tab] += int(n)
    return {tab: min(MANY, n) for tab, n in found.items()}


def _up_to(found: Select[Any], tab: ColumnElement[Any]) -> Select[Any]:
    """The tab, and how many of its rows these are, counted no further than is told."""
    return select(tab, func.count()).select_from(found.with_only_columns(row.c.root).limit(MANY).subquery())


def choices(conn: Connection, whose: Whose) -> dict[str, list[tuple[str, str]]]:
    """The payers and the owners among the open rows: (key, name), in the order of the names."""
    pairs = {"payer": (row.c.payer_key, row.c.payer_name), "owner": (row.c.owner, row.c.owner_name)}
    columns = [column for pair in pairs.values() for column in pair]
    found: dict[str, dict[str, str]] = {name: {} for name in pairs}
    for each in conn.execute(mine(whose).where(row.c.open).with_only_columns(*columns).distinct()):
        for n, known in enumerate(found.values()):
            key, label = each[2 * n : 2 * n + 2]
            if key is not None:
                known[key] = max(known.get(key, ""), label or "")
    return {
        name: sorted(((key, label or key) for key, label in known.items()), key=lambda each: each[1])
        for name, known in found.items()
    }


def _is_narrow(conn: Connection, whose: Whose, asked: Asked) -> bool:
    """Whether all that could be in any list is little enough to be looked at."""
    if asked.words or asked.roots:
        return True
    if whose.keys is None:
        return False
    return once(conn, f"few requests of {whose.side} {whose.keys}", lambda conn: _has_few(conn, whose))


def _has_few(conn: Connection, whose: Whose) -> bool:
    theirs = select(literal(1)).where(*_of(whose)).limit(_SMALL + 1).subquery()
    return (conn.scalar(select(func.count()).select_from(theirs)) or 0) <= _SMALL


def _of(whose: Whose) -> _Tests:
    sides = ("payer",) if whose.side == "payer" else ("placer", "performer")
    return party.c.side.in_(sides), party.c.key.in_(whose.keys or ())


def _found(whose: Whose, asked: Asked) -> Select[Any]:
    """The rows of a list, among all of which the asker may know."""
    return _chosen(mine(whose), whose, asked).where(_tab(asked))


def _looked_up(whose: Whose, asked: Asked) -> Select[Any]:
    """The same rows, where they are found otherwise."""
    return _chosen(_each(whose), whose, asked).where(_tab(asked))


def _each(whose: Whose) -> Select[Any]:
    """The rows of which the asker may know, where whose each is is looked up."""
    found = select(row)
    if whose.keys is not None:  # behind a fence: PostgreSQL would gather all of somebody's before it looks at one
        found = found.where(exists(select(literal(1)).where(party.c.root == row.c.root, *_of(whose)).offset(0)))
    return found.where(row.c.patient.not_in(whose.withheld)) if whose.withheld else found


def _chosen(found: Select[Any], whose: Whose, asked: Asked) -> Select[Any]:
    """Of these rows those that are asked for by words, by name, or by what stands in a column."""
    found = found.where(row.c.root.in_(asked.roots)) if asked.roots else found
    for column, said in ((row.c.payer_key, asked.payer), (row.c.owner, asked.owner), (row.c.state, asked.state)):
        found = found.where(column == said) if said else found
    for start in search_words.asked(asked.words):
        near = select(word.c.root).where(word.c.word >= start, word.c.word < start + "\uffff")
        found = found.where(row.c.root.in_(near.where(word.c.payer) if whose.side == "payer" else near))
    return found


def _is_chosen(asked: Asked) -> bool:
    """Whether few rows of a tab may be left by what is chosen."""
    return any((asked.payer, asked.owner, asked.state))


def _arms(asked: Asked) -> list[ColumnElement[bool]]:
    """What the rows of a tab are found by: whatever passes its test is in one of these, and in no two. None of a tab
    that may hold nearly all."""
    granted = row.c.state.in_(GRANTED)
    if asked.tab in _ONE_OF:
        return [row.c.state.in_(_ONE_OF[asked.tab])]
    if asked.tab in _AT_STEPS:
        at = row.c.claim.in_(select(step.c.claim))
        return [at, and_(literal_column(PROPOSED), not_(at))]
    if asked.tab == "expiring":
        return [and_(granted, row.c.ends > asked.now, row.c.ends <= asked.now + SOON * DAY)]
    if asked.tab == "limit":
        return [and_(granted, row.c.ends > asked.now), and_(granted, row.c.ends.is_(None))]
    if asked.tab == "outside":
        return [literal_column(UNCOVERED)]
    if asked.tab in ("past", "today"):  # there it stands by when it is due, if anything is
        return [row.c.sort_office <= max(asked.now, asked.today)]
    return []


def _over(now: int) -> ColumnElement[bool]:
    """What was granted and has ended, and no visit hangs on it."""
    return and_(Beside(row.c.state).in_(GRANTED), row.c.outside == 0, func.coalesce(row.c.ends, FOREVER) <= now)


def _tab(asked: Asked) -> ColumnElement[bool]:
    """What stands under a tab. A payer's: waits for it, by its clock. An office's: has to be done something about."""
    now = asked.now
    granted = and_(row.c.state.in_(GRANTED), or_(row.c.ends.is_(None), row.c.ends > now))
    of_payer: Mapping[Any, ColumnElement[bool]] = queues.tests(now, asked.account)
    tests: dict[Tab, ColumnElement[bool]] = {
        **of_payer,
        "due": row.c.state.in_(_UNANSWERED),
        "expiring": and_(granted, row.c.ends <= now + SOON * DAY),
        "limit": and_(granted, row.c.left.in_([str(n) for n in range(FEW + 1)]), row.c.authorized != "1"),
        "outside": row.c.outside > 0,
        "info": row.c.state == "asked",
        "denied": and_(row.c.state.in_(_REFUSED), or_(row.c.appeal_by.is_(None), row.c.appeal_by > now)),
        "drafts": row.c.state == "draft",
        "past": and_(row.c.open, row.c.office_due <= now, not_(_over(now))),
        "today": and_(row.c.open, row.c.office_due > now, row.c.office_due < asked.today),
        "open": and_(row.c.open, not_(_over(now))),
        "all": true(),
    }
    return tests[asked.tab]
