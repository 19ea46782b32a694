"""Which forms a payer reads of a case: marked as disclosed to it, and named by a request that it has or by its own wish
that they fulfilled. Every other combination, written out by hand, is read by nobody there."""

from typing import Any

import pytest

from carecoord.domain.prior_auth.dtr import disclosed

Json = dict[str, Any]
TAG = "https://carecoord.example/fhir/CodeSystem/disclosed-to"
NAME = {"reference": "QuestionnaireResponse/f"}
CLAIM: Json = {"resourceType": "Claim", "id": "c", "insurer": {"reference": "Organization/mine"}}
NAMING = CLAIM | {"supportingInfo": [{"sequence": 1, "valueReference": NAME}]}
WISH: Json = {"resourceType": "Task", "id": "t", "output": [{"type": {"text": "Document"}, "valueReference": NAME}]}


def form(*payers: str) -> Json:
    return {
        "resourceType": "QuestionnaireResponse", "id": "f", "questionnaire": "https://payer.example/forms/mri|2",
        "status": "completed", "authored": "2026-11-22T09:00:00-05:00", "item": [{"linkId": "born"}],
        "meta": {"versionId": "1", "tag": [{"system": TAG, "code": each} for each in payers]},
        "author": {"reference": "Practitioner/reyes"}, "text": {"status": "generated"},
        "subject": {"reference": "Patient/p"}, "basedOn": [{"reference": "ServiceRequest/o"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payers", "claims", "wishes", "reads"),
    [
        (("mine",), [NAMING], [], True),
        (("mine",), [CLAIM], [WISH], True),
        (("mine", "theirs"), [NAMING], [], True),
        (("theirs",), [NAMING], [], False),
        (("theirs",), [CLAIM], [WISH], False),
        ((), [NAMING], [WISH], False),
        (("mine",), [CLAIM], [], False),
        (("mine",), [], [], False),
        (("mine",), [], [WISH], False),
    ],
)
def test_a_form_is_read_by_its_payer_where_it_is_marked_and_went_with_a_request_and_by_nobody_else(
    payers: tuple[str, ...], claims: list[Json], wishes: list[Json], reads: bool
) -> None:
    assert bool(disclosed.forms([form(*payers)], claims, wishes)) is reads


def test_of_a_form_a_payer_reads_what_was_asked_and_answered_and_not_who_wrote_it_here() -> None:
    (read,) = disclosed.forms([form("mine")], [NAMING], [])
    assert set(read) == {"resourceType", "id", "meta", "questionnaire", "status", "authored", "item"}
