"""The kinds of document that can be attached: one table for the form, the resource and the gates, which know a paper by
its code. LOINC (Document Ontology); what has no code there has its name alone."""

from typing import Final

from carecoord.domain.resource.codes import CONSULT_NOTE, LOINC
from carecoord.domain.resource.elements import Json

KINDS: Final[dict[str, str]] = {  # LOINC code, or a word of ours where there is none -> its name
    "57133-1": "Referral note",
    CONSULT_NOTE[1]: "Consult note",
    "34117-2": "History and physical",
    "11506-3": "Progress note",
    "18842-5": "Discharge summary",
    "18748-4": "Imaging report",
    "11502-2": "Laboratory report",
    "64290-0": "Insurance card",
    "52034-6": "Authorization letter",
    "51851-4": "Administrative note",
    "other": "Other document",
}
OF_AGREEMENTS: Final[dict[str, str]] = {  # LOINC has none of these
    "signed-agreement": "Signed agreement",
    "amendment": "Amendment",
    "rate-exhibit": "Rate exhibit",
    "notice-letter": "Notice",
    "insurance-certificate": "Insurance certificate",
    "correspondence": "Correspondence",
}


def concept(kind: str) -> Json:
    """The CodeableConcept of a kind."""
    coding = {"coding": [{"system": LOINC, "code": kind}]} if kind[0].isdigit() else {}
    return {**coding, "text": (KINDS | OF_AGREEMENTS)[kind]}
