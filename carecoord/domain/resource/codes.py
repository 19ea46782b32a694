"""The terms that resources and rules share: canonical urls and the codes that carry a meaning for clearance."""

from carecoord.domain.resource.elements import Json, items, text, words
from carecoord.fhir.code_systems import X12_REVIEW, canonical

CANONICAL = "https://carecoord.example/fhir"
EXTENSION = f"{CANONICAL}/StructureDefinition"
COPY_OF = f"{EXTENSION}/copy-of"  # of an Identifier: the resource from which it was taken, for both are one
IDENTIFIER = "https://carecoord.example/id"
GUEST_LINK = f"{IDENTIFIER}/link"  # who acts by a link without an account, by its id
PAYER_RULE = "authorization-rule:"  # the subject of what a rule of a payer approves begins so; where it stands follows
RULE = "assignment-rule:"  # the subject of what a rule of an office does begins so; the id of the rule follows
DROP = "document-drop:"  # so begins the subject of what comes by a watched folder or mailbox; whose it is follows
HOLD = "hold"  # the subject of what the end of a hold does
USER = f"{IDENTIFIER}/user"  # who can sign in here, by the id of their account
LOINC = "http://loinc.org"
HL7 = "http://terminology.hl7.org/CodeSystem"

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
PAS_CODES = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
REVIEW_ACTION = X12_REVIEW
LEVEL_OF_SERVICE = "https://codesystem.x12.org/005010/1338"
PLAN_NET_NETWORK = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference"

STAGE = f"{CANONICAL}/CodeSystem/referral-stage"
WORKFLOW = f"{CANONICAL}/CodeSystem/referral-workflow"  # a meta.tag of a Task: the server's alone to give
CHILD = f"{CANONICAL}/CodeSystem/referral-task"

PATIENT_REFERRAL = ("http://snomed.info/sct", "3457005")
CONSULT_NOTE = (LOINC, "11488-4")
SELF_PAY = (f"{HL7}/coverage-selfpay", "pay")
PAPER_WANTED = (PAS_CODES, "attachment-request-code")
FORM_WANTED = (PAS_CODES, "attachment-request-questionnaire")
OBTAIN_PAPER = (CHILD, "obtain-document")
INDEX_PAPER = (CHILD, "index-document")  # to say whom a document that came in is about
PAYER_FORM = (CHILD, "payer-form")  # that an office fills in for a request for authorization
ACKNOWLEDGE = (CHILD, "acknowledge-report")
TELL = (CHILD, "tell-patient")
WORK = (CHILD, "work-case")  # who in the referring office works on a referral, until when it rests
MESSAGES = f"{CANONICAL}/CodeSystem/message"  # what a Communication of ours is, that is neither a note nor a contact
DOCUMENTS_SENT = (MESSAGES, "documents")
ABORT = ("http://hl7.org/fhir/CodeSystem/task-code", "abort")
GRAVITY_CODES = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
FORM_TO_FILL = (GRAVITY_CODES, "complete-questionnaire")  # what a patient is asked to do
MATERIAL_TO_READ = (GRAVITY_CODES, "review-material")
TASK_CODES = (
    PAPER_WANTED, FORM_WANTED, OBTAIN_PAPER, INDEX_PAPER, ACKNOWLEDGE, TELL, ABORT, WORK, FORM_TO_FILL,
    MATERIAL_TO_READ, PAYER_FORM,
)  # fmt: skip


def has(concept: Json, system: str, code: str) -> bool:
    """Whether a CodeableConcept carries this code."""
    coding = concept.get("coding")
    if not isinstance(coding, list):
        return False
    wanted = canonical(system)
    for each in coding:
        if isinstance(each, dict) and text(each, "code") == code and canonical(text(each, "system")) == wanted:
            return True
    return False


def specialties(concept: Json) -> frozenset[str]:
    """The codes and the folded words by which a specialty is compared."""
    said = [words(concept), *(text(each, name) for each in items(concept, "coding") for name in ("code", "display"))]
    return frozenset(" ".join(each.casefold().split()) for each in said if each)
