"""What an EHR and we have changed differently, each element a row, until a person settles it: nothing of it is lost."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, insert, select, update

from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.store.audit.tables import audit
from carecoord.store.database.driver import Asked, every
from carecoord.store.database.tables import history, resource
from carecoord.store.ehrs.tables import ehr_conflict

Json = dict[str, Any]
_MOST_VERSIONS = 50  # looked at for who of us changed it: beyond that nobody remembers
_row = ehr_conflict.c
_open = _row.settled.is_(None)
ASKED: Final[Asked] = (select(_row.patient).where(_open, _row.patient.is_not(None)).distinct(), {})  # by `patients`


@dataclass(frozen=True)
class Conflict:
    """An element in dispute. element: the first of those that go together, or `*`: one side has deleted the resource.
    base, ours, theirs: the elements as each has them. stands: whose is shown. Times in microseconds."""

    n: int
    ehr: str
    type: str
    id: str
    element: str
    patient: str | None
    base: Json
    ours: Json
    theirs: Json
    stands: str
    ours_by: str | None
    ours_at: int | None
    theirs_at: int | None
    found: int


@dataclass(frozen=True)
class Author:
    """Who of us wrote a resource last, an EHR's sync aside, and when."""

    subject: str | None
    at: int | None


def open_of(conn: Connection, type: str, id: str) -> list[Conflict]:
    """What is in dispute of a resource of ours."""
    return _read(conn, select(ehr_conflict).where(_open, _row.type == type, _row.id == id))


def of_patient(conn: Connection, patient: str) -> list[Conflict]:
    """What is in dispute of a patient's resources."""
    return _read(conn, select(ehr_conflict).where(_open, _row.patient == patient))


def of_ehr(conn: Connection, name: str, limit: int) -> list[Conflict]:
    """What is in dispute with an EHR, oldest first, at most so many."""
    return _read(conn, select(ehr_conflict).where(_open, _row.ehr == name).limit(limit))


def counted(conn: Connection) -> dict[str, int]:
    """How much is in dispute with each EHR."""
    found = select(_row.ehr, func.count()).where(_open).group_by(_row.ehr)
    return {ehr: count for ehr, count in conn.execute(found)}  # noqa: C416


def patients(conn: Connection) -> frozenset[str]:
    """Of whom anything is in dispute."""
    return frozenset(patient for (patient,) in every(conn, *ASKED))


def one(conn: Connection, n: int) -> Conflict | None:
    """A conflict that is still open, locked until the transaction ends: it is settled once."""
    return next(iter(_read(conn, select(ehr_conflict).where(_open, _row.n == n).with_for_update())), None)


def note(conn: Connection, found: Conflict) -> None:
    """Note a conflict (its `n` counts for nothing), or tell one anew that is open for the same element."""
    at = (_open, _row.type == found.type, _row.id == found.id, _row.element == found.element)
    values = {
        "ehr": found.ehr, "patient": found.patient, "ours": _packed(found.ours), "theirs": _packed(found.theirs),
        "stands": found.stands, "ours_by": found.ours_by, "ours_at": found.ours_at, "theirs_at": found.theirs_at,
    }  # fmt: skip
    if conn.execute(update(ehr_conflict).where(*at).values(values)).rowcount:
        return
    key = {"type": found.type, "id": found.id, "element": found.element, "found": found.found}
    conn.execute(insert(ehr_conflict).values(**key, **values, base=_packed(found.base)))


def settle(conn: Connection, n: int, choice: str, by: str | None, now: datetime) -> None:
    """It is settled: `ours`, `theirs`, or `agreed`, which nobody need have decided."""
    values = {"settled": micros(now), "settled_by": by, "choice": choice}
    conn.execute(update(ehr_conflict).where(_row.n == n, _open).values(values))


def author(conn: Connection, rid: int, type: str, id: str) -> Author:
    """Who of us changed a resource last, by the audit of the version's instant."""
    now = select(resource.c.version, resource.c.updated).where(resource.c.rid == rid)
    past = select(history.c.version, history.c.updated).where(history.c.rid == rid)
    past = past.order_by(history.c.version.desc()).limit(_MOST_VERSIONS)
    for version, updated in (row for statement in (now, past) for row in conn.execute(statement)):
        at = (audit.c.at == updated, audit.c.type == type, audit.c.resource == id, audit.c.version == version)
        written = conn.execute(select(audit.c.subject, audit.c.client).where(*at)).first()
        if written and not (written.subject or "").startswith("ehr:"):
            return Author(written.subject or written.client, updated)
    return Author(None, None)


def _read(conn: Connection, statement: Select[Any]) -> list[Conflict]:
    names = [*Conflict.__dataclass_fields__]
    return [_conflict(row, names) for row in conn.execute(statement.order_by(_row.n))]


def _conflict(row: Any, names: Iterable[str]) -> Conflict:
    packed = ("base", "ours", "theirs")
    said: dict[str, Any] = {name: row._mapping[name] for name in names}
    return Conflict(**said | {name: text.loads(bytes(said[name])) for name in packed})


def _packed(value: Json) -> bytes:
    return text.dumps(value) if value else msgspec.json.encode({})
