"""A code as people read it: what the trade calls its system, the code, and what it means where that is known. What a
partner wrote of a code stands before what the code's publisher says: it is never put in its place."""

from collections.abc import Mapping
from typing import Final

SYSTEMS: Final = {  # code system -> what people in the trade call it
    "http://www.ama-assn.org/go/cpt": "CPT",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD-10-PCS",
    "http://www.ada.org/cdt": "CDT",
}


def coded(system: str, code: str, meanings: Mapping[tuple[str, str], str], beside: str = "") -> str:
    """`ICD-10 I44.7 Left bundle-branch block, unspecified`; the code alone where nobody told its words, or where they
    stand `beside` it already."""
    words = meanings.get((system, code), "")
    told = "" if words.casefold() == beside.casefold() else words
    return " ".join(filter(None, (SYSTEMS.get(system, ""), code, told)))
