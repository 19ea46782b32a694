"""SMART backend services, from outside: over HTTP requests, with real keys. Numbers are requirements of SMART 2.2."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import Engine

from auth import store
from auth.errors import BadToken
from auth.scopes import parse, resources
from auth.server.bearer import check
from tests.auth.conftest import ASSERTION, ISSUER, Clock, Key, ask, claims, public, sign

Register = Callable[..., store.Client]


@pytest.fixture(params=["rsa", "ec"])
def key(request: pytest.FixtureRequest) -> Key:
    made: Key = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def loader(register: Register, rsa: RSAKey, ec: ECKey) -> store.Client:
    return register(jwks=public(rsa, ec))


def refused(answer: Any, error: str = "invalid_client") -> str:
    assert answer.status_code in (400, 401)
    assert answer.json["error"] == error
    assert "access_token" not in answer.json
    return str(answer.json.get("error_description", ""))


@pytest.mark.usefixtures("loader")
def test_a_signed_assertion_is_answered_with_a_token(web: FlaskClient, key: Key, clock: Clock) -> None:
    """smart.md 1.5.2."""
    answer = ask(web, sign(key, claims(clock)))
    assert answer.status_code == 200
    assert answer.json["token_type"].lower() == "bearer"
    assert answer.json["expires_in"] == 300
    assert answer.json["scope"] == "system/*.rs"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert "refresh_token" not in answer.json


@pytest.mark.usefixtures("loader")
def test_the_token_opens_what_it_says(web: FlaskClient, rsa: RSAKey, clock: Clock, engine: Engine) -> None:
    answer = ask(web, sign(rsa, claims(clock)))
    with engine.begin() as conn:
        grant = check(conn, f"Bearer {answer.json['access_token']}", clock())
    assert (grant.subject, grant.client) == ("loader", "loader")
    assert grant.scopes == resources(parse("system/*.rs"))


@pytest.mark.usefixtures("loader")
def test_the_issuer_is_an_audience_too(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    assert ask(web, sign(rsa, claims(clock, aud=ISSUER.url))).status_code == 200
    assert ask(web, sign(rsa, claims(clock, aud=[ISSUER.token_url]))).status_code == 200


@pytest.mark.usefixtures("loader")
def test_a_client_id_beside_the_assertion_must_agree(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    assert ask(web, sign(rsa, claims(clock)), client_id="loader").status_code == 200
    refused(ask(web, sign(rsa, claims(clock)), client_id="other"))


def test_s22_336_a_jti_counts_once(web: FlaskClient, loader: store.Client, rsa: RSAKey, clock: Clock) -> None:
    assertion = sign(rsa, claims(clock))
    assert ask(web, assertion).status_code == 200
    assert "jti" in refused(ask(web, assertion))
    clock.pass_by(200)
    refused(ask(web, assertion))


@pytest.mark.usefixtures("loader")
def test_s22_336_a_jti_is_spent_even_when_the_request_fails_otherwise(
    web: FlaskClient, rsa: RSAKey, clock: Clock
) -> None:
    assertion = sign(rsa, claims(clock))
    refused(ask(web, assertion, scope="user/*.rs"), "invalid_scope")
    refused(ask(web, assertion))


def test_s22_336_another_client_may_use_the_same_jti(
    web: FlaskClient, register: Register, rsa: RSAKey, clock: Clock
) -> None:
    register(jwks=public(rsa))
    register(id="other", jwks=public(rsa))
    assert ask(web, sign(rsa, claims(clock, jti="1"))).status_code == 200
    assert ask(web, sign(rsa, claims(clock, jti="1", iss="other", sub="other"))).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("inf")},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 600},
        {"iss": None},
        {"sub": None},
        {"sub": 7},
        {"iss": "other"},
        {"iss": "nobody", "sub": "nobody"},
        {"iss": "nobody\0", "sub": "nobody\0"},
        {"iss": "\ud800", "sub": "\ud800"},
        {"aud": None},
        {"aud": "https://care.example/fhir"},
        {"aud": "https://care.example.evil.example/oauth/token"},
        {"aud": []},
        {"aud": {"https://care.example/oauth/token": 1}},
        {"nbf": "yesterday"},
    ],
)
@pytest.mark.usefixtures("loader")
def test_it_refuses_an_assertion_with_a_wrong_claim(
    web: FlaskClient, rsa: RSAKey, clock: Clock, change: dict[str, Any]
) -> None:
    """smart.md 1.5.1 (S22@340)."""
    header = {"alg": "RS384", "kid": rsa.kid, "typ": "JWT"}
    refused(ask(web, raw(header, claims(clock, **change), rsa, "RS384")))


@pytest.mark.parametrize(
    ("name", "offset"), [("exp", -31), ("exp", 331), ("exp", 3600), ("iat", 31), ("iat", 9999), ("nbf", 31)]
)
@pytest.mark.usefixtures("loader")
def test_it_refuses_an_expired_overlong_or_future_assertion(
    web: FlaskClient, rsa: RSAKey, clock: Clock, name: str, offset: int
) -> None:
    """Issue 3, 4: expired and future assertions."""
    refused(ask(web, sign(rsa, claims(clock, **{name: clock.seconds() + offset}))))


@pytest.mark.parametrize(("name", "offset"), [("exp", -29), ("exp", 329), ("iat", 29), ("nbf", 29), ("nbf", -400)])
@pytest.mark.usefixtures("loader")
def test_it_forgives_clocks_that_differ_by_half_a_minute(
    web: FlaskClient, rsa: RSAKey, clock: Clock, name: str, offset: int
) -> None:
    assert ask(web, sign(rsa, claims(clock, **{name: clock.seconds() + offset}))).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": "rsa-2"},
        {"kid": "ec-1"},  # registered, but no key for this alg
        {"kid": 7},
        {"typ": None},
        {"typ": "at+jwt"},
        {"alg": "RS256"},
        {"alg": "PS384"},
        {"jku": "https://evil.example/jwks.json"},  # S22@338
        {"crit": ["exp"]},
    ],
)
@pytest.mark.usefixtures("loader")
def test_it_refuses_an_assertion_with_a_wrong_header(
    web: FlaskClient, rsa: RSAKey, clock: Clock, header: dict[str, Any]
) -> None:
    """Issue 3, 4: wrong kid, jku not registered (S22@338)."""
    alg = header.get("alg", "RS384")
    full = {"alg": alg, "kid": rsa.kid, "typ": "JWT", **header}
    full = {name: value for name, value in full.items() if value is not None}
    refused(ask(web, raw(full, claims(clock), rsa, alg)))


def raw(header: dict[str, Any], said: dict[str, Any], key: RSAKey, alg: str) -> str:
    """Sign whatever the header says: a well-behaved library would refuse to."""
    text = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (header, said))
    digest = hashes.SHA256() if alg.endswith("256") else hashes.SHA384()
    pad: Any = padding.PKCS1v15() if alg.startswith("RS") else padding.PSS(padding.MGF1(digest), digest.digest_size)
    signature = key.private_key.sign(text.encode(), pad, digest)  # type: ignore[union-attr]
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.usefixtures("loader")
def test_it_refuses_alg_none(web: FlaskClient, clock: Clock) -> None:
    """Issue 3, 4: alg none."""
    parts = [{"alg": "none", "kid": "rsa-1", "typ": "JWT"}, claims(clock)]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    refused(ask(web, text + "."))


@pytest.mark.usefixtures("loader")
def test_it_refuses_our_public_key_used_as_a_shared_secret(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    parts = [{"alg": "HS384", "kid": "rsa-1", "typ": "JWT"}, claims(clock)]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    mac = hmac.digest(rsa.as_pem(private=False), text.encode(), "sha384")
    refused(ask(web, f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"))


@pytest.mark.usefixtures("loader")
def test_it_refuses_the_signature_of_another_key(web: FlaskClient, clock: Clock) -> None:
    refused(ask(web, sign(RSAKey.generate_key(2048, {"kid": "rsa-1"}), claims(clock))))


@pytest.mark.usefixtures("loader")
def test_it_refuses_a_key_that_comes_with_the_assertion(web: FlaskClient, clock: Clock) -> None:
    own = RSAKey.generate_key(2048, {"kid": "mine"})
    refused(ask(web, sign(own, claims(clock), jwk=own.as_dict(private=False))))


DEEP = base64.urlsafe_b64encode(b"[" * 9_000).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "a.b.c", "..", "a" * 20_000, "é.é.é", "eyJhbGciOiJSUzM4NCJ9.W10.AAAA",
        f"eyJhbGciOiJSUzM4NCJ9.{DEEP}.x", f"{DEEP}.W10.x",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("loader")
def test_it_refuses_what_is_no_jwt(web: FlaskClient, text: str) -> None:
    refused(ask(web, text))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, None),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_client"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion": None, "client_id": "loader", "client_secret": "loader"}, "invalid_client"),  # S22@344
    ],
)
@pytest.mark.usefixtures("loader")
def test_it_refuses_a_malformed_request(
    web: FlaskClient, rsa: RSAKey, clock: Clock, change: dict[str, Any], error: str | None
) -> None:
    """smart.md 1.5.1; S22@344: no secret for a backend service."""
    answer = ask(web, sign(rsa, claims(clock)), **change)
    assert answer.status_code in (400, 401)
    assert error in (None, answer.json["error"])


@pytest.mark.usefixtures("loader")
def test_parameters_in_the_address_are_not_read(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    query = {
        "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION,
        "client_assertion": sign(rsa, claims(clock)),
    }  # fmt: skip
    assert web.post("/oauth/token", query_string=query).status_code == 400
    assert web.get("/oauth/token", query_string=query).status_code == 405


@pytest.mark.usefixtures("loader")
def test_a_parameter_sent_twice_is_refused(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    refused(ask(web, sign(rsa, claims(clock)), scope=["system/*.rs", "system/*.cruds"]), "invalid_request")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/*.rs", "system/*.rs"),
        ("system/*.read", "system/*.read"),
        ("system/*.cruds", "system/*.rs"),
        ("system/Patient.read system/Task.rs", "system/Patient.read system/Task.rs"),
        ("system/Observation.rs?category=lab", "system/Observation.rs?category=lab"),
        ("system/Patient.rs user/Task.rs patient/*.rs openid offline_access made/up", "system/Patient.rs"),
        ("system/Patient.rs system/Nonsense.rs", "system/Patient.rs"),
    ],
)
@pytest.mark.usefixtures("loader")
def test_s22_250_scopes_are_narrowed_to_the_registered_ones(
    web: FlaskClient, rsa: RSAKey, clock: Clock, asked: str | None, granted: str
) -> None:
    answer = ask(web, sign(rsa, claims(clock)), scope=asked)
    assert answer.status_code == 200
    assert answer.json["scope"] == granted


@pytest.mark.parametrize("asked", [None, "", "user/*.rs", "system/*.cud", "openid", "nothing of ours"])
@pytest.mark.usefixtures("loader")
def test_when_no_scope_is_left_it_says_so(web: FlaskClient, rsa: RSAKey, clock: Clock, asked: str | None) -> None:
    refused(ask(web, sign(rsa, claims(clock)), scope=asked), "invalid_scope")


def test_a_disabled_client_gets_nothing_and_its_tokens_die(
    web: FlaskClient, loader: store.Client, rsa: RSAKey, clock: Clock, engine: Engine
) -> None:
    """Issue 3, 5: revocation is effective at once."""
    token = ask(web, sign(rsa, claims(clock))).json["access_token"]
    with engine.begin() as conn:
        store.change_client(conn, replace(loader, disabled=True))
        with pytest.raises(BadToken):
            check(conn, f"Bearer {token}", clock())
    refused(ask(web, sign(rsa, claims(clock))))


def test_an_oversized_form_is_refused(web: FlaskClient) -> None:
    assert ask(web, "x" * 100_000).status_code == 413


@pytest.mark.usefixtures("loader")
def test_a_browser_app_of_any_origin_may_read_the_answer(web: FlaskClient, rsa: RSAKey, clock: Clock) -> None:
    assert ask(web, sign(rsa, claims(clock))).headers["Access-Control-Allow-Origin"] == "*"
    asked = web.options("/oauth/token", headers={"Origin": "https://app.example"})
    assert asked.headers["Access-Control-Allow-Origin"] == "*"


def test_s22_372_discovery_needs_no_token_and_answers_json_whatever_is_accepted(web: FlaskClient) -> None:
    answer = web.get("/fhir/.well-known/smart-configuration", headers={"Accept": "application/fhir+xml"})
    assert answer.status_code == 200
    assert answer.content_type.startswith("application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_s22_286_discovery_names_what_an_asymmetric_client_needs(web: FlaskClient) -> None:
    told = web.get("/fhir/.well-known/smart-configuration").json
    assert told
    assert told["token_endpoint"] == "https://care.example/oauth/token"
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert "private_key_jwt" in told["token_endpoint_auth_methods_supported"]
    assert "client-confidential-asymmetric" in told["capabilities"]
    assert all(isinstance(capability, str) for capability in told["capabilities"])
    assert "client_credentials" in told["grant_types_supported"]
