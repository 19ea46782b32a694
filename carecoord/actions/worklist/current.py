"""Rows of the worklist as they stand this moment. The worker judges anew those whose time has come; until it has, who
reads them has them as they were foreseen, or judges in passing what is on the page, and writes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from carecoord.actions.clearance.assemble import of_patient
from carecoord.actions.clearance.library import Library
from carecoord.domain.gates.policy import Policy
from carecoord.domain.worklist.judgement import judged
from carecoord.fhir.instants import micros
from carecoord.store.worklist import marks
from carecoord.store.worklist.bitmaps import ahead
from carecoord.store.worklist.rows import GATES, with_columns

SCOPES = ("placer", "performer", "payer_key")  # whose case it is: a row was found under these and is shown under these
PLACED = ("sort_due", "payer_sort", "patient_sort", "specialty_sort")  # where it stands in the list it was found in
_log = structlog.get_logger()


def current(
    conn: Connection, rows: Sequence[Row[Any]], now: datetime, rules: Policy, *, behind: bool, marked: bool = True
) -> list[Row[Any]]:
    """The rows, in their order, with nothing in them that time or another change has overtaken. A case that would be
    another's by now, or that can not be judged, keeps its words but is not cleared. behind: whether rows wait at all
    that are to be judged anew; marked: whether any of these is marked (see DueBounds)."""
    if not behind:
        return list(rows)
    at, overtaken = micros(now), marks.among(conn, [row.rid for row in rows]) if marked else set[int]()
    late = {row.rid for row in rows if row.rid in overtaken or (row.changes_at is not None and row.changes_at <= at)}
    if not late:
        return list(rows)
    foreseen = _foreseen(conn, [row for row in rows if row.rid in late - overtaken], at)
    library, patients = Library(conn), {row.patient for row in rows if row.rid in late and row.rid not in foreseen}
    judged = {rid: columns for patient in sorted(patients) for rid, columns in _judged(library, patient, now, rules)}
    judged |= foreseen
    return [with_columns(row, _shown(row, judged.get(row.rid))) if row.rid in late else row for row in rows]


def _foreseen(conn: Connection, rows: Sequence[Row[Any]], at: int) -> dict[int, dict[str, Any]]:
    """The columns of these rows as they were foreseen, as far as they still hold."""
    told = ahead.of(conn, [row.rid for row in rows], at)
    held = {row.rid: row for row in rows}
    return {
        rid: {**held[rid]._mapping, **one.columns}
        for rid, one in told.items()
        if (then := one.columns["changes_at"]) is None or then > at
    }


def _judged(library: Library, patient: str, now: datetime, rules: Policy) -> list[tuple[int, dict[str, Any]]]:
    try:
        cases = of_patient(library, patient)
        return [(each.rid, judged(each.id, each.case, now, rules).row) for each in cases]
    except Exception as e:  # one case's fault must not take the list from everybody
        _log.error("case_not_judged", error=type(e).__name__, count=1)
        return []


def _shown(row: Row[Any], judged: dict[str, Any] | None) -> dict[str, Any]:
    if judged is None or any(judged[name] != row._mapping[name] for name in SCOPES):
        doubted = {name: "unknown" for name in GATES if row._mapping[name] == "met"}
        return {"cleared": False, **doubted}
    names = judged.keys() & row._mapping.keys() - set(PLACED)
    return {name: judged[name] for name in names}
