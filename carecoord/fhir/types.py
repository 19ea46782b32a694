"""The one table of resource types. Routes, scopes, capability, the sync list and the search indexes derive from it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """A resource type that we hold. `rule`: the domain's rule file that a write must satisfy, or nothing. `synced`: an
    EHR is a system of record for it, so a sync asks for it; the rest is our own office's."""

    name: str
    rule: str | None = None
    synced: bool = True


_ROWS = (
    Type("Patient"),
    Type("RelatedPerson"),
    Type("Person", synced=False),
    Type("Practitioner"),
    Type("PractitionerRole"),
    Type("Organization"),
    Type("OrganizationAffiliation", rule="participation", synced=False),
    Type("Location"),
    Type("HealthcareService"),
    Type("Endpoint", synced=False),
    Type("InsurancePlan", synced=False),
    Type("Coverage", rule="coverage"),
    Type("CoverageEligibilityRequest"),
    Type("CoverageEligibilityResponse"),
    Type("ServiceRequest", rule="referral"),
    Type("Task", rule="referral"),
    Type("Appointment", rule="appointment"),
    Type("AppointmentResponse", rule="appointment"),
    Type("Schedule"),
    Type("Slot"),
    Type("Encounter"),
    Type("EpisodeOfCare"),
    Type("CarePlan", rule="care_plan"),
    Type("CareTeam"),
    Type("Goal", rule="care_plan"),
    Type("Claim", rule="prior_auth"),
    Type("ClaimResponse", rule="prior_auth"),
    Type("ExplanationOfBenefit"),
    Type("Contract", rule="agreement", synced=False),
    Type("Consent"),
    Type("Communication"),
    Type("CommunicationRequest"),
    Type("DocumentReference"),
    Type("Binary"),
    Type("List"),
    Type("Group"),
    Type("Condition"),
    Type("Procedure"),
    Type("MedicationRequest"),
    Type("AllergyIntolerance"),
    Type("FamilyMemberHistory"),
    Type("Immunization"),
    Type("Observation"),
    Type("DiagnosticReport"),
    Type("ImagingStudy"),
    Type("Questionnaire"),
    Type("QuestionnaireResponse"),
    Type("DeviceRequest"),
    Type("PlanDefinition", synced=False),
    Type("ActivityDefinition", synced=False),
    Type("ChargeItemDefinition", synced=False),
    Type("Library", synced=False),
    Type("Measure", synced=False),
    Type("MeasureReport", synced=False),
    Type("Flag"),
    Type("Provenance"),
    Type("AuditEvent", synced=False),
    Type("Subscription", synced=False),
    Type("Basic"),
)

TYPES: dict[str, Type] = {row.name: row for row in _ROWS}
