"""Codes by system, and by the beginnings of their words."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, case, func, or_, select

from carecoord.store.database import bulk
from carecoord.store.terms.tables import code_entry

Entry = tuple[str, str, str]  # code, words, until
_entry = (code_entry.c.code, code_entry.c.words, code_entry.c.until)
_one = select(*_entry).where(code_entry.c.system == bindparam("system"), code_entry.c.code == bindparam("code"))
_all = select(*_entry).where(code_entry.c.system == bindparam("system")).order_by(code_entry.c.code)
_systems = select(code_entry.c.system).distinct().order_by(code_entry.c.system)


class Within(NamedTuple):
    """Codes of a system of so many characters."""

    system: str
    least: int
    most: int


def put(conn: Connection, system: str, entries: Mapping[str, tuple[str, str, str]], at: int) -> None:
    """Let these codes have these words from now on. entries: code -> (words, what is sought in, until)."""
    bulk.upsert(conn, code_entry, [(system, code, *said, at) for code, said in entries.items()])


def every(conn: Connection, system: str) -> list[Entry]:
    """All codes of a system."""
    return [(code, words, until) for code, words, until in conn.execute(_all, {"system": system})]


def systems(conn: Connection) -> list[str]:
    """The systems of which codes are here."""
    return list(conn.scalars(_systems))


def one(conn: Connection, system: str, code: str) -> Entry | None:
    """A code of a system."""
    row = conn.execute(_one, {"system": system, "code": code}).first()
    return (row[0], row[1], row[2]) if row else None


def among(
    conn: Connection, within: Sequence[Within], sought: Sequence[str], on: str, most: int
) -> list[tuple[str, str, str]]:
    """Of these codes of several systems, in their order those whose code begins so, then the others as `find` has them:
    (system, code, words)."""
    if not within or not sought:
        return []
    length = func.length(code_entry.c.code)
    ways = [(code_entry.c.system == each.system) & length.between(each.least, each.most) for each in within]
    usable = (code_entry.c.until == "") | (code_entry.c.until >= on)
    fitting = [code_entry.c.sought.like(f"% {_plain(each)}%", escape="\\") for each in sought]
    begins = code_entry.c.sought.like(f" {_plain(sought[0])}%", escape="\\")
    rank = case((begins, 0), else_=func.length(code_entry.c.words))
    query = select(code_entry.c.system, code_entry.c.code, code_entry.c.words).where(or_(*ways), usable, *fitting)
    query = query.order_by(rank, code_entry.c.code).limit(most)
    return [(system, code, words) for system, code, words in conn.execute(query)]


def find(conn: Connection, system: str, sought: Sequence[str], on: str, most: int) -> tuple[int, list[Entry]]:
    """How many codes of a system have a word (or are a code) that begins with each of these, and the first of them:
    those whose code begins so, then those with the fewest words. on: the day on which they are to be used."""
    usable = (code_entry.c.until == "") | (code_entry.c.until >= on)
    fitting: list[Any] = [code_entry.c.system == system, usable]
    fitting += [code_entry.c.sought.like(f"% {_plain(each)}%", escape="\\") for each in sought]
    count = conn.scalar(select(func.count()).where(*fitting)) or 0
    first = sought[0] if sought else ""
    begins = case((code_entry.c.sought.like(f" {_plain(first)}%", escape="\\"), 0), else_=1)
    query = select(*_entry).where(*fitting)
    query = query.order_by(begins, func.length(code_entry.c.words), code_entry.c.code).limit(most)
    return count, [(code, words, until) for code, words, until in conn.execute(query)]


def _plain(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
