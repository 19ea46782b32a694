"""The thread of messages of a referral, over HTTP: who writes to whom, who reads what, receipts, templates in the
patient's language, and relatives as far as the patient lets them know."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.messages.relatives import permitted
from carecoord.domain.resource.present import Present
from carecoord.fhir.validation.validate import judge
from tests.desk.acts.made import made
from tests.desk.conftest import NOW, PASSWORD, House
from tests.desk.guests.test_clinic_link import answer, come_in, hidden, linked, row_of, stored
from tests.desk.test_pages import text

CLINIC, PAYER = "Organization/bellwether-vascular", "Organization/blue-horizon"
Enter = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=1)
    return clock


@pytest.fixture(scope="module")
def enter(acting_house: House) -> Enter:
    new = NewUser("osei", "Osei, Kofi", frozenset({"coordinator"}), "bellwether-vascular")
    accounts.add_user(acting_house.world, new, PASSWORD)
    held: dict[str, FlaskClient] = {}

    def entered(who: str) -> FlaskClient:
        if who not in held:
            held[who] = acting_house.enter(who)
        return held[who]

    return entered


def open_thread(client: FlaskClient, case: str, **asked: str) -> str:
    page = client.get(f"/referrals/{case}/messages", query_string=asked)
    assert page.status_code == 200, text(page.get_data(as_text=True))
    return page.get_data(as_text=True)


def write(client: FlaskClient, case: str, to: str, words: str, by: str = "", **more: str) -> TestResponse:
    """Write to somebody; by: by the form for another."""
    page = open_thread(client, case, to=by or to)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    fields = {name: unescape(value) for name, value in hidden.items()}
    return client.post(f"/referrals/{case}/messages", data=fields | {"to": to, "note": words} | more)


def who_is_told(client: FlaskClient, case: str) -> str:
    """The card on the case of who hears of it, as text; empty where there is none."""
    page = client.get(f"/referrals/{case}").get_data(as_text=True)
    card = re.search(r'<section class="card" aria-labelledby="case-hearers">(.*?)</section>', page, re.DOTALL)
    return text(card[1]) if card else ""


def talks(house: House, case: str) -> list[dict[str, Any]]:
    found = stored(house, "Communication", case)
    return [each for each in found if each["category"][0]["coding"][0]["code"] == "message"]


def test_office_and_clinic_write_to_each_other_and_see_when_it_was_read(
    acting_house: House, enter: Enter, clock: Any
) -> None:
    case, maria, kofi = made(acting_house, "accepted"), enter("coordinator"), enter("osei")
    assert write(maria, case, CLINIC, "Can you see her before 10 Dec?").status_code == 303
    assert "Not read yet" in text(open_thread(maria, case))
    told = r"Bellwether Heart & Vascular\s+Clinic\s+Written 22 Nov \d\d:\d\d: Can you see her before 10 Dec\?\s+"
    assert re.search(told + "Not read yet", who_is_told(maria, case))
    assert who_is_told(kofi, case) == ""  # it is the referring office's to know
    clock.now += timedelta(minutes=5)
    assert "Can you see her before 10 Dec?" in text(open_thread(kofi, case))
    said = text(open_thread(maria, case))
    assert re.search(r"Read by Bellwether Heart & Vascular, 22 Nov \d\d:\d\d", said)
    assert re.search(told + "Has read it", who_is_told(maria, case))
    (talk,) = talks(acting_house, case)
    assert judge(talk, "Communication") is None
    assert talk["basedOn"] == [{"reference": f"ServiceRequest/{case}"}]
    office = re.search(r"messages\?to=(Organization%2F[\w-]+)", open_thread(kofi, case)) or re.search(
        r'name="to" value="([^"]+)"', open_thread(kofi, case)
    )
    assert office
    assert write(kofi, case, office[1].replace("%2F", "/"), "Yes, on the 4th.").status_code == 303
    assert "Yes, on the 4th." in text(open_thread(maria, case))


def test_a_payer_reads_and_writes_its_own_exchange_and_nothing_more_and_the_clinic_none_of_it(
    acting_house: House, enter: Enter
) -> None:
    case, maria = "worked-07-document-asked", enter("coordinator")
    clinic = re.findall(r'name="to" value="([^"]+)"', open_thread(maria, case))[0]
    assert write(maria, case, clinic, "Between us and the clinic").status_code == 303
    payers = next(to for to in re.findall(r'to=([^"&]+)"', open_thread(maria, case)) if "horizon" in to)
    assert write(maria, case, payers.replace("%2F", "/"), "The note is on its way.").status_code == 303
    paul = enter("payer")
    page = open_thread(paul, case)
    assert "The note is on its way." in text(page)
    assert "Between us" not in page
    to = re.findall(r'name="to" value="([^"]+)"', page)[0]
    assert write(paul, case, to, "We decide by Friday.").status_code == 303
    assert "We decide by Friday." in text(open_thread(maria, case))
    panel = paul.get(f"/?show={case}").get_data(as_text=True)
    assert f"/referrals/{case}/messages" in panel
    assert "Between us" not in panel
    for who in ("outsider", "rival", "auditor", "admin"):
        assert enter(who).get(f"/referrals/{case}/messages").status_code in (403, 404), who


def test_what_was_written_to_the_payer_or_the_patient_is_not_on_the_clinics_page_and_not_in_its_api(
    acting_house: House, enter: Enter
) -> None:
    case, maria, kofi = made(acting_house, "accepted"), enter("coordinator"), enter("osei")
    patient = f"Patient/{row_of(acting_house, case).patient}"
    assert write(maria, case, patient, "For you alone, Ms. Dubois").status_code == 303
    for page in (open_thread(kofi, case), kofi.get(f"/referrals/{case}").get_data(as_text=True)):
        assert "For you alone" not in page
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    assert "For you alone" not in phone.get(address).get_data(as_text=True)
    theirs, _ = linked(maria, case, "patient")
    hers, _ = come_in(acting_house, theirs, str(row_of(acting_house, case).birth_date))
    assert "For you alone" in hers.get(theirs).get_data(as_text=True)
    assert re.search(r"Read by .*Dubois", text(open_thread(maria, case)))


def test_a_template_is_filled_in_the_patients_language_and_goes_only_once_somebody_has_looked_it_over(
    acting_house: House, enter: Enter
) -> None:
    case, maria = "order-24820", enter("coordinator")
    patient = f"Patient/{row_of(acting_house, case).patient}"
    page = open_thread(maria, case, to=patient, template="visit")
    words = "Su cita en Meridian Cancer Center es el lunes 23 de noviembre a las 2:10 p. m."
    assert words in unescape(page)
    assert "In English: Your appointment at Meridian Cancer Center is on Monday, November 23 at 2:10 PM." in text(page)
    refused = write(maria, case, patient, words)
    assert refused.status_code == 422
    assert "Read it in their language" in text(refused.get_data(as_text=True))
    assert words in unescape(refused.get_data(as_text=True))
    assert talks(acting_house, case) == []
    assert write(maria, case, patient, words, checked="1").status_code == 303
    assert [each["recipient"][0]["reference"] for each in talks(acting_house, case)] == [patient]


def test_a_message_waits_for_the_office_that_it_was_written_to_until_somebody_answers(
    acting_house: House, enter: Enter, clock: Any
) -> None:
    case, maria = made(acting_house, "accepted"), enter("coordinator")
    address, _ = linked(maria, case, "patient")
    phone, _ = come_in(acting_house, address, str(row_of(acting_house, case).birth_date))
    form = phone.get(address).get_data(as_text=True)
    phone.post(f"{address}/message", data=hidden(form, "message") | {"note": "Must I fast before it?"})
    assert "Must I fast before it?" in text(maria.get("/waiting").get_data(as_text=True))
    assert "Must I fast before it?" not in text(enter("outsider").get("/waiting").get_data(as_text=True))
    clock.now += timedelta(minutes=1)
    patient = f"Patient/{row_of(acting_house, case).patient}"
    assert write(maria, case, patient, "No, eat as usual.").status_code == 303
    assert "Must I fast before it?" not in text(maria.get("/waiting").get_data(as_text=True))


def test_by_a_link_the_clinic_writes_to_the_office_for_the_clinic(acting_house: House, enter: Enter) -> None:
    case, maria = made(acting_house, "accepted"), enter("coordinator")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    sent = answer(phone, address, "message", note="The fax is broken, call us.")
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    (talk,) = talks(acting_house, case)
    assert talk["sender"]["reference"] == CLINIC
    assert talk["sender"]["display"] == "Rosa M. (555-0123)"
    assert "The fax is broken, call us." in text(open_thread(maria, case))
    assert "The fax is broken, call us." in text(phone.get(address).get_data(as_text=True))


LUC = [{"reference": {"reference": "RelatedPerson/r"}}]
HL7 = "http://terminology.hl7.org/CodeSystem"


@pytest.mark.parametrize(
    ("provision", "status", "who"),
    [
        ({"type": "permit", "actor": LUC}, "active", {"RelatedPerson/r"}),
        ({"type": "permit", "actor": LUC}, "inactive", set()),
        ({"type": "permit", "period": {"end": "2026-11-01"}, "actor": LUC}, "active", set()),
        ({"type": "permit", "purpose": [{"code": "TREAT"}], "actor": LUC}, "active", set()),
        ({"type": "permit", "actor": LUC, "provision": [{"type": "deny", "actor": LUC}]}, "active", set()),
        ({"type": "permit", "actor": [{"reference": {"reference": "Organization/o"}}]}, "active", set()),
    ],
)
def test_a_relative_is_written_to_only_where_the_patient_lets_them_know(
    provision: dict[str, Any], status: str, who: set[str]
) -> None:
    present = Present(NOW, ZoneInfo("America/New_York"))
    assert permitted([{"status": status, "provision": provision}], present) == who


def test_a_relative_whom_the_patient_lets_know_is_offered_and_another_is_named_as_kept_out(
    acting_house: House, enter: Enter, tmp_path: Path
) -> None:
    case, maria = made(acting_house, "accepted"), enter("coordinator")
    patient = {"reference": f"Patient/{row_of(acting_house, case).patient}"}
    kin = [
        {"resourceType": "RelatedPerson", "id": f"kin-{n}", "patient": patient, "active": True,
         "name": [{"family": "Dubois", "given": [name]}], "relationship": [{"text": "son"}]}
        for n, name in enumerate(("Luc", "Remy"))
    ]  # fmt: skip
    consent = {
        "resourceType": "Consent", "id": "kin-consent", "status": "active", "patient": patient,
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "policyRule": {"coding": [{"system": f"{HL7}/consentpolicycodes",
                                   "code": "hipaa-auth"}]},
        "provision": {"type": "permit", "actor": [{
            "role": {"coding": [{"system": f"{HL7}/v3-ParticipationType", "code": "IRCP"}]},
            "reference": {"reference": "RelatedPerson/kin-0"}}]},
    }  # fmt: skip
    file = tmp_path / "kin.ndjson"
    file.write_text("\n".join(map(json.dumps, [*kin, consent])))
    assert not fhir_load.load(acting_house.world, [file]).refusals
    said = text(open_thread(maria, case))
    assert "Son: Luc Dubois" in said
    assert "the patient has not let them know: Remy Dubois" in said
    card = who_is_told(maria, case)
    assert re.search(r"Luc Dubois\s+Son\s+Nothing written", card)
    assert "the patient has not let them know: Remy Dubois" in card
    assert write(maria, case, "RelatedPerson/kin-1", "psst", by="RelatedPerson/kin-0").status_code == 422
    assert write(maria, case, "RelatedPerson/kin-0", "Please call us.").status_code == 303
    page = maria.get(f"/referrals/{case}/links").get_data(as_text=True)
    assert "relative:kin-0" in page
    assert "relative:kin-1" not in page
    forged = maria.post(f"/referrals/{case}/links", data=hidden(page, "/links") | {"audience": "relative:kin-1"})
    assert forged.status_code == 422
    address, _ = linked(maria, case, "relative:kin-0")
    phone, entered = come_in(acting_house, address, str(row_of(acting_house, case).birth_date))
    assert entered.status_code == 303
    theirs = phone.get(address).get_data(as_text=True)
    assert "lets you read this page" in text(theirs)
    assert "Please call us." in theirs
    sent = phone.post(f"{address}/message", data=hidden(theirs, "message") | {"note": "I drive him."})
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    assert "I drive him." in text(open_thread(maria, case))
    for verb in ("attend", "choose", "ask-to-move", "stop-messages", "accept"):
        assert phone.post(f"{address}/{verb}", data=hidden(theirs, "message")).status_code == 404, verb
    file.write_text(json.dumps(consent | {"status": "inactive"}))
    assert not fhir_load.load(acting_house.world, [file]).refusals
    assert phone.get(address).status_code == 404
