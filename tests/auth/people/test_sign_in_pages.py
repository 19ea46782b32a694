"""The sign-in page as a browser meets it: cookies, forged forms, addresses to go on to, waiting, signing out."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

import auth.people.sessions
from auth.store import User
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import open_engine, writing
from carecoord.web.page import assets
from carecoord.web.people import sign_in
from carecoord.web.server import errors
from carecoord.world import World
from tests.people import add_user_with_password

PASSWORD = "correct horse battery"


class Clock:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    clock = Clock()
    with writing(engine) as conn:
        mina = User("u1", "mina", "Mina Okafor", frozenset({"coordinator"}))
        add_user_with_password(conn, mina, PASSWORD, int(clock().timestamp()))
    return World(engine, clock, lambda: "id", requests.Session, Settings(), lambda *_: None, Journal(tmp_path))


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copyfile(sqlite_template, tmp_path / "carecoord.db")
    made = open_engine(f"sqlite:///{tmp_path / 'carecoord.db'}")
    yield made
    made.dispose()


def build(world: World) -> Flask:
    app = Flask("desk_under_test")
    app.register_blueprint(assets.blueprint())
    app.register_blueprint(sign_in.blueprint(world))
    errors.install(app)
    desk = Blueprint("desk", __name__)
    sign_in.guard(desk, world)

    @desk.get("/cases")
    def cases() -> str:
        return f"cases of {sign_in.session().user.name}"

    @desk.post("/cases")
    def change() -> str:
        return "changed"

    app.register_blueprint(desk)
    return app


@pytest.fixture
def web(world: World) -> FlaskClient:
    return build(world).test_client()


def token(web: FlaskClient, path: str = "/sign-in") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', web.get(path).text)
    assert found
    return found[1]


def enter(web: FlaskClient, password: str = PASSWORD, **more: str) -> Any:
    form = {"login": "mina", "password": password, "csrf": token(web), **more}
    return web.post("/sign-in", data=form)


def csrf(world: World, web: FlaskClient) -> str:
    cookie = web.get_cookie("cc")
    assert cookie
    with writing(world.engine) as conn:
        found = auth.people.sessions.find(conn, cookie.value, int(world.clock().timestamp()))
    assert found
    return found.csrf


def test_a_page_of_the_desk_asks_to_sign_in_and_comes_back_to_itself(web: FlaskClient) -> None:
    asked = web.get("/cases?owner=me&page=2")
    assert asked.status_code == 303
    shown = web.get(asked.location)
    assert 'name="next" value="/cases?owner=me&amp;page=2"' in shown.text
    done = enter(web, next="/cases?owner=me&page=2")
    assert (done.status_code, done.location) == (303, "/cases?owner=me&page=2")
    assert web.get(done.location).text == "cases of Mina Okafor"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(web: FlaskClient) -> None:
    enter(web)
    cookie = web.get_cookie("cc")
    assert cookie
    assert (cookie.http_only, cookie.same_site, cookie.path, cookie.max_age) == (True, "Lax", "/", None)


def test_with_tls_in_front_the_cookie_is_bound_to_host_and_https(world: World) -> None:
    secured = replace(world, settings=replace(world.settings, secure_cookies=True))
    web = build(secured).test_client()
    page = web.get("/sign-in", base_url="https://localhost")
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    form = {"login": "mina", "password": PASSWORD, "csrf": found[1]}
    done = web.post("/sign-in", data=form, base_url="https://localhost")
    set_cookie = next(line for line in done.headers.getlist("Set-Cookie") if line.startswith("__Host-cc="))
    assert "Secure" in set_cookie
    assert "Path=/" in set_cookie
    assert "Domain" not in set_cookie


def test_signing_in_makes_a_new_session_id(web: FlaskClient, world: World) -> None:
    """Session fixation: an id that somebody planted before must not become good."""
    web.set_cookie("cc", "planted-by-somebody")
    enter(web)
    first = web.get_cookie("cc")
    assert first
    assert first.value != "planted-by-somebody"
    other = build(world).test_client()
    form = {"login": "mina", "password": PASSWORD, "csrf": token(other)}
    other.set_cookie("cc", first.value)
    assert other.post("/sign-in", data=form).status_code == 303
    assert web.get("/cases").status_code == 303  # the old id ended when its browser signed in anew


def test_a_wrong_password_says_as_little_as_an_unknown_login(web: FlaskClient) -> None:
    wrong = web.post("/sign-in", data={"login": "mina", "password": "wrong", "csrf": token(web)})
    unknown = web.post("/sign-in", data={"login": "nobody", "password": "wrong", "csrf": token(web)})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("mina", "nobody") == unknown.text
    assert web.get_cookie("cc") is None


def test_every_sign_in_is_audited_and_nothing_that_was_typed(web: FlaskClient, world: World) -> None:
    enter(web, "wrong wrong wrong")
    enter(web)
    world.journal.drain(world.engine)
    with writing(world.engine) as conn:
        rows = conn.execute(select(audit).order_by(audit.c.at)).all()
    told = [(row.interaction, row.status, row.subject) for row in rows]
    assert told == [("sign-in", 401, "u1"), ("sign-in", 200, "u1")]
    assert "wrong" not in str(rows)


def test_too_many_wrong_passwords_are_answered_with_the_wait(web: FlaskClient) -> None:
    for _ in range(5):
        assert enter(web, "wrong").status_code == 401
    waiting = enter(web)
    assert waiting.status_code == 429
    assert waiting.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example",
        "javascript:alert(1)", "/\t/evil.example", "///evil.example", " //evil.example", "/\n//evil.example", "cases",
        "", "/sign-out", "data:text/html,x", "/\u200b/evil.example",
    ],
)  # fmt: skip
def test_open_redirect_no_address_but_our_own_is_gone_on_to(target: str) -> None:
    assert sign_in.safe_next(target) == "/"


@pytest.mark.parametrize("target", ["/", "/cases?owner=me&page=2", "/referrals/a-b.c#gates", "/a//b"])
def test_an_address_of_our_own_is_gone_on_to(target: str) -> None:
    assert sign_in.safe_next(target) == target


def test_open_redirect_the_sign_in_page_sends_nobody_to_another_site(web: FlaskClient) -> None:
    assert 'name="next" value="/"' in web.get("/sign-in?next=//evil.example").text
    assert enter(web, next="https://evil.example/").location == "/"
    assert web.get("/sign-in?next=//evil.example").location == "/"


@pytest.mark.parametrize("forged", ["", "x", "é"])
def test_a_forged_sign_in_form_is_refused(web: FlaskClient, forged: str) -> None:
    web.get("/sign-in")
    refused = web.post("/sign-in", data={"login": "mina", "password": PASSWORD, "csrf": forged})
    assert refused.status_code == 403
    assert web.get_cookie("cc") is None


def test_a_sign_in_form_without_its_cookie_is_refused(world: World, web: FlaskClient) -> None:
    stolen = token(web)
    other = build(world).test_client()
    form = {"login": "mina", "password": PASSWORD, "csrf": stolen}
    assert other.post("/sign-in", data=form).status_code == 403


def test_csrf_a_write_without_the_token_of_its_session_is_refused(web: FlaskClient, world: World) -> None:
    enter(web)
    assert web.post("/cases").status_code == 403
    assert web.post("/cases", data={"csrf": token(build(world).test_client())}).status_code == 403
    good = csrf(world, web)
    assert web.post("/cases", data={"csrf": good}).text == "changed"
    assert web.post("/cases", headers={"X-CSRF-Token": good}).text == "changed"


def test_csrf_a_write_from_another_site_is_refused_even_with_the_token(web: FlaskClient, world: World) -> None:
    enter(web)
    for site in ("cross-site", "same-site"):
        sent = web.post("/cases", data={"csrf": csrf(world, web)}, headers={"Sec-Fetch-Site": site})
        assert sent.status_code == 403


def test_signing_out_needs_the_token_and_ends_the_session(web: FlaskClient, world: World) -> None:
    enter(web)
    assert web.post("/sign-out").status_code == 403
    assert web.get("/cases").status_code == 200
    cookie = web.get_cookie("cc")
    assert cookie
    assert web.post("/sign-out", data={"csrf": csrf(world, web)}).status_code == 303
    web.set_cookie("cc", cookie.value)
    assert web.get("/cases").status_code == 303


def test_signing_out_everywhere_ends_the_other_browsers_too(web: FlaskClient, world: World) -> None:
    other = build(world).test_client()
    enter(web)
    enter(other)
    assert web.post("/sign-out-everywhere", data={"csrf": csrf(world, web)}).status_code == 303
    assert other.get("/cases").status_code == 303


def test_an_idle_session_is_asked_to_sign_in_again(web: FlaskClient, world: World) -> None:
    enter(web)
    clock: Any = world.clock
    for _ in range(3):
        clock.now += timedelta(minutes=29)
        assert web.get("/cases").status_code == 200
    clock.now += timedelta(minutes=31)
    assert web.get("/cases").status_code == 303


def test_a_fragment_of_a_page_sends_its_page_to_sign_in(web: FlaskClient) -> None:
    answer = web.get("/cases?q=okafor&show=R-1", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=%2Fcases%3Fq%3Dokafor%26show%3DR-1"


def test_who_was_signed_out_is_told_so_and_who_signed_out_is_told_that(web: FlaskClient, world: World) -> None:
    assert "signed out" not in web.get("/sign-in").text
    enter(web)
    left = web.post("/sign-out", data={"csrf": csrf(world, web)})
    assert "You have signed out." in web.get(left.location).text
    enter(web)
    left = web.post("/sign-out-everywhere", data={"csrf": csrf(world, web)})
    assert "You have signed out on every device." in web.get(left.location).text
    enter(web)
    clock: Any = world.clock
    clock.now += timedelta(minutes=31)
    said = web.get(web.get("/cases?q=okafor").location).text
    assert "You were signed out: nothing was done here for 30 minutes" in said
    assert 'name="next" value="/cases?q=okafor"' in said
    assert "signed out" not in build(world).test_client().get("/sign-in?left=<b>").text


def test_a_form_that_came_too_late_leads_back_to_its_page_and_says_that_nothing_was_done(
    web: FlaskClient, world: World
) -> None:
    enter(web)
    clock: Any = world.clock
    clock.now += timedelta(minutes=31)
    late = web.post("/cases", data={"csrf": "x"}, headers={"Referer": "http://localhost/cases?page=2"})
    assert late.location == "/sign-in?next=%2Fcases%3Fpage%3D2&unsent=1"
    said = web.get(late.location).text
    assert "what you sent was not done" in said
    assert 'name="next" value="/cases?page=2"' in said
    for other in ("http://evil.example/cases", "", "nonsense"):
        assert web.post("/cases", headers={"Referer": other}).location == "/sign-in?unsent=1"


def test_a_page_that_is_about_to_send_a_form_learns_whose_session_it_has(web: FlaskClient, world: World) -> None:
    assert web.get("/session").json == {"login": "", "csrf": ""}
    enter(web)
    assert web.get("/session").json == {"login": "mina", "csrf": csrf(world, web)}
    assert web.get("/session", headers={"Sec-Fetch-Site": "cross-site"}).json == {"login": "", "csrf": ""}
    clock: Any = world.clock
    clock.now += timedelta(minutes=31)
    assert web.get("/session").json == {"login": "", "csrf": ""}


def test_who_is_signed_in_is_not_asked_again(web: FlaskClient) -> None:
    enter(web)
    again = web.get("/sign-in?next=/cases")
    assert (again.status_code, again.location) == (303, "/cases")


def test_a_page_that_looks_for_news_by_itself_keeps_no_session_alive(web: FlaskClient, world: World) -> None:
    enter(web)
    clock: Any = world.clock
    for _ in range(3):
        clock.now += timedelta(minutes=9)
        assert web.get("/cases", headers={"X-Refresh": "1"}).status_code == 200
    clock.now += timedelta(minutes=4)
    assert web.get("/cases", headers={"X-Refresh": "1"}).status_code == 303
