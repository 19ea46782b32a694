"""CapabilityStatement: derived, valid, honest."""

from typing import Any

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from carecoord.fhir.capability import Abilities, statement
from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.structure import walk

BASE = "https://here.example/fhir"
ENDPOINTS = {"token": "https://here.example/auth/token", "authorize": "https://here.example/auth/authorize"}


def made(**abilities: Any) -> dict[str, Any]:
    return statement(BASE, version="0.1.0", date="2026-11-22", endpoints=ENDPOINTS, abilities=Abilities(**abilities))


def of(type_: str, **abilities: Any) -> dict[str, Any]:
    rows: list[dict[str, Any]] = made(**abilities)["rest"][0]["resource"]
    return next(row for row in rows if row["type"] == type_)


def test_it_is_valid_by_the_official_structure_and_by_the_model() -> None:
    whole = made(
        conditional_create=True,
        conditional_delete="single",
        patch_formats=("application/json-patch+json",),
        operations={"": [("export", "http://x.example/export")], "Patient": [("everything", "http://x.example/e")]},
    )
    plain = [name for name in whole["format"] if name != "json"]  # the short name is custom, and no MIME type
    assert walk({**whole, "format": plain}, "CapabilityStatement") == []
    CapabilityStatement.model_validate(whole)


def test_it_has_every_type_and_every_parameter_with_its_official_definition() -> None:
    rows = made()["rest"][0]["resource"]
    assert [row["type"] for row in rows] == list(TYPES)
    for row in rows:
        assert {param["name"]: param["definition"] for param in row["searchParam"]} == {
            code: param.url for code, param in params(row["type"]).items()
        }


def test_it_claims_nothing_conditional_unless_told() -> None:
    row = of("Patient")
    assert (row["conditionalCreate"], row["conditionalUpdate"], row["conditionalDelete"]) == (
        False,
        False,
        "not-supported",
    )
    assert row["conditionalRead"] == "not-supported"
    assert "patchFormat" not in made()
    assert of("Patient", conditional_create=True)["conditionalCreate"] is True


def test_it_lists_what_can_be_included_both_ways() -> None:
    row = of("Patient")
    assert "Patient:general-practitioner" in row["searchInclude"]
    assert {"ServiceRequest:subject", "Coverage:beneficiary", "Task:focus"} <= set(row["searchRevInclude"])
    assert "ServiceRequest:requester" not in of("Coverage")["searchRevInclude"]


def test_it_says_where_tokens_are_had() -> None:
    security = made()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    (extension,) = security["extension"]
    assert {part["url"]: part["valueUri"] for part in extension["extension"]} == ENDPOINTS


def test_an_unsupported_parameter_is_not_listed() -> None:
    names = {row["name"] for row in of("Location", unsupported=frozenset({("Location", "near")}))["searchParam"]}
    assert "near" not in names
    assert "name" in names


def test_an_operation_stands_with_its_type() -> None:
    row = of("ServiceRequest", operations={"ServiceRequest": [("clearance", "https://carecoord.example/fhir/c")]})
    assert row["operation"] == [{"name": "clearance", "definition": "https://carecoord.example/fhir/c"}]
    assert "operation" not in of("Patient")
