"""Cleared is said of nobody who can not be seen: every gate that bears on it is met, and the visit is booked, ahead and
in nobody's doubt. And the clock of a case runs to what hurts the patient first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from carecoord.domain.access.payer_view import told_to_payer
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.worklist.row import row
from tests.domain.clearance.test_clearance import stories
from tests.domain.gates.test_gates import cancelled_here
from tests.domain.stories import (
    NOW,
    PATIENT,
    POLICY,
    Story,
    T,
    answer,
    answered,
    appointment,
    at,
    book,
    claim,
    coded,
    encounter,
    gathered,
    order,
    period,
    plain,
    ref,
    rule,
    task,
    wish,
)

GOOD = ("met", "not-needed")
VISIT = "Appointment/visit"


def staged(stage: str, status: str = "in-progress", **more) -> Story:
    return plain().with_(task(1, status, stage, **more))


def business(said: dict, status: str = "in-progress") -> Story:
    return plain().with_(task(1, status) | {"businessStatus": said})


def shown(story: Story) -> dict:
    case, found = story.case(), story.clear()
    return row(case, found, told_to_payer(case, found, POLICY), POLICY)


@given(stories())
@settings(max_examples=100, deadline=None)
def test_cleared_means_that_every_bearing_gate_is_met_and_the_visit_lies_ahead(story):
    for days in (0, 3, 12, 40):
        now = NOW + timedelta(days=days)
        found = story.clear(now)
        if found.cleared:
            bearing = ("coverage", "authorization", "agreement", "information", "appointment")
            assert all(found.gate(name).state in GOOD for name in bearing)
            assert found.booking is not None
            assert found.booking.status == "booked"
            assert found.booking.start > now
            assert found.conflict == ()
            assert not found.closed


@given(stories())
@settings(max_examples=100, deadline=None)
def test_the_clock_never_runs_past_what_hurts_the_patient(story):
    found = story.clear()
    if found.closed:
        return
    authorization = found.gate("authorization")
    if authorization.rule == "authorization.denied" and found.facts.requests:
        last = min(r.decided for r in found.facts.requests if r.decided) + timedelta(days=65)
        assert found.due is not None
        assert found.due <= last
    if authorization.state == "pending":
        assert found.due is not None
        assert found.due <= authorization.due
    window = found.facts.referral.window.end
    if found.gate("appointment").state not in GOOD and window and not found.facts.visits.done and not found.booking:
        assert found.due is not None
        assert found.due <= datetime(window.year, window.month, window.day, 5, tzinfo=UTC)


class TestCleared:
    def test_it_ends_when_the_visit_begins(self):
        start = datetime(2026, 12, 4, 15, tzinfo=UTC)
        assert plain().clear(start - timedelta(seconds=1)).cleared
        assert not plain().clear(start).cleared
        assert plain().clear(start - timedelta(hours=1)).changes_at == start

    def test_a_past_visit_is_not_one_that_can_be_made(self):
        assert not plain().with_(appointment(-3, status="fulfilled")).clear().cleared
        assert not plain().with_(appointment(-3)).clear().cleared, "nobody has said whether it took place"

    def test_it_is_not_said_where_two_systems_contradict_each_other(self):
        found = cancelled_here().clear()
        assert found.gate("appointment").state == "unknown"
        assert not found.cleared

    def test_it_is_not_said_of_a_day_without_a_visit_nor_of_one_that_is_over_or_not_wanted(self):
        assert not plain().without(VISIT).clear(on=T + timedelta(days=12)).cleared
        assert plain().clear(on=T + timedelta(days=20)).cleared
        assert not plain().clear(on=T - timedelta(days=1)).cleared
        assert not plain().clear(on=T + timedelta(days=91)).cleared, "the care window is over"

    def test_a_visit_after_the_care_window_is_not_cleared(self):
        assert not plain().with_(order(occurrencePeriod=period(-5, 8))).clear().cleared

    def test_a_held_visit_is_not_cleared(self):
        assert not plain().with_(appointment(12, status="pending")).clear().cleared

    def test_an_order_on_hold_is_not_cleared_whatever_is_booked(self):
        found = plain().with_(order(status="on-hold")).clear()
        assert (found.gate("appointment").state, found.cleared) == ("blocked", False)
        assert str(found.headline) == "The order is on hold; a visit is still booked for 4 Dec 2026."

    def test_a_performer_who_declined_is_not_cleared_whatever_is_booked(self):
        found = staged("declined", "rejected").clear()
        assert (found.gate("appointment").rule, found.cleared) == ("appointment.returned", False)

    @pytest.mark.parametrize("died", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026-11-20"}])
    def test_a_patient_who_has_died_is_not_cleared(self, died):
        found = plain().with_(PATIENT | died, book(rule())).clear()
        assert (found.gate("appointment").state, found.cleared) == ("blocked", False)
        assert str(found.headline) == "The patient has died; a visit is still booked for 4 Dec 2026."

    def test_an_authorization_that_two_systems_decide_differently_is_unknown(self):
        number = [{"system": "urn:auth", "value": "7"}]
        approved = answer(start=-5, end=60, identifier=number, decided=-1)
        denied = answer("A3", identifier=number, id="copy", meta={"source": "https://payer.example/ClaimResponse/9"})
        found = plain().with_(book(rule()), claim(), approved, denied).clear()
        assert found.gate("authorization").state in ("unknown", "blocked")
        assert not found.cleared


class TestCancelling:
    def test_a_cancellation_that_was_asked_for_speaks_although_a_visit_is_booked(self):
        found = staged("cancel-requested").with_(book(rule())).clear()
        gate = found.gate("appointment")
        assert (gate.state, gate.who, gate.rule) == ("pending", "performer", "appointment.cancel-requested")
        assert str(found.headline) == (
            "Waiting for Riverside Heart to confirm the cancellation; a visit is still booked for 4 Dec 2026."
        )
        assert (found.headline_gate, found.cleared) == ("appointment", False)

    @pytest.mark.parametrize("answer", ["accepted", "tentative", "needs-action"])
    def test_a_visit_that_the_patient_does_not_want_is_never_cleared_and_the_office_is_asked(self, answer):
        visit = plain().resources[VISIT]
        patient, site = visit["participant"]
        assert plain().with_(visit | {"participant": [patient | {"status": answer}, site]}).clear().cleared
        found = plain().with_(visit | {"participant": [patient | {"status": "declined"}, site]}).clear()
        gate = found.gate("appointment")
        assert (gate.rule, gate.state, gate.who, found.cleared) == (
            "appointment.patient-declines", "open", "coordinator", False
        )  # fmt: skip
        assert str(found.headline) == "The patient does not want the visit of 4 Dec 2026."
        assert (found.action.code, found.due) == ("answer-cancel", found.booking.start)

    @pytest.mark.parametrize(
        ("actor", "more", "rule"),
        [
            ("Patient/pat", {}, "appointment.patient-declines"),
            ("RelatedPerson/mother", {}, "appointment.patient-declines"),
            ("Location/site-a", {}, "appointment.clinic-declines"),
            ("Practitioner/lane", {}, "appointment.clinic-declines"),
            ("Location/site-a", {"start": at(12)}, "appointment.clinic-declines"),
            ("Location/site-a", {"start": at(11)}, "appointment.booked"),  # of a time that the visit no longer has
            ("Location/site-a", {"participantStatus": "accepted"}, "appointment.booked"),
            ("Location/site-a", {"participantStatus": "tentative"}, "appointment.booked"),
            ("Location/site-a", {"participantStatus": "entered-in-error"}, "appointment.booked"),
            ("Location/site-a", {"appointment": ref("Appointment/another")}, "appointment.booked"),
        ],
    )
    def test_a_visit_that_either_side_answers_no_to_is_neither_cleared_nor_scheduled(self, actor, more, rule):
        story = staged("scheduled").with_(answered("first", actor, **more))
        gate = story.clear().gate("appointment")
        declined = rule != "appointment.booked"
        assert (gate.rule, story.clear().cleared) == (rule, not declined)
        assert shown(story)["stage"] == ("in-progress" if declined else "scheduled")
        assert (gate.who, gate.due) == (("coordinator", story.clear().booking.start) if declined else (None, None))

    def test_of_several_answers_the_last_counts_and_who_need_not_come_may_stay_away(self):
        later = {"participantStatus": "accepted", "meta": {"lastUpdated": at(0, "09:00")}}
        no = answered("b", "Location/site-a", meta={"lastUpdated": at(-1)})
        assert plain().with_(no, answered("a", "Location/site-a", **later)).clear().cleared
        assert not plain().with_(no, answered("a", "Patient/pat", **later)).clear().cleared
        visit = plain().resources[VISIT]
        student = {"actor": ref("Practitioner/student"), "required": "optional", "status": "declined"}
        spared = plain().with_(visit | {"participant": [*visit["participant"], student]})
        assert spared.with_(answered("a", "Practitioner/student")).clear().cleared

    def test_it_is_asked_for_by_a_task_too(self):
        code = coded("http://hl7.org/fhir/CodeSystem/task-code", "abort")
        abort = task(2) | {"code": code, "focus": ref("Task/task-1")}
        del abort["basedOn"]
        asked = staged("scheduled").with_(abort | {"status": "requested"})
        assert shown(asked)["stage"] == "cancel-requested"
        assert not asked.clear().cleared
        assert staged("scheduled").with_(abort | {"status": "rejected"}).clear().cleared

    def test_an_outcome_beats_it(self):
        story = staged("cancel-requested").with_(appointment(-3, status="fulfilled"))
        assert story.clear().gate("appointment").rule == "appointment.done"


class TestWithdrawn:
    """An order that its EHR revokes leaves nobody a visit that no queue shows."""

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ("booked", "The referral has been withdrawn, and the visit of 4 Dec 2026 still stands."),
            ("pending", "The referral has been withdrawn, and a visit is still held for 4 Dec 2026."),
            ("waitlist", "The referral has been withdrawn, and the patient is still on a waiting list."),
        ],
    )
    def test_a_visit_that_is_ahead_keeps_the_case_open_until_it_is_called_off(self, status, said):
        found = plain().with_(order(status="revoked"), appointment(12, status=status)).clear()
        gate = found.gate("appointment")
        assert (found.closed, found.cleared, found.headline_gate, str(found.headline)) == (
            False, False, "appointment", said
        )  # fmt: skip
        assert (gate.rule, gate.state, found.who, found.action.code) == (
            "appointment.to-call-off", "open", "coordinator", "call-off"
        )  # fmt: skip
        assert found.due is not None
        assert found.due < datetime.fromisoformat(at(12))
        assert plain().with_(order(status="revoked"), appointment(12, status="cancelled")).clear().closed

    def test_once_its_time_has_passed_there_is_nothing_to_call_off(self):
        story = plain().with_(order(status="revoked"))
        starts = datetime.fromisoformat(at(12))
        assert not story.clear(starts - timedelta(minutes=1)).closed
        assert story.clear(starts).closed
        assert story.clear(starts - timedelta(minutes=1)).changes_at == starts
        held = story.with_(appointment(12, status="pending"))
        assert held.clear(starts - timedelta(minutes=1)).changes_at == starts
        assert held.clear(starts).closed


class TestStages:
    @pytest.mark.parametrize(
        ("said", "stage"),
        [
            ({"text": "No-show"}, "no-show"),
            ({"text": "Patient did not attend"}, "no-show"),
            ({"coding": [{"system": "https://partner.example/status", "code": "NO_SHOW"}]}, "no-show"),
            (coded("http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS", "5.1.2"), "no-show"),
            (coded("http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS", "5.1.3"), "appointment-cancelled"),
            (coded("http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS", "5.2"), "cancel-requested"),
            ({"text": "Cancellation requested"}, "cancel-requested"),
            ({"text": "cancel requested by patient"}, "cancel-requested"),
            ({"text": "Appointment canceled"}, "appointment-cancelled"),
            ({"text": "Unable to contact patient"}, "contacting-patient"),
            ({"text": "Waiting list"}, "waitlisted"),
        ],
    )
    def test_a_partners_word_is_read(self, said, stage):
        assert shown(business(said).without(VISIT))["stage"] == stage
        assert shown(business(said))["stage"] == stage
        assert shown(business({"text": "Booked"}))["stage"] == "scheduled"

    def test_work_in_progress_is_scheduled_only_when_a_visit_is_booked(self):
        working = task(1, "in-progress")
        del working["businessStatus"]
        story = plain().with_(working)
        assert shown(story)["stage"] == "scheduled"
        assert shown(story.without(VISIT))["stage"] == "in-progress"
        assert shown(story.with_(appointment(-2, status="noshow")))["stage"] == "no-show"
        assert shown(story.with_(appointment(2, status="cancelled")))["stage"] == "appointment-cancelled"
        assert shown(story.without(VISIT).with_(encounter(-2, "seen")))["stage"] == "visit-done"

    def test_what_a_performer_says_of_the_visit_is_not_overruled_by_its_appointment(self):
        found = business({"text": "Appointment cancelled by patient"}).clear()
        gate = found.gate("appointment")
        assert (gate.state, gate.rule, found.cleared) == ("unknown", "appointment.lost", False)
        assert str(gate.reason) == (
            "Riverside Heart says that the visit was cancelled; a visit is still booked for 4 Dec 2026."
        )

    def test_a_visit_booked_after_the_one_that_was_missed_stands(self):
        story = staged("no-show").with_(appointment(-2, "lost", "noshow"))
        assert story.clear().cleared
        cancelled = staged("appointment-cancelled").with_(appointment(5, "lost", "cancelled"))
        assert cancelled.clear().cleared

    def test_a_word_that_nobody_can_read_is_shown(self):
        story = business({"text": "Zephyr hold 7"})
        assert shown(story)["stage"] == "scheduled", "a visit is booked"
        assert "Riverside Heart says of the referral: Zephyr hold 7." in story.clear().warnings
        assert shown(story.without(VISIT))["stage"] == "in-progress"

    @pytest.mark.parametrize(
        ("status", "stage"), [("rejected", "declined"), ("cancelled", "cancelled"), ("failed", "failed")]
    )
    def test_a_task_that_has_ended_says_so_itself(self, status, stage):
        assert shown(staged("scheduled", status))["stage"] == stage


class TestConflicts:
    def test_a_visit_that_the_ehr_cancelled_and_we_booked_again_is_booked(self):
        story = (
            plain()
            .without(VISIT)
            .with_(appointment(12, "old", "cancelled"), appointment(12, "new", meta={"versionId": "1"}))
        )
        assert story.clear().conflict == ()
        assert story.clear().cleared

    def test_a_visit_that_we_cancelled_and_the_ehr_still_has_is_in_doubt_without_an_identifier_too(self):
        found = plain().with_(appointment(12, "ours", "cancelled", meta={})).clear()
        assert tuple(map(str, found.conflict)) == ("ehr.example says booked for 4 Dec 2026, we say cancelled.",)
        assert not found.cleared

    def test_a_copy_entered_in_error_contradicts_one_that_is_booked(self):
        number = [{"system": "urn:visit", "value": "1"}]
        wrong = appointment(12, "theirs", "entered-in-error", identifier=number)
        found = plain().without(VISIT).with_(wrong, appointment(12, "ours", identifier=number, meta={})).clear()
        assert tuple(map(str, found.conflict)) == ("ehr.example says entered in error, we say booked for 4 Dec 2026.",)

    def test_an_ehr_is_called_by_the_name_it_was_added_under(self):
        story = cancelled_here()
        names = {"https://ehr.example/fhir": "demo-ehr"}
        case = gathered(story.resources["ServiceRequest/sr"], story.resources.values(), names)
        said = tuple(map(str, clear(case, NOW, POLICY).conflict))
        assert said == ("demo-ehr says booked for 4 Dec 2026, we say cancelled.",)

    def test_a_system_that_nobody_added_is_called_by_its_host_without_a_port(self):
        theirs = appointment(12, meta={"source": "http://127.0.0.1:18601/fhir/Appointment/visit"})
        found = plain().with_(theirs, appointment(12, "ours", "cancelled", meta={})).clear()
        assert tuple(map(str, found.conflict)) == ("127.0.0.1 says booked for 4 Dec 2026, we say cancelled.",)


class TestClock:
    def test_an_urgent_denial_is_to_be_answered_within_the_offices_own_time(self):
        urgent = order(priority="urgent", occurrencePeriod=period(-5, 21))
        story = plain().without(VISIT).with_(book(rule()), urgent, claim(sent=-4), answer("A3", decided=-2))
        found = story.clear()
        assert (found.headline_gate, str(found.due_label)) == ("authorization", "Answer the denial")
        assert found.due == datetime(2026, 11, 21, 15, tzinfo=UTC), "24 hours after the denial"
        assert found.ruling.note == "Appeal by 24 Jan 2027", "the last day that the law gives is told, not worked by"

    def test_a_denial_is_answered_in_time_for_an_appeal_inside_the_care_window(self):
        near = order(occurrencePeriod=period(-5, 8))
        found = plain().without(VISIT).with_(book(rule()), near, claim(sent=-4), answer("A3", decided=0)).clear()
        assert found.due == datetime(2026, 11, 24, 5, tzinfo=UTC), "7 days before the window is over"

    def test_whatever_comes_first_is_due_before_the_care_window_ends(self):
        near = order(authoredOn=at(-1), occurrencePeriod=period(-5, 0))
        found = plain().without(VISIT).with_(near, task(sent=-1), book(rule())).clear()
        assert found.headline_gate == "authorization"
        assert found.gate("authorization").due == datetime(2026, 11, 24, 15, tzinfo=UTC)
        assert (found.due, str(found.due_label)) == (datetime(2026, 11, 23, 5, tzinfo=UTC), "Care window ends")

    def test_a_payer_who_decides_sooner_than_our_own_step_is_due_sets_the_clock(self):
        story = plain().with_(book(rule()), claim(sent=-6), wish(by=30))
        found = story.clear()
        assert found.headline_gate == "information"
        assert found.due <= datetime(2026, 11, 23, 15, tzinfo=UTC)
