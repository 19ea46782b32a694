"""The packet of a request as one PDF: a cover, then the pages of its documents, numbered; what can not be made into
pages is named on the cover, and no name of anybody stands in the name of the file."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.actions import JavaScript

from carecoord.actions.fhir import interactions
from carecoord.actions.prior_auth.letters import sheet
from tests.desk.authorizations.readers import get
from tests.desk.authorizations.test_automatic import SYSTEM, stored
from tests.desk.conftest import Clock, House, built

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
DRAFT = "request-order-24808"


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("packet"), Clock())


def picture() -> bytes:
    """A PNG of 40 x 40 grey pixels."""
    rows = b"".join(b"\0" + bytes([120] * 40) for _ in range(40))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    made = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def two_pages() -> bytes:
    """A PDF of two sheets, the second lying on its side, with something that runs when it is opened."""
    writer = PdfWriter()
    for n, words in enumerate(("Surgeon's letter", "Second leaf"), 1):
        head = "<!doctype html><html lang='en'><head><title>x</title></head>"
        made = sheet.pdf(f"{head}<body><p>{words}</p></body></html>", numbered=False)
        page = writer.add_page(PdfReader(io.BytesIO(made)).pages[0])
        page.rotate(90 * (n - 1))
    writer.add_open_action(JavaScript("app.alert('run')"))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


PAPERS = (  # id, what it is called, its kind, its file
    ("p-letter", "Surgeon letter", "application/pdf", two_pages),
    ("p-scan", "Scan of the referral", "image/png", picture),
    ("p-note", "Visit note", "text/plain; charset=utf-8", lambda: b"Pain <since> March."),
    ("p-fax", "Fax of the hospital", "image/tiff", lambda: b"II*\0"),
    ("p-torn", "Torn report", "application/pdf", lambda: b"%PDF-1.7 torn"),
    ("p-blank", "Broken picture", "image/png", lambda: b"\x89PNG broken"),
)


def put(house: House) -> None:
    """Put these documents into the chart and into the drafted request."""
    page = get(house.enter("coordinator"), f"/authorizations/{DRAFT}?act=put-in")
    like = stored(house, "DocumentReference", re.findall(r'name="document-([^"]+)"', page)[0])
    for id, called, kind, made in PAPERS:
        data = base64.b64encode(made()).decode()
        document: dict[str, Any] = {name: value for name, value in like.items() if name not in ("meta", "identifier")}
        document |= {"id": id, "type": {"text": called}}
        document["content"] = [{"attachment": {"contentType": kind, "data": data}}]
        interactions.update(house.world, SYSTEM, "DocumentReference", id, document)
    claim = stored(house, "Claim", DRAFT)
    category = {"coding": [{"code": "attachment"}]}
    claim["supportingInfo"] = [
        {"sequence": n, "category": category, "valueReference": {"reference": f"DocumentReference/{id}"}}
        for n, (id, *_) in enumerate(PAPERS, 1)
    ]
    interactions.update(house.world, SYSTEM, "Claim", DRAFT, claim)


def test_the_documents_of_a_request_stand_behind_its_cover_numbered_and_what_can_not_is_named(house: House) -> None:
    put(house)
    answer = house.enter("coordinator").get(f"/authorizations/{DRAFT}/packet.pdf")
    assert answer.headers["Content-Disposition"] == 'inline; filename="packet.pdf"'
    reader = PdfReader(io.BytesIO(answer.get_data()))
    said = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert [re.findall(r"\d / \d", each) for each in said] == [[f"{n} / 5"] for n in range(1, 6)]
    line = r"(Surgeon letter|Scan of the referral|Visit note)[^:]*: (pages? \d(?: to \d)?)"
    contents = dict(re.findall(line, said[0]))
    where = {name: [int(n) for n in re.findall(r"\d", pages)] for name, pages in contents.items()}
    first, last = where["Surgeon letter"]
    assert "Surgeon's letter" in said[first - 1]
    assert "Second leaf" in said[last - 1]
    assert reader.pages[last - 1].rotation == 0, "a sheet that lies on its side bears its number upright"
    assert "Pain <since> March." in said[where["Visit note"][0] - 1]
    assert len(reader.pages[where["Scan of the referral"][0] - 1].images) == 1
    left = "not in this file, since it can not be made into pages"
    for called in ("Fax of the hospital", "Torn report", "Broken picture"):
        assert re.search(rf"{called}[^:]*: {left}", said[0]), called
    assert b"app.alert" not in answer.get_data()
    assert "/OpenAction" not in reader.trailer["/Root"], "nothing runs when it is opened"


def test_nobody_of_another_office_has_the_packet_or_its_documents(house: House) -> None:
    for who in ("outsider", "payer", "contracts", "rival"):
        assert house.enter(who).get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 404, who
