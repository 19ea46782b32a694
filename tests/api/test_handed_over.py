"""What unchanged programs stumbled over on 28 Nov 2026, asked as they asked it, each with the clause that says what is
right. Fixtures, loads and token requests of the same list are tried in tests/adapters, test_loading and tests/auth."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Api, patient

Step = tuple[Any, ...]  # method, path, body, headers
Right = Callable[[list[TestResponse]], bool]
JSON3 = "application/fhir+json;fhirVersion=3.0"
GZIP = {"Content-Encoding": "gzip"}
VISIT = {
    "resourceType": "Appointment", "id": "v", "status": "booked", "start": "2027-03-02T20:00:00-05:00",
    "end": "2027-03-02T20:30:00-05:00", "participant": [{"actor": {"reference": "Patient/x"}, "status": "accepted"}],
}  # fmt: skip
X = patient(id="x", identifier=[{"system": "http://z", "value": "1"}])
WITHOUT_ID = {name: value for name, value in X.items() if name != "id"}
TWINS = {
    "resourceType": "Bundle", "type": "transaction",
    "entry": [{"fullUrl": "urn:uuid:4b1d2c0e-55a5-4d8c-9f6e-0f3c5b7f2a11", "resource": patient(),
               "request": {"method": "POST", "url": "Patient"}}] * 2,
}  # fmt: skip
UNLESS_NEW = {
    "resourceType": "Bundle", "type": "batch",
    "entry": [{"request": {"method": "GET", "url": "Patient/x", "ifNoneMatch": 'W/"1"'}}],
}  # fmt: skip
SUBSCRIPTION = {
    "resourceType": "Subscription", "status": "requested", "reason": "r", "criteria": "Patient?",
    "channel": {"type": "rest-hook", "endpoint": "https://x.example"},
}  # fmt: skip
FAR = {
    "resourceType": "Provenance", "id": "far", "target": [{"reference": "MolecularSequence/example"}],
    "recorded": "2026-11-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/1"}}],
}  # fmt: skip


def total(answer: TestResponse) -> int:
    return int(json.loads(answer.get_data())["total"])


def status(*numbers: int) -> Right:
    return lambda answers: answers[-1].status_code in numbers


def first(answer: TestResponse) -> Any:
    return json.loads(answer.get_data())["entry"][0]


CASES: dict[str, tuple[list[Step], Right]] = {
    "search.html#token: a code element has the implicit system of its value set": (
        [("PUT", "/Patient/x", {**X, "gender": "male"}),
         ("GET", "/Patient?gender=http://hl7.org/fhir/administrative-gender|male")],
        lambda answers: total(answers[1]) == 1),
    "http.html#ccreate: a request is not half obeyed": (
        [("POST", "/Patient?identifier=http://z|1", WITHOUT_ID), ("POST", "/Patient?identifier=http://z|1", WITHOUT_ID),
         ("GET", "/Patient?identifier=http://z|1")],
        lambda answers: total(answers[2]) < 2),
    "bdl-7: a fullUrl stands once": ([("POST", "/", TWINS)], status(400)),
    "3.1.1.3: empty parameters are ignored": ([("PUT", "/Patient/x", X), ("GET", "/Patient?family=")],
                                              lambda answers: total(answers[1]) == 1),
    "search.html#count: a page may be shorter": ([("GET", "/Patient?_count=2147483647")], status(200)),
    "search.html#date: a day is one of the server's zone": (
        [("PUT", "/Appointment/v", VISIT), ("GET", "/Appointment?date=2027-03-02")],
        lambda answers: answers[0].status_code == 201 and total(answers[1]) == 1),
    "search.html#elements: resourceType may be named": ([("GET", "/Patient?_elements=name,id,resourceType")],
                                                        status(200)),
    "http.html#update: 200 tells the version's address": (
        [("PUT", "/Patient/x", X), ("PUT", "/Patient/x", {**X, "gender": "female"})],
        lambda answers: "/Patient/x/_history/2" in str(answers[1].headers)),
    "http.html#ccreate: a match tells its address": (
        [("PUT", "/Patient/x", X), ("POST", "/Patient", WITHOUT_ID, {"If-None-Exist": "identifier=http://z|1"})],
        lambda answers: answers[1].status_code == 200 and "/Patient/x/_history/1" in str(answers[1].headers)),
    "http.html#history: the first version was a POST": (
        [("POST", "/Patient", patient()), ("GET", "/Patient/_history")],
        lambda answers: first(answers[1])["request"]["method"] == "POST"),
    "Bundle.entry.request.ifNoneMatch: 304": (
        [("PUT", "/Patient/x", X), ("POST", "/", UNLESS_NEW)],
        lambda answers: first(answers[1])["response"]["status"].startswith("304")),
    "binary.html#rest: raw bytes": (
        [("PUT", "/Binary/b", b"plain", {"Content-Type": "text/plain"}),
         ("GET", "/Binary/b", None, {"Accept": "text/plain"})],
        lambda answers: (answers[1].status_code, answers[1].get_data()) == (200, b"plain")),
    "http.html#version-parameter: another version is not acceptable": (
        [("PUT", "/Patient/x", X), ("GET", "/Patient/x", None, {"Accept": JSON3})], status(406)),
    "http.html#version-parameter: nor is it taken": ([("POST", "/Patient", patient(), {"Content-Type": JSON3})],
                                                     status(415)),
    "subscription.html: what would never be sent is refused": ([("POST", "/Subscription", SUBSCRIPTION)],
                                                               status(422)),
    "Provenance.target is Reference(Any)": (
        [("PUT", "/Provenance/far", FAR), ("GET", "/Provenance?target=MolecularSequence/example")],
        lambda answers: answers[0].status_code == 201 and total(answers[1]) == 1),
    "search.html#string: contains, however far behind": (
        [("PUT", "/Patient/x", {**X, "address": [{"city": "x" * 600 + " needle"}]}),
         ("GET", "/Patient?address-city:contains=needle")],
        lambda answers: total(answers[1]) == 1),
    "search.html#string: long texts differ behind their beginning": (
        [("PUT", "/Patient/x", {**X, "name": [{"family": "A" * 450 + "B"}]}),
         ("GET", f"/Patient?family={'A' * 449}C")],
        lambda answers: total(answers[1]) == 0),
    "RFC 9110 15.5.16: an encoding that is not read": (
        [("POST", "/Patient", gzip.compress(json.dumps(patient()).encode()), GZIP)], status(415)),
    "each entry has a fullUrl, a warning too": (
        [("PUT", "/Patient/x", X), ("GET", "/Patient?foo=1", None, {"Prefer": "handling=lenient"})],
        lambda answers: all(each.get("fullUrl") for each in json.loads(answers[1].get_data())["entry"])),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_as_the_clause_says(api: Api, case: str) -> None:
    steps, right = CASES[case]
    answers = []
    for method, path, *more in steps:
        body, headers = (*more, None, None)[:2]
        named = {name.replace("-", "_"): said for name, said in (headers or {}).items()}
        answers.append(api(method, path, body, **named))
    assert right(answers), [(each.status_code, each.get_data()[:500]) for each in answers]
