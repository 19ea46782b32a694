"""Bundles out: bytes joined."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.errors import Issue
from carecoord.fhir.bundle import Answer, Found, Version, history, responses, searchset
from carecoord.fhir.text import loads
from carecoord.fhir.validation.structure import walk

BASE = "https://here.example/fhir"
ANNA = Found("Patient", "p1", b'{"resourceType":"Patient","id":"p1"}')
WEIGHT = Found("Observation", "o1", b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":100.50}}')


def test_a_page_has_its_links_its_total_and_says_why_each_resource_is_there() -> None:
    links = {"self": f'{BASE}/Observation?code=a|b&_include="x"', "next": f"{BASE}/?page=abc"}
    data = searchset(BASE, [WEIGHT], [ANNA], links=links, total=41, updated=1_700_000_000_000_000)
    page = loads(data)
    assert (page["resourceType"], page["type"], page["total"]) == ("Bundle", "searchset", 41)
    assert page["meta"] == {"lastUpdated": "2023-11-14T22:13:20.000Z"}
    assert page["link"] == [{"relation": name, "url": url} for name, url in links.items()]
    assert [(entry["fullUrl"], entry["search"]) for entry in page["entry"]] == [
        (f"{BASE}/Observation/o1", {"mode": "match"}),
        (f"{BASE}/Patient/p1", {"mode": "include"}),
    ]
    assert page["entry"][0]["resource"]["valueQuantity"] == {"value": Decimal("100.50")}
    assert b"100.50" in data


def test_ignored_parameters_are_told_in_the_page() -> None:
    page = loads(
        searchset(BASE, [], links={"self": BASE}, total=0, warnings=[Issue("warning", "not-supported", "foo")])
    )
    assert page["entry"][0]["search"] == {"mode": "outcome"}
    assert page["entry"][0]["resource"]["issue"][0]["severity"] == "warning"
    assert page["total"] == 0


def test_an_empty_page_has_no_entries() -> None:
    assert "entry" not in loads(searchset(BASE, [], links={"self": BASE}, total=0))


def test_a_history_says_how_each_version_came_to_be() -> None:
    at = 1_700_000_000_123_000
    page = loads(
        history(
            BASE,
            [
                Version("Patient", "p1", 6, at, True, b"", "DELETE"),
                Version("Patient", "p1", 5, at, False, ANNA.body, "PATCH"),
                Version("Patient", "p1", 4, at, False, ANNA.body, "PUT"),
                Version("Patient", "p1", 3, at, True, b"", None),
                Version("Patient", "p1", 2, at, False, ANNA.body, None),
                Version("Patient", "p1", 1, at, False, ANNA.body, None),
                Version("Patient", "p2", 1, at, False, ANNA.body, "POST"),
                Version("Patient", "p3", 1, at, False, ANNA.body, "PUT"),
            ],
            links={"self": f"{BASE}/Patient/p1/_history"},
            total=8,
        )
    )
    assert walk(page, "Bundle") == []
    assert [(each["request"]["method"], each["request"]["url"]) for each in page["entry"]] == [
        ("DELETE", "Patient/p1"), ("PATCH", "Patient/p1"), ("PUT", "Patient/p1"),
        ("DELETE", "Patient/p1"), ("PUT", "Patient/p1"), ("POST", "Patient"),  # as likely, for it was not noted
        ("POST", "Patient"), ("PUT", "Patient/p3"),
    ]  # fmt: skip
    statuses = [entry["response"]["status"] for entry in page["entry"]]
    assert statuses == ["204", "200", "200", "204", "200", "201", "201", "201"]
    assert page["entry"][0]["response"] == {
        "status": "204",
        "etag": 'W/"6"',
        "lastModified": "2023-11-14T22:13:20.123Z",
    }
    assert "resource" not in page["entry"][0]
    assert page["entry"][1]["resource"] == {"resourceType": "Patient", "id": "p1"}


@pytest.mark.parametrize("kind", ["transaction-response", "batch-response"])
def test_answers_stand_in_the_order_of_the_requests(kind: str) -> None:
    answers = [
        Answer("201 Created", f"{BASE}/Patient/p1/_history/1", 1, 0, ANNA.body),
        Answer("204 No Content"),
        Answer("404 Not Found", issues=[Issue("error", "not-found", "No such patient.", "http.id")]),
    ]
    page = loads(responses(kind, answers))
    assert page["type"] == kind
    assert walk(page, "Bundle") == []
    first, second, third = page["entry"]
    assert first["resource"]["id"] == "p1"
    assert first["response"]["etag"] == 'W/"1"'
    assert first["response"]["lastModified"] == "1970-01-01T00:00:00.000Z"
    assert second == {"response": {"status": "204 No Content"}}
    assert third["response"]["outcome"]["issue"][0]["expression"] == ["http.id"]


def test_no_answers_are_an_empty_bundle() -> None:
    assert loads(responses("batch-response", [])) == {"resourceType": "Bundle", "type": "batch-response"}


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_any_address_is_written_as_json(url: str, id_: str) -> None:
    page = loads(searchset(BASE, [Found("Patient", id_, ANNA.body)], links={"self": url}))
    assert page["link"][0]["url"] == url
    assert page["entry"][0]["fullUrl"] == f"{BASE}/Patient/{id_}"
