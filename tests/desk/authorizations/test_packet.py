"""The packet of a request as one PDF: a cover, then the pages of its documents, numbered; what can not be made into
pages is named on the cover, and no name of anybody stands in the name of the file."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader, PdfWriter
from pypdf.actions import JavaScript
from sqlalchemy import text

from carecoord.actions.fhir import interactions
from carecoord.actions.prior_auth.letters import sheet
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import packets
from tests.desk.authorizations.readers import ask_packet, get
from tests.desk.authorizations.test_automatic import SYSTEM, stored, work
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


def put(house: House, pain: str = "") -> None:
    """Put these documents into the chart and into the drafted request. pain: what the note says, which then goes alone
    with a fax that can not be made into pages."""
    page = get(house.enter("coordinator"), f"/authorizations/{DRAFT}?act=put-in")
    like = stored(house, "DocumentReference", re.findall(r'name="document-([^"]+)"', page)[0])
    papers = [each for each in PAPERS if not pain or each[0] in ("p-note", "p-fax")]
    for id, called, kind, made in papers:
        file = pain.encode() if pain and id == "p-note" else made()
        data = base64.b64encode(file).decode()
        document: dict[str, Any] = {name: value for name, value in like.items() if name not in ("meta", "identifier")}
        document |= {"id": id, "type": {"text": called}}
        document["content"] = [{"attachment": {"contentType": kind, "data": data}}]
        interactions.update(house.world, SYSTEM, "DocumentReference", id, document)
    claim = stored(house, "Claim", DRAFT)
    category = {"coding": [{"code": "attachment"}]}
    claim["supportingInfo"] = [
        {"sequence": n, "category": category, "valueReference": {"reference": f"DocumentReference/{id}"}}
        for n, (id, *_) in enumerate(papers, 1)
    ]
    interactions.update(house.world, SYSTEM, "Claim", DRAFT, claim)


def made(house: House, client: FlaskClient, request: str = DRAFT, desk: str = "authorizations") -> PdfReader:
    """The packet, asked for as a browser does and made by the worker."""
    ask_packet(client, request, desk=desk)
    work(house)
    answer = client.get(f"/{desk}/{request}/packet.pdf")
    assert answer.headers["Content-Disposition"] == 'inline; filename="packet.pdf"'
    return PdfReader(io.BytesIO(answer.get_data()))


def stands(client: FlaskClient, request: str = DRAFT, desk: str = "authorizations") -> str:
    """What the page says of the PDF, without its marks."""
    page = get(client, f"/{desk}/{request}/packet")
    (said,) = re.findall(r'<section id="pdf".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", said, flags=re.DOTALL).split())


def sheets(reader: PdfReader) -> list[str]:
    """What each page says."""
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def waiting(house: House) -> int:
    """How many packets wait for a worker."""
    with house.world.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM outbox WHERE kind = 'request-packet'")) or 0)


def test_the_documents_of_a_request_stand_behind_its_cover_numbered_and_what_can_not_is_named(house: House) -> None:
    put(house)
    reader = made(house, house.enter("coordinator"))
    said = sheets(reader)
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
    assert b"app.alert" not in reader.stream.read()
    assert "/OpenAction" not in reader.trailer["/Root"], "nothing runs when it is opened"


def test_it_is_made_by_a_worker_once_whoever_presses_how_often(house: House) -> None:
    put(house, pain="Pain since April.")
    maria = house.enter("coordinator")
    ask_packet(maria, DRAFT)
    ask_packet(maria, DRAFT)
    assert waiting(house) == 1
    assert "Being made since" in stands(maria)
    assert maria.get(f"/authorizations/{DRAFT}/packet/waits").status_code == 204
    early = maria.get(f"/authorizations/{DRAFT}/packet.pdf")
    assert (early.status_code, early.location) == (303, f"/authorizations/{DRAFT}/packet")
    work(house)
    over = maria.get(f"/authorizations/{DRAFT}/packet/waits")
    assert (over.status_code, over.location) == (303, f"/authorizations/{DRAFT}/packet")
    assert "PDF 2 pages, made on 22 Nov 09:05. 1 document could not be made into pages" in stands(maria)
    ask_packet(maria, DRAFT)
    assert waiting(house) == 0, "what is there is not made again"


def test_what_was_made_of_something_that_changed_is_said_to_be_and_given_to_nobody(house: House) -> None:
    put(house, pain="Pain since May.")
    maria = house.enter("coordinator")
    made(house, maria)
    put(house, pain="Pain since June.")
    assert "has changed since" in stands(maria)
    assert maria.get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 303
    assert "Pain since June." in " ".join(sheets(made(house, maria)))


def test_what_changes_while_it_is_being_made_is_not_in_it(house: House) -> None:
    put(house, pain="Pain since July.")
    maria = house.enter("coordinator")
    ask_packet(maria, DRAFT)
    put(house, pain="Pain since August.")
    work(house)
    assert maria.get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 303
    assert "Pain since August." in " ".join(sheets(made(house, maria)))


def test_a_packet_that_is_given_up_gives_up_no_other_that_was_asked_for_meanwhile(house: House) -> None:
    with writing(house.world.engine) as conn:
        packets.ask(conn, "packet-of-two", "the one of before", b"{}", 1)
        packets.ask(conn, "packet-of-two", "the one of now", b"{}", 2)
        packets.failed(conn, "packet-of-two", "the one of before", "")
        now = packets.one(conn, "packet-of-two", 1)
        assert now is not None
        assert (now.state, now.digest) == ("waiting", "the one of now")
        packets.remove(conn, "packet-of-two", 1)
        assert packets.one(conn, "packet-of-two", 1) is not None, "asked for anew"
        packets.remove(conn, "packet-of-two", 2)
        assert packets.one(conn, "packet-of-two", 0) is None


def test_that_it_can_not_be_made_is_said_and_it_can_be_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(house, pain="Pain since September.")
    maria = house.enter("coordinator")
    ask_packet(maria, DRAFT)
    with monkeypatch.context() as broken:
        sheet._press.cache_clear()
        broken.setattr(sheet, "_FONT", "web/static/no-such-font")  # a server without its own font prints nothing
        for _ in range(3):
            work(house)
            house.world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
        assert "The server could not make it." in stands(maria)
        assert "Try again" in stands(maria)
    assert "Pain since September." in " ".join(sheets(made(house, maria)))


def test_a_document_that_is_taken_back_is_in_no_packet_any_more(house: House) -> None:
    put(house, pain="Pain since October.")
    maria = house.enter("coordinator")
    assert "Pain since October." in " ".join(sheets(made(house, maria)))
    note = stored(house, "DocumentReference", "p-note")
    interactions.update(house.world, SYSTEM, "DocumentReference", "p-note", note | {"status": "entered-in-error"})
    assert "has changed since" in stands(maria)
    assert maria.get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 303
    whole = " ".join(sheets(made(house, maria)))
    assert "Visit note" not in whole
    assert "Pain since October." not in whole


def test_a_form_of_the_payer_is_a_sheet_of_it_with_where_each_answer_came_from(house: House) -> None:
    claim = stored(house, "Claim", DRAFT)
    interactions.update(house.world, SYSTEM, "QuestionnaireResponse", "p-form", {
        "resourceType": "QuestionnaireResponse", "id": "p-form", "status": "completed",
        "questionnaire": "https://payer.example/knee|1", "subject": claim["patient"],
        "authored": "2026-11-21T10:00:00Z",
        "item": [
            {"linkId": "1", "text": "Weeks of therapy", "answer": [{"valueInteger": 6, "extension": origin("manual")}]},
            {"linkId": "2", "text": "Born", "answer": [{"valueDate": "1960-03-01", "extension": origin("auto")}]},
        ],
    })  # fmt: skip
    category = {"coding": [{"code": "questionnaire"}]}
    named = {"sequence": 90, "category": category, "valueReference": {"reference": "QuestionnaireResponse/p-form"}}
    claim["supportingInfo"] = [named]
    interactions.update(house.world, SYSTEM, "Claim", DRAFT, claim)
    said = sheets(made(house, house.enter("coordinator")))
    assert re.search(r"knee\|1, 21 Nov: page 2\b", said[0])
    assert "Weeks of therapy 6 Written at the clinic" in said[1]
    assert "From the chart" in said[1]


def origin(source: str) -> list[dict[str, Any]]:
    """Where an answer came from, as DTR says it."""
    at = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/information-origin"
    return [{"url": at, "extension": [{"url": "source", "valueCode": source}]}]


def test_nobody_of_another_office_has_the_packet_or_its_documents(house: House) -> None:
    for who in ("outsider", "payer", "contracts", "rival"):
        client = house.enter(who)
        assert client.get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 404, who
        assert client.get(f"/authorizations/{DRAFT}/packet").status_code == 404, who
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))[:1]
        assert client.post(f"/authorizations/{DRAFT}/packet", data={"csrf": token}).status_code == 404, who
    assert waiting(house) == 0


def test_a_packet_whose_day_is_over_is_shown_to_nobody_and_let_go_of_though_nobody_asks(house: House) -> None:
    put(house, pain="Pain since January.")
    maria = house.enter("coordinator")
    made(house, maria)

    def kept() -> int:
        with reading(house.world.engine) as conn:
            return int(conn.scalar(text("SELECT count(*) FROM request_packet")) or 0)

    clock = house.world.clock
    clock.now += timedelta(hours=23, minutes=59)  # type: ignore[attr-defined]
    work(house)
    assert house.enter("coordinator").get(f"/authorizations/{DRAFT}/packet.pdf").status_code == 200
    clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    maria = house.enter("coordinator")
    assert maria.get(f"/authorizations/{DRAFT}/packet.pdf").location == f"/authorizations/{DRAFT}/packet"
    assert "made on" not in stands(maria)
    work(house)
    assert kept() == 0
