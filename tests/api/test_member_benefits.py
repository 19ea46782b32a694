"""What the app of a payer's member reads of their own requests for authorization: ExplanationOfBenefits by Da Vinci
PDex (profile pdex-priorauthorization), with how much is used. Issue 10, item 7 and must-show 5; prior-auth.md 4;
42 CFR 422.119(b)(1)(iv)."""

from collections.abc import Callable
from typing import Any

import pytest

from carecoord.fhir.validation.validate import judge
from tests.api.conftest import Api
from tests.api.test_authorizations import claim
from tests.api.test_door import PAS, X12, Json, answer_of, line, order, place, ref, told, visit

__all__ = ["place"]

PDEX = "http://hl7.org/fhir/us/davinci-pdex"
ADJUDICATION = "http://terminology.hl7.org/CodeSystem/adjudication"
SLICES = f"{PDEX}/CodeSystem/PDexAdjudicationDiscriminator"
UNKNOWN = [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
VISITS = {"unit": "visits", "system": "http://unitsofmeasure.org", "code": "{visit}"}
CPT = "http://www.ama-assn.org/go/cpt"


def asked(id: str = "c", **more: Any) -> Json:
    """Twelve visits of physical therapy, and a stress echocardiogram."""
    return claim(id=id, item=[
        {"sequence": 1, "productOrService": {"coding": [{"system": CPT, "code": "97110"}]},
         "quantity": {"value": 12, **VISITS}},
        {"sequence": 2, "productOrService": {"coding": [{"system": CPT, "code": "93350"}]}},
    ], **more)  # fmt: skip


def decided() -> Json:
    """Ten visits until the end of the year, and no echocardiogram."""
    visits = line(1, "A6") | {"extension": [
        {"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": {"start": "2026-11-01", "end": "2026-12-31"}}]}
    action = visits["adjudication"][0]["extension"][0]
    action["extension"].append({"url": "number", "valueString": "BH-1"})
    granted = {"itemSequence": [1], "productOrService": {"coding": [{"system": CPT, "code": "97110"}]},
               "quantity": {"value": 10, **VISITS}, "adjudication": visits["adjudication"]}  # fmt: skip
    return answer_of(
        visits, line(2, "A3", "Not needed for this condition"), request=ref("Claim/c"), addItem=[granted],
        created="2026-11-21T15:00:00Z",
    )  # fmt: skip


@pytest.fixture
def member(client: Callable[..., Api], place: Api) -> Api:
    """The app of the patient, which may read nothing but these."""
    return client("patient/ExplanationOfBenefit.rs", patient="p", fhir_user="Patient/p")


@pytest.fixture
def request_of(place: Api) -> Api:
    """A request for authorization, sent and not yet answered; who wrote it down."""
    therapy = {"coding": [{"system": CPT, "code": "97110"}]}
    assert place.put("/ServiceRequest/s", order(code=therapy)).status_code == 200
    assert place.put("/Claim/c", asked()).status_code == 201
    return place


def found(api: Api, query: str = "") -> list[Json]:
    listed = api.get(f"/ExplanationOfBenefit{query}")
    assert listed.status_code == 200, told(listed)
    return [each["resource"] for each in listed.get_json().get("entry", [])]


def test_a_request_is_read_from_the_moment_on_at_which_it_is_sent(request_of: Api, member: Api) -> None:
    (benefit,) = found(member, "?patient=p")
    assert benefit["meta"]["profile"] == [f"{PDEX}/StructureDefinition/pdex-priorauthorization"]
    del benefit["meta"], benefit["id"]
    assert benefit == {
        "resourceType": "ExplanationOfBenefit", "status": "active", "use": "preauthorization", "outcome": "queued",
        "type": {"text": "professional"}, "patient": ref("Patient/p"), "created": "2026-11-20",
        "insurer": ref("Organization/third"), "provider": ref("Organization/clinic"), "claim": ref("Claim/c"),
        "priority": {"text": "normal"}, "insurance": [{"focal": True, "coverage": {"display": "Card"}}],
        "item": [
            {"sequence": 1, "productOrService": {"coding": [{"system": CPT, "code": "97110"}]},
             "quantity": {"value": 12, **VISITS}},
            {"sequence": 2, "productOrService": {"coding": [{"system": CPT, "code": "93350"}]}},
        ],
    }  # fmt: skip


def test_a_decision_and_every_visit_are_read_in_the_next_request_by_lines_and_with_what_is_used(
    request_of: Api, member: Api
) -> None:
    """Within a business day, says the rule; here in the transaction that writes them down."""
    assert request_of.put("/ClaimResponse/r", decided()).status_code == 201
    (benefit,) = found(member)
    assert (benefit["outcome"], benefit["claimResponse"]) == ("complete", ref("ClaimResponse/r"))
    assert benefit["preAuthRef"] == ["BH-1"]
    assert benefit["preAuthRefPeriod"] == [{"start": "2026-11-01", "end": "2026-12-31"}]
    visits, echo = benefit["item"]
    assert [each["url"] for each in visits["extension"]] == [f"{PAS}/extension-itemPreAuthPeriod"]
    assert said(visits) == [("submitted", "A6", None), ("allowedunits", None, 10), ("consumedunits", None, 0)]
    assert said(echo) == [("submitted", "A3", None), ("denialreason", None, None)]
    assert echo["adjudication"][1]["reason"] == {"text": "Not needed for this condition"}
    when = {"url": f"{PDEX}/StructureDefinition/base-ext-when-adjudicated", "valueDateTime": "2026-11-21T15:00:00Z"}
    assert when in visits["adjudication"][0]["extension"]
    assert visits["adjudication"][0]["amount"] == {"extension": UNKNOWN}
    assert totals(benefit) == {"eligible": {"value": 10, **VISITS}, "utilized": {"value": 0, **VISITS}}
    before = benefit["meta"]

    seen = visit("fulfilled", basedOn=[ref("ServiceRequest/s")]) | {"start": "2026-11-20T09:00:00Z"}
    assert request_of.put("/Appointment/a", seen | {"end": "2026-11-20T09:30:00Z"}).status_code == 201
    (benefit,) = found(member)
    assert said(benefit["item"][0])[1:] == [("allowedunits", None, 10), ("consumedunits", None, 1)]
    assert totals(benefit)["utilized"] == {"value": 1, **VISITS}
    assert benefit["meta"]["lastUpdated"] > before["lastUpdated"]
    assert member.get(f"/ExplanationOfBenefit/{benefit['id']}").get_json() == benefit


def said(line: Json) -> list[tuple[str, str | None, int | None]]:
    """(category, review action, units) of each adjudication."""
    rows = []
    for each in line["adjudication"]:
        (coding,) = each["category"]["coding"]
        assert coding["system"] == (ADJUDICATION if coding["code"] == "submitted" else SLICES)
        (review, *_) = [*(one for one in each.get("extension", ()) if one["url"].endswith("reviewAction")), {}]
        code = next((one["valueCodeableConcept"]["coding"][0] for one in review.get("extension", ())
                     if one["url"] == f"{PDEX}/StructureDefinition/extension-reviewActionCode"), {})  # fmt: skip
        assert code.get("system") in (None, X12)
        rows.append((coding["code"], code.get("code"), each.get("value")))
    return rows


def totals(benefit: Json) -> dict[str, Json]:
    """What is used of what, by PriorAuthorizationUtilization."""
    rows = {}
    for each in benefit["total"]:
        (coding,) = each["category"]["coding"]
        assert coding["system"] == f"{PDEX}/CodeSystem/PriorAuthorizationValueCodes"
        (use,) = each["extension"]
        assert use["url"] == f"{PDEX}/StructureDefinition/PriorAuthorizationUtilization"
        assert each["amount"]["extension"][0]["valueCode"] == "not-applicable"
        rows[coding["code"]] = use["valueQuantity"]
    return rows


def test_it_has_what_the_standard_and_the_profile_demand(request_of: Api, member: Api) -> None:
    for answer in (None, decided()):
        if answer:
            request_of.put("/ClaimResponse/r", answer)
        (benefit,) = found(member)
        judge(benefit, "ExplanationOfBenefit")
        for name in ("status", "use", "patient", "insurer", "provider", "type", "insurance", "created", "outcome"):
            assert benefit[name], name


def test_a_draft_and_what_was_made_in_error_are_not_told_and_what_is_withdrawn_is_cancelled(
    place: Api, member: Api
) -> None:
    assert place.put("/Claim/c", asked(status="draft")).status_code == 201
    assert found(member) == []
    place.put("/Claim/c", asked())
    assert [each["status"] for each in found(member)] == ["active"]
    place.put("/Claim/c", asked(status="cancelled"))
    assert [each["status"] for each in found(member)] == ["cancelled"]
    place.put("/Claim/c", asked(status="entered-in-error"))
    assert found(member) == []


def test_an_update_is_the_same_benefit_with_what_was_approved_before(request_of: Api, member: Api) -> None:
    request_of.put("/ClaimResponse/r", decided())
    (before,) = found(member)
    more = asked("d", related=[{"claim": ref("Claim/c")}])
    assert request_of.put("/Claim/d", more).status_code == 201
    (after,) = found(member)
    assert (after["id"], after["claim"], after["outcome"]) == (before["id"], ref("Claim/d"), "queued")
    assert after["preAuthRef"] == ["BH-1"]


def test_the_app_of_another_member_and_every_other_asker_finds_nothing_of_it(
    request_of: Api, member: Api, client: Callable[..., Api]
) -> None:
    request_of.put("/Patient/q", {"resourceType": "Patient", "id": "q", "name": [{"family": "Else"}]})
    request_of.put("/ClaimResponse/r", decided())
    (benefit,) = found(member)
    assert "BH-1" in benefit["preAuthRef"]
    others = {
        "another member's app": client("patient/*.rs", patient="q", fhir_user="Patient/q"),
        "a clinician's app with the patient in context": client(
            "patient/*.rs", patient="p", fhir_user="Practitioner/x", roles="clinician", organization="clinic"),
        "coordinator": client("user/*.cruds", roles="coordinator", organization="clinic"),
        "the payer": client("user/*.cruds", roles="payer", organization="third"),
        "another payer": client("system/*.rs", roles="payer", organization="heart"),
        "a service": client("system/*.rs"),
    }  # fmt: skip
    for name, api in others.items():
        listed = api.get("/ExplanationOfBenefit?patient=p&_total=accurate")
        refused = name == "a clinician's app with the patient in context"  # of nobody's patient
        assert listed.status_code == (403 if refused else 200), name
        assert "BH-" not in listed.text, name
        assert refused or listed.get_json()["total"] == 0, name
        assert api.get(f"/ExplanationOfBenefit/{benefit['id']}").status_code == (403 if refused else 404), name
        one = {"request": {"method": "GET", "url": f"ExplanationOfBenefit/{benefit['id']}"}}
        batch = api.post("", {"resourceType": "Bundle", "type": "batch", "entry": [one]}).get_json()
        assert batch["entry"][0]["response"]["status"].startswith("403" if refused else "404"), name
    closed = client("patient/Coverage.rs", patient="p", fhir_user="Patient/p")
    assert closed.get(f"/ExplanationOfBenefit/{benefit['id']}").status_code == 403
    assert closed.get("/ExplanationOfBenefit").status_code == 403


def test_a_narrower_scope_narrows_these_too(request_of: Api, client: Callable[..., Api]) -> None:
    for scope, number in (("status=active", 1), ("status=cancelled", 0), ("patient:Patient.name=Okafor", 0)):
        api = client(f"patient/ExplanationOfBenefit.rs?{scope}", patient="p", fhir_user="Patient/p")
        benefits = found(api)
        assert len(benefits) == number, scope


def test_they_are_searched_sorted_and_paged_among_the_benefits_that_are_stored(
    request_of: Api, member: Api, client: Callable[..., Api]
) -> None:
    card = [{"focal": True, "coverage": {"display": "Card"}}]
    for id, day in (("paid-1", "2026-10-01"), ("paid-2", "2026-11-21")):
        paid = {
            "resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim", "created": day,
            "type": {"text": "professional"}, "patient": ref("Patient/p"), "insurer": ref("Organization/third"),
            "provider": ref("Organization/clinic"), "outcome": "complete", "insurance": card,
        }  # fmt: skip
        assert request_of.put(f"/ExplanationOfBenefit/{id}", paid).status_code == 201
    (mine,) = (each["id"] for each in found(member) if each["use"] == "preauthorization")
    for query, ids in {
        "": ["paid-1", "paid-2", mine], "?_sort=created": ["paid-1", mine, "paid-2"],
        "?_sort=-created": ["paid-2", mine, "paid-1"], "?created=2026-11-20": [mine],
        "?created=lt2026-11-01": ["paid-1"], f"?_id={mine},paid-1": ["paid-1", mine], "?claim=Claim/c": [mine],
        "?_id:not=paid-1": ["paid-2", mine], "?status:not=active": [], "?encounter:missing=true&_sort=-created": [
            "paid-2", mine, "paid-1"],
        f"?_profile={PDEX}/StructureDefinition/pdex-priorauthorization": [mine], "?provider.name=clinic": [],
    }.items():  # fmt: skip
        assert [each["id"] for each in found(member, query)] == ids, query
        paged, path = [], f"/ExplanationOfBenefit{query}{'&' if query else '?'}_count=1&_total=accurate"
        while path:
            page = member.get(path).get_json()
            assert page["total"] == len(ids), query
            paged += [each["resource"]["id"] for each in page.get("entry", [])]
            onward = [each["url"] for each in page["link"] if each["relation"] == "next"]
            path = onward[0].partition("/fhir")[2] if onward else ""
        assert paged == ids, query
    assert member.get("/ExplanationOfBenefit?_summary=count").get_json()["total"] == 3
    assert [each["id"] for each in entries(member.get("/Patient/p/ExplanationOfBenefit"))] == ["paid-1", "paid-2", mine]
    whole = client("patient/*.rs", patient="p", fhir_user="Patient/p").get("/Patient/p/$everything?_count=200")
    assert mine in [each["id"] for each in entries(whole)]


def test_metadata_names_the_profile(member: Api) -> None:
    types = member.get("/metadata").get_json()["rest"][0]["resource"]
    named = {each["type"]: each["supportedProfile"] for each in types if "supportedProfile" in each}
    assert named == {"ExplanationOfBenefit": [f"{PDEX}/StructureDefinition/pdex-priorauthorization"]}


def entries(answer: Any) -> list[Json]:
    return [each["resource"] for each in answer.get_json()["entry"]]


def test_an_answer_whose_request_is_not_here_is_read_too(place: Api, member: Api) -> None:
    place.put("/ClaimResponse/r", answer_of(line(1, "A1"), preAuthRef="BH-9"))
    order = place.get("/ServiceRequest/s").get_json()
    place.put("/ServiceRequest/s", order | {"insurance": [ref("ClaimResponse/r")]})
    (benefit,) = found(member)
    assert (benefit["outcome"], benefit["preAuthRef"], "claim" in benefit) == ("complete", ["BH-9"], False)
    assert benefit["insurance"] == [{"focal": True, "coverage": {"extension": UNKNOWN}}]
    judge(benefit, "ExplanationOfBenefit")


def listed(answer: Any) -> list[str]:
    """What a Bundle has, `Type/id`, with how it came where it did not match."""
    assert answer.status_code == 200, told(answer)
    return [
        f"{each['resource']['resourceType']}/{each['resource']['id']}"
        + ("" if each.get("search", {}).get("mode", "match") == "match" else " included")
        for each in answer.get_json().get("entry", [])
    ]


def test_its_one_version_is_read_and_stands_in_every_history_until_it_changes(
    request_of: Api, member: Api
) -> None:
    (benefit,) = found(member)
    path, version = f"/ExplanationOfBenefit/{benefit['id']}", benefit["meta"]["versionId"]
    assert member.get(f"{path}/_history/{version}").get_json() == benefit
    assert member.get(f"{path}/_history/{int(version) - 1}").status_code == 404
    for address, total in ((f"{path}/_history", 1), ("/ExplanationOfBenefit/_history", None)):
        told_of = member.get(address).get_json()
        assert (told_of["type"], told_of.get("total")) == ("history", total), address
        (entry,) = told_of["entry"]
        assert (entry["resource"], entry["response"]["etag"]) == (benefit, f'W/"{version}"'), address
    assert "entry" not in member.get(f"{path}/_history?_since=2099-01-01T00:00:00Z").get_json()
    assert request_of.put("/ClaimResponse/r", decided()).status_code == 201
    (after,) = found(member)
    assert member.get(f"{path}/_history/{version}").status_code == 404, "nobody keeps what it was"
    assert member.get(f"{path}/_history/{after['meta']['versionId']}").get_json() == after


def test_a_history_goes_on_behind_it_page_by_page(request_of: Api, client: Callable[..., Api]) -> None:
    own = client("patient/ExplanationOfBenefit.rs patient/Claim.rs patient/Patient.rs", patient="p",
                 fhir_user="Patient/p")  # fmt: skip
    whole = [(each["fullUrl"], each["response"]["etag"]) for each in own.get("/_history").get_json()["entry"]]
    paged, path = [], "/_history?_count=1"
    while path:
        page = own.get(path).get_json()
        paged += [(each["fullUrl"], each["response"]["etag"]) for each in page.get("entry", [])]
        path = next((each["url"] for each in page["link"] if each["relation"] == "next"), "").partition("/fhir")[2]
    assert paged == whole
    assert sorted({url.split("/fhir/")[1].split("/")[0] for url, _ in whole}) == [
        "Claim", "ExplanationOfBenefit", "Patient",
    ]  # fmt: skip


def test_a_page_goes_on_behind_it_although_it_has_changed_meanwhile(
    request_of: Api, client: Callable[..., Api]
) -> None:
    own = client("patient/ExplanationOfBenefit.rs patient/Claim.rs patient/Patient.rs", patient="p",
                 fhir_user="Patient/p")  # fmt: skip

    def page(path: str) -> tuple[list[str], str]:
        answer = own.get(path)
        assert answer.status_code == 200, told(answer)
        bundle = answer.get_json()
        names = [each["fullUrl"].split("/fhir/")[1].split("/")[0] for each in bundle["entry"]]
        return names, next(each["url"] for each in bundle["link"] if each["relation"] == "next").partition("/fhir")[2]

    first, behind = page("/_history?_count=1")
    assert first == ["ExplanationOfBenefit"]
    assert request_of.put("/ClaimResponse/r", decided()).status_code == 201
    rest = own.get(behind.replace("_count=1", "_count=9"))
    assert rest.status_code == 200, told(rest)
    names = [each["fullUrl"].split("/fhir/")[1].split("/")[0] for each in rest.get_json()["entry"]]
    assert sorted(names) == ["Claim", "Patient"]
    assert page("/_history?_count=1")[0] == ["ExplanationOfBenefit"], "at the top it stands as it is now"


def test_what_it_refers_to_comes_along_and_it_comes_along_with_what_it_refers_to(
    request_of: Api, member: Api, client: Callable[..., Api]
) -> None:
    (benefit,) = found(member)
    mine = f"ExplanationOfBenefit/{benefit['id']}"
    own = client("patient/*.rs", patient="p", fhir_user="Patient/p")
    for query, others in {
        "_include=ExplanationOfBenefit:patient": ["Patient/p included"],
        "_include=ExplanationOfBenefit:claim": ["Claim/c included"],
        "_include=ExplanationOfBenefit:patient:Claim": [],
        "_include=ExplanationOfBenefit:claim&_include:iterate=Claim:patient": [
            "Claim/c included", "Patient/p included"],
        "_revinclude=Provenance:target": [],
    }.items():  # fmt: skip
        assert listed(own.get(f"/ExplanationOfBenefit?{query}")) == [mine, *others], query
        assert listed(member.get(f"/ExplanationOfBenefit?{query}")) == [mine], "its scope is of these alone"
    came = f"{mine} included"
    assert listed(own.get("/Patient?_id=p&_revinclude=ExplanationOfBenefit:patient")) == ["Patient/p", came]
    assert listed(own.get("/Claim?_id=c&_revinclude=ExplanationOfBenefit:claim")) == ["Claim/c", came]
    narrow = client("patient/Patient.rs", patient="p", fhir_user="Patient/p")
    assert listed(narrow.get("/Patient?_revinclude=ExplanationOfBenefit:patient")) == ["Patient/p"]


def test_no_interaction_tells_anybody_else_of_it(request_of: Api, member: Api, client: Callable[..., Api]) -> None:
    request_of.put("/Patient/q", {"resourceType": "Patient", "id": "q", "name": [{"family": "Else"}]})
    (benefit,) = found(member)
    id, version = benefit["id"], benefit["meta"]["versionId"]
    for name, api in {
        "another member's app": client("patient/*.rs", patient="q", fhir_user="Patient/q"),
        "a relative's app": client("patient/*.rs", patient="p", fhir_user="RelatedPerson/r"),
        "coordinator": client("user/*.cruds", roles="coordinator", organization="clinic"),
        "the payer": client("user/*.cruds", roles="payer", organization="third"),
        "another payer": client("system/*.rs", roles="payer", organization="heart"),
        "a service": client("system/*.rs"),
    }.items():
        for path in (f"/ExplanationOfBenefit/{id}/_history", f"/ExplanationOfBenefit/{id}/_history/{version}"):
            assert api.get(path).status_code == (403 if name == "a relative's app" else 404), (name, path)
        for path in (
            "/ExplanationOfBenefit/_history", "/_history?_count=500", "/ExplanationOfBenefit?_include=*",
            "/Patient?_revinclude=ExplanationOfBenefit:patient", "/Claim?_revinclude=ExplanationOfBenefit:claim",
        ):  # fmt: skip
            assert id not in api.get(path).text, (name, path)
