"""Assembling cases: one read of all that is about the patient, joined with what the registry has around it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance.around import MOST, Others, around
from carecoord.actions.clearance.bodies import decoded
from carecoord.actions.clearance.library import Library
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.ehrs.doubts import Doubt
from carecoord.domain.prior_auth.clinic import requested
from carecoord.domain.referrals.case import (
    CLINICAL,
    ORDERS,
    Case,
    Heap,
    alike,
    case_id,
    clinical,
    disputed,
    is_case,
    kinds,
    order_named,
    order_of,
)
from carecoord.domain.resource.elements import item, key, target
from carecoord.domain.resource.memory import interned
from carecoord.fhir.instants import micros
from carecoord.fhir.search import params
from carecoord.store.database import driver
from carecoord.store.resources import flags, read, registry_mark
from carecoord.store.resources.flags import Flag
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Touched
from carecoord.store.worklist import registry

Json = dict[str, Any]
CASE_TYPES = (*ORDERS, *CLINICAL)
TYPES = (*CASE_TYPES, "Patient")
_BASED_ON = ("Task", "Appointment", "Encounter", "DiagnosticReport", "CommunicationRequest")
_ANSWERED = params.key("AppointmentResponse", "appointment")
_BY = (_ANSWERED, params.key("Task", "focus"), *(params.key(kind, "based-on") for kind in _BASED_ON))
_SPOKEN_OF = (*ORDERS, "Appointment")
NONE: frozenset[str] = frozenset()
_HANDED = "cases"  # of a transaction (driver.known): the library to go on with


@dataclass(frozen=True)
class Assembled:
    """A case with the row number of its order and the keys of the registry that it leans on."""

    rid: int
    id: str
    case: Case
    needs: frozenset[str]


def assemble(
    conn: Connection, id: str, as_of: int | None = None, offers: date | None = None, most: int = MOST
) -> Case | None:
    """The case of an order (`case.case_id`), now or as it was known at an instant (microseconds); None when there is no
    such case. `offers`: the day for which other performers of the plan's networks come along, no more than `most`."""
    kind, order = order_named(id)
    row = read.get(conn, kind, order) if as_of is None else read.as_of(conn, kind, order, as_of)
    if row is None or row.deleted:
        return None
    patient = target(item(decoded(row.body), "subject")).partition("/")[2]
    found = of_patient(Library(conn, as_of), patient, Others(offers, most) if offers else None)
    return next((each.case for each in found if each.id == id), None)


def of_patient(library: Library, patient: str, others: Others | None = None) -> tuple[Assembled, ...]:
    """Every case of a patient, by age. Of the same resources in the same registry they are put together once: the page
    that answers an act shows the very cases that the act wrote the rows of."""
    return of_patients(library, [patient], others)[patient]


def of_patients(
    library: Library, patients: Sequence[str], others: Others | None = None
) -> dict[str, tuple[Assembled, ...]]:
    """The same of each of several patients: what is read of one is read of all of them at once."""
    found: dict[str, tuple[Assembled, ...]] = dict.fromkeys(patients, ())
    news = False
    for patient, theirs in _read(library, patients).items():
        heap = _heap(library, patient, theirs, others)
        evidence = ([(row.rid, row.body) for row in (*heap.rows, *heap.person)], library.systems, *heap.beside[1:])
        cases: tuple[Assembled, ...] | None = library.made((patient, others), evidence)
        if cases is None:
            cases, news = tuple(_put_together(library, heap)), True
            library.make((patient, others), evidence, cases)
        found[patient] = cases
    if news:
        library.keep()
    return found


def hold_on(library: Library, patient: str) -> None:
    """Keep with the library what there is about a patient with whose cases this transaction is alone."""
    library.kept |= _read(library, [patient])


def hand_on(library: Library, touched: Iterable[Touched], now: datetime) -> None:
    """Let who puts cases together next in this transaction (`handed`) go on with what was kept with the library, and
    with what was written since, of which nothing is flagged. What bears on more than the cases of whom it is about, or
    was there before, has all of it read again."""
    fresh = list(touched)
    if any(each.before or each.patient not in library.kept or each.type in _SPOKEN_OF for each in fresh):
        return
    for patient, kept in library.kept.items():
        written = (Row(each.rid, each.type, each.id, each.version, micros(now), False, each.after, patient)
                   for each in fresh if each.patient == patient and each.type in TYPES)  # fmt: skip
        own = sorted((*kept.own, *written), key=lambda row: (row.type, row.rid))
        library.kept[patient] = kept._replace(own=own)
    driver.known(library.conn)[_HANDED] = library


def handed(conn: Connection) -> Library | None:
    """The library that was handed on, where the registry stands as it did."""
    found: Library | None = driver.known(conn).pop(_HANDED, None)
    return found if found and registry_mark.mark(conn) == found.mark else None


def of_order(library: Library, order: Json, others: Others | None = None) -> Case:
    """The case that an order would be, were it stored as it is given: it has an id, and stands in the place of what is
    stored under it."""
    patient = target(item(order, "subject")).partition("/")[2]
    rows = [
        row
        for row in read.of_patient(library.conn, patient, TYPES, library.as_of)
        if f"{row.type}/{row.id}" != key(order)
    ]
    heap = _heap(library, patient, _whole(library, {patient: rows})[patient], others)
    heap.bodies[key(order)] = msgspec.json.encode(order)
    return _joined(library, order, kinds([order, *heap.resources]), heap)[0]


def of_request(library: Library, patient: str, claim: str) -> Assembled | None:
    """The case that a request for authorization, `Claim/id`, would be the request of, where its order is not here: one
    that asks for what its first line asks for, of no id, with the row number of the request. None where there is no
    such request."""
    rows = read.of_patient(library.conn, patient, TYPES, library.as_of)
    heap = _heap(library, patient, _whole(library, {patient: rows})[patient], None)
    asked = heap.decoded.get(claim)
    if asked is None:
        return None
    order = requested.order(asked)
    heap.bodies[key(order)] = msgspec.json.encode(order)
    rest = (each for each in heap.resources if key(each) != claim)
    case, needs = _joined(library, order, kinds([order, requested.naming(asked, order), *rest]), heap)
    rid = next(row.rid for row in heap.rows if f"{row.type}/{row.id}" == claim)
    return Assembled(rid, "", case, needs)


class _Beside(NamedTuple):
    """What belongs to cases beside resources."""

    others: Others | None
    disputes: tuple[Disputed, ...]
    odd: frozenset[str]
    doubts: tuple[Doubt, ...]


class _About(NamedTuple):
    """What there is about a patient: what says so, by type and age; what only speaks of it; what is flagged of these,
    by row number."""

    own: Sequence[Row]
    unclaimed: Sequence[Row]
    flagged: Mapping[int, Sequence[Flag]]


@dataclass(frozen=True)
class _Patient:
    """All that is about a patient: rows, those of the person, and what they say."""

    rows: Sequence[Row]
    person: Sequence[Row]
    beside: _Beside

    @cached_property
    def decoded(self) -> dict[str, Json]:
        return {f"{row.type}/{row.id}": order_of(decoded(row.body)) for row in self.rows}

    @cached_property
    def resources(self) -> list[Json]:
        return [*self.decoded.values(), *(decoded(row.body) for row in self.person)]

    @cached_property
    def whole(self) -> Heap:
        return kinds(self.resources)

    @cached_property
    def bodies(self) -> dict[str, bytes]:
        return {f"{row.type}/{row.id}": row.body for row in self.rows}


def _read(library: Library, patients: Sequence[str]) -> dict[str, _About]:
    """What there is about each of these patients who has an order."""
    wanted = [each for each in patients if each not in library.kept]
    held = read.of_patients(library.conn, wanted, TYPES, library.as_of) if wanted else {}
    held = {patient: rows for patient, rows in held.items() if any(row.type in ORDERS for row in rows)}
    found = _whole(library, held) if held else {}
    kept: dict[str, _About] = library.kept
    return {each: found[each] if each in found else kept[each] for each in patients if each in found or each in kept}


def _whole(library: Library, held: Mapping[str, Sequence[Row]]) -> dict[str, _About]:
    """All that is about each patient. held: what says that it is."""
    unclaimed = _unclaimed(library, held)
    theirs = {patient: (rows, unclaimed.get(patient, ())) for patient, rows in held.items()}
    flagged = _flagged(library, (row for both in theirs.values() for rows in both for row in rows))
    return {patient: _About(*both, flagged) for patient, both in theirs.items()}


def _heap(library: Library, patient: str, about: _About, others: Others | None) -> _Patient:
    rows = [*about.own, *about.unclaimed]
    person = [row for row in rows if row.type == "Patient"]
    odd, doubts = _doubted(rows, about.flagged) if about.flagged else (NONE, ())
    beside = _Beside(others, library.disputes(patient), odd, doubts)
    return _Patient([row for row in rows if row.type != "Patient"], person, beside)


def _put_together(library: Library, heap: _Patient) -> Iterator[Assembled]:
    tasks = [each for each in heap.decoded.values() if each["resourceType"] == "Task"]
    claims = [each for each in heap.decoded.values() if each["resourceType"] == "Claim"]
    for row in heap.rows:
        order = heap.decoded[f"{row.type}/{row.id}"]
        if row.type in ORDERS and is_case(order, tasks, claims):
            case, needs = _joined(library, order, heap.whole, heap)
            yield Assembled(row.rid, case_id(order), case, needs)


def _joined(library: Library, order: Json, whole: Heap, heap: _Patient) -> tuple[Case, frozenset[str]]:
    """The case of an order among all that is about its patient, and the keys of the registry that it leans on."""
    beside = heap.beside
    own = clinical(order, whole)
    found = around(library, own, heap.bodies, beside.others)
    fields = found.fields
    case = replace(
        own, organizations=fields["organizations"], locations=fields["locations"], roles=fields["roles"],
        practitioners=fields["practitioners"], rules=found.rules, records=found.records, policies=found.policies,
        systems=library.systems, alike=alike(order, whole, found.rules), disputes=disputed(own, beside.disputes),
        odd=beside.odd, doubts=beside.doubts,
    )  # fmt: skip
    return interned(case), found.needs


def _flagged(library: Library, rows: Iterable[Row]) -> dict[int, list[Flag]]:
    """What is flagged, by row number. In the past nobody knows: a flag is of the present version."""
    found: dict[int, list[Flag]] = {}
    for each in flags.of(library.conn, {row.rid for row in rows}) if library.as_of is None else ():
        found.setdefault(each.rid, []).append(each)
    return found


def _doubted(
    rows: Sequence[Row], flagged: Mapping[int, Sequence[Flag]]
) -> tuple[frozenset[str], tuple[Doubt, ...]]:
    """What an EHR moved as no table of states has it, and what the judge doubts in what was stored all the same."""
    found = [(f"{row.type}/{row.id}", each)
             for row in sorted(rows, key=lambda row: row.rid) for each in flagged.get(row.rid, ())]  # fmt: skip
    odd = frozenset(name for name, each in found if each.later) or NONE
    return odd, tuple(Doubt(name, each.place, each.code == "required") for name, each in found if not each.later)


def _unclaimed(library: Library, held: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """What speaks of the patients' orders without saying whom it is about: a payer's or performer's Task, a bare
    Appointment, a clinic's answer to an Appointment. held: what does say it."""
    known = {(patient, row.rid) for patient, rows in held.items() for row in rows}
    found: dict[str, list[Row]] = {}
    news: Mapping[str, Sequence[Row]] = held if library.as_of is None else {}
    while named := _named(news):  # at most twice: an Appointment that was found may be answered
        speaks = {
            (patient, each.rid)
            for each in registry.pointers(library.conn, _BY, {id for _, id in named})
            if (each.key == _ANSWERED) == (each.type == "Appointment")
            for patient in named.get((each.type, each.id), ())
        } - known
        rows = {row.rid: row for row in read.numbered(library.conn, {rid for _, rid in speaks}) if not row.deleted}
        fresh: dict[str, list[Row]] = {}
        for patient, rid in sorted(speaks):
            if rid in rows:
                fresh.setdefault(patient, []).append(rows[rid])
                found.setdefault(patient, []).append(rows[rid])
        news, known = fresh, known | speaks
    return found


def _named(held: Mapping[str, Sequence[Row]]) -> dict[tuple[str, str], set[str]]:
    """The orders and visits among these rows, each with whose it is."""
    named: dict[tuple[str, str], set[str]] = {}
    for patient, rows in held.items():
        for row in rows:
            if row.type in _SPOKEN_OF:
                named.setdefault((row.type, row.id), set()).add(patient)
    return named
