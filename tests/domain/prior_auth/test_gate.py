"""Is one needed, what was decided, and does it cover this visit: rules, requests, answers, units."""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from carecoord.domain.clearance.facts import facts
from tests.domain.stories import (
    HCPCS,
    PAS,
    POLICY,
    Story,
    T,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    coded,
    contract,
    coverage,
    encounter,
    gathered,
    order,
    period,
    plain,
    ref,
    review,
    rule,
    site,
    wish,
)

SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[3] / ".." / "shared"))
PAS_EXAMPLES = SHARED / "data" / "davinci-pas-2.2.1"


def needed(*more) -> Story:
    return plain().with_(book(rule()), *more)


def judged(story: Story, on: int | None = None):
    return story.clear(on=None if on is None else T + timedelta(days=on)).gate("authorization")


class TestRules:
    def test_a_rule_that_names_the_plan_beats_one_that_does_not(self):
        story = plain().with_(book(rule(needed=True), rule(needed=False, plans=("PLAN1",))))
        assert judged(story).state == "not-needed"

    def test_a_rule_for_the_network_beats_one_for_any(self):
        story = plain().with_(book(rule(needed=True), rule(needed=False, network="in")))
        assert judged(story).state == "not-needed"

    def test_the_plan_counts_more_than_the_network(self):
        story = plain().with_(book(rule(needed=True, plans=("PLAN1",)), rule(needed=False, network="in")))
        assert judged(story).state == "open"

    def test_a_rule_for_the_code_beats_one_for_every_code(self):
        assert judged(plain().with_(book(rule(needed=True, code=None), rule(needed=False)))).state == "not-needed"

    def test_two_rules_equally_exact_that_disagree_are_reported(self):
        found = judged(plain().with_(book(rule(needed=True), rule(needed=False))))
        assert found.state == "unknown"
        assert "disagree" in str(found.reason)
        assert len(found.evidence) == 2

    def test_no_rule_is_unknown_and_says_what_would_settle_it(self):
        found = judged(plain().with_(book(rule(code="99999"))))
        assert (found.state, found.action.code) == ("unknown", "check-requirement")

    def test_the_rules_of_another_payer_do_not_count(self):
        assert (
            judged(plain().with_(book(rule(needed=False), payer=2)).without("PlanDefinition/rules-1")).state
            == "unknown"
        )

    def test_a_retired_rule_book_does_not_count(self):
        assert judged(plain().with_(book(rule(needed=False)) | {"status": "retired"})).state == "unknown"

    def test_a_rule_book_counts_while_it_is_in_effect(self):
        old = book(rule(needed=False)) | {"effectivePeriod": period(-300, 5)}
        assert judged(plain().with_(old), 5).state == "not-needed"
        assert judged(plain().with_(old), 6).state == "unknown"

    def test_sparing_in_network_only_means_needed_out_of_it(self):
        story = plain().with_(book(rule(needed=False, network="in")), contract(end=5, evergreen=False))
        assert judged(story).state == "open"

    def test_when_the_network_is_unknown_the_rule_speaks_only_if_it_does_not_matter(self):
        silent = plain().without("OrganizationAffiliation/aff-1-1-include")
        assert judged(silent.with_(book(rule(needed=False)))).state == "not-needed"
        split = silent.with_(book(rule(needed=False, network="in"), rule(network="out")))
        assert (judged(split).state, judged(split).waits_on) == ("unknown", "agreement")

    def test_an_approval_counts_even_where_no_rule_is_known(self):
        story = plain().without("PlanDefinition/rules-1").with_(claim(), answer(start=-5, end=60))
        assert judged(story).state == "met"


class TestMatching:
    def test_an_approval_covers_its_first_and_its_last_day(self):
        story = needed(claim(), answer(start=12, end=20))
        assert [judged(story, n).state for n in (11, 12, 20, 21)] == ["open", "met", "met", "open"]

    def test_a_visit_past_the_approval_says_by_how_many_days(self):
        assert (
            str(judged(needed(claim(), answer(start=-5, end=11))).reason)
            == "Visit is 1 day past the approval: extend or move."
        )
        assert (
            str(judged(needed(claim(), answer(start=-5, end=8))).reason)
            == "Visit is 4 days past the approval: extend or move."
        )

    def test_the_dates_of_the_line_beat_those_of_the_whole_answer(self):
        story = needed(claim(), answer(start=-5, end=60, preAuthPeriod=period(-5, 1)))
        assert judged(story).state == "met"

    def test_the_whole_answers_dates_count_when_the_line_has_none(self):
        assert judged(needed(claim(), answer(preAuthPeriod=period(-5, 1)))).rule == "authorization.dates"

    def test_an_approval_without_dates_is_not_limited_by_them(self):
        assert judged(needed(claim(), answer())).state == "met"

    def test_an_approval_for_another_performer_is_to_be_changed(self):
        found = judged(needed(claim(), answer(start=-5, end=60, provider="group-2")))
        assert (found.state, found.action.code) == ("open", "change-provider")
        assert "Hillcrest Cardiology" in str(found.reason)

    def test_an_approval_for_a_copy_of_the_performer_is_for_the_performer(self):
        assert judged(needed(claim(), answer(start=-5, end=60, provider="office-group-1"))).state == "met"

    def test_an_approval_for_another_site_is_to_be_changed(self):
        there = claim()
        there["item"][0]["locationReference"] = ref("Location/site-b")
        story = needed(site("b"), there, answer(start=-5, end=60))
        assert judged(story).rule == "authorization.site"
        assert judged(story.with_(appointment(12, site="b"))).state == "met"

    def test_a_request_for_another_service_is_not_one_for_this(self):
        other = claim()
        other["item"][0]["productOrService"] = coded(HCPCS, "G9999")
        found = judged(needed(other, answer(start=-5, end=60)))
        assert (found.state, found.rule) == ("open", "authorization.service")

    def test_the_same_code_system_counts_with_http_and_https(self):
        other = claim()
        other["item"][0]["productOrService"] = coded(
            "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets/", "G0463"
        )
        assert judged(needed(other, answer(start=-5, end=60))).state == "met"

    def test_a_range_of_codes_covers_what_lies_in_it(self):
        wide = claim()
        wide["item"][0]["productOrService"] = coded(HCPCS, "G0400")
        wide["item"][0]["extension"] = [
            {"url": f"{PAS}/extension-productOrServiceCodeEnd", "valueCodeableConcept": coded(HCPCS, "G0499")}
        ]
        story = needed(wide, answer(start=-5, end=60))
        assert judged(story).state == "met"
        assert judged(story.with_(order(code=coded(HCPCS, "G0500")))).rule in (
            "authorization.service",
            "authorization.no-rule",
        )

    def test_an_approval_that_names_no_order_is_only_suggested(self):
        loose = claim()
        del loose["referral"]
        found = needed(loose, answer(start=-5, end=60)).clear()
        assert found.gate("authorization").rule == "authorization.missing"
        assert any("may be meant for this referral" in words for words in found.warnings)

    def test_an_order_may_name_the_answer_instead(self):
        loose = claim()
        del loose["referral"]
        named = order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")])
        assert judged(needed(loose, answer(start=-5, end=60), named)).state == "met"
        assert judged(needed(answer(start=-5, end=60), named)).state == "met", "even where the request is not ours"

    def test_a_line_may_name_the_order_as_pas_does(self):
        loose = claim()
        del loose["referral"]
        loose["item"][0]["extension"] = [
            {"url": f"{PAS}/extension-requestedService", "valueReference": ref("ServiceRequest/sr")}
        ]
        assert judged(needed(loose, answer(start=-5, end=60))).state == "met"

    def test_the_approval_of_the_old_payer_does_not_cover_under_the_new(self):
        story = needed(claim(), answer(start=-5, end=60), coverage(end=5), coverage(2, start=6))
        assert judged(story).rule == "authorization.payer"


class TestUnits:
    def series(self, granted: int, used: int, booked: int) -> Story:
        visits = [encounter(-3 * n - 1, f"seen-{n}") for n in range(used)]
        ahead = [appointment(3 * n + 3, f"booked-{n}") for n in range(booked)]
        approval = answer(start=-100, end=60, units=granted)
        return needed(claim(sent=-101, units=granted), approval, *visits, *ahead).without("Appointment/visit")

    def test_left_is_authorized_minus_booked_minus_used(self):
        found = self.series(12, 9, 2).clear()
        assert found.ruling.left == 1
        assert found.ruling.note == "1 of 12 visits left"

    def test_the_thirteenth_is_warned_of_before_it_is_made(self):
        found = self.series(12, 9, 3).clear()
        assert found.gate("authorization").state == "met"
        assert any(words.startswith("All 12 authorized visits") for words in found.warnings)
        assert judged(self.series(12, 9, 3), on=40).rule == "authorization.units"
        assert judged(self.series(12, 9, 2), on=40).state == "met"

    def test_a_thirteenth_that_was_booked_all_the_same_opens_the_gate(self):
        found = judged(self.series(12, 9, 4))
        assert (found.state, found.rule) == ("open", "authorization.units")

    def test_visits_outside_the_approval_use_none_of_it(self):
        story = self.series(2, 0, 1).with_(encounter(-150, "long-ago"), appointment(80, "far"))
        assert story.clear().ruling.left == 1

    def test_a_visit_that_is_both_an_encounter_and_a_fulfilled_appointment_counts_once(self):
        both = [appointment(-5, "was", "fulfilled"), encounter(-5, "seen", appointment=[ref("Appointment/was")])]
        assert self.series(3, 0, 1).with_(*both).clear().ruling.left == 1

    def test_cancelled_and_missed_visits_use_nothing(self):
        lost = [appointment(-5, "gone", "cancelled"), appointment(-6, "missed", "noshow")]
        assert self.series(3, 0, 1).with_(*lost).clear().ruling.left == 2

    def test_copies_of_one_booking_count_once(self):
        number = [{"system": "urn:visit", "value": "1"}]
        copies = [appointment(9, "one", identifier=number), appointment(9, "two", identifier=number, meta={})]
        assert self.series(3, 0, 0).with_(*copies).clear().ruling.left == 2

    def test_a_part_that_was_approved_without_a_count_is_unknown(self):
        found = judged(needed(claim(units=6), answer("A2", start=-5, end=60)))
        assert (found.state, found.action.code) == ("unknown", "call-payer")

    def test_an_approval_without_a_count_is_not_used_up(self):
        story = needed(claim(), answer(start=-100, end=60), *(encounter(-n, f"e{n}") for n in range(1, 30)))
        assert judged(story).state == "met"

    def test_fewer_units_than_asked_for_are_what_counts(self):
        story = needed(claim(units=6), answer("A2", start=-5, end=60, units=1), encounter(-2, "seen"))
        found = story.clear()
        assert found.gate("authorization").rule == "authorization.units"
        assert found.ruling.chip == "partly"


class TestLifecycle:
    def test_the_payer_has_seven_calendar_days_or_seventy_two_hours(self):
        fast = claim(sent=-1, priority=coded("http://terminology.hl7.org/CodeSystem/processpriority", "stat"))
        level = {
            "url": f"{PAS}/extension-levelOfServiceCode",
            "valueCodeableConcept": coded("https://codesystem.x12.org/005010/1338", "U"),
        }
        for request, hours in ((claim(sent=-1), 7 * 24), (fast, 72), (claim(sent=-1, extension=[level]), 72)):
            found = judged(needed(request))
            assert found.due - found.since == timedelta(hours=hours)
            assert (found.state, found.who, str(found.due_label)) == ("pending", "payer", "Payer decision")

    def test_asking_for_papers_does_not_stop_the_payers_clock(self):
        story = needed(claim(sent=-2), answer("A4", decided=-1))
        assert judged(story).due == judged(story.with_(wish())).due

    def test_the_headline_of_a_request_pended_for_a_paper_is_the_paper(self):
        found = needed(claim(sent=-2), answer("A4"), wish()).clear()
        assert (found.headline_gate, found.who) == ("information", "coordinator")
        assert found.due < found.gate("authorization").due

    def test_a_payer_past_its_time_is_called(self):
        found = judged(needed(claim(sent=-8)))
        assert (found.state, found.action.code) == ("pending", "call-payer")

    def test_a_denial_names_the_reason_and_the_time_to_appeal(self):
        found = needed(claim(), answer("A3", because="Not medically necessary")).clear()
        gate = found.gate("authorization")
        assert "Not medically necessary" in str(gate.reason)
        assert (gate.action.code, str(gate.due_label), found.ruling.chip) == ("appeal", "Answer the denial", "denied")

    def test_a_denial_without_a_code_speaks_through_its_note(self):
        story = needed(claim(), answer("A3", processNote=[{"text": "No clinical notes."}]))
        assert "No clinical notes" in str(judged(story).reason)

    def test_a_new_request_after_a_denial_is_pending(self):
        story = needed(claim(sent=-20), answer("A3", decided=-15), claim("again", sent=-2))
        assert judged(story).state == "pending"

    def test_an_older_approval_that_still_covers_beats_a_newer_denial(self):
        story = needed(claim(sent=-20), answer(start=-15, end=60), claim("again", sent=-2), answer("A3", claim="again"))
        assert judged(story).state == "met"

    def test_a_modified_line_speaks_through_what_was_added_in_its_place(self):
        added = {
            "itemSequence": [1],
            "productOrService": coded(HCPCS, "G0463"),
            "quantity": {"value": 2},
            "provider": [ref("Organization/group-2")],
            "adjudication": [review("A1")],
        }
        found = needed(claim(units=6), answer("A6", start=-5, end=60, addItem=[added])).clear()
        assert found.gate("authorization").rule == "authorization.performer"
        assert (found.ruling.chip, found.ruling.line.units) == ("partly", 2)

    def test_a_service_that_the_payer_added_counts(self):
        added = {"productOrService": coded(HCPCS, "G0463"), "adjudication": [review("A1")]}
        other = claim()
        other["item"][0]["productOrService"] = coded(HCPCS, "G9999")
        assert judged(needed(other, answer("A3", addItem=[added]))).state == "met"

    def test_an_update_that_has_no_answer_yet_keeps_what_was_approved(self):
        update = claim("update", sent=-1, related=[{"claim": ref("Claim/req")}])
        story = needed(claim(sent=-20), answer(start=-15, end=60), update)
        assert judged(story).state == "met"
        assert judged(story, on=70).state == "pending", "the update may be the extension"

    def test_the_answer_to_the_update_replaces_the_answer_before_it(self):
        update = claim("update", sent=-5, related=[{"claim": ref("Claim/req")}])
        story = needed(claim(sent=-20), answer(start=-15, end=1), update, answer(start=-15, end=60, claim="update"))
        assert judged(story).state == "met"
        assert len(story.clear().facts.requests) == 1

    def test_a_request_that_is_only_associated_with_another_replaces_nothing(self):
        other = {"claim": ref("Claim/req"), "relationship": coded("x", "associated")}
        beside = claim("beside", sent=-5, related=[other])
        beside["item"][0]["productOrService"] = coded(HCPCS, "G9999")
        story = needed(claim(sent=-20), answer(start=-15, end=60), beside, answer("A3", claim="beside"))
        assert judged(story).state == "met"

    def test_a_circle_of_updates_is_read_once(self):
        circle = [claim("a", related=[{"claim": ref("Claim/b")}]), claim("b", related=[{"claim": ref("Claim/a")}])]
        assert len(needed(*circle).clear().facts.requests) == 1

    def test_a_cancelled_request_is_no_request(self):
        assert judged(needed(claim(status="cancelled"), answer(start=-5, end=60))).rule == "authorization.missing"
        mark = {
            "url": f"{PAS}/extension-certificationType",
            "valueCodeableConcept": coded("https://codesystem.x12.org/005010/1322", "3"),
        }
        assert judged(needed(claim(extension=[mark]), answer(start=-5, end=60))).rule == "authorization.missing"

    def test_a_cancelled_line_covers_nothing(self):
        line = claim()
        line["item"][0]["modifierExtension"] = [{"url": f"{PAS}/modifierextension-infoCancelled", "valueBoolean": True}]
        assert judged(needed(line, answer(start=-5, end=60))).state != "met"

    def test_a_drafted_request_is_to_be_sent(self):
        found = needed(claim(status="draft")).clear()
        assert (found.gate("authorization").action.code, found.ruling.chip) == ("submit-authorization", "draft")

    def test_an_error_is_to_be_corrected(self):
        story = needed(claim(), answer(outcome="error", item=[], error=[{"code": {"text": "Member not found"}}]))
        assert "Member not found" in str(judged(story).reason)
        assert judged(story).action.code == "correct-request"

    def test_contact_payer_is_a_call(self):
        assert judged(needed(claim(), answer("CT"))).rule == "authorization.contact"

    def test_the_payer_may_answer_that_none_is_needed(self):
        assert judged(needed(claim(), answer("NA"))).state == "not-needed"

    def test_an_answer_without_a_decision_is_unknown(self):
        assert judged(needed(claim(), answer(item=[]))).rule == "authorization.unclear"
        assert judged(needed(claim(), answer("ZZ"))).state == "unknown"

    def test_queued_is_pended(self):
        assert judged(needed(claim(sent=-1), answer(item=[], outcome="queued"))).state == "pending"

    def test_an_approval_that_ended_without_a_visit_is_expired(self):
        story = needed(claim(sent=-60), answer(start=-50, end=-3)).without("Appointment/visit")
        found = story.clear()
        assert (found.ruling.chip, found.gate("authorization").action.code) == ("expired", "extend-authorization")
        assert str(found.gate("authorization").reason) == "The approval ended on 19 Nov 2026: extend it."

    def test_the_performer_for_another_day_is_in_network_for_its_agreement(self):
        story = needed(claim(), answer(start=-5, end=60), affiliation(end=30))
        assert story.clear(on=T + timedelta(days=31)).gate("agreement").state == "blocked"
        assert judged(story, 31).state == "met"


@pytest.mark.skipif(not PAS_EXAMPLES.is_dir(), reason="the official PAS examples are not here (../shared/data)")
class TestOfficialExamples:
    def read(self, *names: str):
        """The requests in the official PAS 2.2.1 bundles, for the order of the referral example."""
        heap = {}
        for name in names:
            bundle = json.loads((PAS_EXAMPLES / f"{name}.json").read_text())
            entries = bundle.get("entry", [{"resource": bundle}])
            heap |= {f"{r['resourceType']}/{r['id']}": r for r in (entry["resource"] for entry in entries)}
        found = gathered(heap["ServiceRequest/ReferralRequestExample"], heap.values())
        return facts(found, POLICY).requests[0]

    def test_the_approval_is_read_with_number_dates_units_and_provider(self):
        request = self.read(
            "Bundle-ReferralAuthorizationBundleExample", "Bundle-ReferralAuthorizationResponseBundleExample"
        )
        line = request.lines[0]
        assert request.linked
        assert request.expedited, "level of service U"
        assert (line.state, line.number, line.units) == ("approved", "AUTH0001", 1)
        assert [each.name for each in line.providers] == ["WATSON, SUSAN"]
        assert (line.days.start, line.days.last) == (date(2005, 5, 2), date(2005, 6, 2))

    def test_the_pended_answer_is_read_as_pended(self):
        request = self.read(
            "Bundle-ReferralAuthorizationBundleExample", "Bundle-ReferralPendingAuthorizationResponseBundleExample"
        )
        assert [line.state for line in request.lines] == ["pended"]

    def test_an_added_item_is_a_line_of_its_own(self):
        request = self.read(
            "Bundle-ReferralAuthorizationBundleExample",
            "ClaimResponse-PractitionerRequestorAdditionalContentResponseExample",
        )
        assert [(line.state, line.units) for line in request.lines] == [("approved", 1), ("approved", 1)]


# What a payer can decide by X12 306 on the one line -> how the gate stands; and when an update was sent since, of which
# nothing is decided yet: what was granted stays good (Da Vinci PAS 2.2.1), all else waits. What was granted in part or
# otherwise than asked, without saying how much (A2, A6), is not known to be good: then the update is waited for.
DECIDED = {
    "A1": ("met", "met"),
    "A2": ("unknown", "pending"),
    "A6": ("unknown", "pending"),
    "A3": ("blocked", "pending"),
    "A4": ("pending", "pending"),
    "CT": ("open", "pending"),
    "C": ("open", "pending"),
    "NA": ("not-needed", "not-needed"),
    "ZZ": ("unknown", "pending"),
}


@pytest.mark.parametrize("action", DECIDED)
def test_every_decision_has_its_words_alone_and_under_an_update(action: str) -> None:
    asked = plain().with_(book(rule()), claim(sent=-5), answer(action, decided=-3))
    earlier = [{"claim": ref("Claim/req"), "relationship": coded("http://example.org/relation", "prior")}]
    updated = asked.with_(claim("update", sent=-1, related=earlier))
    found = [story.clear().gate("authorization") for story in (asked, updated)]
    assert tuple(gate.state for gate in found) == DECIDED[action]
    assert all(str(gate.reason) for gate in found)
