"""Issue 3, design/desk.md section 7: the security headers of every route, errors and strangers included."""

import re
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest
from werkzeug.test import Client, TestResponse

from carecoord import app
from carecoord.web.server.headers import policy
from carecoord.world import World

from .conftest import Api

PUBLIC = ("/assets/", "/oauth/jwks", "/oauth/client-jwks.json")  # what anybody may keep a copy of


def routes(world: World) -> Iterator[str]:
    """An address for every route that takes a GET, of which nothing is there."""
    for rule in app.wired(world).url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            yield re.sub(r"<[^>]*>", "x", rule.rule)


def answers(world: World, api: Api) -> Iterator[tuple[str, TestResponse]]:
    """Every route's answer to somebody with a token and to somebody without, and some that go wrong."""
    wrong = ("/nowhere", "/fhir/Nothing", "/fhir/Patient?_count=x", "/oauth/nowhere", "/embed/nowhere")
    for path in [*routes(world), *wrong]:
        for headers in ({}, {"Authorization": f"Bearer {api.token}"}, {"Accept": "text/html"}):
            yield path, api.http.get(path, headers=headers)
    for path in ("/sign-in", "/oauth/token", "/oauth/consent", "/sign-out"):
        yield path, api.http.post(path, data={"x": "y"})
        yield path, api.http.open(path, method="TRACE")
    yield "/sign-in", api.http.post("/sign-in", data=b"x" * 300_000, content_type="application/x-www-form-urlencoded")


@pytest.fixture
def world(world: World) -> World:
    return replace(world, settings=replace(world.settings, secure_cookies=True))


def test_every_answer_says_what_browsers_must_not_do_with_it(world: World, api: Api) -> None:
    seen = 0
    for path, answer in answers(world, api):
        told, seen = answer.headers, seen + 1
        assert told["X-Content-Type-Options"] == "nosniff", path
        # The address of a guest's page is what opens it, and is told to nobody; nothing leads on from an error.
        by_link = {"no-referrer"} if path.startswith("/guest/") else set()
        assert told["Referrer-Policy"] in {"same-origin", *by_link}, path
        assert told["Strict-Transport-Security"].startswith("max-age=31536000"), path
        assert re.fullmatch(r"[\w.-]{1,64}", told["X-Request-Id"]), path
        assert "Server" not in told, path
        assert "X-Powered-By" not in told, path
        kept = told.get("Cache-Control", "")
        assert "no-store" in kept or "public" in kept or path.startswith(PUBLIC), (path, kept)
        if "no-store" not in kept:
            assert "Set-Cookie" not in told, path
    assert seen > 150


def test_every_page_has_a_strict_content_security_policy(world: World, api: Api) -> None:
    pages = 0
    for path, answer in answers(world, api):
        if answer.mimetype != "text/html" or not answer.get_data():
            continue
        pages += 1
        said = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
        assert said["default-src"] == "'none'", path
        assert said["script-src"] == said["style-src"] == "'self'", path
        assert said["base-uri"] == "'none'", path
        assert "unsafe" not in answer.headers["Content-Security-Policy"], path
        assert "*" not in said["frame-ancestors"], path
        if not path.startswith("/embed/"):
            assert said["frame-ancestors"] == "'none'", path
            assert answer.headers["X-Frame-Options"] == "DENY", path
        assert {"Cookie", "HX-Request"} <= {part.strip() for part in answer.headers["Vary"].split(",")}, path
    assert pages > 20
    assert policy().startswith("default-src 'none'")


def test_every_cookie_is_kept_from_scripts_and_from_plain_http(world: World, api: Api) -> None:
    cookies = 0
    for path, answer in answers(world, api):
        for line in answer.headers.getlist("Set-Cookie"):
            for name, cookie in SimpleCookie(line).items():
                cookies += 1
                assert name.startswith("__Host-"), (path, name)
                assert cookie["httponly"], (path, name)
                assert cookie["secure"], (path, name)
                assert cookie["path"] == "/", (path, name)
                assert not cookie["domain"], (path, name)
                framed = "Partitioned" in line and path.startswith("/embed/")
                assert cookie["samesite"] == "Lax" or framed, (path, line)
    assert cookies


def test_without_tls_in_front_nobody_is_told_that_there_is(world: World) -> None:
    plain = replace(world, settings=replace(world.settings, secure_cookies=False))
    assert "Strict-Transport-Security" not in Client(app.wired(plain)).get("/sign-in").headers


def test_no_error_shows_where_it_happened(world: World, api: Api) -> None:
    for path, answer in answers(world, api):
        text = answer.get_data(as_text=True)
        assert "Traceback" not in text, path
        assert "site-packages" not in text, path
        assert answer.status_code != 500, path
