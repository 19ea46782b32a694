"""Code systems and identifier systems under one name each: terminology.hl7.org registers many under a URL and an OID,
and the same URL appears with http and https, with and without a closing slash, with blanks around it.

Clauses: FHIR R4 terminologies-systems.html, identifier-registry.html (the URL is preferred, `urn:oid:` is the other
name); terminology.hl7.org NamingSystem resources for the OIDs.
"""

import re
from functools import lru_cache
from typing import Final

NPI: Final = "http://hl7.org/fhir/sid/us-npi"
TAX_ID: Final = "urn:oid:2.16.840.1.113883.4.4"  # an employer's number: several organizations may share one
UCUM: Final = "http://unitsofmeasure.org"
CURRENCY: Final = "urn:iso:std:iso:4217"
X12_REVIEW: Final = "https://codesystem.x12.org/005010/306"
X12_QUANTITY: Final = "https://codesystem.x12.org/005010/673"
X12_UNIT: Final = "https://codesystem.x12.org/005010/355"
X12_CERTIFICATION: Final = "https://codesystem.x12.org/005010/1322"

# The name that we go by, and the others under which the same system is met. http and https, a closing slash, capital
# letters in the host and blanks need no row.
_NAMES: Final = {
    # who is who
    NPI: ("2.16.840.1.113883.4.6", "http://terminology.hl7.org/NamingSystem/npi"),
    TAX_ID: ("http://hl7.org/fhir/sid/us-ein", "http://terminology.hl7.org/NamingSystem/USEIN"),
    "http://hl7.org/fhir/sid/us-ssn": ("2.16.840.1.113883.4.1",),
    "http://hl7.org/fhir/sid/us-medicare": ("2.16.840.1.113883.4.572",),
    "http://hl7.org/fhir/sid/us-mbi": ("2.16.840.1.113883.4.927",),
    "http://hl7.org/fhir/sid/us-dea": ("2.16.840.1.113883.4.814",),
    "urn:oid:2.16.840.1.113883.4.7": ("http://hl7.org/fhir/sid/us-clia", "https://www.cms.gov/CLIA"),
    "urn:oid:2.16.840.1.113883.6.300": (
        "http://hl7.org/fhir/sid/us-naic",
        "http://terminology.hl7.org/NamingSystem/NAIC",
    ),
    # what is done
    "http://www.ama-assn.org/go/cpt": ("2.16.840.1.113883.6.12", "http://terminology.hl7.org/CodeSystem/CPT"),
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": (
        "2.16.840.1.113883.6.285",
        "2.16.840.1.113883.6.14",
        "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets/index.html",
        "http://terminology.hl7.org/CodeSystem/HCPCS",
        "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes",
        "http://purl.bioontology.org/ontology/HCPCS",
    ),
    "http://www.cms.gov/Medicare/Coding/ICD10": ("2.16.840.1.113883.6.4", "http://hl7.org/fhir/sid/icd-10-pcs"),
    "http://www.ada.org/cdt": ("2.16.840.1.113883.6.13", "http://terminology.hl7.org/CodeSystem/CD2"),
    "https://www.nubc.org/CodeSystem/RevenueCodes": ("2.16.840.1.113883.6.301.3",),
    # why
    "http://hl7.org/fhir/sid/icd-10-cm": ("2.16.840.1.113883.6.90",),
    "http://hl7.org/fhir/sid/icd-9-cm": ("2.16.840.1.113883.6.103", "2.16.840.1.113883.6.104"),
    "http://hl7.org/fhir/sid/icd-10": ("2.16.840.1.113883.6.3",),
    "http://snomed.info/sct": ("2.16.840.1.113883.6.96", "http://snomed.info/sct/731000124108"),
    "http://loinc.org": ("2.16.840.1.113883.6.1",),
    # by whom, where and with what
    "http://nucc.org/provider-taxonomy": ("2.16.840.1.113883.6.101", "http://www.nucc.org/provider-taxonomy"),
    "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set": (
        "2.16.840.1.113883.6.50",
        "https://www.cms.gov/Medicare/Coding/place-of-service-codes",
    ),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("2.16.840.1.113883.6.88",),
    "http://hl7.org/fhir/sid/ndc": ("2.16.840.1.113883.6.69",),
    "http://hl7.org/fhir/sid/cvx": ("2.16.840.1.113883.12.292",),
    # what kind of identifier
    "http://terminology.hl7.org/CodeSystem/v2-0203": ("2.16.840.1.113883.18.108", "http://hl7.org/fhir/v2/0203"),
    # how much, and what a payer says
    UCUM: ("2.16.840.1.113883.6.8",),
    CURRENCY: ("2.16.840.1.113883.6.319", "http://www.iso.org/iso/currency_codes"),
    X12_REVIEW: ("https://valueset.x12.org/x217/005010/response/2000F/HCR/1/01/00/306",),
    X12_QUANTITY: ("https://valueset.x12.org/x217/005010/request/2000F/HSD/1/01/00/673",),
    X12_UNIT: ("https://valueset.x12.org/x217/005010/request/2000F/HSD/1/03/00/355",),
}
_URL = re.compile(r"(?i:https?)://([^/?#]*)([^?#]*)(.*)", re.DOTALL)
_OID = re.compile(r"(?i:urn:oid:|oid:)?([0-2](?:\.(?:0|[1-9]\d*))+)")


def _shape(system: str) -> str:
    """One spelling of an address: https, the host in small letters, no closing slash; an OID as `urn:oid:`."""
    bare = "".join(system.split())
    if url := _URL.fullmatch(bare):
        host, path, rest = url.groups()
        return f"https://{host.lower()}{path.rstrip('/')}{rest}"
    if oid := _OID.fullmatch(bare):
        return f"urn:oid:{oid[1]}"
    return f"urn:{bare[4:]}" if bare[:4].lower() == "urn:" else bare


_CANONICAL: Final = {_shape(name): ours for ours, others in _NAMES.items() for name in (ours, *others)}


@lru_cache(maxsize=4096)
def canonical(system: str) -> str:
    """The one name of a system, for comparing: two that mean the same system have the same. A system that the table
    does not know keeps its own, with https, without a closing slash and blanks. Empty for none."""
    shaped = _shape(system)
    return _CANONICAL.get(shaped, shaped)


@lru_cache(maxsize=4096)
def spellings(system: str) -> tuple[str, ...]:
    """Every name under which a system may stand in a resource, for asking an index that holds what was written; the
    name as given comes first."""
    ours = canonical(system)
    found = [system, ours]
    for name in (ours, *_NAMES.get(ours, ())):
        shaped = _shape(name)
        if url := _URL.fullmatch(shaped):
            rest = shaped.removeprefix("https://")
            closing = ("", "/") if not url[3] else ("",)
            found += [name, *(f"{scheme}://{rest}{end}" for scheme in ("http", "https") for end in closing)]
        elif shaped.startswith("urn:oid:"):
            found += [shaped, shaped.removeprefix("urn:oid:")]
        else:
            found.append(name)
    return tuple(dict.fromkeys(found))
