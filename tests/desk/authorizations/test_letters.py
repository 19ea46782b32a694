"""The letter about a payer's answer: in the member's language, with reason, criteria, appeal rights and dates, kept
as a document with the version of its words, read back from its PDF; seen by the payer, whom asked, and nobody else."""

import base64
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.prior_auth.letters.letter import document_id
from tests.api.pas import test_by_rule as by_pas
from tests.desk.authorizations.readers import DIRECTOR
from tests.desk.authorizations.test_automatic import NOT_SAMPLED, SYSTEM, ask, let_the_rule, stored, work
from tests.desk.authorizations.test_request_page import APPROVE, DENY, HIDDEN, MET, VASCULAR, _appeal, answers, told
from tests.desk.conftest import PASSWORD, Clock, House, built
from tests.desk.messages.test_letters import put

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for found in built(story, tmp_path_factory.mktemp("letters"), Clock()):
        for login, name in (("calder", "Calder, Ines"), ("moss", "Moss, Ada")):
            person = NewUser(login, name, DIRECTOR, "office-blue-horizon")
            accounts.add_user(found.world, person, PASSWORD)
        yield found


def letter(house: House, claim: str, n: int = -1) -> tuple[dict[str, Any], str]:
    """The document of the letter about an answer to a request, and the words of its PDF in one line."""
    work(house)
    answer = sorted(answers(house, claim), key=lambda each: each["created"])[n]
    document = stored(house, "DocumentReference", document_id(answer["id"]))
    data = base64.b64decode(stored(house, "Binary", document["id"])["data"])
    reader = PdfReader(io.BytesIO(data))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"], "tagged, for readers of screens"
    return document, " ".join(" ".join(page.extract_text().split()) for page in reader.pages)


def speaks_spanish(house: House) -> None:
    claim = stored(house, "Claim", VASCULAR)
    person = stored(house, "Patient", claim["patient"]["reference"].partition("/")[2])
    spoken = {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}]}
    person["communication"] = [{"language": spoken, "preferred": True}]
    interactions.update(house.world, SYSTEM, "Patient", person["id"], person)


def test_an_approval_names_what_was_asked_and_what_is_approved_until_when(house: House) -> None:
    told(house.enter("payer"), VASCULAR, "decide", **APPROVE)
    document, words = letter(house, VASCULAR)
    for said in (
        "Blue Horizon Health", "Osei, Kwame", "Member BH001-4420317", "Request Q-24825", "22 Nov 2026",
        "Fairmont Medical Group asked us to approve care for Osei, Kwame. We approve it as it was asked.",
        "(C1768)", "Approved: 1 visit, 1 Dec 2026 to 31 Jan 2027",
    ):  # fmt: skip
        assert said in words, (said, words)
    assert "appeal" not in words
    assert document["extension"][0]["valueString"] == "decision-approved en shipped"
    assert document["content"][0]["attachment"]["language"] == "en"
    assert document["context"]["related"] == [{"reference": f"Claim/{VASCULAR}"}]


def test_a_denial_is_told_once_two_have_agreed_in_the_members_language_with_reason_criteria_and_rights(
    house: House,
) -> None:
    speaks_spanish(house)
    told(house.enter("payer"), VASCULAR, "decide", **DENY)
    work(house)
    assert answers(house, VASCULAR) == []
    told(house.enter("calder"), VASCULAR, "agree")
    document, words = letter(house, VASCULAR)
    for said in (
        "Nuestra decisión sobre su atención", "No aprobado", "Los documentos no lo demuestran.",
        "The notes do not show it.",
        "The patient is fit for surgery: no consta en los documentos", "pueden apelar hasta el 26 ene 2027",
        "alguien que no participó en esta decisión", "gratis",
    ):  # fmt: skip
        assert said.casefold() in words.casefold(), (said, words)
    assert document["extension"][0]["valueString"] == "decision-denied es shipped"
    assert document["content"][0]["attachment"]["language"] == "es"


def test_a_modification_a_question_and_more_time_each_have_their_letter(house: House) -> None:
    clerk = house.enter("payer")
    longer = {"extend-by": "payer", "extend-why": "We wait for the scan."}
    told(clerk, VASCULAR, "extend-clock", **longer)
    _, words = letter(house, VASCULAR)
    assert "We need more time to decide." in words
    assert "We wait for the scan." in words
    assert "We decide by Monday, December 7 at the latest." in words
    clock: Any = house.world.clock
    clock.now = clock.now.replace(minute=30)
    told(clerk, VASCULAR, "decide", **{"do-1": "ask", "paper-1": "Duplex scan", "by-1": "+2"})
    _, words = letter(house, VASCULAR)
    assert "Duplex scan, by Tuesday, November 24" in words
    clock.now = clock.now.replace(minute=45)
    changed = {"do-1": "modify", "units-1": "3", "last-1": "2027-03-08", "first-1": "2026-12-08"}
    told(clerk, VASCULAR, "decide", **MET, **changed, **{"words-1": "Three do."})
    _, words = letter(house, VASCULAR)
    assert "Approved otherwise: 3 visits, 8 Dec 2026 to 8 Mar 2027" in words
    assert "Three do." in words
    assert "may appeal until" in words


def test_the_outcome_of_an_appeal_and_an_approval_by_rule_have_their_letters(house: House) -> None:
    told(house.enter("payer"), VASCULAR, "decide", **DENY)
    told(house.enter("calder"), VASCULAR, "agree")
    appeal = _appeal(house)
    told(house.enter("moss"), VASCULAR, "decide", **APPROVE)
    _, words = letter(house, appeal)
    assert "People who had no part in it have looked." in words


def test_what_a_rule_approved_is_written_to_the_member_too(house: House) -> None:
    let_the_rule(house)
    ask(house, NOT_SAMPLED)
    _, words = letter(house, NOT_SAMPLED)
    assert "We approve it as it was asked." in words


def test_a_request_that_came_by_submit_and_is_denied_has_its_letter_for_its_clinic_and_for_nobody_else(
    house: House,
) -> None:
    response = by_pas.ask(house).get_json()["entry"][0]["resource"]
    claim = stored(house, "ClaimResponse", response["id"])["request"]["reference"].partition("/")[2]
    assert claim != VASCULAR
    told(house.enter("payer"), claim, "decide", **DENY)
    work(house)
    told(house.enter("calder"), claim, "agree")
    document, words = letter(house, claim)
    for said in ("Osei, Kwame", "Member BH001-4420317", "Not approved", "The notes do not show it.", "may appeal"):
        assert said.casefold() in words.casefold(), (said, words)
    assert document["context"]["related"] == [{"reference": f"Claim/{claim}"}]
    clinic = by_pas.clinic(house)
    kept = clinic.get(f"/DocumentReference/{document['id']}").get_json()
    assert kept["extension"][0]["valueString"] == "decision-denied en shipped"
    data = clinic.get(f"/Binary/{document['id']}", Accept="application/fhir+json").get_json()["data"]
    assert base64.b64decode(data).startswith(b"%PDF")
    path = f"/documents/{document['id']}/1"
    for who, opens in (("payer", True), ("coordinator", True), ("rival", False), ("outsider", False)):
        assert (house.enter(who).get(path).status_code == 200) == opens, who


def test_a_payers_own_words_are_used_and_their_version_is_kept_with_the_letter(house: House) -> None:
    own = "Dear {patient}: {clinic} asked ({request}). You hold {member}."
    kind = {"of": "office-blue-horizon", "name": "decision-approved", "language": "en"}
    assert put(house.enter("admin"), own, **kind).status_code == 303
    told(house.enter("payer"), VASCULAR, "decide", **APPROVE)
    document, words = letter(house, VASCULAR)
    assert "Dear Osei, Kwame: Fairmont Medical Group asked (Q-24825). You hold BH001-4420317." in words
    assert document["extension"][0]["valueString"] == "decision-approved en 1"


def test_the_payer_and_whom_it_answers_open_it_and_nobody_else(house: House) -> None:
    other = NewUser("prior", "Prior, Paz", frozenset({"payer"}), "office-pinnacle")
    accounts.add_user(house.world, other, PASSWORD)
    clerk = house.enter("payer")
    told(clerk, VASCULAR, "decide", **APPROVE)
    document, _ = letter(house, VASCULAR)
    path = f"/documents/{document['id']}/1"
    assert path in clerk.get(f"/decisions/{VASCULAR}").get_data(as_text=True)
    for who, status in (
        ("payer", 200), ("coordinator", 200), ("prior", 403), ("rival", 403), ("outsider", 403), ("contracts", 403),
    ):  # fmt: skip
        answer = house.enter(who).get(path)
        assert (answer.status_code == 200) == (status == 200), (who, answer.status_code)


def test_the_letter_is_read_before_it_is_decided_and_nothing_comes_of_that(house: House) -> None:
    clerk = house.enter("payer")
    form = _form(clerk.get(f"/decisions/{VASCULAR}").get_data(as_text=True))
    answer = clerk.post(f"/decisions/{VASCULAR}/letter", data=form | DENY)
    assert answer.mimetype == "application/pdf"
    words = " ".join(PdfReader(io.BytesIO(answer.get_data())).pages[0].extract_text().split())
    assert "Not shown by the papers. The notes do not show it." in words
    assert "may appeal until 26 Jan 2027" in words
    assert clerk.post(f"/decisions/{VASCULAR}/letter", data=form | {"do-1": "deny"}).status_code == 422
    work(house)
    assert answers(house, VASCULAR) == []
    assert house.enter("coordinator").post(f"/decisions/{VASCULAR}/letter", data=form | DENY).status_code in (403, 404)


def _form(page: str) -> dict[str, str]:
    at = page.index(f'action="/decisions/{VASCULAR}/decide"')
    return dict(HIDDEN.findall(page[at : page.index("</form>", at)]))


_PRINTED = """
import io, pypdf
from carecoord.actions.prior_auth.letters import sheet
made = sheet.pdf("<!doctype html><html lang='en'><head><title>x</title></head><body><h1>A</h1><p>b</p></body></html>")
fonts = pypdf.PdfReader(io.BytesIO(made)).pages[0]["/Resources"]["/Font"]
print(sorted(str(each.get_object()["/BaseFont"]).partition("+")[2] for each in fonts.values()))
"""


def test_a_letter_is_printed_in_its_own_font_on_a_machine_that_has_another_only(tmp_path: Path) -> None:
    fonts = tmp_path / "fonts.conf"
    dejavu = "/usr/share/fonts/truetype/dejavu"
    fonts.write_text(f"<fontconfig><dir>{dejavu}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    environ = os.environ | {"FONTCONFIG_FILE": str(fonts)}
    done = subprocess.run([sys.executable, "-c", _PRINTED], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['Inter', 'Inter-Bold']"
