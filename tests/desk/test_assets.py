"""Static files: addresses that change with the content, kept for a year, and nothing else served."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from carecoord.web import assets


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


@pytest.mark.parametrize("path", ["../assets.py", "vendor/SHA256SUMS.txt", "nothing.css", "%2e%2e/desk.py"])
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    with client.get(f"/assets/{path}") as answer:
        assert answer.status_code == 404


def test_an_icon_is_silent_unless_it_says_something() -> None:
    with Flask("x").app_context():
        assert 'aria-hidden="true"' in assets.icon("check")
        assert 'role="img" aria-label="a &lt;b&gt;"' in assets.icon("check", "a <b>")
