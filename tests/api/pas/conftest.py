"""A payer's server, and partners of it who ask by Da Vinci PAS: over the official example files."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api

Json = dict[str, Any]
OFFICIAL = Path(__file__).parent / "official"
NPI = "http://hl7.org/fhir/sid/us-npi"
PAYER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "pay"}]}
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
REVIEW = f"{PAS}/extension-reviewAction"
HOUSES = (
    {"id": "umo", "name": "Dr. Joe Smith Corporation", "identifier": [{"system": NPI, "value": "8189991234"}]},
    {"id": "insurer", "name": "Maryland Capital", "identifier": [{"system": NPI, "value": "1234567893"}],
     "type": [PAYER]},
    {"id": "rival", "name": "Another clinic", "identifier": [{"system": NPI, "value": "9000000001"}]},
    {"id": "other-payer", "name": "Another payer", "identifier": [{"system": NPI, "value": "9000000002"}],
     "type": [PAYER]},
)  # fmt: skip


def official(name: str) -> Json:
    """One of the guide's own examples."""
    found: Json = json.loads((OFFICIAL / f"{name}.json").read_text())
    return found


def homecare(number: str = "B56789", **claim: Any) -> Json:
    """The official request for home care under another number of its Bundle; claim: what its Claim says besides."""
    found = deepcopy(official("Bundle-HomecareAuthorizationBundleExample"))
    found["identifier"]["value"] = number
    found["entry"][0]["resource"] |= claim
    return found


def decided(answer: Json) -> dict[int, str]:
    """The review action of each line of the ClaimResponse that leads an answer."""
    lines = answer["entry"][0]["resource"].get("item", [])
    return {each["itemSequence"]: _action(each) for each in lines}


def _action(line: Json) -> str:
    (review,) = [e for a in line["adjudication"] for e in a["extension"] if e["url"] == REVIEW]
    (code,) = [e for e in review["extension"] if e["url"] == f"{PAS}/extension-reviewActionCode"]
    coding = code["valueCodeableConcept"]["coding"][0]
    assert coding["system"] == "https://codesystem.x12.org/005010/306"
    return str(coding["code"])


@pytest.fixture
def payers_server(api: Api) -> Api:
    """The registry of a payer's server: who may ask, and who is asked."""
    for house in HOUSES:
        assert api.put(f"/Organization/{house['id']}", {"resourceType": "Organization"} | house).status_code == 201
    return api


@pytest.fixture
def partner(client: Callable[..., Api], payers_server: Api) -> Api:
    """The backend service of the clinic that the official examples speak of."""
    return client("system/*.cruds", roles="coordinator", organization="umo", subject="umo-system")


@pytest.fixture
def rival(client: Callable[..., Api], payers_server: Api) -> Api:
    """The backend service of another clinic."""
    return client("system/*.cruds", roles="coordinator", organization="rival", subject="rival-system")


@pytest.fixture
def payer(client: Callable[..., Api], payers_server: Api) -> Api:
    """The payer's own system."""
    return client("system/*.cruds", roles="payer", organization="insurer", subject="insurer-system")
