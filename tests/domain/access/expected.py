"""What each role may do to each type of resource, written down a second time and by hand.

Nothing here comes from the code under test: the table there is made of groups, and a test that asked it what to expect
would follow every mistake. A line: types, a colon, `role=letters of cruds`; a role that a line does not name may
nothing, and a line without roles is of types that are for services alone."""

from typing import Final

ROLES: Final = (
    "admin", "auditor", "clinician", "contracts", "coordinator", "medical-director", "payer", "supervisor",
)  # fmt: skip

_TABLE: Final = """
Patient: coordinator=crus clinician=rs payer=rs
RelatedPerson: coordinator=crus clinician=rs
Person: coordinator=crus clinician=rs
Consent: coordinator=crus clinician=rs

ServiceRequest: coordinator=crus clinician=crus payer=rs
Task: coordinator=crus clinician=crus payer=crus contracts=crus
Appointment: coordinator=crus clinician=crus
AppointmentResponse: coordinator=crus clinician=crus
Communication: coordinator=crus clinician=crus payer=crs contracts=crus
CommunicationRequest: coordinator=crus clinician=crus payer=crs

DocumentReference: coordinator=crs clinician=crs payer=rs contracts=crus
Binary: coordinator=crs clinician=crs payer=rs contracts=crs

Coverage: coordinator=crus clinician=rs payer=rs
CoverageEligibilityRequest: coordinator=crus clinician=rs payer=rs
CoverageEligibilityResponse: coordinator=rs clinician=rs payer=crus
Claim: coordinator=crus clinician=rs payer=rs
ClaimResponse: coordinator=rs clinician=rs payer=crus
ExplanationOfBenefit: coordinator=rs clinician=rs payer=crus

CarePlan CareTeam Goal: coordinator=crus clinician=crus
QuestionnaireResponse: coordinator=crus clinician=crus payer=rs

AdverseEvent AllergyIntolerance BodyStructure ClinicalImpression Composition Condition DetectedIssue Device:
    coordinator=rs clinician=rs
DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest Encounter EpisodeOfCare FamilyMemberHistory Flag:
    coordinator=rs clinician=rs
ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation List Media MedicationAdministration:
    coordinator=rs clinician=rs
Medication MedicationDispense MedicationRequest MedicationStatement NutritionOrder Observation Procedure Provenance:
    coordinator=rs clinician=rs
RequestGroup RiskAssessment Specimen SupplyDelivery SupplyRequest VisionPrescription: coordinator=rs clinician=rs

Practitioner: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
PractitionerRole: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
Organization: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
Location: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
HealthcareService: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
Endpoint: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
InsurancePlan: coordinator=rs clinician=rs payer=rs contracts=crus admin=cruds
OrganizationAffiliation: coordinator=rs payer=rs contracts=crus admin=rs

Schedule Slot: coordinator=rs clinician=rs payer=rs contracts=rs admin=cruds

Questionnaire PlanDefinition ActivityDefinition: coordinator=rs clinician=rs payer=rs contracts=crus admin=rs
Library Measure: coordinator=rs clinician=rs payer=rs contracts=crus admin=rs

Contract: contracts=crus
Invoice: contracts=crus
MeasureReport: contracts=rs
AuditEvent: auditor=rs
Subscription: coordinator=cruds admin=cruds

Basic Group:
Account BiologicallyDerivedProduct Bundle CapabilityStatement CatalogEntry ChargeItem ChargeItemDefinition CodeSystem:
CompartmentDefinition ConceptMap DeviceDefinition DeviceMetric EffectEvidenceSynthesis EnrollmentRequest:
EnrollmentResponse EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition GuidanceResponse:
ImplementationGuide Linkage MedicationKnowledge MedicinalProduct MedicinalProductAuthorization:
MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction:
MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical:
MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem:
ObservationDefinition OperationDefinition OperationOutcome PaymentNotice PaymentReconciliation ResearchDefinition:
ResearchElementDefinition ResearchStudy ResearchSubject RiskEvidenceSynthesis SearchParameter SpecimenDefinition:
StructureDefinition StructureMap Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein:
SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification TerminologyCapabilities TestReport:
TestScript ValueSet VerificationResult:
"""


def _read(text: str) -> dict[str, dict[str, str]]:
    """Type -> role -> letters. Raises ValueError for a line that says what no line may."""
    table: dict[str, dict[str, str]] = {}
    for line in text.replace(":\n    ", ": ").split("\n"):
        types, colon, cells = line.partition(":")
        letters = dict(cell.split("=") for cell in cells.split())
        if (line and not colon) or not letters.keys() <= set(ROLES):
            raise ValueError(f"This line of the expected table is not `types: role=letters ...`: {line!r}.")
        for type in types.split():
            if type in table:
                raise ValueError(f"The expected table has two lines for {type}.")
            table[type] = letters
    return table


EXPECTED: Final = _read(_TABLE)


def allowed(role: str, type: str) -> str:
    """The letters of cruds that a role was agreed to have on a type. Fails for a type that nobody decided about."""
    assert type in EXPECTED, (
        f"Nobody has decided who may do what to {type}: write its line into tests/domain/access/expected.py by hand."
    )
    return EXPECTED[type].get(role, "")


def of_services() -> list[str]:
    """The types on which no role may anything."""
    return [type for type, cells in EXPECTED.items() if not cells]


# What a payer's contract desk sees of the types that tell the terms of two parties, `ours` its own organization: one of
# the alternatives, each a search of which all arguments hold. Of every other type in its table it sees all.
# A document that lists the offices that see it is seen by those alone; another by all who see such documents.
_CODES: Final = "https://carecoord.example/fhir/CodeSystem"
AMONG_OFFICES: Final = (
    f"_security:not={_CODES}/document-sharing|listed",
    f"_security={_CODES}/document-office|o1,{_CODES}/document-office|o2",
)
A_PAYERS_CONTRACTS: Final = {
    "Contract": ["party=ours"],
    "OrganizationAffiliation": ["primary-organization=ours", "participating-organization=ours"],
    "InsurancePlan": ["owned-by=ours", "administered-by=ours"],
    "Task": ["subject:missing=true&owner=ours", "subject:missing=true&requester=ours"],
    "Communication": ["subject:missing=true&sender=ours", "subject:missing=true&recipient=ours"],
    "DocumentReference": [
        f"subject:missing=true&{who}=ours&{among}" for who in ("author", "custodian") for among in AMONG_OFFICES
    ],
    "MeasureReport": ["subject:missing=true&reporter=ours"],
    "Invoice": ["subject:missing=true&issuer=ours", "subject:missing=true&recipient=ours"],
    "Binary": [
        "&".join(f"_has:DocumentReference:location:{each}" for each in ("subject:missing=true", f"{who}=ours", among))
        for who in ("author", "custodian")
        for among in AMONG_OFFICES
    ],
}
# The types of its table that speak of no terms and no patient: it sees all of them.
OPEN_TO_A_PAYERS_CONTRACTS: Final = (
    "Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint", "Schedule", "Slot",
    "Questionnaire", "PlanDefinition", "ActivityDefinition", "Library", "Measure",
)  # fmt: skip
