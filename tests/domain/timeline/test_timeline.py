"""Issue 7, 3: what happened to a case is read from the log, newest first; a payer hears of it no more than before."""

from dataclasses import replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.access import payer_view
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.resource.elements import key
from carecoord.domain.resource.parties import directory
from carecoord.domain.timeline.timeline import Event, timeline
from carecoord.store.events.log import Entry
from carecoord.words.catalogue import say
from tests.domain.stories import (
    NOW,
    POLICY,
    answer,
    appointment,
    at,
    book,
    claim,
    contract,
    document,
    eligibility,
    order,
    plain,
    ref,
    rule,
    task,
    wish,
)
from tests.domain.timeline.logs import logged, together

Json = dict[str, Any]
ZONE = ZoneInfo("America/New_York")


def happened(log: list[Entry], *present: Json, agreement: str = "") -> list[Event]:
    case = plain().with_(*present).case()
    known = directory([*case.organizations, *case.locations, *case.practitioners])
    return list(timeline(case, known, ZONE, agreement or None, log))


def said(events: list[Event]) -> list[str]:
    return [say(each.what) for each in events]


def test_the_course_of_a_referral_is_told_newest_first() -> None:
    course = [
        task(stage="sent", status="requested"),
        task(stage="accepted", status="accepted", lastModified=at(-4)),
        task(stage="scheduled", status="in-progress", lastModified=at(-3)),
        task(stage="no-show", status="in-progress", lastModified=at(-2)),
        task(stage="scheduled", status="in-progress", lastModified=at(-1)),
        task(stage="no-show", status="in-progress", lastModified=at(0, "08:00")),
    ]
    log = together(logged(order(), zone=ZONE), logged(*course, zone=ZONE))
    assert said(happened(log, course[-1])) == [
        "The patient did not come",
        "Riverside Heart scheduled the visit",
        "The patient did not come",
        "Riverside Heart scheduled the visit",
        "Riverside Heart accepted",
        "Sent to Riverside Heart",
        "Referral written",
    ]


def test_a_change_that_nobody_dates_is_told_when_we_learnt_of_it_and_a_beginning_not_at_all() -> None:
    booked = appointment(9, created=at(-1))
    log = logged(booked, {**booked, "status": "cancelled"}, zone=ZONE)
    cancelled, first = happened(log, {**booked, "status": "cancelled"})
    assert say(cancelled.what) == "Visit of 1 Dec 2026 cancelled"
    assert cancelled.at.isoformat() == "2026-11-22T15:00:00+00:00"
    assert (say(first.what), first.at.isoformat()) == ("Visit booked for 1 Dec 2026", "2026-11-21T15:00:00+00:00")
    undated = {name: value for name, value in booked.items() if name != "created"}
    assert happened(logged(undated, zone=ZONE), undated) == []


def test_a_visit_that_moves_is_told_with_its_new_day() -> None:
    first, moved = appointment(9, created=at(-1)), appointment(11, created=at(-1))
    assert said(happened(logged(first, moved, zone=ZONE), moved)) == [
        "Visit moved to 3 Dec 2026", "Visit booked for 1 Dec 2026",
    ]  # fmt: skip


def test_what_was_entered_in_error_never_happened() -> None:
    booked = appointment(9, created=at(-1))
    mistaken = {**booked, "status": "entered-in-error"}
    assert happened(logged(booked, mistaken, zone=ZONE), mistaken) == []


def test_a_date_that_was_put_right_is_told_once() -> None:
    was, now = order(authoredOn=at(-6)), order(authoredOn=at(-8))
    (only,) = happened(logged(was, now, zone=ZONE), now)
    assert (say(only.what), only.at.isoformat()) == ("Referral written", "2026-11-14T15:00:00+00:00")


def test_an_event_about_several_cases_is_told_once_in_each() -> None:
    visit = appointment(9, created=at(-1))
    (made,) = logged(visit, zone=ZONE)
    assert len(happened([made, replace(made, n=2, case_id="sr-2")], visit)) == 1


def test_what_belongs_to_another_case_is_passed_over() -> None:
    other = appointment(9, id="elsewhere", created=at(-1), basedOn=[ref("ServiceRequest/other")])
    assert happened(logged(other, zone=ZONE), other) == []


def test_a_day_without_an_hour_begins_at_the_midnight_of_the_office_that_looks() -> None:
    """The log was written in London's winter, the office reads it in New York."""
    one = order(authoredOn="2026-11-16")
    (only,) = happened(logged(one, zone=UTC), one)
    assert only.at.isoformat() == "2026-11-16T05:00:00+00:00"


def test_a_message_is_told_with_its_words_and_notice_with_the_contract_that_the_case_stands_on() -> None:
    call = {"resourceType": "Communication", "id": "call", "status": "completed", "sent": at(0, "07:00"),
            "about": [ref("ServiceRequest/sr")],
            "medium": [{"coding": [{"code": "PHONE"}]}], "payload": [{"contentString": "Will call back"}]}  # fmt: skip
    given_notice = contract(notice=-20)
    log = together(logged(call, zone=ZONE), logged(given_notice, zone=ZONE))
    told = happened(log, given_notice, call, agreement="AGR-1")
    assert said(told) == ["Call to the patient", "Notice given on contract AGR-1"]
    assert told[0].details == ("Will call back",)
    assert said(happened(log, given_notice, call, agreement="AGR-2")) == ["Call to the patient"]


STEPS = st.lists(
    st.sampled_from([
        claim(status="draft"), claim(), claim(status="cancelled"), claim(status="entered-in-error"),
        answer("A1"), answer("A3", because="Not needed"), answer("A4"), answer(status="cancelled"),
        wish(), wish(status="completed"), document(), document(status="superseded"), eligibility(),
        appointment(9, created=at(-1)), appointment(9, status="cancelled"), task(stage="no-show", status="in-progress"),
        task(stage="declined", status="rejected", statusReason={"text": "Full"}), order(status="revoked"),
        {"resourceType": "DiagnosticReport", "id": "report", "status": "final", "issued": at(-1),
         "basedOn": [ref("ServiceRequest/sr")], "subject": ref("Patient/pat"), "code": {"text": "Echo"}},
    ]), max_size=12,
)  # fmt: skip


@given(STEPS)
def test_a_payer_hears_of_what_came_to_it_or_from_it_and_of_nothing_else(steps: list[Json]) -> None:
    story = plain().with_(book(rule()))
    versions: dict[str, list[Json]] = {}
    for step in steps:
        versions.setdefault(key(step), []).append(step)
        story = story.with_(step)
    log = together(*(logged(*each, zone=ZONE) for each in versions.values()))
    case = story.case()
    disclosed = payer_view.told_to_payer(case, clear(case, NOW, POLICY), POLICY)
    if disclosed is None:
        return
    told = payer_view.payer_case(disclosed)
    heard = payer_view.events(told, ZONE, log)
    theirs = {key(each) for part in (told.case.claims, told.case.responses, told.case.tasks, told.case.eligibility,
                                     told.documents) for each in part}  # fmt: skip
    theirs |= {each.key for each in told.case.records.versions}
    known = directory([*case.organizations, *case.locations, *case.practitioners])
    whole = {(each.at, each.kind, each.what) for each in timeline(case, known, ZONE, told.agreement, log)}
    for each in heard:
        assert each.kind in {"authorization", "coverage", "agreement", "document"}
        assert each.reference in theirs
        assert (each.at, each.kind, each.what) in whole
        if each.reference.startswith("Claim/"):
            assert each.state == "submitted"
