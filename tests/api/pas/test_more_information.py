"""The payer asks for papers with a request (PAS Task), the partner sends them (CDex $submit-attachment), and they land
with the request; on both databases."""

from typing import Any

import pytest

from carecoord.world import World
from tests.api.conftest import Api, issues
from tests.api.pas.conftest import decide, homecare
from tests.api.pas.receiver import Receiver, focus
from tests.api.pas.test_subscriptions import subscribe, worked

Json = dict[str, Any]
CODES = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
PLAN = {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]}
PAPER = {"resourceType": "DocumentReference", "status": "current",
         "content": [{"attachment": {"contentType": "text/plain", "data": "VGhlIHBsYW4u"}}]}  # fmt: skip


def wish(payer: Api, code: Json, kind: str = "attachment-request-code") -> str:
    """The payer's system asks for a paper with its newest request."""
    claim = payer.get("/Claim").get_json()["entry"][0]["resource"]
    task = {
        "resourceType": "Task", "status": "requested", "intent": "order", "for": claim["patient"],
        "code": {"coding": [{"system": CODES, "code": kind}]}, "requester": claim["insurer"],
        "owner": claim["provider"], "reasonReference": {"reference": f"Claim/{claim['id']}"},
        "input": [{
            "type": {"coding": [{"system": CODES, "code": "attachments-needed"}]}, "valueCodeableConcept": code}],
    }  # fmt: skip
    made = payer.post("/Task", task)
    assert made.status_code == 201, made.get_data(as_text=True)
    return str(made.get_json()["id"])


def sent(code: Json = PLAN, content: Json = PAPER, **more: Any) -> Json:
    values = {"TrackingId": {"valueIdentifier": {"value": "111099"}}, "AttachTo": {"valueCode": "preauthorization"},
              "MemberId": {"valueIdentifier": {"value": "12345678901"}}} | more  # fmt: skip
    part = [{"name": "Code", "valueCodeableConcept": code}, {"name": "Content", "resource": content}]
    rows = [{"name": name, **value} for name, value in values.items() if value]
    return {"resourceType": "Parameters", "parameter": [*rows, {"name": "Attachment", "part": part}]}


@pytest.fixture
def asked(partner: Api, payer: Api) -> str:
    assert partner.post("/Claim/$submit", homecare()).status_code == 200
    return wish(payer, PLAN)


def test_a_paper_lands_with_the_request_and_ends_the_payers_task(partner: Api, payer: Api, asked: str) -> None:
    answer = partner.post("/$submit-attachment", sent())
    assert (answer.status_code, answer.get_json()["resourceType"]) == (200, "OperationOutcome")
    (paper,) = payer.get("/DocumentReference").get_json()["entry"]
    assert paper["resource"]["content"][0]["attachment"]["data"] == "VGhlIHBsYW4u"
    assert paper["resource"]["type"] == PLAN
    task = payer.get(f"/Task/{asked}").get_json()
    assert task["status"] == "completed"
    assert task["output"][0]["valueReference"] == {"reference": f"DocumentReference/{paper['resource']['id']}"}


def test_a_paper_that_comes_again_is_the_same(partner: Api, payer: Api, asked: str) -> None:
    for _ in range(2):
        assert partner.post("/$submit-attachment", sent()).status_code == 200
    assert payer.get("/DocumentReference").get_json()["total"] == 1


def test_another_paper_that_is_not_the_last_leaves_the_task_open(partner: Api, payer: Api, asked: str) -> None:
    other = {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}
    assert partner.post("/$submit-attachment", sent(other, Final={"valueBoolean": False})).status_code == 200
    assert payer.get(f"/Task/{asked}").get_json()["status"] == "requested"
    assert partner.post("/$submit-attachment", sent(other, {**PAPER, "description": "All of it."})).status_code == 200
    assert payer.get(f"/Task/{asked}").get_json()["status"] == "completed"


def test_the_number_of_administration_ties_it_as_well(partner: Api, payer: Api, asked: str) -> None:
    response = payer.get("/ClaimResponse").get_json()["entry"][0]["resource"]
    number = {"valueIdentifier": {"value": response["item"][0]["extension"][0]["valueString"]}}
    assert partner.post("/$submit-attachment", sent(TrackingId=number)).status_code == 200
    assert payer.get(f"/Task/{asked}").get_json()["status"] == "completed"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"TrackingId": {"valueIdentifier": {"value": "nobodys"}}}, "TrackingId"),
        ({"MemberId": {"valueIdentifier": {"value": "9"}}}, "TrackingId"),
        ({"MemberId": {}}, "MemberId"),
        ({"AttachTo": {"valueCode": "claim"}}, "AttachTo"),
    ],
)
def test_what_belongs_to_no_request_is_refused(partner: Api, payer: Api, asked: str, more: Json, where: str) -> None:
    answer = partner.post("/$submit-attachment", sent(**more))
    assert answer.status_code == 422
    assert where in issues(answer)[0]["expression"][0]
    assert payer.get("/DocumentReference").get_json()["total"] == 0


def test_nobody_attaches_to_anothers_request(partner: Api, rival: Api, payer: Api, asked: str) -> None:
    assert rival.post("/$submit-attachment", sent()).status_code == 422
    assert payer.post("/$submit-attachment", sent()).status_code == 403
    assert payer.get(f"/Task/{asked}").get_json()["status"] == "requested"


@pytest.mark.parametrize("address", ["Binary/anothers", "https://care.example/fhir/Binary/anothers"])
def test_a_paper_opens_no_file_of_the_payers_that_its_sender_merely_names(
    partner: Api, payer: Api, api: Api, asked: str, address: str
) -> None:
    """Whoever reads a document reads the file that it is attached to."""
    attached = [{"attachment": {"url": address}}]
    file = {"resourceType": "Binary", "id": "anothers", "contentType": "text/plain", "data": "VGhlIHBsYW4u"}
    assert api.put("/Binary/anothers", file).status_code == 201
    whole = homecare("B2")
    claim = whole["entry"][0]["resource"]
    paper = PAPER | {"subject": claim["patient"], "content": attached}
    whole["entry"].append({"fullUrl": "urn:uuid:0b0f6a8e-6a0f-4bb2-9d6e-0a4a6f8b1c11", "resource": paper})
    assert partner.post("/Claim/$submit", whole).status_code == 200
    assert partner.post("/$submit-attachment", sent(content=PAPER | {"content": attached})).status_code == 200
    assert partner.get("/DocumentReference").get_json()["total"] == 2
    for each in (partner, payer):
        assert each.get("/Binary/anothers").status_code == 404


def test_what_the_payer_asks_for_comes_with_the_notice_as_pas_tasks(
    partner: Api, payer: Api, world: World, asked: str, receivers: Any
) -> None:
    receiver: Receiver = receivers()
    subscribe(partner, receiver.url)
    decide(payer, "A4")
    worked(world)
    (task,) = [each for each in focus(receiver.taken[-1])["entry"] if each["resource"]["resourceType"] == "Task"]
    told = task["resource"]
    assert told["reasonCode"]["coding"][0]["code"] == "priorAuthorization"
    assert told["reasonReference"] == {"reference": "http://example.org/fhir/Claim/HomecareAuthorizationExample"}
    inputs = {each["type"]["coding"][0]["code"]: each for each in told["input"]}
    assert inputs["payer-url"]["valueUrl"] == "https://care.example/fhir/$submit-attachment"
    assert inputs["attachments-needed"]["valueCodeableConcept"] == PLAN
