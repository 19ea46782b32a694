"""Apps that register themselves (RFC 7591), look after their registration (RFC 7592), and wait for an admin."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.oauth2 import OAuth2Error
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import select

from auth import store
from auth.grant import Grant
from auth.server import registration, registrations
from auth.server.registration import RegistrationKind, parse_metadata
from carecoord.actions.apps import registration as apps_registration
from carecoord.app import wired
from carecoord.errors import Forbidden
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading, writing
from tests.auth.conftest import ISSUER, build_world, public
from tests.auth.place import CALLBACK, App, Browser, Place

SCOPE = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs"
APP = {
    "client_name": "Growth Chart", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "scope": SCOPE,
    "grant_types": ["authorization_code", "refresh_token"], "contacts": ["dev@app.example"],
    "initiate_login_uri": "https://app.example/launch", "logo_uri": "https://app.example/logo.png",
    "client_uri": "https://app.example/",
}  # fmt: skip
LET_IN = ("decision", "allow")


@pytest.fixture
def place(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """The practice, where apps may register themselves."""
    shutil.copyfile(practice, tmp_path / "practice.db")
    made = build_world(tmp_path, "practice.db")
    world = replace(made, settings=replace(made.settings, registration=True))
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


@pytest.fixture
def admin(place: Place) -> Browser:
    place.sign_in(place.person("sam", "admin"))
    return Browser(place.web)


def register(web: FlaskClient, said: dict[str, Any] | None = None, **changes: Any) -> Any:
    full = {**(APP if said is None else said), **changes}
    return web.post("/oauth/register", json={name: value for name, value in full.items() if value is not None})


def own(web: FlaskClient, method: str, got: dict[str, Any], body: Any = None, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or got['registration_access_token']}"}
    path = urlsplit(got["registration_client_uri"]).path
    return web.open(path, method=method, headers=headers, json=body)


def held(place: Place, id: str) -> store.Client | None:
    with reading(place.world.engine) as conn:
        return store.find_client(conn, id)


def decide(admin: Browser, id: str, what: str, **fields: Any) -> Any:
    """Press a button of the apps page."""
    admin.go("/apps")
    csrf = dict(admin.forms()[0].fields)["csrf"]
    return admin.web.post(f"/apps/{what}", data={"csrf": csrf, "id": id, **fields})


def used(place: Place, id: str) -> dict[str, Any]:
    """The token response once a person has opened the app and let it in."""
    place.sign_in(place.person("mina", "coordinator", fhir_user="Practitioner/mina"))
    row, browser = held(place, id), Browser(place.web)
    assert row is not None
    app = App(place, row)
    browser.go(app.address(SCOPE))
    browser.press(("patient", "okafor"))
    return app.exchange(app.came(browser.press(LET_IN)))


def audited(place: Place) -> list[tuple[str, str | None, str | None]]:
    with reading(place.world.engine) as conn:
        rows = conn.execute(select(audit.c.interaction, audit.c.subject, audit.c.resource).order_by(audit.c.n))
        return [(row[0], row[1], row[2]) for row in rows if row[0].endswith(("app", "registration", "secret"))]


# -- registering


def test_a_registration_is_answered_with_what_was_understood_and_waits(place: Place) -> None:
    answer = register(place.web)
    got = answer.json
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {name: got[name] for name in APP if name != "scope"} == {k: v for k, v in APP.items() if k != "scope"}
    assert set(got["scope"].split()) == set(SCOPE.split())
    assert got["registration_client_uri"] == f"https://care.example/oauth/register/{got['client_id']}"
    assert got["approved"] is False
    assert "client_secret" not in got
    row = held(place, got["client_id"])
    assert row is not None
    assert row.pending
    assert row.disabled
    assert audited(place) == [("register-app", got["client_id"], got["client_id"])]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", None])
def test_an_app_with_a_secret_is_told_it_once(place: Place, method: str | None) -> None:
    got = register(place.web, token_endpoint_auth_method=method).json
    assert len(got["client_secret"]) >= 40
    assert got["client_secret_expires_at"] == 0
    assert got["token_endpoint_auth_method"] == (method or "client_secret_basic")
    assert "client_secret" not in own(place.web, "GET", got).json


def test_an_app_may_bring_its_keys_or_say_where_they_are(place: Place, rsa: RSAKey) -> None:
    """S22@296, S22@297: both ways to register keys."""
    keyed: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}
    inline = register(place.web, **keyed, jwks=json.loads(public(rsa)))
    assert inline.status_code == 201
    row = held(place, inline.json["client_id"])
    assert row is not None
    assert row.jwks
    pointed = register(place.web, **keyed, jwks_uri="https://app.example/jwks.json")
    row = held(place, pointed.json["client_id"])
    assert row is not None
    assert row.jwks_url == "https://app.example/jwks.json"


def test_a_backend_service_needs_no_redirect_uri(place: Place) -> None:
    said = {
        "client_name": "Loader", "grant_types": ["client_credentials"], "scope": "system/*.rs",
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks.json",
    }  # fmt: skip
    got = register(place.web, said)
    assert got.status_code == 201
    assert got.json["response_types"] == []


BAD = [
    ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri", "https"),
    ({"redirect_uris": ["https://app.example/#x"]}, "invalid_redirect_uri", "fragment"),
    ({"redirect_uris": ["javascript://localhost/%0aalert(1)"]}, "invalid_redirect_uri", "https"),
    ({"redirect_uris": ["https://app.example/cb https://evil.example/"]}, "invalid_redirect_uri", "address"),
    ({"redirect_uris": ["https://user:pw@app.example/"]}, "invalid_redirect_uri", "address"),
    ({"redirect_uris": ["https://[bad/"]}, "invalid_redirect_uri", "address"),
    ({"redirect_uris": ["https://app.example\\\\@evil.example/"]}, "invalid_redirect_uri", "address"),
    ({"redirect_uris": None}, "invalid_redirect_uri", "at least one"),
    ({"redirect_uris": CALLBACK}, "invalid_client_metadata", "a list"),
    ({"redirect_uris": [CALLBACK] * 21}, "invalid_client_metadata", "at most 20"),
    ({"client_name": None}, "invalid_client_metadata", "client_name"),
    ({"client_name": "x" * 101}, "invalid_client_metadata", "client_name"),
    ({"client_name": "Growth\u202ethraC"}, "invalid_client_metadata", "client_name"),
    ({"client_name": {"en": "x"}}, "invalid_client_metadata", "client_name"),
    ({"scope": None}, "invalid_client_metadata", "scope"),
    ({"scope": "openid everything"}, "invalid_client_metadata", "scope"),
    ({"scope": "patient/Nonsense.rs"}, "invalid_client_metadata", "scope"),
    ({"grant_types": ["password"]}, "invalid_client_metadata", "not password"),
    ({"grant_types": ["refresh_token"]}, "invalid_client_metadata", "authorization_code"),
    ({"grant_types": ["authorization_code", "client_credentials"]}, "invalid_client_metadata", "private_key_jwt"),
    ({"response_types": ["token"]}, "invalid_client_metadata", "not token"),
    ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata", "tls_client_auth"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "jwks"),
    ({"jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata", "jwks"),
    ({"jwks_uri": "http://10.0.0.1/jwks", "token_endpoint_auth_method": "private_key_jwt"},
     "invalid_client_metadata", "jwks_uri"),
    ({"jwks": {"keys": []}, "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "no key"),
    ({"jwks": "keys", "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "Key Set"),
    ({"initiate_login_uri": "http://app.example/launch"}, "invalid_client_metadata", "initiate_login_uri"),
    ({"launch_url": "ftp://app.example", "initiate_login_uri": None}, "invalid_client_metadata", "initiate_login_uri"),
    ({"logo_uri": "nowhere"}, "invalid_client_metadata", "logo_uri"),
    ({"software_statement": "eyJ.."}, "unapproved_software_statement", "software statement"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error", "word"), BAD)
def test_what_can_not_be_registered_is_refused_in_words(
    place: Place, changes: dict[str, Any], error: str, word: str
) -> None:
    answer = register(place.web, **changes)
    assert answer.status_code == 400
    assert answer.json["error"] == error
    assert word in answer.json["error_description"]
    with reading(place.world.engine) as conn:
        assert store.clients(conn) == []


def test_a_registered_private_key_is_refused(place: Place, rsa: RSAKey) -> None:
    keys = {"keys": [rsa.as_dict(private=True)]}
    answer = register(place.web, token_endpoint_auth_method="private_key_jwt", jwks=keys)
    assert answer.json["error"] == "invalid_client_metadata"
    assert "private" in answer.json["error_description"]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'"x"', b"{" * 3000])
def test_a_body_that_is_no_registration_is_refused(place: Place, body: bytes) -> None:
    answer = place.web.post("/oauth/register", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == "invalid_client_metadata"
    assert place.web.post("/oauth/register", data=APP).status_code == 400
    large = place.web.post("/oauth/register", data=b"{" + b" " * 70_000 + b"}", content_type="application/json")
    assert large.status_code in (400, 413)


def test_only_so_many_registrations_wait_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrations, "MOST_PENDING", 2)
    assert [register(place.web).status_code for _ in range(3)] == [201, 201, 429]


def test_a_registration_that_nobody_answered_for_a_month_makes_room(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "MOST_PENDING", 1)
    old = register(place.web).json
    assert register(place.web).status_code == 429
    place.world.clock.pass_by(registrations.LONGEST_WAIT)  # type: ignore[attr-defined]
    assert register(place.web).status_code == 201
    assert held(place, old["client_id"]) is None


def test_a_kind_of_registration_is_one_row_of_a_table() -> None:
    """The seam for software statements and UDAP: decision record 0018."""

    def read(said: dict[str, Any]) -> dict[str, Any]:
        return {**said, "client_name": f"{said['software_statement']}, vouched for"}

    kinds = (RegistrationKind("statement", lambda said: "software_statement" in said, read), *registration.KINDS)
    told = parse_metadata({**APP, "software_statement": "Growth"}, ISSUER, kinds)
    assert told["client_name"] == "Growth, vouched for"
    assert parse_metadata(APP, ISSUER, kinds)["client_name"] == "Growth Chart"
    with pytest.raises(OAuth2Error):
        parse_metadata({**APP, "software_statement": "Growth"}, ISSUER)


def test_registration_is_offered_only_where_it_is_switched_on(practice: Path, tmp_path: Path, place: Place) -> None:
    """S22@378: what is told is there, and absolute."""
    where = "/fhir/.well-known/smart-configuration"
    assert place.web.get(where).get_json()["registration_endpoint"] == "https://care.example/oauth/register"
    assert "/oauth/register" in place.web.get("/fhir/metadata").text
    folder = tmp_path / "off"
    folder.mkdir()
    shutil.copyfile(practice, folder / "practice.db")
    world = build_world(folder, "practice.db")
    web = wired(world).test_client()
    assert "registration_endpoint" not in web.get(where).get_json()
    assert register(web).status_code == 404
    world.engine.dispose()


# -- waiting


def test_a_waiting_app_is_told_so_by_the_token_endpoint(place: Place) -> None:
    got = register(place.web, token_endpoint_auth_method="client_secret_post").json
    form = {"grant_type": "authorization_code", "code": "x", "client_id": got["client_id"]}
    answer = place.web.post("/oauth/token", data={**form, "client_secret": got["client_secret"]})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == "unauthorized_client"
    assert "waits for approval" in answer.json["error_description"]


def test_a_person_who_opens_a_waiting_app_is_told_so(place: Place) -> None:
    got = register(place.web).json
    place.sign_in(place.person("mina", "coordinator"))
    row = held(place, got["client_id"])
    assert row is not None
    page = place.web.get(App(place, row).address(SCOPE), headers={"Accept": "text/html"})
    assert page.status_code == 400
    assert "waits for approval" in page.text


def test_an_app_works_once_an_admin_has_let_it_in_with_no_more_than_that(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    page = admin.go("/apps").text
    assert "1 waits for your answer" in page
    assert "Read patient details" in page
    assert "dev@app.example" in page
    assert decide(admin, got["client_id"], "approve", scope=["openid", "patient/Patient.rs"]).status_code == 200
    row = held(place, got["client_id"])
    assert row is not None
    assert (row.pending, row.disabled) == (False, False)
    assert set(row.scope.split()) == {"launch/patient", "openid", "patient/Patient.rs"}
    told = own(place.web, "GET", got).json
    assert told["approved"] is True
    assert set(told["scope"].split()) == set(row.scope.split())
    token = used(place, got["client_id"])
    assert "patient/Observation.rs" not in token["scope"]
    assert place.fhir(token["access_token"], "GET", "Patient/okafor").status_code == 200
    assert place.fhir(token["access_token"], "GET", "Observation?patient=okafor").status_code == 403
    assert ("approve-app", "sam", got["client_id"]) in audited(place)


def test_an_app_that_was_turned_away_is_gone_with_its_token(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    assert decide(admin, got["client_id"], "refuse").status_code == 200
    assert held(place, got["client_id"]) is None
    assert own(place.web, "GET", got).status_code == 401
    assert ("refuse-app", "sam", got["client_id"]) in audited(place)


def test_an_app_can_not_be_let_in_with_nothing(place: Place, admin: Browser) -> None:
    got = register(place.web, scope="patient/Patient.rs").json
    answer = decide(admin, got["client_id"], "approve")
    assert answer.status_code == 422
    assert "leave it something" in answer.text


# -- RFC 7592


def test_an_app_reads_its_registration_with_its_own_token_only(place: Place) -> None:
    one, other = register(place.web).json, register(place.web).json
    told = own(place.web, "GET", one).json
    assert told == {name: value for name, value in one.items() if name != "client_id_issued_at"}
    assert own(place.web, "GET", one, token=other["registration_access_token"]).status_code == 401
    assert own(place.web, "GET", one, token="x").status_code == 401
    unknown = {**one, "registration_client_uri": one["registration_client_uri"] + "x"}
    assert own(place.web, "GET", unknown).status_code == 401
    assert place.web.get(f"/oauth/register/{one['client_id']}").status_code == 401


def test_a_changed_registration_waits_anew_and_its_tokens_die(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    decide(admin, got["client_id"], "approve", scope=SCOPE.split())
    token = used(place, got["client_id"])
    place.world.clock.pass_by(60)  # type: ignore[attr-defined]
    changed = own(place.web, "PUT", got, {**APP, "client_id": got["client_id"], "scope": f"{SCOPE} patient/*.cruds"})
    assert changed.status_code == 200
    assert changed.json["approved"] is False
    assert place.fhir(token["access_token"], "GET", "Patient/okafor").status_code == 401
    row = held(place, got["client_id"])
    assert row is not None
    assert row.pending
    place.world.clock.pass_by(registrations.LONGEST_WAIT - 1)  # type: ignore[attr-defined]
    register(place.web)
    assert held(place, got["client_id"]), "it waits from the change on, not from its first registration"
    assert ("change-registration", got["client_id"], got["client_id"]) in audited(place)


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"}, {"client_id": None}, {"client_secret": "not mine"}, {"client_secret": 5},
        {"registration_access_token": "x"}, {"client_id_issued_at": 5}, {"client_secret_expires_at": 0},
        {"redirect_uris": ["http://evil.example/"]},
    ],
)  # fmt: skip
def test_a_change_that_is_not_the_apps_to_make_changes_nothing(place: Place, wrong: dict[str, Any]) -> None:
    got = register(place.web, token_endpoint_auth_method="client_secret_basic").json
    said = {**APP, "token_endpoint_auth_method": "client_secret_basic", "client_id": got["client_id"], **wrong}
    answer = own(place.web, "PUT", got, {name: value for name, value in said.items() if value is not None})
    assert answer.status_code == 400
    row = held(place, got["client_id"])
    assert row is not None
    assert row.redirect_uris == (CALLBACK,)


def test_a_secret_is_kept_through_a_change_when_it_is_shown_and_made_anew_when_not(place: Place) -> None:
    secret: dict[str, Any] = {"token_endpoint_auth_method": "client_secret_basic"}
    got = register(place.web, **secret).json
    said = {**APP, **secret, "client_id": got["client_id"]}
    assert "client_secret" not in own(place.web, "PUT", got, {**said, "client_secret": got["client_secret"]}).json
    with reading(place.world.engine) as conn:
        assert store.is_secret(conn, got["client_id"], got["client_secret"])
    again = own(place.web, "PUT", got, said).json
    assert again["client_secret"] != got["client_secret"]
    with reading(place.world.engine) as conn:
        assert not store.is_secret(conn, got["client_id"], got["client_secret"])


def test_an_app_ends_its_registration_and_everything_that_came_of_it(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    decide(admin, got["client_id"], "approve", scope=SCOPE.split())
    token = used(place, got["client_id"])
    assert own(place.web, "DELETE", got).status_code == 204
    assert place.fhir(token["access_token"], "GET", "Patient/okafor").status_code == 401
    assert own(place.web, "GET", got).status_code == 401
    assert "Growth Chart" not in place.web.get("/account/apps").text


# -- the admin's page


@pytest.mark.parametrize("role", ["coordinator", "clinician", "payer", "contracts", "auditor"])
def test_apps_are_for_admins_alone(place: Place, role: str) -> None:
    got = register(place.web).json
    place.sign_in(place.person("nosy", role))
    assert place.web.get("/apps").status_code == 403
    for what in ("approve", "refuse", "disable", "enable", "secret", "redirect", "add"):
        answer = place.web.post(f"/apps/{what}", data={"id": got["client_id"]})
        assert answer.status_code == 403
    row = held(place, got["client_id"])
    assert row is not None
    assert row.pending


def test_a_form_of_another_site_decides_nothing(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    for data in ({"id": got["client_id"]}, {"id": got["client_id"], "csrf": "x"}):
        assert admin.web.post("/apps/approve", data=data).status_code == 403
    row = held(place, got["client_id"])
    assert row is not None
    assert row.pending


def test_what_an_app_calls_itself_can_not_break_the_page(place: Place, admin: Browser) -> None:
    register(place.web, client_name='"><script>alert(1)</script>', contacts=["<b>x</b>"])
    page = admin.go("/apps").text
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page


def test_an_admin_adds_an_app_by_hand_and_sees_its_secret_once(place: Place, admin: Browser) -> None:
    form = {
        "name": "Night  Shift", "redirect_uris": f"{CALLBACK}\nhttps://app.example/two",
        "method": "client_secret_basic", "scope": "launch openid patient/*.rs",
    }  # fmt: skip
    page = decide(admin, "", "add", **form).text
    assert page.count('id="secret"') == 1
    assert 'id="secret"' not in admin.go("/apps").text
    with reading(place.world.engine) as conn:
        (row,) = store.clients(conn)
    assert row.name == "Night Shift"
    assert row.redirect_uris == (CALLBACK, "https://app.example/two")
    refused = decide(admin, "", "add", **{**form, "redirect_uris": "http://app.example/"})
    assert refused.status_code == 422
    assert "http://app.example/" in refused.text


def test_an_admin_disables_and_enables_changes_addresses_and_secrets(place: Place, admin: Browser) -> None:
    app = place.app(SCOPE, method="none")
    with writing(place.world.engine) as conn:
        row = store.Token("access", "app", "u", SCOPE, place.now(), place.now() + 300)
        plain = store.issue(conn, row)
    assert place.fhir(plain, "GET", "Patient/okafor").status_code != 401
    assert decide(admin, "app", "disable").status_code == 200
    assert place.fhir(plain, "GET", "Patient/okafor").status_code == 401
    assert "Disabled" in admin.go("/apps").text
    decide(admin, "app", "enable")
    decide(admin, "app", "redirect", redirect_uris="https://app.example/new")
    found = held(place, "app")
    assert found is not None
    assert (found.disabled, found.redirect_uris) == (False, ("https://app.example/new",))
    assert decide(admin, "app", "redirect", redirect_uris="nonsense").status_code == 422
    assert decide(admin, "app", "secret").status_code == 400, "a public app has no secret"
    assert app.client.method == "none"
    assert [row[0] for row in audited(place)][-3:] == ["disable-app", "enable-app", "redirect-app"]


def test_enabling_does_not_let_a_waiting_app_in(place: Place, admin: Browser) -> None:
    got = register(place.web).json
    decide(admin, got["client_id"], "enable")
    row = held(place, got["client_id"])
    assert row is not None
    assert (row.pending, row.disabled) == (True, True)


def test_the_verbs_themselves_ask_who_decides(place: Place) -> None:
    nobody = Grant("u", roles=frozenset({"coordinator"}))
    verbs: list[Callable[[], Any]] = [
        lambda: apps_registration.apps(place.world, nobody),
        lambda: apps_registration.approve(place.world, nobody, "x"),
        lambda: apps_registration.refuse(place.world, nobody, "x"),
        lambda: apps_registration.disable(place.world, nobody, "x"),
        lambda: apps_registration.new_secret(place.world, nobody, "x"),
    ]
    for verb in verbs:
        with pytest.raises(Forbidden):
            verb()
