"""A case is judged by what is read of its Tasks, and by nothing else that they say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from carecoord.domain.clearance.clearance import clear
from carecoord.domain.clearance.task_elements import READ, is_news, seen
from carecoord.domain.prior_auth.desk.row import rows
from carecoord.domain.referrals.case import OtherOrder, belongs
from carecoord.domain.worklist.judgement import judged
from tests.domain.clearance.test_clearance import stories
from tests.domain.stories import NOW, POLICY, coded, order, plain, ref, task

Json = dict[str, Any]
TALK: Json = {  # of R4's elements of a Task all that READ lacks
    "implicitRules": "https://elm.example/rules", "language": "en", "text": {"status": "generated", "div": "<div/>"},
    "contained": [{"resourceType": "Organization", "id": "x"}], "extension": [{"url": "https://elm.example/x"}],
    "modifierExtension": [{"url": "https://elm.example/y"}], "instantiatesCanonical": "https://elm.example/activity",
    "instantiatesUri": "https://elm.example/protocol", "groupIdentifier": {"value": "G-1"}, "intent": "plan",
    "priority": "stat", "description": "Call them on Monday", "encounter": ref("Encounter/seen"),
    "executionPeriod": {"start": "2026-11-01"}, "performerType": [coded("http://snomed.info/sct", "394579002")],
    "location": ref("Location/site-b"), "reasonCode": {"text": "Cancelled by the patient"},
    "insurance": [ref("Coverage/card-2")], "note": [{"text": "No show, wait list, declined"}],
    "relevantHistory": [ref("Provenance/x")],
}  # fmt: skip


def talking(tasks: tuple[Json, ...], version: str) -> tuple[Json, ...]:
    meta = {"versionId": version, "lastUpdated": "2026-11-22T14:00:00Z"}
    return tuple(each | TALK | {"meta": meta} for each in tasks)


@given(stories())
@settings(max_examples=40, deadline=None)
def test_the_rows_of_a_case_are_the_same_whatever_else_its_tasks_say(story) -> None:
    case = story.case()
    others = tuple(replace(each, tasks=talking(each.tasks, "7")) for each in case.others)
    quiet, loud = case, replace(case, tasks=talking(case.tasks, "7"), others=others)
    one, other = (judged("sr", each, NOW, POLICY) for each in (quiet, loud))
    assert one.row == other.row
    assert rows([one], POLICY) == rows([other], POLICY)


def test_a_case_is_judged_by_tasks_that_hold_no_more_than_is_read_and_names_their_version() -> None:
    story = plain()
    case = replace(story.case(), tasks=talking((task(1, "requested", "sent"),), "7"), appointments=())
    held = seen(case)
    assert [each.keys() <= READ for each in held.tasks] == [True]
    assert seen(held) is held
    assert judged("sr", case, NOW, POLICY).case is held
    (proof,) = clear(case, NOW, POLICY).gate("appointment").evidence
    assert (proof.reference, proof.version, proof.element) == ("Task/task-1", "7", "Task.businessStatus")


def test_the_tasks_of_the_patients_other_orders_hold_no_more_either() -> None:
    other = OtherOrder(order(id="sr2"), tasks=talking((task(2),), "3"))
    (held,) = seen(replace(plain().case(), others=(other,))).others
    assert held.tasks[0].keys() <= READ
    assert held.order is other.order


@pytest.mark.parametrize(
    ("change", "news"),
    [
        *((({name: value}), False) for name, value in TALK.items()),
        ({"meta": {"versionId": "4", "lastUpdated": "2026-11-22T15:00:00Z"}}, False),
        ({"meta": {"source": "https://elm.example/fhir/Task/9"}}, True),
        ({"status": "in-progress"}, True),
        ({"businessStatus": coded("https://carecoord.example/fhir/CodeSystem/referral-stage", "scheduled")}, True),
        ({"lastModified": "2026-11-22"}, True),
        ({"owner": ref("Organization/group-2")}, True),
        ({"restriction": {"period": {"end": "2026-11-30"}}}, True),
        ({"output": [{"type": {"text": "report"}, "valueReference": ref("DocumentReference/doc")}]}, True),
    ],
)
def test_a_new_version_is_news_to_its_case_where_something_that_is_read_differs(change: Json, news: bool) -> None:
    assert is_news(task(), task() | change) is news


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({}, True),
        ({"focus": ref("ServiceRequest/sr2"), "basedOn": []}, False),
        ({"focus": ref("ServiceRequest/sr2")}, True),
        ({"focus": ref("ServiceRequest/sr2"), "basedOn": [], "identifier": order()["identifier"]}, True),
        ({"focus": ref("ServiceRequest/sr2"), "basedOn": [], "identifier": order()["identifier"],
          "for": ref("Patient/pat-2")}, False),
    ],
)  # fmt: skip
def test_a_task_belongs_to_an_order_that_it_names_or_shares_an_identifier_with(change: Json, part: bool) -> None:
    assert belongs(task() | change, order()) is part
