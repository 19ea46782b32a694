"""Assembling cases: one read of all that is about the patient, and a handful for the registry around it.

What the registry is asked for is also noted, found or not: those are the keys that the case row leans on."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance.library import COPIED, Library, shared
from carecoord.actions.policies.known import EVERYBODY
from carecoord.domain.agreements.records import PlanListing, Records, every_network_of, named
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.ehrs.doubts import Doubt
from carecoord.domain.prior_auth.clinic import requested
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import (
    CLINICAL,
    ORDERS,
    Case,
    case_id,
    gather,
    is_case,
    order_named,
    order_of,
)
from carecoord.domain.resource import places
from carecoord.domain.resource.codes import HL7, has
from carecoord.domain.resource.elements import (
    codes,
    identifiers,
    item,
    items,
    key,
    target,
    targets,
    text,
)
from carecoord.domain.resource.parties import TAXES
from carecoord.domain.terms.everyday import compared
from carecoord.domain.worklist import registry_keys
from carecoord.store.resources import flags, read
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry

Json = dict[str, Any]
CASE_TYPES = (*ORDERS, *CLINICAL)
ANSWERED = ("AppointmentResponse", "appointment")
BASED_ON = ("Task", "Appointment", "Encounter", "DiagnosticReport", "CommunicationRequest")
MOST = 25  # organizations that are looked at for offers: the nearest, and the first by name, of those in network
_REFERENCE = re.compile(rb'"reference":"((?:Organization|Location|Practitioner|PractitionerRole)/[^"/]+)')
_decode = msgspec.json.Decoder().decode  # stored bytes were read strictly when they came in; here speed counts


@dataclass(frozen=True)
class Assembled:
    """A case with the row number of its order and the keys of the registry that it leans on."""

    rid: int
    id: str
    case: Case
    needs: frozenset[str]


@dataclass(frozen=True)
class Others:
    """Other performers that come along with a case: at most so many of those that may be in network on the day."""

    day: date
    most: int


def assemble(
    conn: Connection, id: str, as_of: int | None = None, offers: date | None = None, most: int = MOST
) -> Case | None:
    """The case of an order (`case.case_id`), now or as it was known at an instant (microseconds); None when there is no
    such case. `offers`: the day for which other performers of the plan's networks come along, no more than `most`."""
    kind, order = order_named(id)
    row = read.get(conn, kind, order) if as_of is None else read.as_of(conn, kind, order, as_of)
    if row is None or row.deleted:
        return None
    patient = target(item(_decode(row.body), "subject")).partition("/")[2]
    found = of_patient(Library(conn, as_of), patient, Others(offers, most) if offers else None)
    return next((each.case for each in found if each.id == id), None)


def of_patient(library: Library, patient: str, others: Others | None = None) -> tuple[Assembled, ...]:
    """Every case of a patient, by age. Of the same resources in the same registry they are put together once: the page
    that answers an act shows the very cases that the act wrote the rows of."""
    rows = read.of_patient(library.conn, patient, CASE_TYPES, library.as_of)
    if not any(row.type in ORDERS for row in rows):
        return ()
    heap = _heap(library, rows, patient, others)
    evidence = ([(row.rid, row.body) for row in (*heap.rows, *heap.person)], library.systems, *heap.beside[1:])
    found: tuple[Assembled, ...] | None = library.made((patient, others), evidence)
    if found is None:
        found = tuple(_put_together(library, heap))
        library.make((patient, others), evidence, found)
        library.keep()
    return found


def of_order(library: Library, order: Json, others: Others | None = None) -> Case:
    """The case that an order would be, were it stored as it is given: it has an id, and stands in the place of what is
    stored under it."""
    patient = target(item(order, "subject")).partition("/")[2]
    rows = [
        row
        for row in read.of_patient(library.conn, patient, CASE_TYPES, library.as_of)
        if f"{row.type}/{row.id}" != key(order)
    ]
    heap = _heap(library, rows, patient, others)
    heap.bodies[key(order)] = msgspec.json.encode(order)
    return _joined(library, order, [order, *heap.whole], heap)[0]


def of_request(library: Library, patient: str, claim: str) -> Case | None:
    """The case that a request for authorization, `Claim/id`, would be the request of, where its order is not here: one
    that asks for what its first line asks for. None where there is no such request."""
    rows = read.of_patient(library.conn, patient, CASE_TYPES, library.as_of)
    heap = _heap(library, rows, patient, None)
    asked = heap.decoded.get(claim)
    if asked is None:
        return None
    order = requested.order(asked)
    heap.bodies[key(order)] = msgspec.json.encode(order)
    rest = (each for each in heap.whole if key(each) != claim)
    return _joined(library, order, [order, requested.naming(asked, order), *rest], heap)[0]


class _Beside(NamedTuple):
    """What belongs to cases beside resources."""

    others: Others | None
    disputes: tuple[Disputed, ...]
    odd: frozenset[str]
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True)
class _Heap:
    """All that is about a patient: rows, those of the person, and what they say."""

    rows: Sequence[Row]
    person: Sequence[Row]
    beside: _Beside

    @cached_property
    def decoded(self) -> dict[str, Json]:
        return {f"{row.type}/{row.id}": order_of(_decode(row.body)) for row in self.rows}

    @cached_property
    def whole(self) -> list[Json]:
        return [*self.decoded.values(), *(_decode(row.body) for row in self.person)]

    @cached_property
    def bodies(self) -> dict[str, bytes]:
        return {f"{row.type}/{row.id}": row.body for row in self.rows}


def _heap(library: Library, rows: list[Row], patient: str, others: Others | None) -> _Heap:
    rows = rows + _unclaimed(library, [row for row in rows if row.type in ORDERS], rows)
    person = library.patient(patient)
    odd, doubts = _flagged(library, [*rows, *person])
    return _Heap(rows, person, _Beside(others, library.disputes(patient), odd, doubts))


def _put_together(library: Library, heap: _Heap) -> Iterator[Assembled]:
    tasks = [each for each in heap.decoded.values() if each["resourceType"] == "Task"]
    claims = [each for each in heap.decoded.values() if each["resourceType"] == "Claim"]
    for row in heap.rows:
        order = heap.decoded[f"{row.type}/{row.id}"]
        if row.type in ORDERS and is_case(order, tasks, claims):
            case, needs = _joined(library, order, heap.whole, heap)
            yield Assembled(row.rid, case_id(order), case, needs)


def _joined(library: Library, order: Json, whole: Sequence[Json], heap: _Heap) -> tuple[Case, frozenset[str]]:
    """The case of an order among all that is about its patient, and the keys of the registry that it leans on."""
    beside = heap.beside
    around, rules, records, needs = _around(library, gather(order, whole), heap.bodies, beside.others)
    case = gather(order, [*whole, *around], library.systems, beside.disputes, rules, records)
    said = library.policies(_whose(case))
    if beside.odd or beside.doubts or said:
        case = replace(case, odd=beside.odd, doubts=beside.doubts, policies=tuple(said))
    return case, needs


def _whose(case: Case) -> set[str]:
    """Whose policies may bear on a case: of everybody around it, by every identifier."""
    around = (*case.organizations, *case.locations)
    ids = {each for each in shared(around) if not each.startswith(TAXES)}
    return {EVERYBODY, *map(key, around), *ids}


def _flagged(library: Library, rows: Sequence[Row]) -> tuple[frozenset[str], tuple[Doubt, ...]]:
    """What an EHR moved as no table of states has it, and what the judge doubts in what was stored all the same. In the
    past nobody knows: a flag is of the present version."""
    if library.as_of is not None:
        return frozenset(), ()
    names = {row.rid: f"{row.type}/{row.id}" for row in rows}
    found = flags.of(library.conn, names)
    odd = frozenset(names[each.rid] for each in found if each.later)
    doubted = (each for each in found if not each.later)
    return odd, tuple(Doubt(names[each.rid], each.place, each.code == "required") for each in doubted)


def _unclaimed(library: Library, orders: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """What speaks of the orders without saying whom it is about: a payer's or performer's Task, a bare Appointment, a
    clinic's answer to an Appointment. rows: what does say it."""
    known = {row.rid for row in rows}
    by = [("Task", "focus"), *((kind, "based-on") for kind in BASED_ON)]
    if library.as_of is not None:
        return []
    kinds = [(kind, [row.id for row in orders if row.type == kind]) for kind in ORDERS]
    found = [row for kind, ids in kinds if ids for row in registry.pointing(library.conn, by, kind, ids)]
    visits = [row.id for row in (*rows, *found) if row.type == "Appointment"]
    found += registry.pointing(library.conn, [ANSWERED], "Appointment", visits) if visits else []
    return [row for row in found if row.rid not in known]


def _around(
    library: Library, case: Case, bodies: dict[str, bytes], looked_for: Others | None
) -> tuple[list[Json], tuple[Rule, ...], Records, frozenset[str]]:
    """The registry around a case: resources, the payers' rules that may speak of its order, rows of the register, and
    the keys that were asked for."""
    parts = [case.order, *(each for name in CLINICAL.values() for each in getattr(case, name))]
    parts += [each for other in case.others for each in (*other.appointments, *other.encounters, *other.tasks)]
    mentioned = {found.decode() for part in parts for found in _REFERENCE.findall(bodies.get(key(part), b""))}
    people, known = _people(library, case, mentioned)
    groups, clinicians = ({*keys, *shared(people[to] for to in keys)} for keys in _performers(_asked(case), people))
    owners = shared([people[to] for to in _payers(case) if to in people])
    values = {plan for card in case.coverages for plan in _plans(card)}
    plans, rows = library.plans(values), library.listings(groups | clinicians)
    absent, theirs = library.absent(rows)
    rows += [each for each in theirs if each not in rows]
    clinicians |= {*map(key, absent), *shared(absent)}
    others: list[Json] = []
    if looked_for:
        others = _others(library, case, plans, looked_for)
        rows += library.listings(({key(each) for each in others} | shared(others)) - groups)
    versions = library.versions(each.contract for each in rows if each.contract)
    sites = {target(site) for row in rows for site in row.sites} if others else set[str]()
    where = library.places({*map(key, others), *sites}) if others else ()
    records = Records(tuple(rows), tuple(plans), tuple(versions), where)
    near = library.fetch(records.parties)
    governing = {each.contract for each in rows if each.contract}
    agreements = {each.agreement for each in versions}
    needs = known | registry_keys.asked(records.parties | governing, values, agreements, groups, clinicians, owners)
    found = {key(each): each for each in (*people.values(), *absent, *others, *near)}
    rules = _rules(library, case, owners, shared(people.values()))
    return list(found.values()), rules, records, needs


def _rules(library: Library, case: Case, payers: set[str], providers: set[str]) -> tuple[Rule, ...]:
    """The payers' rules that may speak of the order. Of a card that names no plan, nobody knows which rules pass by."""
    plans = [_plans(card) for card in case.coverages]
    of_cards = {plan for each in plans for plan in each} if all(plans) else None
    asked = [code for _, code in codes(item(case.order, "code"))]
    return library.rules(payers, of_cards, asked, providers)


def _others(library: Library, case: Case, plans: Sequence[PlanListing], looked_for: Others) -> list[Json]:
    """Some organizations that take part in the plan's networks on the day, those nearest to the patient first and then
    in the order of their names, with every copy of each."""
    networks, payers = (
        {id for each in found for id in (key(each), *identifiers(each))}
        for found in (
            library.copies(named(each) for plan in plans for each in plan.networks),
            library.copies(named(plan.payer) for plan in plans if plan.payer),
        )
    )
    open_to = networks | {every_network_of(each) for each in payers}
    fields = compared(item(case.order, "performerType"))
    home = places.of(case.patient) if case.patient else None
    return library.copies(library.members(open_to, fields, looked_for.day, looked_for.most, home))


def _people(library: Library, case: Case, mentioned: Iterable[str]) -> tuple[Mapping[str, Json], frozenset[str]]:
    """Everybody named, whom they work for or belong to; of performers, payers and sites also every copy. The same to
    every case that names the same."""
    asked, beside = _asked(case), frozenset({*_sites(case), *_payers(case)})
    return library.people((frozenset(mentioned), asked, beside), lambda: _found(library, asked, beside, mentioned))


def _found(
    library: Library, asked: Iterable[str], beside: Iterable[str], mentioned: Iterable[str]
) -> tuple[Mapping[str, Json], frozenset[str]]:
    wanted, needs = set(mentioned), set[str]()
    found: dict[str, Json] = {}
    for _ in range(2):
        for _ in range(3):  # a role's group, its parent, and the parent's parent
            new = [each for each in library.fetch(sorted(wanted)) if key(each) not in found]
            found |= {key(each): each for each in new}
            wanted |= {to for each in new for to in _named(each)}
        meant = {*beside, *(to for each in _performers(asked, found) for to in each)}
        for kind in COPIED:
            ids = shared(found[to] for to in meant if to in found and to.startswith(f"{kind}/"))
            needs |= {registry_keys.identified(kind, each) for each in ids}
            wanted |= {key(each) for each in library.identified(kind, ids)}
    return found, frozenset(needs | wanted)


def _sites(case: Case) -> set[str]:
    """Where the visit may be, `Location/id`."""
    actors = {target(item(each, "actor")) for visit in case.appointments for each in items(visit, "participant")}
    return {to for to in actors | set(targets(case.order, "locationReference")) if to.startswith("Location/")}


def _named(resource: Json) -> list[str]:
    """Whom a resource of the registry names."""
    one = (
        item(resource, name)
        for name in (
            "organization",
            "practitioner",
            "managingOrganization",
            "partOf",
        )
    )
    several = [to for name in ("network", "location") for to in targets(resource, name)]
    marked = [target(item(each, "valueReference")) for each in items(resource, "extension")]
    wanted = (*(target(each) for each in one), *several, *marked)
    return [to for to in wanted if to.partition("/")[0] in ("Organization", "Location", "Practitioner")]


def _asked(case: Case) -> frozenset[str]:
    """Who is asked to do it, `Type/id`."""
    return frozenset(to for task in case.tasks for to in targets(task, "owner")) | {*targets(case.order, "performer")}


def _performers(asked: Iterable[str], people: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """Every organization and clinician that may be meant by who is asked, with copies and parents."""
    named = set(asked)
    named |= {
        to for each in named if each in people for to in _named(people[each]) if each.startswith("PractitionerRole/")
    }
    found = [people[each] for each in named if each in people]
    ids = shared(found)
    same = {to: each for to, each in people.items() if to in named or not ids.isdisjoint(identifiers(each))}
    for _ in range(3):
        same |= {to: people[to] for each in [*same.values()] for to in targets(each, "partOf") if to in people}
    groups = [to for to, each in same.items() if each["resourceType"] == "Organization"]
    return sorted(groups), sorted(to for to, each in same.items() if each["resourceType"] == "Practitioner")


def _payers(case: Case) -> set[str]:
    """The payers, `Organization/id`, and every copy is found by what they share."""
    return {to for card in case.coverages for to in targets(card, "payor")} | {
        to for c in case.claims for to in targets(c, "insurer")
    }


def _plans(card: Json) -> list[str]:
    """The plans that a Coverage names."""
    kinds = (each for each in items(card, "class") if has(item(each, "type"), f"{HL7}/coverage-class", "plan"))
    return [plan for each in kinds if (plan := text(each, "value").strip())]
