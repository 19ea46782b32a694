"""Section 1.2: authorize, code, token. Launches of each kind of app, looked at from every side."""

import socket
import ssl
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import EHR, Launch, exchanged
from .practice import CALLBACK
from .serving import HOST, Site
from .visitor import ALLOW, DENY, STANDALONE, STATE, App, Browser, apps, came, consent, ehr_launch, from_desk, refused
from .visitor import standalone as launch

Fresh = Callable[..., Launch]


def handshake(site: Site, version: ssl.TLSVersion) -> str | None:
    """Shake hands in exactly this version of TLS; its name as agreed."""
    context = ssl.create_default_context(cafile=str(site.ca) if site.secure else None)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # else our own library would not even offer the old ones
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection((HOST, site.port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as done,
    ):
        return done.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_smart_1_2_1_tls_1_2_is_the_least_that_the_endpoints_speak(site: Site) -> None:
    if not site.secure:  # TLS is the proxy's then; here nobody answers a handshake, and the addresses say so
        assert site.get("/fhir/.well-known/smart-configuration").json()["token_endpoint"].startswith("http://")
        with pytest.raises(ssl.SSLError):
            handshake(site, ssl.TLSVersion.TLSv1_2)
        return
    assert handshake(site, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert handshake(site, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(site, old)


def test_smart_1_2_1_cookies_are_bound_to_the_host_and_to_tls_where_there_is_tls(site: Site, mina: Browser) -> None:
    assert len(mina.http.cookies) >= 1
    for cookie in mina.http.cookies:
        assert cookie.name.startswith("__Host-") == site.secure
        assert cookie.secure == site.secure
        assert cookie.has_nonstandard_attr("HttpOnly")


def test_smart_1_2_2_the_desk_sends_the_browser_to_the_app_with_iss_and_launch(site: Site, mina: Browser) -> None:
    told = from_desk(apps(site)["public"], mina)
    assert set(told) == {"iss", "launch"}
    assert told["iss"] == site.fhir
    assert len(told["launch"]) >= 22


def test_smart_1_2_2_without_the_echoed_launch_value_there_is_no_code(public_app: App, mina: Browser) -> None:
    for value in (None, "", "made-up"):
        told = came(mina.go(public_app.address(EHR, launch=value)))
        assert told["error"] == "invalid_request"
        assert "code" not in told


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_smart_1_2_3_s22_48_49_authorize_takes_get_and_a_posted_form(
    site: Site, public_app: App, mina: Browser, method: str
) -> None:
    params = public_app.params()
    if method == "GET":
        mina.go(public_app.address())
    else:  # as a page of the app's own would send it: without our cookie, which is the browser's to keep back
        answer = site.post("/oauth/authorize", data=params)
        assert answer.status_code == 303
        sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        assert sent == params
        mina.go(answer.headers["Location"])
    assert ("patient", "okafor") in [button for form in mina.forms() for button in form.buttons]


def test_smart_1_2_4_the_redirect_carries_a_code_and_the_exact_state(launched: Launch) -> None:
    assert launched.came["state"] == STATE
    assert launched.came["code"]
    assert launched.came["iss"] == launched.app.site.url  # RFC 9207
    assert "error" not in launched.came


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_smart_1_2_4_an_error_reaches_the_app_with_its_state_and_without_a_code(
    site: Site, public_app: App, change: dict[str, str | None], error: str
) -> None:
    told = came(site.get(public_app.address(**{"scope": STANDALONE, **change})))  # type: ignore[arg-type]
    assert (told["error"], told["state"]) == (error, STATE)
    assert "code" not in told


def test_smart_1_2_4_a_no_is_told_to_the_app(public_app: App, mina: Browser) -> None:
    mina.go(public_app.address())
    told = came(mina.press(DENY))
    assert (told["error"], told["state"]) == ("access_denied", STATE)
    assert "code" not in told


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "nobody"}, {"client_id": None}, {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": CALLBACK + "/"}, {"redirect_uri": CALLBACK + "?x=1"}, {"redirect_uri": None},
    ],
)  # fmt: skip
def test_smart_1_2_4_before_client_and_address_are_known_nobody_is_redirected(
    site: Site, public_app: App, change: dict[str, str | None]
) -> None:
    for more in ({}, {"response_type": "token"}, {"scope": "system/*.rs"}):
        answer = site.get(public_app.address(**{**change, **more}))
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert "evil.example" not in answer.headers.get("Content-Security-Policy", "")


@pytest.mark.parametrize("aud", [None, "", "https://evil.example/fhir", "https://app.example"])
def test_smart_1_2_5_g10_a_wrong_aud_gets_no_code(public_app: App, mina: Browser, aud: str | None) -> None:
    told = came(mina.go(public_app.address(aud=aud)))
    assert told["error"] == "invalid_request"
    assert "code" not in told


def test_smart_1_2_6_the_token_answer_is_whole_and_not_to_be_kept(launched: Launch) -> None:
    told, headers = launched.told, launched.answer.headers
    assert launched.answer.headers["Content-Type"].startswith("application/json")
    assert all(isinstance(told[name], str) and told[name] for name in ("access_token", "token_type", "scope"))
    assert told["token_type"].lower() == "bearer"
    assert type(told["expires_in"]) is int
    assert 0 < told["expires_in"] <= 3600
    assert "no-store" in headers["Cache-Control"]
    assert "no-cache" in headers["Pragma"]


def test_smart_1_2_7_the_launch_context_stands_at_the_top_level(ehr: Launch, site: Site) -> None:
    told = ehr.told
    assert (told["patient"], told["encounter"]) == ("okafor", "okafor-visit")
    assert told["need_patient_banner"] is True
    style = site.get(told["smart_style_url"], headers={"Origin": "https://app.example"})
    assert style.json()["color_background"].startswith("#")
    assert site.read(f"Patient/{told['patient']}", ehr.token).status_code == 200
    assert site.read(f"Encounter/{told['encounter']}", ehr.token).status_code == 200


def test_smart_1_2_7_a_standalone_launch_brings_the_picked_patient_and_encounter(
    site: Site, public_app: App, mina: Browser
) -> None:
    scope = "launch/patient launch/encounter patient/Patient.rs patient/Encounter.rs"
    got = exchanged(public_app, launch(public_app, mina, scope))
    assert (got.told["patient"], got.told["encounter"]) == ("okafor", "okafor-visit")
    assert site.read("Encounter/okafor-visit", got.token).status_code == 200


def test_smart_1_2_8_fhir_context_is_a_list_of_objects_with_relative_references(ehr: Launch, site: Site) -> None:
    shown = ehr.told["fhirContext"]
    assert shown == [{"reference": "ServiceRequest/okafor-referral"}]
    for one in shown:
        assert set(one) & {"reference", "canonical", "identifier"}
        assert not one["reference"].startswith("http")
        kind = one.get("type", one["reference"].partition("/")[0])
        assert kind in {each["type"] for each in site.get("/fhir/metadata").json()["rest"][0]["resource"]}


def test_smart_1_2_9_a_page_of_another_origin_may_exchange_a_code(public_app: App) -> None:
    answer = public_app.post("/oauth/token", grant_type="authorization_code", headers={"Origin": "https://app.example"})
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "content-type, authorization"
    before = public_app.site.ask("OPTIONS", "/oauth/token", headers=asked)
    assert before.ok
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "authorization" in before.headers["Access-Control-Allow-Headers"].lower()


def test_smart_1_2_10_scopes_beyond_reach_are_narrowed_in_silence(public_app: App, mina: Browser) -> None:
    asked = f"{STANDALONE} system/*.rs patient/Nonsense.rs made/up user/Patient.rs?no-such-parameter=1"
    got = exchanged(public_app, launch(public_app, mina, asked))
    assert set(got.told["scope"].split()) == set(STANDALONE.split())


def test_smart_1_2_11_an_invalid_code_or_client_is_refused(launched: Launch, site: Site) -> None:
    for code in ("made-up", "", None):
        refused(launched.app.exchange({"code": "x"}, code=code), "invalid_grant", "invalid_request")
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK, "client_id": "nobody"}
    refused(site.post("/oauth/token", data=form), "invalid_client")


def test_smart_1_2_11_pkce_a_verifier_missing_blank_wrong_or_equal_to_the_challenge_is_refused(
    public_app: App, mina: Browser
) -> None:
    code = launch(public_app, mina)
    for verifier in (None, "", "wrong" * 10, public_app.params()["code_challenge"]):
        refused(public_app.exchange(code, code_verifier=verifier), "invalid_grant", "invalid_request")
    assert public_app.exchange(code).status_code == 200


def test_smart_1_2_12_an_asymmetric_app_signs_for_the_token_address_each_time(
    site: Site, standalone: dict[str, Launch], mina: Browser
) -> None:
    app = apps(site)["asymmetric"]
    code = launch(app, mina)
    unsigned = App(site, app.id, verifier=app.verifier)
    refused(unsigned.exchange(code), "invalid_client")
    elsewhere = app.credentials(aud="https://evil.example/oauth/token")["data"]
    refused(unsigned.exchange(code, **elsewhere), "invalid_client")
    got = exchanged(app, code).told
    refused(unsigned.refresh(got["refresh_token"]), "invalid_client")
    assert app.refresh(got["refresh_token"]).status_code == 200


def test_smart_1_2_13_the_patient_is_read_with_the_token_and_not_without(launched: Launch, site: Site) -> None:
    read = site.read("Patient/okafor", launched.token)
    assert read.status_code == 200
    assert read.json()["resourceType"] == "Patient"
    for token in (None, "made-up"):
        answer = site.read("Patient/okafor", token)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_smart_1_2_14_g10_exactly_the_types_that_were_declined_are_refused(site: Site, fresh: Fresh) -> None:
    asked = "launch/patient " + " ".join(f"patient/{t}.rs" for t in ("Patient", "Observation", "Condition", "Coverage"))
    got = fresh("public", asked, drop=("patient/Condition.rs", "patient/Coverage.rs"))
    assert set(got.told["scope"].split()) == {"launch/patient", "patient/Patient.rs", "patient/Observation.rs"}
    for path in ("Patient/okafor", "Observation/okafor-survey", "Observation?patient=okafor"):
        assert site.read(path, got.token).status_code == 200, path
    for path in ("Condition/okafor-problem", "Condition?patient=okafor", "Coverage/okafor-medical", "Coverage"):
        assert site.read(path, got.token).status_code == 403, path


def test_smart_1_2_14_g10_a_type_can_be_given_in_part_and_is_then_gone_as_a_whole(
    site: Site, public_app: App, mina: Browser
) -> None:
    mina.go(public_app.address("launch/patient patient/Observation.rs"))
    mina.press(("patient", "okafor"))
    parts = [value for form in mina.forms() for name, value in form.offered if "?" in value]
    lab = next(value for value in parts if value.endswith("|laboratory"))
    told = came(mina.press(ALLOW, drop=("patient/Observation.rs",), add=(lab,)))
    got = exchanged(public_app, told)
    assert set(got.told["scope"].split()) == {"launch/patient", lab}
    assert site.ids("Observation", got.token) == ["okafor-both", "okafor-laboratory"]


@pytest.mark.parametrize(
    ("asked", "may", "may_not"),
    [
        ("patient/*.read", ["GET"], ["PUT"]),
        ("patient/Condition.write", ["PUT"], ["GET"]),
        ("patient/Task.*", ["GET", "PUT"], []),
    ],
)
def test_smart_1_2_15_version_1_scopes_work_and_are_answered_in_version_1(
    site: Site, fresh: Fresh, asked: str, may: list[str], may_not: list[str]
) -> None:
    """What is asked of the role as well (a coordinator writes tasks, not conditions) is no matter of scopes."""
    got = fresh("public", f"launch/patient {asked}")
    assert set(got.told["scope"].split()) == {"launch/patient", asked}
    path = "/fhir/Condition/okafor-problem" if "Condition" in asked else "/fhir/Task/okafor-approve"
    headers = {"Authorization": f"Bearer {got.token}", "Content-Type": "application/fhir+json"}
    for method in (*may, *may_not):
        body = site.read("Task/okafor-approve", got.token).text if "Task" in path and method == "PUT" else "{}"
        status = site.ask(method, path, headers=headers, data=body if method == "PUT" else None).status_code
        if method in may_not:
            assert status in (400, 403)
        elif "Task" in path:
            assert status == 200


def test_smart_1_2_16_patient_scopes_alone_make_somebody_pick_a_patient(public_app: App, mina: Browser) -> None:
    mina.go(public_app.address("openid patient/Patient.rs"))
    assert exchanged(public_app, consent(mina)).told["patient"] == "okafor"


def test_smart_1_2_16_patient_scopes_in_an_ehr_launch_are_of_the_patient_in_context(site: Site, mina: Browser) -> None:
    app = apps(site)["public"]
    got = exchanged(app, ehr_launch(app, mina, "launch patient/Patient.rs"))
    assert got.told["patient"] == "okafor"
    assert site.ids("Patient", got.token) == ["okafor"]
