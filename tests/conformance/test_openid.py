"""Section 1.4: OpenID Connect."""

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from .conftest import Launch
from .serving import Site


@pytest.fixture(scope="session")
def provider(site: Site, standalone: dict[str, Launch]) -> dict[str, Any]:
    issuer = site.get("/fhir/.well-known/smart-configuration").json()["issuer"]
    found: dict[str, Any] = site.get(f"{issuer}/.well-known/openid-configuration").json()
    return found


def test_smart_1_4_1_the_provider_describes_itself(provider: dict[str, Any], site: Site) -> None:
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert provider[name].startswith(site.url), name
    for name in ("response_types_supported", "subject_types_supported"):
        assert provider[name], name
    assert "RS256" in provider["id_token_signing_alg_values_supported"]


def test_smart_1_4_2_the_keys_are_rsa_each_with_a_kid_and_public_only(provider: dict[str, Any], site: Site) -> None:
    answer = site.get(provider["jwks_uri"], headers={"Origin": "https://app.example"})
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")
    keys = answer.json()["keys"]
    rsa = [key for key in keys if key["kty"] == "RSA"]
    assert rsa
    assert all(key["kid"] for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not any({"d", "p", "q", "dp", "dq", "qi"} & set(key) for key in keys)


def test_smart_1_4_2_the_id_token_is_signed_rs256_by_one_of_them(
    launched: Launch, provider: dict[str, Any], site: Site
) -> None:
    header = json.loads(base64.urlsafe_b64decode(launched.told["id_token"].split(".")[0] + "=="))
    assert header["alg"] == "RS256"
    published = site.get(provider["jwks_uri"]).json()
    assert header["kid"] in [key["kid"] for key in published["keys"]]
    assert jwt.decode(launched.told["id_token"], KeySet.import_key_set(published), algorithms=["RS256"])


def claims(launched: Launch) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(launched.told["id_token"].split(".")[1] + "=="))
    return found


def test_smart_1_4_3_the_id_token_says_who_for_whom_and_until_when(launched: Launch, provider: dict[str, Any]) -> None:
    said = claims(launched)
    assert said["iss"] == provider["issuer"]
    assert said["aud"] == launched.app.id
    assert said["iat"] <= time.time() + 1 < said["exp"]
    assert 0 < len(said["sub"]) < 256
    assert said["nonce"] == "n-0"


def test_smart_1_4_4_fhir_user_is_a_resource_that_the_token_reads_from_any_origin(launched: Launch, site: Site) -> None:
    who = claims(launched)["fhirUser"]
    kind, id = who.removeprefix(site.fhir + "/").split("/")
    assert kind in ("Patient", "Practitioner", "RelatedPerson", "Person")
    assert id
    headers = {"Authorization": f"Bearer {launched.token}", "Origin": "https://app.example"}
    read = site.get(who, headers=headers)
    assert read.status_code == 200, read.text
    assert read.json()["id"] == id
    assert read.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")
