"""What became of telling each EHR of our latest change of a resource: one row for each, which the case shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.fhir.instants import micros
from carecoord.store.ehrs.tables import ehr_delivery

State = Literal["waiting", "delivered", "refused", "kept"]

_row = ehr_delivery.c


@dataclass(frozen=True)
class Delivery:
    """How far it has come. why: a code of what is in the way, empty when nothing is. words: the EHR's own. version: of
    ours, that is to be told or was. Times in microseconds; ended None: it still waits."""

    ehr: str
    type: str
    id: str
    patient: str | None
    state: State
    why: str
    words: str
    attempts: int
    asked: int
    ended: int | None
    version: int


def ask(conn: Connection, new: Delivery) -> None:
    """Our latest change takes the place of the one before."""
    make: Any = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    values = {name: getattr(new, name) for name in Delivery.__dataclass_fields__}
    keys = ("ehr", "type", "id")
    changed = {name: value for name, value in values.items() if name not in keys}
    row = make(ehr_delivery).values(values)
    conn.execute(row.on_conflict_do_update(index_elements=[_row[key] for key in keys], set_=changed))


def get(conn: Connection, ehr: str, type: str, id: str) -> Delivery | None:
    """What became of telling this EHR of this resource of ours."""
    return next(iter(_read(conn, select(ehr_delivery).where(_row.ehr == ehr, _row.type == type, _row.id == id))), None)


def of_patient(conn: Connection, patient: str) -> list[Delivery]:
    """All that was told, or is to be, about a patient, the latest first."""
    return _read(conn, select(ehr_delivery).where(_row.patient == patient).order_by(_row.asked.desc()))


def unsettled(conn: Connection, ehr: str, states: Sequence[State], limit: int) -> list[Delivery]:
    """Those of an EHR in these states, the oldest first, at most so many."""
    found = select(ehr_delivery).where(_row.ehr == ehr, _row.state.in_(states))
    return _read(conn, found.order_by(_row.asked, _row.type, _row.id).limit(limit))


def counted(conn: Connection) -> dict[str, dict[tuple[str, str, str], int]]:
    """How many there are, by EHR and by (state, why, type)."""
    columns = (_row.ehr, _row.state, _row.why, _row.type)
    found: dict[str, dict[tuple[str, str, str], int]] = {}
    for ehr, state, why, type, count in conn.execute(select(*columns, func.count()).group_by(*columns)):
        found.setdefault(ehr, {})[state, why, type] = count
    return found


def by_state(conn: Connection, ehr: str) -> dict[State, int]:
    """How many there are of an EHR, by how far they have come; states that none is in are left out."""
    counted = select(_row.state, func.count()).where(_row.ehr == ehr).group_by(_row.state)
    return {state: count for state, count in conn.execute(counted)}  # noqa: C416


def tell(conn: Connection, one: Delivery, state: State, why: str, words: str, now: datetime, attempts: int) -> None:
    """What has become of it, unless a later change took its place meanwhile."""
    at = (_row.ehr == one.ehr, _row.type == one.type, _row.id == one.id, _row.version == one.version)
    ended = None if state == "waiting" else micros(now)
    values = {"state": state, "why": why, "words": words[:2000], "attempts": attempts, "ended": ended}
    conn.execute(update(ehr_delivery).where(*at).values(values))


def _read(conn: Connection, statement: Select[Any]) -> list[Delivery]:
    return [Delivery(*row) for row in conn.execute(statement)]
