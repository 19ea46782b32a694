"""Every order that goes to somebody is a case: it has a row on the list and an answer to `$clearance`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Api, patient

Json = dict[str, Any]


def ref(to: str) -> Json:
    return {"reference": to}


@pytest.fixture
def place(api: Api) -> Api:
    for id in ("clinic", "imaging", "payer"):
        assert api.put(f"/Organization/{id}", {"resourceType": "Organization", "id": id, "name": id}).status_code == 201
    assert api.put("/Patient/p", patient(id="p", managingOrganization=ref("Organization/clinic"))).status_code == 201
    return api


def order(**more: Any) -> Json:
    found = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order"}
    return found | {"subject": ref("Patient/p"), "requester": ref("Organization/clinic")} | more


TO = {"performer": [ref("Organization/imaging")]}
IMAGING = {"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "363679005"}]}]}


@pytest.mark.parametrize(
    ("given", "cases"),
    [
        (order(**IMAGING, **TO), 1),
        (order(**TO), 1),
        (order(**IMAGING), 0),  # to nobody
        (order(**IMAGING, performer=[ref("Organization/clinic")]), 0),  # to oneself
        (order(**IMAGING, **TO, intent="proposal"), 0),
        (order(**IMAGING, **TO, doNotPerform=True), 0),
    ],
)  # fmt: skip
def test_an_order_of_any_category_that_goes_to_somebody_has_a_row_and_an_answer(
    place: Api, rows: Callable[[], dict[str, int]], given: Json, cases: int
) -> None:
    assert place.put("/ServiceRequest/s", given).status_code == 201
    assert rows()["case_row"] == cases
    told = place.get("/ServiceRequest/s/$clearance")
    assert told.status_code == (200 if cases else 404)
    if cases:
        gates = [each for each in told.get_json()["parameter"] if each["name"] == "gate"]
        assert len(gates) == 6


def test_a_device_has_a_row_and_an_answer_even_beside_a_referral_of_the_same_id(
    place: Api, rows: Callable[[], dict[str, int]]
) -> None:
    device = {
        "resourceType": "DeviceRequest", "id": "s", "status": "active", "intent": "order", "subject": ref("Patient/p"),
        "codeCodeableConcept": {"text": "CPAP device"}, "requester": ref("Organization/clinic"),
        "performer": ref("Organization/imaging"),
    }  # fmt: skip
    assert place.put("/DeviceRequest/s", device).status_code == 201
    assert rows()["case_row"] == 1
    assert place.put("/ServiceRequest/s", order(**TO)).status_code == 201
    assert rows()["case_row"] == 2
    for kind in ("DeviceRequest", "ServiceRequest"):
        told = place.get(f"/{kind}/s/$clearance")
        assert told.status_code == 200
        named = next(each for each in told.get_json()["parameter"] if each["name"] == "order")
        assert named["valueReference"] == ref(f"{kind}/s")
    gone = place.delete("/DeviceRequest/s")
    assert gone.status_code == 204
    assert rows()["case_row"] == 1
    assert place.get("/DeviceRequest/s/$clearance").status_code == 410


def test_what_a_payer_was_asked_about_is_a_case_without_a_category(
    place: Api, rows: Callable[[], dict[str, int]]
) -> None:
    """As the official PAS examples have it: no category, no performer, a Claim that names the order on its line."""
    assert place.put("/ServiceRequest/s", order()).status_code == 201
    assert rows()["case_row"] == 0
    url = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-requestedService"
    line = {"sequence": 1, "productOrService": {"text": "x"}}
    claim = {
        "resourceType": "Claim", "id": "c", "status": "active", "use": "preauthorization", "created": "2026-11-20",
        "type": {"text": "professional"}, "patient": ref("Patient/p"), "provider": ref("Organization/clinic"),
        "insurer": ref("Organization/payer"), "priority": {"text": "normal"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": ref("Coverage/k")}],
        "item": [line | {"extension": [{"url": url, "valueReference": ref("ServiceRequest/s")}]}],
    }  # fmt: skip
    assert place.put("/Claim/c", claim).status_code == 201
    assert rows()["case_row"] == 1
    assert place.get("/ServiceRequest/s/$clearance").status_code == 200
