"""What comes back by fax under a cover sheet of ours files itself by the bar code: at its own referral, for who may."""

import io
import re

import barcode
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from carecoord.store.database.engine import reading
from carecoord.store.guests import links as kept
from tests.desk.acts.made import made
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import linked, row_of, stored
from tests.desk.test_pages import text
from tests.domain.documents.files import pdf

pytestmark = pytest.mark.usefixtures("clock")


def fax(number: str, turned: int = 0) -> bytes:
    """A PDF with a page before the one with the bars of a cover sheet, turned by so many degrees."""
    bars = barcode.get("code128", number).build()[0]
    drawn = "".join(f"{72 + n * 1.5:.1f} 600 1.5 60 re f\n" for n, bar in enumerate(bars) if bar == "1").encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate %d /Contents 5 0 R >>" % turned,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    body, at = b"%PDF-1.4\n", []
    for n, each in enumerate(objects, 1):
        at.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (n, each)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % each for each in at)
    return body + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def send(client: FlaskClient, data: bytes, **more: str) -> TestResponse:
    page = client.get("/filing").get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return client.post("/filing", data=hidden | {"number": "", "file": (io.BytesIO(data), "fax.pdf")} | more)


def cover_of(house: House, maria: FlaskClient, case: str) -> str:
    linked(maria, case)
    with reading(house.world.engine) as conn:
        return kept.of_case(conn, case)[0].cover


@pytest.mark.parametrize("turned", [0, 90, 180])
def test_a_fax_goes_to_its_referral_as_the_report_whichever_way_up_it_came(
    acting_house: House, maria: FlaskClient, turned: int
) -> None:
    case = made(acting_house, "scheduled")
    cover = cover_of(acting_house, maria, case)
    sent = send(maria, fax(cover, turned))
    assert sent.status_code == 303, text(sent.get_data(as_text=True))
    assert sent.location.startswith(f"/referrals/{case}?done=")
    (note,) = stored(acting_house, "DocumentReference", case)
    assert note["description"] == f"By fax, cover {cover}"
    assert row_of(acting_house, case).loop_gate == "open"
    if turned == 0:
        assert send(maria, fax(cover)).status_code == 303  # a further one is attached beside it
        assert len(stored(acting_house, "DocumentReference", case)) == 2


def test_what_has_no_bars_is_filed_by_the_number_and_what_is_nobodys_is_not_filed(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "scheduled")
    cover = cover_of(acting_house, maria, case)
    refused = send(maria, pdf())
    assert refused.status_code == 422
    assert "No bar code could be read" in text(refused.get_data(as_text=True))
    assert send(maria, pdf(), number="ABC").status_code == 422
    assert stored(acting_house, "DocumentReference", case) == []
    assert send(maria, pdf(), number=cover.lower()).status_code == 303
    assert len(stored(acting_house, "DocumentReference", case)) == 1


def test_another_office_is_told_of_a_cover_that_is_not_theirs_what_it_is_told_of_none(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "scheduled")
    cover, olga = cover_of(acting_house, maria, case), acting_house.enter("outsider")
    theirs, none = send(olga, fax(cover)), send(olga, fax("2222222222"))
    said = [re.findall(r'<a href="#act-number">([^<]+)', each.get_data(as_text=True)) for each in (theirs, none)]
    assert said[0] == said[1] != []
    assert stored(acting_house, "DocumentReference", case) == []
    for who in ("payer", "clinician", "auditor"):
        assert acting_house.enter(who).get("/filing").status_code == 403
