"""Claim/$submit, box by box, over HTTP on both databases; requirement keys are those of Da Vinci PAS 2.2.1."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from carecoord.domain.prior_auth.lifecycle import RECEIVED
from tests.api.conftest import Api, Clock, issues
from tests.api.pas.conftest import NPI, PAS, decided, homecare, official

Json = dict[str, Any]
SUBMIT = "/Claim/$submit"
EMPTY = {"resourceType": "Bundle", "type": "collection", "entry": []}


def entry(bundle: Json, kind: str) -> Json:
    (found,) = [each for each in bundle["entry"] if each["resource"]["resourceType"] == kind]
    return dict(found)


def response_of(answer: Json) -> Json:
    return dict(answer["entry"][0]["resource"])


def test_a_raw_bundle_is_answered_with_a_raw_bundle_within_15_seconds_spec_7(partner: Api, clock: Clock) -> None:
    begun = clock.now
    answer = partner.post(SUBMIT, homecare())
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["resourceType"], told["type"]) == ("Bundle", "collection")
    assert response_of(told)["resourceType"] == "ClaimResponse"
    assert (clock.now - begun).total_seconds() < 15


def test_the_bundle_may_come_in_parameters_as_operations_take_it(partner: Api) -> None:
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": homecare()}]}
    assert decided(partner.post(SUBMIT, wrapped).get_json()) == {1: "A4", 2: "A4"}
    without = {"resourceType": "Parameters", "parameter": [{"name": "bundle", "resource": homecare("B2")}]}
    (issue,) = issues(partner.post(SUBMIT, without))
    assert issue["expression"] == ["Parameters.parameter"]


def test_a_bundle_without_entries_is_refused_with_exactly_one_outcome_spec_35(partner: Api) -> None:
    answer = partner.post(SUBMIT, EMPTY)
    assert answer.status_code == 400
    (issue,) = issues(answer)
    assert (issue["severity"], issue["code"], issue["expression"]) == ("error", "invalid", ["Bundle.entry"])
    assert issue["details"]["text"] == issue["diagnostics"] == "The Bundle has no entry: the first must be the Claim."


BROKEN: dict[str, tuple[Callable[[Json], Any], int, str]] = {
    "spec-11 the Claim comes first": (lambda b: b["entry"].reverse(), 400, "Bundle.entry[0].resource"),
    "spec-11 it asks, and bills nothing": (
        lambda b: b["entry"][0]["resource"].update(use="claim"), 422, "Bundle.entry[0].resource.use"),
    "spec-12 the type is collection": (lambda b: b.update(type="batch"), 400, "Bundle.type"),
    "spec-13 what the Claim refers to is inside": (lambda b: b["entry"].pop(3), 422, "Bundle.entry[0].resource"),
    "spec-15 each resource once": (lambda b: b["entry"].append(b["entry"][1]), 400, "Bundle.entry[5].fullUrl"),
    "spec-16 fullUrl is absolute": (
        lambda b: b["entry"][1].update(fullUrl="Organization/UMOExample"), 400, "Bundle.entry[1].fullUrl"),
    "spec-20 sequences are unique": (
        lambda b: b["entry"][0]["resource"]["item"][1].update(sequence=1), 422,
        "Bundle.entry[0].resource.item.sequence"),
    "spec-25 a modifier that nobody understands": (
        lambda b: b["entry"][0]["resource"].update(modifierExtension=[{"url": "http://x.example/not"}]), 422,
        "Bundle.entry[0].resource.modifierExtension"),
    "prof-2 a quantity without a unit": (
        lambda b: b["entry"][0]["resource"]["item"][0].update(quantity={"value": 4}), 422, "Bundle.entry[0].resource"),
    "prof-3 a unit of another list": (
        lambda b: b["entry"][0]["resource"]["item"][0].update(
            quantity={"value": 4, "system": "http://unitsofmeasure.org", "code": "1"}), 422,
        "Bundle.entry[0].resource"),
    "spec-39 no valid resource": (
        lambda b: b["entry"][4]["resource"].update(gender="x"), 422, "Bundle.entry[4].resource.gender"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_senders_fault_is_told_with_where_it_is_spec_39(
    partner: Api, rows: Callable[[], dict[str, int]], name: str
) -> None:
    harm, status, where = BROKEN[name]
    bundle = homecare()
    harm(bundle)
    before = rows()
    answer = partner.post(SUBMIT, bundle)
    (issue, *_) = issues(answer)
    assert (answer.status_code, issue["severity"], issue["expression"]) == (status, "error", [where])
    assert rows() == before


def test_a_unit_of_x12_and_an_unknown_extension_are_no_fault_conf_5(partner: Api) -> None:
    bundle = homecare()
    claim = bundle["entry"][0]["resource"]
    claim["item"][0]["quantity"] = {"value": 4, "system": "https://codesystem.x12.org/005010/673", "code": "VS"}
    claim["extension"].append({"url": "http://x.example/extra", "valueString": "whatever"})
    bundle["entry"][1]["resource"]["address"][0]["postalCode"] = "92101-1234"  # prof-ben-1
    assert partner.post(SUBMIT, bundle).status_code == 200


def test_what_comes_back_has_the_names_that_the_partner_gave_spec_30_spec_33_spec_34(partner: Api) -> None:
    bundle = homecare()
    told = partner.post(SUBMIT, bundle).get_json()
    response, claim = response_of(told), bundle["entry"][0]["resource"]
    assert told["entry"][0]["fullUrl"] == f"https://care.example/fhir/ClaimResponse/{response['id']}"
    assert response["request"] == {
        "reference": bundle["entry"][0]["fullUrl"], "identifier": claim["identifier"][0],
    }  # fmt: skip
    assert response["patient"] == {"reference": "http://example.org/fhir/Patient/SubscriberExample"}
    assert response["insurer"] == {"reference": "http://example.org/fhir/Organization/InsurerExample"}
    assert response["identifier"] == claim["identifier"]
    assert [each["itemSequence"] for each in response["item"]] == [1, 2]
    sent = {each["fullUrl"]: each["resource"] for each in bundle["entry"]}
    for each in told["entry"][1:]:
        assert each["resource"] == sent[each["fullUrl"]]
    assert {each["resource"]["resourceType"] for each in told["entry"][1:]} == {"Organization", "Patient"}
    assert told["identifier"] == bundle["identifier"]


def test_what_waits_is_complete_and_pended_with_a_number_to_ask_by(partner: Api) -> None:
    response = response_of(partner.post(SUBMIT, homecare()).get_json())
    assert response["outcome"] == "complete"
    for line in response["item"]:
        (number,) = [e for e in line["extension"] if e["url"] == f"{PAS}/extension-administrationReferenceNumber"]
        assert number["valueString"].startswith("P-")
    assert "preAuthRef" not in response


def test_the_other_version_has_a_base_of_its_own_conf_1(partner: Api, http: Any) -> None:
    response = response_of(partner.post("/pas-2.0.1/Claim/$submit", homecare()).get_json())
    assert response["outcome"] == "queued"
    statement = partner.get("/pas-2.0.1/metadata").get_json()
    assert statement["implementationGuide"][0].endswith("|2.0.1")
    (claim,) = statement["rest"][0]["resource"]
    for each in claim["operation"]:
        told = partner.get(each["definition"].removeprefix("https://care.example/fhir")).get_json()
        assert (told["url"], told["code"]) == (each["definition"], each["name"])


def test_the_statement_tells_of_the_operations_and_each_has_its_definition(partner: Api) -> None:
    rest = partner.get("/metadata").get_json()["rest"][0]
    (claim,) = [each for each in rest["resource"] if each["type"] == "Claim"]
    told = {each["name"]: each["definition"] for each in claim["operation"]}
    assert {"submit", "inquire"} <= told.keys()
    definition = partner.get("/OperationDefinition/Claim-submit").get_json()
    assert (definition["affectsState"], definition["type"], definition["resource"]) == (True, True, ["Claim"])


def test_a_token_is_needed_priv_3(client: Callable[..., Api], partner: Api, payer: Api) -> None:
    nobody = Api(partner.http, None)
    assert nobody.post(SUBMIT, homecare()).status_code == 401
    reader = client("system/*.rs", roles="coordinator", organization="umo")
    assert reader.post(SUBMIT, homecare()).status_code == 403
    assert payer.post(SUBMIT, homecare()).status_code == 403
    patient = client("patient/*.cruds", patient="p", fhir_user="Patient/p")
    assert patient.post(SUBMIT, homecare()).status_code == 403


def test_nobody_asks_in_anothers_name(rival: Api, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()
    assert rival.post(SUBMIT, homecare()).status_code == 403
    assert rows() == before


def test_a_payer_that_is_none_here_is_a_business_error_and_no_error_of_http(partner: Api, payer: Api) -> None:
    bundle = homecare()
    bundle["entry"][2]["resource"]["identifier"] = [{"system": NPI, "value": "1999999999"}]
    answer = partner.post(SUBMIT, bundle)
    response = response_of(answer.get_json())
    assert (answer.status_code, response["outcome"]) == (200, "error")
    (error,) = response["error"]
    assert error["code"]["coding"] == [{"system": "https://codesystem.x12.org/005010/901", "code": "79"}]
    told = {each["url"].rpartition("-")[2]: each for each in error["extension"]}
    assert told["errorElement"]["valueString"] == "identifier"
    assert told["errorPath"]["valueString"] == "Claim.insurer.identifier"
    follow = told["errorFollowupAction"]["valueCodeableConcept"]["coding"][0]
    assert follow == {"system": "https://codesystem.x12.org/005010/889", "code": "C"}
    assert payer.get("/Claim").get_json()["total"] == 0


def test_a_bundle_that_comes_again_is_answered_as_it_was(partner: Api, rows: Callable[[], dict[str, int]]) -> None:
    first = partner.post(SUBMIT, homecare())
    before = rows()
    again = partner.post(SUBMIT, homecare())
    assert (again.status_code, again.get_data()) == (200, first.get_data())
    assert rows() == before
    other = homecare(created="2019-07-21")
    assert partner.post(SUBMIT, other).status_code == 409
    assert rows() == before


def test_the_clock_of_a_request_is_the_servers(partner: Api, payer: Api) -> None:
    claim = homecare()["entry"][0]["resource"]
    forged = [*claim["extension"], {"url": RECEIVED, "valueInstant": "2020-01-01T00:00:00Z"}]
    partner.post(SUBMIT, homecare(extension=forged))
    (kept,) = payer.get("/Claim").get_json()["entry"]
    (mark,) = [e["valueInstant"] for e in kept["resource"]["extension"] if e["url"] == RECEIVED]
    assert mark.startswith("2026-11-22T09:00:0")


def test_who_is_known_is_matched_and_never_written_over(partner: Api, payer: Api, api: Api) -> None:
    partner.post(SUBMIT, homecare())
    renamed = homecare("B2", identifier=[{"system": "http://example.org/T", "value": "2"}])
    renamed["entry"][1]["resource"]["name"] = "Somebody else"
    renamed["entry"][4]["resource"]["name"] = [{"family": "Other"}]
    assert partner.post(SUBMIT, renamed).status_code == 200
    assert api.get("/Organization/umo").get_json()["name"] == "Dr. Joe Smith Corporation"
    (patient,) = api.get("/Patient").get_json()["entry"]
    assert patient["resource"]["name"] == [{"family": "SMITH", "given": ["JOE"]}]
    assert api.get("/Coverage").get_json()["total"] == 1
    told = {each["resource"]["patient"]["reference"] for each in payer.get("/Claim").get_json()["entry"]}
    assert told == {f"Patient/{patient['resource']['id']}"}


def test_a_guessed_member_number_opens_no_record(partner: Api, rival: Api, api: Api) -> None:
    known = {"resourceType": "Patient", "id": "known", "name": [{"family": "Smith"}], "birthDate": "1970-01-01",
             "identifier": [{"system": "http://example.org/MIN", "value": "12345678901"}],
             "managingOrganization": {"reference": "Organization/rival"}}  # fmt: skip
    assert api.put("/Patient/known", known).status_code == 201
    told = partner.post(SUBMIT, homecare()).get_json()
    assert "Patient/known" not in str(told)
    assert partner.get("/Patient/known").status_code == 404
    mine = [each["resource"]["id"] for each in partner.get("/Patient").get_json()["entry"]]
    assert len(mine) == 1
    assert mine[0] != "known"
    assert rival.get("/Claim").get_json()["total"] == 0
    assert rival.get(f"/Patient/{mine[0]}").status_code == 404


def test_what_was_not_sent_never_means_a_resource_of_ours(partner: Api, api: Api) -> None:
    known = {"resourceType": "Patient", "id": "known", "managingOrganization": {"reference": "Organization/rival"}}
    api.put("/Patient/known", known)
    for n, to in enumerate(("Patient/known", "https://care.example/fhir/Patient/known")):
        bundle = homecare(f"B{n}")
        line = bundle["entry"][0]["resource"]["item"][0]
        link = {"reference": "urn:uuid:0b1b6f2f-7c11-4a1e-9d52-0b1b6f2f7c11"}
        line["extension"].append({"url": f"{PAS}/extension-requestedService", "valueReference": link})
        order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": to}}
        bundle["entry"].append({"fullUrl": link["reference"], "resource": order})
        answer = partner.post(SUBMIT, bundle)
        assert answer.status_code == 200
        warning = answer.get_json()["entry"][-1]["resource"]["issue"][0]
        assert (warning["severity"], warning["code"]) == ("warning", "not-found")
    assert api.get("/ServiceRequest?subject=Patient/known").get_json()["total"] == 0
    assert partner.get("/Patient/known").status_code == 404


def test_a_bundle_brings_in_nothing_that_has_rules_of_its_own(partner: Api, api: Api) -> None:
    bundle = homecare()
    book = {"resourceType": "PlanDefinition", "status": "active"}
    bundle["entry"].append({"fullUrl": "urn:uuid:0b1b6f2f-7c11-4a1e-9d52-0b1b6f2f7c12", "resource": book})
    assert partner.post(SUBMIT, bundle).status_code == 200
    assert api.get("/PlanDefinition").get_json()["total"] == 0


def test_the_official_referral_is_accepted_with_its_paper_for_the_payer(partner: Api, payer: Api, rival: Api) -> None:
    bundle = deepcopy(official("Bundle-ReferralAuthorizationBundleExample"))
    told = partner.post(SUBMIT, bundle).get_json()
    assert decided(told) == {1: "A4"}
    (trace,) = [e for e in response_of(told)["item"][0]["extension"] if e["url"].endswith("itemTraceNumber")]
    assert trace["valueIdentifier"]["value"] == "1122334"
    (paper,) = payer.get("/DocumentReference").get_json()["entry"]
    assert paper["resource"]["content"][0]["attachment"]["data"] == "VGhpcyBpcyBzYW1wbGUgYmFzZTY0IGVuY29kaW5nLg=="
    assert rival.get("/DocumentReference").get_json()["total"] == 0
    (order,) = payer.get("/ServiceRequest").get_json()["entry"]
    assert order["resource"]["code"]["coding"][0]["display"] == "Consultation"


def test_dangling_references_of_what_comes_along_are_told_and_hinder_nobody(partner: Api) -> None:
    bundle = official("Bundle-ReferralAuthorizationBundleExample")
    bundle["entry"] = [each for each in bundle["entry"] if each["resource"]["resourceType"] != "Location"]
    told = partner.post(SUBMIT, bundle).get_json()
    outcome = entry(told, "OperationOutcome")["resource"]
    assert "Location/ReferralLocationExample is referred to" in outcome["issue"][0]["diagnostics"] + str(outcome)
