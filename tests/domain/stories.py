"""A small story that every domain test tells: one patient, one referral, and what is changed in it.

Resources are plain R4 JSON, as the store hands them to the rules. `T` is the day the stories are told, 22 Nov 2026, and
`NOW` its nine o'clock in New York."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from carecoord.domain.agreements import records
from carecoord.domain.agreements.versions import Version, by_agreement
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.rule_book import lines
from carecoord.domain.referrals.case import Case, gather

Json = dict[str, Any]
T = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
POLICY = Policy()

OURS = "https://carecoord.example/fhir/StructureDefinition"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
PAS_CODES = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NPI = "http://hl7.org/fhir/sid/us-npi"
ECHO = "42148-7"


def day(n: int) -> str:
    """The date n days from T."""
    return (T + timedelta(days=n)).isoformat()


def at(n: int, clock: str = "10:00") -> str:
    """An instant n days from T, New York winter time."""
    return f"{day(n)}T{clock}:00-05:00"


def ref(to: str) -> Json:
    return {"reference": to}


def ours(name: str, **value: Any) -> Json:
    """One of our extensions: ours("evergreen", valueBoolean=True)."""
    return {"url": f"{OURS}/{name}", **value}


def coded(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}], "text": text or code}


def period(start: int | None, end: int | None = None) -> Json:
    return {name: day(n) for name, n in (("start", start), ("end", end)) if n is not None}


def organization(id: str, name: str, system: str, value: str) -> Json:
    return {"resourceType": "Organization", "id": id, "name": name, "identifier": [{"system": system, "value": value}]}


def payer(n: int, side: str = "") -> Json:
    name = {1: "Blue Horizon", 2: "Summit Mutual"}[n]
    return organization(f"{side}payer-{n}", name, "https://carecoord.example/id/payer", f"P{n}")


def group(n: int, side: str = "") -> Json:
    name = {1: "Riverside Heart", 2: "Hillcrest Cardiology", 3: "Bell Cardiology"}[n]
    return organization(f"{side}group-{n}", name, NPI, f"900{n}")


def network(n: int) -> Json:
    return organization(f"network-{n}", f"Network {n}", "https://carecoord.example/id/network", f"N{n}")


def site(letter: str, owner: str = "group-1", side: str = "") -> Json:
    name = {"a": "Main Street", "b": "Harbor Point"}[letter]
    return {
        "resourceType": "Location",
        "id": f"{side}site-{letter}",
        "name": name,
        "managingOrganization": ref(f"Organization/{owner}"),
        "identifier": [{"system": NPI, "value": f"77{letter}"}],
    }


def plan(n: int = 1, network: int = 1, start: int = -700, end: int | None = None, id: str = "") -> Json:
    return {
        "resourceType": "InsurancePlan",
        "id": id or f"plan-{n}",
        "status": "active",
        "name": f"Plan {n}",
        "identifier": [{"system": "https://carecoord.example/id/plan", "value": f"PLAN{n}"}],
        "ownedBy": ref(f"Organization/office-payer-{n}"),
        "network": [ref(f"Organization/network-{network}")],
        "period": period(start, end),
    }


def coverage(n: int = 1, start: int = -300, end: int | None = None, id: str = "", **more: Any) -> Json:
    return {
        "resourceType": "Coverage",
        "id": id or f"card-{n}",
        "status": "active",
        "beneficiary": ref("Patient/pat"),
        "order": 1,
        "payor": [ref(f"Organization/payer-{n}")],
        "period": period(start, end),
        "class": [
            {
                "type": coded("http://terminology.hl7.org/CodeSystem/coverage-class", "plan"),
                "value": f"PLAN{n}",
                "name": f"Plan {n}",
            }
        ],
    } | more


def eligibility(age: int = 5, card: str = "card-1", inforce: bool | None = True, **more: Any) -> Json:
    insurance: Json = {"coverage": ref(f"Coverage/{card}")} | ({} if inforce is None else {"inforce": inforce})
    return {
        "resourceType": "CoverageEligibilityResponse",
        "id": f"eligible-{card}-{age}",
        "status": "active",
        "outcome": "complete",
        "patient": ref("Patient/pat"),
        "created": at(-age, "08:00"),
        "insurer": ref(f"Organization/payer-{card[-1]}"),
        "insurance": [insurance],
    } | more


def order(**more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "sr",
        "status": "active",
        "intent": "order",
        "priority": "routine",
        "identifier": [{"system": "https://carecoord.example/id/referral", "value": "R-1"}],
        "category": [coded("http://snomed.info/sct", "3457005")],
        "code": coded(HCPCS, "G0463", "Cardiology, consult and treat"),
        "subject": ref("Patient/pat"),
        "authoredOn": at(-6),
        "performerType": {"text": "Cardiology"},
        "performer": [ref("Organization/group-1")],
        "locationReference": [ref("Location/site-a")],
        "occurrencePeriod": period(-5, 90),
        "insurance": [ref("Coverage/card-1")],
        "reasonCode": [{"text": "New LBBB"}],
    } | more


def task(
    n: int = 1, status: str = "accepted", stage: str = "accepted", owner: str = "group-1", sent: int = -5, **more: Any
) -> Json:
    return {
        "resourceType": "Task",
        "id": f"task-{n}",
        "status": status,
        "intent": "order",
        "focus": ref("ServiceRequest/sr"),
        "basedOn": [ref("ServiceRequest/sr")],
        "for": ref("Patient/pat"),
        "owner": ref(f"Organization/{owner}"),
        "requester": ref("Organization/clinic"),
        "authoredOn": at(sent),
        "lastModified": at(sent),
        "code": coded("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"),
        "businessStatus": coded("https://carecoord.example/fhir/CodeSystem/referral-stage", stage),
    } | more


def child(name: str, status: str = "requested", **more: Any) -> Json:
    return {
        "resourceType": "Task",
        "id": name,
        "status": status,
        "intent": "order",
        "focus": ref("ServiceRequest/sr"),
        "partOf": [ref("Task/task-1")],
        "code": coded("https://carecoord.example/fhir/CodeSystem/referral-task", name),
    } | more


def contract(
    number: str = "AGR-1",
    n: int = 1,
    start: int | None = -600,
    end: int | None = None,
    status: str = "executed",
    evergreen: bool | None = None,
    notice: int | None = None,
    marks: list[Json] | None = None,
) -> Json:
    extension = list(marks or [])
    extension += [ours("evergreen", valueBoolean=evergreen)] if evergreen is not None else []
    extension += [ours("notice-given", valueDate=day(notice))] if notice is not None else []
    return {
        "resourceType": "Contract",
        "id": f"{number.lower()}-v{n}",
        "version": str(n),
        "status": status,
        "meta": {"versionId": "3"},
        "identifier": [{"system": "https://carecoord.example/id/agreement", "value": number}],
        "applies": period(start, end),
    } | ({"extension": extension} if extension else {})


def affiliation(
    group: int = 1,
    network: int = 1,
    number: str = "AGR-1",
    sites: tuple[str, ...] = (),
    kind: str = "include",
    start: int = -600,
    end: int | None = None,
    payer: int = 1,
    credentialed: int | None = None,
    id: str = "",
    specialty: str = "Cardiology",
    **more: Any,
) -> Json:
    extension = [ours("governing-contract", valueReference=ref(f"Contract/{number.lower()}-v1"))] if number else []
    extension.append(ours("participation-kind", valueCode=kind))
    extension += [ours("credentialed-from", valueDate=day(credentialed))] if credentialed is not None else []
    found = {
        "resourceType": "OrganizationAffiliation",
        "id": id or f"aff-{group}-{network}-{kind}",
        "active": True,
        "organization": ref(f"Organization/office-payer-{payer}"),
        "extension": extension,
        "period": period(start, end),
        "participatingOrganization": ref(f"Organization/office-group-{group}"),
        "network": [ref(f"Organization/network-{network}")],
    }
    found |= {"location": [ref(f"Location/office-site-{each}") for each in sites]} if sites else {}
    found |= {"specialty": [{"text": specialty}]} if specialty else {}
    return found | more


def rule(
    needed: bool = True,
    network: str = "any",
    code: str | None = "G0463",
    papers: tuple[str, ...] = (),
    plans: tuple[str, ...] = (),
) -> Json:
    parts: list[Json] = [{"url": "needed", "valueBoolean": needed}, {"url": "network", "valueCode": network}]
    parts += [
        {"url": "document", "valueCodeableConcept": coded("http://loinc.org", each, "Echocardiogram")}
        for each in papers
    ]
    parts += [{"url": "plan", "valueString": each} for each in plans]
    where = "" if network == "any" else f" {network} of network"
    title = f"{'Authorization' if needed else 'No authorization'} needed{where}"
    action = {"id": title, "title": title, "extension": [ours("authorization-rule", extension=parts)]}
    return action | ({"code": [coded(HCPCS, code)]} if code else {})


def book(*rules: Json, payer: int = 1) -> Json:
    return {
        "resourceType": "PlanDefinition",
        "id": f"rules-{payer}",
        "status": "active",
        "title": "Rules",
        "extension": [
            ours("plan-payer", valueIdentifier={"system": "https://carecoord.example/id/payer", "value": f"P{payer}"})
        ],
        "action": list(rules),
    }


def claim(
    id: str = "req", sent: int = -10, payer: int = 1, status: str = "active", units: int | None = None, **more: Any
) -> Json:
    item: Json = {"sequence": 1, "productOrService": coded(HCPCS, "G0463")} | (
        {"quantity": {"value": units}} if units else {}
    )
    return {
        "resourceType": "Claim",
        "id": id,
        "status": status,
        "use": "preauthorization",
        "patient": ref("Patient/pat"),
        "created": at(sent),
        "insurer": ref(f"Organization/payer-{payer}"),
        "provider": ref("Organization/clinic"),
        "priority": coded("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        "referral": ref("ServiceRequest/sr"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": ref(f"Coverage/card-{payer}")}],
        "item": [item],
    } | more


def review(action: str, because: str = "") -> Json:
    parts: list[Json] = [
        {
            "url": f"{PAS}/extension-reviewActionCode",
            "valueCodeableConcept": coded("https://codesystem.x12.org/005010/306", action),
        }
    ]
    parts += [{"url": "number", "valueString": "AUTH-1"}] if action in ("A1", "A2", "A6") else []
    parts += [{"url": "reasonCode", "valueCodeableConcept": {"text": because}}] if because else []
    return {
        "category": coded("http://terminology.hl7.org/CodeSystem/adjudication", "submitted"),
        "extension": [{"url": f"{PAS}/extension-reviewAction", "extension": parts}],
    }


def answer(
    action: str = "A1",
    start: int | None = None,
    end: int | None = None,
    claim: str = "req",
    decided: int = -9,
    payer: int = 1,
    provider: str = "",
    units: int | None = None,
    because: str = "",
    **more: Any,
) -> Json:
    extension: list[Json] = []
    if start is not None or end is not None:
        extension.append({"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": period(start, end)})
    if provider:
        named = [{"url": "provider", "valueReference": ref(f"Organization/{provider}")}]
        extension.append({"url": f"{PAS}/extension-itemAuthorizedProvider", "extension": named})
    if units is not None:
        extension.append(
            {
                "url": f"{PAS}/extension-itemAuthorizedDetail",
                "extension": [{"url": "quantity", "valueQuantity": {"value": units}}],
            }
        )
    line: Json = {"itemSequence": 1, "adjudication": [review(action, because)]} | (
        {"extension": extension} if extension else {}
    )
    return {
        "resourceType": "ClaimResponse",
        "id": f"answer-{claim}",
        "status": "active",
        "use": "preauthorization",
        "patient": ref("Patient/pat"),
        "created": at(decided),
        "insurer": ref(f"Organization/payer-{payer}"),
        "request": ref(f"Claim/{claim}"),
        "outcome": "complete",
        "item": [line],
    } | more


def appointment(n: int, id: str = "visit", status: str = "booked", site: str = "a", **more: Any) -> Json:
    actors = [ref("Patient/pat"), ref(f"Location/site-{site}")]
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": status,
        "start": at(n),
        "end": at(n, "10:30"),
        "basedOn": [ref("ServiceRequest/sr")],
        "participant": [{"actor": actor, "status": "accepted"} for actor in actors],
        "meta": {"versionId": "1", "source": f"https://ehr.example/fhir/Appointment/{id}"},
    } | more


def answered(id: str, actor: str, **more: Any) -> Json:
    """A no to the visit, but for what `more` says otherwise."""
    return {
        "resourceType": "AppointmentResponse",
        "id": id,
        "appointment": ref("Appointment/visit"),
        "actor": ref(actor),
        "participantStatus": "declined",
    } | more


def encounter(n: int, id: str, **more: Any) -> Json:
    return {
        "resourceType": "Encounter",
        "id": id,
        "status": "finished",
        "subject": ref("Patient/pat"),
        "basedOn": [ref("ServiceRequest/sr")],
        "period": {"start": at(n), "end": at(n, "10:30")},
    } | more


def wish(by: int | None = 2, claim: str = "req", loinc: str = ECHO, status: str = "requested") -> Json:
    """The payer asks for a paper (PAS Task)."""
    needed = {
        "type": coded(PAS_CODES, "attachments-needed"),
        "valueCodeableConcept": coded("http://loinc.org", loinc, "Echocardiogram"),
    }
    found: Json = {
        "resourceType": "Task",
        "id": "wish",
        "status": status,
        "intent": "order",
        "for": ref("Patient/pat"),
        "authoredOn": at(-1),
        "code": coded(PAS_CODES, "attachment-request-code"),
        "reasonReference": ref(f"Claim/{claim}"),
        "requester": ref("Organization/payer-1"),
        "input": [needed],
    }
    return found | ({"restriction": {"period": {"end": at(by)}}} if by is not None else {})


def document(id: str = "doc", loinc: str = ECHO, related: bool = True, **more: Any) -> Json:
    context = {"context": {"related": [ref("ServiceRequest/sr")]}} if related else {}
    return (
        {
            "resourceType": "DocumentReference",
            "id": id,
            "status": "current",
            "type": coded("http://loinc.org", loinc),
            "subject": ref("Patient/pat"),
            "date": at(-2),
        }
        | context
        | more
    )


def report(n: int = -1) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        "id": "report",
        "status": "final",
        "basedOn": [ref("ServiceRequest/sr")],
        "subject": ref("Patient/pat"),
        "issued": at(n),
    }


PATIENT: Json = {"resourceType": "Patient", "id": "pat", "name": [{"family": "Okafor", "given": ["Ngozi"]}]}
REGISTRY: list[Json] = [
    *(payer(n, side) for n in (1, 2) for side in ("", "office-")),
    *(group(n, side) for n in (1, 2, 3) for side in ("", "office-")),
    *(network(n) for n in (1, 2)),
    *(site(letter) for letter in "ab"),
    *(site(letter, "office-group-1", "office-") for letter in "ab"),
    organization("clinic", "Elm Street Family Medicine", NPI, "9900"),
]


def self_pay() -> Json:
    return coverage(type=coded("http://terminology.hl7.org/CodeSystem/coverage-selfpay", "pay"))


def question(age: int = 1, card: str = "card-1", **more: Any) -> Json:
    """The payer was asked whether a card is good."""
    return {
        "resourceType": "CoverageEligibilityRequest",
        "id": f"question-{age}",
        "status": "active",
        "purpose": ["validation"],
        "patient": ref("Patient/pat"),
        "created": at(-age),
        "insurer": ref("Organization/payer-1"),
        "insurance": [{"coverage": ref(f"Coverage/{card}")}],
    } | more


def errand(
    status: str = "requested", owner: str = "Organization/clinic", loinc: str | None = ECHO, by: int = 3
) -> Json:
    """Triage or the performer wants a paper: somebody (`owner`) is to get it."""
    kind = coded(PAS_CODES, "attachments-needed")
    wanted = {"type": kind, "valueCodeableConcept": coded("http://loinc.org", loinc or "", "Echocardiogram")}
    found = child("obtain-document", status, id="errand", owner=ref(owner), restriction={"period": {"end": at(by)}})
    return found | ({"input": [wanted]} if loinc else {})


def gathered(order: Json, resources: Iterable[Json], systems: Mapping[str, str] | None = None) -> Case:
    """A case of these resources, of the rules that their rule books say, and of the rows of the register that they make
    as the store would keep them."""
    heap = list(resources)
    books = (each for each in heap if each["resourceType"] == "PlanDefinition")
    rules = [rule for book in books for rule in lines(book, POLICY.zone)]
    return gather(order, heap, systems, rules=rules, records=records.read(heap, POLICY.zone))


def versions(*contracts: Json) -> tuple[Version, ...]:
    """The versions of the one agreement that these Contracts are."""
    ((_, found),) = by_agreement(records.read(contracts, POLICY.zone).versions, {}).items()
    return found


@dataclass
class Story:
    """Resources by `Type/id`; `with_` and `without` return another story."""

    resources: dict[str, Json] = field(default_factory=dict)

    def __repr__(self) -> str:
        """What differs from the registry that all stories share: enough to tell a failing story again."""
        told = [each for each in self.resources.values() if each not in REGISTRY]
        return f"Story({json.dumps(told)})"

    def with_(self, *resources: Json) -> "Story":
        return Story(self.resources | {f"{r['resourceType']}/{r['id']}": r for r in resources})

    def without(self, *keys: str) -> "Story":
        return Story({key: r for key, r in self.resources.items() if key not in keys})

    def case(self) -> Case:
        return gathered(self.resources["ServiceRequest/sr"], self.resources.values())

    def clear(self, now: datetime = NOW, on: date | None = None, policy: Policy = POLICY) -> Clearance:
        return clear(self.case(), now, policy, on)


def plain() -> Story:
    """A referral that nothing stands in the way of: covered, no authorization needed, in network, booked in 12 days."""
    return Story().with_(
        PATIENT,
        *REGISTRY,
        order(),
        task(),
        coverage(),
        eligibility(),
        plan(),
        affiliation(),
        contract(evergreen=True, end=100),
        book(rule(needed=False)),
        appointment(12),
    )


def states(clearance: Clearance) -> dict[str, str]:
    return {gate.name: gate.state for gate in clearance.gates}
