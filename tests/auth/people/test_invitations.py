"""Links by which people set their password, and the page on which admins look after people."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from auth import store
from auth.people import invitations, sessions
from auth.people.invitations import LIFE
from auth.store import User
from carecoord.actions.people import people
from carecoord.actions.people.accounts import NewUser
from carecoord.errors import Conflict, Gone, NotFound
from carecoord.store.database.engine import open_engine, writing
from tests.auth.place import URL, Place
from tests.auth.visitors import MINA, PASSWORD, enrolled, is_in, let_in, sign_in, token, told
from tests.people import add_user_with_password

NOW = 1_795_000_000
NEW = NewUser("New.Person", "Person, New", frozenset({"coordinator"}), "clinic")
CHOSEN = "six words that nobody else has"
BOSS = User("u9", "boss", "Boss, Ida", frozenset({"admin"}))


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    made = open_engine(database_url)
    with writing(made) as conn:
        add_user_with_password(conn, MINA, PASSWORD, NOW)
        yield conn
    made.dispose()


def test_a_link_counts_once(conn: Connection) -> None:
    secret = invitations.invite(conn, "u1", NOW)
    found = invitations.peek(conn, secret, NOW)
    assert found
    assert found.who.id == "u1"
    taken = invitations.redeem(conn, secret, NOW)
    assert taken
    assert taken.id == "u1"
    assert invitations.peek(conn, secret, NOW) is None
    assert invitations.redeem(conn, secret, NOW) is None


def test_a_link_is_good_for_three_days(conn: Connection) -> None:
    secret = invitations.invite(conn, "u1", NOW)
    assert invitations.peek(conn, secret, NOW + LIFE - 1)
    assert invitations.peek(conn, secret, NOW + LIFE) is None
    assert invitations.redeem(conn, secret, NOW + LIFE) is None


def test_a_newer_link_ends_the_older_one(conn: Connection) -> None:
    old, new = invitations.invite(conn, "u1", NOW), invitations.invite(conn, "u1", NOW)
    assert invitations.redeem(conn, old, NOW) is None
    assert invitations.redeem(conn, new, NOW)


def test_a_link_for_somebody_disabled_is_good_for_nothing(conn: Connection) -> None:
    secret = invitations.invite(conn, "u1", NOW)
    store.change_user(conn, replace(MINA, disabled=True))
    assert invitations.peek(conn, secret, NOW) is None
    assert invitations.redeem(conn, secret, NOW) is None


@pytest.mark.parametrize("secret", ["", "x", "\udcff", "' or 1=1 --"])
def test_a_made_up_link_is_none(conn: Connection, secret: str) -> None:
    invitations.invite(conn, "u1", NOW)
    assert invitations.peek(conn, secret, NOW) is None


def test_the_database_does_not_hold_the_link(conn: Connection) -> None:
    secret = invitations.invite(conn, "u1", NOW)
    assert secret not in str(conn.exec_driver_sql("select * from auth_invitation").all())


def test_nobody_can_sign_in_before_they_have_chosen_a_password(place: Place) -> None:
    """No default password anywhere."""
    people.invite(place.world, NEW, "r")
    for guess in ("", NEW.login, NEW.name, "password", "carecoord", "changeme"):
        with writing(place.world.engine) as conn:
            tried = sessions.begin_attempt(conn, NEW.login, place.now() + 10_000)
            sessions.reset_failures(conn, NEW.login)
        assert tried.user
        assert not sessions.verify_password(tried, guess)


def test_a_fresh_database_has_nobody_in_it(conn: Connection) -> None:
    assert [user.id for user in store.users(conn)] == ["u1"]  # whom this test let in


def path(link: str) -> str:
    assert link.startswith(f"{URL}/invitation/")
    return link.removeprefix(URL)


def accept(web: FlaskClient, link: str, password: str = CHOSEN, again: str | None = None) -> tuple[int, str]:
    form = {"csrf": token(web, path(link)), "password": password, "again": password if again is None else again}
    answer = web.post(path(link), data=form)
    return answer.status_code, answer.text


def test_somebody_invited_chooses_a_password_and_signs_in(place: Place) -> None:
    link = people.invite(place.world, NEW, "r")
    assert "new.person" in place.web.get(path(link)).text
    status, page = accept(place.web, link)
    assert status == 200
    assert "Your password is set" in page
    assert not is_in(place.web)  # the link is no session
    assert sign_in(place.web, CHOSEN, "new.person").status_code == 303
    assert is_in(place.web)
    gone = place.web.get(path(link))
    assert gone.status_code == 410
    assert "no longer good" in gone.text


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [
        ("short", None, "between 12"), (CHOSEN, CHOSEN + "x", "not the same"), ("", None, "between 12"),
        ("x" * 1025, None, "between 12"), ("ADMIN@care.example", None, "must not be the login"),
    ],
)  # fmt: skip
def test_a_password_that_will_not_do_is_refused_and_the_link_stays_good(
    place: Place, password: str, again: str | None, says: str
) -> None:
    link = people.invite(place.world, replace(NEW, login="admin@care.example"), "r")
    status, page = accept(place.web, link, password, again)
    assert status == 422
    assert says in page
    assert accept(place.web, link)[0] == 200


def test_csrf_a_form_of_another_site_can_not_choose_the_password(place: Place) -> None:
    link = people.invite(place.world, NEW, "r")
    form = {"password": CHOSEN, "again": CHOSEN}
    assert place.web.post(path(link), data=form).status_code == 403
    form["csrf"] = token(place.web, path(link))
    assert place.web.post(path(link), data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert accept(place.web, link)[0] == 200


def test_a_new_password_ends_every_session_and_lifts_the_lock(place: Place) -> None:
    let_in(place)
    sign_in(place.web)
    other = place.web.application.test_client()
    for _ in range(6):
        sign_in(other, "wrong")
    link = people.invite_to_new_password(place.world, "Mina", "r")
    assert is_in(place.web)  # until the person really chooses a new one
    assert accept(other, link)[0] == 200
    assert not is_in(place.web)
    assert sign_in(other).status_code == 401
    assert sign_in(other, CHOSEN).status_code == 303


def test_a_link_gets_nobody_past_the_second_factor(place: Place) -> None:
    let_in(place)
    enrolled(place)
    assert accept(place.web, people.invite_to_new_password(place.world, "mina", "r"))[0] == 200
    assert sign_in(place.web, CHOSEN).location.startswith("/sign-in/second-step")
    assert accept(place.web, people.invite_to_new_password(place.world, "mina", "r", factors_too=True))[0] == 200
    assert sign_in(place.web, CHOSEN).location == "/"


def test_two_who_open_the_link_at_once_do_not_both_set_a_password(place: Place) -> None:
    link = people.invite(place.world, NEW, "r")
    secret = path(link).rpartition("/")[2]
    people.accept(place.world, secret, CHOSEN, "r")
    with pytest.raises(Gone):
        people.accept(place.world, secret, "another that is long enough", "r")


def test_nobody_disables_themselves_and_nobody_unknown_is_reset(place: Place) -> None:
    let_in(place, BOSS)
    with pytest.raises(Conflict, match="another admin"):
        people.set_disabled(place.world, "boss", True, "r", BOSS)
    with pytest.raises(NotFound):
        people.invite_to_new_password(place.world, "nobody", "r")
    people.set_disabled(place.world, "boss", True, "r")
    with pytest.raises(Conflict, match="Enable"):
        people.invite_to_new_password(place.world, "boss", "r")


@pytest.mark.parametrize("role", ["coordinator", "clinician", "payer", "contracts", "auditor"])
def test_people_are_looked_after_by_admins_alone(place: Place, role: str) -> None:
    who = let_in(place, replace(MINA, roles=frozenset({role})))
    place.sign_in(who)
    csrf = token(place.web, "/account")
    assert place.web.get("/people").status_code == 403
    for verb in ("invite", "reset", "disable", "enable"):
        form = {"csrf": csrf, "login": "mina", "name": "x", "role": "admin"}
        assert place.web.post(f"/people/{verb}", data=form).status_code == 403, verb
    assert "/people" not in place.web.get("/").text


def test_an_admin_invites_resets_disables_and_enables(place: Place) -> None:
    let_in(place)
    place.sign_in(let_in(place, BOSS))
    assert 'href="/people"' in place.web.get("/account").text
    csrf = token(place.web, "/people")
    form = {"csrf": csrf, "login": "new.person", "name": "Person, New", "role": "payer", "organization": "clinic"}
    page = place.web.post("/people/invite", data=form).text
    link = page.partition(f"{URL}/invitation/")[2].partition("<")[0]
    assert len(link) == 43
    assert link not in place.web.get("/people").text
    other = place.web.application.test_client()
    assert accept(other, f"{URL}/invitation/{link}")[0] == 200
    assert sign_in(other, CHOSEN, "new.person").status_code == 303
    assert place.web.post("/people/disable", data={"csrf": csrf, "login": "new.person", "sure": "1"}).status_code == 200
    assert not is_in(other)
    assert sign_in(other, CHOSEN, "new.person").status_code == 401
    assert place.web.post("/people/enable", data={"csrf": csrf, "login": "new.person", "sure": "1"}).status_code == 200
    assert sign_in(other, CHOSEN, "new.person").status_code == 303
    assert place.web.post("/people/reset", data={"csrf": csrf, "login": "mina"}).status_code == 200
    done = [row[3].split()[0] for row in told(place) if row[0] == "account-change" and row[3] and row[2] == "u9"]
    assert done == ["invited", "disabled", "enabled", "link"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": ""}, "Unknown role"), ({"role": "king"}, "Unknown role"), ({"login": "boss"}, "is taken"),
        ({"login": " "}, "a login and a name"), ({"name": ""}, "a login and a name"), ({"login": "a\nb"}, "plain"),
        ({"organization": "nowhere"}, "no Organization/nowhere"), ({"practitioner": "no"}, "no Practitioner/no"),
    ],
)  # fmt: skip
def test_a_bad_invitation_says_what_is_wrong_and_keeps_what_was_typed(
    place: Place, change: dict[str, str], says: str
) -> None:
    place.sign_in(let_in(place, BOSS))
    form = {"csrf": token(place.web, "/people"), "login": "new", "name": "Kept Name", "role": "auditor"} | change
    answer = place.web.post("/people/invite", data=form)
    assert answer.status_code == 422
    assert says in answer.text
    if "name" not in change:
        assert 'value="Kept Name"' in answer.text


def test_the_list_says_who_has_what(place: Place) -> None:
    let_in(place)
    enrolled(place)
    place.sign_in(let_in(place, BOSS))
    people.invite(place.world, NEW, "r")
    found = {each.user.login: each for each in people.people(place.world)}
    assert (found["mina"].factors, found["mina"].has_password, found["mina"].seen) == ({"otp"}, True, None)
    assert (found["boss"].factors, found["boss"].due) == (frozenset(), place.now() + 14 * 86_400)
    assert (found["new.person"].has_password, found["new.person"].invited) == (False, place.now() + LIFE)
    page = place.web.get("/people").text
    assert "authenticator app" in page
    assert "password alone" in page
    assert "Link good until 25 Nov" in page
