"""What of the data behind somebody's cases wants a person: resources that the judge doubts, patients who may be written
down twice, orders of no office. Each list is bounded, and its count is its length."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select, true

from carecoord.store.database.tables import case, flag, resource
from carecoord.store.worklist.query import CaseScope

MOST: Final = 200  # rows of a list


def _seen(scope: CaseScope) -> ColumnElement[bool]:
    """Whether a row of a case is one of these."""
    sides = true() if scope.any_of is None else or_(*(case.c[column] == value for column, value in scope.any_of))
    return and_(sides, case.c.patient.notin_(scope.besides)) if scope.besides else sides


def doubted(conn: Connection, scope: CaseScope) -> Sequence[Row[Any]]:
    """The resources (rid, type, id, patient) about a patient of these cases in which something is doubted, the newest
    first."""
    if scope.any_of == ():
        return []
    mine = exists().where(case.c.patient == resource.c.patient, _seen(scope))
    flagged: Select[Any] = select(resource.c.rid, resource.c.type, resource.c.id, resource.c.patient).where(
        exists().where(flag.c.rid == resource.c.rid), resource.c.deleted.is_(False), mine
    )
    return conn.execute(flagged.order_by(resource.c.updated.desc(), resource.c.rid.desc()).limit(MOST)).all()


def cases_of(conn: Connection, scope: CaseScope, patients: Iterable[str]) -> dict[str, Row[Any]]:
    """For each patient the case (id, number, patient_name) that leads to them: an open one where there is one."""
    columns = (case.c.patient, case.c.id, case.c.number, case.c.patient_name, case.c.open)
    wanted = sorted(set(patients))
    if not wanted or scope.any_of == ():
        return {}
    found: Select[Any] = select(*columns).where(case.c.patient.in_(wanted), _seen(scope)).order_by(case.c.rid)
    rows = conn.execute(found).all()
    return {row.patient: row for row in sorted(rows, key=lambda row: bool(row.open))}


def born_alike(conn: Connection, scope: CaseScope) -> list[str]:
    """The patients of these cases whose day of birth another patient of these has."""
    if scope.any_of == ():
        return []
    days = select(case.c.birth_date).where(_seen(scope), func.length(case.c.birth_date) == len("YYYY-MM-DD"))
    shared = days.group_by(case.c.birth_date).having(func.count(case.c.patient.distinct()) > 1).limit(MOST)
    found = select(case.c.birth_date, case.c.patient).where(_seen(scope), case.c.birth_date.in_(shared)).distinct()
    return [row.patient for row in conn.execute(found.order_by(case.c.birth_date, case.c.patient).limit(2 * MOST))]


def unowned(conn: Connection) -> list[str]:
    """The open cases of which nobody says which organization refers: no office has them among its own."""
    found = select(case.c.id).where(case.c.placer.is_(None), case.c.open.is_(True))
    return list(conn.scalars(found.order_by(case.c.rid).limit(MOST)))
