"""A letter that asks for a referral: kept, read, indexed by a person, filed with the draft."""

import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.conftest import NOW, House
from tests.domain.documents.files import lettered

LETTER = lettered("Re: Delgado, Marisol", "DOB: 07/10/1979", "Referral to: Endocrinology", "Diagnosis E04.1, urgent")


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> None:
    clock: Any = acting_house.world.clock
    clock.now = NOW + timedelta(minutes=1)


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def said(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def sent(client: FlaskClient, data: bytes) -> Any:
    page = client.get("/referrals/new").get_data(as_text=True)
    form = hidden(page[page.index("/referrals/new/receive") :])
    return client.post("/referrals/new/receive", data=form | {"file": (io.BytesIO(data), "Delgado.pdf")})


def held(house: House, type: str, id: str) -> dict[str, Any]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, type, id)
    assert row
    return dict(fhir_text.loads(row.body))


def test_a_letter_waits_is_read_and_is_filed_by_who_says_whom_it_is_about(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    kept = sent(maria, LETTER)
    id = str(kept.location).partition("document=")[2]
    waits = held(acting_house, "Task", id)
    assert not judge(waits, "Task")
    assert (waits["status"], waits["code"]["coding"][0]["code"]) == ("requested", "index-document")
    assert "Delgado" not in str(waits)
    assert f'href="/referrals/new?document={id}"' in maria.get("/referrals/new").get_data(as_text=True)
    assert maria.get(f"/referrals/new/file/{id}").data == LETTER
    for who in ("outsider", "contracts", "payer"):  # a letter of which nobody knows whom it is about is nobody else's
        stranger = acting_house.enter(who)
        assert stranger.get(f"/referrals/new/file/{id}").status_code in (403, 404)
        assert stranger.get(f"/referrals/new?document={id}").status_code in (403, 404)
    page = maria.get(kept.location).get_data(as_text=True)
    assert "The document may say" in page
    assert 'name="patient" value="marisol-delgado" checked' in page
    form = hidden(page) | {"patient": "marisol-delgado"}
    begun = maria.post("/referrals/new/begin", data=form)
    shown = said(maria.get(begun.location).get_data(as_text=True))
    assert "Specialty: Endocrinology Diagnosis: E04.1 Urgency: urgent" in shown
    order = held(acting_house, "ServiceRequest", str(begun.location).partition("order=")[2].partition("&")[0])
    assert (order["priority"], "performerType" in order) == ("routine", False)  # suggestions are taken by nobody
    assert order["supportingInfo"] == [{"reference": f"DocumentReference/{id}"}]
    document, done = held(acting_house, "DocumentReference", id), held(acting_house, "Task", id)
    assert not judge(document, "DocumentReference")
    assert document["subject"] == {"reference": "Patient/marisol-delgado"}
    assert done["status"] == "completed"
    assert maria.get(f"/referrals/new?document={id}").status_code == 404  # it is filed
    assert maria.get(f"/documents/{id}/1").data == LETTER
    assert acting_house.enter("outsider").get(f"/documents/{id}/1").status_code == 404


def test_what_can_not_be_kept_is_said_and_what_can_not_be_read_suggests_nothing(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    refused = sent(maria, b"<html><script>1</script>")
    assert refused.status_code == 422
    assert 'role="alert"' in refused.get_data(as_text=True)
    kept = sent(maria, lettered(""))
    assert "Nothing in it could be read." in said(maria.get(kept.location).get_data(as_text=True))
