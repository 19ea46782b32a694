"""What a patient is to be told, calling and writing from their page over HTTP: issue 9, point 7; design `patient`."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.store.database.engine import writing
from carecoord.store.guests import links
from carecoord.store.guests.links import Link
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.acts.made import made
from tests.desk.conftest import NOW, House
from tests.desk.guests.test_clinic_link import stored
from tests.desk.patients.test_patient_page import section, told

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=1)
    return clock


@pytest.fixture(scope="module")
def browser(acting_house: House) -> FlaskClient:
    return acting_house.enter("coordinator")


def patient_of(house: House, case: str) -> str:
    with house.world.engine.connect() as conn:
        row = read.get(conn, "ServiceRequest", case)
    assert row
    found = re.search(r'"subject":\s*\{[^}]*"reference":\s*"Patient/([^"]+)"', row.body.decode())
    assert found
    return found[1]


def put(house: House, resource: Json) -> None:
    world = house.world
    with writing(world.engine) as conn:
        put_all(conn, [Change(resource["resourceType"], resource["id"], resource)], now=world.clock(),
                actor=Actor(None, None, None, ""), base=world.base, project=world.project)  # fmt: skip


def page(browser: FlaskClient, patient: str, query: str = "") -> str:
    answer = browser.get(f"/patients/{patient}{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def form(shown: str) -> dict[str, str]:
    found = re.search(r'<form class="act-form.*?</form>', shown, re.S)
    assert found, told(shown)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
    return {name: unescape(value) for name, value in hidden.items()}


def test_a_visit_is_to_be_told_until_somebody_reached_the_patient(acting_house: House, browser: FlaskClient) -> None:
    case = made(acting_house, "scheduled")
    patient, words = patient_of(acting_house, case), "is on 3 Dec 2026 10:00."
    before = page(browser, patient)
    assert words in section(before, "to-say")
    assert re.search(r"Call: \d+ things? to say", told(before))
    opened = page(browser, patient, f"?act=contact&about={case}")
    assert f"About {case}" in told(opened)
    assert "Bellwether" not in re.search(r'id="act-whom".*?</fieldset>', opened, re.S)[0]  # type: ignore[index]
    whom = re.search(r'name="whom" value="(patient\|[^"]*)"', opened)
    assert whom
    answer = browser.post(f"/patients/{patient}/contact", data={
        **form(opened), "whom": unescape(whom[1]), "how": "call", "outcome": "no-answer",
    })  # fmt: skip
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/patients/{patient}?done=")
    assert words in section(page(browser, patient), "to-say")  # nobody heard it
    answer = browser.post(f"/patients/{patient}/contact", data={
        **form(page(browser, patient, f"?act=contact&about={case}")), "whom": unescape(whom[1]), "how": "call",
        "outcome": "reached", "note": "Comes by bus.",
    })  # fmt: skip
    assert answer.status_code == 303
    after = page(browser, patient)
    assert case not in after.split('id="loops"')[0]
    (last,) = [each for each in stored(acting_house, "Communication", case) if each["status"] == "completed"]
    assert last["payload"] == [{"contentString": "Comes by bus."}]
    assert last["recipient"][0]["reference"] == f"Patient/{patient}"


def test_what_is_to_be_said_stands_in_the_patients_own_language(acting_house: House, browser: FlaskClient) -> None:
    case = made(acting_house, "scheduled")
    patient = patient_of(acting_house, case)
    with acting_house.world.engine.connect() as conn:
        row = read.get(conn, "Patient", patient)
    assert row
    record = json.loads(row.body)
    put(acting_house, record | {"communication": [
        {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}], "text": "Spanish"}, "preferred": True},
    ]})  # fmt: skip
    try:
        shown = page(browser, patient)
        assert "To say, in Spanish" in section(shown, "to-say")
        assert re.search(r'<q lang="es">Su cita en [^<]+ es el 3 dic 2026 10:00\.</q>', shown)
        assert "Reads Spanish" in section(shown, "messages")
    finally:
        put(acting_house, record)


def test_a_message_goes_into_the_thread_of_its_case_and_stands_on_the_page(
    acting_house: House, browser: FlaskClient
) -> None:
    case = made(acting_house, "accepted")
    patient = patient_of(acting_house, case)
    opened = page(browser, patient, f"?act=message&about={case}")
    empty = browser.post(f"/patients/{patient}/message", data=form(opened) | {"note": " "})
    assert empty.status_code == 422
    assert f'action="/patients/{patient}/message"' in empty.get_data(as_text=True)  # still here, to be mended
    sent = browser.post(f"/patients/{patient}/message", data=form(opened) | {"note": "Please bring your glasses."})
    assert sent.status_code == 303
    shown = section(page(browser, patient), "messages")
    assert "Please bring your glasses. Reyes, Maria to " in shown
    assert case in shown
    thread = browser.get(f"/referrals/{case}/messages").get_data(as_text=True)
    assert "Please bring your glasses." in thread


def test_who_wants_no_messages_is_not_offered_one_and_it_is_said(acting_house: House, browser: FlaskClient) -> None:
    case, patient = "order-24760", "eleanor-brandt"  # nobody else in this file writes to her
    link = Link("quiet", "patient", case, patient, "office-fairmont", "", "en", "COVER", "reyes", 1, 2_000_000)
    with writing(acting_house.world.engine) as conn:
        links.keep(conn, link, "token", "")
        links.stop_messages(conn, "quiet", 2)
    shown = page(browser, patient)
    assert "Writing is not offered: the patient wants no messages." in section(shown, "to-say")
    assert "act=message" not in shown
    assert "act=contact" in shown


def test_the_case_of_another_patient_is_not_acted_on_here(acting_house: House, browser: FlaskClient) -> None:
    case = made(acting_house, "accepted")
    patient = patient_of(acting_house, case)
    opened = form(page(browser, patient, f"?act=contact&about={case}"))
    wrong = browser.post("/patients/eleanor-brandt/contact", data=opened | {"whom": "patient|", "outcome": "reached"})
    assert wrong.status_code == 404
    assert stored(acting_house, "Communication", case) == []


def test_whose_report_is_read_is_noted_as_told_by_one_press(acting_house: House, browser: FlaskClient) -> None:
    """Elena Martinez's cardiologist has reported, and her clinician has read it."""
    before = page(browser, "elena-martinez")
    assert "The report from Hillcrest Cardiology has come, and your clinician has read it." in section(before, "to-say")
    pressed = re.search(r'<form class="press" method="post" action="(/patients/[^"]+/tell)">(.*?)</form>', before, re.S)
    assert pressed
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', pressed[2]))
    done = browser.post(pressed[1], data={name: unescape(value) for name, value in hidden.items()})
    assert done.status_code == 303
    after = page(browser, "elena-martinez")
    assert "The report from Hillcrest" not in after.split('id="loops"')[0]
    assert "R-24781" not in section(after, "loops")  # closed


def test_another_office_is_not_told_what_there_is_to_say(acting_house: House) -> None:
    assert acting_house.enter("outsider").get("/patients/elena-martinez").status_code == 404


def test_the_visits_of_a_patient_open_in_a_calendar_under_the_names_of_their_referrals(browser: FlaskClient) -> None:
    answer = browser.get("/patients/elena-martinez/calendar.ics")
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    words = answer.get_data(as_text=True)
    assert "SUMMARY:Visit\\, referral R-24820" in words
    assert "Martinez" not in words  # a calendar travels
    case = browser.get("/referrals/order-24820/calendar.ics").get_data(as_text=True)
    uid = re.search(r"UID:(Appointment[^\r\n]+)", case)
    assert uid
    assert uid[1] in words
    assert "/patients/elena-martinez/calendar.ics" in page(browser, "elena-martinez")


def test_who_was_found_goes_out_as_a_table(acting_house: House, browser: FlaskClient) -> None:
    assert "/patients.csv?q=brandt" in browser.get("/patients?q=brandt").get_data(as_text=True)
    answer = browser.get("/patients.csv?q=brandt")
    assert answer.status_code == 200
    head, row, *_ = answer.get_data(as_text=True).splitlines()
    assert head.removeprefix("\ufeff") == "Patient,Born,About,Numbers,Telephone,Language,Coverage,Open"
    assert row.startswith('"Brandt, Eleanor",')
    assert "4309-772" in row
    assert browser.get("/patients.xlsx?q=brandt").data.startswith(b"PK")
    assert acting_house.enter("payer").get("/patients.csv?q=brandt").status_code == 403


def test_the_payer_is_asked_about_the_card_from_the_page_by_one_press(
    acting_house: House, browser: FlaskClient
) -> None:
    case = made(acting_house, "accepted")
    patient = patient_of(acting_house, case)
    shown = page(browser, patient)
    pressed = re.search(r'class="press" method="post" action="([^"]+/check-eligibility)">(.*?)</form>', shown, re.S)
    assert pressed
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', pressed[2]))
    done = browser.post(pressed[1], data={name: unescape(value) for name, value in hidden.items()})
    assert done.status_code == 303
    with acting_house.world.engine.connect() as conn:
        asked = read.of_patient(conn, patient, ["CoverageEligibilityRequest"])
    assert any(json.loads(row.body).get("created", "").startswith("2026-11-22") for row in asked)


def test_where_a_consent_keeps_messages_from_the_office_none_is_shown_or_offered_and_nothing_concluded(
    acting_house: House, browser: FlaskClient
) -> None:
    case = made(acting_house, "scheduled")
    patient = patient_of(acting_house, case)
    assert "is on 3 Dec 2026 10:00." in section(page(browser, patient), "to-say")
    part = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
    consent = {
        "resourceType": "Consent", "id": "no-messages", "status": "active", "dateTime": "2026-11-20",
        "patient": {"reference": f"Patient/{patient}"},
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                              "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "policyRule": {"coding": [{"code": "OPTOUT"}]},
        "provision": {
            "type": "deny", "actor": [{"role": part, "reference": {"reference": "Organization/office-fairmont"}}],
            "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Communication"}],
        },
    }  # fmt: skip
    put(acting_house, consent)
    try:
        shown = page(browser, patient)
        assert "Writing is not offered: messages are kept from you." in section(shown, "to-say")
        assert "is on 3 Dec 2026" not in section(shown, "to-say")  # who was told, nobody can tell
        assert "act=message" not in shown
        assert section(shown, "messages").startswith("Messages")
        assert "keeps entries of this kind from you" in section(shown, "messages")
    finally:
        put(acting_house, consent | {"status": "inactive"})
