"""Finding rows of the audit: newest first, page by page, each search by an index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, or_, select, text

from carecoord.store.audit.tables import OPENED, audit, audit_patient
from carecoord.store.database.bulk import runs

Rows = list[Row[Any]]
_RUN = 400
_RARE = 2000  # rows of a kind that are looked through for somebody's


@dataclass(frozen=True)
class Wanted:
    """Which rows. Ids of a patient, person or app, an interaction; a resource type; the row's
    own id; `since` and `until` (not included): microseconds; emergency: only what the breaking of the glass opened."""

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
    for select_, at, n in _arms(wanted, _along(conn, wanted), audit.columns):
        query = select_.order_by(at.desc(), n.desc()).limit(size)
        if before:
            query = query.where(at <= before.at, or_(at < before.at, n < before.n))
        found += conn.execute(query).all()
    return sorted(found, key=lambda row: (row.at, row.n), reverse=True)[:size]


def count(conn: Connection, wanted: Wanted, most: int) -> int:
    """How many rows there are; counted no further than `most`."""
    total = 0
    for select_, _, _ in _arms(wanted, _along(conn, wanted), (literal_column("1").label("one"),)):
        total += conn.scalar(select(func.count()).select_from(select_.limit(most).subquery())) or 0
    return min(total, most)


def beginnings(conn: Connection, launches: Iterable[str]) -> dict[str, Row[Any]]:
    """What each of these launches began with: a person's consent to an app, or an EHR that opened us."""
    found: dict[str, Row[Any]] = {}
    for run in runs(sorted(set(launches)), _RUN):
        began = select(*audit.columns).where(audit.c.launch.in_(run), text(OPENED)).order_by(audit.c.n.desc())
        found |= {row.launch: row for row in conn.execute(began)}
    return found


def _arms(
    wanted: Wanted, along: str, columns: Iterable[ColumnElement[Any]]
) -> Sequence[tuple[Select[Any], ColumnElement[int], ColumnElement[int]]]:
    """The selects whose rows together are what is wanted, each with the columns of its order, and each along one index
    in that order: of one patient there are the rows that show them alone and those that show several, of several
    interactions those of each."""
    columns = tuple(columns)
    values: Sequence[Any] = wanted.interactions if along == "interaction" else [getattr(wanted, along or "", None)]
    found: list[tuple[Select[Any], ColumnElement[int], ColumnElement[int]]] = []
    for value in values:
        tests = [audit.c[along] == value] if along else []
        alone = select(*columns).select_from(audit).where(*tests, *_tests(wanted, audit.c.at, along))
        found.append((alone, audit.c.at, audit.c.n))
    if along == "patient":
        at = audit_patient.c.at
        among = select(*columns).join_from(audit_patient, audit, audit.c.n == audit_patient.c.n)
        among = among.where(audit_patient.c.patient == wanted.patient, *_tests(wanted, at, along))
        found.append((among, at, audit_patient.c.n))
    return found


def _along(conn: Connection, wanted: Wanted) -> str:
    """The column to go along: what leaves the fewest rows. An app may have made a third of all rows, of which hardly
    any are of the kind that is looked for."""
    given = ("id", "patient", "subject", "client")
    found = next((name for name in given if getattr(wanted, name) is not None), "")
    if not wanted.interactions or (wanted.emergency and not found):
        return found
    return found if found in ("id", "patient") or (found and not _are_rare(conn, wanted)) else "interaction"


def _are_rare(conn: Connection, wanted: Wanted) -> bool:
    """Whether all rows of these interactions are few."""
    found = 0
    for each in wanted.interactions:
        kind = Wanted(interactions=(each,), since=wanted.since, until=wanted.until)
        rows: Select[Any] = select(literal_column("1").label("one")).where(audit.c.interaction == each)
        rows = rows.where(*_tests(kind, audit.c.at, "interaction")).limit(_RARE + 1)
        found += conn.scalar(select(func.count()).select_from(rows.subquery())) or 0
        if found > _RARE:
            return False
    return True


def _tests(wanted: Wanted, at: ColumnElement[int], along: str) -> list[ColumnElement[bool]]:
    """The other conditions. They are written so that no index serves them: SQLite, which keeps no statistics, would
    as soon walk along every read as along one patient."""
    tests: list[ColumnElement[bool]] = []
    for name in ("subject", "client", "type"):
        value = getattr(wanted, name)
        if name != along and value is not None:
            tests.append(func.coalesce(audit.c[name], "") == value)
    if wanted.interactions and along != "interaction":
        tests.append(func.coalesce(audit.c.interaction, "").in_(wanted.interactions))
    if wanted.emergency:
        tests.append(audit.c.emergency.is_not(None))
    if wanted.since is not None:
        tests.append(at >= wanted.since)
    if wanted.until is not None:
        tests.append(at < wanted.until)
    return tests
