"""What time alone will make of case rows: known ahead, so that at midnight a page shows each row as it is from then on,
and nobody judges a hundred thousand cases while somebody waits.

A row that is judged says when it changes next; what it will be then is judged ahead of need, and is void as soon as the
case is judged anew for any other reason. Who reads after that instant has the row as it was foreseen, until the row
itself is written.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, select, text

from carecoord.store.database import driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.worklist.bitmaps import changes
from carecoord.store.worklist.tables import case_ahead, case_mark
from carecoord.store.worklist.walks import CLINICAL_MARK

HORIZON: Final = 6 * 3_600_000_000  # microseconds that are looked ahead: from the evening over midnight
UNTOLD: Final = ""  # told of a row of which nobody can say what it will be

_ROWS: Final = {
    "sqlite": "SELECT json_extract(value, '$[0]') AS rid, json_extract(value, '$[1]') AS at FROM json_each(:rows)",
    "postgresql": "SELECT (value ->> 0)::bigint AS rid, (value ->> 1)::bigint AS at "
                  "FROM jsonb_array_elements(CAST(:rows AS jsonb))",
}  # fmt: skip
_NOTED: Final = {
    name: text(
        f"INSERT INTO case_ahead (rid, at, version) SELECT rid, at, 0 FROM ({chosen}) AS chosen WHERE true "  # noqa: S608
        "ON CONFLICT (rid) DO UPDATE SET at = excluded.at, version = case_ahead.version + 1, told = NULL"
    )
    for name, chosen in _ROWS.items()
}
_of = case_ahead.c
_told = (_of.told.is_not(None), _of.told != UNTOLD)
_wanted = (
    select(_of.rid, _of.at, _of.version, case.c.patient)
    .join(case, case.c.rid == _of.rid)
    .where(
        _of.told.is_(None), _of.at > bindparam("now"), _of.at <= bindparam("until"),
        ~exists().where(case_mark.c.rid == _of.rid),
    )
    .order_by(_of.at, _of.rid)
    .limit(bindparam("most"))
)  # fmt: skip
_KEPT: Final = {  # who writes an entry just now makes it void, and is not waited for: they may wait for another of ours
    "sqlite": text(
        "UPDATE case_ahead SET told = said.told FROM (SELECT json_extract(value, '$[0]') AS rid, "
        "json_extract(value, '$[1]') AS version, json_extract(value, '$[2]') AS told FROM json_each(:said)) AS said "
        "WHERE case_ahead.rid = said.rid AND case_ahead.version = said.version AND case_ahead.told IS NULL"
    ),
    "postgresql": text(
        "WITH free AS (SELECT held.rid, said.value ->> 2 AS told "
        "FROM jsonb_array_elements(CAST(:said AS jsonb)) AS said "
        "JOIN case_ahead AS held ON held.rid = (said.value ->> 0)::bigint "
        "AND held.version = (said.value ->> 1)::bigint AND held.told IS NULL FOR UPDATE OF held SKIP LOCKED) "
        "UPDATE case_ahead SET told = free.told FROM free WHERE case_ahead.rid = free.rid"
    ),
}
_of_rows = select(_of.rid, _of.at, _of.told).where(OneOf(_of.rid, "rids"), _of.at <= bindparam("now"), *_told)
_between = select(_of.rid, _of.at, _of.told).where(
    _of.rid > bindparam("after"), _of.rid <= bindparam("last"), _of.at <= bindparam("now"), *_told
)
_count = select(func.count()).select_from(case_ahead).where(_of.told.is_not(None), _of.at <= bindparam("now"))
_crowd = (
    select(_of.at, func.count().label("rows"))
    .where(_of.told.is_not(None), _of.at > bindparam("now"), _of.at <= bindparam("until"))
    .group_by(_of.at)
    .order_by(func.count().desc(), _of.at)
    .limit(1)
)


class Wanted(NamedTuple):
    """A row of which it is to be foreseen what it will be, whose case it is, and when (microseconds). version: by which
    `keep` knows that the case was not judged anew meanwhile."""

    rid: int
    at: int
    version: int
    patient: str


class Ahead(msgspec.Struct, array_like=True, frozen=True):
    """What a row will be. columns: those that differ, always `changes_at` among them. lost, gained: the words by which
    it is found no more, or from then on: (found so by those too who see it whole, the word, so many letters of it are
    shared with a word that it has before and after: a beginning that is longer tells)."""

    columns: dict[str, Any]
    lost: tuple[tuple[bool, str, int], ...] = ()
    gained: tuple[tuple[bool, str, int], ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Ahead).decode


def note(conn: Connection, rows: Mapping[int, int | None], now: int) -> None:
    """Say of rows (rid) that were judged just now when time changes them next (microseconds; None: never). Whatever was
    foreseen of them is void, also where the row stays as it was."""
    if rows:
        driver.execute(conn, _NOTED[conn.dialect.name], {"rows": _encode(sorted(rows.items())).decode()})
        changes.note(conn, [rid for rid, at in rows.items() if at is not None and now < at <= now + HORIZON])


def forget(conn: Connection, rids: Sequence[int]) -> None:
    """Nothing is foreseen of rows that are gone."""
    conn.execute(delete(case_ahead).where(_of.rid.in_(rids)))


def wanted(conn: Connection, now: int, most: int) -> list[Wanted]:
    """Up to `most` rows that time changes within the HORIZON and of which it is not foreseen what they will be, those
    first that change first."""
    asked = {"now": now, "until": now + HORIZON, "most": most}
    return [Wanted(*row) for row in driver.every(conn, _wanted, asked)]


def keep(conn: Connection, foreseen: Sequence[tuple[Wanted, Ahead | None]]) -> None:
    """Keep what was foreseen; None: nobody can say. Of a case that was judged anew meanwhile it is let go."""
    said = [(row.rid, row.version, UNTOLD if ahead is None else _encode(ahead).decode()) for row, ahead in foreseen]
    if said:
        driver.execute(conn, _KEPT[conn.dialect.name], {"said": _encode(said).decode()})


def of(conn: Connection, rids: Sequence[int], now: int) -> dict[int, Ahead]:
    """What those of these rows are that have changed by now, as far as it was foreseen. A row may have changed once
    more since: then its `changes_at` has passed too."""
    if not rids:
        return {}
    return {rid: _decode(told) for rid, _, told in driver.every(conn, _of_rows, {"rids": listed(rids), "now": now})}


def between(conn: Connection, after: int, last: int, now: int) -> dict[int, Ahead]:
    """The same of the rows from behind one number (rid) to another."""
    rows = driver.every(conn, _between, {"after": after, "last": last, "now": now})
    return {rid: _decode(told) for rid, _, told in rows}


def count(conn: Connection, now: int) -> int:
    """Of how many rows that have changed by now it was foreseen what they are."""
    return conn.scalar(_count, {"now": now}) or 0


def crowd(conn: Connection, now: int, until: int, least: int) -> int | None:
    """The instant soon, until which is given, at which most rows change; None where it is none that changes at least so
    many."""
    found = driver.first(conn, _crowd, {"now": now, "until": until})
    return found[0] if found and found[1] >= least else None


def made(
    before: Mapping[str, Any], after: Mapping[str, Any], spelt: Callable[[str, str], set[str]]
) -> Ahead:  # fmt: skip
    """What a row will be: its columns before, and those that it was judged to have then. spelt: the words that a row
    with these texts is found by, see rows.spelt."""
    columns = {name: value for name, value in after.items() if before[name] != value}
    lost: list[tuple[bool, str, int]] = []
    gained: list[tuple[bool, str, int]] = []
    if "searched" in columns or "payer_searched" in columns:
        old, new = (spelt(each["searched"], each["payer_searched"]) for each in (before, {**before, **after}))
        for whole in (True, False):
            here, there = (sorted(_seen(words, whole)) for words in (old, new))
            lost += ((whole, *each) for each in _beyond(here, there))
            gained += ((whole, *each) for each in _beyond(there, here))
    return Ahead(columns, tuple(lost), tuple(gained))


def _seen(words: set[str], whole: bool) -> set[str]:
    if whole:
        return {word.removeprefix(CLINICAL_MARK) for word in words}
    return {word for word in words if not word.startswith(CLINICAL_MARK)}


def _beyond(words: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Those of the words that the others lack, both in their order, with how many first letters one of those shares."""
    for word in words:
        at = bisect_left(others, word)
        shared = max((_alike(word, near) for near in others[max(0, at - 1) : at + 1]), default=0)
        if shared < len(word):
            yield word, shared


def _alike(one: str, other: str) -> int:
    """How many first letters two words share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
