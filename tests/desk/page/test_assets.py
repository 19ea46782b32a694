"""Static files: addresses that change with the content, kept for a year, and nothing else served."""

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

from carecoord.web.page import assets


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("assets", static_folder=None)
    app.register_blueprint(assets.blueprint())
    return app.test_client()


@pytest.mark.parametrize("path", ["app.css", "app.js", "mark.svg", "vendor/htmx-4.0.1/htmx.min.js", assets.SPRITE])
def test_a_file_under_its_hash_is_kept_for_a_year(client: FlaskClient, path: str) -> None:
    with client.get(assets.asset(path)) as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"].split(", ") == ["public", "max-age=31536000", "immutable"]


def test_a_file_without_its_hash_is_asked_for_again(client: FlaskClient) -> None:
    with client.get("/assets/app.css") as answer:
        assert "immutable" not in answer.headers["Cache-Control"]
        assert "max-age=0" in answer.headers["Cache-Control"]


TEXT = ["app.css", "app.js", "mark.svg", "vendor/htmx-4.0.1/htmx.min.js", assets.SPRITE]
FONT = "vendor/inter-5.3.0/inter-latin-wght-normal.woff2"


@pytest.mark.parametrize("path", TEXT)
def test_text_goes_out_gzipped_to_who_takes_it_and_plain_to_others(client: FlaskClient, path: str) -> None:
    plain = (assets.STATIC / path).read_bytes()
    with client.get(assets.asset(path), headers={"Accept-Encoding": "gzip, deflate, br"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert int(answer.headers["Content-Length"]) == len(answer.data) < len(plain)
        assert gzip.decompress(answer.data) == plain
        assert answer.headers["Cache-Control"].split(", ") == ["public", "max-age=31536000", "immutable"]
        packed = answer.headers["ETag"]
    for refused in ("", "br", "gzip;q=0, br"):
        with client.get(assets.asset(path), headers={"Accept-Encoding": refused}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.data == plain
            assert answer.headers["ETag"] != packed


def test_a_gzipped_file_that_has_not_changed_is_not_sent_again(client: FlaskClient) -> None:
    takes = {"Accept-Encoding": "gzip"}
    with client.get("/assets/app.css", headers=takes) as answer:
        tag = answer.headers["ETag"]
    with client.get("/assets/app.css", headers={**takes, "If-None-Match": tag}) as answer:
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["Vary"] == "Accept-Encoding"
    with client.get("/assets/app.css", headers={**takes, "If-None-Match": '"another"'}) as answer:
        assert answer.status_code == 200
    with client.get("/assets/app.css", headers={"If-None-Match": tag}) as answer:
        assert answer.status_code == 200


def test_a_font_is_compressed_already_and_goes_out_as_it_is(client: FlaskClient) -> None:
    with client.get(f"/assets/{FONT}", headers={"Accept-Encoding": "gzip"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert answer.data == (assets.STATIC / FONT).read_bytes()


@pytest.mark.parametrize("path", ["../assets.py", "vendor/SHA256SUMS.txt", "nothing.css", "%2e%2e/desk.py"])
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    with client.get(f"/assets/{path}") as answer:
        assert answer.status_code == 404


def test_an_icon_is_silent_unless_it_says_something() -> None:
    with Flask("x").app_context():
        assert 'aria-hidden="true"' in assets.icon("check")
        assert 'role="img" aria-label="a &lt;b&gt;"' in assets.icon("check", "a <b>")
