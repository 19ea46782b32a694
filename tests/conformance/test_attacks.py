"""Attacks, each refused, over HTTP as an attacker comes. Issue 3, "What it must show", 4, and some more:

attack                                   shown by
code replay, and its tokens die          test_code_replay_is_refused_and_kills_what_came_of_the_code
refresh re-use                           test_refresh_reuse_is_refused_and_kills_the_family
PKCE downgrade                           test_pkce_downgrade_is_refused; test_app_launch 1.2.11
wrong aud                                test_app_launch 1.2.5; of an assertion: test_backend 1.5.1
open redirect                            test_app_launch 1.2.4
mixed-up issuer                          test_mixed_up_issuer_every_answer_names_us; our client: test_our_client,
                                         tests/auth/client/test_openid.py
jti replay                               test_backend 1.5.3
alg none, wrong kid, crit                test_a_forged_header_is_refused
jku not registered                       test_backend 1.5.3
expired and future assertions            test_backend 1.5.1
scope widening at refresh                test_scope_widening_at_refresh_is_refused
one patient's token on another's record  test_a_token_of_one_patient_finds_nothing_of_another; in all ways:
                                         tests/auth/access/test_outsiders.py
CSRF                                     test_csrf_nothing_is_done_by_another_sites_form
session fixation                         test_session_fixation_a_planted_cookie_is_worth_nothing
clickjacking                             test_clickjacking_no_page_may_be_framed
SSRF through JWKS                        test_ssrf_a_key_set_inside_our_network_is_not_fetched;
                                         tests/auth/keys/test_fetched.py
SSRF through webhooks                    there are no webhooks yet; the same guard waits (auth/outgoing/guard.py)
a parameter sent twice                   test_a_parameter_sent_twice_is_refused
code injection between clients           test_code_injection_a_code_is_good_for_its_own_client_and_verifier_only
redirect_uri at the token endpoint       test_redirect_uri_must_be_the_same_at_the_token_endpoint
refresh by another client                test_a_refresh_token_is_good_for_its_own_client_only
tokens of a disabled client or person    test_who_is_shut_out_is_out_at_once
huge and deeply nested JWT and JSON      test_bombs_are_refused_without_harm
a key set with a private key             test_a_published_private_key_is_trusted_no_more
HTTP method override                     test_a_method_override_overrides_nothing
Host header                              test_host_header_our_addresses_do_not_follow_it
CRLF and unicode in state and redirect   test_crlf_in_state_and_redirect_makes_no_header
"""

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import update

from auth import store
from auth.tables import client as client_table
from carecoord.store.database.engine import writing
from tests.people import add_user_with_password

from .conftest import Launch, exchanged
from .practice import CALLBACK, EVERYTHING, PASSWORD, PEOPLES
from .serving import HOST, Site
from .visitor import ALLOW, ASSERTION, App, Browser, apps, ask_backend, assertion, came, consent, refused
from .visitor import standalone as launch

Fresh = Callable[..., Launch]


def opens(site: Site, token: str) -> bool:
    """Whether a token reads the patient, asked often enough to meet every worker."""
    found = {site.read("Patient/okafor", token).status_code for _ in range(3)}
    assert found in ({200}, {401}), found
    return found == {200}


@contextmanager
def registered(site: Site, client: store.Client, secret: str | None = None) -> Iterator[store.Client]:
    """A client of one test."""
    with writing(site.register) as conn:
        store.add_client(conn, client, 0, secret)
    yield client
    with writing(site.register) as conn:
        store.change_client(conn, replace(client, disabled=True))


# -- codes and tokens


def test_code_replay_is_refused_and_kills_what_came_of_the_code(site: Site, fresh: Fresh) -> None:
    got = fresh("public")
    assert opens(site, got.token)
    refused(got.app.exchange(got.came), "invalid_grant")
    assert not opens(site, got.token)
    refused(got.app.refresh(got.told["refresh_token"]), "invalid_grant")


def test_refresh_reuse_is_refused_and_kills_the_family(site: Site, fresh: Fresh) -> None:
    got = fresh("public")
    second = got.app.refresh(got.told["refresh_token"]).json()
    assert opens(site, second["access_token"])
    refused(got.app.refresh(got.told["refresh_token"]), "invalid_grant")
    assert not opens(site, second["access_token"])
    refused(got.app.refresh(second["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("kind", ["public", "symmetric"])
def test_pkce_downgrade_is_refused(site: Site, mina: Browser, kind: str) -> None:
    """A confidential app gets no code without a challenge either, and a challenge can not be talked away later."""
    app = apps(site)[kind]
    for change in (
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge": app.verifier, "code_challenge_method": "plain"},
    ):
        told = came(mina.go(app.address(**change)))
        assert told["error"] == "invalid_request"
        assert "code" not in told
    code = launch(app, mina)
    refused(app.exchange(code, code_verifier=None), "invalid_grant", "invalid_request")
    challenge = app.params()["code_challenge"]
    refused(app.exchange(code, code_verifier=challenge, code_challenge_method="plain"))


def test_code_injection_a_code_is_good_for_its_own_client_and_verifier_only(site: Site, mina: Browser) -> None:
    app = apps(site)["public"]
    code = launch(app, mina)
    thief = App(site, "thief")
    refused(thief.exchange(code), "invalid_grant")
    refused(thief.exchange(code, code_verifier=app.verifier), "invalid_grant")
    other_session = App(site, "public")  # the same app in somebody else's browser: another verifier
    refused(other_session.exchange(code), "invalid_grant")
    assert app.exchange(code).status_code == 200


def test_redirect_uri_must_be_the_same_at_the_token_endpoint(public_app: App, mina: Browser) -> None:
    code = launch(public_app, mina)
    for uri in (None, "", CALLBACK + "/", "https://evil.example/"):
        refused(public_app.exchange(code, redirect_uri=uri), "invalid_grant", "invalid_request")


def test_a_refresh_token_is_good_for_its_own_client_only(site: Site, fresh: Fresh) -> None:
    got = fresh("symmetric")
    refused(App(site, "thief").refresh(got.told["refresh_token"]), "invalid_grant")
    refused(apps(site)["asymmetric"].refresh(got.told["refresh_token"]), "invalid_grant")
    unnamed = {"grant_type": "refresh_token", "refresh_token": got.told["refresh_token"]}
    refused(site.post("/oauth/token", data=unnamed), "invalid_client")
    assert got.app.refresh(got.told["refresh_token"]).status_code == 200


@pytest.mark.parametrize("wider", ["patient/*.rs", "patient/Patient.cruds", "user/Patient.rs", "system/*.rs"])
def test_scope_widening_at_refresh_is_refused(fresh: Fresh, wider: str) -> None:
    got = fresh("public")
    refused(got.app.refresh(got.told["refresh_token"], scope=wider), "invalid_scope")
    refused(got.app.refresh(got.told["refresh_token"], scope=f"{got.told['scope']} {wider}"), "invalid_scope")


def test_a_token_of_one_patient_finds_nothing_of_another(site: Site, fresh: Fresh) -> None:
    token = fresh("public", "launch/patient patient/*.cruds").token
    for path in ("Patient/lindqvist", "Patient/lindqvist/_history", "Observation/lindqvist-survey/_history/1",
                 "Observation/lindqvist-survey", "Patient/lindqvist/Observation"):  # fmt: skip
        answer = site.read(path, token)
        assert answer.status_code in (403, 404) or not answer.json().get("entry"), path
    for query in ("Patient?family=Lindqvist", "Patient?_has:Observation:patient:_id=lindqvist-survey",
                  "Observation?patient=lindqvist", "Observation?subject:Patient.family=Lindqvist",
                  "Organization?_has:Patient:organization:family=Lindqvist"):  # fmt: skip
        answer = site.read(query, token)
        assert answer.status_code == 403 or answer.json().get("entry", []) == [], query
    for query in (
        "Observation?_include=Observation:encounter&_include:iterate=Encounter:subject",
        "Organization?_revinclude=Patient:organization",
        "Patient?_revinclude=Observation:patient",
    ):
        assert '"id":"lindqvist' not in site.read(query, token).text, query
    asked = ("Patient/lindqvist", "Observation?patient=lindqvist", "Observation/lindqvist-survey/_history")
    batch = {"resourceType": "Bundle", "type": "batch"}
    entry = [{"request": {"method": "GET", "url": url}} for url in asked]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    told = site.post("/fhir", json={**batch, "entry": entry}, headers=headers)
    assert told.status_code == 200
    assert '"id":"lindqvist' not in told.text
    assert "Lindqvist" not in told.text


def test_who_is_shut_out_is_out_at_once(site: Site, fresh: Fresh) -> None:
    """A client that is disabled, and a person: access tokens die, refresh tokens too, sessions too."""
    client = store.Client("leaver", "Leaver", EVERYTHING, "none", PEOPLES, redirect_uris=(CALLBACK,))
    gone = store.User("u9", "gone", "Gone", frozenset({"coordinator"}), "clinic")
    with writing(site.register) as conn:
        store.add_client(conn, client, 0)
        add_user_with_password(conn, gone, PASSWORD, 0)
    browser = Browser(site)
    browser.go("/sign-in")
    browser.sign_in("gone")
    app, public = App(site, "leaver"), App(site, "public")
    of_app, of_person = exchanged(app, launch(app, browser)), exchanged(public, launch(public, browser))
    assert opens(site, of_app.token)
    with writing(site.register) as conn:
        store.change_client(conn, replace(client, disabled=True))
    assert not opens(site, of_app.token)
    refused(app.refresh(of_app.told["refresh_token"]))
    assert site.get(app.address()).status_code == 400
    assert opens(site, of_person.token)
    with writing(site.register) as conn:
        store.change_user(conn, replace(gone, disabled=True))
    assert not opens(site, of_person.token)
    refused(public.refresh(of_person.told["refresh_token"]), "invalid_grant")
    browser.go("/account/apps")
    assert any(name == "password" for form in browser.forms() for name, _ in form.fields)
    browser.sign_in("gone")
    assert browser.page.status_code == 401


# -- the authorization request


def test_mixed_up_issuer_every_answer_names_us(site: Site, public_app: App, mina: Browser) -> None:
    """RFC 9207: an app that talks to several servers sees from `iss` whose answer it got, good or bad."""
    assert site.get("/fhir/.well-known/smart-configuration").json()["authorization_response_iss_parameter_supported"]
    assert launch(public_app, mina)["iss"] == site.url
    assert came(site.get(public_app.address(scope="nothing")))["iss"] == site.url
    elsewhere = App(site, "loader", key=site.keys.rsa)
    refused(ask_backend(elsewhere, assertion(elsewhere, aud="https://honest.example/oauth/token")), "invalid_client")


def test_a_parameter_sent_twice_is_refused(site: Site, public_app: App, mina: Browser) -> None:
    for name, value in (("redirect_uri", "https://evil.example/"), ("client_id", "thief"), ("scope", "user/*.cruds"),
                        ("state", "other"), ("aud", site.fhir), ("code_challenge_method", "S256")):  # fmt: skip
        answer = mina.go(f"{public_app.address()}&{urlencode({name: value})}")
        assert "code=" not in answer.headers.get("Location", "")
        assert not answer.headers.get("Location", "").startswith("https://evil.example"), name
        assert answer.status_code == 400 or came(answer)["error"] == "invalid_request", name
    form = [("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b"), ("client_id", "public")]
    refused(site.post("/oauth/token", data=form), "invalid_request")


@pytest.mark.parametrize(
    "state", ["x\r\nSet-Cookie: evil=1", "x\nLocation: https://evil.example/", "é漢😀", "\x00", "%0d%0a"]
)
def test_crlf_in_state_and_redirect_makes_no_header(site: Site, public_app: App, mina: Browser, state: str) -> None:
    mina.go(public_app.address(state=state))
    told = consent(mina) if mina.page.status_code == 200 else None
    answer = mina.page
    assert "evil" not in answer.cookies
    if told:
        assert told["state"] == state
        assert answer.headers["Location"].isascii()
        assert not {"\r", "\n"} & set(answer.headers["Location"])
    bad = site.get(public_app.address(state="s", redirect_uri=CALLBACK + state))
    assert bad.status_code == 400
    assert "Location" not in bad.headers
    assert "evil" not in bad.cookies


def test_host_header_our_addresses_do_not_follow_it(site: Site, public_app: App) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher",
            "Forwarded": "host=evil.example", "X-Original-URL": "/metrics"}  # fmt: skip
    for path in ("/fhir/.well-known/smart-configuration", "/.well-known/openid-configuration", "/fhir/metadata",
                 "/sign-in", "/account/apps", urlsplit(public_app.address()).path + "?" +
                 urlsplit(public_app.address()).query):  # fmt: skip
        answer = site.get(path, headers=evil)
        assert answer.status_code < 500, path
        assert "evil.example" not in answer.text, path
        assert "evil.example" not in answer.headers.get("Location", ""), path
    told = site.get("/fhir/.well-known/smart-configuration", headers=evil).json()
    assert told["issuer"] == site.url
    app = App(site, "loader", key=site.keys.rsa)
    form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION,
            "client_assertion": assertion(app, aud="https://evil.example/oauth/token")}  # fmt: skip
    refused(site.post("/oauth/token", data=form, headers=evil), "invalid_client")


# -- the person's browser


def test_csrf_nothing_is_done_by_another_sites_form(site: Site, fresh: Fresh) -> None:
    browser = Browser(site).signed_in()
    browser.go(App(site, "public").address())
    form = next(form for form in browser.forms() if ("patient", "okafor") in form.buttons)
    without = [pair for pair in form.fields if pair[0] != "csrf"]
    yes = [("patient", "okafor"), ("scope", "patient/Patient.rs"), ALLOW]
    page = browser.page
    for fields, headers in (
        (without, {}),
        ([*without, ("csrf", "made-up")], {}),
        (form.fields, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        (form.fields, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"}),
    ):
        browser.page = page
        answer = browser.send(form, [*fields, *yes], **headers)
        assert answer.status_code == 403, headers
        assert "Location" not in answer.headers
    got = fresh("public")
    browser.go("/account/apps")
    for one in (form for form in browser.forms() if form.action.endswith("/revoke")):
        assert browser.http.post(site.url + one.action, data={}).status_code == 403
    assert browser.http.post(site.url + "/sign-out", data={}).status_code == 403
    assert opens(site, got.token)


def test_session_fixation_a_planted_cookie_is_worth_nothing(site: Site) -> None:
    name = "__Host-cc" if site.secure else "cc"
    victim, attacker = Browser(site), Browser(site)
    attacker.go("/sign-in")
    for cookie in attacker.http.cookies:  # what anybody gets before signing in, planted in the victim's browser
        victim.http.cookies.set_cookie(cookie)
    victim.http.cookies.set(name, "planted", domain=HOST, path="/", secure=site.secure)
    victim.go("/sign-in")
    victim.sign_in()
    assert victim.page.status_code == 200
    values = [cookie.value for cookie in victim.http.cookies if cookie.name == name]
    assert "planted" not in values
    attacker.http.cookies.set(name, "planted", domain=HOST, path="/", secure=site.secure)
    attacker.go("/account/apps")
    assert any(n == "password" for form in attacker.forms() for n, _ in form.fields)


def test_clickjacking_no_page_may_be_framed(site: Site, public_app: App) -> None:
    browser = Browser(site)
    pages = [browser.go("/sign-in")]
    browser.sign_in()
    pages += [browser.go(public_app.address()), browser.press(("patient", "okafor"))]
    pages += [browser.go("/account/apps"), browser.go("/referrals/okafor-referral/apps"), browser.go("/")]
    for page in pages:
        assert page.status_code == 200, page.url
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"], page.url
        assert page.headers["X-Frame-Options"] == "DENY", page.url


# -- assertions and keys


def raw(header: dict[str, Any], said: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(said).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "None"}, {"alg": "HS384"}, {"alg": "RS256"}, {"kid": "ec-1"}, {"kid": "../rsa-1"},
        {"kid": "ec-published"}, {"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]},
    ],
)  # fmt: skip
def test_a_forged_header_is_refused(loader: App, header: dict[str, Any]) -> None:
    good = assertion(loader)
    said = json.loads(base64.urlsafe_b64decode(good.split(".")[1] + "=="))
    full = {"alg": "RS384", "kid": "rsa-1", "typ": "JWT", **header}
    refused(ask_backend(loader, raw(full, said)), "invalid_client")
    refused(ask_backend(loader, raw(full, said, base64.urlsafe_b64decode(good.split(".")[2] + "=="))), "invalid_client")
    if header.get("kid") == "ec-published":  # registered here, but another client's
        thief = App(loader.site, "loader", key=loader.site.keys.published)
        refused(ask_backend(thief), "invalid_client")


def test_ssrf_a_key_set_inside_our_network_is_not_fetched(site: Site) -> None:
    """The register lets an app name an address of this machine for trials; whether it is called is the guard's word."""
    site.publisher.asked.clear()
    key, port = ECKey.generate_key("P-384", {"kid": "inside"}), urlsplit(site.publisher.forbidden).port
    for n, host in enumerate(("localhost", "127.0.0.2", "2130706434", "0x7f000002", "[::ffff:127.0.0.2]")):
        new = store.Client(f"inside-{n}", "Inside", "system/*.rs", jwks_url="https://app.example/jwks.json")
        with registered(site, new) as client:
            with writing(site.register) as conn:  # past the register's own judgement
                sent = {"jwks_url": f"http://{host}:{port}/jwks.json?published"}
                conn.execute(update(client_table).where(client_table.c.id == client.id).values(**sent))
            told = refused(ask_backend(App(site, client.id, key=key)), "invalid_client")
            assert "127.0.0.2" not in json.dumps(told)
    assert site.publisher.asked == []


def published(site: Site, name: str, body: str) -> App:
    """A backend service that publishes this as its key set."""
    key = ECKey.generate_key("P-384", {"kid": name})
    site.publisher.bodies[name] = body or json.dumps(KeySet([key]).as_dict(private=True))
    with writing(site.register) as conn:
        address = f"{site.publisher.allowed}?{name}"
        store.add_client(conn, store.Client(name, name, "system/*.rs", jwks_url=address), 0)
    return App(site, name, key=key)


def test_a_published_private_key_is_trusted_no_more(site: Site) -> None:
    refused(ask_backend(published(site, "careless", "")), "invalid_client")


def test_bombs_are_refused_without_harm(site: Site, loader: App) -> None:
    deep = "[" * 3000 + "]" * 3000
    header = {"alg": "RS384", "kid": "rsa-1", "typ": "JWT"}
    nested = f"{raw(header, {}).split('.')[0]}.{base64.urlsafe_b64encode(deep.encode()).decode().rstrip('=')}.x"
    for text in (nested, "a" * 20_000, raw({**header, "x": "y" * 15_000}, {}), f"{deep}.{deep}.{deep}"):
        answer = ask_backend(loader, text)
        assert answer.status_code in (400, 401, 413), answer.text
    assert ask_backend(loader, "x" * 100_000).status_code == 413
    for n, body in enumerate((deep, "{" * 100_000, f'{{"keys": {deep}}}', "x" * 300_000)):
        refused(ask_backend(published(site, f"bomb-{n}", body)), "invalid_client")
    token = ask_backend(loader).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    bomb = '{"resourceType":"Bundle","type":"batch","entry":' + deep + "}"
    assert site.post("/fhir", data=bomb, headers=headers).status_code in (400, 403, 413, 422)
    assert site.read("Patient/okafor", token, **{"X-Padding": "x" * 4000}).status_code == 200


def test_a_method_override_overrides_nothing(site: Site, fresh: Fresh) -> None:
    got = fresh("public", "launch/patient patient/*.cruds")
    headers = {"Authorization": f"Bearer {got.token}", "X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE",
               "X-Method-Override": "DELETE"}  # fmt: skip
    assert site.get("/fhir/Patient/okafor?_method=DELETE", headers=headers).status_code in (200, 400)
    assert site.post("/fhir/Patient/okafor?_method=DELETE", headers=headers).status_code in (400, 404, 405, 415)
    assert site.post("/oauth/token?_method=GET", headers=headers, data={"_method": "DELETE"}).status_code in (400, 401)
    assert site.read("Patient/okafor", got.token).status_code == 200
    for method in ("TRACE", "CONNECT", "PROPFIND"):
        assert _raw_status(site, method) in (400, 404, 405, 501), method


def _raw_status(site: Site, method: str) -> int:
    context = ssl.create_default_context(cafile=str(site.ca)) if site.secure else None
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(HOST, site.port, timeout=10, context=context)
        if context
        else http.client.HTTPConnection(HOST, site.port, timeout=10)
    )
    try:
        connection.request(method, "/fhir/Patient/okafor")
        return connection.getresponse().status
    finally:
        connection.close()


def test_what_a_stranger_sends_is_never_answered_with_a_stack(site: Site) -> None:
    for path in ("/oauth/authorize?%ff=%fe", "/oauth/authorize?client_id=%00", "/sign-in?next=//evil.example",
                 "/sign-in?next=https://evil.example", "/oauth/authorize?scope=" + "x" * 5000):  # fmt: skip
        answer = site.get(path)
        assert answer.status_code < 500, path
        assert "Traceback" not in answer.text
        assert not answer.headers.get("Location", "").startswith(("//", "https://evil"))
    browser = Browser(site)
    browser.go("/sign-in?" + urlencode({"next": "//evil.example/x"}))
    answer = browser.sign_in()
    assert answer.url.startswith(site.url + "/")
    assert parse_qs(urlsplit(answer.url).query).get("next") is None
