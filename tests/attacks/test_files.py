"""Nothing names its way to a file (security.md 1): an office may write what it likes into what is its own, and what it
writes there opens no file of anybody else's, neither at the desk nor to the EHR that it is told to."""

import base64
import json
from typing import Any, Final

import pytest

from tests.attacks.fort import ORGANIZATIONS, Fort

WORD: Final = "Vexilloid"  # in the file
FILE: Final = "Binary/fil7-file"
OFFICE: Final = {"reference": f"Organization/{ORGANIZATIONS['outsider']}"}
CHILD: Final = "https://carecoord.example/fhir/CodeSystem/referral-task"
INDEX: Final = {"coding": [{"system": CHILD, "code": "index-document"}]}


@pytest.fixture(scope="module")
def filed(fort: Fort) -> Fort:
    """The server with a file that is attached to a document of a house in which nobody of the story works."""
    fort.put(
        {"resourceType": "Organization", "id": "fil7-clinic", "name": "Fil Clinic"},
        {"resourceType": "Patient", "id": "fil7-patient",
         "managingOrganization": {"reference": "Organization/fil7-clinic"}},
        {"resourceType": "Patient", "id": "fil7-own", "managingOrganization": OFFICE},
        {"resourceType": "Binary", "id": "fil7-file", "contentType": "text/plain",
         "data": base64.b64encode(WORD.encode()).decode()},
        {"resourceType": "DocumentReference", "id": "fil7-document", "status": "current",
         "subject": {"reference": "Patient/fil7-patient"}, "content": [{"attachment": {"url": FILE}}]},
    )  # fmt: skip
    assert WORD in base64.b64decode(fort.ask("GET", FILE, fort.token()).json()["data"]).decode()
    assert fort.ask("GET", FILE, fort.of("outsider")).status_code == 404
    return fort


def to_index(id: str, file: str = FILE) -> dict[str, Any]:
    """The Task of the outsider's office to say whom a document is about that came in."""
    return {
        "resourceType": "Task", "id": id, "status": "requested", "intent": "order", "code": INDEX, "owner": OFFICE,
        "requester": OFFICE, "authoredOn": "2026-11-20T10:00:00Z",
        "input": [{"type": {"text": "Document"}, "valueReference": {"reference": file}}],
    }  # fmt: skip


NAMING: Final = {
    "a Task's input": to_index("fil7-naming"),
    "a Task's input, by our address": to_index("fil7-naming", f"{{fhir}}/{FILE}"),
    "a message's attachment": {
        "resourceType": "Communication", "id": "fil7-naming", "status": "completed", "sender": OFFICE,
        "subject": {"reference": "Patient/fil7-own"}, "payload": [{"contentAttachment": {"url": FILE}}]},
    "a contained document": {
        **to_index("fil7-naming"), "input": [{"type": {"text": "Document"}, "valueReference": {"reference": "#in"}}],
        "contained": [{"resourceType": "DocumentReference", "id": "in", "status": "current",
                       "content": [{"attachment": {"url": FILE}}]}]},
}  # fmt: skip


@pytest.mark.parametrize("how", NAMING)
def test_nobody_names_a_file_that_they_do_not_see(filed: Fort, how: str) -> None:
    """What is told to an EHR takes the files along that it names; a page opens what a Task asks to index."""
    said = json.loads(json.dumps(NAMING[how]).replace("{fhir}", filed.world.settings.fhir_url))
    answer = filed.ask("PUT", f"{said['resourceType']}/{said['id']}", filed.of("outsider"), said)
    assert answer.status_code == 403, answer.text
    never = filed.ask("PUT", f"{said['resourceType']}/{said['id']}", filed.of("outsider"),
                      json.loads(json.dumps(said).replace("fil7-file", "fil7-none")))  # fmt: skip
    assert never.text == answer.text.replace("fil7-file", "fil7-none")


def test_a_page_opens_no_file_that_a_task_merely_names(filed: Fort) -> None:
    """A Task may have come by a service, or before this was refused: the file is another document's all the same."""
    filed.put(to_index("fil7-planted"))
    browser = filed.enter("outsider")
    for path in ("/referrals/new/file/fil7-planted", "/referrals/new?document=fil7-planted"):
        page = browser.get(filed.url + path, timeout=60)
        assert page.status_code == 404, path
        assert WORD not in page.text


def test_who_changes_something_else_keeps_the_files_that_were_named(filed: Fort) -> None:
    filed.put({**to_index("fil7-kept"), "code": {"text": "Look at this"}})
    held = filed.ask("GET", "Task/fil7-kept", filed.of("outsider")).json()
    answer = filed.ask("PUT", "Task/fil7-kept", filed.of("outsider"), {**held, "description": "By Friday"})
    assert answer.status_code == 200, answer.text
