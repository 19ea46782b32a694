"""The questions about cards that were put to a payer: which wait for an answer, and which were answered lately. A payer
is asked for by the ids of the copies of its Organization."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from carecoord.store.coverage.tables import eligibility_question as question
from carecoord.store.database.tables import resource

_c = question.c


def put(conn: Connection, id: str, *, payer: str, patient: str, asked: int, answered: int | None) -> None:
    """Write down how a question stands, whatever stood there before."""
    remove(conn, id)
    conn.execute(insert(question).values(id=id, payer=payer, patient=patient, asked=asked, answered=answered))


def remove(conn: Connection, id: str) -> None:
    """Of a question that is asked no more."""
    conn.execute(delete(question).where(_c.id == id))


def ids(conn: Connection, patients: Collection[str]) -> frozenset[str]:
    """Those about these patients, answered or not."""
    return frozenset(conn.scalars(select(_c.id).where(_c.patient.in_(patients))))


def waiting(conn: Connection, payers: Collection[str], withheld: Collection[str], most: int) -> list[Row[Any]]:
    """Those that wait, the oldest first. withheld: patients who are kept from the asker."""
    found = select(question).where(*_of(payers, withheld), _c.answered.is_(None))
    return list(conn.execute(found.order_by(_c.asked, _c.id).limit(most)))


def count(conn: Connection, payers: Collection[str], withheld: Collection[str]) -> int:
    """How many these are."""
    found = select(func.count()).select_from(question).where(*_of(payers, withheld), _c.answered.is_(None))
    return int(conn.scalar(found) or 0)


def answered(conn: Connection, payers: Collection[str], withheld: Collection[str], most: int) -> list[Row[Any]]:
    """Those that were answered last, the last first."""
    found = select(question).where(*_of(payers, withheld), _c.answered.is_not(None))
    return list(conn.execute(found.order_by(_c.answered.desc(), _c.id).limit(most)))


def one(conn: Connection, payers: Collection[str], withheld: Collection[str], id: str) -> Row[Any] | None:
    """One of a payer's; None for none, and for another's."""
    return conn.execute(select(question).where(*_of(payers, withheld), _c.id == id)).first()


def are_there(conn: Connection) -> bool:
    """Whether anybody ever asked about a card, with or without a row here."""
    found = select(resource.c.rid).where(resource.c.type == "CoverageEligibilityRequest").limit(1)
    return conn.execute(found).first() is not None


def asked_about(conn: Connection, payers: Collection[str], patient: str) -> bool:
    """Whether a payer was ever asked about a patient."""
    found = select(_c.id).where(_c.patient == patient, _c.payer.in_(payers)).limit(1)
    return conn.execute(found).first() is not None


def _of(payers: Collection[str], withheld: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return _c.payer.in_(payers), _c.patient.not_in(withheld)
