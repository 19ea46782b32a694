"""How far a referral has come, step by step and clinic by clinic: rows written by hand."""

import pytest

from carecoord.domain.referrals.course import course
from tests.domain.stories import Story, answer, appointment, at, book, claim, encounter, order, plain, ref, rule, task


def steps(story: Story) -> str:
    """The state of each step of the lane that the referral is in, by its first letter: d(one), h(ere), l(ater),
    p(assed), n(ot needed)."""
    (lane, *_) = course(story.case(), story.clear(), ())
    return "".join(each.state[0] for each in lane.steps)


def stood(stage: str, status: str, **more: object) -> Story:
    business = {"coding": [{"system": "https://carecoord.example/fhir/CodeSystem/referral-stage", "code": stage}]}
    story = plain().with_(task(status=status, businessStatus=business, **more))
    return story if stage in ("scheduled", "visit-done", "report-received") else story.without("Appointment/visit")


@pytest.mark.parametrize(
    ("stage", "status", "shown"),
    [
        # sent, triage, accepted, authorization (not needed), booked, visit, report, read, told
        ("sent", "requested", "dhlnlllll"),
        ("in-triage", "received", "dhlnlllll"),
        ("awaiting-information", "received", "dhlnlllll"),
        ("accepted", "accepted", "dddnhllll"),
        ("waitlisted", "on-hold", "dddnhllll"),
        ("scheduled", "in-progress", "dddndhlll"),
        ("advice-given", "completed", "dddnnnhll"),
    ],
)
def test_each_stage_stands_at_its_step(stage: str, status: str, shown: str) -> None:
    assert steps(stood(stage, status)) == shown


def test_an_authorization_that_is_waited_for_is_where_it_stands_whoever_has_said_yes() -> None:
    asked = book(rule())
    for status, shown in (("received", "ddphlllll"), ("accepted", "dddhlllll")):
        assert steps(stood("awaiting-authorization", status).with_(asked, claim(sent=-2))) == shown
    granted = stood("accepted", "accepted").with_(asked, claim(sent=-4), answer(start=-5, end=60, decided=-1))
    assert steps(granted) == "ddddhllll"


def test_what_is_left_open_behind_a_later_step_is_shown_as_open_and_not_as_done() -> None:
    seen = plain().with_(book(rule()), appointment(-3, status="fulfilled"), encounter(-3, "seen"))
    assert steps(seen.without("Task/task-1").with_(task(status="accepted")))[3:6] == "pdd"


def test_nobody_tracks_an_order_without_a_task_and_a_draft_was_sent_to_nobody() -> None:
    assert steps(plain().without("Task/task-1", "Appointment/visit")) == "dnnnhllll"
    assert steps(plain().without("Task/task-1", "Appointment/visit").with_(order(status="draft")))[0] == "h"


def test_a_second_clinic_has_a_lane_of_its_own_with_why_it_ended() -> None:
    said = {"status": "rejected", "statusReason": {"text": "No capacity"}, "owner": ref("Organization/other")}
    story = plain().with_(task(2) | said | {"id": "old", "authoredOn": at(-9), "lastModified": at(-8)})
    now, old = course(story.case(), story.clear(), ())
    assert (now.task, old.task, old.stage, old.reason) == ("Task/task-1", "Task/old", "declined", "No capacity")
    assert [each.name for each in old.steps] == ["sent", "triage", "accepted"]
    assert [each.state for each in old.steps] == ["done", "done", "later"]
    assert old.since is not None
    asked = story.with_(task(2) | {"id": "old", "status": "requested", "authoredOn": at(-9), "owner": said["owner"]})
    lanes = course(asked.case(), asked.clear(), ())
    assert {each.task: "".join(step.state[0] for step in each.steps[:3]) for each in lanes}["Task/old"] == "dhl"
