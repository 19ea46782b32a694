"""Operations: invoked by GET and by POST with Parameters, told truthfully, strict about their arguments.

Clause: FHIR R4 operations.html#executing, resource-operation-validate.html, operationdefinition.html.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.errors import Issue
from carecoord.fhir.validation import models
from carecoord.fhir.validation.structure import walk
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.api.conftest import Api, issues, patient, referral

Json = dict[str, Any]
REFERRAL = [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}]


def parameters(**given: Any) -> Json:
    rows = [{"name": name.rstrip("_"), **value} for name, value in given.items()]
    return {"resourceType": "Parameters", "parameter": rows}


def value(answer: Json, name: str) -> Any:
    row = next(row for row in answer["parameter"] if row["name"] == name)
    return next(row[key] for key in row if key.startswith("value"))


@pytest.fixture
def order(api: Api) -> str:
    api.put("/Patient/p", patient(id="p"))
    api.put("/ServiceRequest/r", referral("Patient/p", id="r", category=REFERRAL))
    return "/ServiceRequest/r/$clearance"


# -- $clearance


def test_clearance_by_post_answers_as_by_get(api: Api, order: str) -> None:
    by_get = api.get(f"{order}?date=2026-12-01&asOf=2026-11-22").get_json()
    sent = parameters(date={"valueDate": "2026-12-01"}, asOf={"valueDateTime": "2026-11-22"})
    by_post = api.post(order, sent)
    assert by_post.status_code == 200
    assert by_post.get_json()["resourceType"] == "Parameters"
    assert value(by_post.get_json(), "date") == "2026-12-01"
    names = [row["name"] for row in by_get["parameter"]]
    assert [row["name"] for row in by_post.get_json()["parameter"]] == names
    assert api.post(order, parameters()).status_code == 200
    assert api("POST", order).status_code == 200  # an operation without arguments needs no body
    assert api.post(f"{order}?date=2026-12-01", parameters()).status_code == 200


@pytest.mark.parametrize("query", ["asof=2026-11-22", "Date=2026-12-01", "spam=1", "date=2026-12-01&date=2026-12-02",
                                   "asOf=2026-11-22&as-of=2026-11-21"])  # fmt: skip
def test_clearance_refuses_an_argument_that_it_would_have_to_pass_over(api: Api, order: str, query: str) -> None:
    refused = api.get(f"{order}?{query}")
    assert refused.status_code == 400
    assert issues(refused)[0]["expression"][0].startswith("http.")


def test_clearance_takes_as_of_in_both_spellings(api: Api, order: str) -> None:
    for name in ("asOf", "as-of"):
        assert api.get(f"{order}?{name}=2026-11-21").status_code == 404  # it was not there yet
    refused = api.get(f"{order}?asOf=then")
    assert (refused.status_code, issues(refused)[0]["expression"]) == (400, ["http.asOf"])


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"x", b'{"resourceType":"Parameters","parameter":7}',
        b'{"resourceType":"Parameters","parameter":[7]}',
        b'{"resourceType":"Parameters","parameter":[{"name":"date"}]}',
        b'{"resourceType":"Parameters","parameter":[{"name":"date","valuePeriod":{}}]}',
        b'{"resourceType":"Parameters","parameter":[{"name":"date","valueDate":"soon"}]}',
    ],
)  # fmt: skip
def test_clearance_refuses_what_are_no_parameters(api: Api, order: str, body: bytes) -> None:
    assert api.post(order, body).status_code == 400


def test_the_definitions_that_the_statement_names_can_be_read(api: Api) -> None:
    rest = api.get("/metadata").get_json()["rest"][0]
    told = {row["definition"] for type in rest["resource"] for row in type.get("operation", ())}
    ours = {url for url in told if url.startswith("https://care.example/")}
    given = {"clearance": {"date", "asOf", "as-of"}, "participation": {
        "provider", "plan", "payer", "site", "specialty", "service", "modifier", "place", "billing", "business",
        "billed", "date", "asOf", "as-of",
    }, "rates": {"schedule", "_count", "_cursor", "asOf", "as-of"},
       "offers": {"plan", "payer", "specialty", "near", "date", "_count", "_cursor"},
       "Claim-submit": {"resource"}, "Claim-inquire": {"resource"}}  # fmt: skip
    assert ours == {f"https://care.example/fhir/OperationDefinition/{id}" for id in given}
    nobody = Api(api.http, None)
    for id, names in given.items():
        read = nobody.get(f"/OperationDefinition/{id}")
        assert read.status_code == 200
        definition = read.get_json()
        assert definition["url"] in ours
        assert walk(definition, "OperationDefinition") == []
        assert {row["name"] for row in definition["parameter"] if row["use"] == "in"} == names
    assert api.get("/OperationDefinition/nobodys").status_code == 404


def test_the_definition_tells_every_parameter_that_clearance_answers_with(api: Api) -> None:
    def names(rows: list[Json]) -> set[str]:
        return {row["name"] for row in rows}.union(*(names(row.get("part", [])) for row in rows))

    told = names(api.get("/OperationDefinition/clearance").get_json()["parameter"])
    source = Path(__file__).parents[2].glob("carecoord/actions/clearance/*.py")
    written = {name for path in source for name in re.findall(r'_part\(\s*"(\w+)"', path.read_text())}
    assert {"order", "gate", "offer", "dueFor"} <= written
    assert written <= told


def test_participation_is_asked_by_get_and_by_post_and_refuses_what_it_does_not_take(api: Api) -> None:
    api.put("/Organization/g", {"resourceType": "Organization", "id": "g", "name": "Riverside Heart"})
    by_get = api.get("/Contract/$participation?provider=Organization/g&plan=P1&date=2026-12-01&as-of=2026-11-21")
    sent = parameters(provider={"valueString": "Organization/g"}, plan={"valueString": "P1"})
    sent["parameter"].append({"name": "date", "valueDate": "2026-12-01"})
    by_post = api.post("/Contract/$participation", sent)
    assert (by_get.status_code, by_post.status_code) == (404, 200), "it was not here on that day"
    assert value(by_post.get_json(), "result") == "unknown"
    assert api.get("/Contract/$participation?provider=Organization/g&plan=P1&billing=3").status_code == 400


def test_rates_of_a_contract_are_asked_by_get_and_by_post(api: Api) -> None:
    api.put("/Contract/c", {"resourceType": "Contract", "id": "c", "status": "negotiable"})
    by_get, by_post = api.get("/Contract/c/$rates"), api.post("/Contract/c/$rates", parameters())
    assert (by_get.status_code, by_post.status_code) == (200, 200)
    assert value(by_get.get_json(), "total") == value(by_post.get_json(), "total") == 0
    assert api.get("/Contract/c/$rates?spam=1").status_code == 400
    assert api.get("/Contract/none/$rates").status_code == 404


# -- $validate


def test_validate_says_all_is_well_of_what_would_be_taken(api: Api, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()
    for sent in (patient(), parameters(resource={"resource": patient()}, mode={"valueCode": "create"})):
        answer = api.post("/Patient/$validate", sent)
        assert answer.status_code == 200
        assert [issue["severity"] for issue in issues(answer)] == ["information"]
    assert rows() == before


def test_validate_names_everything_that_a_write_would_refuse(api: Api) -> None:
    wrong = patient(gender="spam", birthDate="yesterday")
    told = issues(api.post("/Patient/$validate", wrong))
    assert {issue["expression"][0] for issue in told} == {"Patient.gender", "Patient.birthDate"}
    assert {issue["severity"] for issue in told} == {"error"}
    assert told == issues(api.post("/Patient", wrong))
    assert "error" in {one["severity"] for one in issues(api.post("/Observation/$validate", patient()))}
    assert "error" in {one["severity"] for one in issues(api.post("/Patient/$validate", {"resourceType": "Spam"}))}


def test_what_only_the_second_judge_doubts_is_a_warning_and_no_write_is_refused_for_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubt = [Issue("error", "invalid", "Not so in R4B.", "Patient.name")]
    monkeypatch.setattr(models, "issues", lambda resource, type: doubt)
    told = issues(api.post("/Patient/$validate", patient()))
    assert [(issue["severity"], issue["details"]["text"]) for issue in told] == [("warning", "Not so in R4B.")]
    assert api.post("/Patient", patient()).status_code == 201


def test_validate_of_what_is_stored_and_of_an_update_of_it(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    assert issues(api.get("/Patient/p/$validate"))[0]["severity"] == "information"
    assert issues(api.post("/Patient/p/$validate", parameters()))[0]["severity"] == "information"
    update = parameters(resource={"resource": patient(id="q")}, mode={"valueCode": "update"})
    assert issues(api.post("/Patient/p/$validate", update))[0]["expression"] == ["Patient.id"]
    assert api.get("/Patient/nobody/$validate").status_code == 404
    api.delete("/Patient/p")
    assert api.get("/Patient/p/$validate").status_code == 410


def test_validate_says_of_a_profile_that_it_does_not_know_it(api: Api) -> None:
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
    for answer in (
        api.post(f"/Patient/$validate?profile={url}", patient()),
        api.post("/Patient/$validate", patient(meta={"profile": [url]})),
        api.post("/Patient/$validate", parameters(resource={"resource": patient()}, profile={"valueUri": url})),
    ):
        told = issues(answer)
        assert [(one["severity"], one["code"]) for one in told] == [("warning", "not-supported")]
        assert url in told[0]["diagnostics"]
    base = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert issues(api.post(f"/Patient/$validate?profile={base}", patient()))[0]["severity"] == "information"


def test_validate_tells_whether_this_access_might(api: Api, client: Callable[..., Api]) -> None:
    api.put("/Patient/p", patient(id="p"))
    reader = client("system/Patient.rs")
    for mode, path in (("create", "/Patient/$validate"), ("update", "/Patient/p/$validate")):
        told = issues(reader.post(f"{path}?mode={mode}", patient(id="p")))
        assert [one["code"] for one in told] == ["forbidden"], mode
        assert [one["severity"] for one in issues(api.post(f"{path}?mode={mode}", patient(id="p")))] == ["information"]
    assert issues(reader.get("/Patient/p/$validate?mode=delete"))[0]["code"] == "forbidden"
    assert issues(api.get("/Patient/p/$validate?mode=delete"))[0]["severity"] == "information"
    assert client("system/Observation.rs").get("/Patient/p/$validate").status_code == 403


@pytest.mark.parametrize("path", ["/Patient/$validate?mode=spam", "/Patient/$validate?spam=1"])
def test_validate_refuses_arguments_that_it_does_not_have(api: Api, path: str) -> None:
    assert api.post(path, patient()).status_code == 400
    assert api.post("/Patient/$validate", parameters()).status_code == 400  # nothing to judge
    assert api.post("/Spam/$validate", patient()).status_code == 404


def test_operations_are_audited(api: Api, world: World, order: str) -> None:
    api.post(order, parameters(), X_Request_Id="a")
    api.get("/Patient/p/$validate", X_Request_Id="b")
    world.journal.drain(world.engine)
    with reading(world.engine) as conn:
        found = {row.request: row for row in conn.execute(select(audit))}
    assert [(found[id].interaction, found[id].patient, found[id].status) for id in "ab"] == [
        ("clearance", "p", 200),
        ("validate", "p", 200),
    ]


def test_a_method_that_an_operation_does_not_know_is_told_those_that_it_does(api: Api, order: str) -> None:
    refused = api.delete(order)
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert set(api.get("/Patient/$validate").headers.get("Allow", "").split(", ")) <= {"POST", ""}


def test_all_codes_of_a_system_are_looked_through_by_their_words(api: Api) -> None:
    place = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
    told = api.get(f"/ValueSet/$expand?url={place}?fhir_vs&filter=skilled").get_json()
    assert told["expansion"]["contains"] == [{"system": place, "code": "31", "display": "Skilled Nursing Facility"}]
    assert walk(told, "ValueSet") == []
    assert api.get("/ValueSet/$expand?url=http://nobody.example/codes&filter=knee").status_code == 404
    assert api.get("/ValueSet/$expand?filter=knee").status_code == 400


def test_a_question_about_eligibility_is_stored_and_answered_as_queued(api: Api) -> None:
    """No answer of ours confirms a card: the payer's own does."""
    asked = {
        "resourceType": "CoverageEligibilityRequest", "status": "active", "purpose": ["validation"],
        "patient": {"reference": "Patient/p-asked"}, "created": "2026-11-22", "servicedDate": "2026-12-01",
        "insurer": {"display": "Payer"},
    }  # fmt: skip
    api.put("/Patient/p-asked", {"resourceType": "Patient", "id": "p-asked"})
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": asked}]}
    for body in (asked, wrapped):
        answer = api.post("/CoverageEligibilityRequest/$submit", body)
        assert (answer.status_code, answer.json["outcome"]) == (200, "queued")
        assert "insurance" not in answer.json
        stored = api.get("/" + answer.json["request"]["reference"])
        assert (stored.status_code, stored.json["servicedDate"]) == (200, "2026-12-01")
    assert api.post("/CoverageEligibilityRequest/$submit", {"resourceType": "Claim"}).status_code == 400
