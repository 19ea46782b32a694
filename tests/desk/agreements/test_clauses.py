"""The papers of an agreement: read page by page, found by their words, and the clauses on which it stands named in
them, each for whom the document is."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.grant import Grant
from auth.scopes import parse
from auth.scopes import resources as only
from carecoord.actions.agreements.papers import pages
from carecoord.actions.agreements.participation import answer
from carecoord.fhir.validation.validate import judge
from carecoord.store.database import jobs
from carecoord.store.database.engine import reading
from tests.desk.agreements.test_acts import after, every, opened, send, undo, words
from tests.desk.conftest import House
from tests.domain.documents.files import lettered, pdf

pytestmark = pytest.mark.usefixtures("clock")

Json = dict[str, Any]
PAPER = lettered(
    "PROVIDER AGREEMENT", "of Riverside and Granite", "\f", "4.1 Scope. Provider renders care.",
    "4.2 Participation. Provider takes part in", "the Zephyr network at both sites.", "\f", "EXHIBIT B",
    "Rates by quaternion.",
)  # fmt: skip
SAID = "Provider takes part in the Zephyr network"
PLACE = "Clause 4.2 Participation, page 2"


def attached(house: House, client: FlaskClient, id: str, data: bytes) -> str:
    """The id of the document; its pages are read, as the worker does."""
    before = {each["id"] for each in every(house, "DocumentReference")}
    fields = opened(client, id, "file")
    given = fields | {"file": (io.BytesIO(data), "agreement.pdf"), "kind": "signed-agreement"}
    sent = client.post(f"/contracts/{id}/file", data=given, content_type="multipart/form-data")
    assert "Its pages are being read" in after(client, sent)
    (document,) = {each["id"] for each in every(house, "DocumentReference")} - before
    with reading(house.world.engine) as conn:
        assert document in jobs.waiting(conn, pages.JOB)
    pages.read(house.world, document)
    return document


def cited(client: FlaskClient, id: str, paper: str, **given: str) -> Any:
    fields = opened(client, id, "cite") | {"of": "term:participation", "document": paper}
    return send(client, id, "cite", fields | given)


def clause_of(house: House, who: Grant) -> Json:
    asked = {"provider": "Organization/office-riverside-heart", "plan": "BH-PPO", "date": "2026-12-04"}
    told = answer(house.world, who, asked | {"specialty": "Cardiology"})
    part = next((each["part"] for each in told["parameter"] if each["name"] == "clause"), [])
    return {each["name"]: next(value for name, value in each.items() if name != "name") for each in part}


def test_a_paper_is_read_by_page_and_found_by_its_words_by_its_own_office_alone(
    acting_house: House, carla: FlaskClient
) -> None:
    document = attached(acting_house, carla, "agr-0114-v1", PAPER)
    assert "3 pages can be searched" in words(carla.get("/contracts/agr-0114-v1"))
    found = carla.get("/contracts?tab=all&q=zephyr+network").get_data(as_text=True)
    assert ('href="/contracts/agr-0114-v1"' in found, f'href="/documents/{document}/1#page=2"' in found) == (True, True)
    assert "On page 2 of its paper" in found
    assert "AGR-0114" in carla.get("/contracts.csv?tab=all&q=quaternion").get_data(as_text=True)
    rival = acting_house.enter("rival")  # of the other party, which did not attach it
    assert "AGR-0114" in words(rival.get("/contracts?tab=all&q=agr-0114"))
    for road in ("/contracts?tab=all&q=zephyr", "/contracts.csv?tab=all&q=zephyr", "/contracts/agr-0114-v1"):
        assert "ephyr" not in words(rival.get(road)).replace("zephyr", "")
        assert document not in rival.get(road).get_data(as_text=True)
    assert "No agreement is found so" in words(rival.get("/contracts?tab=all&q=zephyr"))


def test_a_scan_and_what_can_not_be_read_are_told_and_a_clause_of_them_needs_its_page(
    acting_house: House, carla: FlaskClient
) -> None:
    scan = attached(acting_house, carla, "agr-0115-v1", pdf())
    assert "1 page, a scan: no words to search" in words(carla.get("/contracts/agr-0115-v1"))
    lacks = cited(carla, "agr-0115-v1", scan, words="Provider takes part")
    assert (lacks.status_code, "write the page" in words(lacks)) == (422, True)
    page = after(carla, cited(carla, "agr-0115-v1", scan, words="Provider takes part", page="1"))
    assert "Page 1 : Participation" in page


def test_a_clause_is_named_by_its_words_shown_to_whom_the_document_is_and_taken_back(
    acting_house: House, carla: FlaskClient
) -> None:
    document = attached(acting_house, carla, "agr-0112-v1", PAPER)
    for given, why in (
        ({"words": "Payer pays nobody"}, "do not stand in the document"),
        ({"words": SAID, "page": "3"}, "They stand on page 2, not on page 3"),
        ({"words": ""}, "Copy the words"),
        ({"words": SAID, "document": "other"}, "Choose the document"),
        ({"words": SAID, "of": "term:nothing"}, "Choose what stands"),
    ):
        refused = cited(carla, "agr-0112-v1", document, **given)
        assert (refused.status_code, why in words(refused)) == (422, True), given
    done = cited(carla, "agr-0112-v1", document, words=SAID)
    page = after(carla, done)
    assert f"{PLACE} : Participation {SAID}" in page
    assert f'href="/documents/{document}/1#page=2"' in carla.get("/contracts/agr-0112-v1").get_data(as_text=True)
    (kept,) = [each for each in every(acting_house, "DocumentReference") if each["id"] == document]
    assert not judge(kept, "DocumentReference")
    where = {"page": 2, "heading": "4.2 Participation"}
    whole = where | {"words": SAID, "document": {"reference": f"DocumentReference/{document}"}}

    def asker(role: str, organization: str) -> Grant:
        return Grant("u1", scopes=only(parse("user/*.rs")), roles=frozenset({role}), organization=organization)

    told = {
        who: clause_of(acting_house, asker(*who))
        for who in (
            ("contracts", "office-fairmont"), ("coordinator", "office-fairmont"), ("coordinator", "office-harborview"),
        )
    }  # fmt: skip
    assert list(told.values()) == [whole, where, {}], "whole to who may read it, where it stands to their office"
    case = acting_house.enter("coordinator").get("/referrals/order-24810").get_data(as_text=True)
    assert (case.count(PLACE), document in case.replace(f'title="DocumentReference/{document}"', "")) == (2, False)
    assert "Zephyr" not in case, "the words of a document are for who may read it"
    assert PLACE not in after(carla, undo(carla, done, opened(carla, "agr-0112-v1", "cite")["csrf"]))
    again = cited(carla, "agr-0112-v1", document, words=SAID, page="2", heading="IV. Networks")
    assert "IV. Networks, page 2" in after(carla, again)
    gone = cited(carla, "agr-0112-v1", document, gone="1")
    assert "Clause named no more" in after(carla, gone)
    assert "IV. Networks" not in words(carla.get("/contracts/agr-0112-v1"))
