"""The definitions of the operations by which partners ask for authorization (Da Vinci PAS), and what is said of each
version's base.

Clause: FHIR R4 operationdefinition.html; Da Vinci PAS, OperationDefinition Claim-submit and Claim-inquiry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Json = dict[str, Any]

SUBMIT: Final = "OperationDefinition/Claim-submit"  # below [base]
INQUIRE: Final = "OperationDefinition/Claim-inquire"
OPERATIONS: Final = (("submit", SUBMIT), ("inquire", INQUIRE))
OURS: Final = (SUBMIT, INQUIRE)
_HL7: Final = "http://hl7.org/fhir/us/davinci-pas/OperationDefinition"
_WORDS: Final[Mapping[str, tuple[str, str, str, bool]]] = MappingProxyType({
    "Claim-submit": (
        "submit", "Claim-submit", "A Bundle with a request for authorization, its Claim first; answered at once, if "
        "only with a number to ask by.", True,
    ),
    "Claim-inquire": (
        "inquire", "Claim-inquiry", "A Bundle with a Claim as the example to search by; answered with what was decided "
        "on the requests that are like it.", False,
    ),
})  # fmt: skip


def definition(id: str, base_url: str, many: bool = True) -> Json:
    """The OperationDefinition of one of these. many: an inquiry finds any number of Bundles, each a `return`."""
    code, official, words, changes = _WORDS[id]
    several = many and code == "inquire"
    least, most = ("0", "*") if several else ("1", "1")
    return {
        "resourceType": "OperationDefinition",
        "id": id,
        "url": f"{base_url}/OperationDefinition/{id}",
        "name": id.replace("-", ""),
        "status": "active",
        "kind": "operation",
        "affectsState": changes,
        "description": words,
        "code": code,
        "base": f"{_HL7}/{official}",
        "resource": ["Claim"],
        "system": False,
        "type": True,
        "instance": False,
        "parameter": [
            _parameter("resource", "in", ("1", "1"), "The request Bundle of the guide."),
            _parameter("return", "out", (least, most), "The response Bundle of the guide."),
        ],
    }


def _parameter(name: str, use: str, often: tuple[str, str], words: str) -> Json:
    least, most = often
    return {"name": name, "use": use, "min": int(least), "max": most, "documentation": words, "type": "Bundle"}


def statement(base_url: str, guide: str, date: str, security: Json) -> Json:
    """The CapabilityStatement of a base that speaks one version of the guide and nothing else. security: how one is let
    in, as at the main base."""
    operations = [{"name": name, "definition": f"{base_url}/{path}"} for name, path in OPERATIONS]
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base_url}/metadata",
        "status": "active",
        "date": date,
        "kind": "instance",
        "implementation": {"description": f"carecoord: Da Vinci PAS {guide}", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementationGuide": [f"http://hl7.org/fhir/us/davinci-pas/ImplementationGuide/hl7.fhir.us.davinci-pas|{guide}"],
        "rest": [{"mode": "server", "security": security,
                  "resource": [{"type": "Claim", "operation": operations}]}],
    }  # fmt: skip
