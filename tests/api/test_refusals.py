"""Bad input held to the standard: each refusal is a clear OperationOutcome, and nothing is half-written."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Api, issues, patient, referral

Rows = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _nothing_is_written(request: pytest.FixtureRequest, api: Api, rows: Rows) -> Any:
    """Each test here refuses something: what it did not create beforehand, under `setup`, must not be there after."""
    api.put("/Patient/p", patient(id="p"))
    api.put("/Patient/gone", patient(id="gone"))
    api.delete("/Patient/gone")
    before = rows()
    yield
    assert rows() == before


def refused(answer: TestResponse, status: int, code: str, expression: str | None = None) -> dict[str, Any]:
    first = issues(answer)[0]
    assert (answer.status_code, first["code"]) == (status, code)
    assert first["severity"] in ("error", "fatal")
    if expression:
        assert first["expression"] == [expression]
    return first


def test_it_refuses_wrong_json(api: Api) -> None:
    told = refused(api.post("/Patient", b'{"resourceType":"Patient",'), 400, "invalid")
    assert "JSON" in told["diagnostics"]
    refused(api.post("/Patient", b""), 400, "invalid")
    refused(api.post("/Patient", b"[]"), 400, "invalid")
    refused(api.post("/Patient", b'{"resourceType":"Patient","active":true,"active":false}'), 400, "invalid")
    refused(api.post("/Patient", b'{"resourceType":"Patient","active":NaN}'), 400, "invalid")


def test_it_refuses_the_wrong_type_of_a_value(api: Api) -> None:
    refused(api.post("/Patient", {"resourceType": "Patient", "active": "yes"}), 422, "value", "Patient.active")
    refused(api.post("/Patient", {"resourceType": "Patient", "name": "Okafor"}), 422, "structure", "Patient.name")
    born = {"resourceType": "Patient", "birthDate": "1980-02-30"}
    refused(api.post("/Patient", born), 422, "value", "Patient.birthDate")


def test_it_refuses_an_unknown_element(api: Api) -> None:
    refused(api.post("/Patient", patient(nickname="Ngo")), 422, "structure", "Patient.nickname")


def test_it_refuses_an_unknown_resource_type(api: Api) -> None:
    refused(api.post("/Nonsense", {"resourceType": "Nonsense"}), 404, "not-found")
    refused(api.get("/Nonsense/1"), 404, "not-found")
    refused(api.get("/Nonsense?x=y"), 404, "not-found")
    refused(api.post("/Patient", {"resourceType": "Nonsense"}), 400, "not-supported", "resourceType")


def test_it_refuses_an_unknown_parameter(api: Api) -> None:
    strict = {"Prefer": "handling=strict"}
    refused(api.get("/Patient?shoe-size=42", **strict), 400, "invalid", "http.shoe-size")
    refused(api.get("/Patient?birthdate=tomorrow"), 400, "invalid", "http.birthdate")
    refused(api.get("/Patient?_sort=shoe-size", **strict), 400, "invalid", "http._sort")
    refused(api.get("/Patient?_count=many"), 400, "invalid", "http._count")


def test_it_ignores_an_unknown_parameter_with_a_warning_when_asked_to_be_lenient(api: Api) -> None:
    found = api.get("/Patient?shoe-size=42&active=true", Prefer="handling=lenient")
    assert found.status_code == 200
    *matches, told = found.get_json()["entry"]
    assert [entry["resource"]["id"] for entry in matches] == ["p"]
    assert told["search"]["mode"] == "outcome"
    assert told["resource"]["issue"][0]["severity"] == "warning"
    assert told["resource"]["issue"][0]["expression"] == ["http.shoe-size"]
    assert "shoe-size" not in found.get_json()["link"][0]["url"]
    refused(api.get("/Patient?shoe-size=42", Prefer="handling=strict"), 400, "invalid", "http.shoe-size")


def test_it_refuses_a_missing_required_element(api: Api) -> None:
    order = referral("Patient/p")
    del order["intent"]
    refused(api.post("/ServiceRequest", order), 422, "required", "ServiceRequest.intent")


def test_it_refuses_a_bogus_status_code(api: Api) -> None:
    bogus = referral("Patient/p", status="bogus")
    refused(api.post("/ServiceRequest", bogus), 422, "code-invalid", "ServiceRequest.status")
    refused(api.put("/Patient/p", patient(id="p", gender="f")), 422, "code-invalid", "Patient.gender")


def test_it_lists_every_issue_at_once(api: Api) -> None:
    wrong = patient(gender="f", nickname="x", birthDate="never")
    found = {issue["expression"][0] for issue in issues(api.post("/Patient", wrong))}
    assert found == {"Patient.gender", "Patient.nickname", "Patient.birthDate"}


def test_it_refuses_a_stale_if_match(api: Api) -> None:
    answer = api.put("/Patient/p", patient(id="p", active=False), If_Match='W/"9"')
    refused(answer, 412, "conflict", "http.If-Match")
    refused(api.put("/Patient/new", patient(id="new"), If_Match='W/"1"'), 412, "conflict", "http.If-Match")


def test_it_says_gone_of_what_was_deleted(api: Api) -> None:
    refused(api.get("/Patient/gone"), 410, "deleted")
    refused(api.get("/Patient/gone/_history/2"), 410, "deleted")


def test_it_does_not_find_an_unknown_id(api: Api) -> None:
    refused(api.get("/Patient/nobody"), 404, "not-found")
    refused(api.get("/Patient/no%00body"), 404, "not-found")
    refused(api.get("/Patient/" + "x" * 65), 404, "not-found")
    refused(api.get("/Patient/nobody/_history"), 404, "not-found")
    refused(api.get("/Patient/p/_history/99"), 404, "not-found")


def test_it_refuses_an_oversized_body(api: Api) -> None:
    large = patient(name=[{"text": "x" * 250_000}])
    refused(api.post("/Patient", large), 413, "too-long")


def test_it_refuses_whoever_has_no_token(api: Api, client: Callable[..., Api]) -> None:
    for token in (None, "", "wrong", "x" * 600):
        nobody = Api(api.http, token)
        for answer in (
            nobody.get("/Patient/p"),
            nobody.get("/Patient"),
            nobody.post("/Patient", patient()),
            nobody.post("/Patient/_search", b""),
            nobody.post("", {"resourceType": "Bundle", "type": "batch"}),
            nobody.get("/Patient/p/_history"),
            nobody.delete("/Patient/p"),
        ):
            refused(answer, 401, "login", "http.Authorization")
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="fhir"')
    refused(client(life=-1).get("/Patient/p"), 401, "login")
    refused(api.get("/Patient/p", Authorization="Basic dGVzdDp0ZXN0"), 401, "login")


def test_it_reads_no_token_from_the_address(api: Api) -> None:
    nobody = Api(api.http, None)
    refused(nobody.get(f"/Patient/p?access_token={api.token}"), 401, "login")


def test_it_refuses_too_little_scope(client: Callable[..., Api]) -> None:
    reader = client("system/Patient.rs")
    assert reader.get("/Patient/p").status_code == 200
    refused(reader.put("/Patient/p", patient(id="p")), 403, "forbidden")
    refused(reader.post("/Patient", patient()), 403, "forbidden")
    refused(reader.delete("/Patient/p"), 403, "forbidden")
    refused(reader.get("/Observation"), 403, "forbidden")
    refused(reader.get("/Observation/x"), 403, "forbidden")
    refused(client("system/Patient.r").get("/Patient"), 403, "forbidden")
    refused(client("openid").get("/Patient/p"), 403, "forbidden")


def test_it_refuses_other_media_types_and_says_which_it_takes(api: Api) -> None:
    xml = "application/fhir+xml"
    told = refused(api.post("/Patient", b"<Patient/>", Content_Type=xml), 415, "not-supported", "http.Content-Type")
    assert "XML" in told["diagnostics"]
    refused(api.post("/Patient", b"{}", Content_Type="text/plain"), 415, "not-supported")
    latin = "application/fhir+json; charset=iso-8859-1"
    refused(api.post("/Patient", patient(), Content_Type=latin), 415, "not-supported")
    refused(api.get("/Patient/p", Accept=xml), 406, "not-supported", "http.Accept")
    refused(api.get("/Patient/p?_format=xml"), 406, "not-supported", "http._format")
    refused(api.get("/Patient/p?_format=application/fhir%2Bxml"), 406, "not-supported")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+xml;q=0.5, application/json",
    ],
)
def test_it_takes_every_way_to_ask_for_json(api: Api, accept: str) -> None:
    assert api.get("/Patient/p", Accept=accept).status_code == 200


@pytest.mark.parametrize("asked", ["json", "application/fhir+json", "application/fhir%2Bjson", "application/json"])
def test_it_takes_every_format_that_means_json(api: Api, asked: str) -> None:
    assert api.get(f"/Patient/p?_format={asked}", Accept="application/fhir+xml").status_code == 200
    assert api.get(f"/Patient?_format={asked}").status_code == 200


def test_it_refuses_methods_and_addresses_that_are_not_there(api: Api) -> None:
    answer = api.post("/Patient/p", patient())
    refused(answer, 405, "not-supported")
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "PUT", "PATCH", "DELETE"}
    refused(api.get("/Patient/p/$nonsense"), 404, "not-found")
    refused(api.get("/Patient/p/x/y/z"), 404, "not-found")
    refused(api.get("?name=x", Prefer="handling=strict"), 400, "invalid")


def test_it_shows_an_html_page_to_people_elsewhere(api: Api) -> None:
    answer = api.http.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert b"Not found" in answer.get_data()


def test_it_shows_of_an_unknown_error_nothing_but_the_id_of_the_request(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Okafor, Ngozi")

    monkeypatch.setattr("carecoord.store.access.glances.see", fail)
    answer = api.get("/Patient/p", X_Request_Id="req-7")
    refused(answer, 500, "exception")
    assert answer.headers["X-Request-Id"] == "req-7"
    assert b"req-7" in answer.get_data()
    assert b"Okafor" not in answer.get_data()
    assert "Okafor" not in "".join(capsys.readouterr())
