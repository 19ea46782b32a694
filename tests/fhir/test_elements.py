"""Parts of a resource."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.errors import Invalid
from carecoord.fhir.elements import elements, summary
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.validate import issues
from tests.fhir.specimens import specimen

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"versionId": "3", "tag": [{"code": "mine"}]},
    "text": {"status": "generated", "div": "<div>x</div>"},
    "status": "final",
    "code": {"text": "x"},
    "valueQuantity": {"value": 5},
    "note": [{"text": "n"}],
    "component": [{"code": {"text": "c"}, "valueString": "v", "interpretation": [{"text": "high"}]}],
}


def kept(part: dict[str, Any]) -> set[str]:
    return set(part) - {"resourceType", "id", "meta"}


def test_elements_keeps_what_was_asked_for_and_what_must_be_there() -> None:
    assert kept(elements(OBSERVATION, ["note"])) == {"note", "status", "code"}
    assert kept(elements(OBSERVATION, ["value", "Observation.component"])) == {
        "valueQuantity",
        "component",
        "status",
        "code",
    }


def test_elements_refuses_a_name_that_the_type_does_not_have() -> None:
    with pytest.raises(Invalid, match="no element foo") as refusal:
        elements(OBSERVATION, ["foo", "note"])
    assert refusal.value.where == "http._elements"


def test_a_value_and_what_stands_beside_it_stay_together() -> None:
    person = {"resourceType": "Patient", "birthDate": "1970", "_birthDate": {"id": "x"}, "active": True}
    assert kept(elements(person, ["birthDate"])) == {"birthDate", "_birthDate", "active"}


def test_a_summary_is_cut_within_backbone_elements_too() -> None:
    part = summary(OBSERVATION, "true")
    assert kept(part) == {"status", "code", "valueQuantity", "component"}
    assert part["component"] == [{"code": {"text": "c"}, "valueString": "v"}]


def test_the_narrative_alone_or_all_but_the_narrative() -> None:
    assert kept(summary(OBSERVATION, "text")) == {"text", "status", "code"}
    assert kept(summary(OBSERVATION, "data")) == set(OBSERVATION) - {"resourceType", "id", "meta", "text"}
    assert summary(OBSERVATION, "false") == OBSERVATION


def test_a_part_is_marked_as_one_and_only_once() -> None:
    part = summary(elements(OBSERVATION, ["note"]), "data")
    assert [tag["code"] for tag in part["meta"]["tag"]] == ["mine", "SUBSETTED"]
    assert part["meta"]["versionId"] == "3"
    assert OBSERVATION["meta"]["tag"] == [{"code": "mine"}]


def test_it_refuses_an_unknown_mode() -> None:
    with pytest.raises(Invalid, match="_summary"):
        summary(OBSERVATION, "yes")


def test_of_an_element_whose_summary_would_be_its_id_alone_nothing_is_left() -> None:
    estimate = {"id": "a1", "unitOfMeasure": {"text": "per year"}}
    evidence = {"resourceType": "RiskEvidenceSynthesis", "id": "r", "status": "active", "riskEstimate": estimate}
    assert "riskEstimate" not in summary(evidence, "true")


@given(st.integers(0, 2**32).map(Random), st.sampled_from(sorted(TYPES)))
@settings(max_examples=200, deadline=None)
def test_a_part_of_a_valid_resource_is_valid(random: Random, type_: str) -> None:
    resource = specimen(random, type_, 0.5)
    for part in (
        summary(resource, "true"),
        summary(resource, "text"),
        summary(resource, "data"),
        elements(resource, []),
    ):
        assert [issue for issue in issues(part) if issue.code != "invariant"] == []
        assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
