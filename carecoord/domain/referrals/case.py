"""A case: one referral with everything that bears on it, joined from resources, whoever wrote them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from carecoord.domain.resource.codes import PAS, PATIENT_REFERRAL, TASK_CODES, has
from carecoord.domain.resource.elements import Json, extension, identifiers, item, items, key, target, targets, text

# Where each type of resource stands in a Case. The first group belongs to one patient, the second to the registry.
CLINICAL = {
    "Task": "tasks",
    "Coverage": "coverages",
    "CoverageEligibilityResponse": "eligibility",
    "CoverageEligibilityRequest": "inquiries",
    "Claim": "claims",
    "ClaimResponse": "responses",
    "Appointment": "appointments",
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
    "InsurancePlan": "plans",
    "OrganizationAffiliation": "affiliations",
    "Contract": "agreements",
    "PlanDefinition": "rules",
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


@dataclass(frozen=True)
class OtherOrder:
    """Another order of the patient that a request for authorization or its answer speaks of, with its visits: what was
    authorized is used up by whichever order the visits are for."""

    order: Json
    appointments: Some = ()
    encounters: Some = ()


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
    plans: Some = ()
    affiliations: Some = ()
    agreements: Some = ()
    rules: Some = ()
    systems: Mapping[str, str] = field(default_factory=dict)  # base URL of an EHR -> the name it was added under
    others: tuple[OtherOrder, ...] = ()


def is_referral(order: Json, tasks: Iterable[Json] = ()) -> bool:
    """Whether a ServiceRequest is a referral: by its category, or because a Task has the focus on it."""
    if order.get("category"):
        return any(has(each, *PATIENT_REFERRAL) for each in items(order, "category"))
    return any(target(item(task, "focus")) == key(order) for task in tasks)


def gather(order: Json, resources: Iterable[Json], systems: Mapping[str, str] | None = None) -> Case:
    """Join a case from any heap of resources: the patient's are kept when they concern this order, coverage and
    requests for authorization always (one that is not linked may still be the one meant), the registry's as given.
    `systems`: what the EHRs are called, by base URL."""
    heap: dict[str, list[Json]] = {}
    for each in resources:
        heap.setdefault(str(each.get("resourceType")), []).append(each)
    me = key(order)
    appointments, encounters = _visits(me, heap)
    subject = target(item(order, "subject"))
    for kind, about in ABOUT.items():
        heap[kind] = [each for each in heap.get(kind, ()) if target(item(each, about)) == subject]
    joined = {
        "Task": _tasks(order, heap),
        "Appointment": appointments,
        "Encounter": encounters,
        "Claim": [each for each in heap.get("Claim", ()) if text(each, "use") == "preauthorization"],
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
    fields = {name: tuple(joined.get(kind, heap.get(kind, ()))) for kind, name in (CLINICAL | REGISTRY).items()}
    patient = next((each for each in heap.get("Patient", ()) if key(each) == subject), None)
    return Case(order, patient, **fields, systems=systems or {}, others=_others(me, subject, heap))


def _visits(order: str, heap: dict[str, list[Json]]) -> tuple[list[Json], list[Json]]:
    """The Appointments for an order, and the Encounters that are for it or answer one of them."""
    appointments = [each for each in heap.get("Appointment", ()) if order in targets(each, "basedOn")]
    met = {key(each) for each in appointments}
    return appointments, [
        each
        for each in heap.get("Encounter", ())
        if order in targets(each, "basedOn") or not met.isdisjoint(targets(each, "appointment"))
    ]


def _others(me: str, subject: str, heap: dict[str, list[Json]]) -> tuple[OtherOrder, ...]:
    """The patient's other orders that may share an authorization: those that a request names, or that name an
    answer."""
    if not heap.get("ClaimResponse"):
        return ()
    asked = (each for each in heap.get("Claim", ()) if text(each, "use") == "preauthorization")
    named = {id for claim in asked for id in orders(claim)}
    answers = {key(each) for each in heap["ClaimResponse"]}
    found = [
        each
        for each in heap.get("ServiceRequest", ())
        if key(each) != me
        and target(item(each, "subject")) == subject
        and (key(each) in named or not answers.isdisjoint(targets(each, "insurance")))
    ]
    return tuple(OtherOrder(each, *(tuple(part) for part in _visits(key(each), heap))) for each in found)


def _tasks(order: Json, heap: dict[str, list[Json]]) -> list[Json]:
    """The tasks that coordinate the order, those under them, and the payers' wishes about its requests for
    authorization."""
    me, loop = key(order), identifiers(order)
    tasks = {key(each): each for each in heap.get("Task", ())}
    subject = target(item(order, "subject"))
    ours = {
        id: t
        for id, t in tasks.items()
        if me in (target(item(t, "focus")), *targets(t, "basedOn"))
        or (target(item(t, "for")) == subject and loop & identifiers(t))
    }
    near = ours.keys() | linked(order, heap.get("Claim", ()), heap.get("ClaimResponse", ()))
    under = [
        t
        for id, t in tasks.items()
        if id not in ours
        and target(item(t, "for")) == subject
        and not near.isdisjoint((*targets(t, "partOf"), target(item(t, "reasonReference")), target(item(t, "focus"))))
    ]
    return [*ours.values(), *under]


def linked(order: Json, claims: Iterable[Json], responses: Iterable[Json]) -> set[str]:
    """The requests for authorization, `Claim/id`, that speak of the order: those that name it, and those whose answer
    the order names among its insurance."""
    answers = set(targets(order, "insurance"))
    answered = {target(item(each, "request")) for each in responses if key(each) in answers}
    return {key(claim) for claim in claims if key(order) in orders(claim)} | (answered - {""})


def orders(claim: Json) -> set[str]:
    """The orders that a request for authorization names: Claim.referral and PAS requestedService on its lines."""
    lines = (extension(line, f"{PAS}/extension-requestedService") for line in items(claim, "item"))
    return {target(item(claim, "referral")), *(target(item(line, "valueReference")) for line in lines)} - {""}


def coordinates(task: Json) -> bool:
    """Whether a Task is the work of a performer on the order itself: not part of another, and no wish for papers."""
    return not task.get("partOf") and not any(has(item(task, "code"), *code) for code in TASK_CODES)
