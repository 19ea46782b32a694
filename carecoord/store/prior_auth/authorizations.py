"""The rows of requests for authorization: kept in the transaction of what they rest on, and read by those whose they
are. A count is the length of its list: both are made of the same tests; it stops at `MANY`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)

from carecoord.fhir.instants import FOREVER
from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.driver import every, execute, first
from carecoord.store.database.tables import resource
from carecoord.store.prior_auth import queues
from carecoord.store.prior_auth.queues import QueueTab
from carecoord.store.prior_auth.tables import authorization_lock as lock
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import authorization_word as word
from carecoord.store.worklist import search_words

MANY: Final = 1000  # a count that reaches it is shown as "999+"
_LIFTED: Final = ("lines", "orders", "parties", "visits")  # columns that are JSON
_GRANTED: Final = ("approved", "modified", "partly")
_REFUSED: Final = ("denied", "partly", "modified")
_COLUMNS: Final = tuple(row.c.keys())
_due = (
    select(row.c.patient).where(row.c.changes_at <= bindparam("now")).order_by(row.c.changes_at, row.c.root)
    .limit(bindparam("most"))
)  # fmt: skip
_late = select(row.c.root).where(row.c.patient == bindparam("patient"), row.c.changes_at <= bindparam("now")).limit(1)
_requests = select(resource.c.rid, resource.c.id).where(resource.c.type == "Claim", OneOf(resource.c.rid, "rids"))
_of_patients = select(row).where(OneOf(row.c.patient, "patients"))
_told = exists().where(party.c.root == row.c.root, party.c.side == "payer", OneOf(party.c.key, "keys"))
_requested = select(row.c.claim, row.c.state, row.c.code).where(row.c.patient == bindparam("patient"), _told)
DAY: Final = 86_400_000_000  # microseconds
ALL: Final = 50_000  # rows of a file
OfficeTab = Literal["due", "drafts", "info", "expiring", "limit", "outside", "denied", "past", "today", "open", "all"]
Tab = Literal[QueueTab, OfficeTab]
Sort = Literal["due", "patient", "payer", "ends"]
Side = Literal["office", "payer"]
SOON: Final = 14  # days ahead in which an approval is about to end
FEW: Final = 2  # units left at which an approval is near its limit


@dataclass(frozen=True)
class Whose:
    """Whose rows: of an office (ids of its Organizations, as placer or performer; None: of every office) or of a payer
    (its identifiers, `system|value`); withheld: the patients who are kept from the asker all the same."""

    side: Side
    keys: tuple[str, ...] | None
    withheld: tuple[str, ...] = ()


class Requested(NamedTuple):
    """What was asked for: of the row of a request its newest Claim, `Claim/id`, its state and the code of its first
    service."""

    claim: str
    state: str
    code: str


@dataclass(frozen=True)
class Asked:
    """What is asked for, at an instant (microseconds). after: (value of the sort, root) of the last; account: who asks.
    sort: None as the side's own clock has it; down: the other way round. payer, owner, state: only these, where any is
    given; roots: these rows, `Claim/id`, where any are named. today: when the day ends (microseconds)."""

    now: int
    tab: Tab
    words: str = ""
    after: tuple[int | str, str] | None = None
    account: str = ""
    sort: Sort | None = None
    down: bool = False
    payer: str = ""
    owner: str = ""
    state: str = ""
    today: int = 0
    roots: tuple[str, ...] = ()


def keep(conn: Connection, patients: Iterable[str], made: Mapping[str, Mapping[str, Any]], now: int) -> None:
    """Let the rows of these patients be those, by root; what stands there already stays untouched."""
    held, wanted = _held(conn, patients), {root: _stored(each) for root, each in made.items()}
    stale = _stale(held, wanted)
    if not stale:
        return
    moved = {root for root in stale if _found_by(held.get(root)) != _found_by(wanted.get(root))}
    if known := moved & held.keys():
        for table in (party, word):
            conn.execute(delete(table).where(table.c.root.in_(known)))
    if gone := stale - wanted.keys():
        conn.execute(delete(row).where(row.c.root.in_(gone)))
    for root in sorted(stale & wanted.keys()):
        values = {**wanted[root], "updated": now}
        if root in held:
            differs = {name: value for name, value in values.items() if held[root][name] != value}
            conn.execute(update(row).where(row.c.root == root).values(differs))
        else:
            execute(conn, _fresh(tuple(values)), values)
    _index(conn, {root: wanted[root] for root in sorted(moved & wanted.keys())})


@cache
def _fresh(columns: tuple[str, ...]) -> Insert:
    return insert(row).values({name: bindparam(name) for name in columns})


def due(conn: Connection, now: int, most: int) -> list[str]:
    """The patients of up to `most` requests whose orders are not here and whose time (microseconds) has come, the
    longest due first."""
    return [patient for (patient,) in every(conn, _due, {"now": now, "most": most})]


def are_late(conn: Connection, patient: str, now: int) -> bool:
    """Whether the time of one of those of a patient has come."""
    return first(conn, _late, {"patient": patient, "now": now}) is not None


def among(conn: Connection, rids: Iterable[int]) -> dict[int, str]:
    """Those of these row numbers that are requests, each `Claim/id`."""
    return {rid: f"Claim/{id}" for rid, id in every(conn, _requests, {"rids": listed(sorted(rids))})}


def wake(conn: Connection, claims: Collection[str] | None, now: int) -> None:
    """Let these requests, `Claim/id`, be judged anew from now on; None: all whose order is not here."""
    if claims is None or claims:
        these = row.c.orders == "[]" if claims is None else row.c.claim.in_(claims)
        conn.execute(update(row).where(these).values(changes_at=now))


def defer(conn: Connection, patient: str, now: int, until: int) -> None:
    """Judge those of a patient whose time has come, and that can not be judged, no sooner than then."""
    late = (row.c.patient == patient, row.c.changes_at <= now)
    conn.execute(update(row).where(*late).values(changes_at=until))


def differing(conn: Connection, patient: str, made: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The roots of a patient's rows that are not as they are made here."""
    return sorted(_stale(_held(conn, [patient]), {root: _stored(each) for root, each in made.items()}))


def _held(conn: Connection, patients: Iterable[str]) -> dict[str, dict[str, Any]]:
    asked = {"patients": listed(sorted(patients))}
    found = (dict(zip(_COLUMNS, each, strict=True)) for each in every(conn, _of_patients, asked))
    return {each["root"]: each for each in found}


def _stale(held: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> set[str]:
    same = {root for root, each in wanted.items()
            if root in held and all(held[root][name] == value for name, value in each.items())}  # fmt: skip
    return {*held, *wanted} - same


def _stored(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.json.encode(value).decode() if name in _LIFTED else value for name, value in columns.items()}


def _found_by(columns: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple(columns[name] for name in ("parties", "searched", "payer_searched")) if columns else ()


def _index(conn: Connection, rows: Mapping[str, Mapping[str, Any]]) -> None:
    parties: list[bulk.Values] = []
    words: list[bulk.Values] = []
    for root, columns in rows.items():
        parties += ((side, key, root) for side, key in msgspec.json.decode(columns["parties"]))
        known = search_words.words(columns["payer_searched"])
        words += ((each, root, each in known) for each in search_words.words(columns["searched"]))
    bulk.insert(conn, party, parties)
    bulk.insert(conn, word, words)


def propose(conn: Connection, claim: str, since: int | None) -> None:
    """Note since when a denial of a request, `Claim/id`, waits for a second person; None: none does."""
    conn.execute(update(row).where(row.c.claim == claim).values(proposed=since))


def of_patient(conn: Connection, patient: str) -> list[Row[Any]]:
    """Every row of a patient, by root."""
    return list(conn.execute(select(row).where(row.c.patient == patient).order_by(row.c.root)))


def patients_of_number(conn: Connection, number: str) -> set[str]:
    """The patients of the rows whose card has this number."""
    near = [select(word.c.root).where(word.c.word == each) for each in search_words.words(number)]
    found = select(row.c.patient).where(row.c.member_id == number, *(row.c.root.in_(each) for each in near))
    return set(conn.scalars(found))


def of_member(conn: Connection, whose: Whose, patient: str) -> list[Row[Any]]:
    """The rows of a patient of which the asker may know, the newest first."""
    found = _of(whose).where(row.c.patient == patient).order_by(row.c.received.desc(), row.c.root)
    return list(conn.execute(found))


def requested(conn: Connection, payer: Whose, patient: str) -> list[Requested]:
    """What was asked of a payer for a patient."""
    if patient in payer.withheld:
        return []
    asked = {"patient": patient, "keys": listed(payer.keys or ())}
    return [Requested(*each) for each in every(conn, _requested, asked)]


def one(conn: Connection, whose: Whose, root: str) -> Row[Any] | None:
    """A row by its root, if the asker may know of it."""
    return conn.execute(_of(whose).where(row.c.root == root)).first()


def page(conn: Connection, whose: Whose, asked: Asked, most: int) -> list[Row[Any]]:
    """The rows of a tab in the order in which something is due, or in the one that is asked for, at most so many."""
    found, by = _found(whose, asked), _sorted_by(asked)
    if asked.after:
        place, last = tuple_(by, row.c.root), tuple_(*asked.after)
        found = found.where(place < last if asked.down else place > last)
    ordered = (by.desc(), row.c.root.desc()) if asked.down else (by, row.c.root)
    return list(conn.execute(found.order_by(*ordered).limit(most)))


def place(found: Row[Any], asked: Asked) -> tuple[int | str, str]:
    """Where a row stands in the order that was asked for."""
    over = found.state in _GRANTED and not found.outside and found.ends is not None and found.ends <= asked.now
    value = {
        None: found.sort_due, "due": FOREVER if over else found.sort_office, "patient": found.patient_sort,
        "payer": found.payer_name or "", "ends": FOREVER if found.ends is None else found.ends,
    }[asked.sort]  # fmt: skip
    return value, found.root


def _sorted_by(asked: Asked) -> ColumnElement[Any]:
    return {
        None: row.c.sort_due, "due": case((_over(asked.now), FOREVER), else_=row.c.sort_office),
        "patient": row.c.patient_sort,
        "payer": func.coalesce(row.c.payer_name, ""), "ends": func.coalesce(row.c.ends, FOREVER),
    }[asked.sort]  # fmt: skip


def counts(conn: Connection, whose: Whose, asked: Asked, tabs: Sequence[Tab]) -> dict[str, int]:
    """How many under each tab with these words and choices, each at most MANY."""
    lists = (_found(whose, replace(asked, tab=tab, after=None)).with_only_columns(row.c.root).limit(MANY).subquery()
             for tab in tabs)  # fmt: skip
    counted = conn.execute(select(*(select(func.count()).select_from(each).scalar_subquery() for each in lists))).one()
    return dict(zip(tabs, (int(n) for n in counted), strict=True))


def choices(conn: Connection, whose: Whose) -> dict[str, list[tuple[str, str]]]:
    """The payers and the owners among the open rows: (key, name), in the order of the names."""
    found = {}
    for name, key, label in (("payer", row.c.payer_key, row.c.payer_name), ("owner", row.c.owner, row.c.owner_name)):
        some = _of(whose).where(row.c.open, key.is_not(None)).with_only_columns(key, func.max(label)).group_by(key)
        found[name] = sorted(((str(k), str(v or k)) for k, v in conn.execute(some)), key=lambda each: each[1])
    return found


def appeals(conn: Connection, whose: Whose, payer: str) -> list[tuple[str, str, bool]]:
    """What came of every appeal to a payer, `system|value`, that it answered: (code, reason of the denial, whether it
    was taken back)."""
    said = _of(whose).where(row.c.payer_key == payer, row.c.overturned.is_not(None))
    found = conn.execute(said.with_only_columns(row.c.code, func.coalesce(row.c.denial, ""), row.c.overturned))
    return [(code, reason, bool(back)) for code, reason, back in found]


def decided_since(conn: Connection, whose: Whose, since: int) -> list[Row[Any]]:
    """What was decided since an instant (microseconds): payer, code, provider and state of each."""
    wanted = (row.c.payer_key, row.c.payer_name, row.c.code, row.c.service, row.c.provider, row.c.state)
    return list(conn.execute(_of(whose).where(row.c.decided >= since, row.c.sent).with_only_columns(*wanted)))


def alike(conn: Connection, patient: str, root: str) -> list[Row[Any]]:
    """The other open requests for a patient."""
    others = select(row).where(row.c.patient == patient, row.c.root != root, row.c.open)
    return list(conn.execute(others.order_by(row.c.root)))


def _of(whose: Whose) -> Select[Any]:
    found = select(row)
    if whose.keys is not None:
        sides = ("payer",) if whose.side == "payer" else ("placer", "performer")
        mine = select(party.c.root).where(party.c.side.in_(sides), party.c.key.in_(whose.keys))
        found = found.where(row.c.root.in_(mine))
    return found.where(row.c.patient.not_in(whose.withheld)) if whose.withheld else found


def _found(whose: Whose, asked: Asked) -> Select[Any]:
    found = _of(whose).where(_tab(asked))
    found = found.where(row.c.root.in_(asked.roots)) if asked.roots else found
    for column, said in ((row.c.payer_key, asked.payer), (row.c.owner, asked.owner), (row.c.state, asked.state)):
        found = found.where(column == said) if said else found
    for start in search_words.asked(asked.words):
        near = select(word.c.root).where(word.c.word >= start, word.c.word < start + "\uffff")
        found = found.where(row.c.root.in_(near.where(word.c.payer) if whose.side == "payer" else near))
    return found


def _over(now: int) -> ColumnElement[bool]:
    """What was granted and has ended, and no visit hangs on it."""
    return and_(row.c.state.in_(_GRANTED), row.c.outside == 0, func.coalesce(row.c.ends, FOREVER) <= now)


def _tab(asked: Asked) -> ColumnElement[bool]:
    """What stands under a tab. A payer's: waits for it, by its clock. An office's: has to be done something about."""
    now = asked.now
    granted = and_(row.c.state.in_(_GRANTED), or_(row.c.ends.is_(None), row.c.ends > now))
    of_payer: Mapping[Any, ColumnElement[bool]] = queues.tests(now, asked.account)
    tests: dict[Tab, ColumnElement[bool]] = {
        **of_payer,
        "due": row.c.state.in_(("draft", "error", *queues.WAITING)),
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


def on_it(conn: Connection, roots: Iterable[str], now: int) -> dict[str, Row[Any]]:
    """Who is on these requests at an instant, by root."""
    wanted = list(roots)
    found = conn.execute(select(lock).where(lock.c.root.in_(wanted), lock.c.until > now)) if wanted else ()
    return {each.root: each for each in found}


def take(conn: Connection, root: str, account: str, name: str, until: int) -> None:
    """Write down who is on a request until when; whoever was before is not any more."""
    conn.execute(delete(lock).where(lock.c.root == root))
    conn.execute(insert(lock).values(root=root, account=account, name=name, until=until))


def let_go(conn: Connection, root: str, account: str) -> None:
    """Forget that somebody is on a request."""
    conn.execute(delete(lock).where(lock.c.root == root, lock.c.account == account))
