"""The panel tells who the patient is and whom to call; its papers and proofs open, and nothing in them runs."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.actions.documents.open import File
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case
from carecoord.web.documents import pages as documents_pages
from tests.desk.conftest import PASSWORD, PEOPLE, House

PATIENT = "ngozi-okafor"


@pytest.fixture(scope="module")
def coordinator(house: House) -> FlaskClient:
    return house.enter("coordinator")


@pytest.fixture(scope="module")
def outsider(house: House) -> FlaskClient:
    return house.enter("outsider")


def page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def okafor(house: House) -> str:
    with reading(house.world.engine) as conn:
        return str(conn.scalar(select(case.c.id).where(case.c.number == "R-24817")))


def test_the_panel_tells_the_telephone_and_the_date_of_birth(house: House, coordinator: FlaskClient) -> None:
    said = page(coordinator, f"/referrals/{okafor(house)}")
    assert 'href="tel:5550200"' in said
    assert "Prefers calls after 16:00" in said
    assert "Female · born 15 Jan 1965 (61 y) · MRN 4410-882" in said


def test_a_payer_is_told_the_member_and_no_telephone(house: House) -> None:
    said = page(house.enter("payer"), f"/referrals/{okafor(house)}")
    assert "born 15 Jan 1965 (61 y) · Member BH001-4410882" in said
    assert "4410-882" not in said
    assert "tel:" not in said


def test_a_document_is_opened_from_the_panel(house: House, coordinator: FlaskClient) -> None:
    said = page(coordinator, f"/referrals/{okafor(house)}")
    links = re.findall(r'href="(/documents/[^"]+)"', said)
    assert links
    answer = coordinator.get(links[0])
    assert answer.status_code == 200
    assert answer.data
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_opening_a_document_is_audited_as_a_read(house: House, coordinator: FlaskClient) -> None:
    assert page(coordinator, "/documents/echo-4410-882/1").startswith("Echocardiogram: LVEF 38 %")
    house.world.journal.drain(house.world.engine)
    with reading(house.world.engine) as conn:
        read = select(audit.c.subject, audit.c.patient).where(
            audit.c.interaction == "read", audit.c.resource == "echo-4410-882"
        )
        assert "ngozi-okafor" in {row.patient for row in conn.execute(read)}


@pytest.mark.parametrize("address", ["/documents/echo-4410-882/1", "/record/DocumentReference/echo-4410-882"])
def test_nobody_opens_what_they_may_not_read(outsider: FlaskClient, address: str) -> None:
    assert outsider.get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/documents/echo-4410-882/2",
        "/documents/echo-4410-882/0",
        "/documents/nope/1",
        "/record/Nothing/x",
        "/record/Patient/nope",
        "/record/Patient/ngozi-okafor?version=99",
    ],
)
def test_what_is_not_there_is_said(coordinator: FlaskClient, address: str) -> None:
    assert coordinator.get(address).status_code == 404


def test_all_that_a_payer_is_given_to_open_opens(house: House) -> None:
    payer = house.enter("payer")
    said = page(payer, f"/referrals/{okafor(house)}")
    for link in re.findall(r'href="(/(?:record|documents)/[^"]+)"', said):
        assert payer.get(link.replace("&amp;", "&")).status_code == 200


def test_a_document_needs_somebody_signed_in(house: House) -> None:
    assert house.app.test_client().get("/documents/echo-4410-882/1").status_code == 303


def test_every_proof_on_the_panel_leads_to_its_resource(house: House, coordinator: FlaskClient) -> None:
    said = page(coordinator, f"/referrals/{okafor(house)}")
    proofs = set(re.findall(r'href="(/record/[^"]+)"', said))
    assert proofs
    for proof in proofs:
        shown = page(coordinator, proof.replace("&amp;", "&"))
        assert "As it is stored" in shown


FILES = {  # contentType -> (status of the disposition, content type sent, sandboxed)
    "text/html": ("attachment", "application/octet-stream", True),
    "image/svg+xml": ("attachment", "application/octet-stream", True),
    "application/xhtml+xml": ("attachment", "application/octet-stream", True),
    "text/xml; charset=utf-8": ("attachment", "application/octet-stream", True),
    "": ("attachment", "application/octet-stream", True),
    "application/pdf": ("inline", "application/pdf", False),
    "image/tiff": ("attachment", "application/octet-stream", True),
    "image/png": ("inline", "image/png", True),
    "TEXT/PLAIN; charset=ISO-8859-1": ("inline", "text/plain; charset=ISO-8859-1", True),
}


@pytest.mark.parametrize("kind", FILES)
def test_nothing_in_a_file_runs_here(kind: str) -> None:
    file = File(b"<script>alert(1)</script>", kind, 'Bad"\r\nname/../é.html')
    answer = documents_pages.answer(file)
    way, sent, sandboxed = FILES[kind]
    assert answer.headers["Content-Type"] == sent
    assert answer.headers["Content-Disposition"].startswith(f"{way}; filename=")
    assert not set("\r\n") & set(answer.headers["Content-Disposition"])
    assert answer.headers["Content-Security-Policy"].startswith("sandbox") == sandboxed
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_file_in_a_binary_is_opened_and_one_elsewhere_is_said(acting_house: House) -> None:
    house, coordinator = acting_house, acting_house.enter("coordinator")

    def document(id: str, url: str) -> dict[str, Any]:
        return {
            "resourceType": "DocumentReference", "id": id, "status": "current",
            "subject": {"reference": f"Patient/{PATIENT}"}, "content": [{"attachment": {"url": url}}],
        }  # fmt: skip

    binary = {
        "resourceType": "Binary", "id": "b1", "contentType": "application/pdf",
        "securityContext": {"reference": f"Patient/{PATIENT}"}, "data": base64.b64encode(b"%PDF-1.4").decode(),
    }  # fmt: skip
    lines = [binary, document("held", "Binary/b1"), document("away", "https://ehr.example/files/7")]
    file = Path(house.world.settings.var) / "papers.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert not fhir_load.load(house.world, [file]).refusals
    held = coordinator.get("/documents/held/1")
    assert (held.data, held.headers["Content-Type"]) == (b"%PDF-1.4", "application/pdf")
    away = coordinator.get("/documents/away/1")
    assert away.status_code == 404
    assert "https://ehr.example/files/7" in away.get_data(as_text=True)


def test_a_coordinator_without_an_organization_is_told_so(house: House) -> None:
    new = NewUser("no.org", "Nobody, Nora", frozenset({"coordinator"}))
    accounts.add_user(house.world, new, PASSWORD)
    PEOPLE["lost"] = ("no.org", "Nobody, Nora", "")
    said = page(house.enter("lost"), "/")
    assert "You belong to no organization here" in said
    assert "carecoord sync" not in said
    assert "carecoord load" not in said


def test_each_paper_stands_on_the_panel_once(house: House, coordinator: FlaskClient) -> None:
    said = page(coordinator, f"/?show={okafor(house)}")
    assert said.count('<ul class="documents">') == 1
    links = re.findall(r'href="(/documents/[^"]+)"', said)
    assert len(links) == len(set(links))
