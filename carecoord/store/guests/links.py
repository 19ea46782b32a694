"""Links for those without an account, as they are kept, found and ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from auth.store import digest
from carecoord.store.guests.tables import guest_link as table


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept, without its secrets. Times are microseconds. `audience`: clinic, patient or relative;
    `office`: the Organization that made it; `organization`: the clinic for which its holder acts, else empty;
    `relative`: the RelatedPerson that its holder is, else empty; `cover`: what the bar code of its cover sheet says;
    `wrong`: wrong answers in a row; `asked`: when its holder asked for one; `stopped`: when a patient asked for no
    more messages."""

    id: str
    audience: str
    case: str
    patient: str
    office: str
    organization: str
    language: str
    cover: str
    by: str
    made: int
    expires: int
    wrong: int = 0
    locked: int | None = None
    withdrawn: int | None = None
    asked: int | None = None
    opened: int | None = None
    stopped: int | None = None
    relative: str = ""


_NAMES = tuple(Link.__dataclass_fields__)
_COLUMNS = tuple(table.c[name] for name in _NAMES)


def keep(conn: Connection, link: Link, token: str, code: str) -> None:
    """Keep a new link. token: what stands in its address; code: the clinic's, empty for a patient's."""
    row = {name: getattr(link, name) for name in _NAMES}
    hashed = {"hash": digest(token), "code": _with(token, code) if code else None}
    conn.execute(insert(table).values(**row, **hashed))


def at(conn: Connection, token: str) -> Link | None:
    """The link of this address."""
    return _one(conn.execute(select(*_COLUMNS).where(table.c.hash == digest(token))).first())


def find(conn: Connection, id: str) -> Link | None:
    """One by its id."""
    return _one(conn.execute(select(*_COLUMNS).where(table.c.id == id)).first())


def covered(conn: Connection, cover: str) -> Link | None:
    """The link that the bar code of a cover sheet names, good or not."""
    return _one(conn.execute(select(*_COLUMNS).where(table.c.cover == cover)).first())


def of_case(conn: Connection, case: str) -> list[Link]:
    """Those of a case, the newest first."""
    found = conn.execute(select(*_COLUMNS).where(table.c.case == case).order_by(table.c.made.desc(), table.c.id))
    return [Link(*row) for row in found]


def has_code(conn: Connection, link: Link, token: str, code: str) -> bool:
    """Whether this is the code of the link."""
    mine = (table.c.id == link.id, table.c.code == _with(token, code))
    return conn.execute(select(table.c.id).where(*mine)).first() is not None


def missed(conn: Connection, id: str, now: int, most: int) -> Link | None:
    """Count a wrong answer; the one that makes `most` of them locks it. Two at once are counted one by one. Returns
    the link as it is now; None where it was locked already."""
    open = (table.c.id == id, table.c.locked.is_(None))
    counted = update(table).where(*open).values(wrong=table.c.wrong + 1).returning(*_COLUMNS)
    link = _one(conn.execute(counted).first())
    if link is None or link.wrong < most:
        return link
    locked = update(table).where(table.c.id == id).values(locked=now).returning(*_COLUMNS)
    return _one(conn.execute(locked).first())


def answered(conn: Connection, id: str, now: int) -> None:
    """Note that the holder knew what they had to: wrong answers before are forgiven."""
    conn.execute(update(table).where(table.c.id == id).values(wrong=0))
    conn.execute(update(table).where(table.c.id == id, table.c.opened.is_(None)).values(opened=now))


def withdraw(conn: Connection, id: str, now: int) -> bool:
    """End it; False where it was withdrawn already."""
    mine = (table.c.id == id, table.c.withdrawn.is_(None))
    return conn.execute(update(table).where(*mine).values(withdrawn=now)).rowcount > 0


def supersede(conn: Connection, link: Link) -> None:
    """End those that were made before for the same holder of the same case: the newest is the one that is good."""
    older = (
        table.c.relative == link.relative,
        table.c.case == link.case, table.c.audience == link.audience, table.c.organization == link.organization,
        table.c.id != link.id, table.c.withdrawn.is_(None),
    )  # fmt: skip
    conn.execute(update(table).where(*older).values(withdrawn=link.made))


def ask_anew(conn: Connection, id: str, now: int) -> bool:
    """Note that its holder asks for a new one; False where they have."""
    mine = (table.c.id == id, table.c.asked.is_(None))
    return conn.execute(update(table).where(*mine).values(asked=now)).rowcount > 0


def stop_messages(conn: Connection, id: str, now: int) -> None:
    """Note that the patient of a link wants no more messages."""
    conn.execute(update(table).where(table.c.id == id, table.c.stopped.is_(None)).values(stopped=now))


def has_stopped(conn: Connection, patients: Iterable[str]) -> bool:
    """Whether any of these patients, by their ids, has asked for no more messages, by any of their links."""
    said = select(table.c.id).where(table.c.patient.in_(sorted(patients)), table.c.stopped.is_not(None)).limit(1)
    return conn.execute(said).first() is not None


def _with(token: str, code: str) -> bytes:
    return digest(f"{token}/{code}")


def _one(row: Any) -> Link | None:
    return Link(*row) if row else None
