"""A record of a house that none of the story's people work for: its words and ids must come to nobody."""

from typing import Any, Final

WORD: Final = "Quorvane"  # in each of its texts
MARK: Final = "hid9"  # in each of its ids
FOREIGN: Final = (  # of the house and its payer, which are nobody's of the story
    {"resourceType": "Organization", "id": f"{MARK}-clinic", "name": "Elsewhere Clinic"},
    {"resourceType": "Organization", "id": f"{MARK}-payer", "name": "Elsewhere Payer"},
)
CLASS: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
ACTIVE: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                             "code": "active"}]}  # fmt: skip
SHARED: Final = "http://carecoord.test/registry"


def words(text: str = WORD) -> dict[str, Any]:
    return {"text": f"{text} of the hidden"}


def to(kind: str, id: str) -> dict[str, str]:
    return {"reference": f"{kind}/{id}"}


def record(id: str = f"{MARK}-ada") -> list[dict[str, Any]]:
    """The record of one patient: with what names the patient itself, by a contained resource, by an identifier alone,
    as a member or entry, or only through another resource of the record."""
    patient, clinic, payer = to("Patient", id), to("Organization", f"{MARK}-clinic"), to("Organization",
        f"{MARK}-payer")

    def of(kind: str, element: str = "subject", tail: str = "", **more: Any) -> dict[str, Any]:
        return {"resourceType": kind, "id": f"{id}-{kind.lower()}{tail}", element: patient, **more}

    note = [{"text": f"{WORD}, in a note"}]
    named = {"name": [{"family": WORD, "given": [WORD]}]}
    line = {"sequence": 1, "productOrService": words()}
    cover = [{"sequence": 1, "focal": True, "coverage": to("Coverage", f"{id}-coverage")}]
    claim = {"status": "active", "type": words(), "use": "preauthorization", "created": "2026-11-01", "insurer": payer}
    fulfil = {"status": "requested", "intent": "order", "owner": clinic, "requester": clinic}
    order = to("ServiceRequest", f"{id}-servicerequest")
    return [
        {"resourceType": "Patient", "id": id, "identifier": [{"system": SHARED, "value": f"{WORD}-1"}], **named,
         "birthDate": "1955-05-05", "managingOrganization": clinic, "telecom": [{"system": "phone", "value": WORD}]},
        of("RelatedPerson", "patient", **named),
        {"resourceType": "Person", "id": f"{id}-person", **named, "link": [{"target": patient}]},
        of("Encounter", status="finished", **{"class": CLASS}, reasonCode=[words()]),
        of("Condition", code=words(), note=note),
        of("Observation", status="final", code=words(), encounter=to("Encounter", f"{id}-encounter"), valueString=WORD),
        of("Observation", tail="-in", status="final", code=words(),
           contained=[{"resourceType": "Practitioner", "id": "in", **named}], performer=[{"reference": "#in"}]),
        {"resourceType": "Observation", "id": f"{id}-observation-by-number", "status": "final", "code": words(),
         "subject": {"identifier": {"system": SHARED, "value": f"{WORD}-1"}}},
        of("AllergyIntolerance", "patient", code=words(), clinicalStatus=ACTIVE),
        of("MedicationRequest", status="active", intent="order", medicationCodeableConcept=words()),
        of("Procedure", status="completed", code=words()),
        of("DiagnosticReport", status="final", code=words(), conclusion=WORD),
        of("Immunization", "patient", status="completed", vaccineCode=words(), occurrenceDateTime="2026-01-01"),
        {"resourceType": "Binary", "id": f"{id}-binary", "contentType": "text/plain", "data": "UXVvcnZhbmU="},
        of("DocumentReference", status="current", description=WORD,
           content=[{"attachment": {"url": f"Binary/{id}-binary", "title": WORD}}]),
        of("Coverage", "beneficiary", status="active", payor=[payer], subscriberId=WORD),
        of("CoverageEligibilityRequest", "patient", status="active", purpose=["benefits"], created="2026-11-01",
        insurer=payer),
        of("CoverageEligibilityResponse", "patient", status="active", purpose=["benefits"], created="2026-11-01",
           request=to("CoverageEligibilityRequest", f"{id}-coverageeligibilityrequest"), outcome="complete",
               insurer=payer,
           disposition=WORD),
        of("ServiceRequest", status="active", intent="order", code=words(), note=note, performer=[clinic],
        requester=clinic,
           category=[{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}]),
        of("Task", "for", focus=order, description=WORD, **fulfil),
        {"resourceType": "Task", "id": f"{id}-task-bare", "focus": order, "description": WORD, **fulfil},
        {"resourceType": "Appointment", "id": f"{id}-appointment", "status": "proposed", "description": WORD,
         "participant": [{"actor": patient, "status": "accepted"}], "basedOn": [order]},
        of("Claim", "patient", **claim, provider=clinic, priority=words(), insurance=cover, item=[line]),
        of("ClaimResponse", "patient", **claim, outcome="complete", disposition=WORD,
        request=to("Claim", f"{id}-claim")),
        of("Communication", status="completed", payload=[{"contentString": WORD}], about=[order], sender=clinic),
        of("CarePlan", status="active", intent="plan", title=WORD),
        of("Goal", lifecycleStatus="active", description=words()),
        of("CareTeam", name=WORD),
        of("List", status="current", mode="working", title=WORD),
        {"resourceType": "List", "id": f"{id}-list-bare", "status": "current", "mode": "working", "title": WORD,
         "entry": [{"item": to("Observation", f"{id}-observation")}, {"item": patient}]},
        {"resourceType": "Group", "id": f"{id}-group", "type": "person", "actual": True, "name": WORD,
         "member": [{"entity": patient}]},
        of("QuestionnaireResponse", status="completed", item=[{"linkId": "1", "answer": [{"valueString": WORD}]}]),
        of("Flag", status="active", code=words()),
        of("Basic", code=words()),
        of("Media", status="completed", content={"title": WORD, "contentType": "image/png"}),
        of("EpisodeOfCare", "patient", status="active", type=[words()]),
        {"resourceType": "Account", "id": f"{id}-account", "status": "active", "subject": [patient], "name": WORD},
        {"resourceType": "Linkage", "id": f"{id}-linkage", "item": [
            {"type": "source", "resource": patient}, {"type": "alternate", "resource": to("Patient", f"{id}-other")}]},
        *({"resourceType": "Provenance", "id": f"{id}-provenance-{n}", "recorded": "2026-11-20T10:00:00Z",
           "target": [target], "agent": [{"who": {"display": WORD}}]}
          for n, target in enumerate((to("Observation", f"{id}-observation"), to("Task", f"{id}-task-bare")))),
        {"resourceType": "AuditEvent", "id": f"{id}-auditevent", "recorded": "2026-11-20T10:00:00Z",
         "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110"},
         "agent": [{"requestor": True, "name": WORD}], "source": {"observer": {"display": WORD}},
         "entity": [{"what": to("Observation", f"{id}-observation"), "name": WORD}]},
    ]  # fmt: skip
