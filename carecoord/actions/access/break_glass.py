"""Breaking the glass: find the patient by what one knows of them, say why, read their record for an hour, end it.

Every step is audited, and every row of what is read then names the breaking of the glass that opened it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import event, noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.domain.access import break_glass as access_break_glass
from carecoord.domain.access.break_glass import demand, may_break
from carecoord.domain.resource import patient as person
from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.present import Present
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros, moment
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.query import EVERYTHING, NOTHING, Search, parse
from carecoord.store.access import break_glass as store
from carecoord.store.access.break_glass import Glass
from carecoord.store.audit import events as audit_events
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.search.patients import literal
from carecoord.store.search.search import find
from carecoord.store.worklist.query import CaseScope, Worklist
from carecoord.store.worklist.tabs import DueBounds
from carecoord.words.sentence import sentence
from carecoord.world import World

BORN = 100  # of those born on the day whose family names begin so, read to find those that are called so
FOUND = 5  # so many may share a name and a birthday; more were a list to browse
LISTED = 20  # of each kind of entry
SECTIONS = (  # of the record, in the order in which an emergency asks for them
    ("AllergyIntolerance", "Allergies"), ("Condition", "Problems"), ("MedicationRequest", "Medications"),
    ("Observation", "Results"), ("DiagnosticReport", "Reports"), ("Encounter", "Encounters"),
    ("Appointment", "Appointments"), ("DocumentReference", "Documents"), ("Coverage", "Coverage"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A patient, as far as one must see to know that it is the right one."""

    id: str
    name: str
    birth_date: str
    sex: str
    mrn: str
    mine: bool = False  # the asker sees this record without breaking any glass


@dataclass(frozen=True)
class Opened:
    """A record that stands open, for the line that says so on every page."""

    id: str
    name: str
    until: datetime


@dataclass(frozen=True)
class Entry:
    """A line of the record: the resource. link: the id of a referral that has a page of its own, `called` what it is
    called where the order has no words. where: the place of a visit."""

    resource: Json
    link: str = ""
    called: str = ""
    where: str = ""


@dataclass(frozen=True)
class Record:
    """What stands open, and until when."""

    glass: Glass
    until: datetime
    who: Person
    sections: Sequence[tuple[str, Sequence[Entry]]]


def search(world: World, grant: Grant, mrn: str, family: str, birth: str, request: str) -> list[Person]:
    """The patients with exactly this record number, or this family name, in any spelling of its base letters, and this
    birth date; nobody may browse.

    Raises Forbidden for those who may not break the glass, Invalid naming the field.
    """
    if not may_break(grant):
        raise Forbidden(sentence("refusals.only-clinicians-and-coordinators-signed"))
    if not mrn and not (family and birth):
        raise Invalid(sentence("refusals.give-mrn-or-family-name"), "mrn")
    pairs = [("identifier", literal(mrn))] if mrn else [("family", literal(family)), ("birthdate", birth)]
    if not mrn and not re.fullmatch(r"\d{4}-\d\d-\d\d", birth, re.ASCII):
        raise Invalid(sentence("refusals.write-date-birth-as-year"), "birth")
    with looking(world, grant, request) as turn, noted(turn, "break-glass-search", "Patient") as shown:
        asked = parse("Patient", pairs, world.base, strict=True)
        rows = find(turn.conn, asked, lambda _: EVERYTHING, page_size=FOUND if mrn else BORN).rows
        called = [row for row in rows if mrn or _is_called(json.loads(row.body), family)][:FOUND]
        shown += [row.id for row in called]
        return [_person(json.loads(row.body), turn.sees(row, "r"), turn.present()) for row in called]


def _is_called(patient: Json, family: str) -> bool:
    """Whether one of the patient's names has this family name."""
    return fold(family) in {fold(text(human, "family")) for human in items(patient, "name")}


def patient(world: World, grant: Grant, id: str, request: str) -> Person:
    """The patient whose record is to be opened. Raises Forbidden, NotFound."""
    if not may_break(grant):
        raise Forbidden(sentence("refusals.only-clinicians-and-coordinators-signed"))
    with looking(world, grant, request) as turn, noted(turn, "break-glass-search", "Patient", id) as shown:
        row = read.get(turn.conn, "Patient", id)
        if row is None or row.deleted:
            raise NotFound(sentence("refusals.there-no-such-patient"))
        shown.append(id)
        return _person(json.loads(row.body), turn.sees(row, "r"), turn.present())


def break_glass(world: World, grant: Grant, id: str, reason: str, note: str, request: str) -> Glass:
    """Open a record for an hour; one that this person has open already stays as it is. Raises Forbidden, Invalid naming
    the field, NotFound."""
    said = demand(grant, reason, note)
    with writing(world.engine) as conn:
        now = world.clock()
        row = read.get(conn, "Patient", id)
        if row is None or row.deleted:
            raise NotFound(sentence("refusals.there-no-such-patient"))
        standing = store.current(conn, grant.subject, micros(now), id)
        if standing:
            return standing[0]
        until = micros(now + access_break_glass.LASTS)
        glass = Glass(world.new_id(), grant.subject, id, reason, said, micros(now), until)
        store.open_glass(conn, glass)
        _audit(conn, grant, "break-glass", glass, now, request)
    return glass


def end(world: World, grant: Grant, glass_id: str, request: str) -> None:
    """Close it before its time. Raises NotFound for what is not the asker's own, or not open."""
    with writing(world.engine) as conn:
        now = world.clock()
        glass = store.find(conn, glass_id)
        if glass is None or not store.ended(conn, glass_id, grant.subject, micros(now)):
            raise NotFound(sentence("refusals.there-no-record-that-you"))
        _audit(conn, grant, "break-glass-end", glass, now, request)


def standing(world: World, grant: Grant) -> list[Opened]:
    """The records that the asker has open, the one that closes first at the top."""
    if not may_break(grant):
        return []
    with reading(world.engine) as conn:
        found = store.current(conn, grant.subject, micros(world.clock()))
        rows = read.many(conn, [("Patient", one.patient) for one in found])
        present = world.present()
        names = {row.id: person.name(json.loads(row.body), present) for row in rows}
    return [Opened(one.id, names.get(one.patient) or "a patient", moment(one.expires)) for one in reversed(found)]


def record(world: World, grant: Grant, glass_id: str, request: str) -> Record:
    """The record that stands open, by the table of the asker's role. Raises NotFound if it is not theirs, or closed."""
    with reading(world.engine) as conn:
        glass = store.find(conn, glass_id)
        now = micros(world.clock())
        if glass is None or glass.subject != grant.subject or not glass.is_open(now) or not may_break(grant):
            raise NotFound(sentence("refusals.this-record-not-open-or"))
    with looking(world, grant, request, glass) as turn:
        with noted(turn, "read", "Patient", glass.patient) as shown:
            row = read.get(turn.conn, "Patient", glass.patient)
            if row is None or row.deleted or not turn.sees(row, "r"):
                raise NotFound(sentence("refusals.there-no-such-patient-any"))
            shown.append(row.id)
        sections = [("Referrals", _referrals(turn)), *((title, _entries(turn, type)) for type, title in SECTIONS)]
        who = _person(json.loads(row.body), True, turn.present())
    return Record(glass, moment(glass.expires), who, [(title, entries) for title, entries in sections if entries])


def _listed(turn: Turn, type: str) -> list[Json]:
    if turn.filter(type, "s") == NOTHING:
        return []
    with noted(turn, "search", type, query="_sort=-_lastUpdated") as shown:
        asked: Search = parse(type, [("_sort", "-_lastUpdated")], turn.world.base, strict=True)
        rows = find(turn.conn, asked, turn.may("s"), page_size=LISTED).rows
        shown += [row.patient for row in rows]
        return [json.loads(row.body) for row in rows]


def _referrals(turn: Turn) -> list[Entry]:
    all_cases = Worklist(turn.conn, CaseScope(None), DueBounds(0, 0, 0, 0))
    found = []
    for order in _listed(turn, "ServiceRequest"):
        row = all_cases.one(str(order["id"]))
        found.append(Entry(order, str(order["id"]) if row else "", row.specialty if row else ""))
    return found


def _entries(turn: Turn, type: str) -> list[Entry]:
    found = _listed(turn, type)
    places = _places(turn, found) if type == "Appointment" else {}
    return [Entry(each, where=places.get(str(each["id"]), "")) for each in found]


def _places(turn: Turn, visits: Sequence[Json]) -> dict[str, str]:
    """Where each visit is: the names of its Locations, as they are known here or as the visit tells them."""
    actors = {
        str(visit["id"]): [
            actor
            for each in items(visit, "participant")
            if target(actor := item(each, "actor")).startswith("Location/")
        ]
        for visit in visits
    }
    wanted = {("Location", target(actor).partition("/")[2]) for each in actors.values() for actor in each}
    rows = [row for row in read.many(turn.conn, sorted(wanted)) if not row.deleted]
    named = {f"Location/{row.id}": text(json.loads(row.body), "name") for row in rows}
    return {
        id: ", ".join(filter(None, (named.get(target(actor)) or text(actor, "display") for actor in each)))
        for id, each in actors.items()
    }


def _person(found: Json, mine: bool, present: Present) -> Person:
    name, birth, sex = person.name(found, present) or "No name", person.birth_date(found), text(found, "gender")
    return Person(str(found["id"]), name, birth, sex, person.record_number(found, present), mine)


def _audit(conn: Connection, grant: Grant, interaction: str, glass: Glass, now: datetime, request: str) -> None:
    noted = event(
        now, request, interaction, by=grant, query=f"reason={glass.reason}", type="Patient", resource=glass.patient,
        patient=glass.patient, emergency=glass.id,
    )  # fmt: skip
    audit_events.record(conn, [noted])
