"""Index rows by the official parameters."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.errors import NotFound
from carecoord.fhir.instants import EVER, FOREVER, span
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.extract import Index, clip, extract, refers
from carecoord.fhir.search.params import key, params
from carecoord.fhir.search.values import LONGEST
from carecoord.fhir.search.writers import LARGEST
from carecoord.fhir.service_base import Base
from carecoord.fhir.types import TYPES
from tests.fhir.sources import synthea

BASE = "https://here.example/fhir"
HERE = Base(BASE, UTC)


def rows(table: str, code: str, resource: dict[str, Any]) -> set[tuple[Any, ...]]:
    number = key(resource["resourceType"], code)
    return {row[1:] for row in getattr(extract(resource, HERE), table) if row[0] == number}


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p1", **elements}


def observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", **elements}


def test_a_name_is_found_by_each_of_its_parts_without_case_or_accent() -> None:
    given_ = patient(name=[{"family": "Okâfor", "given": ["Ngozi", "Ada"], "text": "Ngozi  OKAFOR"}])
    expected = {("okafor", "Okâfor"), ("ngozi", "Ngozi"), ("ada", "Ada"), ("ngozi okafor", "Ngozi  OKAFOR")}
    assert rows("string", "name", given_) == expected
    assert rows("string", "family", given_) == {("okafor", "Okâfor")}


def test_a_phone_is_told_from_an_e_mail() -> None:
    telecom = [{"system": "phone", "value": "555-0100"}, {"system": "email", "value": "n@mail.example"}]
    assert rows("token", "phone", patient(telecom=telecom)) == {("555-0100", "")}
    assert rows("token", "email", patient(telecom=telecom)) == {("n@mail.example", "")}
    assert rows("token", "telecom", patient(telecom=telecom)) == {("555-0100", ""), ("n@mail.example", "")}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [({}, "false"), ({"deceasedBoolean": False}, "false"), ({"deceasedBoolean": True}, "true"),
     ({"deceasedDateTime": "2020"}, "true")],
)  # fmt: skip
def test_everybody_is_deceased_or_not(elements: dict[str, Any], expected: str) -> None:
    assert rows("token", "deceased", patient(**elements)) == {(expected, "")}


def test_a_token_has_its_system_and_its_words() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body Height"}], "text": "Größe"}
    assert rows("token", "code", observation(code=code)) == {("8302-2", "http://loinc.org")}
    assert rows("string", "code:text", observation(code=code)) == {("body height", "Body Height"), ("grosse", "Größe")}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/p1", ("p1", "Patient", "")),
        (f"{BASE}/Patient/p1", ("p1", "Patient", "")),
        ("Patient/p1/_history/3", ("p1", "Patient", "")),
        ("http://there.example/fhir/Patient/p1", ("", "", "http://there.example/fhir/Patient/p1")),
        ("http://there.example/fhir/Patient/p1/_history/2", ("", "", "http://there.example/fhir/Patient/p1")),
        ("urn:uuid:b4b1f2c0-0000-4000-8000-000000000000", ("", "", "urn:uuid:b4b1f2c0-0000-4000-8000-000000000000")),
        ("Practitioner?identifier=1", ("", "", "Practitioner?identifier=1")),
    ],
)
def test_a_reference_is_local_or_a_url(reference: str, expected: tuple[str, str, str]) -> None:
    assert rows("reference", "subject", observation(subject={"reference": reference})) == {expected}


def test_a_contained_reference_is_not_indexed_and_its_identifier_is() -> None:
    subject = {"reference": "#p", "identifier": {"system": "urn:mrn", "value": "77"}}
    assert rows("reference", "subject", observation(subject=subject)) == set()
    assert rows("token", "subject:identifier", observation(subject=subject)) == {("77", "urn:mrn")}


def test_a_canonical_is_found_with_and_without_its_version() -> None:
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "http://forms.example/q|2"}
    assert rows("reference", "questionnaire", response) == {
        ("", "", "http://forms.example/q|2"),
        ("", "", "http://forms.example/q"),
    }
    assert rows("uri", "_profile", patient(meta={"profile": ["http://a.example/p|1"]})) == {
        ("http://a.example/p|1",),
        ("http://a.example/p",),
    }


def test_only_a_patient_counts_as_the_patient() -> None:
    task = {"resourceType": "Task", "for": {"reference": "Group/g"}, "focus": {"reference": "ServiceRequest/s"}}
    assert rows("reference", "patient", task) == set()
    assert rows("reference", "subject", task) == {("g", "Group", "")}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"effectiveDateTime": "2024-02"}, span("2024-02", UTC)),
        ({"effectivePeriod": {"start": "2024-01-01"}}, (span("2024-01-01", UTC)[0], FOREVER)),
        ({"effectivePeriod": {"end": "2024-01-01"}}, (EVER, span("2024-01-01", UTC)[1])),
        ({"effectiveTiming": {"event": ["2024-01-05", "2024-01-02"]}},
         (span("2024-01-02", UTC)[0], span("2024-01-05", UTC)[1])),
        ({"effectiveTiming": {"repeat": {"boundsPeriod": {"start": "2024-01-01", "end": "2024-01-02"}}}},
         (span("2024-01-01", UTC)[0], span("2024-01-02", UTC)[1])),
        ({"effectiveInstant": "2024-01-01T00:00:00.5Z"}, span("2024-01-01T00:00:00.5Z", UTC)),
    ],
)  # fmt: skip
def test_a_date_is_the_range_it_names(elements: dict[str, Any], expected: tuple[int, int]) -> None:
    assert rows("date", "date", observation(**elements)) == {expected}


@pytest.mark.parametrize("elements", [{"effectiveDateTime": "soon"}, {"effectivePeriod": {}}, {"effectiveTiming": {}}])
def test_a_date_that_says_nothing_is_not_indexed(elements: dict[str, Any]) -> None:
    assert rows("date", "date", observation(**elements)) == set()


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ({"value": Decimal("5.40"), "unit": "mg", "system": "u", "code": "mg"}, {(5.4, 5.4, "mg", "u")}),
        ({"value": 5, "unit": "milligram", "code": "mg"}, {(5.0, 5.0, "mg", ""), (5.0, 5.0, "milligram", "")}),
        ({"value": 5, "comparator": "<"}, {(-LARGEST, 5.0, "", "")}),
        ({"value": 5, "comparator": ">="}, {(5.0, LARGEST, "", "")}),
        ({"value": Decimal("1E+400")}, {(LARGEST, LARGEST, "", "")}),
        ({"value": 10**400}, {(LARGEST, LARGEST, "", "")}),
        ({"value": -(10**400)}, {(-LARGEST, -LARGEST, "", "")}),
        ({"value": Decimal("NaN")}, set()),
        ({"value": Decimal("sNaN")}, set()),
        ({"value": True}, set()),
        ({"unit": "mg"}, set()),
    ],
)
def test_a_quantity_is_a_range_with_its_unit(quantity: dict[str, Any], expected: set[tuple[Any, ...]]) -> None:
    assert rows("number", "value-quantity", observation(valueQuantity=quantity)) == expected


def test_a_range_without_an_end_is_open() -> None:
    condition = {"resourceType": "Condition", "onsetRange": {"low": {"value": 40, "code": "a"}}}
    assert rows("number", "onset-age", condition) == {(40.0, LARGEST, "a", "")}


def test_a_composite_pairs_values_of_the_same_element_only() -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        return {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value, "code": "mm"}}

    pressure = observation(code={"coding": [{"code": "bp"}]}, component=[part("sys", 120), part("dia", 80)])
    expected = {("sys", "", "mm", "", 120.0, 120.0), ("dia", "", "mm", "", 80.0, 80.0)}
    assert rows("pair", "component-code-value-quantity", pressure) == expected
    assert rows("pair", "combo-code-value-quantity", pressure) == expected
    assert rows("pair", "code-value-quantity", pressure) == set()


def test_composites_pair_dates_strings_tokens_and_references() -> None:
    code = {"coding": [{"system": "s", "code": "c"}]}
    low, high = span("2024", UTC)
    dated = observation(code=code, valueDateTime="2024")
    assert rows("pair", "code-value-date", dated) == {("c", "s", "", "", float(low), float(high))}
    assert rows("pair", "code-value-string", observation(code=code, valueString="Äther")) == {
        ("c", "s", "ather", "", 0.0, 0.0)
    }
    document = {
        "resourceType": "DocumentReference",
        "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/d"}}],
    }
    assert rows("pair", "relationship", document) == {("DocumentReference/d", "", "replaces", "", 0.0, 0.0)}


def test_a_place_is_indexed_by_latitude_and_longitude() -> None:
    place = {"resourceType": "Location", "position": {"latitude": Decimal("42.1"), "longitude": Decimal("-71.2")}}
    assert rows("pair", "near", place) == {("", "", "", "", 42.1, -71.2)}


def test_a_where_in_the_middle_of_a_path_holds() -> None:
    related = [{"type": "derived-from", "resource": "http://a.example/1"}, {"type": "citation", "resource": "http://b"}]
    plan = {"resourceType": "PlanDefinition", "relatedArtifact": related}
    assert rows("reference", "derived-from", plan) == {("", "", "http://a.example/1")}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Patient", "id": "p1"}, "p1"),
        ({"resourceType": "Patient"}, None),
        ({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/a"}, "payor": [{"reference": "Patient/b"}]},
         "a"),
        ({"resourceType": "Task", "for": {"reference": "Patient/a"}, "requester": {"reference": "Patient/b"}}, "a"),
        ({"resourceType": "Appointment", "participant": [{"actor": {"reference": "Patient/a"}},
                                                         {"actor": {"reference": "Practitioner/x"}}]}, "a"),
        ({"resourceType": "Appointment", "participant": [{"actor": {"reference": "Patient/a"}},
                                                         {"actor": {"reference": "Patient/b"}}]}, None),
        ({"resourceType": "Communication", "recipient": [{"reference": "Patient/a"}]}, "a"),
        ({"resourceType": "Observation", "subject": {"reference": f"{BASE}/Patient/a"},
          "performer": [{"reference": "Patient/b"}]}, "a"),
        ({"resourceType": "Observation", "subject": {"reference": "http://there.example/Patient/a"}}, None),
        ({"resourceType": "Organization", "id": "o"}, None),
    ],
)  # fmt: skip
def test_it_knows_the_one_patient_a_resource_is_about(resource: dict[str, Any], expected: str | None) -> None:
    assert extract(resource, HERE).patient == expected


@pytest.mark.parametrize("type_", [None, 7, ["Patient"], "Parameters", "Nonsense", ""])
def test_it_refuses_a_type_that_is_not_ours(type_: Any) -> None:
    with pytest.raises(NotFound):
        extract({"resourceType": type_}, HERE)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(min_size=1), st.text())
def test_folding_forgets_spaces_around_and_between(text: str, more: str) -> None:
    assert fold(f"  {text} \t {more}\n") == fold(f"{text} {more}")


@given(st.text(max_size=600), st.text(max_size=600))
def test_clipping_is_short_and_keeps_texts_apart(one: str, other: str) -> None:
    assert len(clip(one).encode()) <= LONGEST
    assert clip(clip(one)) == clip(one)
    if one.replace("\0", "") != other.replace("\0", ""):
        assert clip(one) != clip(other)


def test_a_clipped_text_keeps_its_beginning() -> None:
    assert clip("ab" * 1000).startswith("ab" * 200)
    assert clip("ab" * 1000) != clip("ab" * 1001)


@given(st.text(max_size=80))
def test_any_text_is_a_reference_of_ours_or_not(text: str) -> None:
    found = refers(text, BASE + "/")
    if found:
        assert f"{found[0]}/{found[1]}" in text


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["reference", "identifier", "coding", "code", "system", "value", "start", "end",
                                       "event", "repeat", "boundsPeriod", "low", "high", "type", "unit", "actor",
                                       "text", "family", "position", "latitude", "resource"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(st.data(), st.sampled_from(sorted(TYPES)))
def test_any_json_is_indexed_or_passed_over(data: st.DataObject, type_: str) -> None:
    names = sorted({path.steps[0] for param in params(type_).values() for path in param.paths if path.steps})
    resource = data.draw(st.dictionaries(st.sampled_from(names), _values, max_size=6))
    index = extract({**resource, "resourceType": type_}, HERE)
    assert all(isinstance(row[0], int) for row in index.token + index.reference)


def test_every_synthea_resource_is_indexed_and_every_row_is_of_its_type() -> None:
    for resource in synthea():
        index = extract(resource, HERE)
        assert isinstance(index, Index)
        assert index.token
        for table in (index.token, index.string, index.date, index.number, index.reference, index.uri, index.pair):
            assert len(table) == len(set(table))
