"""A patient follows their referral by a link and their date of birth, in their language, over HTTP: what they are told,
what they do, and what they never see before somebody has told them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.guests import links as kept
from carecoord.store.resources import read
from tests.desk.acts.made import made
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import answer, come_in, hidden, linked, row_of, stored
from tests.desk.test_pages import text

pytestmark = pytest.mark.usefixtures("clock")

ELENA, BORN = "order-24820", "20/10/1973"  # of the story: Elena Martinez, who speaks Spanish, is seen tomorrow


def born(house: House, case: str) -> str:
    return str(row_of(house, case).birth_date)


def send(phone: FlaskClient, address: str, verb: str, page: str | None = None, **fields: str) -> str:
    page = page or phone.get(address).get_data(as_text=True)
    sent = phone.post(f"{address}/{verb}", data=hidden(page, verb) | fields)
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    return phone.get(sent.location).get_data(as_text=True)


def test_a_patient_reads_in_spanish_what_comes_next_and_every_step_with_its_day(
    acting_house: House, maria: FlaskClient
) -> None:
    address, code = linked(maria, ELENA, "patient")
    assert code == ""
    fresh = acting_house.app.test_client()
    door = fresh.get(address).get_data(as_text=True)
    assert '<html lang="es"' in door
    assert "Su fecha de nacimiento" in text(door)
    assert "Elena" not in door
    phone, entered = come_in(acting_house, address, BORN)
    assert entered.status_code == 303
    page = phone.get(address)
    said = text(page.get_data(as_text=True))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    for words in (
        "¿Dónde está mi referido?", "Su cita es mañana", "lunes 23 de noviembre, 2:10 p. m.", "Dr. Vivian Hale",
        "necesita intérprete: español.", "Traiga su tarjeta de", "Paso a paso", "Dr. Farrow lo pidió", "17 nov 2026",
        "Su seguro está activo", "Meridian Cancer Center lo aceptó", "Su cita", "23 nov 2026",
        "Dr. Farrow lee el informe", "Le llamamos y le explicamos todo", "Sí, voy", "Necesito cambiarla",
    ):  # fmt: skip
        assert words in said, words
    english = text(phone.get(f"{address}?lang=en").get_data(as_text=True))
    assert "Your appointment is tomorrow" in english
    assert "Monday, November 23, 2:10 PM" in english


def test_a_patient_says_yes_then_asks_to_move_the_visit_and_the_office_is_to_answer(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    address, _ = linked(maria, ELENA, "patient")
    phone, _ = come_in(acting_house, address, BORN)
    assert "Usted dijo que viene." in text(send(phone, address, "attend"))
    clock.now += timedelta(minutes=1)
    form = phone.get(f"{address}?do=ask-to-move").get_data(as_text=True)
    empty = phone.post(f"{address}/ask-to-move", data=hidden(form, "ask-to-move"))
    assert (empty.status_code, "Escriba primero" in text(empty.get_data(as_text=True))) == (422, True)
    after = send(phone, address, "ask-to-move", form, note="Solo puedo por la tarde.")
    assert "Usted pidió cambiarla. La llamaremos." in text(after)
    replies = stored_replies(acting_house)
    assert [(each["participantStatus"], each.get("comment")) for each in replies] == [
        ("accepted", None), ("declined", "Solo puedo por la tarde."),
    ]  # fmt: skip
    assert all(judge(each, "AppointmentResponse") is None for each in replies)
    desk = text(maria.get(f"/referrals/{ELENA}").get_data(as_text=True))
    assert "The patient does not want the visit of 23 Nov 2026." in desk


def stored_replies(house: House) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        rows = read.of_patient(conn, row_of(house, ELENA).patient, ["AppointmentResponse"])
    found = [fhir_text.loads(row.body) for row in rows]
    return sorted(found, key=lambda each: str(each["meta"]["lastUpdated"]))


def test_a_patient_takes_one_of_the_times_that_the_clinic_offers_and_the_others_lapse(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    clinic, _ = come_in(acting_house, address, code)
    answer(clinic, address, "accept", **{"time-1": "Mon 30 Nov 15:00", "time-2": "Tue 1 Dec 9:30"})
    clock.now += timedelta(minutes=1)
    theirs, _ = linked(maria, case, "patient")
    phone, entered = come_in(acting_house, theirs, born(acting_house, case))
    assert entered.status_code == 303
    page = phone.get(theirs).get_data(as_text=True)
    assert "Take Monday, November 30, 3:00 PM" in text(page)
    forms = [each for each in re.findall(r"<form.*?</form>", page, re.S) if "/choose" in each]
    chosen = next(each for each in forms if "December 1" in each)
    sent = phone.post(f"{theirs}/choose", data=hidden(chosen, "choose"))
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    assert sorted((each["start"][:10], each["status"]) for each in stored(acting_house, "Appointment", case)) == [
        ("2026-11-30", "cancelled"), ("2026-12-01", "booked"),
    ]  # fmt: skip
    assert "Tuesday, December 1, 9:30 AM" in text(phone.get(theirs).get_data(as_text=True))
    late = phone.post(f"{theirs}/choose", data=hidden(forms[0], "choose"))
    assert late.status_code in (409, 412, 422)
    assert "Something changed meanwhile" in text(late.get_data(as_text=True))


def test_a_question_reaches_the_office_and_messages_can_be_stopped(acting_house: House, maria: FlaskClient) -> None:
    case = made(acting_house, "accepted")
    address, _ = linked(maria, case, "patient")
    phone, _ = come_in(acting_house, address, born(acting_house, case))
    after = text(send(phone, address, "message", note="Do I have to fast?"))
    assert "Do I have to fast?" in after
    talks = stored(acting_house, "Communication", case)
    (talk,) = [each for each in talks if each["category"][0]["coding"][0]["code"] == "message"]
    assert judge(talk, "Communication") is None
    assert talk["sender"]["reference"] == f"Patient/{row_of(acting_house, case).patient}"
    assert "Do I have to fast?" in text(maria.get(f"/referrals/{case}").get_data(as_text=True))
    assert "You get no more messages" in text(send(phone, address, "stop-messages"))
    with reading(acting_house.world.engine) as conn:
        assert kept.has_stopped(conn, [row_of(acting_house, case).patient])


def test_no_word_of_a_report_or_a_paper_is_on_the_page_before_the_patient_was_told(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case = "order-24781"  # the report came; a clinician has yet to read it, and nobody has told the patient
    address, _ = linked(maria, case, "patient")
    phone, entered = come_in(acting_house, address, born(acting_house, case))
    assert entered.status_code == 303
    page = phone.get(address).get_data(as_text=True)
    papers = stored(acting_house, "DocumentReference", case)
    assert papers
    assert not [each["id"] for each in papers if each["id"] in page]
    assert "/papers/" not in page
    assert re.findall(r'class="guest-step-(\w+)"', page)[-2:] == ["now", "later"]
    for each in papers:
        assert phone.get(f"{address}/papers/{each['id']}/1").status_code == 404
    assert phone.post(f"{address}/report", data=hidden(page, "message")).status_code == 404


def test_five_wrong_dates_lock_a_patients_link_too(acting_house: House, maria: FlaskClient) -> None:
    case = made(acting_house, "accepted")
    address, _ = linked(maria, case, "patient")
    for said in ("1/2/1960", "", "nonsense", "13/13/1990", "2/1/1960"):
        _, refused = come_in(acting_house, address, said)
        assert refused.status_code == 401, said
        assert "This is not the date of birth" in text(refused.get_data(as_text=True))
    assert acting_house.app.test_client().get(address).status_code == 404
