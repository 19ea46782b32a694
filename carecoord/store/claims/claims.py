"""Claims with their lines and adjustments: kept whole in one transaction, and listed for the office whose they are. A
count, a sum and its list are made of the same tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)

from carecoord.fhir.instants import FOREVER
from carecoord.fhir.search.collation import fold
from carecoord.store.claims.tables import claim, claim_act, claim_adjustment, claim_line

Tab = Literal["denied", "due", "short", "unmatched", "second", "waiting", "paid", "all"]
Sort = Literal["due", "amount", "patient", "payer", "since"]
Facet = Literal["reason", "payer", "code", "agreement", "status"]
ALL: Final = 50_000  # rows of a file
_DAY: Final = 86_400_000_000
_SOON: Final = 14  # days
_REFUSED: Final = ("refused", "partly", "denied", "reversed", "unclear")
_OPEN: Final = ("open", "asked")


@dataclass(frozen=True)
class Whose:
    """Whose claims: of these offices (None: of all), but not of the patients who are kept from the asker."""

    offices: tuple[str, ...] | None
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What is asked for, at an instant (microseconds). after: (value of the sort, id) of the last."""

    now: int
    tab: Tab
    words: str = ""
    sort: Sort = "due"
    down: bool = False
    reason: str = ""
    payer: str = ""
    code: str = ""
    agreement: str = ""
    status: str = ""
    after: tuple[int | str, str] | None = None


def keep(
    conn: Connection, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]],
    adjustments: Sequence[Mapping[str, Any]],
) -> None:  # fmt: skip
    """Let a claim be so, with these lines and adjustments; none of them: those that it has stay."""
    id = row["id"]
    held = conn.scalar(select(claim.c.version).where(claim.c.id == id))
    if held is None:
        conn.execute(insert(claim).values({**row, "version": 1}))
    else:
        conn.execute(update(claim).where(claim.c.id == id).values({**row, "version": held + 1}))
    if not lines and not adjustments:
        return
    for table, rows in ((claim_line, lines), (claim_adjustment, adjustments)):
        conn.execute(delete(table).where(table.c.claim == id))
        if rows:
            conn.execute(insert(table), [{"claim": id, **each} for each in rows])


def change(conn: Connection, id: str, version: int, values: Mapping[str, Any]) -> bool:
    """Change a claim that is at a version; returns whether it was."""
    done = conn.execute(
        update(claim).where(claim.c.id == id, claim.c.version == version).values({**values, "version": version + 1})
    )
    return done.rowcount == 1


def one(conn: Connection, whose: Whose, id: str) -> Row[Any] | None:
    """A claim, if the asker may know of it."""
    return conn.execute(_of(whose).where(claim.c.id == id)).first()


def held(conn: Connection, id: str) -> Row[Any] | None:
    """A claim, whosever it is."""
    return conn.execute(select(claim).where(claim.c.id == id)).first()


def numbered(conn: Connection, offices: Sequence[str], number: str) -> list[Row[Any]]:
    """The claims of an office, by any of its copies, under a number of its own; the oldest first."""
    found = select(claim).where(claim.c.office.in_(offices), claim.c.number == number)
    return list(conn.execute(found.order_by(claim.c.received, claim.c.id)))


def lines(conn: Connection, id: str) -> list[Row[Any]]:
    """The lines of a claim."""
    return list(conn.execute(select(claim_line).where(claim_line.c.claim == id).order_by(claim_line.c.n)))


def adjustments(conn: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """The adjustments of these claims in their order."""
    found = select(claim_adjustment).where(claim_adjustment.c.claim.in_(ids))
    ordered = (claim_adjustment.c.claim, claim_adjustment.c.line, claim_adjustment.c.n)
    return list(conn.execute(found.order_by(*ordered))) if ids else []


def acts(conn: Connection, id: str) -> list[Row[Any]]:
    """What was done and came about a claim, the latest first."""
    found = select(claim_act).where(claim_act.c.claim == id)
    return list(conn.execute(found.order_by(claim_act.c.at.desc(), claim_act.c.id)))


def act(conn: Connection, id: str) -> Row[Any] | None:
    """An act by the id of its form."""
    return conn.execute(select(claim_act).where(claim_act.c.id == id)).first()


def note(conn: Connection, values: Mapping[str, Any]) -> None:
    """Write down what was done or came."""
    conn.execute(insert(claim_act).values(values))


def page(conn: Connection, whose: Whose, asked: Asked, most: int) -> list[Row[Any]]:
    """The claims of a tab in the order that is asked for, at most so many."""
    found, by = _found(whose, asked), _by(asked.sort)
    if asked.after:
        value, id = asked.after
        beyond = by < value if asked.down else by > value
        found = found.where(or_(beyond, and_(by == value, claim.c.id > id)))
    ordered = (by.desc() if asked.down else by, claim.c.id)
    first = found.with_only_columns(claim.c.id).order_by(*ordered).limit(most).subquery()  # whole rows only of these
    return list(conn.execute(select(claim).join(first, first.c.id == claim.c.id).order_by(*ordered)))


def place(row: Row[Any], sort: Sort) -> tuple[int | str, str]:
    """Where a claim stands in an order."""
    values: dict[Sort, int | str] = {
        "due": FOREVER if row.due is None else row.due, "amount": -(row.denied + row.short), "patient": row.sort_name,
        "payer": row.payer_name, "since": row.since or "",
    }  # fmt: skip
    return values[sort], row.id


def _by(sort: Sort) -> ColumnElement[Any]:
    columns: dict[Sort, ColumnElement[Any]] = {
        "due": func.coalesce(claim.c.due, FOREVER), "amount": -(claim.c.denied + claim.c.short),
        "patient": claim.c.sort_name, "payer": claim.c.payer_name, "since": func.coalesce(claim.c.since, ""),
    }  # fmt: skip
    return columns[sort]


def totals(conn: Connection, whose: Whose, asked: Asked, tabs: Sequence[Tab]) -> dict[Tab, tuple[int, int, int]]:
    """Of each tab with these words and choices: how many claims, how much of them is denied, how much paid short. Each
    is counted where it stands in the index: most tabs are a few of all claims."""
    sums = [func.coalesce(func.sum(each), 0) for each in (claim.c.denied, claim.c.short)]
    counted = [
        _found(whose, replace(asked, tab=tab, after=None)).with_only_columns(literal(n), func.count(), *sums)
        for n, tab in enumerate(tabs)
    ]
    return {tabs[n]: (int(k), int(denied), int(short)) for n, k, denied, short in conn.execute(union_all(*counted))}


def choices(
    conn: Connection, whose: Whose, asked: Asked, facets: Sequence[Facet]
) -> dict[Facet, list[tuple[str, int, int]]]:
    """What there is to choose from, by facet: value, how many claims, how much of them is denied; the dearest first.
    What is chosen of a facet does not narrow that very one."""
    found: dict[Facet, list[tuple[str, int, int]]] = {facet: [] for facet in facets}
    counted = (_choices(whose, asked, facet, n) for n, facet in enumerate(facets))
    for n, value, k, sum_ in conn.execute(union_all(*counted)):
        found[facets[n]].append((str(value), int(k), int(sum_ or 0)))
    for each in found.values():
        each.sort(key=lambda one: (-one[2], -one[1], one[0]))
    return found


def _choices(whose: Whose, asked: Asked, facet: Facet, n: int) -> Select[Any]:
    open_: dict[str, Any] = {facet: ""}
    claims, why = _found(whose, replace(asked, **open_, after=None)), claim_adjustment.c
    if facet == "reason":
        distinct = func.count(func.distinct(why.claim))
        joined = claims.with_only_columns(literal(n), why.reason, distinct, func.sum(why.amount))
        joined = joined.join(claim_adjustment, why.claim == claim.c.id)
        return joined.where(why.denies, claim.c.denied > 0).group_by(why.reason)  # of most nothing is denied
    column = {"payer": claim.c.payer_name, "code": claim.c.code, "agreement": claim.c.agreement_number,
              "status": claim.c.status}[facet]  # fmt: skip
    grouped = claims.with_only_columns(literal(n), column, func.count(), func.sum(claim.c.denied))
    return grouped.where(column.is_not(None), column != "").group_by(column)


def _of(whose: Whose) -> Select[Any]:
    found = select(claim)
    if whose.offices is not None:
        found = found.where(claim.c.office.in_(whose.offices))
    if whose.withheld:
        found = found.where(or_(claim.c.patient.is_(None), claim.c.patient.not_in(whose.withheld)))
    return found


def _found(whose: Whose, asked: Asked) -> Select[Any]:
    found = _of(whose).where(_tab(asked))
    for column, said in (
        (claim.c.payer_name, asked.payer), (claim.c.agreement_number, asked.agreement), (claim.c.status, asked.status),
    ):  # fmt: skip
        found = found.where(column == said) if said else found
    if asked.code:
        found = found.where(claim.c.code == asked.code)
    if asked.reason:
        why = claim_adjustment.c
        found = found.where(claim.c.id.in_(select(why.claim).where(why.reason == asked.reason, why.denies)))
    if said := asked.words.strip():
        plain = fold(said)
        exact = (claim.c.number, claim.c.payer_number, claim.c.member, claim.c.authorization_number, claim.c.payment)
        named = claim.c.sort_name.startswith(plain, autoescape=True)
        found = found.where(or_(named, claim.c.code == said.upper(), *(each == said for each in exact)))
    return found


def _tab(asked: Asked) -> ColumnElement[bool]:
    work, unmatched = claim.c.work, claim.c.doubts != "[]"
    tests: dict[Tab, ColumnElement[bool]] = {
        "denied": and_(work.in_(_OPEN), claim.c.status.in_(_REFUSED)),
        "due": and_(work.in_(_OPEN), claim.c.due <= asked.now + _SOON * _DAY),
        "short": and_(work.in_(_OPEN), claim.c.short > 0),
        "unmatched": and_(work.in_(_OPEN), unmatched),
        "second": work == "asked",
        "waiting": work.in_(("corrected", "appealed")),
        "paid": claim.c.status.in_(("paid", "accepted")),
        "all": true(),
    }
    return tests[asked.tab]
