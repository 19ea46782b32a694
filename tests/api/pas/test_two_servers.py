"""We as client of a payer's PAS: a clinic's server and a payer's over HTTP, on both databases. Keys are those of PAS
2.2.1's requirements."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.actions.acts.act import Submission
from carecoord.actions.prior_auth import request_acts
from carecoord.actions.prior_auth.request_acts import Answered
from carecoord.domain.prior_auth.desk import answers as desk
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import payer_endpoints
from carecoord.store.prior_auth.tables import authorization_row
from tests.api.pas.two_servers import CLERK, MARIA, Pair, pair, request

Json = dict[str, Any]
REVIEW = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewAction"
CODES = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def both(request: pytest.FixtureRequest, new_database: Callable[[str], str], tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, new_database(request.param), new_database(request.param)) as found:
        yield found


def decide(both: Pair, claim: Json, code: str, number: str = "", **more: Any) -> Json:
    """The payer's system decides every line of a request."""
    said: list[Json] = [{"url": f"{REVIEW}Code", "valueCodeableConcept": {
        "coding": [{"system": "https://codesystem.x12.org/005010/306", "code": code}]}}]  # fmt: skip
    said += [{"url": "number", "valueString": number}] if number else []
    review = {"category": {"text": "submitted"}, "extension": [{"url": REVIEW, "extension": said}]}
    answer = {
        "resourceType": "ClaimResponse", "status": "active", "use": "preauthorization", "outcome": "complete",
        "type": claim["type"], "patient": claim["patient"], "insurer": claim["insurer"],
        "created": both.payer.world.clock().isoformat(timespec="seconds"),
        "request": {"reference": f"Claim/{claim['id']}"},
        "item": [{"itemSequence": each["sequence"], "adjudication": [review]} for each in claim["item"]],
        **({"preAuthRef": number} if number else {}),
    } | more  # fmt: skip
    made = both.payer.call("POST", "ClaimResponse", answer, CLERK)
    assert made.status_code == 201, made.text
    return dict(made.json())


def answers(both: Pair, claim: str) -> list[Json]:
    found = [each for each in both.clinic.held("ClaimResponse") if each["request"]["reference"] == f"Claim/{claim}"]
    return sorted(found, key=lambda each: str(each["created"]))


def test_a_request_is_sent_by_the_worker_once_and_its_pended_answer_stands_here_spec_7(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.send("r1")
    assert both.payer.held("Claim") == [], "nothing goes in the act's own transaction"
    assert both.sending("r1").state == "waiting"
    both.work()
    assert both.sending("r1").state == "answered"
    (there,) = both.payer.held("Claim")
    assert there["identifier"][0]["value"] == "Q-r1"
    (answer,) = answers(both, "r1")
    number = next(each["valueString"] for each in answer["item"][0]["extension"]
                  if each["url"].endswith("administrationReferenceNumber"))  # fmt: skip
    assert number.startswith("P-")
    assert answer["patient"] == {"reference": "Patient/p-r1"}
    both.hasten()
    both.work()
    assert len(both.payer.held("Claim")) == 1
    assert len(answers(both, "r1")) == 1


def ask_for(both: Pair, claim: Json, loinc: str = "11488-4") -> None:
    """The payer's system asks for a paper with a request, and says that it still pends."""
    task = {
        "resourceType": "Task", "status": "requested", "intent": "order", "for": claim["patient"],
        "code": {"coding": [{"system": CODES, "code": "attachment-request-code"}]}, "requester": claim["insurer"],
        "owner": claim["provider"], "reasonReference": {"reference": f"Claim/{claim['id']}"},
        "restriction": {"period": {"end": "2026-12-10T17:00:00-05:00"}},
        "input": [{"type": {"coding": [{"system": CODES, "code": "attachments-needed"}]},
                   "valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": loinc}]}}],
    }  # fmt: skip
    made = both.payer.call("POST", "Task", task, CLERK)
    assert made.status_code == 201, made.text
    decide(both, claim, "A4")


def state(both: Pair, root: str) -> Any:
    """The clinic's row of a request."""
    with reading(both.clinic.world.engine) as conn:
        return conn.execute(select(authorization_row).where(authorization_row.c.root == f"Claim/{root}")).one()


def in_part(both: Pair, claim: Json, units: int = 4) -> None:
    """The payer approves a part of the six visits, as its desk writes it."""
    now = both.payer.world.clock()
    answer = desk.answered("", claim, [Choice(1, "modify", units=units)], "AUTH-77", now)
    made = both.payer.call("POST", "ClaimResponse", {k: v for k, v in answer.items() if k != "id"}, CLERK)
    assert made.status_code == 201, made.text


def test_the_full_circle_from_a_draft_to_a_part_that_is_approved(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.work()
    with reading(both.clinic.world.engine) as conn:
        standing = payer_endpoints.one(conn, "insurer")
    assert standing is not None
    assert (standing.state, bool(standing.subscription)) == ("active", True), "the handshake came spec-55"
    both.send("r1")
    both.work()
    assert state(both, "r1").state == "pended"
    (there,) = both.payer.held("Claim")
    ask_for(both, there)
    both.work()
    assert (state(both, "r1").state, state(both, "r1").info_due is not None) == ("asked", True)
    said = Submission(request_acts.about("r1"), "answer-r1")
    request_acts.answer(both.clinic.world, MARIA, "test", said, Answered(("note-r1",)))
    both.work()
    (task,) = [each for each in both.payer.held("Task") if "reasonReference" in each]
    assert task["status"] == "completed"
    (paper,) = both.payer.held("DocumentReference")
    assert paper["content"][0]["attachment"]["data"] == "VGhlIGtuZWUgbG9ja3Mu"
    in_part(both, there)
    both.work()
    row = state(both, "r1")
    assert (row.state, row.number, row.authorized) == ("modified", "AUTH-77", "4")
    assert len(both.payer.held("Claim")) == 1
