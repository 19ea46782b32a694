"""A judgement looks at the whole authorization (issue 7, section 1): each sentence of it a test with the right gate."""

from datetime import timedelta

import pytest

from carecoord.domain.clearance.clearance import clear
from carecoord.domain.referrals.case import order_of
from tests.domain.stories import (
    HCPCS,
    NOW,
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
    day,
    eligibility,
    encounter,
    gathered,
    order,
    period,
    plain,
    ref,
    review,
    rule,
    task,
)

X12_673 = "https://codesystem.x12.org/005010/673"
BSER = "https://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
PLAN = coded("http://terminology.hl7.org/CodeSystem/coverage-class", "plan")
PLAN_9 = [{"type": PLAN, "value": "PLAN9", "name": "Plan 9"}]


def other(id: str = "sr-b", **more) -> dict:
    """A second order of the patient, for the same service there."""
    return order(id=id, identifier=[{"system": "https://carecoord.example/id/referral", "value": id}], **more)


def of_other(resource: dict, id: str = "sr-b") -> dict:
    return resource | {"basedOn": [ref(f"ServiceRequest/{id}")]}


def requested(*ids: str) -> dict:
    """A line of a request that names each of the orders, as PAS does."""
    named = [{"url": f"{PAS}/extension-requestedService", "valueReference": ref(f"ServiceRequest/{id}")} for id in ids]
    return {"sequence": 1, "productOrService": coded(HCPCS, "G0463"), "quantity": {"value": 12}, "extension": named}


def twelve(*more: dict) -> Story:
    """12 visits authorized for two orders under one approval; nothing booked yet."""
    both = claim(sent=-101, item=[requested("sr", "sr-b")])
    story = plain().with_(book(rule()), both, answer(start=-100, end=80, units=12), other())
    return story.without("Appointment/visit").with_(*more)


def judged(story: Story, of: str = "sr", on=None):
    case = gathered(story.resources[f"ServiceRequest/{of}"], story.resources.values())
    return clear(case, NOW, POLICY, on)


def used_up_by_a() -> Story:
    seen = [encounter(-10 - n, f"seen-{n}") for n in range(9)]
    ahead = [appointment(3 * n + 3, f"ahead-{n}") for n in range(3)]
    return twelve(*seen, *ahead)


def test_a_thirteenth_visit_on_another_order_under_the_same_approval_is_not_met_and_the_first_order_warns() -> None:
    story = used_up_by_a().with_(of_other(appointment(40, "thirteenth")))
    b = judged(story, "sr-b")
    assert (b.gate("authorization").state, b.gate("authorization").rule) == ("open", "authorization.units")
    assert not b.cleared
    a = judged(story)
    assert a.gate("authorization").state == "met"
    assert any("12 authorized visits" in words for words in a.warnings), a.warnings


def test_an_order_that_names_the_answer_shares_its_units_too() -> None:
    story = used_up_by_a().with_(
        claim(sent=-101, item=[requested("sr")]),
        other(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")]),
        of_other(appointment(40, "thirteenth")),
    )
    assert judged(story, "sr-b").gate("authorization").rule == "authorization.units"


def test_units_count_through_a_chain_of_answers() -> None:
    related = [
        {
            "claim": ref("Claim/req"),
            "relationship": coded("http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "prior"),
        }
    ]
    update = claim("req-2", sent=-50, item=[requested("sr", "sr-b")], related=related)
    later = answer(start=-100, end=80, units=12, claim="req-2", decided=-49)
    story = used_up_by_a().with_(update, later, of_other(appointment(40, "thirteenth")))
    assert judged(story, "sr-b").gate("authorization").state == "open"


def test_twelve_are_enough_for_twelve_of_both_orders() -> None:
    story = used_up_by_a().without("Appointment/ahead-2").with_(of_other(appointment(40, "twelfth")))
    assert judged(story, "sr-b").gate("authorization").state == "met"


@pytest.mark.parametrize("card", [
    coverage(id="card-new", start=-5, **{"class": PLAN_9}),
    coverage(id="card-new", start=-5, subscriberId="OTHER-77"),
])  # fmt: skip
def test_another_plan_or_member_id_of_the_same_payer_is_another_coverage(card: dict) -> None:
    old = coverage(end=-5, subscriberId="M-1")
    story = plain().with_(
        book(rule()),
        claim(),
        answer(start=-9, end=80),
        old,
        card,
        eligibility(2, "card-new", insurer=ref("Organization/payer-1")),
    )
    story = story.with_(order(insurance=[ref("Coverage/card-new")]))
    found = story.clear()
    assert found.gate("authorization").state not in ("met", "not-needed"), found.gate("authorization").reason
    assert not found.cleared


def test_the_payers_answer_that_names_the_new_card_covers_it() -> None:
    card = coverage(id="card-new", start=-5, subscriberId="OTHER-77")
    named = answer(start=-9, end=80, insurance=[{"sequence": 1, "focal": True, "coverage": ref("Coverage/card-new")}])
    story = plain().with_(book(rule()), claim(), named, coverage(end=-5, subscriberId="M-1"), card)
    story = story.with_(
        order(insurance=[ref("Coverage/card-new")]), eligibility(2, "card-new", insurer=ref("Organization/payer-1"))
    )
    assert story.clear().gate("authorization").state == "met"


def counted(value: int, code: str, unit: str) -> dict:
    """An answer that grants so many of a unit."""
    quantity = {"value": value, "unit": unit, "system": X12_673, "code": code}
    found = answer(start=-100, end=80)
    detail = {
        "url": f"{PAS}/extension-itemAuthorizedDetail",
        "extension": [{"url": "quantity", "valueQuantity": quantity}],
    }
    found["item"][0]["extension"].append(detail)
    return found


def test_480_minutes_are_not_480_visits() -> None:
    """Each visit takes 30 minutes: 16 fill 480, and the 17th finds nothing left."""
    ahead = [appointment(2 * n + 2, f"ahead-{n}") for n in range(16)]
    story = (
        plain()
        .with_(book(rule()), claim(sent=-101), counted(480, "MJ", "Minutes"), *ahead)
        .without("Appointment/visit")
    )
    assert story.clear().gate("authorization").state == "met"
    more = story.with_(appointment(60, "one-more"))
    case = more.case()
    on = NOW.date() + timedelta(days=60)
    assert clear(case, NOW, POLICY, on).gate("authorization").rule == "authorization.units"


@pytest.mark.parametrize(("code", "unit"), [("MO", "Months"), ("UN", "Units")])
def test_units_that_are_no_visits_are_unknown_and_say_what_would_settle_it(code: str, unit: str) -> None:
    story = plain().with_(book(rule()), claim(sent=-101), counted(6, code, unit))
    found = story.clear()
    gate = found.gate("authorization")
    assert gate.state == "unknown", gate.reason
    assert gate.action
    assert gate.action.code == "call-payer"
    assert not found.cleared


def test_days_count_days_and_hours_count_hours() -> None:
    twice = [appointment(5, "morning"), appointment(5, "noon", start=at(5, "12:00"), end=at(5, "12:30"))]
    story = plain().with_(book(rule()), claim(sent=-101), counted(1, "DA", "Days"), *twice).without("Appointment/visit")
    assert story.clear().gate("authorization").state == "met"
    hours = (
        plain().with_(book(rule()), claim(sent=-101), counted(1, "HS", "Hours"), *twice).without("Appointment/visit")
    )
    assert hours.clear().gate("authorization").state == "met"
    third = hours.with_(appointment(6, "third"))
    assert clear(third.case(), NOW, POLICY, NOW.date() + timedelta(days=6)).gate("authorization").state == "open"


def test_a_visit_that_sources_contradict_each_other_about_is_never_cleared() -> None:
    ours = appointment(12, "ours", "cancelled", identifier=[{"system": "urn:visit", "value": "1"}], meta={})
    theirs = appointment(12, identifier=[{"system": "urn:visit", "value": "1"}])
    found = plain().with_(ours, theirs).clear()
    assert found.conflict
    assert not found.cleared
    assert found.gate("appointment").state not in ("met", "not-needed")


@pytest.mark.parametrize("asked", [
    task(status="in-progress", stage="cancel-requested"),
    task(status="in-progress", stage="x", businessStatus=coded(BSER, "5.2")),
    task(status="in-progress", stage="x", businessStatus={"text": "Cancellation requested"}),
])  # fmt: skip
def test_a_visit_that_was_asked_to_be_cancelled_is_never_cleared_and_never_scheduled(asked: dict) -> None:
    found = plain().with_(asked).clear()
    assert not found.cleared
    assert found.facts.referral.stage == "cancel-requested"
    assert found.gate("appointment").rule == "appointment.cancel-requested"


def test_a_request_to_cancel_as_a_task_of_its_own_counts_the_same() -> None:
    abort = task(
        2, "requested", focus=ref("Task/task-1"), code=coded("http://hl7.org/fhir/CodeSystem/task-code", "abort")
    )
    found = plain().with_(abort).clear()
    assert not found.cleared
    assert found.gate("appointment").rule == "appointment.cancel-requested"


@pytest.mark.parametrize("words", ["No show", "Patient did not attend", "DNA"])
def test_a_no_show_in_a_partners_words_never_shows_as_scheduled(words: str) -> None:
    story = plain().with_(task(status="in-progress", stage="x", businessStatus={"text": words}))
    assert story.clear().facts.referral.stage == "no-show"


def test_a_visit_whose_time_has_passed_is_never_among_those_that_can_be_seen() -> None:
    assert plain().clear().cleared
    assert not plain().with_(appointment(-1)).clear().cleared
    assert not plain().with_(appointment(0, start=at(0, "08:00"), end=at(0, "08:30"))).clear().cleared


def test_an_urgent_denial_stands_on_top_by_what_hurts_the_patient_not_by_the_last_legal_day() -> None:
    urgent = order(priority="urgent", occurrencePeriod=period(-2, 5))
    story = plain().with_(urgent, book(rule()), claim(), answer("A3", because="Not medically necessary"))
    found = story.without("Appointment/visit").clear()
    assert found.gate("authorization").state == "blocked"
    appeal = found.gate("authorization").due
    assert found.due
    assert found.due.date().isoformat() <= day(6)
    assert appeal is None or found.due <= appeal
    routine = plain().with_(book(rule()), claim(), answer("A3", because="Not medically necessary"))
    slow = routine.without("Appointment/visit").clear()
    assert slow.due
    assert found.due < slow.due


IMAGING = coded("http://snomed.info/sct", "363679005", "Imaging")


@pytest.mark.parametrize("category", [
    IMAGING, coded("http://snomed.info/sct", "387713003", "Surgical procedure"),
    coded("http://snomed.info/sct", "386053000", "Evaluation procedure"), coded("urn:x", "home-health"),
])  # fmt: skip
def test_an_order_of_any_category_that_goes_to_somebody_is_judged_like_a_referral(category: dict) -> None:
    story = plain().with_(order(category=[category])).without("Task/task-1")
    found = story.clear()
    assert [gate.state for gate in found.gates[:3]] == ["met", "not-needed", "met"]
    assert found.cleared


def test_a_device_that_is_ordered_from_somebody_has_all_six_gates() -> None:
    device = {
        "resourceType": "DeviceRequest", "id": "sr", "status": "active", "intent": "order", "authoredOn": at(-6),
        "codeCodeableConcept": coded(HCPCS, "E0601", "CPAP device"), "subject": ref("Patient/pat"),
        "performer": ref("Organization/group-1"), "occurrencePeriod": period(-5, 90),
        "insurance": [ref("Coverage/card-1")],
    }  # fmt: skip
    visit = appointment(12) | {"basedOn": [ref("DeviceRequest/sr")]}
    story = (
        plain().with_(device, visit, book(rule(needed=True, code="E0601"))).without("ServiceRequest/sr", "Task/task-1")
    )
    case = gathered(order_of(device), story.resources.values())
    found = clear(case, NOW, POLICY)
    assert found.facts.referral.service == "CPAP device"
    assert found.facts.referral.performer
    assert found.facts.referral.performer.name == "Riverside Heart"
    assert (found.gate("authorization").state, found.gate("authorization").rule) == ("open", "authorization.missing")
    asked = claim(referral=ref("DeviceRequest/sr"), item=[{"sequence": 1, "productOrService": coded(HCPCS, "E0601")}])
    granted = story.with_(asked, answer(start=-9, end=60))
    found = clear(gathered(order_of(device), granted.resources.values()), NOW, POLICY)
    assert found.gate("authorization").state == "met"


def test_what_was_reviewed_for_the_whole_answer_alone_speaks_for_its_line() -> None:
    story = plain().with_(book(rule()), claim(), answer() | {"adjudication": [review("A3", "No")], "item": []})
    assert story.clear().gate("authorization").state == "blocked"
