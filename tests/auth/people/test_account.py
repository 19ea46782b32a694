"""A person's own account page: what it says, and what its forms do to nobody but them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from auth.people import passkeys, sessions
from auth.tables import session
from carecoord.store.database.engine import writing
from carecoord.web.page.devices import device
from tests.auth.place import Place
from tests.auth.visitors import MINA, PASSWORD, Device, is_in, let_in, sign_in, token, told

CHOSEN = "six words that nobody else has"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"


def post(web: FlaskClient, path: str, **form: str) -> Any:
    return web.post(path, data={"csrf": token(web, "/account"), **form})


def test_it_says_who_and_where(place: Place) -> None:
    let_in(place)
    other = place.web.application.test_client()
    form = {"login": "mina", "password": PASSWORD, "csrf": token(other)}
    other.post("/sign-in", data=form, headers={"User-Agent": FIREFOX})
    sign_in(place.web)
    page = place.web.get("/account").text
    assert "login mina" in page
    assert "Firefox on Windows" in page
    assert page.count("This one") == 1
    assert 'href="/account/apps"' in page
    assert 'href="/account"' in place.web.get("/").text
    assert 'href="/people"' not in page
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert f"carecoord {project['version']}</p>" in page


def test_a_password_is_changed_by_the_current_one_and_ends_every_other_session(place: Place) -> None:
    let_in(place)
    other = place.web.application.test_client()
    sign_in(other)
    sign_in(place.web)
    wrong = post(place.web, "/account/password", current="wrong", password=CHOSEN, again=CHOSEN)
    assert wrong.status_code == 422
    assert "current password is not right" in wrong.text
    done = post(place.web, "/account/password", current=PASSWORD, password=CHOSEN, again=CHOSEN)
    assert done.location == "/account?done=password"
    assert is_in(place.web)
    assert not is_in(other)
    assert sign_in(other).status_code == 401
    assert sign_in(other, CHOSEN).status_code == 303
    trail = told(place)
    assert ("account-change", 200, "u1", "password") in trail
    assert not any(word in str(trail) for word in (PASSWORD, CHOSEN, "wrong"))


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [("short", "short", "between 12"), (CHOSEN, CHOSEN + "x", "not the same"), ("mina", "mina", "between 12")],
)
def test_a_password_that_will_not_do_is_refused(place: Place, password: str, again: str, says: str) -> None:
    let_in(place)
    sign_in(place.web)
    answer = post(place.web, "/account/password", current=PASSWORD, password=password, again=again)
    assert answer.status_code == 422
    assert says in answer.text


def test_guesses_at_the_current_password_count_in_the_lockout(place: Place) -> None:
    let_in(place)
    sign_in(place.web)
    form = {"current": "wrong", "password": CHOSEN, "again": CHOSEN}
    assert [post(place.web, "/account/password", **form).status_code for _ in range(6)] == [422] * 5 + [429]


def test_one_session_is_ended_and_it_must_be_ones_own(place: Place) -> None:
    let_in(place)
    other, stranger = place.web.application.test_client(), place.web.application.test_client()
    sign_in(other)
    let_in(place, place.person("zoe", "coordinator").__class__("u7", "zora", "Zora", frozenset({"coordinator"})))
    sign_in(stranger, login="zora")
    sign_in(place.web)
    with writing(place.world.engine) as conn:
        hashes = {row.user: row.hash.hex() for row in conn.execute(select(session)) if row.user == "u7"}
    assert post(place.web, f"/account/sessions/{hashes['u7']}/end").status_code == 404
    assert is_in(stranger)
    (address,) = re.findall(r'action="(/account/sessions/[0-9a-f]+/end)"', place.web.get("/account").text)
    assert post(place.web, address).location == "/account?done=session#sessions"
    assert not is_in(other)
    assert is_in(place.web)
    assert post(place.web, "/account/sessions/nonsense/end").status_code == 404


def test_signing_out_everywhere_ends_them_all_and_is_audited(place: Place) -> None:
    let_in(place)
    other = place.web.application.test_client()
    sign_in(other)
    sign_in(place.web)
    assert post(place.web, "/sign-out-everywhere").status_code == 303
    assert not is_in(place.web)
    assert not is_in(other)
    assert told(place)[-1] == ("sign-out", 200, "u1", "everywhere")


def test_a_passkey_is_added_used_and_removed(place: Place) -> None:
    let_in(place)
    sign_in(place.web)
    key = Device()
    options = post(place.web, "/account/passkeys/options")
    added = post(place.web, "/account/passkeys", credential=key.make(options.json), name="My key")
    assert added.text.count("<code>") == 10  # recovery codes come with the first factor
    assert "My key" in place.web.get("/account").text
    post(place.web, "/sign-out")

    asked = place.web.post("/sign-in/passkey/options", data={"csrf": token(place.web)})
    form = {"csrf": token(place.web), "credential": key.show(asked.json), "next": "/account"}
    entered = place.web.post("/sign-in/passkey", data=form)
    assert (entered.status_code, entered.location) == (303, "/account")
    assert "by passkey" in place.web.get("/account").text
    assert place.web.post("/sign-in/passkey", data=form).status_code == 401  # shown again
    assert is_in(place.web)

    half = sign_in(place.web)
    assert half.location.startswith("/sign-in/second-step")
    asked = place.web.post(
        "/sign-in/passkey/options", data={"csrf": token(place.web, "/sign-in/second-step"), "second": "1"}
    )
    assert asked.json
    assert len(asked.json["allowCredentials"]) == 1
    form = {
        "csrf": token(place.web, "/sign-in/second-step"), "second": "1", "credential": key.show(asked.json),
    }  # fmt: skip
    assert place.web.post("/sign-in/passkey", data=form).status_code == 303
    assert "by password and passkey" in place.web.get("/account").text
    assert post(place.web, f"/account/passkeys/{key.id.hex()}/remove").status_code == 303
    assert sign_in(place.web).location == "/"


def test_a_passkey_of_the_second_step_is_no_way_in_for_somebody_else(place: Place) -> None:
    """Who knows Mina's password and has a passkey of their own must not come in as Mina, nor as anybody."""
    let_in(place)
    thief = let_in(place, MINA.__class__("u6", "thief", "Thief, A", frozenset({"coordinator"})))
    own, minas = Device(), Device(id=b"mina's")
    with writing(place.world.engine) as conn:
        here = passkeys.site(place.world.settings.url)
        assert here
        for who, key in ((thief, own), (MINA, minas)):
            options = passkeys.registration_options(conn, here, who, "b", place.now())
            passkeys.register(conn, here, who, key.make(options), "k", "b", place.now())
    sign_in(place.web)
    csrf = token(place.web, "/sign-in/second-step")
    asked = place.web.post("/sign-in/passkey/options", data={"csrf": csrf, "second": "1"})
    sent = {"csrf": csrf, "second": "1", "credential": own.show(asked.json)}
    assert place.web.post("/sign-in/passkey", data=sent).status_code == 401
    assert place.web.get_cookie("cc") is None


def test_where_browsers_know_no_passkeys_none_are_offered(place: Place) -> None:
    """The default address is a bare IP address, for which WebAuthn has no relying party."""
    let_in(place)
    sign_in(place.web)
    assert "data-passkey" in place.web.get("/account").text
    object.__setattr__(place.world.settings, "base_url", "http://127.0.0.1:8000")
    page = place.web.get("/account").text
    assert "data-passkey" not in page
    assert "host name and https" in page
    refused = post(place.web, "/account/passkeys/options")
    assert refused.status_code == 409
    assert refused.json
    assert "localhost" in refused.json["problem"]


def test_the_page_of_an_ehr_s_frame_shows_up_in_the_list_and_can_be_ended(place: Place) -> None:
    let_in(place)
    with writing(place.world.engine) as conn:
        sessions.open_session(conn, MINA, FIREFOX, place.now(), amr="fed", kind="embed")
    sign_in(place.web)
    page = place.web.get("/account").text
    assert "Inside an EHR" in page
    assert "your organization&#39;s sign-in" in page


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML) Version/18.4 Safari/605.1.15",
         "Safari on Mac"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) Version/18.4 Mobile/15E148 Safari/604.1",
         "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "curl"), ("", "An unknown browser"), ("<script>", "An unknown browser"),
    ],
)  # fmt: skip
def test_a_browser_is_said_in_plain_words(agent: str, words: str) -> None:
    assert device(agent) == words
