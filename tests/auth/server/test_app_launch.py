"""SMART App Launch from the app's side: the code, the tokens and what kills them. The person's yes is given directly
(their pages have tests of their own); the rest goes over HTTP. Numbers are requirements of SMART 2.2."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2 import OAuth2Error
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Engine, delete
from werkzeug.datastructures import MultiDict

from auth import store
from auth.errors import BadToken
from auth.keys import signing as keys_signing
from auth.people import sessions
from auth.scopes import Scope
from auth.server import authorizations, authorize, launch
from auth.server.authorize import AuthorizationAnswer
from auth.server.bearer import check
from auth.server.server import Server
from auth.tables import key as key_table
from tests.auth.conftest import ASSERTION, ISSUER, Clock, claims, public, sign

CALLBACK = "https://app.example/callback"
SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs user/Task.cruds"
MINA = store.User("u1", "mina", "Mina Okafor", frozenset({"coordinator"}), "o1", "Practitioner/p1")


@dataclass
class App:
    """A SMART app: what it keeps between its requests."""

    web: FlaskClient
    flask: Flask
    engine: Engine
    clock: Clock
    client: store.Client
    secret: str | None = None
    key: RSAKey | None = None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def params(self, **changes: Any) -> MultiDict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        good = {
            "response_type": "code", "client_id": self.client.id, "redirect_uri": CALLBACK, "scope": SCOPE,
            "state": "abc/+ =&", "aud": ISSUER.fhir_url, "code_challenge_method": "S256", "nonce": "n-0",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }  # fmt: skip
        return MultiDict([(name, value) for name, value in {**good, **changes}.items() if value is not None])

    def allow(self, chosen: str = SCOPE, who: store.User = MINA, **changes: Any) -> dict[str, str]:
        """The person says yes; returns the parameters that the app's callback gets."""
        picked = changes.pop("picked", {"patient": "p9"})
        with self.flask.test_request_context(), self.engine.begin() as conn:
            server = Server(ISSUER, conn, self.clock.seconds())
            answer = AuthorizationAnswer(who, self.clock.seconds() - 60, chosen, picked)
            location = authorize.allow(server, self.params(**changes), answer).location
        assert location.startswith(CALLBACK + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    def read(self, **changes: Any) -> authorize.AuthorizationRequest:
        with self.flask.test_request_context(), self.engine.begin() as conn:
            return authorize.read(Server(ISSUER, conn, self.clock.seconds()), self.params(**changes), MINA)

    def credentials(self) -> dict[str, Any]:
        if self.key:
            said = claims(self.clock, iss=self.client.id, sub=self.client.id)
            return {"data": {"client_assertion_type": ASSERTION, "client_assertion": sign(self.key, said)}}
        if self.secret:
            return {"auth": (self.client.id, self.secret)}
        return {"data": {"client_id": self.client.id}}

    def post(self, path: str, **form: Any) -> Any:
        sent = self.credentials()
        data = {**sent.pop("data", {}), **{name: value for name, value in form.items() if value is not None}}
        return self.web.post(path, data=data, **sent)

    def exchange(self, code: str, **changes: Any) -> Any:
        good = {"redirect_uri": CALLBACK, "code_verifier": self.verifier}
        return self.post("/oauth/token", grant_type="authorization_code", code=code, **{**good, **changes})

    def tokens(self, **changes: Any) -> dict[str, Any]:
        answer = self.exchange(self.allow(**changes)["code"])
        assert answer.status_code == 200, answer.text
        got: dict[str, Any] = answer.json
        return got

    def refresh(self, token: str, **changes: Any) -> Any:
        return self.post("/oauth/token", grant_type="refresh_token", refresh_token=token, **changes)

    def opens(self, access: str) -> bool:
        with self.engine.begin() as conn:
            try:
                return bool(check(conn, f"Bearer {access}", self.clock()))
            except BadToken:
                return False


Build = Callable[..., App]


@pytest.fixture
def build(app: Flask, web: FlaskClient, engine: Engine, clock: Clock, register: Any, rsa: RSAKey) -> Build:
    with engine.begin() as conn:
        store.add_user(conn, MINA, "not a password hash", clock.seconds())

    def make(method: str = "none", **changes: Any) -> App:
        secret = "0123456789abcdef" if method == "client_secret_basic" else None
        jwks = public(rsa) if method == "private_key_jwt" else None
        asked = {
            "id": "app", "name": "App", "scope": f"{SCOPE} launch launch/encounter online_access patient/*.cruds",
            "method": method, "jwks": jwks, "grants": ("authorization_code", "refresh_token"),
            "redirect_uris": (CALLBACK,), "launch_url": "https://app.example/launch",
        }  # fmt: skip
        client = register(secret, **{**asked, **changes})
        return App(web, app, engine, clock, client, secret, rsa if jwks else None)

    return make


@pytest.fixture(params=["none", "client_secret_basic", "private_key_jwt"])
def any_app(request: pytest.FixtureRequest, build: Build) -> App:
    return build(request.param)


@pytest.fixture
def smart(build: Build) -> App:
    return build()


def refused(answer: Any, error: str | None = "invalid_grant") -> None:
    assert answer.status_code in (400, 401), answer.text
    assert error in (None, answer.json["error"])
    assert "access_token" not in answer.json


def test_public_symmetric_and_asymmetric_apps_get_tokens(any_app: App) -> None:
    """smart.md 1.2.6, 1.2.9: the token answer of each kind of app."""
    came = any_app.allow()
    assert came["state"] == "abc/+ =&"
    answer = any_app.exchange(came["code"])
    assert answer.status_code == 200
    got = answer.json
    assert got["token_type"].lower() == "bearer"
    assert isinstance(got["expires_in"], int)
    assert got["expires_in"] <= 3600
    assert set(got["scope"].split()) == set(SCOPE.split())
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert any_app.opens(got["access_token"])


def test_the_launch_context_stands_at_the_top_level_of_the_answer(smart: App) -> None:
    """smart.md 1.2.7."""
    got = smart.tokens()
    assert got["patient"] == "p9"
    assert got["need_patient_banner"] is True
    assert smart.web.get(urlsplit(got["smart_style_url"]).path).json


def test_the_token_carries_person_patient_roles_and_scopes(smart: App) -> None:
    with smart.engine.begin() as conn:
        grant = check(conn, f"Bearer {smart.tokens()['access_token']}", smart.clock())
    assert (grant.subject, grant.client, grant.patient) == ("u1", "app", "p9")
    assert (grant.roles, grant.organization, grant.fhir_user) == ({"coordinator"}, "o1", "Practitioner/p1")
    assert Scope("user", "Practitioner", frozenset("r"), (("_id", "p1"),)) in grant.scopes  # fhirUser may be read


def test_rfc9207_the_answer_names_its_issuer(smart: App) -> None:
    """Issue 3, 4: against mixed-up issuers."""
    assert smart.allow()["iss"] == ISSUER.url
    assert smart.allow(chosen="")["iss"] == ISSUER.url


# -- the authorization request


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "", "code_challenge_method": "S256"},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 44},
        {"code_challenge": "!" * 43},
        {"code_challenge": None, "code_challenge_method": None},
    ],
)
def test_pkce_with_s256_is_demanded_from_everybody(any_app: App, change: dict[str, Any]) -> None:
    """smart.md 1.1.2, 1.2.11; issue 3, 4: PKCE downgrade."""
    with pytest.raises(OAuth2Error) as error:
        any_app.read(**change)
    assert error.value.error == "invalid_request"
    assert error.value.redirect_uri == CALLBACK


@pytest.mark.parametrize("aud", [None, "", "https://evil.example/fhir", "https://care.example", ISSUER.fhir_url + "x"])
def test_s22_wrong_aud_gets_no_code(smart: App, aud: str | None) -> None:
    """smart.md 1.2.5 (g10 invalid-aud)."""
    with pytest.raises(OAuth2Error) as error:
        smart.read(aud=aud)
    assert (error.value.error, error.value.redirect_uri) == ("invalid_request", CALLBACK)


def test_aud_may_end_in_a_slash(smart: App) -> None:
    assert smart.read(aud=ISSUER.fhir_url + "/")


@pytest.mark.parametrize(
    "uri",
    [
        None, "", "https://app.example/callback/", "https://app.example/callback?x=1", "https://app.example/",
        "https://APP.example/callback", "http://app.example/callback", "https://evil.example/callback",
        "https://app.example/callback#x", "https://app.example@evil.example/callback", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_redirect_uri_must_be_registered_letter_by_letter(smart: App, uri: str | None) -> None:
    """An open redirect otherwise: nobody is sent to an address that is not the app's."""
    with pytest.raises(OAuth2Error) as error:
        smart.read(redirect_uri=uri)
    assert error.value.redirect_uri is None


@pytest.mark.parametrize("bad", ["é", "\r\nSet-Cookie: x=1", "\0", '"', "\\"])
def test_a_character_that_no_address_has_is_refused_in_words(smart: App, bad: str) -> None:
    """Authlib would repeat it in an error that may not hold it, and fail over that: a 500."""
    for change in ({"redirect_uri": CALLBACK + bad}, {"response_type": "code" + bad}):
        with pytest.raises(OAuth2Error) as error:
            smart.read(**change)
        assert error.value.redirect_uri is None
        assert str(error.value.get_error_description()).isascii()


@pytest.mark.parametrize("client_id", [None, "", "nobody", "app\0"])
def test_an_unknown_client_is_told_to_the_person_only(smart: App, client_id: str | None) -> None:
    """smart.md 1.2.4."""
    with pytest.raises(OAuth2Error) as error:
        smart.read(client_id=client_id)
    assert error.value.redirect_uri is None


def test_a_disabled_client_is_unknown(smart: App) -> None:
    with smart.engine.begin() as conn:
        store.change_client(conn, replace(smart.client, disabled=True))
    with pytest.raises(OAuth2Error):
        smart.read()


@pytest.mark.parametrize("kind", ["token", "code token", "id_token", None, "x"])
def test_only_codes_are_given_in_the_address(smart: App, kind: str | None) -> None:
    with pytest.raises(OAuth2Error):
        smart.read(response_type=kind)


def test_a_parameter_sent_twice_is_refused(smart: App) -> None:
    """RFC 6749 section 3.1."""
    params = smart.params()
    params.add("aud", ISSUER.fhir_url)
    with smart.engine.begin() as conn, pytest.raises(OAuth2Error):
        authorize.read(Server(ISSUER, conn, smart.clock.seconds()), params, MINA)


@pytest.mark.parametrize("scope", [None, "", "system/*.rs", "nothing of ours", "user/Claim.cruds"])
def test_when_no_scope_can_be_granted_the_app_is_told(smart: App, scope: str | None) -> None:
    with pytest.raises(OAuth2Error) as error:
        smart.read(scope=scope)
    assert (error.value.error, error.value.redirect_uri) == ("invalid_scope", CALLBACK)


def test_scopes_are_narrowed_silently_and_system_scopes_are_not_for_people(smart: App) -> None:
    """smart.md 1.2.10."""
    asked = "launch/patient patient/Patient.rs patient/Nonsense.rs system/*.cruds user/Task.rs user/Claim.rs made/up"
    assert [str(scope) for scope in smart.read(scope=asked).scopes] == [
        "launch/patient", "patient/Patient.rs", "user/Task.rs",
    ]  # fmt: skip


def test_offline_access_is_for_apps_that_may_refresh(build: Build) -> None:
    app = build(grants=("authorization_code",))
    assert "refresh_token" not in app.tokens()


@pytest.mark.parametrize(
    ("scope", "needed"),
    [("launch/patient openid", True), ("patient/Patient.rs", True), ("user/Task.rs", False), ("openid", False)],
)
def test_a_patient_is_picked_when_a_scope_means_one(smart: App, scope: str, needed: bool) -> None:
    """smart.md 1.2.16."""
    assert smart.read(scope=scope).needs_patient() == needed


def test_prompt_none_without_a_session_asks_for_sign_in_at_the_app(smart: App) -> None:
    with smart.flask.test_request_context(), smart.engine.begin() as conn, pytest.raises(OAuth2Error) as error:
        authorize.read(Server(ISSUER, conn, smart.clock.seconds()), smart.params(prompt="none"), None)
    assert (error.value.error, error.value.redirect_uri) == ("login_required", CALLBACK)


@pytest.mark.parametrize(
    ("change", "age", "again"),
    [({}, 40_000, False), ({"prompt": "login"}, 60, False), ({"prompt": "login"}, 300, True),
     ({"max_age": "600"}, 500, False), ({"max_age": "600"}, 700, True), ({"max_age": "x"}, 40_000, False)],
)  # fmt: skip
def test_an_old_sign_in_is_renewed_when_the_app_asks(smart: App, change: Any, age: int, again: bool) -> None:
    assert smart.read(**change).needs_sign_in(1_000_000 - age, 1_000_000) == again


# -- the person's answer


def test_single_scopes_can_be_declined(smart: App) -> None:
    """smart.md 1.2.14 (g10 limited scopes)."""
    got = smart.tokens(chosen="launch/patient patient/Patient.rs")
    assert set(got["scope"].split()) == {"launch/patient", "patient/Patient.rs"}
    assert "id_token" not in got
    assert "refresh_token" not in got


def test_a_person_can_not_grant_more_than_was_asked(smart: App) -> None:
    got = smart.tokens(chosen=f"{SCOPE} patient/*.cruds user/*.cruds system/*.cruds")
    assert set(got["scope"].split()) == set(SCOPE.split())


def test_a_resource_scope_can_be_cut_down_to_granular_ones(smart: App) -> None:
    """smart.md 1.2.14, 1.8."""
    lab = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
    got = smart.tokens(chosen=f"launch/patient patient/Patient.rs {lab}")
    assert lab in got["scope"].split()
    assert "patient/Observation.rs" not in got["scope"].split()


def test_version_1_scopes_are_answered_in_version_1(smart: App) -> None:
    """smart.md 1.2.15."""
    asked = "launch/patient patient/Patient.read patient/*.read"
    assert set(smart.tokens(scope=asked, chosen=asked)["scope"].split()) == set(asked.split())


@pytest.mark.parametrize("chosen", ["", "user/Claim.rs", "nothing"])
def test_declining_all_is_told_to_the_app_and_gives_no_code(smart: App, chosen: str) -> None:
    came = smart.allow(chosen=chosen)
    assert came["error"] == "access_denied"
    assert came["state"] == "abc/+ =&"
    assert "code" not in came


def test_a_patient_scope_without_a_patient_is_not_granted(smart: App) -> None:
    assert smart.allow(picked={})["error"] == "access_denied"


def test_a_context_that_was_declined_is_not_told(smart: App) -> None:
    got = smart.tokens(chosen="openid user/Task.cruds", picked={"patient": "p9", "encounter": "e9"})
    assert "patient" not in got
    assert "encounter" not in got


def test_an_encounter_is_told_when_it_was_asked_for(smart: App) -> None:
    scope = f"{SCOPE} launch/encounter"
    assert smart.read(scope=scope).needs_encounter()
    assert smart.tokens(scope=scope, chosen=scope, picked={"patient": "p9", "encounter": "e9"})["encounter"] == "e9"


# -- EHR launch


def start(app: App, context: dict[str, Any], who: str = "u1", client: store.Client | None = None) -> str:
    with app.engine.begin() as conn:
        return launch.start(conn, client or app.client, who, context, app.clock.seconds())


EHR = "launch openid fhirUser patient/Patient.rs"
CONTEXT = {
    "patient": "p7", "encounter": "e7", "need_patient_banner": False, "intent": "referral",
    "fhirContext": [{"reference": "ServiceRequest/r7"}],
}  # fmt: skip


def test_our_desk_launches_an_app_with_iss_and_launch(smart: App) -> None:
    """smart.md 1.2.2."""
    where = launch.address(ISSUER, smart.client, "v+/")
    assert where.startswith("https://app.example/launch?")
    assert parse_qs(urlsplit(where).query) == {"iss": [ISSUER.fhir_url], "launch": ["v+/"]}


def test_an_ehr_launch_brings_what_the_desk_was_showing(smart: App) -> None:
    """smart.md 1.2.2, 1.2.7, 1.2.8."""
    wanted = smart.read(scope=EHR, launch=start(smart, CONTEXT))
    assert not wanted.needs_patient()
    got = smart.tokens(scope=EHR, chosen=EHR, launch=start(smart, CONTEXT), picked={"patient": "somebody else"})
    assert {name: got[name] for name in CONTEXT} == CONTEXT


def test_an_ehr_launch_without_a_patient_asks_for_one_when_scopes_mean_one(smart: App) -> None:
    """smart.md 1.2.16."""
    assert smart.read(scope=EHR, launch=start(smart, {})).needs_patient()


@pytest.mark.parametrize("value", [None, "", "made-up"])
def test_a_launch_value_that_we_did_not_give_is_refused(smart: App, value: str | None) -> None:
    with pytest.raises(OAuth2Error) as error:
        smart.read(scope=EHR, launch=value)
    assert error.value.redirect_uri == CALLBACK


def test_a_launch_is_good_for_ten_minutes_for_its_own_app_and_person(smart: App, register: Any) -> None:
    other = register(id="other", jwks='{"keys": []}')
    with pytest.raises(OAuth2Error):
        smart.read(scope=EHR, launch=start(smart, CONTEXT, client=other))
    not_mina = smart.allow(scope=EHR, chosen=EHR, launch=start(smart, CONTEXT, who="u2"))
    assert not_mina["error"] == "access_denied"
    value = start(smart, CONTEXT)
    smart.clock.pass_by(600)
    with pytest.raises(OAuth2Error):
        smart.read(scope=EHR, launch=value)


# -- the code


def test_code_replay_is_refused_and_its_tokens_die(any_app: App) -> None:
    """Issue 3, 4: code replay."""
    code = any_app.allow()["code"]
    got = any_app.exchange(code).json
    assert any_app.opens(got["access_token"])
    refused(any_app.exchange(code))
    assert not any_app.opens(got["access_token"])
    refused(any_app.refresh(got["refresh_token"]))


@pytest.mark.parametrize("verifier", [None, "", "x" * 43, "short", "CHALLENGE"])
def test_pkce_verifier_missing_blank_wrong_or_equal_to_the_challenge_is_refused(
    any_app: App, verifier: str | None
) -> None:
    code = any_app.allow()["code"]
    if verifier == "CHALLENGE":
        verifier = any_app.params()["code_challenge"]
    refused(any_app.exchange(code, code_verifier=verifier), None)


def test_a_failed_verifier_does_not_kill_the_apps_own_try(smart: App) -> None:
    """Whoever stole a code but not the verifier can not even spoil it."""
    code = smart.allow()["code"]
    refused(smart.exchange(code, code_verifier="y" * 64))
    assert smart.exchange(code).status_code == 200


@pytest.mark.parametrize("code", ["", "x", "\0", "é" * 50])
def test_an_invalid_code_is_refused(smart: App, code: str) -> None:
    """smart.md 1.2.11."""
    refused(smart.exchange(code))


def test_a_code_is_good_for_a_minute(smart: App) -> None:
    code = smart.allow()["code"]
    smart.clock.pass_by(60)
    refused(smart.exchange(code))


@pytest.mark.parametrize("uri", [None, "https://app.example/other"])
def test_the_redirect_uri_must_be_the_same_at_the_exchange(smart: App, uri: str | None) -> None:
    refused(smart.exchange(smart.allow()["code"], redirect_uri=uri))


def test_a_code_is_good_for_its_own_client_only(smart: App, build: Build) -> None:
    thief = build(id="thief")
    thief.verifier = smart.verifier
    code = smart.allow()["code"]
    refused(thief.exchange(code))
    assert smart.exchange(code).status_code == 200


def test_invalid_client_id_is_refused_at_the_exchange(smart: App) -> None:
    """smart.md 1.2.11."""
    code = smart.allow()["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": smart.verifier}
    refused(smart.web.post("/oauth/token", data={**form, "client_id": "nobody"}), "invalid_client")
    refused(smart.web.post("/oauth/token", data=form), "invalid_client")


def test_a_confidential_app_must_prove_itself(build: Build) -> None:
    app = build("client_secret_basic")
    form = {
        "grant_type": "authorization_code", "code": app.allow()["code"], "redirect_uri": CALLBACK,
        "code_verifier": app.verifier,
    }  # fmt: skip
    refused(app.web.post("/oauth/token", data={**form, "client_id": "app"}), "invalid_client")
    refused(app.web.post("/oauth/token", data={**form, "client_id": "app", "client_secret": "x"}), "invalid_client")
    refused(app.web.post("/oauth/token", data=form, auth=("app", "wrong")), "invalid_client")
    assert (
        app.web.post("/oauth/token", data={**form, "client_id": "app", "client_secret": app.secret}).status_code == 200
    )


def test_an_asymmetric_app_must_sign_at_the_exchange_and_at_the_refresh(build: Build) -> None:
    """smart.md 1.2.12."""
    app = build("private_key_jwt")
    code = app.allow()["code"]
    key, app.key = app.key, None
    refused(app.exchange(code), "invalid_client")
    app.key = key
    got = app.exchange(code).json
    app.key = None
    refused(app.refresh(got["refresh_token"]), "invalid_client")


# -- refresh


def test_refresh_brings_new_tokens_and_the_same_scope(any_app: App) -> None:
    """smart.md 1.3.1."""
    first = any_app.tokens()
    answer = any_app.refresh(first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json
    assert second["scope"] == first["scope"]
    assert second["patient"] == "p9"
    assert second["refresh_token"] != first["refresh_token"]
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert any_app.opens(second["access_token"])
    assert any_app.refresh(second["refresh_token"]).status_code == 200


def test_refresh_may_narrow_the_scope_for_once(smart: App) -> None:
    """smart.md 1.3.1."""
    first = smart.tokens()
    narrow = smart.refresh(first["refresh_token"], scope="patient/Patient.r patient/Observation.rs?category=lab").json
    assert narrow["scope"] == "patient/Patient.r patient/Observation.rs?category=lab"
    assert smart.refresh(narrow["refresh_token"]).json["scope"] == first["scope"]


@pytest.mark.parametrize(
    "scope", ["patient/*.rs", "patient/Patient.cruds", "user/Claim.rs", "system/*.rs", "made/up", f"{SCOPE} launch"]
)
def test_scope_widening_at_refresh_is_refused(smart: App, scope: str) -> None:
    """Issue 3, 4: scope widening at refresh."""
    first = smart.tokens()
    refused(smart.refresh(first["refresh_token"], scope=scope), "invalid_scope")
    assert smart.refresh(first["refresh_token"]).status_code == 200


def test_refresh_reuse_kills_the_family(any_app: App) -> None:
    """Issue 3, 4: refresh re-use."""
    first = any_app.tokens()
    second = any_app.refresh(first["refresh_token"]).json
    refused(any_app.refresh(first["refresh_token"]))
    assert not any_app.opens(first["access_token"])
    assert not any_app.opens(second["access_token"])
    refused(any_app.refresh(second["refresh_token"]))


def test_a_public_app_may_refresh_without_naming_itself_and_a_confidential_one_may_not(any_app: App) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": any_app.tokens()["refresh_token"]}
    answer = any_app.web.post("/oauth/token", data=form)
    if any_app.client.method == "none":
        assert answer.status_code == 200
    else:
        refused(answer, "invalid_client")


@pytest.mark.parametrize("token", [None, "", "bogus", "\0"])
def test_a_bogus_refresh_token_is_refused(smart: App, token: str | None) -> None:
    """smart.md 1.3.2."""
    refused(smart.post("/oauth/token", grant_type="refresh_token", refresh_token=token), None)


def test_an_access_token_refreshes_nothing(smart: App) -> None:
    refused(smart.refresh(smart.tokens()["access_token"]))


def test_a_refresh_token_is_good_for_its_own_client_only(smart: App, build: Build) -> None:
    first = smart.tokens()
    refused(build(id="thief").refresh(first["refresh_token"]))
    assert smart.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_token_has_an_end_however_often_it_is_used(smart: App) -> None:
    token = smart.tokens()["refresh_token"]
    for _ in range(3):
        smart.clock.pass_by(29 * 86_400)
        token = smart.refresh(token).json["refresh_token"]
    smart.clock.pass_by(3 * 86_400)
    refused(smart.refresh(token))


def test_a_changed_person_counts_at_the_next_refresh_and_a_disabled_one_gets_nothing(smart: App) -> None:
    first = smart.tokens()
    with smart.engine.begin() as conn:
        store.change_user(conn, replace(MINA, roles=frozenset({"auditor"})))
    assert not smart.opens(first["access_token"])
    second = smart.refresh(first["refresh_token"]).json
    with smart.engine.begin() as conn:
        assert check(conn, f"Bearer {second['access_token']}", smart.clock()).roles == {"auditor"}
        store.change_user(conn, replace(MINA, disabled=True))
    refused(smart.refresh(second["refresh_token"]))


def test_a_client_whose_registration_was_cut_gets_less_at_the_next_refresh(smart: App) -> None:
    first = smart.tokens()
    with smart.engine.begin() as conn:
        store.change_client(conn, replace(smart.client, scope="patient/Patient.rs offline_access"))
    assert set(smart.refresh(first["refresh_token"]).json["scope"].split()) == {"patient/Patient.rs", "offline_access"}


# -- OpenID Connect


def test_the_id_token_verifies_against_our_published_keys(smart: App) -> None:
    """smart.md 1.4.2, 1.4.3."""
    got = smart.tokens()
    told = smart.web.get("/.well-known/openid-configuration").json
    assert told
    published = smart.web.get(urlsplit(told["jwks_uri"]).path).json
    token = jwt.decode(got["id_token"], KeySet.import_key_set(published), algorithms=["RS256"])  # type: ignore[arg-type]
    assert token.header["alg"] == "RS256"
    assert token.header["kid"]
    assert token.claims["iss"] == told["issuer"] == ISSUER.url
    assert token.claims["aud"] == "app"
    assert token.claims["sub"] == "u1"
    assert token.claims["exp"] > smart.clock.seconds() >= token.claims["iat"]
    assert token.claims["nonce"] == "n-0"
    assert token.claims["auth_time"] == smart.clock.seconds() - 60
    assert token.claims["fhirUser"] == f"{ISSUER.fhir_url}/Practitioner/p1"


def test_without_openid_there_is_no_id_token_and_without_fhir_user_no_name(smart: App) -> None:
    assert "id_token" not in smart.tokens(chosen="launch/patient patient/Patient.rs")
    got = smart.tokens(chosen="openid launch/patient patient/Patient.rs")
    token = got["id_token"].split(".")[1]
    assert b"fhirUser" not in base64.urlsafe_b64decode(token + "==")


def test_openid_configuration_is_whole(web: FlaskClient) -> None:
    """smart.md 1.4.1."""
    told = web.get("/.well-known/openid-configuration").json
    assert told
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert told[name].startswith("https://care.example")
    assert told["response_types_supported"] == ["code"]
    assert told["subject_types_supported"] == ["public"]
    assert "RS256" in told["id_token_signing_alg_values_supported"]
    assert told["authorization_response_iss_parameter_supported"] is True


def test_the_first_who_asks_for_our_keys_finds_one(web: FlaskClient, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(delete(key_table))
    assert len(web.get("/oauth/jwks").json["keys"]) == 1  # type: ignore[index]
    assert len(web.get("/oauth/jwks").json["keys"]) == 1  # type: ignore[index]


def test_published_keys_hold_no_private_part(web: FlaskClient) -> None:
    answer = web.get("/oauth/jwks")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    (key,) = answer.json["keys"]  # type: ignore[index]
    assert key["kty"] == "RSA"
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


def test_a_rotated_key_stays_published_for_a_day(engine: Engine, clock: Clock) -> None:
    with engine.begin() as conn:
        old = keys_signing.signing(conn, clock.seconds()).kid
        new = keys_signing.rotate(conn, clock.seconds())
        assert keys_signing.signing(conn, clock.seconds()).kid == new
        assert {key["kid"] for key in keys_signing.published(conn, clock.seconds())["keys"]} == {old, new}
        assert [key["kid"] for key in keys_signing.published(conn, clock.seconds() + 86_400)["keys"]] == [new]


# -- discovery


def test_g10_discovery_has_every_capability_of_both_launches(web: FlaskClient) -> None:
    """smart.md 1.1.7."""
    told = web.get("/fhir/.well-known/smart-configuration").json
    assert told
    standalone = (
        "launch-standalone client-public client-confidential-symmetric client-confidential-asymmetric "
        "sso-openid-connect context-standalone-patient permission-offline permission-patient authorize-post "
        "permission-v2 permission-v1"
    )
    ehr = (
        "launch-ehr client-confidential-symmetric client-confidential-asymmetric sso-openid-connect context-banner "
        "context-style context-ehr-patient permission-offline permission-user authorize-post permission-v2 "
        "permission-v1 context-ehr-encounter"
    )
    assert set(f"{standalone} {ehr}".split()) <= set(told["capabilities"])
    assert "authorization_code" in told["grant_types_supported"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    for name, value in told.items():
        if name.endswith(("_endpoint", "_uri")) or name == "issuer":
            assert value.startswith("https://care.example"), name


# -- introspection and revocation


@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_introspection_tells_the_app_what_its_token_is(build: Build, method: str) -> None:
    """smart.md 1.6.1, 1.6.2."""
    app = build(method)
    got = app.tokens()
    told = app.post("/oauth/introspect", token=got["access_token"]).json
    assert told["active"] is True
    assert told["client_id"] == "app"
    assert sorted(told["scope"].split()) == sorted(got["scope"].split())
    assert told["exp"] == app.clock.seconds() + 3600
    assert told["patient"] == "p9"
    assert (told["iss"], told["sub"]) == (ISSUER.url, "u1")
    assert told["fhirUser"] == f"{ISSUER.fhir_url}/Practitioner/p1"


def test_introspection_takes_a_bearer_token_too(smart: App) -> None:
    """smart.md 1.6.3 (S22@282, 283)."""
    got = smart.tokens()
    headers = {"Authorization": f"Bearer {got['access_token']}"}
    told = smart.web.post("/oauth/introspect", data={"token": got["access_token"]}, headers=headers)
    assert told.json
    assert told.json["active"] is True
    headers = {"Authorization": "Bearer made-up"}
    assert smart.web.post("/oauth/introspect", data={"token": "x"}, headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["unknown", "", "\0"])
def test_introspection_of_an_unknown_token_says_inactive_and_nothing_else(build: Build, token: str) -> None:
    """smart.md 1.6.3."""
    app = build("client_secret_basic")
    answer = app.post("/oauth/introspect", token=token)
    assert (answer.status_code, answer.json) == (200, {"active": False})


def test_introspection_of_a_dead_token_says_inactive(build: Build) -> None:
    app = build("client_secret_basic")
    got = app.tokens()
    app.clock.pass_by(3600)
    assert app.post("/oauth/introspect", token=got["access_token"]).json == {"active": False}
    newer = app.refresh(got["refresh_token"]).json
    assert app.post("/oauth/introspect", token=got["refresh_token"]).json == {"active": False}
    assert app.post("/oauth/introspect", token=newer["refresh_token"]).json["active"] is True


def test_s22_282_only_a_resource_server_looks_into_the_tokens_of_others(build: Build) -> None:
    app, nosy = build("client_secret_basic"), build("client_secret_basic", id="nosy")
    server = build("client_secret_basic", id="server", roles=frozenset({"resource-server"}))
    token = app.tokens()["access_token"]
    assert nosy.post("/oauth/introspect", token=token).json == {"active": False}
    assert server.post("/oauth/introspect", token=token).json["client_id"] == "app"


def test_introspection_needs_credentials(smart: App) -> None:
    assert smart.web.post("/oauth/introspect", data={"token": "x"}).status_code in (400, 401)
    assert smart.web.post("/oauth/introspect", data={"token": "x", "client_id": "app"}).status_code in (400, 401)


def test_revoking_an_access_token_ends_it_alone(any_app: App) -> None:
    got = any_app.tokens()
    assert any_app.post("/oauth/revoke", token=got["access_token"]).status_code == 200
    assert not any_app.opens(got["access_token"])
    assert any_app.refresh(got["refresh_token"]).status_code == 200


def test_revoking_a_refresh_token_ends_all_that_came_of_it(any_app: App) -> None:
    got = any_app.tokens()
    assert any_app.post("/oauth/revoke", token=got["refresh_token"], token_type_hint="refresh_token").status_code == 200
    assert not any_app.opens(got["access_token"])
    refused(any_app.refresh(got["refresh_token"]))


def test_nobody_revokes_the_tokens_of_another_app(smart: App, build: Build) -> None:
    got = smart.tokens()
    refused(build(id="other").post("/oauth/revoke", token=got["access_token"]))
    assert smart.opens(got["access_token"])
    assert smart.post("/oauth/revoke", token="unknown").status_code == 200


def test_g10_what_a_person_takes_back_is_over_at_once(smart: App) -> None:
    """smart.md 1.7.1."""
    got = smart.tokens()
    with smart.engine.begin() as conn:
        (given,) = authorizations.of_user(conn, "u1", smart.clock.seconds())
        assert (given.client_name, given.scope, given.context["patient"]) == ("App", SCOPE, "p9")
        authorizations.revoke(conn, given.id)
        assert authorizations.of_user(conn, "u1", smart.clock.seconds()) == []
    assert not smart.opens(got["access_token"])
    refused(smart.refresh(got["refresh_token"]))


def test_the_database_holds_neither_code_nor_token_in_plain(smart: App, tmp_path: Any) -> None:
    came = smart.allow()
    got = smart.exchange(came["code"]).json
    held = b"".join(path.read_bytes() for path in tmp_path.glob("auth.db*"))
    for secret in (came["code"], got["access_token"], got["refresh_token"], smart.verifier):
        assert secret.encode() not in held


def test_signing_out_everywhere_leaves_what_was_permitted_to_apps(smart: App) -> None:
    """An offline permission outlives the session; taking it back is a decision of its own."""
    got = smart.tokens()
    with smart.engine.begin() as conn:
        sessions.end_all(conn, "u1")
    assert smart.opens(got["access_token"])
