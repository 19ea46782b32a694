"""Whether anything has changed in somebody's list: one number, found in one step along an index."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from carecoord.store.database.tables import case, resource
from carecoord.store.worklist.query import CaseScope


@lru_cache(maxsize=8)
def _newest(column: str | None) -> Select[Any]:
    told = select(func.max(case.c.updated))
    return told.where(case.c[column] == bindparam("value")) if column else told


_record = select(func.max(resource.c.updated)).where(resource.c.patient == bindparam("patient"))
_rows = select(func.max(case.c.updated)).where(case.c.patient == bindparam("patient"))


def of_patient(conn: Connection, patient: str) -> int:
    """When (microseconds) anything in the record of a patient or in their cases was last written."""
    return max(conn.scalar(_record, {"patient": patient}) or 0, conn.scalar(_rows, {"patient": patient}) or 0)


def version(conn: Connection, seen: CaseScope) -> int:
    """When (microseconds) a row of the asker's cases was last written; 0 where there is none. A row that went away is
    not told of."""
    if seen.any_of is None:
        return conn.scalar(_newest(None)) or 0
    found = (conn.scalar(_newest(column), {"value": value}) for column, value in seen.any_of)
    return max((each for each in found if each), default=0)
