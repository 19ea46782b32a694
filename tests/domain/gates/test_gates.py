"""Every state of every gate, each reached by a small change of the plain story."""

import pytest

from carecoord.words.sentence import dumps, loads
from tests.domain.stories import (
    NOW,
    Story,
    answer,
    appointment,
    book,
    child,
    claim,
    contract,
    coverage,
    document,
    eligibility,
    encounter,
    errand,
    order,
    plain,
    question,
    ref,
    report,
    rule,
    self_pay,
    task,
    wish,
)

ELIGIBLE = "CoverageEligibilityResponse/eligible-card-1-5"
VISIT = "Appointment/visit"
AFFILIATION = "OrganizationAffiliation/aff-1-1-include"


def unbooked() -> Story:
    return plain().without(VISIT)


def needed() -> Story:
    return plain().with_(book(rule()))


def seen() -> Story:
    return plain().with_(appointment(-3, status="fulfilled"))


def closed() -> Story:
    done = [child(name, "completed") for name in ("acknowledge-report", "tell-patient")]
    return seen().with_(report(), *done)


def cancelled_here() -> Story:
    """The EHR has the visit booked, our office has it cancelled."""
    number = [{"system": "urn:visit", "value": "1"}]
    ours = appointment(12, "ours", "cancelled", identifier=number, meta={})
    return plain().with_(appointment(12, identifier=number), ours)


REACHED = [
    ("coverage", "met", plain),
    ("coverage", "not-needed", lambda: plain().with_(self_pay())),
    ("coverage", "pending", lambda: plain().without(ELIGIBLE).with_(eligibility(40), question())),
    ("coverage", "open", lambda: plain().with_(coverage(end=5))),
    ("coverage", "unknown", lambda: plain().without(ELIGIBLE).with_(eligibility(40))),
    ("coverage", "blocked", lambda: plain().with_(eligibility(inforce=False))),
    ("authorization", "met", lambda: needed().with_(claim(), answer(start=-5, end=60))),
    ("authorization", "not-needed", plain),
    ("authorization", "pending", lambda: needed().with_(claim(sent=-1))),
    ("authorization", "open", needed),
    ("authorization", "unknown", lambda: plain().without("PlanDefinition/rules-1")),
    ("authorization", "blocked", lambda: needed().with_(claim(), answer("A3", because="Not medically necessary"))),
    ("agreement", "met", plain),
    ("agreement", "not-needed", lambda: plain().with_(self_pay())),
    ("agreement", "pending", lambda: plain().with_(contract(status="executable"))),
    ("agreement", "open", lambda: unbooked().with_(task(1, "rejected", "declined"))),
    ("agreement", "unknown", lambda: plain().without(AFFILIATION)),
    ("agreement", "blocked", lambda: plain().with_(contract(end=5, evergreen=False))),
    ("information", "met", lambda: plain().with_(errand(), document())),
    ("information", "not-needed", plain),
    ("information", "pending", lambda: plain().with_(errand(owner="Patient/pat"))),
    ("information", "open", lambda: plain().with_(errand())),
    ("information", "unknown", lambda: plain().with_(errand(loinc=None))),
    ("information", "blocked", lambda: plain().with_(errand("failed"))),
    ("appointment", "met", plain),
    ("appointment", "not-needed", lambda: unbooked().with_(task(status="completed", stage="advice-given"))),
    ("appointment", "pending", lambda: unbooked().with_(task(status="requested", stage="sent"))),
    ("appointment", "open", unbooked),
    ("appointment", "unknown", cancelled_here),
    ("appointment", "blocked", lambda: unbooked().with_(contract(end=-5, evergreen=False))),
    ("loop", "met", closed),
    ("loop", "not-needed", lambda: unbooked().with_(order(status="revoked"))),
    ("loop", "pending", plain),
    ("loop", "open", lambda: seen().with_(report())),
    ("loop", "unknown", lambda: plain().with_(appointment(-3))),
    ("loop", "blocked", lambda: unbooked().with_(task(status="failed", stage="failed"))),
]


@pytest.mark.parametrize(("gate", "state", "story"), REACHED, ids=[f"{gate}-{state}" for gate, state, _ in REACHED])
def test_every_state_of_every_gate_can_be_reached_and_says_why(gate, state, story):
    found = story().clear().gate(gate)
    assert found.state == state
    assert str(found.reason).endswith(".")
    assert loads(dumps(found.reason)) == found.reason, "a row can keep it"
    assert found.rule.startswith(f"{gate}.")
    if found.state in ("open", "unknown", "blocked"):
        assert found.who, "somebody must move"
        assert found.waits_on or (found.action and found.due), "with an action and a time, or waiting for another gate"


def test_a_cleared_case_needs_a_booked_day_and_four_gates():
    assert plain().clear().cleared
    assert not unbooked().clear().cleared
    assert not plain().with_(errand()).clear().cleared
    assert not plain().with_(order(status="revoked")).clear().cleared


class TestCoverage:
    def test_the_card_alone_is_met_but_unconfirmed(self):
        found = plain().without(ELIGIBLE).clear()
        assert found.gate("coverage").rule == "coverage.by-period"
        assert "The coverage has not been confirmed with the payer." in found.warnings

    def test_a_card_without_dates_proves_nothing(self):
        card = coverage()
        del card["period"]
        found = plain().without(ELIGIBLE).with_(card).clear().gate("coverage")
        assert (found.state, found.rule) == ("unknown", "coverage.dates")

    def test_an_answer_is_young_until_the_very_instant_its_age_is_reached(self):
        age = 30
        story = plain().without(ELIGIBLE).with_(eligibility(age, created=NOW.isoformat()))
        from datetime import timedelta

        limit = NOW + timedelta(days=age)
        story = story.with_(appointment(80))
        assert story.clear(limit - timedelta(microseconds=1)).gate("coverage").state == "met"
        assert story.clear(limit).gate("coverage").state == "unknown"

    def test_an_answer_does_not_go_stale_under_a_visit_that_is_over(self):
        story = seen().without(ELIGIBLE).with_(eligibility(10))
        from datetime import timedelta

        assert story.clear(NOW + timedelta(days=300)).gate("coverage").state == "met"

    def test_an_answer_that_does_not_reach_the_visit_is_unknown(self):
        insurance = {"coverage": ref("Coverage/card-1"), "inforce": True, "benefitPeriod": {"end": "2026-11-30"}}
        found = plain().with_(eligibility(insurance=[insurance])).clear().gate("coverage")
        assert (found.state, found.rule) == ("unknown", "coverage.benefit-period")

    def test_the_newest_answer_speaks(self):
        assert plain().with_(eligibility(1, inforce=False)).clear().gate("coverage").state == "blocked"
        assert plain().with_(eligibility(9, inforce=False)).clear().gate("coverage").state == "met"

    def test_an_answer_that_could_not_say_is_unknown(self):
        found = plain().with_(eligibility(1, inforce=None)).clear().gate("coverage")
        assert (found.state, found.rule) == ("unknown", "coverage.unclear")

    def test_a_second_card_steps_in_when_the_one_on_the_order_has_ended(self):
        story = plain().with_(coverage(end=5), coverage(2, start=6, id="card-2"))
        assert story.clear().card.key == "Coverage/card-2"

    def test_the_order_of_priority_decides_between_two_active_cards(self):
        story = plain().with_(order(insurance=[]), coverage(2, id="card-0", order=2), coverage(1, order=1))
        assert story.clear().card.key == "Coverage/card-1"

    def test_a_cancelled_card_asks_for_the_new_one(self):
        found = plain().with_(coverage(status="cancelled")).clear().gate("coverage")
        assert (found.state, found.action.code) == ("open", "ask-card")

    def test_a_question_that_was_answered_waits_no_more(self):
        story = plain().with_(question(), eligibility(5, request=ref("CoverageEligibilityRequest/question-1")))
        assert story.clear().gate("coverage").state == "met"

    def test_an_answer_speaks_for_the_days_that_the_payer_was_asked_about_only(self):
        old = eligibility(1, inforce=False, servicedDate="2025-12-01")
        assert plain().with_(old).clear().gate("coverage").rule == "coverage.confirmed"
        elsewhere = plain().without(ELIGIBLE).with_(eligibility(2, servicedDate="2026-11-20"))
        found = elsewhere.clear().gate("coverage")
        assert (found.state, found.rule) == ("unknown", "coverage.other-day")
        assert str(found.reason) == "Blue Horizon's eligibility answer is about 20 Nov 2026, not about 4 Dec 2026."
        assert not elsewhere.clear().cleared

    @pytest.mark.parametrize(
        ("served", "rule"),
        [
            ({"servicedDate": "2026-12-04"}, "confirmed"),
            ({"servicedDate": "2026-12"}, "confirmed"),
            ({"servicedPeriod": {"start": "2026-12-01", "end": "2026-12-31"}}, "confirmed"),
            ({"servicedPeriod": {"start": "2026-11-01", "end": "2026-12-03"}}, "other-day"),
            ({"servicedPeriod": {"end": "soon"}}, "other-day"),
        ],
    )
    def test_the_days_of_an_answer_are_read_in_any_precision(self, served, rule):
        assert plain().with_(eligibility(**served)).clear().gate("coverage").rule == f"coverage.{rule}"

    def test_an_answer_about_the_visit_grows_old_all_the_same(self):
        story = plain().without(ELIGIBLE).with_(eligibility(40, servicedDate="2026-12-04"))
        assert story.clear().gate("coverage").rule == "coverage.stale"

    @pytest.mark.parametrize("outcome", ["queued", "error"])
    def test_what_is_no_answer_yet_hides_no_older_one(self, outcome):
        assert plain().with_(eligibility(1, outcome=outcome)).clear().gate("coverage").rule == "coverage.confirmed"
        alone = plain().without(ELIGIBLE).with_(eligibility(1, outcome=outcome)).clear()
        assert alone.gate("coverage").rule == "coverage.unclear"

    def test_half_an_answer_confirms_nothing(self):
        assert plain().with_(eligibility(1, outcome="partial")).clear().gate("coverage").rule == "coverage.unclear"

    def test_a_queued_answer_leaves_the_question_with_the_payer(self):
        waits = eligibility(1, outcome="queued", inforce=None, request=ref("CoverageEligibilityRequest/question-1"))
        found = plain().without(ELIGIBLE).with_(question(), waits).clear().gate("coverage")
        assert (found.state, found.who) == ("pending", "payer")

    def test_a_question_about_another_day_is_not_waited_for(self):
        story = plain().without(ELIGIBLE).with_(question(servicedDate="2025-12-01"))
        assert story.clear().gate("coverage").rule == "coverage.by-period"

    def test_an_answer_that_says_both_says_nothing(self):
        both = [{"coverage": ref("Coverage/card-1"), "inforce": each} for each in (True, False)]
        assert plain().with_(eligibility(insurance=both)).clear().gate("coverage").rule == "coverage.unclear"

    @pytest.mark.parametrize(
        "words", ["Coverage terminated 31 Oct 2026", "Member is no longer active.", "Not eligible on this date"]
    )
    def test_an_answer_whose_words_deny_its_flag_says_nothing(self, words):
        assert plain().with_(eligibility(disposition=words)).clear().gate("coverage").rule == "coverage.unclear"
        good = eligibility(disposition="Policy is currently in-force.")
        assert plain().with_(good).clear().gate("coverage").rule == "coverage.confirmed"

    def test_an_answer_about_another_card_says_nothing_of_this_one(self):
        story = plain().without(ELIGIBLE).with_(coverage(2, order=2), eligibility(1, "card-2"))
        assert story.clear().gate("coverage").rule == "coverage.by-period"

    def test_days_written_as_midnight_utc_are_not_known_to_the_day(self):
        end = {"start": "2026-01-01T00:00:00Z", "end": "2026-12-04T00:00:00Z"}
        story = plain().without(ELIGIBLE).with_(coverage(period=end))
        found = story.clear().gate("coverage")
        assert (found.state, found.rule) == ("unknown", "coverage.dates")
        assert str(found.reason) == (
            "The Blue Horizon card gives its dates as midnight UTC: whether it covers 4 Dec 2026 is not clear."
        )
        assert story.with_(appointment(11)).clear().gate("coverage").rule == "coverage.by-period"
        assert story.with_(appointment(13)).clear().gate("coverage").rule == "coverage.ended"
        confirmed = story.with_(eligibility(servicedDate="2026-12-04")).clear()
        assert confirmed.gate("coverage").rule == "coverage.confirmed", "the payer said it of the very day"

    def test_a_card_from_the_beginning_of_time_on_is_a_card(self):
        assert plain().with_(coverage(period={"start": "0001-01-01"})).clear().gate("coverage").state == "met"

    def test_of_two_cards_of_one_rank_the_later_one_is_taken_and_it_is_said(self):
        story = plain().without("Coverage/card-1").with_(
            order(insurance=[]), coverage(id="card-a", start=-900), coverage(id="card-b", start=-20)
        )
        found = story.clear()
        assert found.card.key == "Coverage/card-b"
        assert found.warnings == (
            "Two cards of one rank are active, Blue Horizon since 2 Nov 2026 (Plan 1) and Blue Horizon since 5 Jun "
            "2024 (Plan 1): the first was taken; confirm it.",
            "The coverage has not been confirmed with the payer.",
        )

    def test_two_copies_of_one_card_are_one(self):
        member = [{"system": "urn:member", "value": "7"}]
        story = plain().with_(coverage(identifier=member), coverage(id="copy", identifier=member))
        assert story.clear().warnings == ()

    def test_who_pays_for_oneself_does_so_on_the_days_of_the_card(self):
        paid = self_pay() | {"period": {"end": "2026-11-01"}}
        assert plain().with_(paid).clear().gate("coverage").rule == "coverage.ended"

    def test_no_card_at_all_is_unknown_and_so_is_who_decides(self):
        found = plain().without("Coverage/card-1").clear()
        assert found.gate("coverage").rule == "coverage.none"
        assert found.gate("authorization").waits_on == "coverage"
        assert found.gate("agreement").waits_on == "coverage"
        assert found.headline_gate == "coverage"


class TestInformation:
    def test_the_payers_paper_must_be_sent_not_only_lie_in_the_chart(self):
        story = needed().with_(claim(sent=-2), answer("A4"), wish(), document())
        found = story.clear().gate("information")
        assert (found.state, found.action.code) == ("open", "send-document")
        sent = claim(sent=-2, supportingInfo=[{"sequence": 1, "valueReference": ref("DocumentReference/doc")}])
        assert story.with_(sent).clear().gate("information").state == "met"
        assert story.with_(wish(status="completed")).clear().gate("information").state == "met"

    def test_a_paper_wanted_by_the_rule_counts_once_it_is_attached_to_the_order(self):
        story = plain().with_(book(rule(papers=("42148-7",))))
        assert story.clear().gate("information").state == "open"
        assert story.with_(document(related=False)).clear().gate("information").action.code == "send-document"
        assert story.with_(document()).clear().gate("information").state == "met"

    def test_a_rules_paper_is_not_asked_for_when_no_authorization_is_needed_or_one_was_given(self):
        spared = plain().with_(book(rule(needed=False, papers=("42148-7",))))
        assert spared.clear().gate("information").state == "not-needed"
        granted = plain().with_(book(rule(papers=("42148-7",))), claim(), answer(start=-5, end=60))
        assert granted.clear().gate("information").state == "not-needed"

    def test_a_payers_wish_without_a_date_or_with_a_late_one_is_due_before_the_payers_clock(self):
        story = needed().with_(claim(sent=-2), answer("A4"))
        payer = story.clear().gate("authorization").due
        for by in (None, 30):
            found = story.with_(wish(by=by)).clear().gate("information")
            assert found.due < payer

    def test_a_withdrawn_wish_is_no_wish(self):
        story = needed().with_(claim(sent=-2), answer("A4"), wish(status="cancelled"))
        assert story.clear().gate("information").state == "not-needed"

    def test_a_superseded_document_is_no_document(self):
        story = plain().with_(errand(), document(status="superseded"))
        assert story.clear().gate("information").state == "open"

    def test_a_form_is_attached_when_it_is_filled_in(self):
        asked = errand()
        asked["input"] = [{"type": asked["input"][0]["type"], "valueCanonical": "http://payer.example/form|2"}]
        asked["input"][0]["type"] = {
            "coding": [
                {
                    "system": "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes",
                    "code": "questionnaires-needed",
                }
            ]
        }
        form = {
            "resourceType": "QuestionnaireResponse",
            "id": "form",
            "status": "completed",
            "questionnaire": "http://payer.example/form",
            "subject": ref("Patient/pat"),
        }
        assert plain().with_(asked).clear().gate("information").state == "open"
        assert plain().with_(asked, form).clear().gate("information").state == "met"
        assert plain().with_(asked, form | {"status": "in-progress"}).clear().gate("information").state == "open"

    def test_a_letter_that_asks_is_open_until_it_is_answered(self):
        letter = {
            "resourceType": "CommunicationRequest",
            "id": "letter",
            "status": "active",
            "subject": ref("Patient/pat"),
            "basedOn": [ref("ServiceRequest/sr")],
            "payload": [{"contentString": "the last ECG"}],
        }
        found = plain().with_(letter).clear().gate("information")
        assert found.state == "open"
        assert "the last ECG" in str(found.reason)
        assert plain().with_(letter | {"status": "completed"}).clear().gate("information").state == "met"


class TestAppointment:
    def test_a_visit_after_the_window_is_to_be_moved(self):
        found = (
            plain()
            .with_(order(occurrencePeriod={"start": "2026-11-20", "end": "2026-11-30"}))
            .clear()
            .gate("appointment")
        )
        assert found.state == "open"
        assert str(found.reason) == "Booked 4 days after the requested window ends (30 Nov 2026)."

    def test_a_visit_before_the_approval_starts_is_to_be_moved(self):
        story = needed().with_(claim(), answer(start=20, end=60))
        assert story.clear().gate("appointment").rule == "appointment.before-approval"
        assert "before the approval starts" in str(story.clear().gate("authorization").reason)

    def test_a_missed_visit_is_booked_again(self):
        story = plain().with_(appointment(-2, status="noshow"), task(stage="no-show", status="in-progress"))
        found = story.clear().gate("appointment")
        assert (found.state, found.action.code) == ("open", "rebook")

    def test_a_held_slot_waits_for_the_performer(self):
        found = plain().with_(appointment(12, status="pending")).clear().gate("appointment")
        assert (found.state, found.who) == ("pending", "performer")

    def test_without_a_task_nobody_tracks_it_so_it_is_ours_to_book(self):
        found = unbooked().without("Task/task-1").clear().gate("appointment")
        assert (found.state, found.action.code) == ("open", "book")

    def test_a_draft_is_to_be_sent(self):
        story = unbooked().with_(order(status="draft"), task(status="draft", stage="draft"))
        assert story.clear().gate("appointment").action.code == "send-referral"

    def test_a_decline_offers_the_next_candidate_of_the_order(self):
        candidates = [ref("Organization/group-1"), ref("Organization/group-2")]
        story = unbooked().with_(order(performer=candidates), task(1, "rejected", "declined"))
        found = story.clear()
        assert str(found.gate("appointment").action.label) == "Send it to Hillcrest Cardiology"
        assert str(found.gate("agreement").action.label) == "Send it to Hillcrest Cardiology"

    def test_an_order_on_hold_is_not_booked(self):
        found = unbooked().with_(order(status="on-hold")).clear().gate("appointment")
        assert (found.state, found.who) == ("blocked", "clinician")

    def test_a_task_taken_back_from_the_only_performer_leaves_the_order_to_be_sent_again(self):
        found = unbooked().with_(task(status="cancelled", stage="cancelled")).clear()
        assert not found.closed
        assert found.gate("appointment").action.code == "reroute"

    def test_a_visit_nobody_explained_is_moot_once_a_later_one_was_done(self):
        story = plain().with_(appointment(-9, "lost"), appointment(-3, status="fulfilled"))
        assert story.clear().gate("appointment").rule == "appointment.done"
        assert story.clear().gate("loop").rule == "loop.report-awaited"

    def test_an_expired_window_is_still_to_be_booked(self):
        story = unbooked().with_(order(occurrencePeriod={"start": "2026-10-01", "end": "2026-10-30"}))
        found = story.clear().gate("appointment")
        assert (found.state, found.rule) == ("open", "appointment.window-over")


class TestLoop:
    def test_a_finished_encounter_is_a_visit_and_the_appointment_of_the_day_is_not_another(self):
        story = plain().with_(appointment(-3, status="fulfilled"), encounter(-3, "seen"))
        assert len(story.clear().facts.visits.done) == 1

    def test_an_encounter_answers_an_appointment_that_still_says_booked(self):
        story = plain().with_(appointment(-3), encounter(-3, "seen"))
        assert story.clear().gate("loop").rule == "loop.report-awaited"

    def test_a_report_that_does_not_come_is_chased_after_its_time(self):
        late = seen().with_(appointment(-8, status="fulfilled")).clear().gate("loop")
        assert (late.state, late.action.code, late.who) == ("open", "chase-report", "coordinator")

    def test_a_report_moves_on_to_the_clinician_then_to_the_patient(self):
        story = seen().with_(report())
        assert story.clear().gate("loop").who == "clinician"
        story = story.with_(child("acknowledge-report", "completed"))
        assert story.clear().gate("loop").action.code == "tell-patient"
        story = story.with_(child("tell-patient", "completed"))
        assert story.clear().closed

    def test_a_consult_note_is_a_report(self):
        assert seen().with_(document("note", "11488-4")).clear().gate("loop").rule == "loop.acknowledge"

    def test_a_preliminary_report_is_not_the_report(self):
        assert seen().with_(report() | {"status": "preliminary"}).clear().gate("loop").rule == "loop.report-awaited"


class TestConflict:
    def test_two_sources_that_contradict_each_other_are_shown_not_settled(self):
        found = cancelled_here().clear()
        assert tuple(map(str, found.conflict)) == ("ehr.example says booked for 4 Dec 2026, we say cancelled.",)
        assert found.gate("appointment").action.code == "settle-conflict"

    def test_one_source_that_cancelled_and_booked_again_does_not_contradict_itself(self):
        story = plain().with_(appointment(12, "first", "cancelled"), appointment(12))
        assert story.clear().conflict == ()

    def test_two_payer_answers_from_two_systems_that_differ_are_a_conflict(self):
        number = [{"system": "urn:auth", "value": "7"}]
        approved = answer(start=-5, end=60, identifier=number)
        denied = answer("A3", identifier=number, id="copy", meta={"source": "https://payer.example/ClaimResponse/9"})
        found = needed().with_(claim(), approved, denied).clear()
        assert tuple(map(str, found.conflict)) == ("payer.example says denied, we say approved.",)
