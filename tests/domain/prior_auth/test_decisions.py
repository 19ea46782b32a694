"""What a payer's answer says: decided by its codes, never inferred from the fields that only say an answer was made;
the latest answer holds, by the clock and not by the text; and for the insurance that it was given under."""

from datetime import UTC, date, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.resource.days import first, when
from carecoord.domain.timeline.events import Teller
from tests.domain.stories import (
    HCPCS,
    PAS,
    POLICY,
    Story,
    answer,
    appointment,
    at,
    book,
    claim,
    coded,
    coverage,
    order,
    plain,
    ref,
    review,
    rule,
    site,
    task,
)
from tests.domain.timeline.logs import logged

ZONE = POLICY.zone


def needed(*more) -> Story:
    return plain().with_(book(rule()), *more)


def judged(story: Story):
    return story.clear().gate("authorization")


def bare(**more):
    """An answer without items: processing is complete, and there is a number to refer to it by."""
    return answer(item=[], preAuthRef="REF-77123", **more)


class TestWhatWasDecided:
    @pytest.mark.parametrize(
        "disposition", ["Pending", "Cancelled", "Approved", "Certified in total", "See letter", "Not denied", "", None]
    )
    def test_an_answer_without_a_decision_is_unknown_whatever_its_words(self, disposition):
        said = bare() | ({} if disposition is None else {"disposition": disposition})
        found = needed(claim(), said).clear()
        assert (found.gate("authorization").state, found.gate("authorization").action.code) == ("unknown", "call-payer")
        assert not found.cleared

    @pytest.mark.parametrize("disposition", ["Denied", "DENIED.", "not certified", "Request  denied"])
    def test_a_denial_in_words_is_never_an_approval(self, disposition):
        assert judged(needed(claim(), bare(disposition=disposition))).state == "blocked"

    def test_an_answer_without_items_that_nobody_asked_for_is_unknown(self):
        named = order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")])
        assert judged(needed(bare(), named)).state == "unknown"

    @pytest.mark.parametrize(
        ("action", "state"),
        [("A1", "met"), ("A3", "blocked"), ("A4", "pending"), ("CT", "open"), ("NA", "not-needed"), ("C", "open")],
    )
    def test_a_decision_about_the_whole_answer_speaks_for_every_line(self, action, state):
        assert judged(needed(claim(sent=-1), bare(adjudication=[review(action)]))).state == state

    @pytest.mark.parametrize("disposition", ["Denied", "Pending", "Cancelled."])
    def test_words_that_contradict_an_approval_make_it_unknown(self, disposition):
        assert judged(needed(claim(), answer("A1", disposition=disposition))).state == "unknown"

    def test_an_approval_whose_dates_can_not_be_read_is_unknown(self):
        found = judged(needed(claim(), answer("A1", preAuthPeriod={"start": "soon"})))
        assert (found.state, found.rule) == ("unknown", "authorization.dates-unclear")

    def test_a_line_that_the_whole_answer_contradicts_is_unknown(self):
        assert judged(needed(claim(), answer("A1", adjudication=[review("A3")]))).state == "unknown"

    def test_two_decisions_on_one_line_that_contradict_are_unknown(self):
        both = answer("A1")
        both["item"][0]["adjudication"].append(review("A3"))
        assert judged(needed(claim(), both)).state == "unknown"

    def test_a_line_that_a_payer_denies_by_its_reason_is_denied(self):
        why = coded("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator", "denialreason")
        item = {"itemSequence": 1, "adjudication": [{"category": why}]}
        assert judged(needed(claim(), answer(item=[item]))).state == "blocked"

    def test_an_answer_that_ended_in_an_error_grants_nothing(self):
        found = judged(needed(claim(), answer("A1", start=-5, end=60, outcome="error")))
        assert (found.state, found.action.code) == ("open", "correct-request")

    def test_a_code_of_another_system_decides_nothing(self):
        other = answer("A1")
        coding = other["item"][0]["adjudication"][0]["extension"][0]["extension"][0]["valueCodeableConcept"]["coding"]
        coding[0]["system"] = "http://payer.example/own-codes"
        assert judged(needed(claim(), other)).state == "unknown"

    def test_the_older_name_of_x12_306_is_understood(self):
        old = answer("A3")
        coding = old["item"][0]["adjudication"][0]["extension"][0]["extension"][0]["valueCodeableConcept"]["coding"]
        coding[0]["system"] = "https://valueset.x12.org/x217/005010/response/2000F/HCR/1/01/00/306"
        assert judged(needed(claim(), old)).state == "blocked"

    def test_what_was_added_in_the_place_of_an_item_speaks_for_itself(self):
        added = {"itemSequence": [1], "productOrService": coded(HCPCS, "G0463"), "adjudication": [review("A3")]}
        assert judged(needed(claim(), answer("A6", addItem=[added]))).state == "blocked"

    def test_a_line_that_we_cancelled_is_covered_by_nothing(self):
        line = claim()
        line["item"][0]["modifierExtension"] = [{"url": f"{PAS}/modifierextension-infoCancelled", "valueBoolean": True}]
        assert judged(needed(line, bare(adjudication=[review("A1")]))).state != "met"

    def test_a_request_that_the_payer_closed_is_to_be_asked_again(self):
        assert judged(needed(claim(), answer("C"))).rule == "authorization.closed"

    def test_an_answer_to_a_bill_or_to_a_request_made_in_error_authorizes_nothing(self):
        assert judged(needed(claim(), answer("A1", use="claim"))).state != "met"
        assert judged(needed(claim(), answer("A1", use="predetermination"))).state != "met"
        named = order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")])
        assert judged(needed(claim(status="entered-in-error"), answer("A1"), named)).state != "met"

    @pytest.mark.parametrize("disposition", ["Denied", "Pending"])
    def test_the_case_tells_the_same_story(self, disposition):
        case = needed(claim(), bare(disposition=disposition)).case()
        (one,) = logged(case.responses[0])
        event = Teller(case, {}, ZONE).tell(one)
        assert event is not None
        assert event.state == {"Denied": "denied"}.get(disposition, "unclear")


class TestTheLatestAnswerHolds:
    def answers(self, approved: str, denied: str) -> Story:
        return needed(
            claim(), answer("A1") | {"id": "yes", "created": approved}, answer("A3") | {"id": "no", "created": denied}
        )

    @pytest.mark.parametrize(
        ("approved", "denied", "state"),
        [
            ("2026-11-21T03:00:00Z", "2026-11-20T23:30:00-05:00", "blocked"),
            ("2026-11-21T05:00:00Z", "2026-11-20T23:30:00-05:00", "met"),
            ("2026-11-20T23:30:00-05:00", "2026-11-21T03:00:00Z", "met"),
            ("2026-11-21T03:00:00.5Z", "2026-11-21T03:00:00.45Z", "met"),
            ("2026-11-21T03:00:00Z", "2026-11-21T03:00:00.001Z", "blocked"),
            ("2026-11-20T10:00:00-05:00", "2026-11-20", "met"),  # a day begins before its hours
            ("2026-11-20", "2026-11-20T00:00:00-05:00", "blocked"),
            ("2026-11", "2026-11-01", "blocked"),
            ("2026", "2026-01", "blocked"),
            ("2026-11-21T03:00:00Z", "2026-11-20T22:00:00-05:00", "blocked"),  # one instant: what grants less holds
            ("2026-11-21T03:00:00Z", "2026-11-21T03:00:60Z", "blocked"),  # a leap second
        ],
    )
    def test_by_the_clock_whatever_the_offset(self, approved, denied, state):
        assert judged(self.answers(approved, denied)).state == state

    def test_of_two_answers_made_at_one_instant_the_one_that_came_later_holds(self):
        story = self.answers("2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z")
        story.resources["ClaimResponse/yes"]["meta"] = {"lastUpdated": "2026-11-21T04:00:00.123Z"}
        story.resources["ClaimResponse/no"]["meta"] = {"lastUpdated": "2026-11-21T03:59:00Z"}
        assert judged(story).state == "met"

    def test_the_newest_task_is_found_by_the_clock(self):
        old = task(1, "rejected", "declined", authoredOn="2026-11-20T23:30:00-05:00")
        new = task(2, "accepted", authoredOn="2026-11-21T03:00:00Z", owner="group-2")
        late = task(3, "accepted", authoredOn="2026-11-20T23:00:00-05:00", owner="group-3")
        assert plain().with_(old, new, late).clear().facts.referral.performer.name == "Bell Cardiology"

    def test_two_answers_without_a_request_do_not_hide_each_other(self):
        loose = [answer("A1") | {"id": id, "request": {}} for id in ("one", "two")]
        named = order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/one")])
        assert judged(needed(*loose, named)).state == "met"


MOMENTS = st.datetimes().filter(lambda d: 1900 < d.year < 2100)


@given(MOMENTS, st.integers(-12, 12), st.integers(-12, 12))
def test_the_order_of_instants_does_not_depend_on_their_offsets(moment, one, other):
    texts = [
        moment.replace(microsecond=0, tzinfo=UTC).astimezone(timezone(timedelta(hours=h))).isoformat()
        for h in (one, other)
    ]
    assert when(texts[0], ZONE) == when(texts[1], ZONE)


@given(MOMENTS)
def test_a_coarser_date_stands_before_what_lies_in_it(moment):
    text = moment.replace(microsecond=0).isoformat() + "-05:00"
    parts = [text[:4], text[:7], text[:10]]
    assert sorted(set(parts), key=lambda each: when(each, ZONE)) == parts
    assert when("junk", ZONE) < when(text[:4], ZONE)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-04T21:30:00-08:00", date(2026, 12, 4)),
        ("2026-12-05T00:30:00+09:00", date(2026, 12, 5)),
        ("2026-12-05T03:30:00Z", date(2026, 12, 4)),  # UTC tells no place: ours counts
        ("2026-12-05T03:30:00+00:00", date(2026, 12, 4)),
        ("2026-12-04", date(2026, 12, 4)),
    ],
)
def test_a_day_is_the_day_where_it_was_written(text, day):
    assert first(text, ZONE) == day


def card(id: str = "card-2", plan: str = "PLAN1", member: str = "", **more):
    """Another card of payer 1, from 1 Dec on; the first ends on 30 Nov."""
    named = {"subscriberId": member} if member else {}
    again = coverage(1, start=9, id=id, **named, **more)
    again["class"][0]["value"] = plan
    return again


class TestTheInsuranceThatItWasGivenUnder:
    def story(self, new, old_member: str = "W123", **answered) -> Story:
        first_card = coverage(1, end=8) | ({"subscriberId": old_member} if old_member else {})
        return needed(first_card, new, claim(), answer("A1", start=-5, end=60, **answered))

    def test_another_plan_is_another_coverage(self):
        found = judged(self.story(card(plan="PLAN9", member="W123")))
        assert (found.state, found.rule, found.action.code) == (
            "open",
            "authorization.coverage",
            "prepare-authorization",
        )

    def test_another_member_number_is_another_coverage(self):
        assert judged(self.story(card(member="W999"))).rule == "authorization.coverage"

    def test_a_renewed_card_is_the_same_coverage(self):
        assert judged(self.story(card(member="w 123"))).state == "met"

    def test_a_card_of_which_neither_is_said_is_unknown(self):
        found = judged(self.story(card(), old_member=""))
        assert (found.state, found.action.code) == ("unknown", "call-payer")

    def test_an_answer_that_names_the_new_card_covers_under_it(self):
        named = [{"sequence": 1, "focal": True, "coverage": ref("Coverage/card-2")}]
        assert judged(self.story(card(plan="PLAN9", member="W999"), insurance=named)).state == "met"

    def test_an_update_under_the_new_card_carries_nothing_over_until_it_is_answered(self):
        named = [{"sequence": 1, "focal": True, "coverage": ref("Coverage/card-2")}]
        update = claim("update", sent=-1, related=[{"claim": ref("Claim/req")}], insurance=named)
        story = self.story(card(plan="PLAN9", member="W999")).with_(update)
        assert (judged(story).state, judged(story).rule) == ("pending", "authorization.submitted")
        assert judged(story.with_(appointment(6))).state == "met", "the old card has its approval still"
        answered = story.with_(answer("A1", start=-5, end=60, claim="update"))
        assert judged(answered).state == "met"

    def test_a_copy_of_the_card_is_the_card(self):
        number = [{"system": "https://payer.example/member", "value": "1"}]
        story = self.story(card(identifier=number), old_member="")
        story.resources["Coverage/card-1"]["identifier"] = number
        assert judged(story).state == "met"

    def test_the_old_card_still_covers_its_own_days(self):
        story = self.story(card(plan="PLAN9", member="W999")).with_(appointment(6))
        assert judged(story).state == "met"


class TestVisits:
    def approved(self, *more) -> Story:
        return needed(claim(units=4), answer("A1", start=-20, end=60, units=4), *more)

    def encounter(self, id: str, begins: str, ends: str, n: int = 0, **more):
        return {
            "resourceType": "Encounter",
            "id": id,
            "status": "finished",
            "subject": ref("Patient/pat"),
            "basedOn": [ref("ServiceRequest/sr")],
            "period": {"start": at(n, begins), "end": at(n, ends)},
        } | more

    def note(self, *more) -> str:
        return self.approved(*more).without("Appointment/visit").clear().ruling.note

    def booked(self, id: str, begins: str, ends: str, n: int = 0, status: str = "booked", **more):
        return appointment(n, id, status) | {"start": at(n, begins), "end": at(n, ends)} | more

    def test_a_morning_visit_does_not_answer_an_afternoon_one(self):
        story = self.approved(self.encounter("am", "08:00", "08:30"), self.booked("pm", "15:00", "15:30"))
        found = story.without("Appointment/visit").clear()
        assert found.ruling.note == "2 of 4 visits left"
        assert found.gate("appointment").rule == "appointment.booked"
        assert found.gate("loop").rule == "loop.visit-ahead"

    def test_two_encounters_of_one_appointment_are_one_visit(self):
        both = [self.encounter(id, "08:00", "08:30", appointment=[ref("Appointment/a")]) for id in ("e1", "e2")]
        assert self.note(self.booked("a", "08:00", "08:30", status="fulfilled"), *both) == "3 of 4 visits left"

    def test_two_encounters_of_one_appointment_that_we_do_not_hold_are_one_visit(self):
        both = [self.encounter(id, "08:00", "08:30", appointment=[ref("Appointment/gone")]) for id in ("e1", "e2")]
        assert self.note(*both) == "3 of 4 visits left"

    def test_an_encounter_that_is_part_of_another_is_the_same_visit(self):
        part = self.encounter("e2", "08:10", "08:20", partOf=ref("Encounter/e1"))
        deep = self.encounter("e3", "08:12", "08:14", partOf=ref("Encounter/e2"))
        assert self.note(self.encounter("e1", "08:00", "08:30"), part, deep) == "3 of 4 visits left"

    def test_encounters_that_are_part_of_each_other_are_one(self):
        one = self.encounter("e1", "08:00", "08:30", partOf=ref("Encounter/e2"))
        other = self.encounter("e2", "08:00", "08:30", partOf=ref("Encounter/e1"))
        assert self.note(one, other) == "3 of 4 visits left"

    def test_two_visits_of_one_minute_are_two(self):
        assert self.note(*(self.encounter(id, "08:00", "08:30") for id in ("e1", "e2"))) == "2 of 4 visits left"
        both = [self.booked(id, "15:00", "15:30", n=3) for id in ("a", "b")]
        assert self.note(*both) == "2 of 4 visits left"

    def test_copies_of_an_encounter_are_one(self):
        number = [{"system": "urn:visit", "value": "1"}]
        both = [self.encounter(id, "08:00", "08:30", identifier=number) for id in ("e1", "e2")]
        assert self.note(*both) == "3 of 4 visits left"

    def test_an_encounter_that_names_no_appointment_answers_the_one_of_its_hour(self):
        seen = self.encounter("e1", "08:20", "08:40")
        assert self.note(self.booked("a", "08:00", "08:30", status="fulfilled"), seen) == "3 of 4 visits left"
        assert self.note(self.booked("a", "08:00", "08:30"), seen) == "3 of 4 visits left"
        assert self.note(self.booked("a", "10:00", "10:30", status="fulfilled"), seen) == "2 of 4 visits left"

    def test_one_encounter_answers_one_of_two_bookings(self):
        seen = self.encounter("e1", "08:20", "08:40")
        both = [self.booked("a", "08:00", "08:30"), self.booked("b", "08:30", "09:00")]
        assert self.note(seen, *both) == "2 of 4 visits left"

    def test_our_copy_and_the_ehrs_copy_of_a_visit_are_one(self):
        ours, theirs = self.booked("ours", "15:00", "15:30", n=3, meta={}), self.booked("theirs", "15:00", "15:30", n=3)
        assert self.note(ours, theirs) == "3 of 4 visits left"
        elsewhere = self.booked("ours", "15:00", "15:30", n=3, meta={}) | {
            "participant": [{"actor": ref("Location/site-b"), "status": "accepted"}]
        }
        assert self.note(elsewhere, theirs) == "2 of 4 visits left"

    def test_an_encounter_that_names_one_copy_answers_them_all(self):
        number = [{"system": "urn:visit", "value": "1"}]
        copies = [self.booked(id, "08:00", "08:30", identifier=number, meta={}) for id in ("a", "b")]
        for id in ("a", "b"):
            seen = self.encounter("e1", "08:50", "09:10", appointment=[ref(f"Appointment/{id}")])
            assert self.note(*copies, seen) == "3 of 4 visits left"

    def test_a_copy_that_lags_behind_does_not_count_again(self):
        number = [{"system": "urn:visit", "value": "1"}]
        done = self.booked("a", "08:00", "08:30", n=-2, status="fulfilled", identifier=number)
        lags = self.booked("b", "08:00", "08:30", n=-2, identifier=number, meta={})
        assert self.note(done, lags) == "3 of 4 visits left"

    def test_a_visit_that_was_moved_counts_where_it_is_now(self):
        gone = self.booked("a", "08:00", "08:30", n=3, status="cancelled")
        assert self.note(gone, self.booked("b", "09:00", "09:30", n=5)) == "3 of 4 visits left"

    def test_the_day_of_a_visit_is_the_day_at_the_clinic(self):
        evening = appointment(12) | {"start": "2026-12-04T21:30:00-08:00", "end": "2026-12-04T22:00:00-08:00"}
        story = needed(claim(), answer("A1", start=-5, end=12), evening)
        found = story.clear()
        assert found.gate("authorization").state == "met"
        assert str(found.gate("appointment").reason) == "Booked for 4 Dec 2026."

    def test_the_clock_of_the_site_tells_the_day_of_an_instant_in_utc(self):
        evening = appointment(12) | {"start": "2026-12-05T05:30:00Z", "end": "2026-12-05T06:00:00Z"}
        pacific = {"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/Los_Angeles"}
        story = needed(claim(), answer("A1", start=-5, end=12), evening, site("a") | {"extension": [pacific]})
        assert story.clear().gate("authorization").state == "met"
        nowhere = pacific | {"valueCode": "Mars/Olympus"}
        assert judged(story.with_(site("a") | {"extension": [nowhere]})).rule == "authorization.dates"
