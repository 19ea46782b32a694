"""`/letters`: an admin writes what an office's messages and cover sheets say; each version stays, and nobody else's
office says it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from tests.desk.conftest import NOW, House
from tests.desk.guests.test_clinic_link import hidden, row_of
from tests.desk.messages.test_thread import open_thread
from tests.desk.test_pages import text

WORDS = "Lo esperamos en {clinic}: {visit}."


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> None:
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=1)


def put(browser: Any, words: str, **more: str) -> Any:
    address = {"of": "office-fairmont", "name": "visit", "language": "es"} | more
    page = browser.get("/letters", query_string=address).get_data(as_text=True)
    fields = dict(re.findall(r'<input type="hidden" name="(csrf|seen)" value="([^"]*)"', page))
    return browser.post("/letters", data={**fields, **address, "words": words, **more})


def test_what_an_office_writes_is_what_its_messages_say_until_it_takes_the_shipped_words_again(
    acting_house: House,
) -> None:
    sam, maria, case = acting_house.enter("admin"), acting_house.enter("coordinator"), "order-24820"
    patient = f"Patient/{row_of(acting_house, case).patient}"
    assert put(sam, "Hola {patient}, {diagnosis}").status_code == 422
    assert "Su cita en" in unescape(open_thread(maria, case, to=patient, template="visit"))
    seen = put(sam, WORDS, preview="1").get_data(as_text=True)
    assert "Lo esperamos en Sample Heart Clinic: " in unescape(seen)
    assert put(sam, WORDS).status_code == 303
    assert put(sam, WORDS).status_code == 303, "the same once more is no new version"
    page = unescape(open_thread(maria, case, to=patient, template="visit"))
    assert "Lo esperamos en Meridian Cancer Center: lunes 23 de noviembre a las 2:10 p. m." in page
    told = sam.get("/letters?of=office-fairmont&name=visit&language=es").get_data(as_text=True)
    assert text(told).count("in use") == 1
    assert "Whitlock, Sam" in text(told)
    assert put(sam, WORDS, shipped="1").status_code == 303
    assert "Su cita en" in unescape(open_thread(maria, case, to=patient, template="visit"))
    told = sam.get("/letters?of=office-fairmont&name=visit&language=es").get_data(as_text=True)
    assert WORDS in unescape(told), "the version stays"


def test_words_are_one_offices_and_a_change_that_somebody_else_made_meanwhile_is_told(acting_house: House) -> None:
    sam, maria, case = acting_house.enter("admin"), acting_house.enter("coordinator"), "order-24820"
    patient = f"Patient/{row_of(acting_house, case).patient}"
    assert put(sam, WORDS, of="office-harborview").status_code == 303
    assert "Su cita en" in unescape(open_thread(maria, case, to=patient, template="visit"))
    stale = put(sam, "Venga.", of="office-harborview", seen="0-0")
    assert stale.status_code == 412
    assert "Venga." in stale.get_data(as_text=True), "what was typed stays"
    assert maria.get("/letters").status_code == 403
    assert sam.get("/letters?of=nowhere").status_code == 404
    assert sam.get("/letters?of=office-fairmont&name=nothing").status_code == 404


def test_a_cover_sheet_says_what_the_office_wrote_and_never_who_the_patient_is(acting_house: House) -> None:
    sam = acting_house.enter("admin")
    assert put(sam, "About {patient}", name="cover-clinic", language="en").status_code == 422
    assert put(sam, "Not for you? Call {office}.", name="cover-clinic", language="en").status_code == 303
    maria, case = acting_house.enter("coordinator"), "order-24820"
    form = maria.get(f"/referrals/{case}/links").get_data(as_text=True)
    sheet = maria.post(
        f"/referrals/{case}/links", data=hidden(form, "links") | {"audience": "clinic", "until": "+7"}
    ).get_data(as_text=True)
    assert "Not for you? Call Fairmont Medical Group." in unescape(sheet)
