"""SMART App Launch as the person sees it, and the app gets it: pages, forms, redirects, and then the FHIR API."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from auth import store
from tests.auth.place import CALLBACK, LAB, URL, App, Browser, Place

SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"
ALLOW, DENY = ("decision", "allow"), ("decision", "deny")
OKAFOR = ("patient", "okafor")


@pytest.fixture
def mina(place: Place) -> store.User:
    who = place.person("mina", "coordinator", fhir_user="Practitioner/mina")
    place.sign_in(who)
    return who


@pytest.fixture
def app(place: Place) -> App:
    return place.app(
        f"{SCOPE} launch launch/encounter user/Task.cruds patient/*.rs patient/*.read patient/Encounter.rs"
    )


@pytest.fixture
def visitor(place: Place) -> Browser:
    return Browser(place.web)


def test_a_standalone_launch_from_sign_in_to_the_record(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.2.4 to 1.2.7, 1.2.13."""
    who = place.person("mina", "coordinator", fhir_user="Practitioner/mina")
    asked = visitor.go(app.address(SCOPE))
    assert asked.status_code == 303
    back = parse_qs(urlsplit(asked.location).query)["next"][0]
    assert urlsplit(asked.location).path == "/sign-in"
    assert back.startswith("/oauth/authorize?")
    place.sign_in(who)
    picker = visitor.go(back)
    assert "Okafor, Ngozi" in picker.text
    assert "Lindqvist" not in picker.text  # another organization's patient
    consent = visitor.press(OKAFOR)
    assert "Growth Chart" in consent.text
    assert "Okafor, Ngozi" in consent.text
    assert "Read observations" in consent.text
    came = app.came(visitor.press(ALLOW))
    assert came["state"] == "st/+ =&"
    assert came["iss"] == URL
    got = app.exchange(came)
    assert got["patient"] == "okafor"
    assert set(got["scope"].split()) == set(SCOPE.split())
    assert place.fhir(got["access_token"], "GET", "Patient/okafor").status_code == 200
    assert place.fhir(None, "GET", "Patient/okafor").status_code == 401


@pytest.mark.usefixtures("mina")
def test_s22_48_authorize_takes_a_form_too(place: Place, app: App) -> None:
    """smart.md 1.2.3 (S22@48, 49)."""
    params = {name: values[0] for name, values in parse_qs(urlsplit(app.address(SCOPE)).query).items()}
    answer = place.web.post("/oauth/authorize", data=params)
    assert answer.status_code == 303
    assert {n: v[0] for n, v in parse_qs(urlsplit(answer.location).query).items()} == params
    assert "Choose a patient" in place.web.get(answer.location).text


@pytest.mark.usefixtures("mina")
def test_patients_are_found_by_name_and_by_number(app: App, visitor: Browser) -> None:
    visitor.go(app.address(SCOPE))
    search = visitor.forms()[0]
    assert "Okafor" in visitor.send(search, words="oka").text
    assert "Okafor" in visitor.send(search, words="MRN-okafor").text
    for words in ("lindqvist", "MRN-lindqvist", "nobody", "a,b|c\\", "x" * 5000):
        assert "No patient that you may see" in visitor.send(search, words=words).text, words
    assert "Okafor" in visitor.send(search, words="\0").text  # nothing asked


@pytest.mark.parametrize("forged", ["lindqvist", "nobody", "../x", "\0"])
@pytest.mark.usefixtures("mina")
def test_a_patient_that_the_person_may_not_see_can_not_be_smuggled_in(app: App, visitor: Browser, forged: str) -> None:
    visitor.go(app.address(SCOPE))
    form = visitor.forms()[1]
    assert visitor.send(form, patient=forged).status_code in (400, 404)
    assert visitor.send(form, patient=forged, decision="allow", scope="patient/Patient.rs").status_code in (400, 404)


@pytest.mark.usefixtures("mina")
def test_single_scopes_can_be_declined(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.2.14 (g10 limited scopes)."""
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    got = app.exchange(app.came(visitor.press(ALLOW, drop=("patient/Observation.rs", "offline_access"))))
    assert set(got["scope"].split()) == {"openid", "fhirUser", "launch/patient", "patient/Patient.rs"}
    assert "refresh_token" not in got
    assert place.fhir(got["access_token"], "GET", "Observation?patient=okafor").status_code == 403
    assert place.fhir(got["access_token"], "GET", "Observation/okafor-lab").status_code == 403
    assert place.fhir(got["access_token"], "GET", "Patient/okafor").status_code == 200


@pytest.mark.usefixtures("mina")
def test_g10_a_whole_type_can_be_given_in_part(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.2.14, 1.8."""
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    lab = f"patient/Observation.rs?category={LAB}"
    assert ("scope", lab) in visitor.forms()[0].offered
    got = app.exchange(app.came(visitor.press(ALLOW, drop=("patient/Observation.rs",), add=(lab,))))
    assert lab in got["scope"].split()
    assert "patient/Observation.rs" not in got["scope"].split()
    found = place.fhir(got["access_token"], "GET", "Observation").json
    assert found
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["okafor-lab"]
    assert place.fhir(got["access_token"], "GET", "Observation/okafor-lab").status_code == 200
    assert place.fhir(got["access_token"], "GET", "Observation/okafor-survey").status_code == 404


@pytest.mark.usefixtures("mina")
def test_everything_can_be_given_type_by_type(app: App, visitor: Browser) -> None:
    visitor.go(app.address("launch/patient patient/*.rs"))
    visitor.press(OKAFOR)
    offered = {value for _, value in visitor.forms()[0].offered}
    assert {"patient/Patient.rs", "patient/Immunization.rs", "patient/Organization.rs"} <= offered
    assert "patient/Contract.rs" not in offered or "patient/AuditEvent.rs" in offered
    some = ("patient/Patient.rs", "patient/Immunization.rs")
    got = app.exchange(app.came(visitor.press(ALLOW, drop=("patient/*.rs",), add=some)))
    assert set(got["scope"].split()) == {"launch/patient", *some}


@pytest.mark.usefixtures("mina")
def test_version_1_scopes_work_and_are_answered_in_version_1(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.2.15."""
    visitor.go(app.address("launch/patient patient/*.read"))
    visitor.press(OKAFOR)
    got = app.exchange(app.came(visitor.press(ALLOW)))
    assert set(got["scope"].split()) == {"launch/patient", "patient/*.read"}
    assert place.fhir(got["access_token"], "GET", "Observation/okafor-lab").status_code == 200
    assert place.fhir(got["access_token"], "PUT", "Patient/okafor", {}).status_code in (400, 403, 422)


@pytest.mark.usefixtures("mina")
def test_declining_is_told_to_the_app(app: App, visitor: Browser) -> None:
    visitor.go(app.address(SCOPE))
    came = app.came(visitor.press(DENY))
    assert came["error"] == "access_denied"
    assert came["iss"] == URL
    assert "code" not in came


@pytest.mark.usefixtures("mina")
def test_an_encounter_is_picked_among_the_patients(app: App, visitor: Browser) -> None:
    """smart.md 1.2.7."""
    visitor.go(app.address("launch/patient launch/encounter patient/Encounter.rs"))
    page = visitor.press(OKAFOR)
    assert "Choose an encounter" in page.text
    assert "ambulatory" in page.text
    form = visitor.forms()[0]
    assert visitor.send(form, encounter="lindqvist-visit", decision="allow", scope="launch").status_code == 404
    visitor.page = page
    visitor.press(("encounter", "okafor-visit"))
    got = app.exchange(app.came(visitor.press(ALLOW)))
    assert (got["patient"], got["encounter"]) == ("okafor", "okafor-visit")


@pytest.mark.usefixtures("mina")
def test_an_ehr_launch_brings_patient_encounter_and_the_referral(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.2.2, 1.2.7, 1.2.8."""
    listed = visitor.go("/referrals/okafor-cardiology/apps")
    assert "Growth Chart" in listed.text
    sent = visitor.go("/referrals/okafor-cardiology/apps/app")
    assert sent.status_code == 303
    assert sent.location.startswith("https://app.example/launch?")
    told = parse_qs(urlsplit(sent.location).query)
    assert told["iss"] == [f"{URL}/fhir"]
    scope = "launch openid fhirUser patient/Patient.rs patient/Observation.rs"
    consent = visitor.go(app.address(scope, launch=told["launch"][0]))
    assert "Choose a patient" not in consent.text
    assert "Okafor, Ngozi" in consent.text
    got = app.exchange(app.came(visitor.press(ALLOW)))
    assert (got["patient"], got["encounter"]) == ("okafor", "okafor-visit")
    assert got["fhirContext"] == [{"reference": "ServiceRequest/okafor-cardiology"}]
    assert got["need_patient_banner"] is True
    assert place.web.get(urlsplit(got["smart_style_url"]).path).json
    assert place.fhir(got["access_token"], "GET", "Patient/okafor").status_code == 200


@pytest.mark.usefixtures("mina")
def test_an_app_is_not_launched_on_a_referral_that_the_person_may_not_see(app: App, visitor: Browser) -> None:
    assert visitor.go("/referrals/lindqvist-cardiology/apps/app").status_code == 404
    assert visitor.go("/referrals/okafor-cardiology/apps/nobody").status_code == 404


@pytest.mark.usefixtures("mina")
def test_a_launch_is_for_whoever_started_it(place: Place, app: App, visitor: Browser) -> None:
    sent = visitor.go("/referrals/okafor-cardiology/apps/app")
    launch = parse_qs(urlsplit(sent.location).query)["launch"][0]
    place.sign_in(place.person("other", "coordinator"))
    assert visitor.go(app.address("launch patient/Patient.rs", launch=launch)).status_code == 403


@pytest.mark.usefixtures("mina")
def test_open_redirect_an_unknown_client_or_address_is_shown_to_the_person_only(app: App, visitor: Browser) -> None:
    """smart.md 1.2.4; issue 3, 4: open redirect."""
    for change in ({"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}, {"client_id": None}):
        shown = visitor.go(app.address(SCOPE, **change))
        assert shown.status_code == 400
        assert shown.location is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"aud": "https://evil.example/fhir"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": "launch patient/Patient.rs"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_other_faults_are_told_to_the_app_before_anybody_signs_in(
    app: App, visitor: Browser, change: dict[str, str | None], error: str
) -> None:
    changes = {"scope": SCOPE, **change}
    came = app.came(visitor.go(app.address(**changes)))  # type: ignore[arg-type]
    assert came["error"] == error or (error == "login_required" and came["error"] == error)
    assert (came["state"], came["iss"]) == ("st/+ =&", URL)
    assert "code" not in came


@pytest.mark.usefixtures("mina")
def test_prompt_none_never_shows_a_page(app: App, visitor: Browser) -> None:
    assert app.came(visitor.go(app.address(SCOPE, prompt="none")))["error"] == "consent_required"


def test_prompt_login_and_max_age_ask_for_the_password_again(place: Place, app: App, visitor: Browser) -> None:
    who = place.person("mina", "coordinator")
    place.sign_in(who, ago=1000)
    for change in ({"prompt": "login"}, {"max_age": "600"}):
        asked = visitor.go(app.address(SCOPE, **change))
        assert urlsplit(asked.location).path == "/sign-in"
        assert 'name="password"' in visitor.go(asked.location).text  # shown, though somebody is signed in
    assert visitor.go(app.address(SCOPE, max_age="2000")).status_code == 200
    place.sign_in(who)
    assert visitor.go(app.address(SCOPE, prompt="login")).status_code == 200


@pytest.mark.usefixtures("mina")
def test_csrf_consent_can_not_be_given_by_another_site(place: Place, app: App, visitor: Browser) -> None:
    """Issue 3, 4: CSRF."""
    visitor.go(app.address(SCOPE))
    form = visitor.forms()[1]
    assert (
        visitor.send(form, csrf="", patient="okafor", decision="allow", scope="patient/Patient.rs").status_code == 403
    )
    forged = urlencode({**dict(form.fields), "patient": "okafor", "decision": "allow", "scope": "patient/Patient.rs"})
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site, "Content-Type": "application/x-www-form-urlencoded"}
        assert place.web.post(form.action, data=forged, headers=headers).status_code == 403


@pytest.mark.usefixtures("mina")
def test_clickjacking_the_pages_can_not_be_framed_and_their_forms_end_here_or_at_the_app(
    app: App, visitor: Browser
) -> None:
    """Issue 3, 4: clickjacking."""
    page = visitor.go(app.address(SCOPE))
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("mina")
def test_nobody_grants_more_than_was_asked_by_changing_the_form(app: App, visitor: Browser) -> None:
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    got = app.exchange(app.came(visitor.press(ALLOW, add=("patient/*.cruds", "user/*.cruds", "system/*.cruds"))))
    assert set(got["scope"].split()) == set(SCOPE.split())


@pytest.mark.usefixtures("mina")
def test_fhir_user_can_be_read_with_the_token_by_a_browser_app(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.4.4."""
    visitor.go(app.address("openid fhirUser user/Task.cruds"))
    got = app.exchange(app.came(visitor.press(ALLOW)))
    headers = {"Authorization": f"Bearer {got['access_token']}", "Origin": "https://app.example"}
    read = place.web.get("/fhir/Practitioner/mina", headers=headers)
    assert read.status_code == 200
    assert read.headers["Access-Control-Allow-Origin"] == "*"
    assert place.web.get("/fhir/Organization/clinic", headers=headers).status_code == 403


@pytest.mark.usefixtures("mina")
def test_g10_the_person_sees_what_they_let_in_and_takes_it_back(place: Place, app: App, visitor: Browser) -> None:
    """smart.md 1.7.1."""
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    got = app.exchange(app.came(visitor.press(ALLOW)))
    page = visitor.go("/account/apps")
    assert "Growth Chart" in page.text
    assert "Read observations" in page.text
    (form,) = (form for form in visitor.forms() if form.action.endswith("/revoke"))
    assert place.web.post(form.action).status_code == 403
    assert visitor.send(form).status_code == 303
    assert place.fhir(got["access_token"], "GET", "Patient/okafor").status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"], "client_id": "app"}
    assert place.web.post("/oauth/token", data=refresh).status_code == 400
    assert "None at present" in visitor.go("/account/apps").text


@pytest.mark.usefixtures("mina")
def test_nobody_takes_back_what_another_let_in(place: Place, app: App, visitor: Browser) -> None:
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    got = app.exchange(app.came(visitor.press(ALLOW)))
    visitor.go("/account/apps")
    (mine,) = (form.action for form in visitor.forms() if form.action.endswith("/revoke"))
    place.sign_in(place.person("other", "coordinator"))
    visitor.go("/account/apps")
    assert visitor.send(visitor.forms()[0], x="").status_code == 303  # their own forms work
    place.sign_in(place.person("third", "coordinator"))
    visitor.go("/account/apps")
    token = dict(visitor.forms()[0].fields)["csrf"]
    assert place.web.post(mine, data={"csrf": token}).status_code == 404
    assert place.fhir(got["access_token"], "GET", "Patient/okafor").status_code == 200


def test_the_pages_behind_sign_in_are_closed_to_everybody_else(place: Place, app: App) -> None:
    for address in ("/account/apps", "/referrals/okafor-cardiology/apps", "/referrals/okafor-cardiology/apps/app"):
        assert place.web.get(address).status_code == 303
    assert place.web.post("/oauth/consent", data={"decision": "allow"}).status_code == 303


def test_metadata_names_the_oauth_addresses_for_older_clients(place: Place) -> None:
    told = place.web.get("/fhir/metadata").text
    for path in ("authorize", "token", "introspect", "revoke"):
        assert f"{URL}/oauth/{path}" in told


@pytest.mark.usefixtures("mina")
def test_what_is_shown_of_an_app_is_text_and_not_markup(place: Place, visitor: Browser) -> None:
    sly = place.app("launch/patient patient/Patient.rs", id="sly", name="<script>alert(1)</script>")
    page = visitor.go(sly.address())
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert re.search(r"Choose a patient", page.text)
    assert CALLBACK.startswith("https://app.example")
