"""Assembling cases: one read of all that is about the patient, and a handful for the registry around it.

What the registry is asked for is also noted, found or not: those are the keys that the case row leans on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance.library import Library
from carecoord.domain.agreements.versions import number_of
from carecoord.domain.clearance.odd_moves import ODD
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
from carecoord.domain.resource.codes import EXTENSION, HL7, IDENTIFIER, has
from carecoord.domain.resource.elements import (
    codes,
    extension,
    identifiers,
    item,
    items,
    key,
    target,
    targets,
    text,
)
from carecoord.domain.worklist import registry_keys
from carecoord.fhir.types import TYPES
from carecoord.store.resources import flags, read
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry

Json = dict[str, Any]
CASE_TYPES = (*ORDERS, *CLINICAL)
BASED_ON = ("Task", "Appointment", "Encounter", "DiagnosticReport", "CommunicationRequest")
COPIED = ("Organization", "Location", "Practitioner")
_REFERENCE = re.compile(rb'"reference":"((?:Organization|Location|Practitioner|PractitionerRole)/[^"/]+)')
_decode = msgspec.json.Decoder().decode  # stored bytes were read strictly when they came in; here speed counts


@dataclass(frozen=True)
class Assembled:
    """A case with the row number of its order and the keys of the registry that it leans on."""

    rid: int
    id: str
    case: Case
    needs: frozenset[str]


def assemble(conn: Connection, id: str, as_of: int | None = None, offers: bool = False) -> Case | None:
    """The case of an order (`case.case_id`), now or as it was known at an instant (microseconds); None when there is no
    such case. With `offers` the other performers of the plan's networks come along."""
    kind, order = order_named(id)
    row = read.get(conn, kind, order) if as_of is None else read.as_of(conn, kind, order, as_of)
    if row is None or row.deleted:
        return None
    patient = target(item(_decode(row.body), "subject")).partition("/")[2]
    found = of_patient(Library(conn, as_of), patient, offers)
    return next((each.case for each in found if each.id == id), None)


def of_patient(library: Library, patient: str, offers: bool = False) -> list[Assembled]:
    """Every case of a patient, by age."""
    rows = read.of_patient(library.conn, patient, CASE_TYPES, library.as_of)
    orders = [row for row in rows if row.type in ORDERS]
    if not orders:
        return []
    rows += _unclaimed(library, orders, {row.rid for row in rows})
    decoded = {f"{row.type}/{row.id}": order_of(_decode(row.body)) for row in rows}
    tasks = [each for each in decoded.values() if each["resourceType"] == "Task"]
    claims = [each for each in decoded.values() if each["resourceType"] == "Claim"]
    person = library.patient(patient)
    bodies = {f"{row.type}/{row.id}": row.body for row in rows}
    found, disputes = [], library.disputes(patient)
    odd = _odd(library, rows)
    for row in orders:
        order = decoded[f"{row.type}/{row.id}"]
        if is_case(order, tasks, claims):
            bare = gather(order, [*decoded.values(), *person])
            around, rules, needs = _around(library, bare, bodies, offers)
            case = gather(order, [*decoded.values(), *person, *around], library.systems, disputes, rules)
            found.append(Assembled(row.rid, case_id(order), replace(case, odd=odd) if odd else case, needs))
    library.keep()
    return found


def _odd(library: Library, rows: Sequence[Row]) -> frozenset[str]:
    """What an EHR moved as no table of states has it. In the past nobody knows: a flag is of the present version."""
    if library.as_of is not None:
        return frozenset()
    governed = {row.rid: f"{row.type}/{row.id}" for row in rows if TYPES[row.type].rule}
    return frozenset(governed[rid] for rid in flags.flagged(library.conn, governed, ODD))


def _unclaimed(library: Library, orders: Sequence[Row], known: set[int]) -> list[Row]:
    """What speaks of the orders without saying whom it is about: a payer's or performer's Task, a bare Appointment."""
    by = [("Task", "focus"), *((kind, "based-on") for kind in BASED_ON)]
    if library.as_of is not None:
        return []
    kinds = [(kind, [row.id for row in orders if row.type == kind]) for kind in ORDERS]
    found = [row for kind, ids in kinds if ids for row in registry.pointing(library.conn, by, kind, ids)]
    return [row for row in found if row.rid not in known]


def _around(
    library: Library, case: Case, bodies: dict[str, bytes], offers: bool
) -> tuple[list[Json], tuple[Rule, ...], frozenset[str]]:
    """The registry around a case, the payers' rules that may speak of its order, and the keys that were asked for."""
    parts = [case.order, *(each for name in CLINICAL.values() for each in getattr(case, name))]
    parts += [each for other in case.others for each in (*other.appointments, *other.encounters)]
    named = {found.decode() for part in parts for found in _REFERENCE.findall(bodies.get(key(part), b""))}
    people, needs = _people(library, case, named)
    groups, clinicians = _performers(case, people)
    owners = _shared([people[to] for to in _payers(case) if to in people])
    plan_keys = _plan_keys(case)
    plans = library.identified("InsurancePlan", plan_keys)
    rows = library.pointing("OrganizationAffiliation", "participating-organization", "Organization", groups)
    rows += library.pointing("PractitionerRole", "practitioner", "Practitioner", clinicians)
    if offers:
        networks = {to for plan in plans for part in _parts(plan) for to in targets(part, "network")}
        rows += library.pointing("OrganizationAffiliation", "network", "Organization", networks)
    contracts, numbers = _contracts(library, rows)
    around = {to for each in (*rows, *plans) for to in _named(each)}
    near = library.fetch(sorted(around))
    identified = [("InsurancePlan", each) for each in plan_keys] + [("Contract", each) for each in numbers]
    governing = {to for each in rows if (to := _governing(each))}
    needs |= registry_keys.asked(around | governing, identified, groups, clinicians, owners)
    found = {key(each): each for each in (*people.values(), *plans, *rows, *contracts, *near)}
    rules = _rules(library, case, owners, _shared(people.values()))
    return list(found.values()), rules, frozenset(needs)


def _rules(library: Library, case: Case, payers: set[str], providers: set[str]) -> tuple[Rule, ...]:
    """The payers' rules that may speak of the order. Of a card that names no plan, nobody knows which rules pass by."""
    plans = [_plans(card) for card in case.coverages]
    named = {plan for each in plans for plan in each} if all(plans) else None
    asked = [code for _, code in codes(item(case.order, "code"))]
    return library.rules(payers, named, asked, providers)


def _people(library: Library, case: Case, named: Iterable[str]) -> tuple[dict[str, Json], set[str]]:
    """Everybody named, whom they work for or belong to; of performers, payers and sites also every copy."""
    wanted, needs = set(named), set[str]()
    found: dict[str, Json] = {}
    for _ in range(2):
        for _ in range(3):  # a role's group, its parent, and the parent's parent
            new = [each for each in library.fetch(sorted(wanted)) if key(each) not in found]
            found |= {key(each): each for each in new}
            wanted |= {to for each in new for to in _named(each)}
        performers = [to for each in _performers(case, found) for to in each]
        meant = {*_sites(case), *_payers(case), *performers}
        for kind in COPIED:
            ids = _shared(found[to] for to in meant if to in found and to.startswith(f"{kind}/"))
            needs |= {registry_keys.identified(kind, each) for each in ids}
            wanted |= {key(each) for each in library.identified(kind, ids)}
    return found, needs | wanted


def _sites(case: Case) -> set[str]:
    """Where the visit may be, `Location/id`."""
    actors = {target(item(each, "actor")) for visit in case.appointments for each in items(visit, "participant")}
    return {to for to in actors | set(targets(case.order, "locationReference")) if to.startswith("Location/")}


def _shared(resources: Iterable[Json]) -> set[str]:
    return {id for each in resources for id in identifiers(each)}


def _named(resource: Json) -> list[str]:
    """Whom a resource of the registry names."""
    one = (
        item(resource, name)
        for name in (
            "organization",
            "practitioner",
            "managingOrganization",
            "partOf",
            "ownedBy",
            "participatingOrganization",
        )
    )
    several = [to for name in ("network", "location") for to in targets(resource, name)]
    marked = [target(item(each, "valueReference")) for each in items(resource, "extension")]
    inside = [to for part in _parts(resource)[1:] for to in targets(part, "network")]
    wanted = (*(target(each) for each in one), *several, *marked, *inside)
    return [to for to in wanted if to.partition("/")[0] in ("Organization", "Location", "Practitioner")]


def _parts(plan: Json) -> list[Json]:
    """The places of an InsurancePlan that can name networks."""
    return [plan, *items(plan, "coverage"), *items(plan, "plan")]


def _performers(case: Case, people: dict[str, Json]) -> tuple[list[str], list[str]]:
    """Every organization and clinician that may be meant by the performer, with copies and parents."""
    named = {to for task in case.tasks for to in targets(task, "owner")} | set(targets(case.order, "performer"))
    named |= {
        to for each in named if each in people for to in _named(people[each]) if each.startswith("PractitionerRole/")
    }
    found = [people[each] for each in named if each in people]
    ids = _shared(found)
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


def _plan_keys(case: Case) -> set[str]:
    return {f"{IDENTIFIER}/plan|{plan}" for card in case.coverages for plan in _plans(card)}


def _plans(card: Json) -> list[str]:
    """The plans that a Coverage names."""
    kinds = (each for each in items(card, "class") if has(item(each, "type"), f"{HL7}/coverage-class", "plan"))
    return [plan for each in kinds if (plan := text(each, "value"))]


def _governing(row: Json) -> str:
    return target(item(extension(row, f"{EXTENSION}/governing-contract"), "valueReference"))


def _contracts(library: Library, rows: Iterable[Json]) -> tuple[list[Json], set[str]]:
    """The contracts that govern rows of the directory, in all their versions, and the numbers that join these."""
    first = library.fetch(sorted({to for row in rows if (to := _governing(row))}))
    numbers = {id for each in first for id in identifiers(each) if id.endswith(f"|{number_of(each)}")}
    return [*first, *library.identified("Contract", numbers)], numbers
