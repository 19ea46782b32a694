"""Codes by system, and by the beginnings of their words."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from carecoord.store.database import bulk
from carecoord.store.database.engine import plan_anew
from carecoord.store.terms.tables import code_entry as entry

Entry = tuple[str, str, str]  # code, words, until
_entry = (entry.c.code, entry.c.words, entry.c.until)
_all = select(*_entry).where(entry.c.system == bindparam("system")).order_by(entry.c.code)
_one = select(*_entry).where(entry.c.system == bindparam("system"), entry.c.code == bindparam("code"))
_meant = select(entry.c.system, entry.c.code, entry.c.words)
_ANALYZE: Final = text("ANALYZE code_entry")
_RUN: Final = 400
_FIRST: Final = 400  # of what many words find, the first are put in order: those that came first, the short ones


class Within(NamedTuple):
    """Codes of a system of so many characters."""

    system: str
    least: int = 0
    most: int = 100


def put(conn: Connection, system: str, entries: Mapping[str, tuple[str, str, str]], at: int) -> None:
    """Let these codes have these words from now on. entries: code -> (words, what is sought in, until)."""
    for some in bulk.runs(list(entries), _RUN):
        conn.execute(delete(entry).where(entry.c.system == system, entry.c.code.in_(some)))
    bulk.add(conn, entry, [(system, code, *said, at) for code, said in entries.items()])


def counted(conn: Connection) -> None:
    """Have the planner know how many there are, after many came."""
    conn.execute(_ANALYZE)


def every(conn: Connection, system: str) -> list[Entry]:
    """All codes of a system."""
    return [(code, words, until) for code, words, until in conn.execute(_all, {"system": system})]


def one(conn: Connection, system: str, code: str) -> Entry | None:
    """A code of a system."""
    row = conn.execute(_one, {"system": system, "code": code}).first()
    return (row[0], row[1], row[2]) if row else None


def words(conn: Connection, coded: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What those of these codes mean that are here. coded: (system, code)."""
    if not coded:
        return {}
    asked = tuple_(entry.c.system, entry.c.code).in_(sorted(coded))
    return {(system, code): said for system, code, said in conn.execute(_meant.where(asked))}


def systems(conn: Connection) -> list[str]:
    """The systems of which codes are here, found one after the other: there are few, of many codes each."""
    found: list[str] = []
    least = select(func.min(entry.c.system)).where(entry.c.system > bindparam("after"))
    while (system := conn.scalar(least, {"after": found[-1] if found else ""})) is not None:
        found.append(system)
    return found


def held(conn: Connection, wanted: Iterable[str]) -> set[str]:
    """Those of these systems of which codes are here."""
    asked = [select(literal(each)).where(exists().where(entry.c.system == each)) for each in sorted({*wanted})]
    return set(conn.scalars(union_all(*asked))) if asked else set()


def among(
    conn: Connection, within: Sequence[Within], sought: Sequence[str], on: str, most: int
) -> list[tuple[str, str, str]]:
    """The codes that have a word (or are a code) that begins with each of these, as (system, code, words): those whose
    code begins so, in its order, then those with the fewest words. on: the day on which they are to be used."""
    if not within:
        return []
    plan_anew(conn)
    code = sought[0] if sought else ""
    first = _fitting(conn, within, sought, on).order_by(entry.c.n).limit(literal_column(str(_FIRST))).subquery()
    row = first.c
    rank = case((row.sought.like(f" {_plain(code)}%", escape="\\"), 0), else_=func.length(row.words))
    found = conn.execute(select(row.system, row.code, row.words).order_by(rank, row.code).limit(most))
    return [(system, code, words) for system, code, words in found]


def count(conn: Connection, system: str, sought: Sequence[str], on: str) -> int:
    """How many codes of a system `among` would find."""
    return conn.scalar(select(func.count()).select_from(_fitting(conn, [Within(system)], sought, on).subquery())) or 0


def _fitting(conn: Connection, within: Sequence[Within], sought: Sequence[str], on: str) -> Select[Any]:
    """The entries that may be used and say the words. The words, or the order, lead the way: most codes are of one
    system. So SQLite is kept from the index of systems by a text joined to nothing, and PostgreSQL, which would take a
    row in a thousand to pass these tests and so never walk in order, is told that half do."""
    length, lite = func.length(entry.c.code), conn.dialect.name == "sqlite"
    system = entry.c.system.concat(literal_column("''")) if sought and lite else entry.c.system
    ways = [and_(system == each.system, length.between(each.least, each.most)) for each in within]
    passes = and_(or_(*ways), or_(entry.c.until == "", entry.c.until >= on))
    if sought and not lite:
        passes = func.coalesce(passes, false())
    return select(entry).where(passes, *(_says(conn, sought) if sought else ()))


def _says(conn: Connection, words: Sequence[str]) -> tuple[ColumnElement[bool]]:
    """That each of these begins a word of it."""
    if conn.dialect.name == "sqlite":
        match = text("code_words MATCH :said").bindparams(said=" ".join(f'"{word}"*' for word in words))
        said: Select[Any] = select(literal_column("rowid")).select_from(text("code_words")).where(match)
        return (entry.c.n.in_(said),)
    simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
    asked = func.to_tsquery(simple, " & ".join(f"'{word}':*" for word in words))
    lexemes: ColumnElement[Any] = literal_column("code_entry.lexemes")
    return (lexemes.op("@@")(asked),)


def _plain(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
