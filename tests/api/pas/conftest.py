"""A payer's server, and partners of it who ask by Da Vinci PAS: over the official example files."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from carecoord import effects
from carecoord.settings import Settings
from carecoord.world import World
from tests.api.conftest import Api
from tests.api.pas.receiver import Receiver

Json = dict[str, Any]
LONG = 10_000_000  # seconds: tests turn the clock
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
    return client("system/*.cruds", roles="coordinator", organization="umo", subject="umo-system", life=LONG)


@pytest.fixture
def rival(client: Callable[..., Api], payers_server: Api) -> Api:
    """The backend service of another clinic."""
    return client("system/*.cruds", roles="coordinator", organization="rival", subject="rival-system", life=LONG)


@pytest.fixture
def payer(client: Callable[..., Api], payers_server: Api) -> Api:
    """The payer's own system."""
    return client("system/*.cruds", roles="payer", organization="insurer", subject="insurer-system", life=LONG)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A partner's receiver stands on this machine: its host is allowed."""
    return replace(settings, private_hosts="127.0.0.1")


@pytest.fixture
def world(world: World, settings: Settings) -> World:
    """What goes out goes by the guarded session of the product."""
    return replace(world, http=partial(effects.session, settings))


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    """Makes partners' addresses that take notices."""
    made: list[Receiver] = []

    def make() -> Receiver:
        one = Receiver()
        one.start()
        made.append(one)
        return one

    yield make
    for each in made:
        each.stop()


def decide(payer: Api, code: str, number: str = "AUTH0001", **more: Any) -> Json:
    """The payer's system decides every line of its newest request."""
    claim = payer.get("/Claim?_sort=_lastUpdated").get_json()["entry"][-1]["resource"]
    said = [{"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": {
        "coding": [{"system": "https://codesystem.x12.org/005010/306", "code": code}]}}]  # fmt: skip
    said += [{"url": "number", "valueString": number}] if code == "A1" else []
    review = {"category": {"text": "submitted"},
              "extension": [{"url": REVIEW, "extension": said}]}  # fmt: skip
    answer = {
        "resourceType": "ClaimResponse", "status": "active", "use": "preauthorization", "outcome": "complete",
        "type": claim["type"], "patient": claim["patient"], "insurer": claim["insurer"],
        "created": "2026-11-23T10:00:00Z", "request": {"reference": f"Claim/{claim['id']}"},
        "item": [{"itemSequence": each["sequence"], "adjudication": [review]} for each in claim["item"]],
    } | more  # fmt: skip
    made = payer.post("/ClaimResponse", answer)
    assert made.status_code == 201, made.get_data(as_text=True)
    found: Json = made.get_json()
    return found
