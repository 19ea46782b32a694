"""Sample data for an office that has nothing yet: a payer with two plans, a clinic in the network of one of them, two
referrals of made-up patients, one that is cleared and one that is not. Each resource says that it is a sample, and has
an id by which it is found again. Pure.

Clauses: FHIR R4 resource.html (meta.tag); HL7 v3 ActReason HTEST ("test health data")."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from typing import Final

from carecoord.domain.agreements.desk import drafts
from carecoord.domain.agreements.desk.drafts import Draft, Span
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, HL7, IDENTIFIER
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, key

TAG: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "Sample"}
_HCPCS: Final = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_VISIT: Final = {"coding": [{"system": _HCPCS, "code": "G0463"}], "text": "Cardiology, consult and treat"}


@dataclass(frozen=True)
class Sample:
    """The data of an office (`Organization/id`), as of a day."""

    office: str
    today: date
    zone: tzinfo
    made: list[Json] = field(default_factory=list)

    def add(self, kind: str, name: str, /, **elements: object) -> Json:
        """One resource more, of a type."""
        resource: Json = {"resourceType": kind, "id": f"sample-{name}", "meta": {"tag": [dict(TAG)]}, **elements}
        self.made.append(resource)
        return resource

    def day(self, n: int) -> str:
        """The day n days from today."""
        return shifted(self.today, n).isoformat()

    def at(self, n: int, hour: int = 10, minute: int = 0) -> str:
        """An instant of that day."""
        return datetime.combine(shifted(self.today, n), time(hour, minute), self.zone).isoformat()


def sample(office: str, today: date, zone: tzinfo) -> list[Json]:
    """All of it, what others point at first."""
    told = Sample(office, today, zone)
    _registry(told)
    for n, (given, plan, born) in enumerate((("Ana", "plus", "1958-03-14"), ("Ben", "basic", "1971-09-02")), 1):
        _referral(told, n, given, plan, born)
    return told.made


def names(resources: Iterable[Json]) -> list[str]:
    """Their keys."""
    return [key(each) for each in resources]


def _registry(told: Sample) -> None:
    payer = _organization(told, "payer", "Sample Health Plan", "pay", f"{IDENTIFIER}/payer", "SAMPLE")
    networks = {each: _organization(told, f"network-{each}", f"Sample {each.title()} Network", "ntwk",
                                    f"{IDENTIFIER}/network", f"SAMPLE-{each.upper()}")
                for each in ("plus", "basic")}  # fmt: skip
    clinic = _organization(told, "clinic", "Sample Heart Clinic", "prov", f"{IDENTIFIER}/sample", "CLINIC")
    for name, network in networks.items():
        told.add(
            "InsurancePlan", f"plan-{name}", status="active", name=f"Sample {name.title()}",
            identifier=[{"system": f"{IDENTIFIER}/plan", "value": f"SAMPLE-{name.upper()}"}],
            period={"start": told.day(-700)}, ownedBy=_to(payer), administeredBy=_to(payer), network=[_to(network)],
        )  # fmt: skip
    here = "Sample Heart Clinic, Main Street"
    told.add("Location", "site", status="active", name=here, managingOrganization=_to(clinic))
    given = Draft(
        "payer-provider", "SAMPLE-1", "Sample agreement", (_to(payer), _to(clinic)), shifted(told.today, -300),
        Span(shifted(told.today, 400)), terms={"participation": "All services of cardiology"},
        networks=(_to(networks["plus"]),),
    )  # fmt: skip
    for each in drafts.drafted("sample-agreement", given):
        signed = drafts.stated(each, "executed") if each["resourceType"] == "Contract" else each
        told.made.append(signed | {"meta": {"tag": [dict(TAG)]}})
    rule: list[Json] = [{"url": "needed", "valueBoolean": False}, {"url": "network", "valueCode": "any"}]
    told.add(
        "PlanDefinition", "rules", status="active", title="Sample rules",
        extension=[{"url": f"{EXTENSION}/plan-payer",
                    "valueIdentifier": {"system": f"{IDENTIFIER}/payer", "value": "SAMPLE"}}],
        action=[{"id": "sample-rule", "title": "No authorization needed for a consult",
                 "extension": [{"url": f"{EXTENSION}/authorization-rule", "extension": rule}],
                 "code": [_VISIT]}],
    )  # fmt: skip


def _referral(told: Sample, n: int, given: str, plan: str, born: str) -> None:
    payer, clinic = ({"reference": f"Organization/sample-{each}"} for each in ("payer", "clinic"))
    patient = told.add(
        "Patient", f"patient-{n}", active=True, birthDate=born, name=[{"family": "Sample", "given": [given]}],
        managingOrganization={"reference": told.office},
        identifier=[{"system": f"{IDENTIFIER}/sample", "value": f"PATIENT-{n}"}],
    )  # fmt: skip
    type = {"coding": [{"system": f"{HL7}/coverage-class", "code": "plan"}]}
    card = told.add(
        "Coverage", f"card-{n}", status="active", beneficiary=_to(patient), payor=[payer], order=1,
        period={"start": told.day(-300)}, subscriberId=f"SAMPLE-{n}",
        **{"class": [{"type": type, "value": f"SAMPLE-{plan.upper()}", "name": f"Sample {plan.title()}"}]},
    )  # fmt: skip
    told.add(
        "CoverageEligibilityResponse", f"eligible-{n}", status="active", outcome="complete", purpose=["validation"],
        patient=_to(patient), created=told.at(-1), insurer=payer, insurance=[{"coverage": _to(card), "inforce": True}],
        request={"identifier": {"system": f"{IDENTIFIER}/sample", "value": f"ELIGIBLE-{n}"}},
    )  # fmt: skip
    order = told.add(
        "ServiceRequest", f"referral-{n}", status="active", intent="order", priority="routine", code=_VISIT,
        category=[{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}], subject=_to(patient),
        identifier=[{"system": f"{IDENTIFIER}/referral", "value": f"SAMPLE-{n}"}], authoredOn=told.at(-5),
        requester={"reference": told.office}, performer=[clinic], performerType={"text": "Cardiology"},
        locationReference=[{"reference": "Location/sample-site"}], insurance=[_to(card)],
        occurrencePeriod={"start": told.day(-5), "end": told.day(60)}, reasonCode=[{"text": "New murmur"}],
    )  # fmt: skip
    told.add(
        "Task", f"task-{n}", status="accepted", intent="order", focus=_to(order), basedOn=[_to(order)], owner=clinic,
        requester={"reference": told.office}, authoredOn=told.at(-4), lastModified=told.at(-3),
        code={"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        businessStatus={"coding": [{"system": f"{CANONICAL}/CodeSystem/referral-stage", "code": "accepted"}]},
        **{"for": _to(patient)},
    )  # fmt: skip
    actors = (_to(patient), {"reference": "Location/sample-site"})
    told.add(
        "Appointment", f"visit-{n}", status="booked", start=told.at(9 + n), end=told.at(9 + n, 10, 30),
        basedOn=[_to(order)], participant=[{"actor": each, "status": "accepted"} for each in actors],
    )  # fmt: skip


def _organization(told: Sample, id: str, name: str, type: str, system: str, value: str) -> Json:
    plan_net = "http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/OrgTypeCS"
    coding = {"system": plan_net if type == "ntwk" else f"{HL7}/organization-type", "code": type}
    more: Mapping[str, object] = {"partOf": {"reference": "Organization/sample-payer"}} if type == "ntwk" else {}
    return told.add(
        "Organization", id, active=True, name=name, type=[{"coding": [coding]}],
        identifier=[{"system": system, "value": value}], **more,
    )  # fmt: skip


def _to(resource: Json) -> Json:
    return {"reference": key(resource)}
