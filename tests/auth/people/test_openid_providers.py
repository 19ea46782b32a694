"""People sign in at their organization's own OpenID provider. The honest provider is a second instance of this very
application, on a real port: its sign-in session, consent, code and id_token are the real ones. The other is liar.py."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, Response
from joserfc.jwk import RSAKey
from sqlalchemy import func, insert, select, update
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from auth import store
from auth.client.metadata import UnusableProvider
from auth.errors import BadRegistration
from auth.people import providers, sessions
from auth.people.providers import Provider
from auth.tables import failure, identity, session
from auth.tables import key as key_table
from auth.tables import provider as provider_table
from auth.tables import user as user_table
from carecoord.actions.people import openid_providers, openid_sign_in
from carecoord.actions.server import keys as server_keys
from carecoord.actions.server import outgoing
from carecoord.app import wired
from carecoord.domain.access import verbs
from carecoord.errors import Invalid, Problem
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import open_engine, reading, writing
from tests.auth.conftest import build_world
from tests.auth.liar import Liar, serving
from tests.auth.place import URL, Browser, Place

BACK = f"{URL}/sign-in/callback/hospital"
SECRET = "a-secret-of-ours"
ALLOW = ("decision", "allow")
DENY = ("decision", "deny")


@pytest.fixture
def desk(practice: Path, tmp_path: Path) -> Iterator[Place]:
    """Our side. It may call this machine, as the configuration of a hospital may say of its own network."""
    shutil.copyfile(practice, tmp_path / "practice.db")
    made = build_world(tmp_path, "practice.db")
    settings = replace(made.settings, private_hosts="127.0.0.1")
    world = replace(made, settings=settings, http=partial(outgoing.session, settings))
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


@dataclass
class Hospital:
    """The provider, and a person's browser in front of it."""

    place: Place
    person: Browser

    @property
    def url(self) -> str:
        return self.place.world.settings.url

    def agree(self, address: str, button: tuple[str, str] = ALLOW) -> str:
        """What the person does there, from the redirect to the redirect back."""
        assert address.startswith(f"{self.url}/oauth/authorize?"), address
        consent = self.person.go(address.removeprefix(self.url))
        assert consent.status_code == 200, consent.text
        back = self.person.press(button).location
        assert back.startswith(BACK + "?"), back
        return back


@pytest.fixture
def hospital(sqlite_template: Path, tmp_path: Path, signing_row: dict[str, Any]) -> Iterator[Hospital]:
    shutil.copyfile(sqlite_template, tmp_path / "hospital.db")
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True)
    made = build_world(tmp_path, "hospital.db")
    settings = replace(made.settings, base_url=f"http://127.0.0.1:{server.server_port}", private_hosts="127.0.0.1")
    world = replace(made, settings=settings, http=partial(outgoing.session, settings))
    app = wired(world)
    server.app = app
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with writing(world.engine) as conn:
        conn.execute(insert(key_table).values(signing_row))
    place = Place(world, app.test_client())
    place.sign_in(place.person("mina.okafor", "coordinator", organization="east"), ago=60)
    yield Hospital(place, Browser(place.web))
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


@pytest.fixture
def registered(hospital: Hospital) -> store.Client:
    """We, as the hospital knows us: by a secret."""
    new = store.Client(
        "carecoord", "Care desk", "openid profile", "client_secret_basic", ("authorization_code",),
        redirect_uris=(BACK,),
    )  # fmt: skip
    with writing(hospital.place.world.engine) as conn:
        store.add_client(conn, new, hospital.place.now(), SECRET)
    return new


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "hospital.secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def told(desk: Place, hospital: Hospital, registered: store.Client, secret: str) -> Provider:
    """The hospital, as we know it: it lets its own people in as coordinators of the clinic."""
    new = Provider("hospital", "East Hospital", hospital.url, "carecoord", secret, "clinic", frozenset({"coordinator"}))
    openid_providers.add(desk.world, new)
    return new


def sign_in(desk: Place, hospital: Hospital, next: str = "/") -> TestResponse:
    sent = desk.web.get(f"/sign-in/with/hospital?{urlencode({'next': next})}")
    assert sent.status_code == 303, sent.text
    return desk.web.get(hospital.agree(sent.location).removeprefix(URL))


def rows(desk: Place, table: Any) -> int:
    with reading(desk.world.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar() or 0)


def people(desk: Place) -> list[Any]:
    with reading(desk.world.engine) as conn:
        return list(conn.execute(select(user_table)))


def me(desk: Place) -> sessions.Session | None:
    cookie = desk.web.get_cookie("cc")
    with reading(desk.world.engine) as conn:
        return sessions.find(conn, cookie.value if cookie else None, desk.now())


def audited(desk: Place) -> list[tuple[int, str | None]]:
    desk.world.journal.drain(desk.world.engine)
    with reading(desk.world.engine) as conn:
        kept = select(audit.c.status, audit.c.subject).where(audit.c.interaction == "sign-in").order_by(audit.c.n)
        return [(status, subject) for status, subject in conn.execute(kept)]


@pytest.mark.usefixtures("told")
def test_somebody_of_the_hospital_is_let_in_with_its_roles_and_organization(desk: Place, hospital: Hospital) -> None:
    answer = sign_in(desk, hospital, "/referrals/okafor-cardiology")
    assert (answer.status_code, answer.location) == (303, "/referrals/okafor-cardiology"), answer.text
    found = me(desk)
    assert found is not None
    who = found.user
    assert (who.name, who.roles, who.organization) == ("Mina.Okafor", frozenset({"coordinator"}), "clinic")
    assert who.login == "hospital/mina.okafor"
    assert desk.web.get(answer.location).status_code == 200
    assert desk.web.get("/referrals/lindqvist-cardiology").status_code == 404
    assert audited(desk) == [(200, who.id)]


def test_a_payers_people_are_let_in_as_medical_directors_where_its_provider_was_given_that_role_too(
    desk: Place, hospital: Hospital, told: Provider
) -> None:
    roles = frozenset({"payer", "medical-director"})
    openid_providers.add(desk.world, replace(told, roles=roles))
    assert sign_in(desk, hospital).status_code == 303
    found = me(desk)
    assert found is not None
    assert found.user.roles == roles
    assert verbs.may(sessions.grant_of(found.user).roles, "agree")


@pytest.mark.usefixtures("told")
def test_whoever_comes_again_is_the_same_person(desk: Place, hospital: Hospital) -> None:
    sign_in(desk, hospital)
    first = me(desk)
    desk.world.clock.pass_by(3600)  # type: ignore[attr-defined]
    hospital.place.world.clock.pass_by(3600)  # type: ignore[attr-defined]
    hospital.place.sign_in(store.User("mina.okafor", "mina.okafor", ""))
    sign_in(desk, hospital)
    second = me(desk)
    assert first is not None
    assert second is not None
    assert first.user.id == second.user.id
    assert first.hash != second.hash
    assert rows(desk, identity) == 1


@pytest.mark.usefixtures("told")
def test_whoever_is_linked_keeps_their_own_roles_and_is_not_made_anew(desk: Place, hospital: Hospital) -> None:
    mina = desk.person("mina", "payer", organization="other")
    assert openid_providers.link(desk.world, "hospital", " MINA ", "mina.okafor") == mina
    sign_in(desk, hospital)
    found = me(desk)
    assert found is not None
    assert found.user == mina
    assert len(people(desk)) == 1


def test_nobody_is_matched_by_login_name_or_mail(desk: Place, hospital: Hospital, told: Provider) -> None:
    """Account takeover: the provider's word counts for issuer and subject only."""
    desk.person("mina.okafor", "admin", organization="clinic")
    sign_in(desk, hospital)
    found = me(desk)
    assert found is not None
    assert found.user.id != "mina.okafor"
    assert found.user.roles == {"coordinator"}
    assert len(people(desk)) == 2


def test_a_provider_without_roles_lets_in_only_who_is_linked_and_says_how(
    desk: Place, hospital: Hospital, told: Provider
) -> None:
    openid_providers.add(desk.world, replace(told, roles=frozenset()))
    answer = sign_in(desk, hospital)
    assert answer.status_code == 403
    assert "Ask your administrator" in answer.text
    assert "hospital mina.okafor" in answer.text
    assert (me(desk), people(desk), rows(desk, identity)) == (None, [], 0)
    assert audited(desk) == [(403, None)]
    mina = desk.person("mina", "clinician")
    openid_providers.link(desk.world, "hospital", "mina", "mina.okafor")
    assert sign_in(desk, hospital).status_code == 303
    assert audited(desk) == [(403, None), (200, mina.id)]


@pytest.mark.parametrize("whose", [None, "gone"])
def test_nobody_is_made_who_would_belong_to_no_organization_and_they_are_told_whom_to_ask(
    desk: Place, hospital: Hospital, told: Provider, whose: str | None
) -> None:
    """Of a provider told of before its organization had to be said, or whose organization is not here any more."""
    with writing(desk.world.engine) as conn:
        providers.add(conn, replace(told, organization=whose), desk.now())
    answer = sign_in(desk, hospital)
    assert answer.status_code == 403
    assert "does not say for whom you work" in answer.text
    assert "carecoord provider add hospital --organization ID" in answer.text
    assert (me(desk), people(desk), rows(desk, identity)) == (None, [], 0)
    assert audited(desk) == [(403, None)]
    with writing(desk.world.engine) as conn:
        providers.add(conn, replace(told, organization=None, roles=frozenset({"clinician"})), desk.now())
    assert sign_in(desk, hospital).status_code == 403
    openid_providers.add(desk.world, told)
    assert sign_in(desk, hospital).status_code == 303


@pytest.mark.usefixtures("told")
def test_disabled_people_stay_out(desk: Place, hospital: Hospital) -> None:
    sign_in(desk, hospital)
    found = me(desk)
    assert found is not None
    with writing(desk.world.engine) as conn:
        store.change_user(conn, replace(found.user, disabled=True))
    answer = sign_in(desk, hospital)
    assert answer.status_code == 403
    assert "any more" in answer.text
    assert (me(desk), rows(desk, session)) == (None, 0)


def test_a_disabled_provider_lets_nobody_in_and_throws_its_people_out(
    desk: Place, hospital: Hospital, told: Provider
) -> None:
    sign_in(desk, hospital)
    here = desk.person("pat", "coordinator")
    with writing(desk.world.engine) as conn:
        sessions.open_session(conn, here, "test", desk.now(), amr="pwd otp")
    sent = desk.web.get("/sign-in/with/hospital")
    openid_providers.disable(desk.world, "hospital")
    assert me(desk) is None
    assert rows(desk, session) == 1
    assert desk.web.get("/sign-in/with/hospital").status_code == 404
    assert desk.web.get(hospital.agree(sent.location).removeprefix(URL)).status_code == 404
    assert "East Hospital" not in desk.web.get("/sign-in").text
    openid_providers.add(desk.world, told)
    assert sign_in(desk, hospital).status_code == 303


@pytest.mark.usefixtures("told")
def test_taking_a_link_back_ends_what_it_opened(desk: Place, hospital: Hospital) -> None:
    sign_in(desk, hospital)
    openid_providers.unlink(desk.world, "hospital", "mina.okafor")
    assert me(desk) is None
    with pytest.raises(Invalid, match="nobody here"):
        openid_providers.unlink(desk.world, "hospital", "mina.okafor")


@pytest.mark.usefixtures("told")
def test_session_fixation_the_session_before_ends_and_a_new_id_is_made(desk: Place, hospital: Hospital) -> None:
    desk.sign_in(desk.person("pat", "coordinator"))
    before = desk.web.get_cookie("cc")
    sign_in(desk, hospital)
    after = desk.web.get_cookie("cc")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert rows(desk, session) == 1


@pytest.mark.usefixtures("told")
def test_whoever_says_no_at_the_provider_is_told_so_and_may_try_again(desk: Place, hospital: Hospital) -> None:
    sent = desk.web.get("/sign-in/with/hospital")
    answer = desk.web.get(hospital.agree(sent.location, DENY).removeprefix(URL))
    assert answer.status_code == 403
    assert "access_denied" in answer.text
    assert me(desk) is None
    assert sign_in(desk, hospital).status_code == 303


def test_our_keys_prove_us_where_there_is_no_secret(
    desk: Place, hospital: Hospital, signing_row: dict[str, Any]
) -> None:
    """private_key_jwt (S22@286): the hospital fetches our key set from us, over HTTP."""
    server = make_server("127.0.0.1", 0, desk.web.application, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    where = urlsplit(server_keys.address(desk.world)).path
    new = store.Client(
        "carecoord", "Care desk", "openid profile", "private_key_jwt", ("authorization_code",),
        jwks_url=f"http://127.0.0.1:{server.server_port}{where}", redirect_uris=(BACK,),
    )  # fmt: skip
    with writing(hospital.place.world.engine) as conn:
        store.add_client(conn, new, hospital.place.now())
    known = Provider("hospital", "East", hospital.url, "carecoord", None, "clinic", frozenset({"coordinator"}))
    try:
        openid_providers.add(desk.world, known)
        assert "our keys" in openid_providers.check(desk.world, known)
        assert sign_in(desk, hospital).status_code == 303
        hospital.place.sign_in(store.User("mina.okafor", "mina.okafor", ""))
        assert sign_in(desk, hospital).status_code == 303
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    found = me(desk)
    assert found is not None
    assert found.user.login == "hospital/mina.okafor"


# Attacks: each ends in a clear page, and nobody is in.


def refused(answer: TestResponse, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert "Traceback" not in answer.text
    assert "cc=" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.usefixtures("told")
def test_a_state_is_good_once(desk: Place, hospital: Hospital) -> None:
    sent = desk.web.get("/sign-in/with/hospital")
    back = hospital.agree(sent.location).removeprefix(URL)
    went = desk.web.get_cookie("cc-openid")
    assert went is not None
    assert desk.web.get(back).status_code == 303
    desk.web.delete_cookie("cc")
    desk.web.set_cookie("cc-openid", went.value)
    refused(desk.web.get(back), 400, "finished before")
    assert rows(desk, session) == 1


@pytest.mark.usefixtures("told")
def test_login_csrf_a_state_of_another_browser_signs_nobody_in(desk: Place, hospital: Hospital) -> None:
    """An attacker begins, signs in as themselves, and has a victim's browser finish it: the victim must not work on as
    the attacker. The attacker's state is spent by that, too."""
    attacker, victim = desk.web.application.test_client(), desk.web
    back = hospital.agree(attacker.get("/sign-in/with/hospital").location).removeprefix(URL)
    refused(victim.get(back), 403, "another browser")
    victim.get("/sign-in/with/hospital")
    refused(victim.get(back), 400, "finished before")
    refused(attacker.get(back), 400, "finished before")
    assert (people(desk), rows(desk, session)) == ([], 0)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("state", ["", "made-up", "\0", "x" * 5000])
def test_a_made_up_state_is_refused(desk: Place, state: str) -> None:
    desk.web.get("/sign-in/with/hospital")
    answer = desk.web.get(f"/sign-in/callback/hospital?{urlencode({'code': 'c', 'state': state})}")
    refused(answer, 400, "Please begin again")


@pytest.mark.usefixtures("told")
def test_a_sign_in_that_took_too_long_is_begun_again(desk: Place, hospital: Hospital) -> None:
    back = hospital.agree(desk.web.get("/sign-in/with/hospital").location).removeprefix(URL)
    desk.world.clock.pass_by(601)  # type: ignore[attr-defined]
    refused(desk.web.get(back), 400, "took too long")


@pytest.mark.usefixtures("told")
def test_code_injection_a_code_of_another_request_is_worth_nothing(desk: Place, hospital: Hospital) -> None:
    """PKCE: the code was given for another verifier. So is the nonce, were there no PKCE."""
    attacker = desk.web.application.test_client()
    stolen = parse_qs(urlsplit(hospital.agree(desk.web.get("/sign-in/with/hospital").location)).query)["code"][0]
    own = parse_qs(urlsplit(hospital.agree(attacker.get("/sign-in/with/hospital").location)).query)
    sent = urlencode({"code": stolen, "state": own["state"][0], "iss": hospital.url})
    refused(attacker.get(f"/sign-in/callback/hospital?{sent}"), 502, "invalid_grant")
    assert people(desk) == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("said", ["https://attacker.example", "", None])
def test_rfc_9207_a_mixed_up_issuer_is_refused(desk: Place, hospital: Hospital, said: str | None) -> None:
    """Our own server sends `iss` and says so: whatever comes without it, or with another, is not its answer."""
    back = urlsplit(hospital.agree(desk.web.get("/sign-in/with/hospital").location))
    given = {name: values[0] for name, values in parse_qs(back.query).items()}
    changed = {name: value for name, value in (given | {"iss": said}).items() if value is not None}
    refused(desk.web.get(f"{back.path}?{urlencode(changed)}"), 403, "another server")


def test_a_mixed_up_provider_that_sends_no_iss_is_refused_by_its_address(
    desk: Place, hospital: Hospital, told: Provider, liar: Liar
) -> None:
    """The attacker's provider is asked, and sends the browser to the honest one with our state: the code comes back at
    the honest one's address, and goes to nobody."""
    tell(desk, liar)
    state = parse_qs(urlsplit(desk.web.get("/sign-in/with/liar").location).query)["state"][0]
    sent = urlencode({"code": "a-code-of-the-honest-one", "state": state})
    refused(desk.web.get(f"/sign-in/callback/hospital?{sent}"), 403, "another provider")
    assert liar.forms == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "next", ["https://attacker.example/", "//attacker.example", "/\\attacker.example", "/\t/attacker.example",
             "javascript:alert(1)", "/sign-in/with/hospital", "/sign-out", "\0", ""],
)  # fmt: skip
def test_open_redirect_nobody_is_led_elsewhere_after_signing_in(desk: Place, hospital: Hospital, next: str) -> None:
    assert sign_in(desk, hospital, next).location == "/"


@pytest.fixture
def liar(desk: Place, rsa: RSAKey) -> Iterator[Liar]:
    with serving(Liar(desk.world.clock, rsa, keys=[rsa])) as speaking:  # type: ignore[arg-type]
        yield speaking


def tell(desk: Place, liar: Liar, **changes: Any) -> Provider:
    path = Path(desk.world.settings.var) / "liar.secret"
    path.write_text("s")
    path.chmod(0o600)
    new = Provider("liar", "Liar", liar.url, "us", str(path), "clinic", frozenset({"coordinator"}))
    openid_providers.add(desk.world, replace(new, **changes))
    return new


def come(desk: Place, liar: Liar, **answer: str) -> TestResponse:
    """Go to the liar, which does what it wants, and come back."""
    sent = desk.web.get("/sign-in/with/liar")
    assert sent.status_code == 303, sent.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(sent.location).query).items()}
    liar.nonce = liar.nonce or asked["nonce"]
    return desk.web.get(f"/sign-in/callback/liar?{urlencode({'code': 'c', 'state': asked['state'], **answer})}")


def saying(body: str, status: int = 200, kind: str = "application/json") -> Callable[[], Response]:
    return lambda: Response(body, status, content_type=kind)


def test_what_the_provider_says_of_how_it_made_sure_is_kept(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    said = ["pwd", "otp", "otp", "two words", 7, "x" * 99, "<b>"]
    liar.answer = lambda: Response(json.dumps({"access_token": "at", "id_token": liar.sign(amr=said, name="Mina")}))
    assert come(desk, liar).status_code == 303
    found = me(desk)
    assert found is not None
    assert found.amr == "fed pwd otp"
    assert found.user.name == "Mina"


@pytest.mark.parametrize("name", [None, "", "   ", 7, ["Mina"], "Mi\0na"])
def test_somebody_without_a_usable_name_is_called_by_their_subject(desk: Place, liar: Liar, name: Any) -> None:
    tell(desk, liar)
    liar.answer = lambda: Response(json.dumps({"access_token": "at", "id_token": liar.sign(name=name)}))
    assert come(desk, liar).status_code == 303
    assert [person.name for person in people(desk)] == ["mina-7"]


def test_two_subjects_that_differ_only_in_case_are_not_one_person(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    for subject in ("mina-7", "MINA-7"):
        liar.nonce = None
        liar.answer = lambda sub=subject: Response(json.dumps({"access_token": "at", "id_token": liar.sign(sub=sub)}))
        assert come(desk, liar).status_code == 303
    assert len({person.login for person in people(desk)}) == 2


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (saying("<h1>Maintenance</h1>", 200, "text/html"), 502, "200 and no JSON"),
        (saying("<h1>Internal Server Error</h1>", 500, "text/html"), 502, "500"),
        (saying('{"access_token": "at"}'), 403, "does not hold"),
        (saying('{"access_token": "at", "id_token": 7}'), 403, "can be checked"),
        (saying('{"access_token": "at", "id_token": "a.b.c"}'), 403, "does not hold"),
        (saying('{"error": "<script>alert(1)</script>"}', 400), 502, "&lt;script&gt;"),
    ],
)  # fmt: skip
def test_a_token_endpoint_that_fails_is_a_clear_page_and_nothing_is_written(
    desk: Place, liar: Liar, answer: Callable[[], Response], status: int, words: str
) -> None:
    tell(desk, liar)
    liar.answer = answer
    refused(come(desk, liar), status, words)
    assert (people(desk), rows(desk, identity), rows(desk, session), rows(desk, failure)) == ([], 0, 0, 0)
    assert audited(desk) == [(status, None)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"}, {"aud": "somebody"}, {"iss": "https://honest.example"}, {"exp": 1},
        {"iat": 9_999_999_999}, {"sub": ""}, {"header": {"kid": "made up"}}, {"header": {"typ": "at+jwt"}},
    ],
    ids=lambda wrong: "-".join(wrong),
)  # fmt: skip
def test_an_id_token_that_does_not_hold_lets_nobody_in(desk: Place, liar: Liar, wrong: dict[str, Any]) -> None:
    """Each claim for itself is in test_relying.py; here that the page heeds it."""
    tell(desk, liar)
    liar.answer = lambda: Response(json.dumps({"access_token": "at", "id_token": liar.sign(**wrong)}))
    refused(come(desk, liar), 403, "does not hold")
    assert (people(desk), rows(desk, session)) == ([], 0)


def test_a_provider_that_does_not_answer_in_time_is_a_clear_page(
    desk: Place, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(desk, liar)
    monkeypatch.setattr("auth.outgoing.limited_body.TIMEOUT", (0.2, 0.1))

    def sleepy() -> Response:
        time.sleep(0.3)
        return Response("{}")

    liar.answer = sleepy
    refused(come(desk, liar), 502, "did not answer")
    assert rows(desk, session) == 0


def test_a_provider_that_is_gone_is_a_clear_page_and_is_not_asked_by_everybody(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    looked = liar.looked
    liar.told = saying("<h1>Bad gateway</h1>", 502, "text/html")
    for _ in range(3):
        refused(desk.web.get("/sign-in/with/liar"), 502, "tell your administrator")
    assert liar.looked == looked + 1
    liar.told = None
    desk.world.clock.pass_by(10)  # type: ignore[attr-defined]
    assert desk.web.get("/sign-in/with/liar").status_code == 303


def test_nobody_waits_long_for_a_provider_that_another_is_asking(
    desk: Place, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that hangs must not hold every thread of the server."""
    tell(desk, liar)
    monkeypatch.setattr("auth.client.metadata.PATIENCE", 0.02)
    looked, known = liar.looked, openid_sign_in.new_caches(desk.world).directory

    def slow() -> Response:
        time.sleep(0.5)
        return Response("{}")

    liar.told = slow
    with ThreadPoolExecutor(1) as other:
        first = other.submit(known.get, liar.url, 0.0)
        while liar.looked == looked:
            time.sleep(0.01)
        with pytest.raises(UnusableProvider, match="slow to answer"):
            known.get(liar.url, 0.0)
        with pytest.raises(UnusableProvider, match="tells no issuer"):
            first.result()
    with pytest.raises(UnusableProvider, match="tells no issuer"):
        known.get(liar.url, 9.0)
    assert liar.looked == looked + 1


def test_a_provider_that_talks_without_end_is_quoted_in_short(desk: Place, liar: Liar) -> None:
    liar.configuration = {"issuer": "https://" + "x" * 100_000}
    with pytest.raises(Invalid) as caught:
        tell(desk, liar)
    assert len(caught.value.text) <= 500


def test_the_metadata_of_a_provider_is_not_asked_for_at_every_step(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    looked = liar.looked
    assert come(desk, liar).status_code == 303
    assert liar.looked == looked + 1


def test_keys_that_can_not_be_had_are_an_outage_and_no_refusal(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    liar.configuration = {"jwks_uri": "http://127.0.0.1:9/jwks"}
    refused(come(desk, liar), 502, "can not be fetched")


def test_a_secret_that_is_gone_is_told_without_its_place(desk: Place, liar: Liar) -> None:
    new = tell(desk, liar)
    assert new.secret_file is not None
    Path(new.secret_file).unlink()
    answer = desk.web.get("/sign-in/with/liar")
    refused(answer, 503, "is not set up")
    assert new.secret_file not in answer.text


def test_ssrf_a_provider_inside_our_network_is_not_called_unless_it_is_named(desk: Place, liar: Liar) -> None:
    settings = replace(desk.world.settings, private_hosts="")
    world = replace(desk.world, settings=settings, http=partial(outgoing.session, settings))
    new = Provider("liar", "Liar", liar.url, "us")
    with pytest.raises(Invalid, match="https://"):
        openid_providers.add(world, new)
    with pytest.raises(Invalid, match="CARECOORD_PRIVATE_HOSTS"):
        openid_providers.add(world, replace(new, issuer=liar.url.replace("http:", "https:")))
    assert liar.looked == 0


# The administrator's side.


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"issuer": "https://another.example"}, "calls itself https://another.example"),
        ({"issuer": None}, "tells no issuer"), ({"token_endpoint": None}, "tells no token_endpoint"),
        ({"token_endpoint": "/token"}, "is no address"), ({"jwks_uri": 7}, "tells no jwks_uri"),
        ({"jwks_uri": "http://public.example/jwks"}, "must begin with https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "is no address"),
        ({"authorization_endpoint": "https://user@x.example/"}, "is no address"),
        ({"authorization_endpoint": "https://x.example:99999/"}, "is no address"),
        ({"response_types_supported": ["id_token"]}, "response types"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE methods"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signatures of id_tokens"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "takes no secrets"),
    ],
)  # fmt: skip
def test_a_provider_that_could_only_fail_people_is_not_taken(
    desk: Place, liar: Liar, configuration: dict[str, Any], words: str
) -> None:
    liar.configuration = configuration
    with pytest.raises(Invalid) as caught:
        tell(desk, liar)
    assert words in caught.value.text
    assert rows(desk, provider_table) == 0


@pytest.mark.parametrize("answer", [saying("<html>"), saying("[]"), saying("[" * 100_000), saying("{}", 404)])
def test_what_is_no_configuration_is_told(desk: Place, liar: Liar, answer: Callable[[], Response]) -> None:
    liar.told = answer
    with pytest.raises(Invalid, match="issuer"):
        tell(desk, liar)


def test_an_issuer_is_told_exactly_as_it_calls_itself(desk: Place, liar: Liar) -> None:
    with pytest.raises(Invalid, match="to the last slash"):
        tell(desk, liar, issuer=liar.url + "/")
    for wrong in (liar.url + "?x=1", liar.url + "#x", "ftp://x.example", "", "https://"):
        with pytest.raises(Invalid):
            tell(desk, liar, issuer=wrong)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"roles": frozenset({"admin"})}, "admin"), ({"roles": frozenset({"auditor", "payer"})}, "auditor"),
        ({"roles": frozenset({"boss"})}, "Unknown role"), ({"organization": None}, "belong somewhere"),
        ({"organization": "nowhere"}, "Organization/nowhere"), ({"secret_file": "/nowhere/secret"}, "a file"),
        ({"secret_file": None}, "with a secret in a file"), ({"id": "Ha Ha"}, "small letters"),
        ({"id": "../x"}, "small letters"), ({"name": " "}, "a name"), ({"client": ""}, "client id"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_of_a_provider_is_told(
    desk: Place, liar: Liar, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises((Invalid, BadRegistration)) as caught:
        tell(desk, liar, **changes)
    assert words in str(caught.value)
    assert rows(desk, provider_table) == 0


@pytest.mark.parametrize(
    ("mode", "text", "words"), [(0o640, "s", "chmod 600"), (0o604, "s", "chmod"), (0o600, "\n", "empty")]
)
def test_a_secret_that_others_may_read_or_that_is_none_is_told(
    desk: Place, liar: Liar, mode: int, text: str, words: str
) -> None:
    new = tell(desk, liar)
    path = Path(str(new.secret_file))
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(Invalid, match=words):
        openid_providers.check(desk.world, new)


def test_check_says_of_each_provider_what_to_do(desk: Place, liar: Liar) -> None:
    new = tell(desk, liar)
    assert "answers" in openid_providers.check(desk.world, new)
    liar.keys = []
    with pytest.raises(Problem, match="publishes no key"):
        openid_providers.check(desk.world, new)
    liar.told = saying("", 500)
    with pytest.raises(Problem, match="answered 500"):
        openid_providers.check(desk.world, new)
    assert "disabled" in openid_providers.check(desk.world, replace(new, disabled=True))


def test_what_an_administrator_does_is_audited(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    mina = desk.person("mina", "payer")
    openid_providers.link(desk.world, "liar", "mina", "m-1")
    openid_providers.unlink(desk.world, "liar", "m-1")
    openid_providers.disable(desk.world, "liar")
    with reading(desk.world.engine) as conn:
        kept = conn.execute(select(audit.c.interaction, audit.c.query).where(audit.c.query.like("%provider=liar")))
        assert [tuple(row) for row in kept] == [
            ("add-provider", "provider=liar"), ("link-identity", f"user={mina.id} provider=liar"),
            ("unlink-identity", f"user={mina.id} provider=liar"), ("disable-provider", "provider=liar"),
        ]  # fmt: skip


def test_linking_tells_what_is_wrong(desk: Place, liar: Liar) -> None:
    tell(desk, liar)
    desk.person("mina", "payer")
    desk.person("pat", "payer")
    for args, words in (
        (("nobody", "mina", "m"), "no provider"), (("liar", "nobody", "m"), "Nobody here"),
        (("\0", "mina", "m"), "no provider"), (("liar", "mina", " "), "The subject"),
    ):  # fmt: skip
        with pytest.raises((Invalid, BadRegistration), match=words):
            openid_providers.link(desk.world, *args)
    openid_providers.link(desk.world, "liar", "mina", "m")
    openid_providers.link(desk.world, "liar", "mina", "m")
    with pytest.raises(BadRegistration, match="somebody else"):
        openid_providers.link(desk.world, "liar", "pat", "m")


@pytest.mark.parametrize("path", ["/sign-in/with/nobody", "/sign-in/with/%00", "/sign-in/with/..%2f..%2f"])
def test_an_unknown_provider_is_not_found(desk: Place, path: str) -> None:
    assert desk.web.get(path).status_code == 404


def test_the_tables_do_the_same_on_both_databases(database_url: str) -> None:
    """Told anew, an id keeps its issuer; sessions by a provider end with it, on SQLite and PostgreSQL."""
    engine = open_engine(database_url)
    one = Provider("east", "East", "https://east.example", "us", None, "clinic", frozenset({"payer", "clinician"}))
    pat = store.User("pat", "pat", "Pat")
    with engine.begin() as conn:
        store.add_user(conn, pat, "", 1)
        providers.add(conn, one, 1)
        providers.disable(conn, "east")
        assert providers.enabled(conn) == []
        providers.add(conn, replace(one, name="East Hospital"), 2)
        assert providers.enabled(conn) == [("east", "East Hospital")]
        for clash in (replace(one, issuer="https://other.example"), replace(one, id="other")):
            with pytest.raises(BadRegistration, match="is provider 'east'"):
                providers.add(conn, clash, 3)
        providers.link(conn, one.issuer, "p-1", "pat", 3)
        providers.mark_seen(conn, one.issuer, "p-1", 9)
        assert providers.linked_user(conn, one.issuer, "p-1") == "pat"
        assert providers.linked_user(conn, "https://other.example", "p-1") is None
        assert providers.every(conn) == [(replace(one, name="East Hospital"), 1)]
        by_provider, by_password, by_fedora = (
            sessions.open_session(conn, pat, "test", 10, amr=amr) for amr in ("fed pwd", "pwd", "fedora")
        )
        providers.disable(conn, "east")
        assert sessions.find(conn, by_provider, 11) is None
        assert sessions.find(conn, by_password, 11) is not None
        assert sessions.find(conn, by_fedora, 11) is not None
        assert providers.unlink(conn, one.issuer, "p-1")
        assert not providers.unlink(conn, one.issuer, "p-1")
        assert conn.execute(update(provider_table).values(disabled=False)).rowcount == 1
    engine.dispose()
