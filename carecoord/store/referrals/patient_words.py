"""Patients by the beginnings of the words that their record and their cards say, in any order."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, func, select

from carecoord.store.database import bulk, driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.referrals.tables import patient_word
from carecoord.store.worklist.search_words import words

_LAST: Final = "\U0010ffff"  # behind every letter
_RUN: Final = 400  # row numbers in one statement
_standing = select(patient_word.c.rid, patient_word.c.word, patient_word.c.patient).where(
    OneOf(patient_word.c.rid, "rids")
)
_RARE: Final = 2000  # rows up to which it is counted which word is the rarest


def put(conn: Connection, rids: Iterable[int], said_by: Iterable[tuple[int, str, Sequence[str]]]) -> None:
    """Let resources say what (rid, patient, texts) does. rids: those of whom words may stand: of these what stands so
    already stays, for most changes of a person change none of their words, and the rest goes."""
    now = {(word, rid, who) for rid, patient, texts in said_by for word, who in rows(patient, texts)}
    before: set[tuple[str, int, str]] = set()
    for run in bulk.runs(sorted(rids), _RUN):
        before.update((word, rid, who) for rid, word, who in driver.every(conn, _standing, {"rids": listed(run)}))
    bulk.discard(conn, patient_word, sorted(before - now))
    bulk.insert(conn, patient_word, sorted(now - before))


def rows(patient: str, texts: Sequence[str]) -> set[tuple[str, str]]:
    """(word, patient) of each word by which these texts let a patient be found."""
    return {(word, patient) for word in words(" ".join(texts))}


def clear(conn: Connection) -> None:
    """Forget every word, to write them anew from the resources."""
    conn.execute(patient_word.delete())


def patients(conn: Connection, starts: Sequence[str], most: int) -> list[str]:
    """The ids of patients of whom for each of these beginnings a word begins so: the first in the order of the words
    that have the rarest of them, looking at no more than `most` of these words."""
    if not starts:
        return []
    rarest = sorted(starts, key=lambda start: conn.scalar(_count, _span(0, start)) or 0)
    asked = {name: value for n, start in enumerate(rarest) for name, value in _span(n, start).items()}
    return list(dict.fromkeys(conn.scalars(_with(len(rarest)), asked | {"most": most})))


def _span(n: int, start: str) -> dict[str, Any]:
    return {f"low{n}": start, f"high{n}": start + _LAST}


def _begins(word: ColumnElement[str], n: int) -> ColumnElement[bool]:
    return (word >= bindparam(f"low{n}")) & (word < bindparam(f"high{n}"))


_count = select(func.count()).select_from(
    select(patient_word.c.rid).where(_begins(patient_word.c.word, 0)).limit(_RARE).subquery()
)


def _with(count: int) -> Select[Any]:
    """Along the words that begin as the first does; each other word is looked for at the patient."""
    found = select(patient_word.c.patient).where(_begins(patient_word.c.word, 0))
    for n in range(1, count):
        other = patient_word.alias()
        found = found.where(exists().where(other.c.patient == patient_word.c.patient, _begins(other.c.word, n)))
    return found.order_by(patient_word.c.word, patient_word.c.rid).limit(bindparam("most"))
