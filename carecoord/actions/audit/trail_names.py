"""The names of who and what stands in the trail. Of a resource its type and category is told, of a search the names of
its arguments: never what they said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Connection

from auth import store
from auth.store import User
from carecoord.domain.guests.links import SUBJECT
from carecoord.domain.resource import patient
from carecoord.domain.resource.elements import Json, items, words
from carecoord.domain.resource.present import Present
from carecoord.fhir import text as json
from carecoord.store.audit import trail_search
from carecoord.store.audit.seals import patients_of
from carecoord.store.resources import read

NAMED = 3  # patients named in a row
_CATEGORIZED = frozenset({"Observation", "Condition", "DiagnosticReport"})


@dataclass(frozen=True)
class Named:
    """A patient or a person to choose: id, name, and what tells them from another; a patient's date of birth, as FHIR
    writes it."""

    id: str
    name: str
    about: str
    born: str = ""


@dataclass(frozen=True)
class Who:
    """Who did it: a person, an app by itself, or nobody who is known. organization: its name."""

    id: str
    name: str
    roles: tuple[str, ...] = ()
    organization: str = ""


@dataclass(frozen=True)
class Beginning:
    """What a launch began with: a person's consent (`ehr` empty) or an EHR that opened us; microseconds."""

    at: int
    ehr: str


@dataclass(frozen=True)
class Seen:
    """One row of the trail, with the names of those in it. asked: the names of a search's arguments. patients: the
    first few, and how many there are in all."""

    n: int
    id: str
    at: int
    interaction: str
    type: str
    resource: str
    version: int | None
    category: str
    asked: tuple[str, ...]
    status: int
    request: str
    who: Who | None
    app: str
    app_id: str
    launch: str
    beginning: Beginning | None
    emergency: str
    patients: tuple[Named, ...]
    total: int


class Names:
    """Who and what the ids of a page mean: each kind is read once. most: patients to name in a row; None: all.
    sought: the patient asked for, who is named first where several were shown."""

    def __init__(self, conn: Connection, present: Present, most: int | None = NAMED, sought: str | None = None) -> None:
        self._conn, self._present, self._most, self._sought = conn, present, most, sought
        self._users: Mapping[str, User] = {user.id: user for user in store.users(conn)}
        self._clients = {client.id: client for client in store.clients(conn)}
        self._organizations: dict[str, str] = {}

    def seen(self, rows: Sequence[Any]) -> list[Seen]:
        """The rows with their names."""
        several = patients_of(self._conn, [row.n for row in rows])
        alone = {row.n: [row.patient] if row.patient else [] for row in rows}
        shown = {n: self._in_order(several.get(n, [])) or one for n, one in alone.items()}
        known = self.of_patients(id for ids in shown.values() for id in ids[: self._most])
        categories = self._categories(rows)
        begun = trail_search.beginnings(self._conn, (row.launch for row in rows if row.launch))
        self._read_organizations(rows)
        return [
            Seen(
                row.n, row.id, row.at, row.interaction, row.type or "", row.resource or "", row.version,
                categories.get((row.type, row.resource), ""), _arguments(row.query), row.status, row.request,
                self.who(row.subject, row.organization) if row.subject else None, self._app(row.client),
                row.client or "", row.launch or "", _beginning(begun.get(row.launch)), row.emergency or "",
                tuple(known[id] for id in shown[row.n][: self._most]), len(shown[row.n]),
            )
            for row in rows
        ]  # fmt: skip

    def _in_order(self, patients: Iterable[str]) -> list[str]:
        return sorted(patients, key=lambda id: (id != self._sought, id))

    def who(self, subject: str, organization: str | None) -> Who:
        """A person or an app, as they are called now; one that is gone, by its id."""
        user, client = self._users.get(subject), self._clients.get(subject)
        where = self._organizations.get(organization or "", "")
        if user:
            return Who(subject, user.name, tuple(sorted(user.roles)), where)
        if subject.startswith(SUBJECT):
            return Who(subject, "A link without an account", (), where)
        return Who(subject, client.name if client else subject, ("app",) if client else (), where)

    def of_patients(self, ids: Iterable[str]) -> dict[str, Named]:
        """Patients by id; one that is gone is called by its id."""
        wanted = set(ids)
        rows = read.many(self._conn, [("Patient", id) for id in wanted])
        gone = {id: Named(id, id, "no longer here") for id in wanted}
        return gone | {row.id: patient_named(row, self._present) for row in rows}

    def _app(self, id: str | None) -> str:
        found = self._clients.get(id or "")
        return found.name if found else id or ""

    def _categories(self, rows: Sequence[Any]) -> dict[tuple[str, str], str]:
        wanted = {(row.type, row.resource) for row in rows if row.type in _CATEGORIZED and row.resource}
        return {(row.type, row.id): _category(json.loads(row.body)) for row in read.many(self._conn, wanted)}

    def _read_organizations(self, rows: Sequence[Any]) -> None:
        wanted = {("Organization", row.organization) for row in rows if row.organization}
        found = read.many(self._conn, wanted)
        self._organizations = {row.id: str(json.loads(row.body).get("name", "")) for row in found}


def _category(resource: Json) -> str:
    return ", ".join(filter(None, (words(each) for each in items(resource, "category")[:2])))


def patient_named(row: read.Row, present: Present) -> Named:
    found = json.loads(row.body)
    mrn = patient.record_number(found, present)
    about = f"MRN {mrn}" if mrn else ""
    return Named(row.id, patient.name(found, present) or "No name", about, patient.birth_date(found))


def _arguments(query: str | None) -> tuple[str, ...]:
    """The names of what was asked, once each: their values may tell of the patient."""
    return tuple(dict.fromkeys(name for name, _ in parse_qsl(query or "", keep_blank_values=True)))


def _beginning(row: Any) -> Beginning | None:
    if row is None:
        return None
    return Beginning(row.at, dict(parse_qsl(row.query or "")).get("ehr", "") if row.interaction == "launch" else "")
