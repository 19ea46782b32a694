"""Codes beside the password: when one counts, that it counts once, and that nobody gets by without it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from auth.people import factors, totp
from auth.people.sessions import FIRST_WAIT, FREE_TRIES, PROOF
from auth.people.totp import STEP
from auth.store import User
from carecoord.actions.people import account
from carecoord.actions.people import sign_in as people_sign_in
from carecoord.actions.people.sign_in import HALFWAY
from carecoord.store.database.engine import open_engine, writing
from tests.auth.conftest import Clock
from tests.auth.place import Place
from tests.auth.visitors import MINA, PASSWORD, code, enrolled, is_in, let_in, sign_in, token, told
from tests.people import add_user_with_password

NOW = 1_795_000_000
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
BOSS = User("u9", "boss", "Boss, Ida", frozenset({"admin"}))


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    made = open_engine(database_url)
    with writing(made) as conn:
        add_user_with_password(conn, MINA, PASSWORD, NOW)
        yield conn
    made.dispose()


def pass_by(place: Place, seconds: float) -> None:
    clock = place.world.clock
    assert isinstance(clock, Clock)
    clock.now += timedelta(seconds=seconds)


@given(now=st.integers(10**9, 2 * 10**9), drift=st.integers(-100, 100))
def test_rfc_6238_5_2_a_code_counts_in_its_own_step_and_one_to_either_side(now: int, drift: int) -> None:
    shown = pyotp.TOTP(SECRET).at(now + drift)
    near = abs((now + drift) // STEP - now // STEP) <= 1
    found = totp.step(SECRET, shown, now)
    if near:
        assert found is not None
        assert pyotp.HOTP(SECRET).at(found) == shown
    elif found is not None:  # one code in a million is also that of another step
        assert pyotp.HOTP(SECRET).at(found) == shown


@given(now=st.integers(10**9, 2 * 10**9), used=st.integers(-2, 2))
def test_rfc_6238_5_2_no_code_counts_at_or_before_the_last_one_taken(now: int, used: int) -> None:
    last = now // STEP + used
    for shown in (pyotp.HOTP(SECRET).at(last - back) for back in range(4)):
        found = totp.step(SECRET, shown, now, after=last)
        assert found is None or found > last


@given(st.text(max_size=12))
def test_whatever_is_typed_is_no_code_but_the_code(typed: str) -> None:
    right = {pyotp.HOTP(SECRET).at(NOW // STEP + each) for each in (-1, 0, 1)}
    assert (totp.step(SECRET, typed, NOW) is not None) == ("".join(typed.split()) in right)


@pytest.mark.parametrize("written", ["{0}", " {0} ", "{1} {2}"])
def test_a_code_may_be_typed_with_spaces(written: str) -> None:
    shown = code(SECRET, NOW)
    assert totp.step(SECRET, written.format(shown, shown[:3], shown[3:]), NOW)


def test_an_authenticator_counts_once_its_first_code_was_typed_in(conn: Connection) -> None:
    totp.offer_secret(conn, "u1", NOW)
    found = totp.find(conn, "u1")
    assert found
    assert not totp.use_code(conn, "u1", code(found.secret, NOW), NOW)
    assert factors.kinds(conn, "u1") == frozenset()
    assert not totp.confirm(conn, "u1", "000000" if code(found.secret, NOW) != "000000" else "111111", NOW)
    assert totp.confirm(conn, "u1", code(found.secret, NOW), NOW)
    assert factors.kinds(conn, "u1") == {"otp"}
    totp.offer_secret(conn, "u1", NOW)  # somebody else's tab must not replace it
    kept = totp.find(conn, "u1")
    assert kept
    assert (kept.secret, kept.confirmed) == (found.secret, True)


def test_a_code_counts_once(conn: Connection) -> None:
    totp.offer_secret(conn, "u1", NOW)
    found = totp.find(conn, "u1")
    assert found
    first = code(found.secret, NOW)
    assert totp.confirm(conn, "u1", first, NOW)
    assert not totp.use_code(conn, "u1", first, NOW)
    after = code(found.secret, NOW + STEP)
    assert totp.use_code(conn, "u1", after, NOW)
    assert not totp.use_code(conn, "u1", after, NOW)
    assert not totp.use_code(conn, "u1", first, NOW + STEP)


def test_each_recovery_code_counts_once_and_dies_when_new_ones_are_made(conn: Connection) -> None:
    codes = factors.new_recovery_codes(conn, "u1")
    assert len(set(codes)) == 10
    assert factors.use_recovery_code(conn, "u1", codes[0], NOW)
    assert not factors.use_recovery_code(conn, "u1", codes[0], NOW)
    assert factors.use_recovery_code(conn, "u1", f" {codes[1].upper().replace('-', ' ')}", NOW)
    assert not factors.use_recovery_code(conn, "u2", codes[2], NOW)
    assert factors.recovery_codes_left(conn, "u1") == 8
    fresh = factors.new_recovery_codes(conn, "u1")
    assert not factors.use_recovery_code(conn, "u1", codes[2], NOW)
    assert factors.use_recovery_code(conn, "u1", fresh[0], NOW)


def test_recovery_codes_are_stored_as_hashes_alone(conn: Connection) -> None:
    codes = factors.new_recovery_codes(conn, "u1")
    held = str(conn.exec_driver_sql("select * from auth_recovery").all())
    assert not any(code in held or code.replace("-", "") in held for code in codes)


def test_the_password_alone_opens_nothing_for_who_has_an_authenticator(place: Place) -> None:
    let_in(place)
    secret = enrolled(place)
    half = sign_in(place.web, next="/cases?page=2")
    assert (half.status_code, half.location) == (303, "/sign-in/second-step?next=%2Fcases%3Fpage%3D2")
    assert place.web.get_cookie("cc") is None
    assert not is_in(place.web)
    assert place.web.get("/account").status_code == 303
    page = place.web.get(half.location)
    assert "Mina Reyes" in page.text
    form = {"code": code(secret, place.now()), "csrf": token(place.web, half.location), "next": "/cases?page=2"}
    done = place.web.post("/sign-in/code", data=form)
    assert (done.status_code, done.location) == (303, "/cases?page=2")
    assert is_in(place.web)
    assert place.web.get_cookie("cc-half") is None
    assert told(place) == [("sign-in", 200, "u1", None)]


def give(place: Place, typed: str) -> int:
    form = {"code": typed, "csrf": token(place.web, "/sign-in/second-step")}
    return int(place.web.post("/sign-in/code", data=form).status_code)


def test_wrong_codes_count_in_the_same_lockout_as_wrong_passwords(place: Place) -> None:
    let_in(place)
    secret = enrolled(place)
    assert sign_in(place.web, "wrong").status_code == 401
    sign_in(place.web)
    for _ in range(FREE_TRIES - 1):
        assert give(place, "no code") == 401
    form = {"code": code(secret, place.now()), "csrf": token(place.web, "/sign-in/second-step")}
    locked = place.web.post("/sign-in/code", data=form)
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, str(FIRST_WAIT))
    assert sign_in(place.web).status_code == 429
    pass_by(place, FIRST_WAIT)
    assert give(place, code(secret, place.now())) == 303
    assert is_in(place.web)
    assert [row[1] for row in told(place)] == [401, 401, 401, 401, 401, 429, 429, 200]


def test_the_right_password_again_and_again_is_no_way_to_guess_codes_for_ever(place: Place) -> None:
    let_in(place)
    enrolled(place)
    tries = 0
    for _ in range(20):
        if sign_in(place.web).status_code == 303 and give(place, "no code") == 401:
            tries += 1
    assert tries == FREE_TRIES


def test_a_half_made_sign_in_is_over_after_five_minutes_and_after_its_use(place: Place) -> None:
    let_in(place)
    secret = enrolled(place)
    sign_in(place.web)
    pass_by(place, HALFWAY)
    late = {"code": code(secret, place.now()), "csrf": token(place.web)}
    answer = place.web.post("/sign-in/code", data=late)
    assert answer.status_code == 401
    assert "took too long" in answer.text
    sign_in(place.web)
    half = place.web.get_cookie("cc-half")
    assert half
    assert give(place, code(secret, place.now())) == 303
    place.web.delete_cookie("cc")
    place.web.set_cookie("cc-half", half.value)
    pass_by(place, STEP)
    again = {"code": code(secret, place.now()), "csrf": token(place.web, "/sign-in?again=1")}
    assert place.web.post("/sign-in/code", data=again).status_code == 401


def test_session_fixation_no_value_that_was_there_before_becomes_the_session(place: Place) -> None:
    let_in(place)
    secret = enrolled(place)
    place.web.set_cookie("cc", "planted")
    sign_in(place.web)
    half = place.web.get_cookie("cc-half")
    assert half
    place.web.set_cookie("cc", half.value)  # the half-made sign-in shown as a session
    assert not is_in(place.web)
    assert give(place, code(secret, place.now())) == 303
    cookie = place.web.get_cookie("cc")
    assert cookie
    assert cookie.value not in ("planted", half.value)


@pytest.mark.parametrize("path", ["/sign-in/code", "/sign-in/passkey", "/sign-in/passkey/options"])
def test_csrf_a_form_of_another_site_can_not_take_the_second_step(place: Place, path: str) -> None:
    let_in(place)
    secret = enrolled(place)
    sign_in(place.web)
    form = {"code": code(secret, place.now()), "second": "1"}
    assert place.web.post(path, data=form).status_code == 403
    known = form | {"csrf": token(place.web, "/sign-in/second-step")}
    assert place.web.post(path, data=known, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert place.web.get_cookie("cc") is None


def test_a_recovery_code_lets_in_when_the_telephone_is_lost(place: Place) -> None:
    let_in(place)
    enrolled(place)
    with writing(place.world.engine) as conn:
        codes = factors.new_recovery_codes(conn, "u1")
    sign_in(place.web)
    assert give(place, codes[0]) == 303
    sign_in(place.web)
    assert give(place, codes[0]) == 401


def test_amr_how_somebody_signed_in_is_kept_with_the_session(place: Place) -> None:
    """RFC 8176."""
    let_in(place)
    sign_in(place.web)
    assert _amr(place) == "pwd"
    secret = enrolled(place)
    sign_in(place.web)
    assert give(place, code(secret, place.now())) == 303
    assert _amr(place) == "pwd otp"


def _amr(place: Place) -> str:
    cookie = place.web.get_cookie("cc")
    assert cookie
    found = people_sign_in.find_session(place.world, cookie.value)
    assert found
    return found.amr


def test_admins_are_asked_for_a_second_factor_and_may_go_on_for_two_weeks(place: Place) -> None:
    let_in(place, BOSS)
    asked = sign_in(place.web, login="boss", next="/people")
    assert asked.location == "/account/second-factor?next=%2Fpeople"
    page = place.web.get(asked.location)
    assert "Not now" in page.text
    assert "6 Dec" in page.text
    assert place.web.get("/people").status_code == 200
    pass_by(place, 14 * 86_400)
    late = sign_in(place.web, login="boss", next="/people")
    assert late.location == "/account/second-factor?next=%2Fpeople"
    page = place.web.get(late.location)
    assert "Not now" not in page.text
    for path in ("/people", "/", "/account/apps", "/account"):
        assert place.web.get(path).status_code == 303, path
    assert place.web.get("/sign-in").location == "/account/second-factor"


def test_who_is_late_sets_one_up_and_goes_on_and_is_locked_out_of_nothing(place: Place) -> None:
    let_in(place, BOSS)
    pass_by(place, 14 * 86_400)
    sign_in(place.web, login="boss")
    csrf = token(place.web, "/account/second-factor")
    assert place.web.post("/account/password", data={"csrf": csrf}).location == "/account/second-factor"
    assert place.web.post("/account/authenticator", data={"csrf": csrf}).location == "/account/authenticator"
    with writing(place.world.engine) as conn:
        app = totp.find(conn, BOSS.id)
    assert app
    shown = place.web.post("/account/authenticator/confirm", data={"csrf": csrf, "code": code(app.secret, place.now())})
    assert shown.status_code == 200
    assert shown.text.count("<code>") == 10
    assert place.web.get("/people").status_code == 200
    assert _amr(place) == "pwd otp"


def test_a_coordinator_and_a_house_that_does_not_want_it_are_not_asked(place: Place) -> None:
    let_in(place)
    assert sign_in(place.web).location == "/"
    let_in(place, BOSS)
    open_house = replace(place.world, settings=replace(place.world.settings, second_factor_days=0))
    pass_by(place, 400 * 86_400)
    browser = people_sign_in.Browser("x", "r")
    entered = people_sign_in.sign_in(open_house, "boss", PASSWORD, browser)
    assert isinstance(entered, people_sign_in.SignedIn)
    assert people_sign_in.find_session(open_house, entered.cookie)


def test_factors_are_changed_only_by_who_proved_moments_ago_who_they_are(place: Place) -> None:
    let_in(place)
    secret = enrolled(place)
    sign_in(place.web)
    assert give(place, code(secret, place.now())) == 303
    csrf = token(place.web, "/account")
    pass_by(place, PROOF)
    for path in ("authenticator/remove", "recovery", "authenticator"):
        answer = place.web.post(f"/account/{path}", data={"csrf": csrf})
        assert answer.location == "/account/proof?next=%2Faccount", path
    assert place.web.get("/account/authenticator").location == "/account/proof?next=%2Faccount%2Fauthenticator"
    wrong = place.web.post("/account/proof", data={"csrf": csrf, "password": "wrong wrong"})
    assert wrong.status_code == 422
    proof = {"csrf": csrf, "code": code(secret, place.now()), "next": "/account"}
    assert place.web.post("/account/proof", data=proof).location == "/account"
    assert place.web.post("/account/authenticator/remove", data={"csrf": csrf}).status_code == 303
    with writing(place.world.engine) as conn:
        assert factors.kinds(conn, "u1") == frozenset()
        assert factors.recovery_codes_left(conn, "u1") == 0
    assert [row[3] for row in told(place)][-2:] == ["proof", "authenticator removed"]


def test_guesses_at_the_proof_count_in_the_lockout(place: Place) -> None:
    let_in(place)
    sign_in(place.web)
    csrf = token(place.web, "/account/proof")
    tries = [place.web.post("/account/proof", data={"csrf": csrf, "password": "x"}).status_code for _ in range(6)]
    assert tries == [422] * FREE_TRIES + [429]


def test_nothing_about_factors_is_changed_by_another_site(place: Place) -> None:
    let_in(place)
    enrolled(place)
    place.sign_in(MINA)
    paths = [rule.rule for rule in place.web.application.url_map.iter_rules() if rule.rule.startswith("/account")]
    assert len(paths) >= 12
    for path in paths:
        filled = path.replace("<id>", "00").replace("<hash>", "00")
        answer = place.web.post(filled, data={"csrf": "guessed"})
        assert answer.status_code in (403, 405), path


def test_account_actions_refuse_a_session_that_is_not_fresh_whatever_page_calls_them(place: Place) -> None:
    let_in(place)
    place.sign_in(MINA, ago=PROOF)
    cookie = place.web.get_cookie("cc")
    assert cookie
    session = people_sign_in.find_session(place.world, cookie.value)
    assert session
    for verb in (
        lambda: account.offer_authenticator(place.world, session),
        lambda: account.confirm_authenticator(place.world, session, "1", "r"),
        lambda: account.remove_authenticator(place.world, session, "r"),
        lambda: account.renew_codes(place.world, session, "r"),
        lambda: account.offer_passkey(place.world, session),
        lambda: account.add_passkey(place.world, session, "{}", "x", "r"),
        lambda: account.remove_passkey(place.world, session, b"", "r"),
    ):
        with pytest.raises(account.ReauthenticationNeeded):
            verb()
