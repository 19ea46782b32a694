"""Claims with their lines and adjustments: kept whole in one transaction, and listed for the office whose they are. A
count, a sum and its list are made of the same tests, of claims or of the tallies of them."""

from collections.abc import Iterator, Mapping, Sequence
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
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from carecoord.fhir.instants import FOREVER
from carecoord.fhir.search.collation import fold
from carecoord.store.claims import tallies
from carecoord.store.claims.tables import claim, claim_act, claim_adjustment, claim_line
from carecoord.store.claims.tables import claim_tally as tally
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.engine import once

Tab = Literal["denied", "due", "short", "unmatched", "second", "waiting", "paid", "all"]
Sort = Literal["due", "amount", "patient", "payer", "since"]
Facet = Literal["reason", "payer", "code", "agreement", "status"]
ALL: Final = 50_000  # rows of a file
_DAY: Final = 86_400_000_000
_SOON: Final = 14  # days
_FEW: Final = 2000  # claims that are named one by one
_REFUSED: Final = ("refused", "partly", "denied", "reversed", "unclear")
_OPEN: Final = ("open", "asked")


@dataclass(frozen=True)
class Whose:
    """Whose claims: of these offices (None: of all), but not of the patients who are kept from the asker."""

    offices: tuple[str, ...] | None
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What is asked for, at an instant (microseconds). after: (value of the sort, id) of the last. ids: what the words
    were found to mean."""

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
    ids: tuple[str, ...] | None = None


def keep(
    conn: Connection, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]],
    adjustments: Sequence[Mapping[str, Any]],
) -> None:  # fmt: skip
    """Let a claim be so, with these lines and adjustments; none of them: those that it has stay."""
    id = row["id"]
    held = _locked(conn, id)
    reasons = _reasons(conn, id) if held else {}
    if held is None:
        conn.execute(insert(claim).values({**row, "version": 1}))
    else:
        conn.execute(update(claim).where(claim.c.id == id).values({**row, "version": held.version + 1}))
    replaced = bool(lines or adjustments)
    told = tallies.by_reason(adjustments) if replaced else reasons
    tallies.move(conn, tallies.cells(held._asdict(), reasons) if held else {}, tallies.cells(row, told))
    if not replaced:
        return
    for table, rows in ((claim_line, lines), (claim_adjustment, adjustments)):
        conn.execute(delete(table).where(table.c.claim == id))
        if rows:
            conn.execute(insert(table), [{"claim": id, **each} for each in rows])


def change(conn: Connection, id: str, version: int, values: Mapping[str, Any]) -> bool:
    """Change a claim that is at a version; returns whether it was."""
    held = _locked(conn, id)
    if held is None or held.version != version:
        return False
    conn.execute(update(claim).where(claim.c.id == id).values({**values, "version": version + 1}))
    reasons = _reasons(conn, id)
    tallies.move(conn, tallies.cells(held._asdict(), reasons), tallies.cells(held._asdict() | dict(values), reasons))
    return True


def _locked(conn: Connection, id: str) -> Row[Any] | None:
    """The version of a claim and all by which it is counted, which nobody else changes until this transaction ends."""
    columns = (claim.c.version, *(claim.c[name] for name in tallies.COUNTED))
    return conn.execute(select(*columns).where(claim.c.id == id).with_for_update()).first()


def _reasons(conn: Connection, id: str) -> dict[str, int]:
    why = claim_adjustment.c
    found = select(why.reason, why.amount, why.denies).where(why.claim == id)
    return tallies.by_reason(each._asdict() for each in conn.execute(found))


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
    asked = _meant(conn, whose, asked)
    found, by = _found(whose, asked), _by(asked.sort)
    if asked.after:
        value, id = asked.after
        beyond = by < value if asked.down else by > value
        found = found.where(or_(beyond, and_(by == value, claim.c.id > id)))
    ordered = (by.desc() if asked.down else by, claim.c.id)
    first = found.with_only_columns(claim.c.id).order_by(*ordered).limit(most).subquery()  # whole rows only of these
    whole = select(claim).join(first, first.c.id == claim.c.id).order_by(*ordered)
    return list(conn.execute(whole, _values(asked)))


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
    """Of each tab with these words and choices: how many claims, how much of them is denied, how much paid short. Of
    all claims by their tallies; of those that are chosen each is counted where it stands in the index."""
    asked = _meant(conn, whose, asked)
    lists = (replace(asked, tab=tab, after=None) for tab in tabs)
    counted = [one for n, each in enumerate(lists) for one in _sums(whose, each, n)]
    found = dict.fromkeys(tabs, (0, 0, 0))
    for n, *sums in conn.execute(union_all(*counted), _values(asked)):
        claims, denied, short = (was + int(more or 0) for was, more in zip(found[tabs[n]], sums, strict=True))
        found[tabs[n]] = (claims, denied, short)
    return found


def _sums(whose: Whose, asked: Asked, n: int) -> Iterator[Select[Any]]:
    """What adds up to the sums of a list: n, claims, denied, short."""
    which: ColumnElement[Any] = literal(n)
    if not _is_tallied(asked):
        yield _found(whose, asked).with_only_columns(which, *_summed())
        return
    sums = (func.sum(each) for each in (tally.c.claims, tally.c.denied, tally.c.short))
    yield _tallied(whose, asked, "all").with_only_columns(which, *sums)
    if whose.withheld:
        yield _withheld(whose, asked).with_only_columns(which, *(-func.coalesce(each, 0) for each in _summed()))


def _summed() -> tuple[ColumnElement[Any], ...]:
    return func.count(), func.sum(claim.c.denied), func.sum(claim.c.short)


def _is_tallied(asked: Asked) -> bool:
    """Whether the list is of whole cells: what is found by words, or chosen by anything but its status, is counted by
    itself, and so is what time alone makes due."""
    chosen = (asked.words.strip(), asked.reason, asked.payer, asked.code, asked.agreement)
    return asked.tab != "due" and asked.ids is None and not any(chosen)


def _tallied(whose: Whose, asked: Asked, kind: tallies.Kind) -> Select[Any]:
    """The cells of a list."""
    found = select(tally).where(tally.c.kind == kind, _tab(asked, tally.c, tally.c.doubted, tally.c.underpaid))
    found = found.where(tally.c.status == asked.status) if asked.status else found
    return found if whose.offices is None else found.where(tally.c.office.in_(whose.offices))


def _withheld(whose: Whose, asked: Asked) -> Select[Any]:
    """Of a list the claims of the patients who are kept from the asker, which the tallies count too."""
    return _found(replace(whose, withheld=()), asked).where(claim.c.patient.in_(whose.withheld))


def choices(
    conn: Connection, whose: Whose, asked: Asked, facets: Sequence[Facet]
) -> dict[Facet, list[tuple[str, int, int]]]:
    """What there is to choose from, by facet: value, how many claims, how much of them is denied; the dearest first.
    What is chosen of a facet does not narrow that very one."""
    asked = _meant(conn, whose, asked)
    counted = [one for n, facet in enumerate(facets) for one in _choices(whose, asked, facet, n)]
    sums: dict[Facet, dict[str, tuple[int, int]]] = {facet: {} for facet in facets}
    for n, value, claims, denied in conn.execute(union_all(*counted), _values(asked)):
        held = sums[facets[n]].get(str(value), (0, 0))
        sums[facets[n]][str(value)] = (held[0] + int(claims), held[1] + int(denied or 0))
    found = {facet: [(value, *each) for value, each in those.items() if each[0]] for facet, those in sums.items()}
    for each in found.values():
        each.sort(key=lambda one: (-one[2], -one[1], one[0]))
    return found


def _choices(whose: Whose, asked: Asked, facet: Facet, n: int) -> Iterator[Select[Any]]:
    """What adds up to the choices of a facet: n, value, claims, denied."""
    open_: dict[str, Any] = {facet: ""}
    free = replace(asked, **open_, after=None)
    if not _is_tallied(free):
        yield _grouped(_found(whose, free), facet, n)
        return
    value = tally.c.status if facet == "status" else tally.c.value
    cells = _tallied(whose, free, "all" if facet == "status" else facet)
    sums = (func.sum(each) for each in (tally.c.claims, tally.c.denied))
    yield cells.with_only_columns(literal(n), value, *sums).group_by(value)
    if whose.withheld:
        number, named, claims, denied = _grouped(_withheld(whose, free), facet, n).subquery().c
        yield select(number, named, -claims, -denied)


def _grouped(claims: Select[Any], facet: Facet, n: int) -> Select[Any]:
    why = claim_adjustment.c
    if facet == "reason":
        distinct = func.count(func.distinct(why.claim))
        joined = claims.with_only_columns(literal(n), why.reason, distinct, func.sum(why.amount))
        joined = joined.join(claim_adjustment, why.claim == claim.c.id)
        return joined.where(why.denies, claim.c.denied > 0).group_by(why.reason)  # of most nothing is denied
    column = {"payer": claim.c.payer_name, "code": claim.c.code, "agreement": claim.c.agreement_number,
              "status": claim.c.status}[facet]  # fmt: skip
    grouped = claims.with_only_columns(literal(n), column, func.count(), func.sum(claim.c.denied))
    return grouped.where(column.is_not(None), column != "").group_by(column)


def _meant(conn: Connection, whose: Whose, asked: Asked) -> Asked:
    """The same with the claims that its words mean in their place, where these are not very many. No index knows words:
    they are looked for once in a page, and not by each of its tabs and choices."""
    if not (said := asked.words.strip()):
        return asked
    ids = _of(whose).where(_says(said)).with_only_columns(claim.c.id).limit(_FEW + 1)
    found = once(conn, f"claims of {whose} by {said}", lambda conn: tuple(conn.scalars(ids)))
    return asked if len(found) > _FEW else replace(asked, words="", ids=found)


def _says(said: str) -> ColumnElement[bool]:
    """Whether a claim is found by these words: the beginning of a name, or a number or code whole."""
    exact = (claim.c.number, claim.c.payer_number, claim.c.member, claim.c.authorization_number, claim.c.payment)
    named = claim.c.sort_name.startswith(fold(said), autoescape=True)
    return or_(named, claim.c.code == said.upper(), *(each == said for each in exact))


def _values(asked: Asked) -> dict[str, str]:
    """The values of a statement of such claims."""
    return {} if asked.ids is None else {"ids": listed(asked.ids)}


def _of(whose: Whose) -> Select[Any]:
    found = select(claim)
    if whose.offices is not None:
        found = found.where(claim.c.office.in_(whose.offices))
    if whose.withheld:
        found = found.where(or_(claim.c.patient.is_(None), claim.c.patient.not_in(whose.withheld)))
    return found


def _found(whose: Whose, asked: Asked) -> Select[Any]:
    found = _of(whose).where(_tab(asked, claim.c, claim.c.doubts != "[]", claim.c.short > 0))
    for column, said in (
        (claim.c.payer_name, asked.payer), (claim.c.agreement_number, asked.agreement), (claim.c.status, asked.status),
    ):  # fmt: skip
        found = found.where(column == said) if said else found
    if asked.code:
        found = found.where(claim.c.code == asked.code)
    if asked.reason:
        why = claim_adjustment.c
        found = found.where(claim.c.id.in_(select(why.claim).where(why.reason == asked.reason, why.denies)))
    found = found.where(_says(said)) if (said := asked.words.strip()) else found
    return found.where(OneOf(claim.c.id, "ids")) if asked.ids is not None else found


_Columns = ReadOnlyColumnCollection[str, Any]
_Test = ColumnElement[bool]


def _tab(asked: Asked, columns: _Columns, doubted: _Test, underpaid: _Test) -> _Test:
    """The test of a tab, of claims or of cells of them."""
    tests: dict[Tab, _Test] = {
        "denied": and_(columns.work.in_(_OPEN), columns.status.in_(_REFUSED)),
        "due": and_(columns.work.in_(_OPEN), claim.c.due <= asked.now + _SOON * _DAY),
        "short": and_(columns.work.in_(_OPEN), underpaid),
        "unmatched": and_(columns.work.in_(_OPEN), doubted),
        "second": columns.work == "asked",
        "waiting": columns.work.in_(("corrected", "appealed")),
        "paid": columns.status.in_(("paid", "accepted")),
        "all": true(),
    }
    return tests[asked.tab]
