"""The twelve official example files of Da Vinci PAS 2.2.1, each with what it is to us: what we take, and what we send
the like of."""

from collections.abc import Callable
from typing import Any

import pytest

from carecoord.world import World
from tests.api.conftest import Api
from tests.api.pas.conftest import OFFICIAL, decide, homecare, official
from tests.api.pas.receiver import Receiver, focus
from tests.api.pas.test_more_information import PLAN, wish
from tests.api.pas.test_subscriptions import subscribe, worked
from tests.api.pas.test_updates_and_inquiries import inquiry, returned, update

Json = dict[str, Any]
TAKEN = {
    "Bundle-HomecareAuthorizationBundleExample": "a request",
    "Bundle-HomecareAuthorizationUpdateBundleExample": "an update of it",
    "Bundle-ReferralAuthorizationBundleExample": "a request with an order and a paper",
    "Bundle-PASClaimInquiryBundleExample": "an inquiry",
    "Subscription-PASSubscriptionExample": "a subscription",
}
SENT = {
    "Bundle-ReferralAuthorizationResponseBundleExample": "the answer that approves",
    "Bundle-ReferralPendingAuthorizationResponseBundleExample": "the answer that pends",
    "Bundle-PASClaimInquiryResponseBundleExample": "the answer to an inquiry",
    "Parameters-PASClaimInquiryOperationResponseExample": "the same, as Parameters",
    "Bundle-PASSubscriptionNotification": "the notice to a subscriber",
    "Task-AdditionalInformationTaskExample": "the wish for a paper",
    "ClaimResponse-PractitionerRequestorAdditionalContentResponseExample": "an answer with what is granted besides",
}


def test_each_file_is_taken_or_sent() -> None:
    assert {path.stem for path in OFFICIAL.glob("*.json")} == TAKEN.keys() | SENT.keys()


def marks(line: Json) -> set[str]:
    return {each["url"].rpartition("-")[2] for each in line.get("extension", [])}


def first_response(bundle: Json) -> Json:
    found = bundle["entry"][0]["resource"]
    assert found["resourceType"] == "ClaimResponse"
    return dict(found)


def test_requests_updates_and_inquiries_are_taken_as_they_stand(partner: Api) -> None:
    for name in list(TAKEN)[:3]:
        bundle = official(name)
        bundle["identifier"]["value"] += name  # two of the files have one number
        assert partner.post("/Claim/$submit", bundle).status_code == 200, name
    assert returned(partner.post("/Claim/$inquire", official("Bundle-PASClaimInquiryBundleExample")))


def test_the_subscription_is_taken_by_whose_identifier_it_names(
    client: Callable[..., Api], payers_server: Api, receivers: Callable[[], Receiver]
) -> None:
    owner = client("system/*.cruds", roles="coordinator", organization="insurer")
    asked = official("Subscription-PASSubscriptionExample")
    asked["channel"]["endpoint"] = receivers().url
    del asked["id"]
    assert owner.post("/Subscription", asked).status_code == 201


def test_the_answers_say_what_the_examples_say(partner: Api, payer: Api) -> None:
    """Of an approved line the examples say more only where the request did: a quantity, a price, days."""
    days = {"servicedPeriod": {"start": "2005-05-02", "end": "2005-06-02"}}
    bundle = homecare()
    for each in bundle["entry"][0]["resource"]["item"]:
        each |= days
    pended = first_response(partner.post("/Claim/$submit", bundle).get_json())
    example = first_response(official("Bundle-ReferralPendingAuthorizationResponseBundleExample"))
    assert example.keys() - {"text"} <= pended.keys()
    assert marks(example["item"][0]) <= marks(pended["item"][0])
    decide(payer, "A1")
    (found,) = returned(partner.post("/Claim/$inquire", inquiry()))
    approved = first_response(found)
    example = first_response(official("Bundle-ReferralAuthorizationResponseBundleExample"))
    assert example.keys() - {"text"} <= approved.keys()
    assert marks(example["item"][0]) <= marks(approved["item"][0])
    inquired = first_response(official("Bundle-PASClaimInquiryResponseBundleExample"))
    assert marks(inquired["item"][0]) <= marks(approved["item"][0])


def test_an_inquiry_is_answered_as_return_where_the_example_misnames_it(partner: Api) -> None:
    example = official("Parameters-PASClaimInquiryOperationResponseExample")
    assert [each["name"] for each in example["parameter"]] == ["responseBundle"]
    partner.post("/Claim/$submit", homecare())
    partner.post("/Claim/$submit", update())
    assert len(returned(partner.post("/Claim/$inquire", inquiry()))) == 1


def names(parameters: Json) -> set[str]:
    return {each["name"] for each in parameters["parameter"]}


def test_notice_and_task_have_all_that_the_examples_have(
    partner: Api, payer: Api, world: World, receivers: Callable[[], Receiver]
) -> None:
    receiver = receivers()
    subscribe(partner, receiver.url)
    partner.post("/Claim/$submit", homecare())
    wish(payer, PLAN)
    decide(payer, "A4")
    worked(world)
    notice, example = receiver.taken[-1], official("Bundle-PASSubscriptionNotification")
    assert example.keys() - {"id", "language"} <= notice.keys()
    assert names(example["entry"][0]["resource"]) <= names(notice["entry"][0]["resource"])
    assert all({"request", "response"} <= each.keys() for each in notice["entry"])
    (task,) = [e["resource"] for e in focus(notice)["entry"] if e["resource"]["resourceType"] == "Task"]
    wanted = official("Task-AdditionalInformationTaskExample")
    assert wanted.keys() - {"id", "meta", "language", "text", "identifier"} <= task.keys()
    kinds = [{each["type"]["coding"][0]["code"] for each in one["input"]} for one in (wanted, task)]
    assert kinds[0] <= kinds[1]


@pytest.mark.parametrize("code", ["A1", "A6"])
def test_what_is_granted_besides_comes_as_an_added_line(partner: Api, payer: Api, code: str) -> None:
    """The like of the additional content: an addItem of the payer's answer goes out as it stands."""
    partner.post("/Claim/$submit", homecare())
    (example,) = official("ClaimResponse-PractitionerRequestorAdditionalContentResponseExample")["addItem"]
    added = {name: example[name] for name in ("itemSequence", "productOrService", "quantity", "adjudication")}
    decide(payer, code, addItem=[added])
    (found,) = returned(partner.post("/Claim/$inquire", inquiry()))
    assert first_response(found)["addItem"] == [added]
