"""The User-access Brands Bundle: public, cacheable, and valid. Numbers are requirements of SMART 2.2 (brands.html), as
spec/smart.md 1.9 lists what Inferno's suite smart_access_brands looks at."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from carecoord.app import wired
from carecoord.fhir.validation.validate import judge
from tests.auth.conftest import build_world
from tests.auth.place import NPI, Place

WHERE = "/brands.json"
CLINIC = {
    "resourceType": "Organization", "id": "clinic", "name": "Clinic", "alias": ["The Clinic"],
    "identifier": [
        {"system": NPI, "value": "1"}, {"system": "urn:oid:2.16.840.1.113883.4.4", "value": "12-3456789"},
    ],
    "telecom": [{"system": "phone", "value": "555-0100"}, {"system": "url", "value": "https://clinic.example"}],
    "address": [{"line": ["1 Main St"], "city": "Fairmont", "text": "c/o Dr. Private"}],
    "contact": [{"name": {"family": "Private"}}],
}  # fmt: skip


@pytest.fixture
def bare(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """The practice before anybody was let in."""
    shutil.copyfile(practice, tmp_path / "bare.db")
    world = build_world(tmp_path, "bare.db")
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


@pytest.fixture
def place(place: Place) -> Place:
    """Two people of the clinic, one of the other; somebody of nowhere, and one who may not sign in any more."""
    token = place.service("system/*.cruds")
    assert place.fhir(token, "PUT", "Organization/clinic", CLINIC).status_code == 200
    place.person("a", "coordinator")
    place.person("b", "coordinator")
    place.person("c", "coordinator", organization="other")
    place.person("d", "coordinator", organization="nowhere")
    return place


@pytest.fixture
def bundle(place: Place) -> dict[str, Any]:
    return dict(place.web.get(WHERE).get_json())


def of(bundle: dict[str, Any], type: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == type]


def test_brands_is_public_and_readable_by_browser_apps_of_any_origin(place: Place) -> None:
    answer = place.web.get(WHERE, headers={"Origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.content_type.startswith("application/fhir+json")


def test_brands_is_a_collection_with_a_timestamp(bundle: dict[str, Any]) -> None:
    assert bundle["type"] == "collection"
    assert bundle["timestamp"] == bundle["meta"]["lastUpdated"]
    assert [profile.rpartition("/")[2] for profile in bundle["meta"]["profile"]] == ["user-access-brands-bundle"]


def test_brands_has_a_weak_etag_and_is_not_sent_twice(place: Place) -> None:
    first = place.web.get(WHERE)
    assert first.headers["ETag"].startswith('W/"')
    again = place.web.get(WHERE, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert "max-age" in first.headers["Cache-Control"]
    place.fhir(place.service("system/*.cruds"), "PUT", "Organization/clinic", {**CLINIC, "name": "Clinic and Sons"})
    changed = place.web.get(WHERE, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_every_endpoint_that_a_brand_names_is_in_the_bundle(bundle: dict[str, Any], place: Place) -> None:
    names = {entry["fullUrl"].partition("/fhir/")[2] for entry in bundle["entry"]}
    (endpoint,) = of(bundle, "Endpoint")
    assert endpoint["address"] == place.world.settings.fhir_url
    assert endpoint["connectionType"]["code"] == "hl7-fhir-rest"
    for brand in of(bundle, "Organization"):
        assert {one["reference"] for one in brand["endpoint"]} <= names


def test_the_endpoint_of_a_portal_is_an_endpoint_of_its_brand_too(bundle: dict[str, Any]) -> None:
    for brand in of(bundle, "Organization"):
        (portal,) = brand["extension"]
        assert portal["url"] == "http://hl7.org/fhir/StructureDefinition/organization-portal"
        parts = {part["url"]: part for part in portal["extension"]}
        assert parts["portalUrl"]["valueUrl"] == "https://care.example"
        assert parts["portalEndpoint"]["valueReference"] in brand["endpoint"]


def test_the_brands_are_the_organizations_whose_people_sign_in_here_most_first(bundle: dict[str, Any]) -> None:
    assert [brand["id"] for brand in of(bundle, "Organization")] == ["clinic", "other"]


def test_the_servers_own_brand_is_told_by_discovery_and_is_one_of_the_bundle(
    place: Place, bundle: dict[str, Any]
) -> None:
    """S22@409, S22@410, S22@412, S22@430, S22@432: an identifier with system and value that exactly one brand has."""
    told = place.web.get("/fhir/.well-known/smart-configuration").get_json()
    assert told["user_access_brand_bundle"] == "https://care.example/brands.json"
    said = told["user_access_brand_identifier"]
    assert set(said) == {"system", "value"}
    assert [brand["id"] for brand in of(bundle, "Organization") if said in brand["identifier"]] == ["clinic"]


def test_nothing_of_an_organization_is_shown_but_name_place_and_national_number(place: Place) -> None:
    text = place.web.get(WHERE).text
    assert "Fairmont" in text
    assert "https://clinic.example" in text
    for secret in ("12-3456789", "Private", "555-0100"):
        assert secret not in text


def test_everything_in_it_is_valid_r4(bundle: dict[str, Any]) -> None:
    for entry in bundle["entry"]:
        judge(entry["resource"], entry["resource"]["resourceType"])
    assert Bundle.model_validate_json(json.dumps(bundle)).type == "collection"


def test_a_server_where_nobody_works_yet_has_no_brand_and_does_not_claim_one(bare: Place) -> None:
    told = bare.web.get("/fhir/.well-known/smart-configuration").get_json()
    assert "user_access_brand_bundle" not in told
    empty = bare.web.get(WHERE).get_json()
    assert "entry" not in empty
    assert Bundle.model_validate_json(json.dumps(empty)).type == "collection"
