"""Section 1.5: backend services."""

import pytest
from joserfc.jwk import ECKey

from .practice import public
from .serving import Site
from .visitor import App, ask_backend, assertion, refused


@pytest.fixture(params=["RS384", "ES384"])
def service(site: Site, request: pytest.FixtureRequest) -> App:
    return App(site, "loader", key=site.keys.rsa if request.param == "RS384" else site.keys.ec)


@pytest.mark.parametrize("grant", ["password", "", "urn:ietf:params:oauth:grant-type:token-exchange", None])
def test_smart_1_5_1_a_wrong_grant_type_is_refused(service: App, grant: str | None) -> None:
    answer = ask_backend(service, grant_type=grant)
    assert answer.status_code == 400
    refused(answer, "unsupported_grant_type", "invalid_request")


@pytest.mark.parametrize("kind", ["not_an_assertion_type", "", None])
def test_smart_1_5_1_a_wrong_assertion_type_is_refused(service: App, kind: str | None) -> None:
    refused(ask_backend(service, client_assertion_type=kind), "invalid_client", "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://evil.example/token"}, {"exp": 1}, {"exp": 99_999_999_999}, {"exp": None}, {"jti": None},
        {"iss": "narrow"}, {"sub": "narrow"}, {"iss": None}, {"sub": None}, {"nbf": 99_999_999_999},
        {"iat": 99_999_999_999},
    ],
)  # fmt: skip
def test_smart_1_5_1_s22_340_each_wrong_claim_is_refused_as_invalid_client(
    service: App, change: dict[str, object]
) -> None:
    refused(ask_backend(service, assertion(service, **change)), "invalid_client")


@pytest.mark.parametrize("header", [{"kid": "made-up"}, {"kid": None}, {"typ": None}, {"typ": "at+jwt"}])
def test_smart_1_5_1_each_wrong_header_is_refused(service: App, header: dict[str, object]) -> None:
    refused(ask_backend(service, assertion(service, header)), "invalid_client")


def test_smart_1_5_1_the_signature_of_another_key_is_refused(service: App) -> None:
    stranger = App(service.site, "loader", key=ECKey.generate_key("P-384", {"kid": "ec-1"}))
    refused(ask_backend(stranger), "invalid_client")
    head, body, signature = assertion(service).split(".")
    refused(ask_backend(service, f"{head}.{body}.{signature[:-8]}AAAAAAAA"), "invalid_client")


def test_smart_1_5_2_a_signed_assertion_is_answered_with_a_short_lived_token(service: App, site: Site) -> None:
    answer = ask_backend(service)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["token_type"].lower() == "bearer"
    assert (type(told["expires_in"]), told["expires_in"]) == (int, 300)
    assert told["scope"] == "system/*.rs"
    assert "refresh_token" not in told
    assert "no-store" in answer.headers["Cache-Control"]
    assert site.read("Patient/lindqvist", told["access_token"]).status_code == 200


def test_smart_1_5_3_s22_336_a_jti_is_good_once_whichever_worker_is_asked(service: App) -> None:
    text = assertion(service)
    assert ask_backend(service, text).status_code == 200
    for _ in range(4):
        refused(ask_backend(service, text), "invalid_client")
    refused(ask_backend(service, assertion(service, jti=None)), "invalid_client")


def test_smart_1_5_3_s22_338_jku_counts_only_where_it_is_registered(site: Site) -> None:
    app = App(site, "published", key=site.keys.published)
    evil = {"jku": site.publisher.forbidden}
    refused(ask_backend(app, assertion(app, evil)), "invalid_client")
    assert ask_backend(app, assertion(app, {"jku": f"{site.publisher.allowed}?published"})).status_code == 200
    assert "127.0.0.2" not in site.publisher.asked


def test_smart_1_5_3_s22_296_297_keys_come_inline_or_from_the_clients_own_address(site: Site) -> None:
    assert ask_backend(App(site, "published", key=site.keys.published)).status_code == 200
    assert ask_backend(App(site, "loader", key=site.keys.ec)).status_code == 200
    refused(ask_backend(App(site, "published", key=site.keys.ec)), "invalid_client")


def test_smart_1_5_3_s22_341_a_key_set_is_not_kept_past_its_cache_control(site: Site) -> None:
    """`no-store`: what is published now counts at once, for the new key and against the old one of the same kid."""
    before = site.publisher.bodies["published"]
    old = App(site, "published", key=site.keys.published)
    new = App(site, "published", key=ECKey.generate_key("P-384", {"kid": "ec-published"}))
    assert ask_backend(old).status_code == 200
    refused(ask_backend(new), "invalid_client")
    assert new.key
    site.publisher.bodies["published"] = public(new.key)
    try:
        assert ask_backend(new).status_code == 200
        refused(ask_backend(old), "invalid_client")
    finally:
        site.publisher.bodies["published"] = before


def test_smart_1_5_3_s22_344_a_secret_is_no_way_in_for_a_backend_service(site: Site) -> None:
    form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    refused(site.post("/oauth/token", data=form, auth=("loader", "loader")), "invalid_client", "unauthorized_client")
    secret = {"client_id": "loader", "client_secret": "loader"}
    refused(site.post("/oauth/token", data={**form, **secret}), "invalid_client", "unauthorized_client")
    refused(site.post("/oauth/token", data={**form, "client_id": "loader"}), "invalid_client", "unauthorized_client")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/*.rs", "system/Patient.rs"),
        ("system/Patient.read system/Observation.read", "system/Patient.read"),
        ("system/Patient.cruds user/*.rs patient/*.rs openid made/up", "system/Patient.rs"),
    ],
)
def test_smart_1_5_3_s22_250_scopes_stay_within_what_was_registered(site: Site, asked: str, granted: str) -> None:
    app = App(site, "narrow", key=site.keys.rsa)
    told = ask_backend(app, scope=asked).json()
    assert told["scope"] == granted
    assert site.read("Patient/okafor", told["access_token"]).status_code == 200
    assert site.read("Observation/okafor-survey", told["access_token"]).status_code == 403
    refused(ask_backend(app, scope="system/Observation.rs"), "invalid_scope")
