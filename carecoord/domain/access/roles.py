"""Who may do what: one table of role x type x action, one narrowing rule per role, and how a grant's scopes add to
it.

A narrowing is written as alternatives of search arguments, the very form of a granular SMART scope, so that roles,
launch context and scopes combine into one Filter that search, read, include and history all apply alike. What nothing
permits is None; what nothing narrows is EVERYTHING.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from auth.grant import Grant
from auth.scopes import EVERYTHING, Alternatives, Scope, permits
from carecoord.domain.access import app_state, verbs
from carecoord.domain.access.patient_links import NARROWER, about, any_of, links, of_patients, references
from carecoord.domain.documents import audience
from carecoord.domain.prior_auth.pas.subscription import OWNER
from carecoord.domain.resource.codes import CANONICAL
from carecoord.domain.resource.parties import PAYER_ID
from carecoord.errors import Problem
from carecoord.fhir.search.criteria import ATTACHED, ORIGIN, REQUESTED, of_targets
from carecoord.fhir.search.operands import escape
from carecoord.fhir.search.query import limits
from carecoord.fhir.service_base import NOWHERE
from carecoord.fhir.types import TYPES

PATIENT_SIDE: Final = frozenset({"Patient", "RelatedPerson", "Person", "Consent"})
PLANS: Final = frozenset({"CarePlan", "CareTeam", "Goal", "QuestionnaireResponse"})  # what coordinators write too
CARE: Final = frozenset({
    "AdverseEvent", "AllergyIntolerance", "BodyStructure", "ClinicalImpression", "Composition", "Condition",
    "DetectedIssue", "Device", "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest",
    "Encounter", "EpisodeOfCare", "FamilyMemberHistory", "Flag", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "List", "Media", "MedicationAdministration",
    "MedicationDispense", "MedicationRequest", "MedicationStatement", "NutritionOrder", "Observation", "Procedure",
    "RequestGroup", "RiskAssessment", "Specimen", "SupplyDelivery", "SupplyRequest", "VisionPrescription",
})  # fmt: skip
DRUGS: Final = frozenset({"Medication"})  # what a prescription or a dispense points at; it names nobody
PAPERS: Final = frozenset({"DocumentReference", "Binary"})
FORMS: Final = frozenset({"QuestionnaireResponse"})  # of which a payer sees what went with a request to it
DISCLOSED: Final = f"{CANONICAL}/CodeSystem/disclosed-to"  # a meta.tag: to which payer a form went, by its id
ORDERS: Final = frozenset(
    {"ServiceRequest", "Task", "Appointment", "AppointmentResponse", "Communication", "CommunicationRequest"}
)
COVER: Final = frozenset({"Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse"})
ANSWERS: Final = frozenset({"CoverageEligibilityResponse"})  # whether a card is good: only who pays says so
REQUESTS: Final = frozenset({"Claim"})
DECISIONS: Final = frozenset({"ClaimResponse", "ExplanationOfBenefit"})
REGISTRY: Final = frozenset(
    {"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint", "InsurancePlan"}
)
NETWORK: Final = frozenset({"OrganizationAffiliation"})
CALENDAR: Final = frozenset({"Schedule", "Slot"})
AGREEMENTS: Final = frozenset({"Contract"})
KNOWLEDGE: Final = frozenset({"Questionnaire", "PlanDefinition", "ActivityDefinition", "Library", "Measure"})
BESIDE: Final = frozenset({"Task", "Communication", "DocumentReference", "Invoice"})  # what is written of agreements
COUNTS: Final = frozenset({"MeasureReport"})
SUBSCRIBED: Final = frozenset({"Subscription"})
TRAIL: Final = frozenset({"AuditEvent"})
ORIGINS: Final = frozenset({"Provenance"})
# Every other type of R4 stands in no group: it is for services, whose scopes alone decide. So do Basic and Group (a
# Group would show its other members), and ChargeItemDefinition: it says what is paid and names no party who may know.

PUBLIC: Final = REGISTRY | CALENDAR | KNOWLEDGE | DRUGS  # speaks of no patient and of no terms between two parties

Rows = tuple[tuple[frozenset[str], str], ...]

# role -> (types, letters of cruds); a type takes the letters of every row that names it
TABLE: Final[dict[str, Rows]] = {
    "coordinator": (
        (PATIENT_SIDE | ORDERS | (COVER - ANSWERS) | REQUESTS | PLANS, "crus"),
        (PAPERS, "crs"),
        (SUBSCRIBED, "cruds"),
        (CARE | ANSWERS | DECISIONS | NETWORK | ORIGINS | PUBLIC, "rs"),
    ),
    "supervisor": (),  # comes beside coordinator or clinician: what it adds is the desk's alone (verbs.TABLE)
    "clinician": (
        (ORDERS | PLANS, "crus"),
        (PAPERS, "crs"),
        (PATIENT_SIDE | CARE | COVER | REQUESTS | DECISIONS | ORIGINS | PUBLIC, "rs"),
    ),
    "payer": (
        (DECISIONS | ANSWERS | {"Task"}, "crus"),
        (frozenset({"Communication", "CommunicationRequest"}), "crs"),
        (COVER | REQUESTS | NETWORK | PAPERS | FORMS | {"Patient", "ServiceRequest"} | (PUBLIC - DRUGS), "rs"),
    ),
    "medical-director": (),  # comes beside payer: what it adds is the desk's alone
    "contracts": (
        (AGREEMENTS | NETWORK | REGISTRY | KNOWLEDGE | BESIDE, "crus"),
        (frozenset({"Binary"}), "crs"),
        (CALENDAR | COUNTS, "rs"),
    ),
    "auditor": ((TRAIL, "rs"),),
    "admin": ((REGISTRY | CALENDAR | SUBSCRIBED, "cruds"), (NETWORK | KNOWLEDGE, "rs")),
}


@dataclass(frozen=True)
class Office:
    """A grant's organization and person as our data holds them: the ids of every copy of the one organization
    (matched by identifier), its identifiers as `system|value`, and the references by which the person appears, such as
    `Practitioner/<id>` and `PractitionerRole/<id>`."""

    organizations: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    is_payer: bool = False  # whether the organization pays for care, or is not known: of which nobody has said it
    systems: tuple[str, ...] = ()  # the code systems of the state that the asking app keeps here


def narrow(grant: Grant, office: Office, type: str, perm: str) -> Alternatives | None:
    """What the grant may do (`perm`: a letter of cruds) to resources of a type: None, EVERYTHING, or alternatives of
    search arguments of which a resource must match one."""
    if type == app_state.TYPE and not serves(grant, type, perm):
        return app_state.ways(grant, office.systems, perm) or None
    role = by_role(grant, office, type, perm)
    # Their own app reads without a role, and says of a visit what the table of its states lets a patient say.
    mine = grant.fhir_user == f"Patient/{grant.patient}" and (perm in "rs" or (type, perm) == ("Appointment", "u"))
    bounds = {
        "patient": both(_context(grant, type, perm), EVERYTHING if mine else role),
        "user": role,
        "system": role if grant.roles else EVERYTHING,  # a backend service without roles: its scopes alone
    }
    return either(both(permits(grant.scopes, level, type, perm), bound) for level, bound in bounds.items())


def serves(grant: Grant, type: str, perm: str) -> bool:
    """Whether a backend service asks that nothing but its scopes narrows."""
    return not grant.roles and permits(grant.scopes, "system", type, perm) is not None


def opened(grant: Grant, type: str, perm: str, patient: str) -> Alternatives | None:
    """What broken glass opens of one patient's record: to read, the types that the table gives a clinician's or
    coordinator's role; nothing that the role may not see of its own patients."""
    opens = grant.roles & {*verbs.holders("break-glass")}
    if perm not in "rs" or not any(perm in letters(role, type) for role in opens):
        return None
    if type in PUBLIC | NETWORK:
        return EVERYTHING
    return _of(patient, type)


def sees(grant: Grant, office: Office) -> tuple[tuple[str, str], ...] | None:
    """Whose cases the worklist shows: (column of case_row, value) alternatives; None is everybody's, () nobody's."""
    if not grant.roles and grant.client and permits(grant.scopes, "system", "ServiceRequest", "s") == EVERYTHING:
        return None
    found: list[tuple[str, str]] = []
    if verbs.may(grant.roles, "see-whole"):
        found += [(side, id) for id in office.organizations for side in ("placer", "performer")]
    elif verbs.may(grant.roles, "see-as-payer"):  # a list shows cases whole, or as a payer sees them: not some of each
        found += [("payer_key", key) for key in office.identifiers]
    return tuple(found)


def agreements_of(office: Office) -> tuple[str, ...] | None:
    """The identifiers of the payer whose agreements a contract desk counts; None: everybody's, () nobody's."""
    return office.identifiers if office.is_payer else None


def keeps_rules(office: Office, payer: str) -> bool:
    """Whether an office may write a book of rules of this payer, `system|value`, or of none, empty: a payer's office
    keeps its own and no competitor's."""
    return not office.is_payer or not payer or payer in office.identifiers


@lru_cache(maxsize=1024)
def understands(scope: Scope) -> bool:
    """Whether a scope means something here: a type of ours, and search arguments that it knows. For every type at once
    (`*`), arguments that all of them know."""
    types = tuple(TYPES) if scope.type == "*" else (scope.type,)
    try:
        return all(type in TYPES and limits(type, (scope.query,), NOWHERE) is not None for type in types)
    except Problem:
        return False


def letters(role: str, type: str) -> str:
    """The letters of cruds that the table gives a role on a type."""
    given = {letter for types, row in TABLE.get(role, ()) for letter in row if type in types}
    return "".join(letter for letter in "cruds" if letter in given)


def both(one: Alternatives | None, other: Alternatives | None) -> Alternatives | None:
    """What both permit."""
    if one is None or other is None:
        return None
    return tuple(dict.fromkeys(a + b for a, b in product(one, other)))


def either(ways: Iterable[Alternatives | None]) -> Alternatives | None:
    """What at least one permits."""
    found = dict.fromkeys(query for way in ways for query in way or ())
    if not found:
        return None
    return EVERYTHING if () in found else tuple(found)


def by_role(grant: Grant, office: Office, type: str, perm: str) -> Alternatives | None:
    """What the grant's roles permit, whatever its scopes."""
    ways = {role: _ruled(role, office, type) for role in sorted(grant.roles) if perm in letters(role, type)}
    return either(both(way, _kept(role, office, type, perm)) for role, way in ways.items())


def _kept(role: str, office: Office, type: str, perm: str) -> Alternatives:
    """What a role leaves alone of what it sees. Copies of an organization are known by their identifiers, and a payer's
    office sees what its copies are party to: it may write those of no payer, and its own to no organization."""
    if role != "contracts" or type != "Organization" or perm in "rs" or not office.is_payer:
        return EVERYTHING
    own = (PAYER_ID, *("|".join(map(escape, key.partition("|")[::2])) for key in office.identifiers))
    return ((("type:not", "ins,pay,payer"), ("identifier:not", ",".join(own))),)


@lru_cache(maxsize=4096)
def _ruled(role: str, office: Office, type: str) -> Alternatives | None:
    """The narrowing of a role; a file is as open as the documents that it is attached to, and a document or a
    message that lists the offices that see it, or its origin, is open to those."""
    if type == ATTACHED[0]:
        return _attached(_ruled(role, office, ATTACHED[1]))
    way = _origins(role, office) if type == ORIGIN[0] else RULES[role](office, type)
    holders = verbs.holders("see-whole") if type == "Communication" else verbs.holders("see-whole", "see-agreements")
    narrowed = type in (ATTACHED[1], ORIGIN[0], "Communication") and role in holders
    return both(way, audience.ways(office.organizations)) if narrowed else way


def _context(grant: Grant, type: str, perm: str) -> Alternatives | None:
    """The compartment of the patient in the launch context, and to read, what is about nobody in particular."""
    if not grant.patient:
        return None
    if type in PUBLIC:
        return EVERYTHING if perm in "rs" else None
    return _of(grant.patient, type)


def _of(patient: str, type: str) -> Alternatives | None:
    """What of a type is about one patient."""
    if type == "Patient":
        return ((("_id", patient),),)
    if type == ATTACHED[0]:
        return _attached(_of(patient, ATTACHED[1]))
    if type == ORIGIN[0]:
        return ((of_targets(of_patients(), True, [(("_id", patient),)]),),)
    return tuple(((code, f"Patient/{patient}"),) for code in links(type)) or None


def _attached(ways: Alternatives | None) -> Alternatives | None:
    """The files of the documents that these arguments mean."""
    if ways is None or ways == EVERYTHING:
        return ways
    _, owner, code = ATTACHED
    return tuple(tuple((f"_has:{owner}:{code}:{name}", value) for name, value in way) for way in ways)


def _origins(role: str, office: Office) -> Alternatives | None:
    """A Provenance is as open as what it is the origin of: what names our office itself, and what the role sees of its
    patients."""
    types = tuple(type for type in of_patients() if type not in NARROWER and "r" in letters(role, type))
    seen = [
        (types, True, RULES[role](office, "Patient")),
        *(((one,), False, RULES[role](office, one)) for one in NARROWER),
    ]
    return tuple((of_targets(types, patient, ways),) for types, patient, ways in seen if ways) or None


def _coordinator(office: Office, type: str) -> Alternatives | None:
    """The referrals that our organization makes or receives, and what is known of their patients."""
    if type in PUBLIC | NETWORK:
        return EVERYTHING
    ours = references("Organization", office.organizations)
    if type == "Task":
        return any_of(("owner", "requester"), ours)
    if type in SUBSCRIBED:
        return any_of(("_tag",), ",".join(f"{OWNER}|{id}" for id in office.organizations))
    referral = ("performer", "requester", "requester:PractitionerRole.organization")
    if type == "ServiceRequest":
        return any_of((*referral, "_has:Task:focus:owner", "_has:Task:focus:requester"), ours)
    theirs = (f"_has:ServiceRequest:subject:{name}" for name in referral)
    return about(type, ("organization", *theirs, "_has:Task:patient:owner", "_has:Task:patient:requester"), ours)


def _clinician(office: Office, type: str) -> Alternatives | None:
    """Their patients: those in their care, those they refer and those referred to them."""
    if type in PUBLIC:
        return EVERYTHING
    return about(type, CARED_FOR, ",".join(office.people))


def _payer(office: Office, type: str) -> Alternatives | None:
    """What is addressed to their organization, and of the patient what comes with it."""
    if type in PUBLIC:
        return EVERYTHING
    if type == "ServiceRequest":  # what the request for authorization is about; no official parameter leads there
        return any_of((REQUESTED,), ",".join(escape(key) for key in office.identifiers))
    if type in FORMS:
        return any_of(("_tag",), ",".join(f"{DISCLOSED}|{id}" for id in office.organizations))
    return any_of(ADDRESSED[type], references("Organization", office.organizations))


def _contracts(office: Office, type: str) -> Alternatives | None:
    """Agreements and the registry; of what may speak of a patient only what does not. Of what is agreed, and what is
    written about it, only that to which the own office is a party: others compete with it. Which plans there are, and
    who takes part in whose network, a provider's office has to know of all payers; a payer's knows its own."""
    nobodys = ((("subject:missing", "true"),),) if type in OF_NOBODY else EVERYTHING
    if type not in PARTY_TO or (not office.is_payer and type in DIRECTORY):
        return nobodys
    return both(any_of(PARTY_TO[type], references("Organization", office.organizations)), nobodys)


def _whole(office: Office, type: str) -> Alternatives | None:
    return EVERYTHING


CARED_FOR: Final = (
    "general-practitioner",
    "_has:ServiceRequest:subject:requester",
    "_has:ServiceRequest:subject:performer",
    "_has:CareTeam:patient:participant",
    "_has:Encounter:patient:participant",
    "_has:Appointment:patient:actor",
)
ADDRESSED: Final = {
    "Patient": ("_has:Claim:patient:insurer", "_has:CoverageEligibilityResponse:patient:insurer"),
    "Coverage": ("payor",),
    "CoverageEligibilityRequest": ("_has:CoverageEligibilityResponse:request:insurer",),
    "CoverageEligibilityResponse": ("insurer",),
    "Claim": ("insurer",),
    "ClaimResponse": ("insurer",),
    "ExplanationOfBenefit": ("coverage:Coverage.payor",),
    "Task": ("owner", "requester"),
    "Communication": ("recipient", "sender"),
    "CommunicationRequest": ("recipient", "sender"),
    "DocumentReference": ("related:Claim.insurer",),
    "OrganizationAffiliation": ("primary-organization",),
}
PARTY_TO: Final = {
    "Contract": ("party",),
    "OrganizationAffiliation": ("primary-organization", "participating-organization"),
    "InsurancePlan": ("owned-by", "administered-by"),
    "Task": ("owner", "requester"),
    "Communication": ("recipient", "sender"),
    "DocumentReference": ("author", "custodian"),
    "MeasureReport": ("reporter",),
    "Invoice": ("issuer", "recipient"),
}
DIRECTORY: Final = frozenset({"OrganizationAffiliation", "InsurancePlan"})
OF_NOBODY: Final = frozenset({"Task", "Communication", "DocumentReference", "MeasureReport", "Invoice"})
RULES: Final[dict[str, Callable[[Office, str], Alternatives | None]]] = {
    "coordinator": _coordinator,
    "clinician": _clinician,
    "payer": _payer,
    "contracts": _contracts,
    "auditor": _whole,
    "admin": _whole,
}
