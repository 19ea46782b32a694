"""The judge: valid R4 passes, everything else is refused with a reason, and nothing makes it stumble."""

from contextlib import suppress
from datetime import UTC
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.errors import Invalid, Unprocessable
from carecoord.fhir.search.extract import extract
from carecoord.fhir.service_base import Base
from carecoord.fhir.text import dumps, loads
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.structure import DEEPEST
from carecoord.fhir.validation.validate import issues, judge, second_opinion
from tests.fhir.sources import davinci, synthea
from tests.fhir.specimens import harmed, mutant, specimen

ORDER = {
    "resourceType": "ServiceRequest",
    "id": "s1",
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
}


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def found(resource: Any) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.where) for issue in issues(resource)]


def test_it_lets_a_valid_order_pass() -> None:
    judge(ORDER, "ServiceRequest")


def test_it_refuses_a_bogus_status_code_and_names_good_ones() -> None:
    with pytest.raises(Unprocessable) as refusal:
        judge({**ORDER, "status": "bogus"}, "ServiceRequest")
    (issue,) = refusal.value.all_issues()
    assert (issue.severity, issue.code, issue.where) == ("error", "code-invalid", "ServiceRequest.status")
    assert "'bogus'" in issue.text
    assert "active, completed, draft" in issue.text


@pytest.mark.parametrize(
    ("resource", "code", "where"),
    [
        ({**ORDER, "status": None}, "code-invalid", "ServiceRequest.status"),
        ({k: v for k, v in ORDER.items() if k != "intent"}, "required", "ServiceRequest.intent"),
        ({**ORDER, "foo": 1}, "structure", "ServiceRequest.foo"),
        ({**ORDER, "subject": {"reference": "Patient/p1", "foo": 1}}, "structure", "ServiceRequest.subject.foo"),
        ({**ORDER, "subject": [{"reference": "Patient/p1"}]}, "structure", "ServiceRequest.subject"),
        ({**ORDER, "category": {"text": "x"}}, "structure", "ServiceRequest.category"),
        ({**ORDER, "category": []}, "structure", "ServiceRequest.category"),
        ({**ORDER, "category": [None]}, "structure", "ServiceRequest.category[0]"),
        ({**ORDER, "authoredOn": "2024-02-30"}, "value", "ServiceRequest.authoredOn"),
        ({**ORDER, "authoredOn": "2024-02-03T10:00:00"}, "value", "ServiceRequest.authoredOn"),
        ({**ORDER, "doNotPerform": "true"}, "value", "ServiceRequest.doNotPerform"),
        ({**ORDER, "id": "a_b"}, "value", "ServiceRequest.id"),
        ({**ORDER, "id": "a" * 65}, "value", "ServiceRequest.id"),
        ({**ORDER, "instantiatesUri": ["a b"]}, "value", "ServiceRequest.instantiatesUri[0]"),
        ({**ORDER, "quantityQuantity": {"value": "5"}}, "value", "ServiceRequest.quantity.value"),
        ({**ORDER, "quantityQuantity": {"value": 5, "comparator": "~"}}, "code-invalid",
         "ServiceRequest.quantity.comparator"),
        ({**ORDER, "quantityQuantity": {"value": 5}, "quantityRange": {"low": {"value": 5}}}, "structure",
         "ServiceRequest.quantity"),
        ({**ORDER, "note": [{"time": "2024-01-01"}]}, "required", "ServiceRequest.note[0].text"),
        ({**ORDER, "note": [{"text": ""}]}, "value", "ServiceRequest.note[0].text"),
        ({**ORDER, "note": [{"text": "a\0b"}]}, "value", "ServiceRequest.note[0].text"),
        ({**ORDER, "code": {}}, "structure", "ServiceRequest.code"),
        ({**ORDER, "code": {"id": "x"}}, "structure", "ServiceRequest.code"),
        ({**ORDER, "_code": {"extension": [{"url": "http://x"}]}}, "structure", "ServiceRequest._code"),
        ({**ORDER, "_id": {"extension": [{"url": "http://x"}]}}, "structure", "ServiceRequest._id"),
        ({**ORDER, "_status": {"foo": 1}}, "structure", "ServiceRequest.status.foo"),
        ({**ORDER, "extension": [{"valueString": "x"}]}, "required", "ServiceRequest.extension[0].url"),
        ({**ORDER, "extension": [{"url": "http://x", "valueFoo": 1}]}, "structure",
         "ServiceRequest.extension[0].valueFoo"),
        ({**ORDER, "text": {"status": "generated", "div": "plain"}}, "value", "ServiceRequest.text.div"),
        ({**ORDER, "contained": [{"resourceType": "Nonsense"}]}, "structure", "ServiceRequest.contained[0]"),
        ({**ORDER, "contained": [{"resourceType": "Patient", "gender": "x"}]}, "code-invalid",
         "ServiceRequest.contained[0].gender"),
        ({**ORDER, "contained": [{"resourceType": "Medication", "status": "x"}]}, "code-invalid",
         "ServiceRequest.contained[0].status"),
        ({**ORDER, "contained": [{"resourceType": "Patient", "contained": [{"resourceType": "Patient"}]}]}, "structure",
         "ServiceRequest.contained[0].contained[0]"),
        ({"resourceType": "Binary", "contentType": "pdf"}, "code-invalid", "Binary.contentType"),
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "YW="}, "value", "Binary.data"),
        ({"resourceType": "Binary", "contentType": "text/plain", "url": "http://x"}, "structure", "Binary.url"),
        (patient(meta={"project": "x"}), "structure", "Patient.meta.project"),
        (patient(multipleBirthInteger=True), "value", "Patient.multipleBirth"),
        (patient(multipleBirthInteger=Decimal("1.0")), "value", "Patient.multipleBirth"),
        (patient(name=[{"given": ["A", None]}]), "value", "Patient.name[0].given[1]"),
        (patient(name=[{"given": ["A"], "_given": []}]), "structure", "Patient.name[0].given"),
        (patient(communication=[{"preferred": True}]), "required", "Patient.communication[0].language"),
        ({"resourceType": "PlanDefinition", "status": "draft", "subjectCanonical": "http://x"}, "structure",
         "PlanDefinition.subjectCanonical"),
    ],
)  # fmt: skip
def test_it_refuses_and_says_where(resource: dict[str, Any], code: str, where: str) -> None:
    assert found(resource) == [(code, where)]


@pytest.mark.parametrize("status", [{"text": "active"}, {"coding": [{"code": "active"}]},
                                    {"coding": [{"system": "http://x", "code": "active"}]}])  # fmt: skip
def test_a_required_concept_needs_a_coding_from_its_value_set(status: dict[str, Any]) -> None:
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/p"}, "clinicalStatus": status}
    assert found(condition) == [("code-invalid", "Condition.clinicalStatus")]


def test_a_required_concept_may_have_other_codings_besides() -> None:
    official = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
    status = {"coding": [{"system": "http://x", "code": "aktiv"}, official]}
    assert not issues({"resourceType": "Condition", "subject": {"display": "x"}, "clinicalStatus": status})


@pytest.mark.parametrize(
    "resource",
    [
        {**ORDER, "extension": [{"url": "http://anything.example/goes", "valueMeta": {"tag": [{"code": "x"}]}}]},
        {**ORDER, "extension": [{"url": "http://a.example", "extension": [{"url": "inner", "valueInteger": 1}]}]},
        {k: v for k, v in ORDER.items() if k != "status"}
        | {"_status": {"extension": [{"url": "http://a.example/why", "valueCode": "unknown"}]}},
        patient(name=[{"given": ["A", None], "_given": [None, {"id": "x1", "extension": [{"url": "http://a",
                                                                                 "valueCode": "x"}]}]}]),
        patient(birthDate="1970", _birthDate={"extension": [{"url": "http://a", "valueDateTime": "1970-01-01"}]}),
        patient(contained=[{"resourceType": "Substance", "code": {"text": "x"}}]),
        patient(contained=[{"resourceType": "MedicinalProduct", "name": [{"productName": "x"}]}]),
        {"resourceType": "Claim", **{name: {"text": "x"} for name in ("type", "priority")}, "status": "active",
         "use": "preauthorization", "created": "2024-01-01", "patient": {"display": "x"}, "provider": {"display": "x"},
         "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}],
         "total": {"value": Decimal("100.50"), "currency": "USD"}},
        {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"},
         "patient": {"display": "x"}, "_occurrenceDateTime": {"extension": [{"url": "http://a", "valueCode": "x"}]}},
    ],
)  # fmt: skip
def test_it_lets_what_the_standard_allows_pass(resource: dict[str, Any]) -> None:
    assert issues(resource) == []


def test_it_lists_every_fault_at_once() -> None:
    assert found({**ORDER, "status": "x", "priority": "y", "foo": 1}) == [
        ("code-invalid", "ServiceRequest.status"),
        ("code-invalid", "ServiceRequest.priority"),
        ("structure", "ServiceRequest.foo"),
    ]


def test_a_resource_full_of_faults_gets_a_list_of_bearable_length() -> None:
    assert len(issues(patient(**{f"x{n}": n for n in range(5000)}))) == 100


@pytest.mark.parametrize(
    "resource",
    [None, 7, "x", [], {}, {"resourceType": None}, {"resourceType": ["Patient"]}, {"resourceType": "Nonsense"},
     {"resourceType": "Parameters"}, {"resourceType": "\ud800"}],
)  # fmt: skip
def test_it_refuses_what_is_no_resource_of_ours_as_malformed(resource: Any) -> None:
    with pytest.raises(Invalid):
        judge(resource)


def test_it_refuses_another_type_than_the_address_says() -> None:
    with pytest.raises(Invalid, match="takes a Patient, not a ServiceRequest"):
        judge(ORDER, "Patient")


def test_it_refuses_nesting_beyond_reason_without_falling_over() -> None:
    deep: dict[str, Any] = {"url": "http://a", "valueString": "x"}
    for _ in range(100_000):
        deep = {"url": "http://a", "extension": [deep]}
    (issue,) = issues(patient(extension=[deep]))
    assert issue.code == "too-long"
    assert str(DEEPEST) in issue.text


def test_it_bears_huge_values() -> None:
    assert found(patient(gender="x" * 10_000_000)) == [("code-invalid", "Patient.gender")]
    assert found(patient(multipleBirthInteger=10**100_000)) == [("value", "Patient.multipleBirth")]
    assert found(patient(name=[{"text": "x" * 1_048_577}])) == [("value", "Patient.name[0].text")]
    assert len(dumps({"text": issues(patient(**{"x" * 100_000: 1}))[0].text})) < 300
    assert found({"resourceType": "Binary", "contentType": "text/plain", "data": "YWJj\n \n" * 200_000 + "!"}) == [
        ("value", "Binary.data")
    ]


_randoms = st.integers(0, 2**32).map(Random)


@given(_randoms, st.sampled_from(sorted(TYPES)))
@settings(max_examples=300, deadline=None)
def test_whatever_follows_the_official_structure_is_valid_to_both_judges(random: Random, type_: str) -> None:
    resource = specimen(random, type_)
    assert [issue for issue in issues(resource) if issue.code != "invariant"] == second_opinion(resource) == []


def test_what_the_judge_lets_pass_the_models_of_another_hand_do_not_refuse() -> None:
    random, passed = Random(11), 0
    for n in range(600):
        whole = random.choice(davinci()) if n % 2 else specimen(random, random.choice(sorted(TYPES)), 0.3)
        changed = mutant(random, whole)
        if not issues(changed):
            passed += changed != whole
            assert second_opinion(changed) == [], changed
    assert passed > 100  # or it has shown nothing


@given(_randoms, st.sampled_from(sorted(TYPES)))
@settings(max_examples=1000, deadline=None)
def test_it_judges_any_harmed_resource_without_stumbling(random: Random, type_: str) -> None:
    resource = harmed(random, specimen(random, type_, 0.1))
    try:
        judge(resource, type_)
    except (Invalid, Unprocessable) as refusal:
        dumps({"issues": [[issue.text, issue.where] for issue in refusal.all_issues()]})
    if isinstance(resource, dict) and resource.get("resourceType") == type_:
        extract(resource, Base("http://here.example/fhir", UTC))


_any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.sampled_from([*sorted(TYPES), None, "Nonsense"]), st.dictionaries(st.text(), _any_json, max_size=4) | _any_json
)
@settings(max_examples=200, deadline=None)
def test_it_judges_any_json_at_all(type_: str | None, body: Any) -> None:
    resource = {**body, "resourceType": type_} if isinstance(body, dict) else body
    with suppress(Invalid, Unprocessable):
        judge(resource, type_)


def test_a_valid_resource_keeps_its_bytes() -> None:
    data = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":100.50}}'
    resource = loads(data)
    judge(resource)
    assert dumps(resource) == data


def test_every_synthea_resource_is_valid() -> None:
    for resource in synthea():
        assert issues(resource) == []


def test_every_prior_authorization_example_is_valid() -> None:
    for resource in davinci():
        assert issues(resource) == []
