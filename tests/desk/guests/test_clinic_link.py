"""A clinic without an account takes part by its link, over HTTP as a browser without scripts sends it: the same acts
through the same tables as anybody's, and nothing beyond the one referral."""

import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.guests import links as kept
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from tests.desk.acts.made import made
from tests.desk.conftest import House
from tests.desk.test_pages import text
from tests.domain.documents.files import pdf

pytestmark = pytest.mark.usefixtures("clock")

SIGNED = {"name": "Rosa M.", "phone": "555-0123"}


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to an address that ends so."""
    form = next(
        each for each in re.findall(r"<form.*?</form>", page, re.S) if re.search(rf'action="[^"]*{action}"', each)
    )
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    }


def linked(maria: FlaskClient, case: str, audience: str = "clinic", **more: str) -> tuple[str, str]:
    """Make a link as the coordinator does: its address and its code."""
    page = maria.get(f"/referrals/{case}/links").get_data(as_text=True)
    fields = hidden(page, "/links") | {"audience": audience, "until": "", **more}
    sheet = maria.post(f"/referrals/{case}/links", data=fields)
    assert sheet.status_code == 200, sheet.get_data(as_text=True)
    said = sheet.get_data(as_text=True)
    address = re.search(r'id="address">http://[^/]+(/guest/[\w-]+)<', said)
    code = re.search(r'id="code">([\w-]+)<', said)
    assert address, text(said)
    return address[1], code[1] if code else ""


def come_in(house: House, address: str, code: str) -> tuple[FlaskClient, TestResponse]:
    """A telephone that opens the address and types the code."""
    phone = house.app.test_client()
    page = phone.get(address).get_data(as_text=True)
    return phone, phone.post(f"{address}/code", data=hidden(page, "/code") | {"code": code})


def answer(phone: FlaskClient, address: str, verb: str, **fields: Any) -> TestResponse:
    page = phone.get(f"{address}?do={verb}").get_data(as_text=True)
    return phone.post(f"{address}/{verb}", data=hidden(page, verb) | SIGNED | fields)


def row_of(house: House, case: str) -> Any:
    with reading(house.world.engine) as conn:
        return conn.execute(select(case_row).where(case_row.c.id == case)).one()


def stored(house: House, type: str, case: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        rows = (
            registry.every(conn, type)
            if type == "Provenance"
            else read.of_patient(conn, row_of(house, case).patient, [type])
        )
    return [each for each in (fhir_text.loads(row.body) for row in rows) if f"ServiceRequest/{case}" in str(each)]


def test_a_clinic_comes_in_by_its_code_and_accepts_with_times_under_the_same_table_and_door(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, entered = come_in(acting_house, address, code.lower().replace("-", " "))
    assert entered.status_code == 303, entered.get_data(as_text=True)
    page = phone.get(address)
    said = text(page.get_data(as_text=True))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert "Cardiology" in said
    assert "Dubois" in said
    assert "<script" not in page.get_data(as_text=True)
    sent = answer(phone, address, "accept", **{"time-1": "mon 30 nov 15:00", "time-2": "1 Dec, 9.30 am"})
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    receipt = text(phone.get(sent.location).get_data(as_text=True))
    assert "Accepted, with 2 times to choose from." in receipt
    assert "Rosa M. (555-0123)" in receipt
    assert row_of(acting_house, case).stage == "accepted"
    visits = stored(acting_house, "Appointment", case)
    assert [(each["status"], each["start"]) for each in visits] == [
        ("proposed", "2026-11-30T15:00:00-05:00"), ("proposed", "2026-12-01T09:30:00-05:00"),
    ]  # fmt: skip
    assert all(judge(each, "Appointment") is None for each in visits)
    told = next(
        each for each in stored(acting_house, "Provenance", case) if each["activity"]["coding"][0]["code"] == "accept"
    )
    assert judge(told, "Provenance") is None
    with reading(acting_house.world.engine) as conn:
        link = kept.of_case(conn, case)[0]
    assert told["agent"] == [{
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                             "code": "author"}]},
        "who": {"identifier": {"system": "https://carecoord.example/id/link", "value": link.id},
                "display": "Rosa M. (555-0123)"},
        "onBehalfOf": {"reference": "Organization/bellwether-vascular"},
    }]  # fmt: skip


def test_a_clinic_offers_other_times_until_a_visit_is_booked_and_those_before_lapse(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    assert "Offer the times" not in text(phone.get(address).get_data(as_text=True))
    assert answer(phone, address, "accept", **{"time-1": "Mon 30 Nov 15:00"}).status_code == 303
    clock.now += timedelta(minutes=1)
    none = answer(phone, address, "offer")
    assert none.status_code == 422
    assert "Write at least one time" in text(none.get_data(as_text=True))
    sent = answer(phone, address, "offer", **{"time-1": "3 pm 2 Dec", "time-2": "3 Dec 8:15"})
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    visits = {each["start"][:16]: each["status"] for each in stored(acting_house, "Appointment", case)}
    assert visits == {"2026-11-30T15:00": "cancelled", "2026-12-02T15:00": "proposed", "2026-12-03T08:15": "proposed"}


def test_the_note_is_handed_over_by_the_link_and_the_referral_is_complete(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "scheduled")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    sent = answer(phone, address, "report", line="Fit", after="back", file=(io.BytesIO(pdf()), "note.pdf"))
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    assert "Report recorded." in text(phone.get(sent.location).get_data(as_text=True))
    assert row_of(acting_house, case).stage == "report-received"
    (note,) = stored(acting_house, "DocumentReference", case)
    assert note["description"] == "Fit. Back to whoever referred"
    assert note["content"][0]["attachment"]["contentType"] == "application/pdf"
