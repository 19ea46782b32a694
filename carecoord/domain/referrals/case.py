"""A case: one referral with everything that bears on it, joined from resources, whoever wrote them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from carecoord.domain.agreements.records import Records
from carecoord.domain.ehrs.disputes import Disputed, of_case
from carecoord.domain.ehrs.doubts import Doubt
from carecoord.domain.policies.lines import Line
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.codes import PAS, PATIENT_REFERRAL, TASK_CODES, has
from carecoord.domain.resource.elements import (
    Json,
    codes,
    extensions,
    identifiers,
    item,
    items,
    key,
    target,
    targets,
    text,
)
from carecoord.domain.resource.memory import interned
from carecoord.fhir.code_systems import canonical

# Where each type of resource stands in a Case. The first group belongs to one patient, the second to the registry.
CLINICAL = {
    "Task": "tasks",
    "Coverage": "coverages",
    "CoverageEligibilityResponse": "eligibility",
    "CoverageEligibilityRequest": "inquiries",
    "Claim": "claims",
    "ClaimResponse": "responses",
    "Appointment": "appointments",
    "AppointmentResponse": "replies",
    "Encounter": "encounters",
    "DocumentReference": "documents",
    "QuestionnaireResponse": "answers",
    "DiagnosticReport": "reports",
    "CommunicationRequest": "requests",
    "Communication": "talks",
}
REGISTRY = {
    "Organization": "organizations",
    "Location": "locations",
    "Practitioner": "practitioners",
    "PractitionerRole": "roles",
}
ABOUT = {  # what counts by whom it is about, not by naming the order, and the element that says so
    "Claim": "patient",
    "ClaimResponse": "patient",
    "Coverage": "beneficiary",
    "CoverageEligibilityRequest": "patient",
    "CoverageEligibilityResponse": "patient",
    "DocumentReference": "subject",
    "QuestionnaireResponse": "subject",
}
Some = tuple[Json, ...]
Heap = Mapping[str, Sequence[Json]]  # resources by type
NO_RECORDS = Records()


@dataclass(frozen=True)
class OtherOrder:
    """Another order of the patient that a request for authorization or its answer speaks of, with its visits: what was
    authorized is used up by whichever order the visits are for. `tasks`: those that say who is to see the patient."""

    order: Json
    appointments: Some = ()
    encounters: Some = ()
    tasks: Some = ()


@dataclass(frozen=True)
class Case:
    """The resources as they are stored, meta.versionId included, so that every answer can name its evidence."""

    order: Json
    patient: Json | None = None
    tasks: Some = ()
    coverages: Some = ()
    eligibility: Some = ()
    inquiries: Some = ()
    claims: Some = ()
    responses: Some = ()
    appointments: Some = ()
    replies: Some = ()
    encounters: Some = ()
    documents: Some = ()
    answers: Some = ()
    reports: Some = ()
    requests: Some = ()
    talks: Some = ()
    organizations: Some = ()
    locations: Some = ()
    practitioners: Some = ()
    roles: Some = ()
    rules: tuple[Rule, ...] = ()  # of the payers' rules those that may speak of the order
    policies: tuple[Line, ...] = ()  # what the office and the payers have said of clocks and calendars
    records: Records = NO_RECORDS  # what the register says of the plan's networks, and of who takes part in them
    systems: Mapping[str, str] = field(default_factory=dict)  # base URL of an EHR -> the name it was added under
    others: tuple[OtherOrder, ...] = ()
    alike: tuple[OtherOrder, ...] = ()  # the patient's other orders for one of the services, where a rule counts visits
    disputes: tuple[Disputed, ...] = ()  # what EHRs and we have changed differently
    odd: frozenset[str] = frozenset()  # `Type/id` of what an EHR moved as no table of states has it
    doubts: tuple[Doubt, ...] = ()  # what the judge found wrong in what was stored all the same
    # What was read of it already, by how it was read (`clearance.facts`): it is never changed, so neither is that.
    read: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)


_BESIDE = frozenset((canonical(system), code) for system, code in TASK_CODES)
ORDERS = ("ServiceRequest", "DeviceRequest")  # what may become a case
_THOUGHTS = {"proposal", "plan", "option", "directive"}  # intents by which nobody has been asked to do anything yet
_SOMEBODY = ("Organization/", "Practitioner/", "PractitionerRole/", "CareTeam/", "HealthcareService/")


def order_of(resource: Json) -> Json:
    """An order in the shape of a ServiceRequest, whose elements the rules read: a DeviceRequest has its code and its
    one performer under other names."""
    if resource.get("resourceType") != "DeviceRequest":
        return resource
    alike = {"code": item(resource, "codeCodeableConcept"), "performer": [item(resource, "performer")]}
    return resource | {name: each for name, each in alike.items() if each not in ({}, [{}])}


def case_id(order: Json) -> str:
    """What a case goes by: the id of its ServiceRequest; that of another type with the type before it,
    `DeviceRequest~id`, which no FHIR id can be."""
    kind, id = order.get("resourceType"), text(order, "id")
    return id if kind == "ServiceRequest" else f"{kind}~{id}"


def order_named(case_id: str) -> tuple[str, str]:
    """The type and id of the order of a case."""
    kind, tilde, id = case_id.partition("~")
    return (kind, id) if tilde else ("ServiceRequest", case_id)


def is_case(order: Json, tasks: Iterable[Json] = (), claims: Iterable[Json] = ()) -> bool:
    """Whether an order is a case: a referral, or any other that goes to somebody (imaging, therapy, home health, a
    device): to another than who asks for it, with a Task, or to a payer with a request for authorization."""
    me = key(order)
    if any(has(each, *PATIENT_REFERRAL) for each in items(order, "category")):
        return True
    if any(target(item(task, "focus")) == me for task in tasks) or any(me in orders(claim) for claim in claims):
        return True
    if order.get("doNotPerform") is True or text(order, "intent") in _THOUGHTS:
        return False
    asker = item(order, "requester")
    named = [each for each in items(order, "performer") if not asker or target(each) != target(asker)]
    return any(target(each).startswith(_SOMEBODY) or item(each, "identifier") for each in named)


def gather(
    order: Json,
    resources: Iterable[Json],
    systems: Mapping[str, str] | None = None,
    disputes: Iterable[Disputed] = (),
    rules: Iterable[Rule] = (),
    records: Records = NO_RECORDS,
) -> Case:
    """Join a case from any heap of resources: the patient's are kept when they concern this order, coverage and
    requests for authorization always (one that is not linked may still be the one meant), the registry's as given.
    `systems`: what the EHRs are called, by base URL. `disputes`: of all of the patient's resources. `rules`:
    those of the payers that may speak of the order. `records`: what the register says."""
    heap, said, known = kinds(resources), tuple(rules), tuple(disputes)
    own, around = clinical(order, heap), registry(heap)
    return replace(
        own, organizations=around["organizations"], locations=around["locations"], roles=around["roles"],
        practitioners=around["practitioners"], systems=systems or {}, rules=said, records=records,
        alike=alike(order, heap, said), disputes=disputed(own, known),
    )  # fmt: skip


def kinds(resources: Iterable[Json]) -> Heap:
    """A heap of resources by type."""
    heap: dict[str, list[Json]] = {}
    for each in resources:
        heap.setdefault(str(each.get("resourceType")), []).append(each)
    return heap


def clinical(order: Json, whole: Heap) -> Case:
    """The case of an order with all of the patient's that bears on it, and nothing of the registry."""
    me, subject = key(order), target(item(order, "subject"))
    about = {
        kind: [each for each in whole.get(kind, ()) if target(item(each, name)) == subject]
        for kind, name in ABOUT.items()
    }
    heap: Heap = {**whole, **about}
    appointments, encounters = _visits(me, heap)
    joined = {
        "Task": _tasks(order, heap),
        "Appointment": appointments,
        "AppointmentResponse": _replies(appointments, heap),
        "Encounter": encounters,
        "Claim": [each for each in heap["Claim"] if text(each, "use") == "preauthorization"],
        "DiagnosticReport": [each for each in heap.get("DiagnosticReport", ()) if me in targets(each, "basedOn")],
        "CommunicationRequest": [
            each
            for each in heap.get("CommunicationRequest", ())
            if me in targets(each, "basedOn") or me in targets(each, "about")
        ],
    }
    named = {me, *(key(task) for task in joined["Task"])}
    talks = [each for each in heap.get("Communication", ()) if text(each, "status") != "entered-in-error"]
    joined["Communication"] = [t for t in talks if named & {*targets(t, "basedOn"), *targets(t, "about")}]
    fields = {name: tuple(joined.get(kind, heap.get(kind, ()))) for kind, name in CLINICAL.items()}
    patient = next((each for each in heap.get("Patient", ()) if key(each) == subject), None)
    return Case(
        order, patient, **fields, others=_others(me, subject, heap), systems={}, alike=(), rules=(), policies=(),
        records=NO_RECORDS, disputes=(), odd=frozenset(), doubts=(),
    )  # fmt: skip


def registry(heap: Heap) -> dict[str, Some]:
    """What a case has of the registry, by field: as given."""
    return {name: tuple(heap.get(kind, ())) for kind, name in REGISTRY.items()}


def disputed(case: Case, disputes: Sequence[Disputed]) -> tuple[Disputed, ...]:
    """Of the disputes about a patient's resources those that concern a case."""
    if not disputes:
        return ()
    held = {key(case.order), *(key(each) for name in CLINICAL.values() for each in getattr(case, name))}
    return of_case(disputes, held, target(item(case.order, "subject")).partition("/")[2])


def _visits(order: str, heap: Heap) -> tuple[list[Json], list[Json]]:
    """The Appointments for an order, and the Encounters that are for it or answer one of them."""
    appointments = [each for each in heap.get("Appointment", ()) if order in targets(each, "basedOn")]
    met = {key(each) for each in appointments}
    return appointments, [
        each
        for each in heap.get("Encounter", ())
        if order in targets(each, "basedOn") or not met.isdisjoint(targets(each, "appointment"))
    ]


def _replies(appointments: Iterable[Json], heap: Heap) -> list[Json]:
    """The answers of those who take part in these Appointments."""
    met = {key(each) for each in appointments}
    return [each for each in heap.get("AppointmentResponse", ()) if target(item(each, "appointment")) in met]


def alike(order: Json, heap: Heap, rules: Iterable[Rule]) -> tuple[OtherOrder, ...]:
    """The patient's other orders for one of the services of the order, where a rule counts visits."""
    if all(rule.visit_from is None for rule in rules):
        return ()
    me, subject, services = key(order), target(item(order, "subject")), codes(item(order, "code"))
    found = [
        each
        for each in (order_of(found) for kind in ORDERS for found in heap.get(kind, ()))
        if key(each) != me
        and target(item(each, "subject")) == subject
        and not services.isdisjoint(codes(item(each, "code")))
    ]
    return tuple(interned(OtherOrder(each, *map(tuple, _visits(key(each), heap)))) for each in found)


def _others(me: str, subject: str, heap: Heap) -> tuple[OtherOrder, ...]:
    """The patient's other orders that may share an authorization: those that a request names, or that name an
    answer."""
    if not heap.get("ClaimResponse"):
        return ()
    asked = (each for each in heap.get("Claim", ()) if text(each, "use") == "preauthorization")
    named = {id for claim in asked for id in orders(claim)}
    answers = {key(each) for each in heap["ClaimResponse"]}
    found = [
        each
        for each in (order_of(found) for kind in ORDERS for found in heap.get(kind, ()))
        if key(each) != me
        and target(item(each, "subject")) == subject
        and (key(each) in named or not answers.isdisjoint(targets(each, "insurance")))
    ]
    return tuple(_with_visits(each, heap) for each in found)


def _with_visits(order: Json, heap: Heap) -> OtherOrder:
    me = key(order)
    appointments, encounters = _visits(me, heap)
    tasks = (each for each in heap.get("Task", ()) if me in (target(item(each, "focus")), *targets(each, "basedOn")))
    return interned(OtherOrder(order, tuple(appointments), tuple(encounters), tuple(tasks)))


def _tasks(order: Json, heap: Heap) -> list[Json]:
    """The tasks that coordinate the order, those under them, and the payers' wishes about its requests for
    authorization."""
    me, loop = key(order), identifiers(order)
    tasks = {key(each): each for each in heap.get("Task", ())}
    subject = target(item(order, "subject"))
    ours = {id: t for id, t in tasks.items() if _belongs(t, me, subject, loop)}
    near = ours.keys() | linked(order, heap.get("Claim", ()), heap.get("ClaimResponse", ()))
    under = [
        t
        for id, t in tasks.items()
        if id not in ours
        and target(item(t, "for")) == subject
        and not near.isdisjoint((*targets(t, "partOf"), target(item(t, "reasonReference")), target(item(t, "focus"))))
    ]
    return [*ours.values(), *under]


def belongs(task: Json, order: Json) -> bool:
    """Whether a Task is about an order: it names it, or is for the same patient and shares an identifier with it."""
    return _belongs(task, key(order), target(item(order, "subject")), identifiers(order))


def _belongs(task: Json, order: str, subject: str, loop: frozenset[str]) -> bool:
    if order in (target(item(task, "focus")), *targets(task, "basedOn")):
        return True
    return target(item(task, "for")) == subject and not loop.isdisjoint(identifiers(task))


def linked(order: Json, claims: Iterable[Json], responses: Iterable[Json]) -> set[str]:
    """The requests for authorization, `Claim/id`, that speak of the order: those that name it, and those whose answer
    the order names among its insurance."""
    answers = set(targets(order, "insurance"))
    answered = {target(item(each, "request")) for each in responses if key(each) in answers}
    return {key(claim) for claim in claims if key(order) in orders(claim)} | (answered - {""})


def orders(claim: Json) -> set[str]:
    """The orders that a request for authorization names: Claim.referral and PAS requestedService on its lines."""
    url = f"{PAS}/extension-requestedService"
    lines = (each for line in items(claim, "item") for each in extensions(line, url))
    return {target(item(claim, "referral")), *(target(item(line, "valueReference")) for line in lines)} - {""}


def coordinates(task: Json) -> bool:
    """Whether a Task is the work of a performer on the order itself: not part of another, and no wish for papers."""
    return not task.get("partOf") and codes(item(task, "code")).isdisjoint(_BESIDE)
