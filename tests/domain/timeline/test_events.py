"""What happened is kept as keys and told in words: the sentences that people read on a referral's timeline."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from carecoord.domain.contacts.attempts import NOTE
from carecoord.domain.timeline.events import Event, Teller
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence
from tests.domain.stories import plain
from tests.domain.timeline.logs import logged

AT = "2026-11-20T15:00:00Z"
PERSON = {"reference": "Patient/p"}
CLINIC = {"display": "Riverside Heart"}


def events(kind: str, **resource: Any) -> list[Event]:
    """What the log says of a new resource, told."""
    whole = {"resourceType": kind, "id": "x", **resource}
    teller = Teller(replace(plain().case(), talks=(whole,)), {}, UTC)
    return [event for one in logged(whole) if (event := teller.tell(one))]


def told(kind: str, **resource: Any) -> list[tuple[str, list[str]]]:
    """The same in English, each with what stands beside it."""
    return [(say(event.what), [say(each) for each in event.details]) for event in events(kind, **resource)]


@pytest.mark.parametrize(
    ("medium", "recipient", "said"),
    [
        ("PHONE", [PERSON], "Call to the patient"),
        ("SMSWRIT", [{"reference": "RelatedPerson/r"}], "Text to the family"),
        ("FAXWRIT", [CLINIC, {"display": "Elm Street"}], "Fax to Riverside Heart, Elm Street"),
        ("", [], "Message to the patient"),
    ],
)
def test_a_talk_says_how_and_with_whom(medium: str, recipient: list[Any], said: str) -> None:
    medium_of = [{"coding": [{"code": medium}], "text": medium}] if medium else []
    payload = [{"contentString": "Bring the ECG."}]
    found = told("Communication", status="completed", sent=AT, medium=medium_of, recipient=recipient, payload=payload)
    assert found == [(said, ["Bring the ECG."])]


@pytest.mark.parametrize(
    ("about", "said"), [([], "Note"), ([{"reference": "Task/t"}], "Answer to the clinic's question")]
)
def test_a_note_is_told_as_what_it_is_and_not_as_a_message_to_the_patient(about: list[Any], said: str) -> None:
    note = {"category": [{"coding": [{"system": NOTE[0], "code": NOTE[1]}]}], "about": about}
    payload = [{"contentString": "She takes none."}]
    assert told("Communication", status="completed", sent=AT, payload=payload, **note) == [(said, ["She takes none."])]


@pytest.mark.parametrize(
    ("status", "start", "said"),
    [
        ("booked", "2026-12-04T15:00:00Z", "Visit booked for 4 Dec 2026"),
        ("fulfilled", "2026-12-04T15:00:00Z", "Visit of 4 Dec 2026 took place"),
        ("proposed", "", "Visit proposed for a day to be found"),
    ],
)
def test_a_visit_is_told_with_its_day(status: str, start: str, said: str) -> None:
    found = told("Appointment", status=status, created=AT, **({"start": start} if start else {}))
    assert [what for what, _ in found] == [said]


def test_an_authorization_that_was_sent_says_so_and_for_which_services() -> None:
    services = [{"productOrService": {"text": "Echocardiogram"}}, {"productOrService": {"text": "Consultation"}}]
    assert told("Claim", use="preauthorization", status="active", created=AT, item=services) == [
        ("Authorization submitted", ["Echocardiogram, Consultation"])
    ]
    assert told("Claim", use="preauthorization", status="draft", created=AT) == [("Authorization drafted", [])]


def test_an_answer_says_who_decided_what_under_which_number_and_why() -> None:
    payer = {"display": "Blue Horizon"}
    assert told("ClaimResponse", created=AT, insurer=payer, outcome="queued", disposition="Pending review") == [
        ("Blue Horizon pended the request", ["Pending review"])
    ]
    said = told("ClaimResponse", created=AT, outcome="complete", disposition="Denied.", preAuthRef="AUTH-1")
    assert said == [("The payer denied the request", ["Number AUTH-1", "Denied."])]


def test_a_document_is_called_by_its_own_words_and_one_without_any_by_ours() -> None:
    assert told("DocumentReference", status="current", date=AT, type={"text": "Consult note"}) == [("Consult note", [])]
    assert told("DocumentReference", status="current", date=AT) == [("Document", [])]


def test_our_own_words_are_keys_until_somebody_reads_them() -> None:
    (event,) = events("DocumentReference", status="current", date=AT)
    assert event.what == Sentence("document.unnamed")
