"""Issue 3, "As client": we are launched from an EHR, in its frame (design/desk.md section 7). The EHR is a second
instance of our own application; every rule, and every attack on it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from auth import store
from auth.people import sessions
from auth.tables import embedded, pending, session, user
from carecoord.actions.ehrs import launch_people, sync
from carecoord.actions.people import accounts
from carecoord.actions.server import keys as server_keys
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import ehr as ehr_table
from fhir_adapters.ehr import Ehr, Launch
from tests.adapters.wsgi import WsgiAdapter
from tests.auth import ehr_place
from tests.auth.ehr_place import EHR, OURS, PATEL, PATELS, SANTOSES, SECRET, Browser, Two, ours
from tests.auth.place import Forms

OKAFORS = "order-24817"

pytestmark = pytest.mark.xdist_group("embedding")  # one worker tells the story once, for the browser's tests too

FRAMED = f"frame-ancestors {EHR}"
NOBODY = "frame-ancestors 'none'"


@pytest.fixture(scope="session")
def built(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, signing_row: dict[str, Any]) -> Path:
    return ehr_place.build(sqlite_template, tmp_path_factory.mktemp("two"), signing_row)


class Wire:
    """Our way to the hospital, and a list of every address that we asked."""

    def __init__(self) -> None:
        self.two: Two | None = None
        self.asked: list[str] = []
        self.broken = False

    def session(self) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        if self.two:
            made.mount(EHR, WsgiAdapter(self.two.sites[EHR]))
        send = made.send

        def noted(request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            self.asked.append(str(request.url))
            if self.broken:
                raise requests.ConnectionError("nobody there")
            return send(request, **kwargs)

        made.send = noted  # type: ignore[method-assign]
        return made


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def two(built: Path, tmp_path: Path, wire: Wire) -> Iterator[Two]:
    made = ehr_place.copied(built, tmp_path, (EHR, OURS), wire.session)
    wire.two = made
    yield made
    made.ehr.engine.dispose()
    made.our.engine.dispose()


@pytest.fixture
def doctor(two: Two) -> Browser:
    """A doctor's browser, at the desk of a hospital that is registered here."""
    two.register()
    made = Browser(two)
    made.sign_in(two.doctor())
    return made


def test_a_launch_opens_the_patients_open_referrals_with_their_clearance(doctor: Browser) -> None:
    page = doctor.get(doctor.launch())
    assert page.status_code == 200
    assert "Patel, Arjun" in page.text
    assert "MRN" in page.text
    assert "4428-351" in page.text
    assert len(re.findall(r'<li class="loop">', page.text)) == 3
    assert "cleared" in page.text.lower()
    for gate in ("Coverage", "Authorization", "Contract", "Information", "Appointment", "Loop"):
        assert gate in page.text
    assert 'href="/"' not in page.text.replace('target="_blank"', "")
    assert "rail" not in page.text


# The launch


@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.test/fhir", f"{EHR}", f"{EHR}/fhir/r4", f"{EHR}/fhirx", f"{EHR}.evil.test/fhir",
        "https://ehr.test@evil.test/fhir", f"{EHR}/FHIR", "http://ehr.test/fhir", f"{EHR}/fhir//", f"{EHR}:443/fhir",
        "http://169.254.169.254/latest", "http://127.0.0.1:9200", "file:///etc/passwd", "", "\0", "//ehr.test/fhir",
    ],
)  # fmt: skip
def test_an_unknown_iss_gets_a_clear_page_and_nobody_is_asked(doctor: Browser, wire: Wire, iss: str) -> None:
    """SSRF: an address that was not registered is never called, however much it looks like one that was."""
    answer = doctor.ours.get("/embed/launch", base_url=OURS, query_string={"iss": iss, "launch": "x"})
    assert answer.status_code == 403
    assert "not registered" in answer.text
    assert wire.asked == []
    assert NOBODY in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


def test_an_ehr_that_we_only_sync_from_can_not_launch_us(two: Two, wire: Wire) -> None:
    sync.add_ehr(two.our, Ehr("hospital", f"{EHR}/fhir"))
    answer = Browser(two).get(f"/embed/launch?iss={EHR}/fhir&launch=x")
    assert answer.status_code == 403
    assert wire.asked == []


def test_the_launch_goes_on_by_get_with_aud_launch_and_pkce(doctor: Browser, two: Two) -> None:
    answer = doctor.opened(PATELS)
    assert answer.status_code == 303
    sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
    assert answer.location.startswith(f"{EHR}/oauth/authorize?")
    assert sent["aud"] == f"{EHR}/fhir"
    assert sent["launch"]
    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == f"{OURS}/embed/callback/hospital"
    assert sent["nonce"]
    with reading(two.our.engine) as conn:
        kept = conn.execute(select(pending.c.data)).scalars().all()
    assert all(sent["state"] not in data for data in kept)
    assert all(SECRET not in data for data in kept)


def test_the_cookies_live_in_a_cross_site_frame_and_nowhere_else(doctor: Browser) -> None:
    begun = doctor.opened(PATELS)
    came = doctor.get(doctor.agreed(begun))
    set_by = [*begun.headers.getlist("Set-Cookie"), *came.headers.getlist("Set-Cookie")]
    assert any(cookie.startswith("__Host-cc-embed=") for cookie in set_by)
    for cookie in set_by:
        words = {word.strip() for word in cookie.split(";")}
        assert cookie.startswith("__Host-cc-embed")
        assert {"Secure", "HttpOnly", "Partitioned", "Path=/", "SameSite=None"} <= words
        assert not any(word.startswith("Domain") for word in words)


def test_without_tls_the_cookie_has_its_plain_name(built: Path, tmp_path: Path, wire: Wire) -> None:
    two = ehr_place.copied(built, tmp_path, (EHR, "http://127.0.0.1:8000"), wire.session)
    wire.two = two
    two.register()
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    came = visitor.get(visitor.agreed(visitor.opened(PATELS)))
    assert any(cookie.startswith("cc-embed=") for cookie in came.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("way", ["public", "own keys", "key file"])
def test_we_prove_ourselves_as_the_registration_says(two: Two, tmp_path: Path, way: str) -> None:
    proofs: dict[str, dict[str, Any]] = {
        "public": {}, "own keys": {"own_keys": True}, "key file": {"key_file": str(tmp_path / "key.pem")},
    }  # fmt: skip
    private, keys = accounts.make_key()
    (tmp_path / "key.pem").write_bytes(private)
    two.register(secret_file="", **proofs[way])
    if way == "own keys":
        keys = json.dumps(server_keys.published(two.our))
    with writing(two.ehr.engine) as conn:
        app = store.find_client(conn, "carecoord")
        assert app
        method = "none" if way == "public" else "private_key_jwt"
        store.change_client(conn, replace(app, method=method, jwks=None if way == "public" else keys))
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    assert "Patel, Arjun" in visitor.get(visitor.launch()).text


def test_an_ehr_that_does_not_answer_is_named_with_what_is_wrong(doctor: Browser, wire: Wire) -> None:
    started = doctor.get(f"{EHR}/referrals/{PATELS}/apps/carecoord").location
    wire.broken = True
    answer = doctor.get(started)
    assert answer.status_code == 502
    assert "hospital could not be asked where to sign in" in answer.text
    assert FRAMED in answer.headers["Content-Security-Policy"]


def test_a_launch_without_its_launch_value_says_so(doctor: Browser, wire: Wire) -> None:
    answer = doctor.get(f"/embed/launch?iss={EHR}/fhir")
    assert answer.status_code == 400
    assert "Open carecoord from a patient" in answer.text
    assert wire.asked == []


# The way back


def test_an_unknown_state_is_refused_without_asking_the_ehr(doctor: Browser, wire: Wire) -> None:
    doctor.opened(PATELS)
    wire.asked.clear()
    answer = doctor.get("/embed/callback/hospital?code=x&state=made-up")
    assert answer.status_code == 403
    assert "Open it from your EHR again" in answer.text
    assert FRAMED in answer.headers["Content-Security-Policy"]
    assert wire.asked == []


def test_a_callback_counts_once(doctor: Browser, wire: Wire) -> None:
    address = doctor.agreed(doctor.opened(PATELS))
    assert doctor.get(address).status_code == 303
    wire.asked.clear()
    again = doctor.get(address)
    assert again.status_code == 403
    assert wire.asked == []


def test_an_old_callback_is_refused(doctor: Browser, two: Two) -> None:
    address = doctor.agreed(doctor.opened(PATELS))
    two.clock.pass_by(601)
    assert doctor.get(address).status_code == 403


def test_the_answer_of_one_ehr_is_not_taken_for_anothers(doctor: Browser, two: Two, wire: Wire) -> None:
    """Mix-up: each EHR has a callback of its own, and the state belongs to one."""
    sync.add_ehr(two.our, Ehr("other", "https://other.test/fhir", launch=Launch("x", ("https://other.test",))))
    address = doctor.agreed(doctor.opened(PATELS))
    wire.asked.clear()
    answer = doctor.get(address.replace("/callback/hospital", "/callback/other"))
    assert answer.status_code == 403
    assert wire.asked == []


def test_another_issuer_in_the_answer_is_refused(doctor: Browser, wire: Wire) -> None:
    """RFC 9207."""
    address = doctor.agreed(doctor.opened(PATELS))
    wire.asked.clear()
    answer = doctor.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.test", address))
    assert answer.status_code == 403
    assert wire.asked == []


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_nobody_finishes_a_launch_that_somebody_else_began(two: Two, doctor: Browser, framed: bool, busy: bool) -> None:
    """Login CSRF: an attacker sends the victim the address with the attacker's code. In a frame of the EHR, and in a
    browser without any cookie of ours, it might be a browser that keeps none: that one gets a page, and no session."""
    address = doctor.agreed(doctor.opened(PATELS))
    victim = Browser(two, framed=framed)
    if busy:
        victim.sign_in(two.doctor("mensah"))
        victim.launch(SANTOSES)
    answer = victim.get(address)
    if framed and not busy:
        assert answer.status_code == 303
        assert "__Host-cc-embed=" not in str(answer.headers.getlist("Set-Cookie"))
    else:
        assert answer.status_code == 403
        assert "This browser did not begin this launch" in answer.text


def test_a_wrong_proof_is_refused(doctor: Browser, two: Two, wire: Wire) -> None:
    begun = doctor.opened(PATELS)
    name = begun.headers["Set-Cookie"].partition("=")[0]
    address = doctor.agreed(begun)
    doctor.ours.set_cookie(name, "guessed", domain="care.test", secure=True)
    wire.asked.clear()
    assert doctor.get(address).status_code == 403
    assert wire.asked == []


def test_a_no_at_the_ehr_is_said_in_words(doctor: Browser) -> None:
    page = doctor.get(doctor.opened(PATELS).location)
    form = next(form for form in Forms(page.text).found if ("decision", "deny") in form.buttons)
    declined = doctor.post(EHR + form.action, [*form.fields, ("decision", "deny")])
    answer = doctor.get(declined.location)
    assert answer.status_code == 403
    assert "hospital did not let you in (access_denied)" in answer.text


def test_scopes_that_the_ehr_did_not_grant_are_named_on_the_page(doctor: Browser) -> None:
    page = doctor.get(doctor.opened(PATELS).location)
    form = next(form for form in Forms(page.text).found if ("decision", "allow") in form.buttons)
    kept = [pair for pair in form.fields if pair != ("scope", "fhirUser")]
    assert len(kept) < len(form.fields)
    agreed = doctor.post(EHR + form.action, [*kept, ("decision", "allow")])
    shown = doctor.get(doctor.get(doctor.get(agreed.location).location).location)
    assert "hospital did not grant what carecoord asked for: fhirUser" in shown.text


# The cookie that did not come back


def lost(doctor: Browser) -> tuple[TestResponse, str]:
    """The page that a browser gets that keeps no cookies in frames, and the value in it."""
    address = doctor.agreed(doctor.opened(PATELS))
    bare = Browser(doctor.two)
    page = bare.get(bare.get(address).location)
    assert page.status_code == 200
    return page, dict(bare.forms(page)["/embed/tab"].fields)["code"]


def test_a_lost_cookie_yields_a_page_and_not_a_loop(doctor: Browser) -> None:
    page, _ = lost(doctor)
    assert "Open in a new tab" in page.text
    assert "Allow cookies here" in page.text
    assert "Set-Cookie" not in page.headers
    assert FRAMED in page.headers["Content-Security-Policy"]


def test_the_button_opens_a_tab_once(doctor: Browser, two: Two) -> None:
    _, code = lost(doctor)
    tab = Browser(two, framed=False)
    checked = tab.get(tab.post("/embed/tab", [("code", code)]).location)
    assert "Patel, Arjun" in tab.get(checked.location).text
    thief = Browser(two, framed=False)
    again = thief.post("/embed/tab", [("code", code)])
    assert again.status_code == 404
    assert "works once" in again.text
    assert "Set-Cookie" not in again.headers


def test_the_button_works_for_a_minute(doctor: Browser, two: Two) -> None:
    _, code = lost(doctor)
    two.clock.pass_by(61)
    assert Browser(two, framed=False).post("/embed/tab", [("code", code)]).status_code == 404


def test_the_button_works_from_our_own_page_alone(doctor: Browser, two: Two) -> None:
    _, code = lost(doctor)
    silent = {"Origin": "", "Sec-Fetch-Site": ""}
    for headers in ({"Origin": EHR}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, silent):
        assert Browser(two, framed=False).post("/embed/tab", [("code", code)], **headers).status_code == 403
    assert Browser(two, framed=False).post("/embed/tab", [("code", code)]).status_code == 303


def test_a_tab_that_keeps_no_cookies_either_is_told_so(doctor: Browser, two: Two) -> None:
    _, code = lost(doctor)
    address = Browser(two, framed=False).post("/embed/tab", [("code", code)]).location
    answer = Browser(two, framed=False).get(address)
    assert answer.status_code == 403
    assert "keeps no cookies" in answer.text


# A launch and its session


def test_a_launch_is_shown_to_its_own_session_alone(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    other = Browser(two)
    other.sign_in(two.doctor("mensah"))
    other.launch(SANTOSES)
    refused = other.get(path)
    assert refused.status_code == 404
    assert "Patel" not in refused.text
    unknown = other.get("/embed/l/made-up/")
    assert unknown.status_code == 404
    assert main(unknown) == main(refused)
    assert Browser(two).get(path).status_code == 401


def test_two_patients_open_at_once_never_mix(doctor: Browser, two: Two) -> None:
    first = doctor.launch(PATELS)
    cookie = doctor.ours.get_cookie("__Host-cc-embed", domain="care.test")
    second = doctor.launch(SANTOSES)
    assert doctor.ours.get_cookie("__Host-cc-embed", domain="care.test") == cookie, "the same person's session goes on"
    assert first != second
    assert "Patel, Arjun" in doctor.get(first).text
    assert "Santos, Maricel" in doctor.get(second).text
    assert "Santos" not in doctor.get(first).text


def test_two_launches_that_begin_at_once_both_go_on(doctor: Browser, two: Two) -> None:
    """Each opens a session, the browser keeps the cookie of one: the other launch moves along, for the same person."""
    callbacks = [doctor.agreed(doctor.opened(referral)) for referral in (PATELS, SANTOSES)]
    first = doctor.get(doctor.get(callbacks[0]).location).location
    doctor.ours.delete_cookie("__Host-cc-embed", domain="care.test")
    second = doctor.get(doctor.get(callbacks[1]).location).location
    assert "Patel, Arjun" in doctor.get(first).text
    assert "Santos, Maricel" in doctor.get(second).text
    with reading(two.our.engine) as conn:
        assert len(set(conn.scalars(select(embedded.c.session)))) == 1


def test_an_embedded_session_opens_nothing_at_the_desk(doctor: Browser, two: Two) -> None:
    doctor.launch()
    cookie = doctor.ours.get_cookie("__Host-cc-embed", domain="care.test")
    assert cookie
    doctor.ours.set_cookie("__Host-cc", cookie.value, domain="care.test", secure=True)
    for path in ("/", f"/referrals/{ours('ServiceRequest', PATELS)}", "/account/apps", "/worklist.csv"):
        answer = doctor.get(path)
        assert answer.status_code == 303
        assert answer.location.startswith("/sign-in")


def test_a_session_of_the_desk_opens_nothing_that_is_embedded(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    me = two.colleague("coordinator")
    other = Browser(two)
    other.ours.set_cookie("__Host-cc-embed", two.at_desk(two.our, me), domain="care.test", secure=True)
    assert other.get(path).status_code == 401


def test_a_view_that_nobody_used_ends_with_a_page(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    two.clock.pass_by(sessions.IDLE)
    answer = doctor.get(path)
    assert answer.status_code == 401
    assert "Open carecoord from your EHR again" in answer.text
    assert FRAMED in answer.headers["Content-Security-Policy"]


def test_another_patients_referral_is_not_under_this_launch(doctor: Browser) -> None:
    path = doctor.launch(PATELS)
    assert doctor.get(f"{path}referrals/{ours('ServiceRequest', PATELS)}").status_code == 200
    wrong = doctor.get(f"{path}referrals/{ours('ServiceRequest', SANTOSES)}")
    none = doctor.get(f"{path}referrals/made-up")
    assert (wrong.status_code, none.status_code) == (404, 404)
    assert main(wrong) == main(none)
    assert "Santos" not in wrong.text


def test_closing_needs_our_own_page_and_its_token(doctor: Browser) -> None:
    path = doctor.launch()
    form = doctor.forms(doctor.get(path))[f"{path}close"]
    token = form.fields
    refused: list[tuple[list[tuple[str, str]], dict[str, str]]] = [
        ([], {}), ([("csrf", "made-up")], {}), (token, {"Origin": EHR}), (token, {"Sec-Fetch-Site": "cross-site"}),
        (token, {"Sec-Fetch-Site": "same-site"}), (token, {"Origin": "", "Sec-Fetch-Site": ""}),
    ]  # fmt: skip
    for fields, headers in refused:
        assert doctor.post(form.action, fields, **headers).status_code == 403
    assert doctor.get(path).status_code == 200
    assert doctor.post(form.action, token).status_code == 200
    assert doctor.get(path).status_code == 401


# Who may frame what


def test_only_the_registered_pages_of_that_ehr_may_frame_a_launch(two: Two) -> None:
    two.register(origins=("https://ehr.test", "https://portal.test:8443"))
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    path = visitor.launch()
    for at in (path, f"{path}referrals/made-up", f"{path}?tab=closed"):
        answer = visitor.get(at)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.endswith("frame-ancestors https://ehr.test https://portal.test:8443")
        assert "X-Frame-Options" not in answer.headers
        assert "Cross-Origin-Opener-Policy" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_whose_ehr_is_not_known_may_be_framed_by_nobody(doctor: Browser) -> None:
    for path in ("/embed/check?code=x", "/embed/callback/nobody?state=x", "/embed/l/made-up/", "/embed/nothing"):
        answer = doctor.get(path)
        assert answer.status_code in (401, 403, 404)
        assert NOBODY in answer.headers["Content-Security-Policy"]


def test_the_desk_may_be_framed_by_nobody_as_before(doctor: Browser) -> None:
    answer = doctor.get("/sign-in")
    assert NOBODY in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


# Who somebody is


def test_somebody_unknown_is_let_in_with_the_registrations_role(doctor: Browser, two: Two) -> None:
    doctor.launch()
    doctor.launch()
    with reading(two.our.engine) as conn:
        (who,) = [each for each in store.users(conn) if each.login.startswith("hospital:")]
        password = conn.scalar(select(user.c.password).where(user.c.id == who.id))
    assert who.roles == {"coordinator"}
    assert who.organization == ours("Organization", "fairmont")
    assert who.fhir_user == f"Practitioner/{ours('Practitioner', 'farrow')}"
    assert who.name == "Farrow, Amelia"
    assert password == "", "there is nothing to sign in with at the desk"


def test_without_a_role_only_known_people_get_in(two: Two) -> None:
    two.register(roles=(), organization="")
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    answer = visitor.get(visitor.agreed(visitor.opened(PATELS)))
    assert answer.status_code == 403
    assert "You are nobody here yet" in answer.text
    with reading(two.our.engine) as conn:
        assert not conn.execute(select(session)).all()
        assert not conn.execute(select(user)).all()


def test_somebody_known_by_issuer_and_subject_keeps_their_own_roles(two: Two) -> None:
    two.register(roles=(), organization="")
    me = two.colleague("coordinator")
    launch_people.link(two.our, "hospital", EHR, "u-farrow", "reyes")
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    page = visitor.get(visitor.launch())
    assert "Reyes, Maria, opened by hospital" in page.text
    assert 'target="_blank"' in page.text, "who has an account gets a link to the desk"
    with reading(two.our.engine) as conn:
        assert conn.scalars(select(session.c.user).where(session.c.kind == "embed")).all() == [me.id]
        assert [each.id for each in store.users(conn)] == [me.id]


def test_the_same_subject_of_another_issuer_is_somebody_else(two: Two) -> None:
    two.register(roles=(), organization="")
    two.colleague("coordinator")
    launch_people.link(two.our, "hospital", "https://elsewhere.test", "u-farrow", "reyes")
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    assert visitor.get(visitor.agreed(visitor.opened(PATELS))).status_code == 403


def test_who_is_disabled_here_is_not_let_in_by_the_ehr(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    with writing(two.our.engine) as conn:
        (who,) = store.users(conn)
        store.change_user(conn, replace(who, disabled=True))
    assert doctor.get(path).status_code == 401
    answer = doctor.get(doctor.agreed(doctor.opened(PATELS)))
    assert answer.status_code == 403
    assert "has been closed" in answer.text


def test_a_changed_registration_counts_for_those_whom_it_let_in(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    two.register(roles=("clinician",))
    second = doctor.launch(SANTOSES)
    with reading(two.our.engine) as conn:
        assert [each.roles for each in store.users(conn)] == [{"clinician"}]
    assert doctor.get(second).status_code == 200
    assert doctor.get(path).status_code == 404, "what was opened under the old role is over"
    two.register(roles=(), organization="")
    assert doctor.get(doctor.agreed(doctor.opened(PATELS))).status_code == 403


def test_a_role_that_works_on_no_cases_is_told_so(two: Two) -> None:
    two.register()
    two.colleague("contracts")
    launch_people.link(two.our, "hospital", EHR, "u-farrow", "reyes")
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    answer = visitor.get(visitor.launch())
    assert answer.status_code == 404
    assert "Patel" not in answer.text


# Which patient


def test_the_outsider_learns_nothing_of_a_patient_that_is_not_theirs(two: Two) -> None:
    """Issue 3: the outsider of another organization gets nothing anywhere, error texts included."""
    two.register(organization=ours("Organization", "harborview"))
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    hidden = visitor.get(visitor.launch())
    assert hidden.status_code == 404
    assert "This patient is not here for you" in hidden.text
    assert "Patel" not in hidden.text
    assert "4428" not in hidden.text


def test_a_patient_who_is_not_synced_yet_gets_a_page_that_says_what_to_do(two: Two, wire: Wire) -> None:
    """And in the very words that somebody gets who may not see the patient."""
    two.register()
    with writing(two.our.engine) as conn:
        conn.execute(update(ehr_table).values(name="twin", config=replaced(conn)))
    app = replace(client(two), redirect_uris=(f"{OURS}/embed/callback/twin",))
    with writing(two.ehr.engine) as conn:
        store.change_client(conn, app)
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    wire.asked.clear()
    page = visitor.get(visitor.launch())
    assert page.status_code == 404
    assert "carecoord sync twin" in page.text
    assert "has never been read" in page.text
    assert not [each for each in wire.asked if "/Patient" in each], "nothing is read from the EHR's record"


def test_a_referral_of_the_patient_that_is_anothers_is_not_in_the_list(two: Two) -> None:
    """The person's own rules narrow inside the launch: an organization that is neither sender nor receiver."""
    two.register(organization=ours("Organization", "riverside-heart"))
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    path = visitor.launch()
    page = visitor.get(path)
    assert page.status_code == 200
    assert len(re.findall(r'<li class="loop">', page.text)) == 1
    assert "Referred by Fairmont Medical Group" in page.text, "as the clinic that is to see them calls it"
    assert visitor.get(f"{path}referrals/{ours('ServiceRequest', 'order-24804')}").status_code == 404


def test_a_payers_clerk_sees_in_a_launch_what_a_payer_sees_at_the_desk(two: Two) -> None:
    two.register(roles=("payer",), organization=ours("Organization", "blue-horizon"))
    visitor = Browser(two)
    visitor.sign_in(two.doctor())
    path = visitor.launch(OKAFORS)
    page = visitor.get(path)
    assert page.status_code == 200
    assert "Okafor, Ngozi" in page.text
    (card,) = re.findall(r'<li class="loop">.*?</ul>', page.text, re.DOTALL)
    assert "Payer status" in card
    assert all(gate in card for gate in ("Authorization", "Contract"))
    assert not any(gate in card for gate in ("Information", "Appointment", "Loop"))
    assert "LBBB" not in page.text, "no clinical word"


def test_everything_shown_in_a_launch_is_in_the_trail_under_it(doctor: Browser, two: Two) -> None:
    path = doctor.launch()
    doctor.get(path)
    doctor.get(f"{path}referrals/{ours('ServiceRequest', PATELS)}")
    two.our.journal.drain(two.our.engine)
    id = path.split("/")[3]
    with reading(two.our.engine) as conn:
        rows = conn.execute(select(audit).where(audit.c.subject != "load")).all()
        (who,) = store.users(conn)
    (launch,) = [row for row in rows if row.interaction == "launch"]
    assert (launch.launch, launch.patient, launch.query) == (id, ours("Patient", PATEL), "ehr=hospital")
    assert {row.subject for row in rows} == {who.id}
    shown = [row for row in rows if row.interaction in ("read", "search")]
    assert len(shown) >= 3
    assert {row.launch for row in shown} == {id}
    assert any(row.type == "ServiceRequest" and row.interaction == "read" for row in shown)


def main(page: TestResponse) -> str:
    """What a page says, but for the number of its request."""
    return re.sub(r"Request \w+", "", page.text)


def client(two: Two) -> store.Client:
    with reading(two.ehr.engine) as conn:
        found = store.find_client(conn, "carecoord")
    assert found
    return found


def replaced(conn: Any) -> bytes:
    """The hospital's registration under another name: everything of it would have other ids here."""
    config = conn.scalar(select(ehr_table.c.config))
    return bytes(config).replace(b'"name":"hospital"', b'"name":"twin"')


def test_the_patients_own_page_has_the_same_acts_in_the_frame(doctor: Browser, two: Two) -> None:
    home = doctor.launch()
    page = doctor.get(f"{home}patient?act=observe")
    assert page.status_code == 200
    assert "Open loops" in page.text
    assert 'href="/record/' not in page.text
    form = page.text.split('id="act-form"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    sent = {"measure": "29463-7", "value": "71.5", "unit": "kg"}
    refused = doctor.ours.post(f"{home}patient/observe", base_url=OURS, data=sent)
    assert refused.status_code == 403
    own = {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}
    answer = doctor.ours.post(f"{home}patient/observe", base_url=OURS, data=hidden | sent, headers=own)
    assert answer.status_code == 303
    assert "Recorded Weight: 71.5 kg" in doctor.get(answer.location).text
    with reading(two.our.engine) as conn:
        made = select(audit.c.launch).where(audit.c.type == "Observation", audit.c.interaction == "create")
        assert home.strip("/").rpartition("/")[2] in set(conn.scalars(made))


def test_a_call_is_logged_on_the_patients_case_from_the_frame(doctor: Browser, two: Two) -> None:
    home = doctor.launch()
    page = doctor.get(f"{home}patient?act=contact")
    form = page.text.split('id="act-form"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    own = {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}
    sent = hidden | {"whom": "patient|", "how": "call", "outcome": "reached", "note": "Heard it."}
    wrong = doctor.ours.post(f"{home}patient/contact", base_url=OURS, data=sent | {"about": "another"}, headers=own)
    assert wrong.status_code == 404
    answer = doctor.ours.post(f"{home}patient/contact", base_url=OURS, data=sent, headers=own)
    assert answer.status_code == 303
    assert "/embed/l/" in str(answer.location)
    assert doctor.get(answer.location).status_code == 200
    with reading(two.our.engine) as conn:
        made = select(audit.c.launch).where(audit.c.type == "Communication", audit.c.interaction == "create")
        assert home.strip("/").rpartition("/")[2] in set(conn.scalars(made))
