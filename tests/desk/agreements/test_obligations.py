"""What the parties of an agreement owe by a day: written down, done with what shows it, owed again."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.fhir.validation.validate import judge
from tests.desk.agreements.test_acts import after, every, opened, send, undo, words
from tests.desk.conftest import House
from tests.domain.documents.files import pdf

pytestmark = pytest.mark.usefixtures("clock")

Json = dict[str, Any]
CLINIC = "Organization/office-stonebridge-pt"


def tasks(house: House) -> list[Json]:
    return [each for each in every(house, "Task") if each.get("focus") == {"reference": "Contract/agr-0115-v1"}]


def test_what_is_owed_is_done_with_what_shows_it_and_owed_again_from_when_it_was_due(
    acting_house: House, carla: FlaskClient
) -> None:
    """The roster is owed on 15 Nov, a week ago, and again every three months."""
    fields = opened(carla, "agr-0115-v1", "oblige")
    lacks = send(carla, "agr-0115-v1", "oblige", fields | {"what": "", "owner": "Organization/x", "due": "15 Nov"})
    assert (lacks.status_code, "Write what is owed." in words(lacks)) == (422, True)
    stranger = {"what": "Roster", "owner": "Organization/office-granite-care", "due": "2026-11-15"}
    refused = send(carla, "agr-0115-v1", "oblige", fields | stranger)
    assert (refused.status_code, "Choose which party owes it." in words(refused)) == (422, True)
    given = {"what": "Roster of clinicians", "owner": CLINIC, "due": "2026-11-15", "months": "3"}
    answer = send(carla, "agr-0115-v1", "oblige", fields | given)
    page = after(carla, answer)
    assert "Owed by 15 Nov 2026: Roster of clinicians" in page
    assert "15 Nov, late Roster of clinicians Stonebridge Physical Therapy, every 3 months" in page

    (task,) = tasks(acting_house)
    assert not judge(task, "Task")
    done = opened(carla, "agr-0115-v1", "fulfil") | {"task": f"Task/{task['id']}", "day": "20 Nov"}
    shown = send(carla, "agr-0115-v1", "fulfil", done)
    assert (shown.status_code, "Say what shows it, or choose a file." in words(shown)) == (422, True)
    paper = {"file": (io.BytesIO(pdf()), "roster.pdf"), "note": "By mail"}
    kept = carla.post("/contracts/agr-0115-v1/fulfil", data=done | paper, content_type="multipart/form-data")
    page = after(carla, kept)
    assert "Done: Roster of clinicians" in page
    assert "15 Feb 2027 Roster of clinicians" in page
    assert "done 20 Nov: By mail" in page
    assert page.index("15 Feb 2027 Roster") < page.index("done 20 Nov")
    first, second = sorted(tasks(acting_house), key=lambda each: each["restriction"]["period"]["end"])
    assert not judge(first, "Task")
    assert (first["status"], first["executionPeriod"], second["status"]) == (
        "completed", {"end": "2026-11-20"}, "requested",
    )  # fmt: skip
    document = first["output"][0]["valueReference"]["reference"].partition("/")[2]
    assert carla.get(f"/documents/{document}/1").data == pdf()
    again = send(carla, "agr-0115-v1", "fulfil", opened(carla, "agr-0115-v1", "fulfil") | {
        "task": f"Task/{first['id']}", "day": "21 Nov", "note": "Twice"})  # fmt: skip
    assert (again.status_code, "done already" in words(again)) == (409, True)


def test_what_an_office_keeps_of_duties_is_no_other_partys_to_see_and_is_taken_back(
    acting_house: House, carla: FlaskClient
) -> None:
    fields = opened(carla, "agr-0116-v1", "oblige")
    given = {"what": "Our own reminder", "owner": "Organization/office-pinnacle", "due": "2027-01-15"}
    answer = send(carla, "agr-0116-v1", "oblige", fields | given)
    assert "Our own reminder" in after(carla, answer)
    assert "Our own reminder" in words(acting_house.enter("rival").get("/contracts/agr-0116-v1"))  # who owes it is told
    assert "Our own reminder" not in after(carla, undo(carla, answer, fields["csrf"])).partition("Taken back")[2]
    assert "Our own reminder" not in words(acting_house.enter("rival").get("/contracts/agr-0116-v1"))
