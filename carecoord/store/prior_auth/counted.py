"""The requests as their payers' metrics count them: made anew by patient from the log, and read by payer and day."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, or_, select

from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.prior_auth.tables import authorization_counted as counted
from carecoord.store.prior_auth.tables import authorization_row as row

_RUN: Final = 500
_c = counted.c
_gone = delete(counted).where(OneOf(_c.patient, "patients"))
_figures = (_c.expedited, _c.outcome, _c.received, _c.decided, _c.extended, _c.redecided, _c.appeal, _c.patient)
_listed = (
    _c.claim, _c.root, _c.patient, _c.expedited, _c.received, _c.due, _c.decided, _c.outcome, _c.extended, _c.by,
    _c.redecided, _c.appeal, row.c.service, row.c.code, row.c.member_id, row.c.plan_name, row.c.provider, row.c.number,
)  # fmt: skip
Span = tuple[int, int]  # from, before: microseconds


def replace(conn: Connection, patients: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Let these be all that is counted of these patients, by the columns of the table."""
    for run in bulk.runs(patients, _RUN):
        conn.execute(_gone, {"patients": listed(run)})
    bulk.upsert(conn, counted, rows)


def clear(conn: Connection) -> None:
    """Forget all that was counted."""
    conn.execute(delete(counted))


def decided(conn: Connection, payers: Sequence[str], span: Span, plan: str = "") -> list[Row[Any]]:
    """expedited, outcome, received, decided, extended, redecided, appeal, patient of what a payer (the ids of its
    copies) decided first in a span. plan: of members of this plan alone."""
    return list(conn.execute(_within(select(*_figures), _decided(span), plan), {"payers": listed(payers)}))


def behind(conn: Connection, payers: Sequence[str], span: Span, plan: str = "") -> list[Row[Any]]:
    """The same requests with what names them, in the order in which they were decided."""
    found = _within(select(*_listed), _decided(span), plan, joined=True)
    return list(conn.execute(found.order_by(_c.decided, _c.claim), {"payers": listed(payers)}))


def missed(conn: Connection, payers: Sequence[str], span: Span, now: int, plan: str = "") -> list[Row[Any]]:
    """What names the requests whose clock ran out in a span before they were decided, the longest ago first."""
    late = or_(_c.decided > _c.due, and_(_c.decided.is_(None), _c.withdrawn.is_(False), _c.due <= now))
    found = _within(select(*_listed), and_(_c.due >= span[0], _c.due < span[1], late), plan, joined=True)
    return list(conn.execute(found.order_by(_c.due, _c.claim), {"payers": listed(payers)}))


def undecided(conn: Connection, payers: Sequence[str], span: Span, plan: str = "") -> tuple[int, int]:
    """(waiting, withdrawn): how many that came in a span are not decided yet, and were taken back before they were."""
    came = and_(_c.received >= span[0], _c.received < span[1], _c.decided.is_(None))
    found = _within(select(_c.withdrawn, func.count()), came, plan).group_by(_c.withdrawn)
    held = {bool(gone): int(n) for gone, n in conn.execute(found, {"payers": listed(payers)})}
    return held.get(False, 0), held.get(True, 0)


def plans(conn: Connection, payers: Sequence[str]) -> list[str]:
    """The plans of which anything is counted, in order."""
    named = select(row.c.plan_name).join_from(counted, row, row.c.root == _c.root)
    found = named.where(OneOf(_c.payer, "payers"), row.c.plan_name.is_not(None)).distinct()
    return sorted(str(each) for each in conn.scalars(found, {"payers": listed(payers)}))


def decided_between(conn: Connection, payers: Sequence[str]) -> Span | None:
    """When (microseconds) the first and the last decision was given; None where there is none."""
    found = select(func.min(_c.decided), func.max(_c.decided)).where(OneOf(_c.payer, "payers"))
    first, last = conn.execute(found, {"payers": listed(payers)}).one()
    return None if first is None else (int(first), int(last))


def _decided(span: Span) -> ColumnElement[bool]:
    return and_(_c.decided >= span[0], _c.decided < span[1])


def _within(found: Select[Any], test: ColumnElement[bool], plan: str, joined: bool = False) -> Select[Any]:
    found = found.where(OneOf(_c.payer, "payers"), test)
    if joined or plan:
        found = found.outerjoin_from(counted, row, row.c.root == _c.root)
    return found.where(row.c.plan_name == plan) if plan else found.select_from(counted)
