"""Section 1.1: what a client is told before anything else."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from .serving import Site

CONFIGURATION = "/fhir/.well-known/smart-configuration"
G10_STANDALONE = (
    "launch-standalone client-public client-confidential-symmetric client-confidential-asymmetric sso-openid-connect "
    "context-standalone-patient permission-offline permission-patient authorize-post permission-v2 permission-v1"
)
G10_EHR = (
    "launch-ehr client-confidential-symmetric client-confidential-asymmetric sso-openid-connect context-banner "
    "context-style context-ehr-patient permission-offline permission-user authorize-post permission-v2 permission-v1 "
    "context-ehr-encounter"
)


@pytest.fixture(scope="session")
def told(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.get(CONFIGURATION).json()
    return found


@pytest.mark.parametrize("accept", [None, "application/json", "application/fhir+json", "text/html", "image/png"])
def test_smart_1_1_1_s22_372_374_377_the_configuration_is_public_json_at_the_fhir_base(
    site: Site, accept: str | None
) -> None:
    answer = site.get(CONFIGURATION, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()
    assert site.get("/.well-known/smart-configuration").status_code == 404


def test_smart_1_1_2_it_names_endpoints_grants_and_pkce_with_s256_only(told: dict[str, Any]) -> None:
    for name in ("authorization_endpoint", "token_endpoint"):
        assert told[name]
        assert isinstance(told[name], str)
    for name in ("capabilities", "grant_types_supported", "code_challenge_methods_supported"):
        assert told[name]
        assert isinstance(told[name], list)
    assert "authorization_code" in told["grant_types_supported"]
    assert told["code_challenge_methods_supported"] == ["S256"]


def test_smart_1_1_3_single_sign_on_names_its_issuer_and_keys(told: dict[str, Any]) -> None:
    assert "sso-openid-connect" in told["capabilities"]
    assert isinstance(told["issuer"], str)
    assert isinstance(told["jwks_uri"], str)


def test_smart_1_1_4_s22_378_capabilities_are_words_and_endpoints_absolute(site: Site, told: dict[str, Any]) -> None:
    assert all(isinstance(capability, str) for capability in told["capabilities"])
    assert len(set(told["capabilities"])) == len(told["capabilities"])
    addresses = {n: v for n, v in told.items() if n.endswith(("_endpoint", "_uri", "_bundle")) or n == "issuer"}
    assert len(addresses) >= 5
    for name, value in addresses.items():
        assert value == site.url or value.startswith(site.url + "/"), name
        assert urlsplit(value).scheme in ("http", "https"), name


def test_smart_1_1_5_s22_286_289_it_tells_what_is_recommended_and_what_signed_assertions_need(
    site: Site, told: dict[str, Any]
) -> None:
    assert {"openid", "launch/patient", "patient/*.rs", "patient/*.read"} <= set(told["scopes_supported"])
    for name in ("introspection_endpoint", "revocation_endpoint"):
        assert site.post(told[name], data={}).status_code in (400, 401), name
    assert site.get(told["management_endpoint"]).status_code in (200, 303)
    assert {"private_key_jwt", "client_secret_basic"} <= set(told["token_endpoint_auth_methods_supported"])
    assert {"RS384", "ES384"} <= set(told["token_endpoint_auth_signing_alg_values_supported"])


def test_smart_1_1_5_it_names_the_brands_bundle(site: Site, told: dict[str, Any]) -> None:
    assert site.get(told["user_access_brand_bundle"]).status_code == 200
    assert set(told.get("user_access_brand_identifier", {"system": 1, "value": 1})) == {"system", "value"}


@pytest.mark.parametrize("path", [CONFIGURATION, "/fhir/metadata"])
def test_smart_1_1_6_pages_of_any_origin_may_read_it(site: Site, path: str) -> None:
    answer = site.get(path, headers={"Origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")


@pytest.mark.parametrize("wanted", [G10_STANDALONE, G10_EHR], ids=["standalone", "ehr"])
def test_smart_1_1_7_g10_the_capabilities_of_both_launches_are_there(told: dict[str, Any], wanted: str) -> None:
    assert set(wanted.split()) - set(told["capabilities"]) == set()


def test_smart_1_1_7_metadata_names_the_same_addresses_for_older_clients(site: Site, told: dict[str, Any]) -> None:
    security = site.get("/fhir/metadata").json()["rest"][0]["security"]
    uris = next(one for one in security["extension"] if one["url"].endswith("/oauth-uris"))
    named = {one["url"]: one["valueUri"] for one in uris["extension"]}
    for ours, theirs in (("authorize", "authorization"), ("token", "token"), ("introspect", "introspection"),
                         ("revoke", "revocation"), ("manage", "management")):  # fmt: skip
        assert named[ours] == told[f"{theirs}_endpoint"]
