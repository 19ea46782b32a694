"""Pages are read in the language of their reader: what they chose, else the browser's."""

import re
from datetime import date

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from sqlalchemy import text

from carecoord.store.database.engine import writing
from carecoord.web.acts import days
from carecoord.web.page import assets
from carecoord.words.reader import reading_in, reads
from tests.desk.conftest import House

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}


def page(client: FlaskClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (answer.status_code, path)
    return answer.get_data(as_text=True)


def test_a_page_is_read_as_the_browser_asks_until_somebody_chooses(house: House) -> None:
    maria = house.enter("coordinator")
    assert '<html lang="es"' in page(maria, "/account", **SPANISH)
    assert '<html lang="en"' in page(maria, "/account", **{"Accept-Language": "fr"})
    token = re.findall(r'name="csrf" value="([^"]+)"', page(maria, "/account"))[0]
    chosen = maria.post("/account/language", data={"csrf": token, "language": "es"})
    assert chosen.status_code == 303
    assert "Desde ahora lee en este idioma." in page(maria, "/account?done=language")
    again = house.enter("coordinator")  # another browser, which asks for nothing
    assert "Lista de trabajo" in page(again, "/")
    assert maria.post("/account/language", data={"csrf": token, "language": "xx"}).status_code == 400
    maria.post("/account/language", data={"csrf": token, "language": "en"})
    assert "Worklist" in page(again, "/")
    assert reads() == "en"  # whoever asks next is somebody else
    with writing(house.world.engine) as conn:  # the house is others' too: they read as their browser asks
        conn.execute(text("UPDATE auth_user SET language = ''"))


def test_an_error_is_told_in_the_readers_language_and_the_api_answers_in_english(house: House) -> None:
    lost = house.enter("coordinator").get("/no-such-page", headers=SPANISH)
    assert "No hay nada en esta dirección." in lost.get_data(as_text=True)
    assert "resourceType" in house.app.test_client().get("/fhir/metadata").get_data(as_text=True)


def test_what_is_put_into_a_sentence_is_escaped_and_only_a_templates_own_markup_stays() -> None:
    app = Flask("words")
    app.register_blueprint(assets.blueprint())
    said = "{% set x %}<b>{{ name }}</b>{% endset %}{{ say('inbox.is-away', name=x, until=until) }}"
    with app.test_request_context():
        drawn = render_template_string(said, name="<i>Ann</i>", until="<script>")
    assert drawn == "<b>&lt;i&gt;Ann&lt;/i&gt;</b> is away &lt;script&gt;."


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("4 de diciembre", date(2026, 12, 4)),
        ("mañana", date(2026, 11, 23)),
        ("mié", date(2026, 11, 25)),
        ("15 ene 2027", date(2027, 1, 15)),
        ("martes", date(2026, 11, 24)),
        ("mar 4", date(2027, 3, 4)),
    ],
)
def test_a_day_is_understood_in_spanish_as_well(said: str, meant: date) -> None:
    assert days.read(said, date(2026, 11, 22)).day == meant


def test_a_day_is_said_back_in_the_readers_language() -> None:
    with reading_in("es"):
        assert days.read("2026-11-25", date(2026, 11, 22)).full == "mié 25 nov 2026"
