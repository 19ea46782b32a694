"""The rows of requests for authorization: kept in the transaction of what they rest on, and read one by one by those
whose they are. Their lists: see lists.py."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from carecoord.store.database import bulk, driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.driver import every, execute, first
from carecoord.store.database.tables import resource
from carecoord.store.prior_auth.queues import QueueTab
from carecoord.store.prior_auth.tables import authorization_lock as lock
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import authorization_word as word
from carecoord.store.worklist import search_words

_LIFTED: Final = ("lines", "orders", "parties", "visits")  # columns that are JSON
GRANTED: Final = ("approved", "modified", "partly")
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
OfficeTab = Literal["due", "drafts", "info", "expiring", "limit", "outside", "denied", "past", "today", "open", "all"]
Tab = Literal[QueueTab, OfficeTab]
Sort = Literal["due", "patient", "payer", "ends"]
Side = Literal["office", "payer"]


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
    found = (dict(zip(_COLUMNS, each, strict=True)) for each in every(conn, *asked_of(patients)))
    return {each["root"]: each for each in found}


def asked_of(patients: Iterable[str]) -> driver.Asked:
    """What is asked of the rows of these patients."""
    return _of_patients, {"patients": listed(sorted(patients))}


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
    found = mine(whose).where(row.c.patient == patient).order_by(row.c.received.desc(), row.c.root)
    return list(conn.execute(found))


def requested(conn: Connection, payer: Whose, patient: str) -> list[Requested]:
    """What was asked of a payer for a patient."""
    if patient in payer.withheld:
        return []
    asked = {"patient": patient, "keys": listed(payer.keys or ())}
    return [Requested(*each) for each in every(conn, _requested, asked)]


def one(conn: Connection, whose: Whose, root: str) -> Row[Any] | None:
    """A row by its root, if the asker may know of it."""
    return conn.execute(mine(whose).where(row.c.root == root)).first()


def appeals(conn: Connection, whose: Whose, payer: str) -> list[tuple[str, str, bool]]:
    """What came of every appeal to a payer, `system|value`, that it answered: (code, reason of the denial, whether it
    was taken back)."""
    said = mine(whose).where(row.c.payer_key == payer, row.c.overturned.is_not(None))
    found = conn.execute(said.with_only_columns(row.c.code, func.coalesce(row.c.denial, ""), row.c.overturned))
    return [(code, reason, bool(back)) for code, reason, back in found]


def decided_since(conn: Connection, whose: Whose, since: int) -> list[Row[Any]]:
    """What was decided since an instant (microseconds): payer, code, provider and state of each."""
    wanted = (row.c.payer_key, row.c.payer_name, row.c.code, row.c.service, row.c.provider, row.c.state)
    return list(conn.execute(mine(whose).where(row.c.decided >= since, row.c.sent).with_only_columns(*wanted)))


def alike(conn: Connection, patient: str, root: str) -> list[Row[Any]]:
    """The other open requests for a patient."""
    others = select(row).where(row.c.patient == patient, row.c.root != root, row.c.open)
    return list(conn.execute(others.order_by(row.c.root)))


def mine(whose: Whose) -> Select[Any]:
    """The rows of which somebody may know."""
    found = select(row)
    if whose.keys is not None:
        sides = ("payer",) if whose.side == "payer" else ("placer", "performer")
        theirs = select(party.c.root).where(party.c.side.in_(sides), party.c.key.in_(whose.keys))
        found = found.where(row.c.root.in_(theirs))
    return found.where(row.c.patient.not_in(whose.withheld)) if whose.withheld else found


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
