"""Documents over HTTP: attached by what is in them, seen by the office that attached them, sent to the other side."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.resources import read
from tests.desk.acts.test_referral_path import press
from tests.desk.acts.test_work_and_contacts import after, opened, send
from tests.desk.conftest import NOW, PASSWORD, House
from tests.desk.test_pages import text
from tests.domain.documents.files import JPEG, PNG, pdf

Enter = Callable[[str], FlaskClient]
PDF = pdf()


@pytest.fixture(scope="module")
def enter(acting_house: House) -> Enter:
    new = NewUser("osei", "Osei, Kofi", frozenset({"coordinator"}), CLINIC)
    accounts.add_user(acting_house.world, new, PASSWORD)
    held: dict[str, FlaskClient] = {}

    def entered(login: str) -> FlaskClient:
        if login not in held:
            held[login] = acting_house.enter(login)
        return held[login]

    return entered


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=20)
    return clock


CLINIC = "bellwether-vascular"


@pytest.fixture
def case(acting_house: House, tmp_path: Path) -> str:
    """The id of a case of our office that a clinic looks at, new for each test."""
    id = f"papers-{uuid4().hex[:8]}"
    order, patient = f"ServiceRequest/{id}", f"Patient/{id}"
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": id, "name": [{"family": "Paper", "given": ["Pia"]}],
         "managingOrganization": {"reference": "Organization/fairmont"}},
        {"resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order",
         "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
         "code": {"text": "Cardiology"}, "subject": {"reference": patient}, "authoredOn": "2026-11-19T10:12:00-05:00",
         "requester": {"reference": "PractitionerRole/farrow-role"},
         "performer": [{"reference": f"Organization/{CLINIC}"}]},
        {"resourceType": "Task", "id": id, "status": "received", "intent": "order", "focus": {"reference": order},
         "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
         "basedOn": [{"reference": order}], "for": {"reference": patient},
         "requester": {"reference": "Organization/fairmont"}, "owner": {"reference": f"Organization/{CLINIC}"},
         "authoredOn": "2026-11-19T10:15:00-05:00", "lastModified": "2026-11-20T08:20:00-05:00"},
    ]  # fmt: skip
    file = tmp_path / "case.ndjson"
    file.write_text("\n".join(map(json.dumps, resources)))
    assert not fhir_load.load(acting_house.world, [file]).refusals
    return id


@pytest.fixture
def clinic(enter: Enter) -> FlaskClient:
    """Somebody of the clinic that is to see the patient."""
    return enter("osei")


def fields_of(client: FlaskClient, verb: str, case: str, **more: str) -> dict[str, str]:
    return opened(client, verb, case) | more


def put(
    client: FlaskClient, case: str, fields: dict[str, str], data: bytes = PDF, name: str = "scan.pdf",
    claimed: str = "application/pdf", verb: str = "attach", **headers: str,
) -> TestResponse:  # fmt: skip
    body = fields | {"file": (io.BytesIO(data), name, claimed)}
    return client.post(f"/referrals/{case}/{verb}", data=body, headers=headers)


def multipart(fields: dict[str, str], data: bytes) -> bytes:
    """A form with a file, in one piece: a test client would write a large one to a disk."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n' for name, said in fields.items()]
    head = "".join([*parts, '--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'])
    return head.encode() + data + b"\r\n--x--\r\n"


def attach(client: FlaskClient, case: str, data: bytes = PDF, **more: str) -> str:
    """Attach it; returns the page after."""
    return after(client, put(client, case, fields_of(client, "attach", case, kind="18748-4", **more), data))


def page(client: FlaskClient, case: str) -> str:
    return client.get(f"/?show={case}").get_data(as_text=True)


def links(client: FlaskClient, case: str) -> list[str]:
    return re.findall(r'href="(/documents/[^"]+)"', page(client, case))


def stored(house: House, type: str, case: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        row = conn.execute(select(case_row).where(case_row.c.id == case)).one()
        rows = read.of_patient(conn, row.patient, [type])
    found = [fhir_text.loads(each.body) for each in rows]
    return [each for each in found if f"ServiceRequest/{case}" in str(each)]


def row_of(house: House, case: str) -> Any:
    with reading(house.world.engine) as conn:
        return conn.execute(select(case_row).where(case_row.c.id == case)).one()


def test_a_document_that_is_attached_is_on_the_panel_at_once_and_opens(
    acting_house: House, enter: Enter, case: str
) -> None:
    maria, id = enter("coordinator"), case
    before = links(maria, id)
    fields = fields_of(maria, "attach", id, kind="18748-4", day="4 Nov", note="Left knee")
    answer = put(maria, id, fields, name="../tmp/MRI  left.html")
    said = after(maria, answer)
    assert "Attached: Imaging report." in text(said)
    assert "Imaging report" in said.partition('id="panel-timeline"')[2].partition("</ol>")[0]
    (link,) = set(links(maria, id)) - set(before)
    file = maria.get(link)
    assert file.data == PDF
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"].startswith("inline")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    (document,) = [each for each in stored(acting_house, "DocumentReference", id) if each.get("custodian")]
    assert judge(document, "DocumentReference") is None
    attachment = document["content"][0]["attachment"]
    assert attachment == {
        "contentType": "application/pdf", "url": f"Binary/{document['id']}", "size": len(PDF),
        "hash": base64.b64encode(hashlib.sha1(PDF, usedforsecurity=False).digest()).decode(),
        "title": "MRI left.html.pdf", "creation": "2026-11-04",
    }  # fmt: skip
    assert document["type"]["coding"] == [{"system": "http://loinc.org", "code": "18748-4"}]
    assert document["description"] == "Left knee"
    assert document["custodian"] == {"reference": "Organization/office-fairmont"}
    assert {"reference": f"ServiceRequest/{id}"} in document["context"]["related"]
    assert document["context"]["related"][1]["reference"].startswith("Task/")
    with reading(acting_house.world.engine) as conn:
        binary = fhir_text.loads(read.many(conn, [("Binary", document["id"])])[0].body)
        provenance = fhir_text.loads(read.many(conn, [("Provenance", document["id"])])[0].body)
    assert judge(binary, "Binary") is None
    assert (binary["contentType"], base64.b64decode(binary["data"])) == ("application/pdf", PDF)
    assert {each["reference"].partition("/")[0] for each in provenance["target"]} == {"Binary", "DocumentReference"}


def test_who_attached_it_is_read_by_those_who_see_the_document_alone(
    acting_house: House, enter: Enter, case: str
) -> None:
    attach(enter("coordinator"), case)
    (document,) = [each for each in stored(acting_house, "DocumentReference", case) if each.get("custodian")]

    def told(organization: str) -> set[str]:
        who = Grant(
            "u", scopes=resources(parse("user/*.rs")), roles=frozenset({"coordinator"}), organization=organization
        )
        found = interactions.search(acting_house.world, who, "Provenance", [("_count", "500")])
        return {each["resource"]["id"] for each in json.loads(found).get("entry", [])}

    assert document["id"] in told("fairmont")
    assert document["id"] not in told(CLINIC)


def test_a_form_that_is_sent_twice_attaches_once(acting_house: House, enter: Enter, case: str) -> None:
    maria, id = enter("coordinator"), case
    before, fields = len(links(maria, id)), fields_of(maria, "attach", id, kind="other")
    for _ in range(2):
        assert "Attached: Other document." in text(after(maria, put(maria, id, fields, PNG)))
    assert len(links(maria, id)) == before + 1


def test_what_only_calls_itself_a_pdf_is_refused_and_all_that_was_typed_is_kept(enter: Enter, case: str) -> None:
    maria, id = enter("coordinator"), case
    fields = fields_of(maria, "attach", id, kind="57133-1", note="As discussed", day="31 feb")
    answer = put(maria, id, fields, b"<!doctype html><script>alert(1)</script>", "report.pdf")
    assert answer.status_code == 422
    said = answer.get_data(as_text=True)
    assert "It is a web page or a drawing with instructions, whatever its name says." in text(said)
    assert "is no day that can be read" in text(said)
    assert "Choose the file again, no browser keeps it: report.pdf" in text(said)
    assert 'value="As discussed"' in said
    assert '<option value="57133-1" selected>' in said


def test_a_form_without_a_file_or_a_kind_says_what_lacks(enter: Enter, case: str) -> None:
    maria, id = enter("coordinator"), case
    answer = send(maria, "attach", opened(maria, "attach", id), id)
    assert answer.status_code == 422
    assert {"Choose the file.", "Choose what kind of document it is."} <= set(
        re.findall(r'<a href="#act-\w+" hx-boost="false">([^<]+)</a>', answer.get_data(as_text=True))
    )


def test_a_file_that_is_too_large_is_told_so_with_what_to_do(acting_house: House, enter: Enter, case: str) -> None:
    maria, id = enter("coordinator"), case
    most = acting_house.world.settings.max_document
    fields = fields_of(maria, "attach", id, kind="other", note="Whole file")
    body = multipart(fields, PDF + b" " * most)
    answer = maria.post(f"/referrals/{id}/attach", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 422
    said = answer.get_data(as_text=True)
    assert "The file has 20.1 MB; 20 MB can be kept." in text(said)
    assert 'value="Whole file"' in said
    far = maria.post(
        f"/referrals/{id}/attach", content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(3 * most)},
        headers={"Referer": f"http://localhost/?show={id}&act=attach"},
    )  # fmt: skip
    assert far.status_code == 413
    assert "far larger than the 20 MB" in text(far.get_data(as_text=True))
    assert 'id="act-form"' in far.get_data(as_text=True)


def test_an_attached_document_is_taken_back_and_one_that_was_sent_is_not(
    acting_house: House, enter: Enter, case: str
) -> None:
    maria, id = enter("coordinator"), case
    before = links(maria, id)
    said = attach(maria, id, JPEG)
    act = re.search(r'data-act="([^"]+)"', said)
    csrf = re.search(r'name="csrf" value="([^"]+)"', said)
    assert act
    assert csrf
    undone = maria.post(f"/acts/{act[1]}/undo", data={"csrf": csrf[1], "back": f"/?show={id}"})
    assert "Taken back." in text(after(maria, undone))
    assert links(maria, id) == before
    assert "/undo" not in attach(maria, id, JPEG, send="1")


def test_the_other_side_sees_a_document_when_it_is_sent_and_not_before(
    acting_house: House, enter: Enter, case: str, clinic: FlaskClient, clock: Any
) -> None:
    maria, id = enter("coordinator"), case
    others = [enter("outsider"), enter("payer")]
    before, at_clinic = links(maria, id), links(clinic, id)
    attach(maria, id, note="For us")
    clock.now += timedelta(minutes=1)
    attach(maria, id, PNG)
    first, second = sorted(set(links(maria, id)) - set(before))
    for link in (first, second):
        record = f"/record/DocumentReference/{link.split('/')[2]}"
        for path in (link, record, record.replace("DocumentReference", "Binary")):
            assert [client.get(path).status_code for client in (clinic, *others)] == [404, 404, 404], path
    assert links(clinic, id) == at_clinic
    assert "Imaging report" not in text(page(clinic, id))

    clock.now += timedelta(minutes=1)
    fields = fields_of(maria, "share", id, note="As you asked", **{f"document-{first.split('/')[2]}": "1"})
    said = text(after(maria, send(maria, "share", fields, id)))
    assert "Sent to" in said
    assert ": Imaging report." in said
    assert set(links(clinic, id)) == {*at_clinic, first}
    assert clinic.get(first).status_code == 200
    assert clinic.get(f"/record/Binary/{first.split('/')[2]}").status_code == 200
    assert "As you asked" in text(page(clinic, id))
    assert clinic.get(second).status_code == 404
    for client in others:
        assert client.get(first).status_code == 404
    talk = next(each for each in stored(acting_house, "Communication", id) if "contentReference" in str(each))
    assert judge(talk, "Communication") is None
    assert talk["recipient"][0]["reference"] == f"Organization/{CLINIC}"
    assert talk["payload"][1]["contentReference"]["reference"] == f"DocumentReference/{first.split('/')[2]}"
    assert row_of(acting_house, id).contacts == len(
        [each for each in stored(acting_house, "Communication", id) if each.get("medium")]
    )
    again = send(maria, "share", fields | {"once": "again"}, id)
    assert again.status_code == 422
    assert "Choose documents of this referral that they do not have yet." in text(again.get_data(as_text=True))


def test_sending_what_the_clinic_asked_for_answers_it(
    acting_house: House, enter: Enter, case: str, clinic: FlaskClient, clock: Any
) -> None:
    maria, id = enter("coordinator"), case
    after(clinic, send(clinic, "ask", fields_of(clinic, "ask", id, note="Is there an MRI?"), id))
    assert row_of(acting_house, id).stage == "awaiting-information"
    clock.now += timedelta(minutes=1)
    before = links(clinic, id)
    attach(maria, id, send="1")
    assert row_of(acting_house, id).stage == "in-triage"
    assert len(links(clinic, id)) == len(before) + 1
    task = next(each for each in stored(acting_house, "Task", id) if each.get("input"))
    assert judge(task, "Task") is None
    assert task["input"][-1]["type"] == {"text": "Imaging report"}
    assert task["input"][-1]["valueReference"]["reference"].startswith("DocumentReference/")


def test_a_clinics_note_is_no_report_until_it_is_handed_over_and_then_it_completes_the_referral(
    acting_house: House, enter: Enter, case: str, clinic: FlaskClient, clock: Any
) -> None:
    maria, id = enter("coordinator"), case
    press(clinic, "accept", id)
    clock.now += timedelta(minutes=1)
    before = links(maria, id)
    fields = fields_of(clinic, "attach", id, kind="11488-4")
    after(clinic, put(clinic, id, fields, PDF, "visit.pdf"))
    assert links(maria, id) == before
    assert row_of(acting_house, id).stage == "accepted"
    assert "Acknowledge the report" not in text(page(enter("clinician"), id))

    clock.now += timedelta(minutes=1)
    form = clinic.get(f"/?show={id}&act=report").get_data(as_text=True)
    (chosen,) = re.findall(r'name="document" value="(DocumentReference/[^"]+)"', form)
    said = after(clinic, send(clinic, "report", fields_of(clinic, "report", id, document=chosen), id))
    assert "Report recorded." in text(said)
    assert row_of(acting_house, id).stage == "report-received"
    task = next(each for each in stored(acting_house, "Task", id) if each.get("output"))
    assert (task["status"], task["output"][-1]["valueReference"]["reference"]) == ("completed", chosen)
    (new,) = set(links(maria, id)) - set(before)
    assert maria.get(new).data == PDF


def test_a_report_is_handed_over_as_a_file_in_one_act(
    acting_house: House, enter: Enter, case: str, clinic: FlaskClient, clock: Any
) -> None:
    maria, id = enter("coordinator"), case
    press(clinic, "accept", id)
    clock.now += timedelta(minutes=1)
    before = links(maria, id)
    bad = put(clinic, id, fields_of(clinic, "report", id, note="Dictated"), b"MZ\x90\x00", verb="report")
    assert bad.status_code == 422
    assert "It is a program" in text(bad.get_data(as_text=True))
    after(clinic, put(clinic, id, fields_of(clinic, "report", id, note="Dictated"), PDF, verb="report"))
    assert row_of(acting_house, id).stage == "report-received"
    (new,) = set(links(maria, id)) - set(before)
    assert maria.get(new).data == PDF


def test_a_swap_gets_the_list_with_the_document_on_the_panel(enter: Enter, case: str) -> None:
    maria, id = enter("coordinator"), case
    before = links(maria, id)
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    answer = put(maria, id, fields_of(maria, "attach", id, kind="other"), b"Plain words.\n", "a.txt", **headers)
    assert answer.status_code == 200
    said = answer.get_data(as_text=True)
    assert "<html" not in said
    assert 'id="desk"' in said
    assert len(re.findall(r'href="(/documents/[^"]+)"', said)) == len(before) + 1
