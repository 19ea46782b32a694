"""The redline at the head of an agreement's page: what a version changes against the one before, for whom it is."""

import csv
import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from carecoord.actions.imports import formats, importer
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.tables import Table
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from tests.desk.agreements.test_acts import after, hidden, opened, send, undo, words
from tests.desk.conftest import NOW, PASSWORD, House

HEAD = "Contract number,Version,Schedule,Code,Code system,Rate,Effective date\n"
BEFORE = """AGR-0107,2,Fees,C8928,HCPCS,612.00,2025-01-01
AGR-0107,2,Fees,G0151,HCPCS,40,2025-01-01
AGR-0107,2,Fees,G0422,HCPCS,118.40,2025-01-01
"""
AFTER = """AGR-0107,3,Fees,C8928,HCPCS,636.48,2026-09-01
AGR-0107,3,Fees,G0151,HCPCS,40,2026-09-01
AGR-0107,3,Fees,G0299,HCPCS,95,2026-09-01
"""


def bring(house: House, kind: str, rows: str) -> None:
    table, sheet = formats.read("them.csv", rows.encode()), SHEETS[kind]
    mapped = headings.mapped(sheet, table.header)
    assert importer.bring(house.world, IMPORTER, "test", sheet, table, mapped).faults == []


@pytest.fixture(scope="module", autouse=True)
def rates(acting_house: House) -> None:
    clock: Any = acting_house.world.clock
    clock.now = NOW
    bring(acting_house, "rates", HEAD + BEFORE)
    bring(acting_house, "rates", HEAD + AFTER)
    new = NewUser("grady", "Grady, Gus", frozenset({"contracts"}), "office-granite-care")
    accounts.add_user(acting_house.world, new, PASSWORD)


@pytest.fixture
def carla(acting_house: House) -> FlaskClient:
    return acting_house.enter("contracts")


def redline(client: FlaskClient, path: str) -> str:
    """The words of the block, empty where there is none."""
    page = client.get(path).get_data(as_text=True)
    found = re.search(r'<section class="agreement-block redline".*?</section>', page, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])).strip() if found else ""


def test_who_is_a_party_sees_what_is_paid_otherwise_in_numbers(acting_house: House) -> None:
    said = redline(acting_house.enter("grady"), "/contracts/agr-0107-v3")
    assert "Signed, rates only · 5 changes" in said
    assert "Starts Gone: 22 Dec 2024 New: 24 Aug 2026" in said
    assert "Fees 3 rates differ, 1 as before" in said
    assert "HCPCS C8928 Gone: $612.00 New: $636.48 +$24.48, +4.0%" in said
    assert "HCPCS G0299 New: $95.00" in said
    assert "HCPCS G0422 Gone: $118.40" in said
    assert "G0151" not in said


def test_who_may_not_see_rates_sees_everything_else_and_no_trace_of_them(carla: FlaskClient) -> None:
    said = redline(carla, "/contracts/agr-0107-v3")
    assert "Signed, rates only · 2 changes" in said
    assert not re.search(r"rates? differ|\$|C8928|Fees", said)


def test_a_draft_amendment_stands_against_what_it_amends_word_by_word(carla: FlaskClient) -> None:
    first = {"kind": "modify", "topic": "audit", "start": "2027-01-01", "words": "Records are kept six (6) years."}
    after(carla, send(carla, "agr-0121-v1", "amend", opened(carla, "agr-0121-v1", "amend") | first))
    assert redline(carla, "/contracts/agr-0121-v1").startswith("Redline From")
    assert "Audit" in redline(carla, "/contracts/agr-0121-v1")
    assert "New: Records are kept six (6) years." in redline(carla, "/contracts/agr-0121-v1")
    signer = {"signer-1": "L. Marsh", "day-1": "20 Nov", "signer-2": "Dr. F. Adeyemi", "day-2": ""}
    form = carla.get("/contracts/agr-0121-v1?act=sign")
    assert "Signed: version 2 stands." in after(carla, send(carla, "agr-0121-v1", "sign", hidden(form) | signer))
    then = {"kind": "modify", "topic": "audit", "start": "2027-06-01", "words": "Records are kept ten (10) years."}
    done = send(carla, "agr-0121-v1", "amend", opened(carla, "agr-0121-v1", "amend") | then)
    assert "Amendment drafted: version 3." in after(carla, done)
    said = redline(carla, "/contracts/agr-0121-v1")
    assert "Records are kept Gone: six (6) New: ten (10) years." in said
    assert "Draft" in said
    back = redline(carla, "/contracts/agr-0121-v1?from=agr-0121-v1&to=agr-0121-v1")
    assert "These two say the same." in back


def test_an_agreement_of_one_version_has_nothing_to_be_held_against(carla: FlaskClient) -> None:
    page = carla.get("/contracts/agr-0111-v1")
    assert (page.status_code, "Redline" in words(page)) == (200, False)


def test_a_draft_that_came_to_nothing_is_not_what_an_agreement_is_held_against(carla: FlaskClient) -> None:
    given = {"kind": "modify", "topic": "audit", "start": "2027-01-01", "words": "Records are kept for ever."}
    after(carla, send(carla, "agr-0119-v1", "amend", opened(carla, "agr-0119-v1", "amend") | given))
    assert "New: Records are kept for ever." in redline(carla, "/contracts/agr-0119-v1")
    after(carla, send(carla, "agr-0119-v1", "drop", opened(carla, "agr-0119-v1", "drop") | {"reason": "Not agreed"}))
    assert redline(carla, "/contracts/agr-0119-v1") == ""


def pressed(client: FlaskClient, path: str, of: str) -> dict[str, str]:
    """The hidden fields of the button that accepts a clause."""
    page = client.get(path).get_data(as_text=True)
    forms = re.findall(r'<form method="post" action="/contracts/[^"]+/accept-clause">.*?</form>', page, re.S)
    found = [dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form)) for form in forms]
    return next(each for each in found if each["of"] == of)


def tracked(data: bytes) -> tuple[list[str], list[str], list[str]]:
    """Of a DOCX: what is inserted, what is deleted, and every paragraph as it reads once all is accepted."""
    w = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        root = ElementTree.fromstring(packed.read("word/document.xml"))
    new = ["".join(t.text or "" for t in each.iter(f"{w}t")) for each in root.iter(f"{w}ins")]
    gone = ["".join(t.text or "" for t in each.iter(f"{w}delText")) for each in root.iter(f"{w}del")]
    assert {each.get(f"{w}author") for each in root.iter() if each.tag in (f"{w}ins", f"{w}del")} <= {"Nilsson, Carla"}
    return new, gone, ["".join(t.text or "" for t in p.iter(f"{w}t")) for p in root.iter(f"{w}p")]


def test_a_changed_clause_is_countered_accepted_and_leaves_as_a_document_with_tracked_changes(
    carla: FlaskClient, acting_house: House
) -> None:
    path = "/contracts/agr-0113-v1"
    given = {"kind": "modify", "topic": "audit", "start": "2027-01-01", "words": "Records are kept six (6) years."}
    after(carla, send(carla, "agr-0113-v1", "amend", opened(carla, "agr-0113-v1", "amend") | given))
    form = carla.get(f"{path}?act=counter-clause&of=term:audit")
    assert "The draft says Records are kept six (6) years." in words(form)
    same = send(carla, "agr-0113-v1", "counter-clause", hidden(form) | {"words": given["words"]})
    assert (same.status_code, "what the draft says already" in words(same)) == (422, True)
    empty = send(carla, "agr-0113-v1", "counter-clause", hidden(form) | {"words": ""})
    assert (empty.status_code, "Write the words" in words(empty)) == (422, True)
    ours = "Records are kept five (5) years & no longer."
    done = send(carla, "agr-0113-v1", "counter-clause", hidden(form) | {"words": ours})
    page = after(carla, done)
    assert f"New: {ours} Countered by Nilsson, Carla, " in page
    stale = pressed(carla, path, "starts")
    kept = send(carla, "agr-0113-v1", "accept-clause", stale)
    assert "Clause accepted" in after(carla, kept)
    said = redline(carla, path)
    assert "Accepted by Nilsson, Carla, " in said
    again = send(carla, "agr-0113-v1", "accept-clause", {**stale, "once": "another"})
    assert (again.status_code, "was first" in words(again)) == (412, True)
    file = carla.get(f"{path}/redline.docx")
    assert file.headers["Content-Disposition"] == 'attachment; filename="AGR-0113-redline.docx"'
    new, gone, paragraphs = tracked(file.data)
    assert ours in new
    assert len(gone) == 1, "the first day that was; the audit clause is new"
    assert paragraphs[1] == "Version 2 against Version 1. What is new and what is gone is tracked."
    assert "Audit" in paragraphs
    assert any(each.startswith("Accepted by Nilsson, Carla") for each in paragraphs)
    csrf = opened(carla, "agr-0113-v1", "counter-clause")["csrf"]
    edited = hidden(carla.get(f"{path}?act=counter-clause&of=term:audit")) | {"words": "Seven years."}
    last = send(carla, "agr-0113-v1", "counter-clause", edited)
    assert "Countered by" in after(carla, last)
    undo(carla, last, csrf)
    assert "five (5) years" in redline(carla, path)


def test_nobody_settles_what_is_signed_or_not_theirs(acting_house: House, carla: FlaskClient) -> None:
    csrf = opened(carla, "agr-0125-v1", "amend")
    assert "Accept" not in redline(carla, "/contracts/agr-0107-v3")
    refused = send(carla, "agr-0125-v1", "accept-clause", csrf | {"of": "starts"})
    assert (refused.status_code, "No draft waits" in words(refused)) == (409, True)
    rival = acting_house.enter("rival")
    assert rival.get("/contracts/agr-0107-v3/redline.docx").status_code == 404
    assert acting_house.enter("coordinator").get("/contracts/agr-0107-v3/redline.docx").status_code in (403, 404)
    assert carla.get("/contracts/agr-0111-v1/redline.docx").status_code == 404
    data = carla.get("/contracts/agr-0107-v3/redline.docx").data
    assert b"C8928" not in data
    assert not [each for each in tracked(data)[2] if "$" in each], "rates are for who may see them"


def test_all_lines_that_are_paid_leave_as_a_file_that_can_be_brought_in_again(
    acting_house: House, carla: FlaskClient
) -> None:
    grady = acting_house.enter("grady")
    page = grady.get("/contracts/agr-0107-v3").text
    assert 'href="/contracts/agr-0107-v3/rates.csv"' in page
    file = grady.get("/contracts/agr-0107-v3/rates.csv")
    assert file.headers["Content-Disposition"] == 'attachment; filename="AGR-0107-rates.csv"'
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    told = [(row["Agreement number"], row["Agreement version"], row["Schedule"], row["Code"], row["Amount"])
            for row in rows if row["Schedule"] == "Fees"]  # fmt: skip
    assert sorted(told) == [
        ("AGR-0107", "2", "Fees", "C8928", "612"), ("AGR-0107", "2", "Fees", "G0151", "40"),
        ("AGR-0107", "2", "Fees", "G0422", "118.4"), ("AGR-0107", "3", "Fees", "C8928", "636.48"),
        ("AGR-0107", "3", "Fees", "G0151", "40"), ("AGR-0107", "3", "Fees", "G0299", "95"),
    ]  # fmt: skip
    again = importer.bring(acting_house.world, IMPORTER, "test", SHEETS["rates"], *_table(file.data))
    assert (dict(+again.rows), again.faults) == ({"unchanged": len(rows)}, [])
    assert grady.get("/contracts/agr-0107-v3/rates.xlsx").data.startswith(b"PK")
    none = carla.get("/contracts/agr-0107-v3/rates.csv").data.decode("utf-8-sig").splitlines()
    assert len(none) == 1, "headings, as of an agreement without rates"
    rival, nobodys = acting_house.enter("rival"), "/contracts/agr-9999-v1/rates.csv"
    assert rival.get("/contracts/agr-0107-v3/rates.csv").status_code == rival.get(nobodys).status_code == 404
    assert acting_house.enter("coordinator").get("/contracts/agr-0107-v3/rates.csv").status_code == 403


def _table(data: bytes) -> tuple[Table, dict[str, int]]:
    table = formats.read("rates.csv", data)
    return table, headings.mapped(SHEETS["rates"], table.header)
