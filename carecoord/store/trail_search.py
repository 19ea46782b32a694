"""Finding rows of the audit: newest first, page by page, each search by an index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal_column, or_, select

from carecoord.store.trail import audit, audit_patient

Rows = list[Row[Any]]


@dataclass(frozen=True)
class Wanted:
    """Which rows. Ids of a patient, person or app, an interaction; `since` and `until` (not included): microseconds;
    emergency: only what the breaking of the glass alone opened. rows: only those of these numbers' ids."""

    patient: str | None = None
    subject: str | None = None
    client: str | None = None
    interactions: tuple[str, ...] = ()
    type: str | None = None
    id: str | None = None
    since: int | None = None
    until: int | None = None
    emergency: bool = False


@dataclass(frozen=True)
class Place:
    """Where a page ended."""

    at: int
    n: int


def page(conn: Connection, wanted: Wanted, size: int, before: Place | None = None) -> Rows:
    """Up to `size` rows that come after a place in the list, newest first."""
    found: Rows = []
    for select_, at, n in _arms(wanted, audit.columns):
        query = select_.order_by(at.desc(), n.desc()).limit(size)
        if before:
            query = query.where(at <= before.at, or_(at < before.at, n < before.n))
        found += conn.execute(query).all()
    return sorted(found, key=lambda row: (row.at, row.n), reverse=True)[:size]


def count(conn: Connection, wanted: Wanted, most: int) -> int:
    """How many rows there are; counted no further than `most`."""
    total = 0
    for select_, _, _ in _arms(wanted, (literal_column("1").label("one"),)):
        total += conn.scalar(select(func.count()).select_from(select_.limit(most).subquery())) or 0
    return min(total, most)


def _arms(
    wanted: Wanted, columns: Iterable[ColumnElement[Any]]
) -> Sequence[tuple[Select[Any], ColumnElement[int], ColumnElement[int]]]:
    """The selects whose rows together are what is wanted, each with the columns of its order: of one patient there are
    the rows that show them alone, and those that show several."""
    columns = tuple(columns)
    if wanted.patient is None:
        return [(select(*columns).where(*_tests(wanted, audit.c.at)), audit.c.at, audit.c.n)]
    at = audit_patient.c.at
    alone = select(*columns).where(audit.c.patient == wanted.patient, *_tests(wanted, audit.c.at))
    among = (
        select(*columns)
        .join_from(audit_patient, audit, audit.c.n == audit_patient.c.n)
        .where(audit_patient.c.patient == wanted.patient, *_tests(wanted, at))
    )
    return [(alone, audit.c.at, audit.c.n), (among, at, audit_patient.c.n)]


def _tests(wanted: Wanted, at: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """The conditions; `at` is the column whose index gives the order."""
    tests: list[ColumnElement[bool]] = []
    for column in (audit.c.subject, audit.c.client, audit.c.type, audit.c.id):
        value = getattr(wanted, column.name)
        if value is not None:
            tests.append(column == value)
    if len(wanted.interactions) == 1:
        tests.append(audit.c.interaction == wanted.interactions[0])
    elif wanted.interactions:
        tests.append(audit.c.interaction.in_(wanted.interactions))
    if wanted.emergency:
        tests.append(audit.c.emergency.is_not(None))
    bounds = [*([at >= wanted.since] if wanted.since is not None else [])]
    bounds += [at < wanted.until] if wanted.until is not None else []
    return [*tests, and_(*bounds)] if bounds else tests
