"""We as client of a payer's PAS: a clinic's server and a payer's over HTTP, on both databases. Keys are those of PAS
2.2.1's requirements."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from auth import store
from carecoord.actions.acts.act import Submission
from carecoord.actions.prior_auth import request_acts
from carecoord.actions.prior_auth.pas_client import payers
from carecoord.actions.prior_auth.request_acts import Answered
from carecoord.domain.prior_auth.clinic.asked import Wish
from carecoord.domain.prior_auth.desk import answers as desk
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.domain.prior_auth.pas import heard
from carecoord.errors import Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import reading, writing
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


def test_a_payer_that_is_away_loses_nothing_and_its_clock_begins_when_it_has_the_request(both: Pair) -> None:
    both.clinic.put(*request("r1"), *request("r2"))
    both.work()
    both.payer.stop()
    both.send("r1")
    both.send("r2")
    for _ in range(4):
        both.hasten()
        both.clinic.work()
    with reading(both.clinic.world.engine) as conn:
        standing = payer_endpoints.one(conn, "insurer")
    assert standing is not None
    assert (standing.trouble, standing.rests is not None, both.sending("r1").state) == ("away", True, "waiting")
    row = state(both, "r1")
    assert (row.state, row.due, row.office_clock) == ("submitted", None, "send")
    both.payer.clock.ahead = both.clinic.clock.ahead = timedelta(hours=30)
    both.payer.start()
    both.hasten()
    both.work()
    assert len(both.payer.held("Claim")) == 2
    row, now = state(both, "r1"), micros(both.clinic.world.clock())
    assert now - row.received < 60_000_000, "it came 30 hours after it was sent"
    assert row.office_clock == "decision"
    with reading(both.clinic.world.engine) as conn:
        standing = payer_endpoints.one(conn, "insurer")
    assert standing is not None
    assert (standing.trouble, standing.failures) == ("", 0)


def test_what_was_withdrawn_before_it_left_never_reaches_the_payer(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.work()
    both.send("r1")
    said = Submission(request_acts.about("r1"), "end")
    request_acts.withdraw(both.clinic.world, MARIA, "test", said, "Not wanted")
    both.work()
    assert (both.sending("r1").state, both.payer.held("Claim")) == ("dropped", [])


def test_an_update_names_the_request_before_it_with_all_its_lines_spec_66_spec_68(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.send("r1")
    both.work()
    (there,) = both.payer.held("Claim")
    in_part(both, there)
    both.work()
    said = Submission(request_acts.about("r1"), "more")
    request_acts.extend(both.clinic.world, MARIA, "test", said, Wish(units=10, why="It takes longer."))
    both.work()
    first, update = both.payer.held("Claim")
    assert update["related"][0]["claim"] == {"reference": f"Claim/{first['id']}"}
    assert update["item"][0]["quantity"]["value"] == 10
    marks = [each["valueCode"] for each in update["item"][0]["extension"] if each["url"].endswith("infoChanged")]
    assert marks == ["changed"]
    assert state(both, "r1").state == "pended"


def test_a_refusal_of_the_payers_server_is_told_and_the_request_goes_another_way(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.work()
    with writing(both.payer.world.engine) as conn:
        store.change_client(conn, replace(store.find_client(conn, "fairmont"), roles=frozenset({"auditor"})))  # type: ignore[type-var]
    both.send("r1")
    both.work()
    sent = both.sending("r1")
    assert (sent.state, sent.trouble) == ("refused", "refused")
    assert (state(both, "r1").office_clock, both.payer.held("Claim")) == ("send", [])
    both.send("r1", "again", "fax")
    row = state(both, "r1")
    assert (row.state, row.office_clock) == ("submitted", "decision")


def test_a_request_that_lacks_what_a_payer_needs_is_not_sent(both: Pair) -> None:
    draft = request("r1")
    for each in draft:
        each.pop("identifier", None) if each["resourceType"] in ("Patient", "Coverage") else None
        each.pop("subscriberId", None)
    both.clinic.put(*draft)
    with pytest.raises(Unprocessable) as refused:
        both.send("r1")
    assert refused.value.text == "It can not go by PAS yet. What lacks: the number on the patient's card."
    payers.remove(both.clinic.world, "insurer")
    with pytest.raises(Unprocessable, match="takes no requests by PAS"):
        both.send("r1", "other")


def notice(both: Pair, body: bytes, secret: str = "wrong", payer: str = "insurer") -> int:
    url = f"{both.clinic.world.settings.url}/pas/notices/{payer}"
    sent = {"Authorization": f"Bearer {secret}", "Content-Type": "application/fhir+json"}
    return requests.post(url, body, headers=sent, timeout=10).status_code


def test_a_notice_proves_whose_it_is_and_opens_nothing_of_anothers(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.send("r1")
    both.work()
    assert notice(both, b"{}") == 401
    assert notice(both, b"{}", payer="nobody") == 401
    digest = hashlib.sha256(b"known").digest()
    with writing(both.clinic.world.engine) as conn:
        payer_endpoints.subscribed(conn, "insurer", secret=digest, state="active")
    assert notice(both, b'{"resourceType": "Bundle"}', "known") == 400
    both.clinic.put(*request("r9"))  # a request that this payer does not have from us
    body = json.dumps(event(both, "r9")).encode()
    assert (notice(both, body, "known"), answers(both, "r9")) == (200, [])
    body = json.dumps(event(both, "r1")).encode()
    before = len(answers(both, "r1"))
    for _ in range(3):  # it comes again: nothing changes by it
        assert notice(both, body, "known") == 200
    assert len(answers(both, "r1")) == before + 1
    assert state(both, "r1").state == "approved"


def event(both: Pair, claim: str) -> Json:
    """A notice that a request is approved."""
    base = both.clinic.world.settings.fhir_url
    review = {"category": {"text": "submitted"}, "extension": [{"url": REVIEW, "extension": [
        {"url": f"{REVIEW}Code", "valueCodeableConcept": {
            "coding": [{"system": "https://codesystem.x12.org/005010/306", "code": "A1"}]}},
        {"url": "number", "valueString": "A-1"}]}]}  # fmt: skip
    answer = {
        "resourceType": "ClaimResponse", "id": "x", "status": "active", "use": "preauthorization",
        "outcome": "complete", "type": {"coding": [{"code": "professional"}]}, "created": "2030-01-01T10:00:00Z",
        "patient": {"reference": "http://elsewhere.example/Patient/1"}, "insurer": {"display": "Somebody"},
        "request": {"reference": f"{base}/Claim/{claim}"},
        "item": [{"itemSequence": 1, "adjudication": [review]}],
    }  # fmt: skip
    status = {"resourceType": "Parameters", "parameter": [
        {"name": "subscription", "valueReference": {"reference": "http://payer.example/Subscription/1"}},
        {"name": "status", "valueCode": "active"}, {"name": "type", "valueCode": "event-notification"},
        {"name": "events-since-subscription-start", "valueString": "1"},
        {"name": "notification-event", "part": [
            {"name": "event-number", "valueString": "1"},
            {"name": "focus", "valueReference": {"reference": "http://payer.example/Bundle/1"}}]}]}  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "collection",
              "entry": [{"fullUrl": "http://payer.example/ClaimResponse/x", "resource": answer}]}  # fmt: skip
    return {"resourceType": "Bundle", "type": "history", "entry": [
        {"fullUrl": "http://payer.example/Subscription/1/$status", "resource": status},
        {"fullUrl": "http://payer.example/Bundle/1", "resource": bundle}]}  # fmt: skip


def test_a_lost_notice_is_made_good_by_an_inquiry_spec_43_spec_46(both: Pair) -> None:
    both.clinic.put(*request("r1"))
    both.send("r1")
    both.work()
    (there,) = both.payer.held("Claim")
    both.clinic.stop()
    decide(both, there, "A1", "AUTH-5")
    both.payer.work()
    assert state(both, "r1").state == "pended"
    both.hasten()
    both.clinic.work()
    assert (state(both, "r1").state, state(both, "r1").number) == ("approved", "AUTH-5")
    assert both.sending("r1").asked is not None


def test_a_payer_on_the_older_guide_takes_a_request_on_its_own_base_and_says_how_it_stands_conf_1(both: Pair) -> None:
    older = replace(both.endpoint, url=f"{both.payer.world.settings.fhir_url}/pas-2.0.1", version="2.0.1")
    payers.add(both.clinic.world, older)
    told = payers.examine(both.clinic.world, "insurer")
    assert told["operations"][:2] == ["submit", "inquire"]
    both.clinic.put(*request("r1"))
    both.send("r1")
    both.work()
    (answer,) = answers(both, "r1")
    assert (answer["outcome"], state(both, "r1").state) == ("queued", "pended"), "2.0.1 says so of what pends"
    (there,) = both.payer.held("Claim")
    decide(both, there, "A1", "AUTH-5")
    both.payer.work()
    both.hasten()
    both.clinic.work()
    assert (state(both, "r1").state, state(both, "r1").number) == ("approved", "AUTH-5")


def test_what_a_payer_answers_is_read_from_its_metadata(both: Pair) -> None:
    told = payers.examine(both.clinic.world, "insurer")
    assert told["operations"][:3] == ["submit", "inquire", "submit-attachment"]
    assert (told["fhir"], told["subscribes"]) == ("4.0.1", True)


def test_both_names_of_an_inquirys_answers_are_read_the_guides_and_its_examples() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection"}
    for name in ("return", "responseBundle"):
        parameters = {"resourceType": "Parameters", "parameter": [{"name": name, "resource": bundle}]}
        assert heard.bundles(parameters) == [bundle]
    assert heard.bundles(bundle) == [bundle]
