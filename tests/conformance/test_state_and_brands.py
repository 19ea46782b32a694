"""Section 1.9: what apps keep here, and the brands that are shown to everybody."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Launch
from .serving import Site

ORIGIN = "https://app.example"


def test_smart_1_9_1_s22_371_app_state_is_kept_by_version(site: Site, fresh: Callable[..., Launch]) -> None:
    got = fresh("public", "openid fhirUser launch/patient patient/Patient.rs user/Basic.cruds")
    told = site.get("/fhir/.well-known/smart-configuration").json()
    assert "smart-app-state" in told["capabilities"]
    base = told["smart_app_state_endpoint"]
    headers = {"Authorization": f"Bearer {got.token}", "Content-Type": "application/fhir+json"}
    state: dict[str, Any] = {
        "resourceType": "Basic", "code": {"coding": [{"system": ORIGIN, "code": "display-preferences"}]},
        "subject": {"reference": f"{site.fhir}/Practitioner/mina"},
        "extension": [{"url": f"{ORIGIN}/theme", "valueString": "dark"}],
    }  # fmt: skip
    made = site.post(f"{base}/Basic", json=state, headers=headers)
    assert made.status_code == 201, made.text
    where, tag = f"{base}/Basic/{made.json()['id']}", made.headers["ETag"]
    changed = {**made.json(), "extension": [{"url": f"{ORIGIN}/theme", "valueString": "light"}]}
    stale = site.ask("PUT", where, json=changed, headers={**headers, "If-Match": 'W/"99"'})
    assert stale.status_code == 412
    assert site.ask("PUT", where, json=changed, headers=headers).status_code == 412  # no version named
    good = site.ask("PUT", where, json=changed, headers={**headers, "If-Match": tag})
    assert good.status_code == 200, good.text
    assert good.headers["ETag"] != tag
    query = f"Basic?code={ORIGIN}%7Cdisplay-preferences&subject=Practitioner/mina"
    assert site.ids(query, got.token) == [made.json()["id"]]
    other = fresh("public", "launch/patient patient/Patient.rs").token
    assert site.read("Basic", other).status_code == 403


@pytest.fixture(scope="session")
def brands(site: Site) -> Any:
    return site.get(site.get("/fhir/.well-known/smart-configuration").json()["user_access_brand_bundle"])


def test_smart_1_9_2_the_brands_bundle_is_public_and_a_collection(site: Site, brands: Any) -> None:
    assert brands.status_code == 200
    told = brands.json()
    assert (told["resourceType"], told["type"]) == ("Bundle", "collection")
    assert told["timestamp"]
    assert brands.headers["ETag"].startswith('W/"')
    again = site.get(brands.url, headers={"Origin": "https://app.example", "If-None-Match": brands.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")


def test_smart_1_9_2_every_endpoint_that_is_named_is_in_it(site: Site, brands: Any) -> None:
    held = {entry["fullUrl"]: entry["resource"] for entry in brands.json()["entry"]}
    endpoints = {one["id"]: one for one in held.values() if one["resourceType"] == "Endpoint"}
    organizations = [one for one in held.values() if one["resourceType"] == "Organization"]
    assert organizations
    named = [ref["reference"] for one in organizations for ref in one.get("endpoint", [])]
    assert named
    assert all(reference.partition("/")[2] in endpoints or reference in held for reference in named)
    assert site.fhir in {one["address"] for one in endpoints.values()}
    for one in organizations:
        for part in (e for e in one.get("extension", []) if e["url"].endswith("organization-portal")):
            for portal in (e for e in part["extension"] if e["url"] == "portalEndpoint"):
                assert portal["valueReference"]["reference"] in [ref["reference"] for ref in one["endpoint"]]
