"""People's sign-in on both databases: right and wrong passwords, waiting, sessions and their ends."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, Engine

from auth import store
from auth.errors import BadRegistration, Locked
from auth.people import sessions as people_sessions
from auth.people.sessions import ABSOLUTE, FIRST_WAIT, FREE_TRIES, IDLE, LONGEST_WAIT, NOTICED
from carecoord.store.database.engine import open_engine, writing
from tests.people import add_user_with_password

NOW = 1_795_000_000
PASSWORD = "correct horse battery"
MINA = store.User("u1", "Mina@Clinic.example", "Mina Okafor", frozenset({"coordinator"}), "npi|1", "Practitioner/p1")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_engine(database_url)
    with writing(made) as conn:
        add_user_with_password(conn, MINA, PASSWORD, NOW)
    yield made
    made.dispose()


@contextmanager
def wrote(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as conn:
        yield conn


def sign_in(engine: Engine, login: str = MINA.login, password: str = PASSWORD, now: int = NOW) -> str | None:
    with wrote(engine) as conn:
        attempt = people_sessions.begin_attempt(conn, login, now)
    if not people_sessions.verify_password(attempt, password) or attempt.user is None:
        return None
    with wrote(engine) as conn:
        people_sessions.reset_failures(conn, login)
        return people_sessions.open_session(conn, attempt.user, "Firefox", now, amr="pwd")


def find(engine: Engine, cookie: str | None, now: int = NOW) -> people_sessions.Session | None:
    with wrote(engine) as conn:
        return people_sessions.find(conn, cookie, now)


def test_the_right_password_opens_a_session(engine: Engine) -> None:
    session = find(engine, sign_in(engine))
    assert session
    assert session.user == replace(MINA, login="mina@clinic.example")
    grant = session.grant()
    assert (grant.subject, grant.roles, grant.organization) == ("u1", {"coordinator"}, "npi|1")
    assert grant.client is None


def test_the_login_is_read_in_any_case(engine: Engine) -> None:
    assert sign_in(engine, " mina@CLINIC.example ")


@pytest.mark.parametrize("password", ["", "correct horse batter", PASSWORD + " ", "x" * 5000, "\udcff" * 12])
def test_a_wrong_password_opens_nothing(engine: Engine, password: str) -> None:
    assert sign_in(engine, password=password) is None


@pytest.mark.parametrize("login", ["", "nobody@clinic.example", "mina\0", "\udcff", "' or 1=1 --"])
def test_an_unknown_login_opens_nothing(engine: Engine, login: str) -> None:
    assert sign_in(engine, login) is None


def test_a_disabled_person_can_not_sign_in_and_is_out_at_once(engine: Engine) -> None:
    cookie = sign_in(engine)
    with wrote(engine) as conn:
        store.change_user(conn, replace(MINA, disabled=True))
    assert find(engine, cookie) is None
    assert sign_in(engine) is None


def test_a_change_of_roles_ends_the_sessions(engine: Engine) -> None:
    cookie = sign_in(engine)
    with wrote(engine) as conn:
        store.change_user(conn, replace(MINA, roles=frozenset({"auditor"})))
    assert find(engine, cookie) is None


def test_a_change_of_password_ends_the_sessions(engine: Engine) -> None:
    cookie = sign_in(engine)
    with wrote(engine) as conn:
        people_sessions.change_password(conn, "u1", "another long password")
    assert find(engine, cookie) is None
    assert sign_in(engine) is None
    assert sign_in(engine, password="another long password")


@pytest.mark.parametrize("login", [MINA.login, "nobody@clinic.example"])
def test_wrong_passwords_in_a_row_make_everybody_wait_known_or_not(engine: Engine, login: str) -> None:
    for _ in range(FREE_TRIES):
        assert sign_in(engine, login, "wrong") is None
    with pytest.raises(Locked) as locked:
        sign_in(engine, login, PASSWORD)
    assert locked.value.seconds == FIRST_WAIT
    assert sign_in(engine, login, "wrong", NOW + FIRST_WAIT) is None
    with pytest.raises(Locked) as locked:
        sign_in(engine, login, PASSWORD, NOW + FIRST_WAIT)
    assert locked.value.seconds == 2 * FIRST_WAIT


def test_the_wait_has_an_end(engine: Engine) -> None:
    now = NOW
    for _ in range(40):
        with suppress(Locked):
            sign_in(engine, password="wrong", now=now)
        now += 10
    assert sign_in(engine, now=now + LONGEST_WAIT)


def test_the_right_password_forgets_the_failures(engine: Engine) -> None:
    for _ in range(FREE_TRIES - 1):
        sign_in(engine, password="wrong")
    assert sign_in(engine)
    for _ in range(FREE_TRIES - 1):
        sign_in(engine, password="wrong")
    assert sign_in(engine)


def test_guesses_side_by_side_are_all_counted(engine: Engine) -> None:
    """Ten requests that begin before any of them is refused must not be ten free tries."""
    with wrote(engine) as conn:
        for _ in range(FREE_TRIES):
            people_sessions.begin_attempt(conn, MINA.login, NOW)
        with pytest.raises(Locked):
            people_sessions.begin_attempt(conn, MINA.login, NOW)


def test_a_session_ends_when_it_is_not_used(engine: Engine) -> None:
    cookie = sign_in(engine)
    assert find(engine, cookie, NOW + IDLE - 1)
    assert find(engine, cookie, NOW + IDLE) is None


def test_use_keeps_a_session_alive_but_not_for_ever(engine: Engine) -> None:
    cookie, now = sign_in(engine), NOW
    while (session := find(engine, cookie, now)) is not None:
        assert session.stale(now) == (now - session.seen >= NOTICED)
        with wrote(engine) as conn:
            people_sessions.touch(conn, session, now)
        now += IDLE - 1
    assert now - NOW >= ABSOLUTE


def test_signing_out_ends_this_session_only(engine: Engine) -> None:
    here, there = sign_in(engine), sign_in(engine)
    with wrote(engine) as conn:
        people_sessions.end_session(conn, here)
    assert find(engine, here) is None
    assert find(engine, there)


def test_signing_out_everywhere_ends_them_all(engine: Engine) -> None:
    here, there = sign_in(engine), sign_in(engine)
    with wrote(engine) as conn:
        assert len(people_sessions.of_user(conn, "u1", NOW)) == 2
        people_sessions.end_all(conn, "u1")
        assert people_sessions.of_user(conn, "u1", NOW) == []
    assert find(engine, here) is None
    assert find(engine, there) is None


@pytest.mark.parametrize("cookie", [None, "", "x", "\udcff", "' or 1=1 --"])
def test_a_made_up_cookie_is_no_session(engine: Engine, cookie: str | None) -> None:
    assert find(engine, cookie) is None


def test_each_session_has_its_own_csrf_token(engine: Engine) -> None:
    one, two = find(engine, sign_in(engine)), find(engine, sign_in(engine))
    assert one
    assert two
    assert people_sessions.is_csrf(one.csrf, one.csrf)
    assert not people_sessions.is_csrf(one.csrf, two.csrf)
    assert not people_sessions.is_csrf(one.csrf, None)
    assert not people_sessions.is_csrf(one.csrf, "\udcff")


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 2000])
def test_a_password_must_be_long_enough_and_not_absurd(engine: Engine, password: str) -> None:
    with wrote(engine) as conn, pytest.raises(BadRegistration):
        people_sessions.change_password(conn, "u1", password)


def test_a_login_is_given_once(engine: Engine) -> None:
    with wrote(engine) as conn, pytest.raises(BadRegistration):
        add_user_with_password(conn, replace(MINA, id="u2", login="MINA@clinic.example"), PASSWORD, NOW)


def test_the_database_holds_neither_password_nor_session_id(engine: Engine) -> None:
    cookie = sign_in(engine)
    with wrote(engine) as conn:
        held = "".join(str(conn.exec_driver_sql(f"select * from {t}").all()) for t in ("auth_user", "auth_session"))
    assert PASSWORD not in held
    assert str(cookie) not in held
    assert "$argon2id$" in held


def test_a_password_and_an_unknown_login_cost_a_guesser_64_mib_and_three_passes(
    hashing: tuple[PasswordHasher, str],
) -> None:
    """The second recommendation of RFC 9106, section 4."""
    hasher, nobody = hashing
    for hashed in (hasher.hash(PASSWORD), nobody):
        assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        with pytest.raises(VerifyMismatchError):  # it is checked to the end, not turned away for its form
            hasher.verify(hashed, "a guess")
    assert list(map(len, nobody.split("$"))) == list(map(len, hasher.hash(PASSWORD).split("$")))


def test_a_process_starts_without_paying_for_a_password() -> None:
    """Each process hashed one as it started, a fifth of a second, whatever it was started for."""
    said = (
        "import argon2\n"
        "argon2.PasswordHasher.hash = lambda *_, **__: exit('hashed')\n"
        "import auth.people.sessions\n"
    )
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, check=False).returncode == 0


def test_what_has_expired_is_purged_and_nothing_else(engine: Engine) -> None:
    cookie = sign_in(engine)
    sign_in(engine, "nobody@clinic.example")
    with wrote(engine) as conn:
        store.issue(conn, store.Token("access", "c", "c", "system/*.rs", NOW, NOW + 300))
        assert store.spend_jti(conn, "c", "1", NOW + 300)
        assert store.purge(conn, NOW) == 0
        assert not store.spend_jti(conn, "c", "1", NOW + 300)
        assert store.purge(conn, NOW + 300) == 2
        assert store.spend_jti(conn, "c", "1", NOW + 300)
    assert find(engine, cookie)
    with wrote(engine) as conn:
        assert store.purge(conn, NOW + 90_000) == 3


def test_a_session_of_an_ehr_s_frame_is_none_at_the_desk_and_the_other_way_round(engine: Engine) -> None:
    with wrote(engine) as conn:
        framed = people_sessions.open_session(conn, MINA, "Firefox", NOW, amr="fed", kind="embed")
        desk = people_sessions.open_session(conn, MINA, "Firefox", NOW, amr="hwk")
        assert people_sessions.find(conn, framed, NOW) is None
        assert people_sessions.find(conn, desk, NOW, kind="embed") is None
        found = people_sessions.find(conn, framed, NOW, kind="embed")
        assert found
        assert (found.kind, found.amr, found.user.id) == ("embed", "fed", "u1")
        own = people_sessions.find(conn, desk, NOW)
        assert own
        assert (own.kind, own.amr) == ("desk", "hwk")


def test_somebody_without_a_password_can_not_sign_in_with_any(engine: Engine) -> None:
    with wrote(engine) as conn:
        store.add_user(conn, store.User("u2", "fed", "Federated"), "", NOW)
    for password in ("", " ", PASSWORD):
        assert sign_in(engine, "fed", password) is None


def test_the_right_password_alone_forgives_only_itself(engine: Engine) -> None:
    """Before a second factor: the failures before it still count, so that codes can not be guessed for ever."""
    for _ in range(FREE_TRIES - 1):
        sign_in(engine, password="wrong")
    with wrote(engine) as conn:
        attempt = people_sessions.begin_attempt(conn, MINA.login, NOW)
        people_sessions.undo_failure(conn, attempt)
        people_sessions.count_failure(conn, attempt.login, NOW)
        with pytest.raises(Locked):
            people_sessions.count_failure(conn, attempt.login, NOW)


def test_a_failure_side_by_side_is_not_excused(engine: Engine) -> None:
    with wrote(engine) as conn:
        attempt = [people_sessions.begin_attempt(conn, MINA.login, NOW) for _ in range(FREE_TRIES)]
        people_sessions.undo_failure(conn, attempt[0])
        with pytest.raises(Locked):
            people_sessions.begin_attempt(conn, MINA.login, NOW)


def test_after_the_wait_the_right_password_does_not_lock_the_code_that_follows(engine: Engine) -> None:
    now = NOW
    for _ in range(20):
        with suppress(Locked):
            sign_in(engine, password="wrong", now=now)
        now += LONGEST_WAIT
    with wrote(engine) as conn:
        attempt = people_sessions.begin_attempt(conn, MINA.login, now)
        people_sessions.undo_failure(conn, attempt)
        assert people_sessions.count_failure(conn, attempt.login, now)


def test_the_last_session_but_one_ends(engine: Engine) -> None:
    here, there = sign_in(engine), sign_in(engine)
    mine, other = find(engine, here), find(engine, there)
    assert mine
    assert other
    with wrote(engine) as conn:
        assert not people_sessions.end_one(conn, "somebody else", other.hash)
        people_sessions.end_all(conn, "u1", but=mine.hash)
    assert find(engine, here)
    assert find(engine, there) is None
