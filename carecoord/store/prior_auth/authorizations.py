"""The rows of requests for authorization: kept in the transaction of what they rest on, and read by those whose they
are. A count is the length of its list: both are made of the same tests; it stops at `MANY`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)

from carecoord.store.prior_auth import queues
from carecoord.store.prior_auth.queues import QueueTab
from carecoord.store.prior_auth.tables import authorization_lock as lock
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import authorization_word as word
from carecoord.store.worklist import search_words

MANY: Final = 1000  # a count that reaches it is shown as "999+"
_LIFTED: Final = ("lines", "orders", "parties")  # columns that are JSON
_GRANTED: Final = ("approved", "modified", "partly")
_REFUSED: Final = ("denied", "partly", "modified")
DAY: Final = 86_400_000_000  # microseconds
Tab = Literal[QueueTab, "due", "expiring", "limit", "info", "denied", "open", "all"]
Side = Literal["office", "payer"]
SOON: Final = 14  # days ahead in which an approval is about to end
FEW: Final = 2  # units left at which an approval is near its limit


@dataclass(frozen=True)
class Whose:
    """Whose rows: of an office (ids of its Organizations, as placer or performer) or of a payer (its identifiers,
    `system|value`); withheld: the patients who are kept from the asker all the same."""

    side: Side
    keys: tuple[str, ...]
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What is asked for, at an instant (microseconds). after: (sort_due, root) of the last; account: who asks."""

    now: int
    tab: Tab
    words: str = ""
    after: tuple[int, str] | None = None
    account: str = ""


def keep(conn: Connection, patient: str, made: Mapping[str, Mapping[str, Any]], now: int) -> None:
    """Let the rows of a patient be those, by root; what stands there already stays untouched."""
    held = {each["root"]: dict(each) for each in conn.execute(select(row).where(row.c.patient == patient)).mappings()}
    wanted = {root: _stored(each) for root, each in made.items()}
    same = {root for root, each in wanted.items()
            if root in held and all(held[root][name] == value for name, value in each.items())}  # fmt: skip
    stale = (held.keys() | wanted.keys()) - same
    if not stale:
        return
    for table in (party, word):
        conn.execute(delete(table).where(table.c.root.in_(stale)))
    conn.execute(delete(row).where(row.c.root.in_(stale - wanted.keys())))
    for root in sorted(stale & wanted.keys()):
        values = {**wanted[root], "updated": now}
        if root in held:
            conn.execute(update(row).where(row.c.root == root).values(values))
        else:
            conn.execute(insert(row).values(values))
        _index(conn, root, values)


def _stored(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.json.encode(value).decode() if name in _LIFTED else value for name, value in columns.items()}


def _index(conn: Connection, root: str, columns: Mapping[str, Any]) -> None:
    sides = [{"side": side, "key": key, "root": root} for side, key in msgspec.json.decode(columns["parties"])]
    if sides:
        conn.execute(insert(party), sides)
    known = search_words.words(columns["payer_searched"])
    found = [{"word": each, "root": root, "payer": each in known} for each in search_words.words(columns["searched"])]
    if found:
        conn.execute(insert(word), found)


def propose(conn: Connection, claim: str, since: int | None) -> None:
    """Note since when a denial of a request, `Claim/id`, waits for a second person; None: none does."""
    conn.execute(update(row).where(row.c.claim == claim).values(proposed=since))


def of_patient(conn: Connection, patient: str) -> list[Row[Any]]:
    """Every row of a patient, by root."""
    return list(conn.execute(select(row).where(row.c.patient == patient).order_by(row.c.root)))


def of_member(conn: Connection, whose: Whose, patient: str) -> list[Row[Any]]:
    """The rows of a patient of which the asker may know, the newest first."""
    found = _of(whose).where(row.c.patient == patient).order_by(row.c.received.desc(), row.c.root)
    return list(conn.execute(found))


def one(conn: Connection, whose: Whose, root: str) -> Row[Any] | None:
    """A row by its root, if the asker may know of it."""
    return conn.execute(_of(whose).where(row.c.root == root)).first()


def page(conn: Connection, whose: Whose, asked: Asked, most: int) -> list[Row[Any]]:
    """The rows of a tab in the order in which something is due, at most so many."""
    found = _found(whose, asked)
    if asked.after:
        found = found.where(tuple_(row.c.sort_due, row.c.root) > tuple_(*asked.after))
    return list(conn.execute(found.order_by(row.c.sort_due, row.c.root).limit(most)))


def counts(conn: Connection, whose: Whose, asked: Asked, tabs: Sequence[Tab]) -> dict[str, int]:
    """How many under each tab with these words, each at most MANY."""
    lists = (_found(whose, replace(asked, tab=tab, after=None)).with_only_columns(row.c.root).limit(MANY).subquery()
             for tab in tabs)  # fmt: skip
    counted = conn.execute(select(*(select(func.count()).select_from(each).scalar_subquery() for each in lists))).one()
    return dict(zip(tabs, (int(n) for n in counted), strict=True))


def _of(whose: Whose) -> Select[Any]:
    sides = ("payer",) if whose.side == "payer" else ("placer", "performer")
    mine = select(party.c.root).where(party.c.side.in_(sides), party.c.key.in_(whose.keys))
    found = select(row).where(row.c.root.in_(mine))
    return found.where(row.c.patient.not_in(whose.withheld)) if whose.withheld else found


def _found(whose: Whose, asked: Asked) -> Select[Any]:
    found = _of(whose).where(_tab(asked))
    for start in search_words.asked(asked.words):
        near = select(word.c.root).where(word.c.word >= start, word.c.word < start + "\uffff")
        found = found.where(row.c.root.in_(near.where(word.c.payer) if whose.side == "payer" else near))
    return found


def _tab(asked: Asked) -> ColumnElement[bool]:
    """What stands under a tab. A payer's: waits for it, by its clock. An office's: has to be done something about."""
    now = asked.now
    granted = and_(row.c.state.in_(_GRANTED), or_(row.c.ends.is_(None), row.c.ends > now))
    tests: dict[Tab, ColumnElement[bool]] = {
        **queues.tests(now, asked.account),
        "due": row.c.state.in_(("draft", "error", *queues.WAITING)),
        "expiring": and_(granted, row.c.ends <= now + SOON * DAY),
        "limit": and_(granted, row.c.left.in_([str(n) for n in range(FEW + 1)]), row.c.authorized != "1"),
        "info": row.c.state == "asked",
        "denied": and_(row.c.state.in_(_REFUSED), or_(row.c.appeal_by.is_(None), row.c.appeal_by > now)),
        "open": row.c.open,
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
