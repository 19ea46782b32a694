"""Updates, cancels and inquiries by Da Vinci PAS, over HTTP on both databases; keys are those of 2.2.1."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from carecoord.domain.prior_auth.desk import second_look
from tests.api.conftest import Api, issues
from tests.api.pas.conftest import PAS, decide, decided, homecare, official

Json = dict[str, Any]
SUBMIT, INQUIRE = "/Claim/$submit", "/Claim/$inquire"
CANCEL = {"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": {
    "coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": "3"}]}}  # fmt: skip


def update(number: str = "U1") -> Json:
    found = deepcopy(official("Bundle-HomecareAuthorizationUpdateBundleExample"))
    found["identifier"]["value"] = number
    return found


def inquiry(**claim: Any) -> Json:
    found = deepcopy(official("Bundle-PASClaimInquiryBundleExample"))
    found["entry"][0]["resource"] |= claim
    return found


def returned(answer: Any) -> list[Json]:
    """The Bundles of an answer to an inquiry."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    assert body["resourceType"] == "Parameters"
    assert {each["name"] for each in body.get("parameter", [])} <= {"return"}
    return [each["resource"] for each in body.get("parameter", [])]


# -- updates


def test_an_update_carries_every_line_and_each_comes_back_decided_spec_68(partner: Api, payer: Api) -> None:
    partner.post(SUBMIT, homecare())
    told = partner.post(SUBMIT, update()).get_json()
    assert decided(told) == {1: "A4", 2: "C", 3: "A4"}
    newest = payer.get("/Claim?_sort=-_lastUpdated").get_json()["entry"][0]["resource"]
    assert newest["related"][0]["claim"]["reference"].startswith("Claim/")


def test_what_was_granted_and_is_asked_for_unchanged_stays_granted(partner: Api, payer: Api) -> None:
    partner.post(SUBMIT, homecare())
    decide(payer, "A1")
    told = partner.post(SUBMIT, update()).get_json()
    assert decided(told) == {1: "A1", 2: "C", 3: "A4"}


def test_an_update_that_leaves_lines_out_is_refused_spec_68(partner: Api) -> None:
    partner.post(SUBMIT, homecare())
    less = update()
    del less["entry"][0]["resource"]["item"][0]
    (issue,) = issues(partner.post(SUBMIT, less))
    assert "item 1" in issue["diagnostics"]


def test_an_update_of_what_is_unknown_is_refused(partner: Api, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()
    assert partner.post(SUBMIT, update()).status_code == 422
    assert rows() == before


def test_a_denied_request_is_not_updated(partner: Api, payer: Api) -> None:
    partner.post(SUBMIT, homecare())
    decide(payer, "A3", extension=[second_look.reviewer("1234567893")], disposition="Not shown.")
    (issue,) = issues(partner.post(SUBMIT, update()))
    assert (issue["code"], "It is denied" in issue["diagnostics"]) == ("conflict", True)


def test_the_kits_sequence_initial_added_changed_and_cancelled_each_with_every_line(partner: Api) -> None:
    partner.post(SUBMIT, homecare())
    first = update()
    second = update("U2")
    claim = second["entry"][0]
    claim["fullUrl"] = "http://example.org/fhir/Claim/Third"
    claim["resource"] |= {"id": "Third", "identifier": [{"system": "http://example.org/T", "value": "third"}]}
    claim["resource"]["related"][0]["claim"] = {"reference": "Claim/HomecareAuthorizationUpdateExample"}
    second["entry"].append(deepcopy(first["entry"][0]))  # the prior, and not the prior's prior (spec-66)
    second["entry"] = [each for each in second["entry"] if each["fullUrl"] != "http://example.org/fhir/Claim/HomecareAuthorizationExample"]
    second["entry"][-1]["resource"].pop("related")
    claim["resource"]["extension"] = [CANCEL]
    assert decided(partner.post(SUBMIT, first).get_json()) == {1: "A4", 2: "C", 3: "A4"}
    answer = partner.post(SUBMIT, second)
    assert decided(answer.get_json()) == {1: "C", 2: "C", 3: "C"}


def test_a_whole_request_is_taken_back_without_its_lines(partner: Api, payer: Api) -> None:
    partner.post(SUBMIT, homecare())
    whole = update()
    whole["entry"][0]["resource"] |= {"extension": [CANCEL]}
    del whole["entry"][0]["resource"]["item"]
    answer = partner.post(SUBMIT, whole)
    assert decided(answer.get_json()) == {1: "C"}


# -- inquiries


def test_an_inquiry_finds_by_member_and_service_as_parameters_of_return_spec_46(partner: Api, payer: Api) -> None:
    assert returned(partner.post(INQUIRE, inquiry())) == []
    partner.post(SUBMIT, homecare())
    decide(payer, "A1")
    (found,) = returned(partner.post(INQUIRE, inquiry()))
    assert decided(found) == {1: "A1", 2: "A1"}
    response = found["entry"][0]["resource"]
    assert response["patient"] == {"reference": "http://example.org/fhir/Patient/SubscriberExample"}
    granted = {each["url"].rpartition("-")[2] for each in response["item"][0]["extension"]}
    assert {"itemPreAuthIssueDate", "itemAuthorizedProvider", "itemAuthorizedDetail"} <= granted


def test_the_other_version_answers_an_inquiry_with_one_bundle(partner: Api) -> None:
    partner.post(SUBMIT, homecare())
    told = partner.post("/pas-2.0.1/Claim/$inquire", inquiry()).get_json()
    assert (told["resourceType"], decided(told)) == ("Bundle", {1: "A4", 2: "A4"})


def line(code: str, **more: Any) -> Json:
    return {"sequence": 1, "productOrService": {"coding": [{"system": "http://x.example", "code": code}]}} | more


def test_not_applicable_means_any_service_and_another_code_none_spec_43(partner: Api) -> None:
    partner.post(SUBMIT, homecare())
    assert len(returned(partner.post(INQUIRE, inquiry(item=[line("not-applicable")])))) == 1
    assert returned(partner.post(INQUIRE, inquiry(item=[line("99213")]))) == []
    trace = [{"system": "http://example.org/T", "value": "of-the-inquiry-itself"}]
    assert len(returned(partner.post(INQUIRE, inquiry(identifier=trace)))) == 1


def test_who_asks_by_a_number_that_was_replaced_is_told_what_holds_spec_47(partner: Api, payer: Api) -> None:
    partner.post(SUBMIT, homecare())
    decide(payer, "A1", "AUTH0001")
    partner.post(SUBMIT, update())
    number = {"url": f"{PAS}/extension-authorizationNumber", "valueString": "AUTH0001"}
    (found,) = returned(partner.post(INQUIRE, inquiry(item=[line("x", extension=[number])])))
    assert decided(found) == {1: "A1", 2: "C", 3: "A4"}
    other = number | {"valueString": "AUTH0002"}
    assert returned(partner.post(INQUIRE, inquiry(item=[line("G0154", extension=[other])]))) == []


def test_a_number_of_administration_is_as_good_spec_45(partner: Api) -> None:
    told = partner.post(SUBMIT, homecare()).get_json()["entry"][0]["resource"]
    (number,) = [e for e in told["item"][0]["extension"] if e["url"].endswith("administrationReferenceNumber")]
    assert len(returned(partner.post(INQUIRE, inquiry(item=[line("x", extension=[number])])))) == 1


@pytest.mark.parametrize("lacks", ["patient", "provider", "insurer", "member"])
def test_an_inquiry_without_patient_provider_insurer_or_member_number_is_refused(partner: Api, lacks: str) -> None:
    asked = inquiry()
    if lacks == "member":
        del asked["entry"][4]["resource"]["identifier"]
    else:
        del asked["entry"][0]["resource"][lacks]
    assert partner.post(INQUIRE, asked).status_code in (400, 422)


def test_an_empty_inquiry_is_refused_with_exactly_one_outcome_spec_35(partner: Api) -> None:
    answer = partner.post(INQUIRE, {"resourceType": "Bundle", "type": "collection", "entry": []})
    assert (answer.status_code, len(issues(answer))) == (400, 1)


def test_nobody_inquires_in_anothers_name_or_of_what_is_not_theirs_spec_52(partner: Api, rival: Api) -> None:
    partner.post(SUBMIT, homecare())
    assert rival.post(INQUIRE, inquiry()).status_code == 403
    own = inquiry()
    own["entry"][1]["resource"]["identifier"][0]["value"] = "9000000001"
    assert returned(rival.post(INQUIRE, own)) == []


def test_who_is_to_do_it_may_ask_too_spec_53(partner: Api, rival: Api) -> None:
    bundle = homecare()
    does = {"resourceType": "Organization", "id": "Does", "name": "Another clinic",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9000000001"}]}  # fmt: skip
    bundle["entry"].append({"fullUrl": "http://example.org/fhir/Organization/Does", "resource": does})
    bundle["entry"][0]["resource"]["careTeam"] = [{"sequence": 1, "provider": {"reference": "Organization/Does"}}]
    assert partner.post(SUBMIT, bundle).status_code == 200
    own = inquiry()
    own["entry"][1]["resource"]["identifier"][0]["value"] = "9000000001"
    (found,) = returned(rival.post(INQUIRE, own))
    assert decided(found) == {1: "A4", 2: "A4"}
