"""Issue 7, 3: what a change of a resource means, as codes: kind, states before and after, when by its own account."""

from typing import Any

from carecoord.domain.timeline.changes import Occurrence, changes

STAGE = "https://carecoord.example/fhir/CodeSystem/referral-stage"
CLINIC = {"reference": "Organization/heart", "display": "Heart Clinic"}
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"

Json = dict[str, Any]


def brief(happened: list[Occurrence]) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.before, each.state, each.at) for each in happened]


def task(stage: str, status: str, **more: Any) -> Json:
    said = {"coding": [{"system": STAGE, "code": stage}]}
    return {"resourceType": "Task", "id": "t", "status": status, "businessStatus": said, "owner": CLINIC,
            "authoredOn": "2026-11-02T09:00:00Z", **more}  # fmt: skip


def test_a_task_that_is_new_was_sent_when_it_was_written_and_has_come_where_it_is_since() -> None:
    new = task("scheduled", "in-progress", lastModified="2026-11-09T10:00:00Z")
    assert brief(changes(None, new)) == [
        ("stage", "", "sent", "2026-11-02T09:00:00Z"),
        ("stage", "sent", "scheduled", "2026-11-09T10:00:00Z"),
    ]
    assert changes(None, new)[0].payload == {"who": CLINIC}


def test_a_draft_was_not_sent() -> None:
    draft, sent = task("draft", "draft"), task("sent", "requested", lastModified="2026-11-03T08:00:00Z")
    assert brief(changes(None, draft)) == [("stage", "", "draft", "2026-11-02T09:00:00Z")]
    assert brief(changes(draft, sent)) == [("stage", "draft", "sent", "2026-11-03T08:00:00Z")]


def test_a_stage_is_left_at_the_time_that_the_task_says_and_never_at_that_of_the_change_before() -> None:
    was = task("scheduled", "in-progress", lastModified="2026-11-09T10:00:00Z")
    now = task("no-show", "in-progress", lastModified="2026-11-20T10:00:00Z")
    stale = task("no-show", "in-progress", lastModified="2026-11-09T10:00:00Z")
    assert brief(changes(was, now)) == [("stage", "scheduled", "no-show", "2026-11-20T10:00:00Z")]
    assert brief(changes(was, stale)) == [("stage", "scheduled", "no-show", "")]


def test_a_decline_carries_its_reason() -> None:
    was = task("sent", "requested")
    now = task("declined", "rejected", statusReason={"text": "No capacity"}, lastModified="2026-11-05T00:00:00Z")
    (happened,) = changes(was, now)
    assert (happened.before, happened.state, happened.reason) == ("sent", "declined", "No capacity")


def test_a_change_that_leaves_the_state_is_told_with_the_elements_it_touched() -> None:
    was = task("sent", "requested")
    now = {**was, "note": [{"text": "called"}], "owner": {"reference": "Organization/other"}}
    (happened,) = changes(was, now)
    assert (happened.kind, happened.before, happened.state, happened.at) == ("stage", "sent", "sent", "")
    assert happened.payload == {"who": {"reference": "Organization/other"}, "changed": ["note", "owner"]}


def test_what_is_deleted_is_said_to_be_and_what_comes_back_begins_anew() -> None:
    one = task("sent", "requested")
    assert brief(changes(one, None)) == [("stage", "sent", "deleted", "")]
    assert brief(changes(None, one)) == [("stage", "", "sent", "2026-11-02T09:00:00Z")]
    assert changes(None, None) == []


def test_the_tasks_beside_the_course_are_asked_and_done() -> None:
    tell = {"coding": [{"system": "https://carecoord.example/fhir/CodeSystem/referral-task", "code": "tell-patient"}]}
    one = {"resourceType": "Task", "id": "e", "status": "requested", "code": tell, "partOf": [{"reference": "Task/t"}],
           "authoredOn": "2026-11-10"}  # fmt: skip
    assert brief(changes(None, one)) == [("errand", "", "asked", "2026-11-10")]
    assert changes(None, one)[0].payload == {"errand": "tell"}
    assert brief(changes(one, {**one, "status": "completed", "lastModified": "2026-11-12"})) == [
        ("errand", "asked", "done", "2026-11-12")
    ]
    assert brief(changes(None, {**one, "status": "completed"})) == [
        ("errand", "", "asked", "2026-11-10"),
        ("errand", "asked", "done", "2026-11-10"),
    ]


def claim(**more: Any) -> Json:
    lines = [{"productOrService": {"text": "Echocardiogram"}}]
    return {"resourceType": "Claim", "id": "c", "use": "preauthorization", "status": "active", "created": "2026-11-04",
            "item": lines, **more}  # fmt: skip


def test_a_request_for_authorization_is_drafted_submitted_and_closed() -> None:
    stat = {"coding": [{"code": "stat"}]}
    assert brief(changes(None, claim(priority=stat))) == [("authorization", "", "submitted", "2026-11-04")]
    assert changes(None, claim(priority=stat))[0].payload == {
        "fast": True, "services": ["Echocardiogram"], "metric": {"asks": "submit"},
    }  # fmt: skip
    draft = claim(status="draft", created="2026-11-03")
    assert brief(changes(None, draft)) == [("authorization", "", "draft", "2026-11-03")]
    assert brief(changes(draft, claim())) == [("authorization", "draft", "submitted", "2026-11-04")]
    assert brief(changes(claim(), claim(status="cancelled"))) == [("authorization", "submitted", "cancelled", "")]


def test_a_claim_for_payment_is_no_matter_of_the_log() -> None:
    assert changes(None, claim(use="claim")) == []
    assert changes(None, {"resourceType": "Observation", "id": "o", "status": "final"}) == []


def answer(code: str, **more: Any) -> Json:
    said = {"coding": [{"system": "https://codesystem.x12.org/005010/306", "code": code}]}
    review = {"url": f"{PAS}/extension-reviewAction", "extension": [
        {"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": said},
        {"url": "number", "valueString": "AUTH-7"},
    ]}  # fmt: skip
    return {"resourceType": "ClaimResponse", "id": "a", "status": "active", "outcome": "complete", "use":
            "preauthorization", "created": "2026-11-06T15:00:00Z", "insurer": {"reference": "Organization/payer"},
            "item": [{"itemSequence": 1, "adjudication": [{"extension": [review]}]}], **more}  # fmt: skip


def test_a_payers_answer_is_its_decision_with_its_number() -> None:
    (happened,) = changes(None, answer("A1"))
    assert (happened.kind, happened.before, happened.state, happened.at) == (
        "authorization", "", "approved", "2026-11-06T15:00:00Z",
    )  # fmt: skip
    assert happened.payload == {
        "who": {"reference": "Organization/payer"}, "number": "AUTH-7", "metric": {"outcome": "approved"},
    }  # fmt: skip
    again = answer("A3", created="2026-11-08T09:00:00Z", disposition="Not needed")
    (turned,) = changes(answer("A4"), again)
    assert (turned.before, turned.state, turned.at) == ("pended", "denied", "2026-11-08T09:00:00Z")
    assert turned.reason == "Not needed"


def test_an_answer_taken_back_is_no_approval_any_more_and_its_day_is_not_that_of_the_approval() -> None:
    assert brief(changes(answer("A1"), answer("A1", status="cancelled"))) == [
        ("authorization", "approved", "withdrawn", "")
    ]
    assert brief(changes(None, answer("A1", status="cancelled"))) == [
        ("authorization", "", "approved", "2026-11-06T15:00:00Z"),
        ("authorization", "approved", "withdrawn", ""),
    ]


def visit(status: str, **more: Any) -> Json:
    site = {"reference": "Location/l", "display": "Heart Clinic"}
    return {"resourceType": "Appointment", "id": "v", "status": status, "start": "2026-12-08T15:00:00Z", "created":
            "2026-11-07", "participant": [{"actor": {"reference": "Patient/p"}}, {"actor": site}], **more}  # fmt: skip


def test_a_visit_is_booked_when_it_was_made_and_missed_on_its_day() -> None:
    (booked,) = changes(None, visit("booked"))
    assert (booked.kind, booked.state, booked.at) == ("visit", "booked", "2026-11-07")
    assert booked.payload == {
        "start": "2026-12-08T15:00:00Z", "at": [{"reference": "Location/l", "display": "Heart Clinic"}],
    }  # fmt: skip
    assert brief(changes(visit("booked"), visit("noshow"))) == [("visit", "booked", "noshow", "2026-12-08T15:00:00Z")]


def test_a_visit_is_not_cancelled_on_the_day_it_was_booked() -> None:
    cancelled = visit("cancelled", cancelationReason={"text": "Patient ill"})
    (happened,) = changes(visit("booked"), cancelled)
    assert (happened.before, happened.state, happened.at, happened.reason) == (
        "booked", "cancelled", "", "Patient ill",
    )  # fmt: skip


def test_a_visit_that_moves_says_from_where() -> None:
    (happened,) = changes(visit("booked"), visit("booked", start="2026-12-15T15:00:00Z"))
    assert (happened.before, happened.state) == ("booked", "booked")
    assert happened.payload["was"] == "2026-12-08T15:00:00Z"
    assert happened.payload["start"] == "2026-12-15T15:00:00Z"


def test_a_corrected_date_tells_the_beginning_anew() -> None:
    was = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {"text": "Echo"}}
    assert brief(changes(None, was)) == [("document", "", "here", "")]
    assert brief(changes(was, {**was, "issued": "2026-11-21T08:00:00Z"})) == [
        ("document", "", "here", "2026-11-21T08:00:00Z"),
        ("document", "here", "here", ""),
    ]


def test_a_talk_that_is_being_prepared_has_not_taken_place() -> None:
    call = {"resourceType": "Communication", "id": "k", "status": "preparation"}
    assert brief(changes(None, call)) == [("talk", "", "preparation", "")]
    done = {**call, "status": "completed", "sent": "2026-11-11T10:00:00Z"}
    assert brief(changes(call, done)) == [("talk", "preparation", "done", "2026-11-11T10:00:00Z")]
    assert brief(changes(None, {**call, "status": "not-done"})) == [("talk", "", "failed", "")]


def test_notice_on_a_contract_is_given_on_its_day() -> None:
    url = "https://carecoord.example/fhir/StructureDefinition/notice-given"
    was = {"resourceType": "Contract", "id": "k", "status": "executed", "issued": "2026-01-01",
           "identifier": [{"system": "https://carecoord.example/id/agreement", "value": "A-7"}]}  # fmt: skip
    now = {**was, "extension": [{"url": url, "valueDate": "2026-10-01"}], "applies": {"end": "2026-12-31"}}
    assert brief(changes(None, was)) == [("agreement", "", "executed", "2026-01-01")]
    assert brief(changes(was, now)) == [
        ("agreement", "executed", "executed", ""),
        ("agreement", "executed", "notice", "2026-10-01"),
    ]
    assert changes(was, now)[1].payload == {"number": "A-7", "ends": "2026-12-31"}


def test_a_resource_of_the_wrong_shape_stops_nothing() -> None:
    for kind in ("Task", "Claim", "ClaimResponse", "Appointment", "Communication", "Contract", "ServiceRequest",
                 "DocumentReference", "DiagnosticReport", "CoverageEligibilityResponse"):  # fmt: skip
        odd = {"resourceType": kind, "use": "preauthorization", "status": 7, "item": "x", "participant": {"actor": 1},
               "code": [], "owner": "somebody", "extension": None, "identifier": {}, "insurance": 3}  # fmt: skip
        assert changes(None, odd)
        assert changes({"resourceType": kind, "use": "preauthorization"}, odd)
