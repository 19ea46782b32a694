"""What leaves the house says nothing of ours but by the catalogue, in the language of whoever gets it: the mails, the
PDFs of letters and packets, the sheets of links and the shipped letters, read in the pseudo-language."""

import base64
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import update

from auth.tables import user
from carecoord.actions.fhir import interactions
from carecoord.actions.inbox import digest
from carecoord.actions.messages import notices
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.prior_auth.letters.letter import document_id
from carecoord.domain.messages.templates import TEMPLATES, Fields, written
from carecoord.store.database.engine import writing
from tests.desk.authorizations.readers import DIRECTOR, ask_packet
from tests.desk.authorizations.test_automatic import SYSTEM, stored, work
from tests.desk.authorizations.test_request_acts import GRANTED
from tests.desk.authorizations.test_request_page import DENY, HIDDEN, VASCULAR, answers, told
from tests.desk.conftest import PASSWORD, Clock, House, built
from tests.desk.guests.test_clinic_link import hidden, row_of
from tests.desk.inbox.test_digest import Box, box
from tests.desk.language import pseudo
from tests.desk.language.crawl import ASKING
from tests.desk.language.pseudo import LANGUAGE, Others, english
from tests.desk.language.test_pseudo_locale import phrases
from tests.desk.messages.test_notices import mailing, reachable
from tests.desk.messages.test_thread import talks, write

__all__ = ["box"]
CASE = "order-24820"
OTHERS = ("elm", "clinic", "example", "waiting", "away", "localhost", "http", "https")  # of addresses


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which a payer's clerks, a coordinator and two patients read the pseudo-language alone."""
    for made in built(story, tmp_path_factory.mktemp("sent"), Clock()):
        for login in ("calder", "moss"):
            clerk = NewUser(login, login.title(), DIRECTOR, "office-blue-horizon")
            accounts.add_user(made.world, clerk, PASSWORD)
        with writing(made.world.engine) as conn:
            conn.execute(update(user).values(language=LANGUAGE))
        for kind, id in (("Claim", VASCULAR), ("ServiceRequest", CASE)):
            about = stored(made, kind, id)
            speaks(made, (about.get("patient") or about["subject"])["reference"].partition("/")[2])
        with pseudo.spoken():
            yield made


def speaks(house: House, patient: str) -> None:
    person = stored(house, "Patient", patient)
    spoken = {"coding": [{"system": "urn:ietf:bcp:47", "code": LANGUAGE}]}
    person["communication"] = [{"language": spoken, "preferred": True}]
    interactions.update(house.world, SYSTEM, "Patient", patient, person)


@pytest.fixture
def others(house: House) -> Others:
    return Others([*phrases(house), *OTHERS, DENY["words-1"]])


def pages(data: bytes) -> str:
    """The words of a PDF. A word that is parted at the end of a line is one."""
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages)


def letter(house: House, n: int) -> str:
    work(house)
    answer = sorted(answers(house, VASCULAR), key=lambda each: each["created"])[n]
    document = stored(house, "DocumentReference", document_id(answer["id"]))
    assert document["content"][0]["attachment"]["language"] == LANGUAGE
    return pages(base64.b64decode(stored(house, "Binary", document["id"])["data"]))


def test_the_letter_of_a_denial_and_what_is_read_before_it(house: House, others: Others) -> None:
    pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
    clerk = house.enter("payer")
    page = clerk.get(f"/decisions/{VASCULAR}", headers=ASKING).get_data(as_text=True)
    form = dict(HIDDEN.findall(page.partition(f'action="/decisions/{VASCULAR}/decide"')[2].partition("</form>")[0]))
    before = clerk.post(f"/decisions/{VASCULAR}/letter", data=form | DENY, headers=ASKING)
    assert before.mimetype == "application/pdf"
    assert others.left(pages(before.get_data())) == []
    told(clerk, VASCULAR, "decide", **DENY)
    work(house)
    told(house.enter("calder"), VASCULAR, "agree")
    said = letter(house, -1)
    assert len(said) > 400
    assert others.left(said) == []


def test_the_packet_of_a_request(house: House, others: Others) -> None:
    pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
    maria = house.enter("coordinator")
    ask_packet(maria, GRANTED, ASKING)
    work(house)
    answer = maria.get(f"/authorizations/{GRANTED}/packet.pdf", headers=ASKING)
    assert answer.mimetype == "application/pdf"
    said = pages(answer.get_data())
    assert len(said) > 300
    assert others.left(said) == []


@pytest.mark.parametrize("audience", ["patient", "clinic"])
def test_the_sheet_of_a_link(house: House, others: Others, audience: str) -> None:
    """For a clinic it is in English, whatever the desk reads: then its words stand under their own language."""
    maria = house.enter("coordinator")
    page = maria.get(f"/referrals/{CASE}/links", headers=ASKING).get_data(as_text=True)
    sheet = maria.post(
        f"/referrals/{CASE}/links", data=hidden(page, "/links") | {"audience": audience, "until": ""}, headers=ASKING
    )
    assert sheet.status_code == 200
    secret = r'https?://\S+?/guest/[\w-]+|(?<=id="code">)[\w-]+'  # the address of the link, and its code
    said = re.sub(secret, "", sheet.get_data(as_text=True))
    assert english(said, others) == []
    assert (f'lang="{LANGUAGE}"' in said.partition("<body")[2]) == (audience == "patient")


def test_the_mails_that_a_message_is_there_and_of_the_morning(
    house: House, others: Others, box: tuple[Box, int]
) -> None:
    taken, port = box
    patient = row_of(house, CASE).patient
    reachable(house, patient)
    assert write(house.enter("coordinator"), CASE, f"Patient/{patient}", "Traiga.", checked="1").status_code == 303
    notices.send(mailing(house, port), talks(house, CASE)[0]["id"])
    maria = house.enter("coordinator")
    page = maria.get("/waiting/away", headers=ASKING).get_data(as_text=True)
    sent = hidden(page, "/waiting/mail") | {"address": "maria@elm.example", "wanted": "1"}
    assert maria.post("/waiting/mail", data=sent, headers=ASKING).status_code == 303
    opens = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)  # a Monday, once the office is open
    world = mailing(house, port)
    digest.send(type(world)(**{**vars(world), "clock": lambda: opens}))
    assert [each["To"] for each in taken.letters] == ["elena@home.example", "maria@elm.example"]
    said: list[Any] = [f"{each['Subject']} {each.get_content()}" for each in taken.letters]
    assert [left for each in said if (left := others.left(each))] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_shipped_letter(name: str) -> None:
    nobodys = Fields(
        "Öffice", "555-0100", "Ćlinic", "Ṕayer", "Ṕerson", "7", datetime(2026, 12, 1, 14, 30, tzinfo=UTC), True,
        "8", "9", date(2027, 1, 26), date(2026, 12, 5),
    )  # fmt: skip
    with pseudo.spoken():
        said = written(name, nobodys, LANGUAGE, {})
    assert len(said) > 20
    assert Others([]).left(said) == []
