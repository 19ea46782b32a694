"""What must hold for every case: the answer is pure, knows when time will change it, and no missing evidence proves
anything. Stories are made at random; every one is a case that could be."""

import copy
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.domain.access.payer_view import told_to_payer
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.worklist.row import row
from carecoord.fhir.instants import moment
from tests.domain.stories import (
    NOW,
    POLICY,
    Story,
    T,
    affiliation,
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
    period,
    plain,
    plan,
    question,
    report,
    rule,
    states,
    task,
    wish,
)

N = st.integers(-40, 90)
END = st.none() | N
DATED = ("coverage", "authorization", "agreement", "information")


def some(*options):
    return st.sampled_from(options)


@st.composite
def stories(draw, cards: int = 2):
    """A referral with any mix of covers, rules, requests, agreements, visits and papers."""
    story = plain().without("Appointment/visit", "CoverageEligibilityResponse/eligible-card-1-5")
    story = story.with_(coverage(start=draw(some(-300, 0, 20)), end=draw(END)))
    if cards > 1 and draw(st.booleans()):
        story = story.with_(coverage(2, start=draw(N)), book(rule(), payer=2))
    if draw(st.booleans()):
        story = story.with_(eligibility(draw(st.integers(0, 45)), inforce=draw(some(True, True, False, None))))
    if draw(st.booleans()):
        story = story.with_(question(draw(st.integers(0, 10))))
    rules = draw(some((rule(),), (rule(needed=False),), (rule(needed=False, network="in"), rule(network="out")), ()))
    if draw(st.booleans()) and rules:
        rules = (rule(papers=("42148-7",)),)
    story = story.with_(book(*rules))
    story = story.with_(
        affiliation(
            start=draw(some(-600, 0, 10)),
            end=draw(END),
            credentialed=draw(END),
            sites=draw(some((), (), ("a",), ("b",))),
        ),
        contract(
            start=draw(some(-600, -5, 15)),
            end=draw(END),
            evergreen=draw(st.booleans()),
            notice=draw(st.none() | st.integers(-60, 30)),
            status=draw(some("executed", "executed", "executable", "disputed", "terminated")),
        ),
        plan(end=draw(END)),
    )
    if draw(st.booleans()):
        story = story.with_(affiliation(kind="exclude", start=draw(N), end=draw(END)))
    if draw(st.booleans()):
        story = story.with_(
            claim(sent=draw(st.integers(-30, 0)), status=draw(some("active", "active", "draft", "cancelled")))
        )
        if draw(st.booleans()):
            units = draw(st.none() | st.integers(1, 4))
            story = story.with_(
                answer(
                    draw(some("A1", "A1", "A2", "A3", "A4", "CT")),
                    draw(N),
                    draw(END),
                    units=units,
                    provider=draw(some("", "group-1", "group-2")),
                )
            )
        if draw(st.booleans()):
            story = story.with_(wish(draw(st.none() | N), status=draw(some("requested", "completed", "failed"))))
    if draw(st.booleans()):
        story = story.with_(
            errand(draw(some("requested", "completed", "failed")), draw(some("Organization/clinic", "Patient/pat")))
        )
    if draw(st.booleans()):
        story = story.with_(document(related=draw(st.booleans())))
    for n in range(draw(st.integers(0, 3))):
        status = draw(some("booked", "booked", "fulfilled", "cancelled", "noshow", "pending"))
        story = story.with_(appointment(draw(N), f"visit-{n}", status, draw(some("a", "b"))))
    if draw(st.booleans()):
        story = story.with_(encounter(draw(st.integers(-40, 0)), "seen"))
    if draw(st.booleans()):
        story = story.with_(report(draw(st.integers(-10, 0))))
    if draw(st.booleans()):
        story = story.with_(
            child("acknowledge-report", draw(some("requested", "completed"))), child("tell-patient", "completed")
        )
    stage = draw(
        some(
            ("accepted", "accepted"),
            ("requested", "sent"),
            ("received", "in-triage"),
            ("rejected", "declined"),
            ("failed", "failed"),
        )
    )
    start = draw(st.integers(-30, 30))
    window = period(start, draw(st.none() | st.integers(start, start + 80)))
    return story.with_(
        task(1, *stage), order(status=draw(some("active", "active", "completed", "revoked")), occurrencePeriod=window)
    )


def shown(story: Story, now):
    """All that the worklist shows of a case, and the rule behind each gate."""
    case = story.case()
    found = clear(case, now, POLICY)
    told = told_to_payer(case, found, POLICY)
    return row(case, found, told, POLICY) | {f"{gate.name}_rule": gate.rule for gate in found.gates}


@given(stories())
@settings(max_examples=60, deadline=None)
def test_the_same_case_at_the_same_instant_gives_the_same_answer_and_is_left_as_it_was(story):
    before = copy.deepcopy(story.resources)
    first = story.clear()
    again = Story({key: story.resources[key] for key in reversed(story.resources)}).clear()
    assert first == story.clear()
    assert story.resources == before
    assert states(first) == states(again), "the order in which resources were found says nothing"


@given(stories(), st.lists(st.floats(0, 1), min_size=3, max_size=6), st.integers(0, 120))
@settings(max_examples=50, deadline=None)
def test_nothing_changes_before_the_instant_that_the_answer_names(story, fractions, days):
    """A row that stands in the worklist stays true until its `changes_at`: the whole row, not only the gates."""
    now = NOW + timedelta(days=days, minutes=days * 7)
    stands, ours = shown(story, now), story.clear(now).changes_at
    # What the payer is shown is judged apart, and a name may run out: the row changes with whichever comes first.
    until = moment(stands["changes_at"]) if stands["changes_at"] is not None else None
    assert ours is None or (until is not None and until <= ours)
    horizon = until - timedelta(microseconds=1) if until else now + timedelta(days=900)
    assert until is None or until > now
    for fraction in (*fractions, 1.0):
        then = shown(story, now + (horizon - now) * fraction)
        assert {name: (stands[name], then[name]) for name in stands if stands[name] != then[name]} == {}


@given(stories())
@settings(max_examples=25, deadline=None)
def test_walking_from_change_to_change_meets_every_answer_of_the_next_months(story):
    """Judged only at the instants it names itself, a case never misses a state that a day-by-day look finds."""
    now, walked = NOW, [NOW]
    while (until := story.clear(now).changes_at) and until < NOW + timedelta(days=100) and len(walked) < 60:
        now = until
        walked.append(until)
    for n in range(0, 100, 3):
        moment = NOW + timedelta(days=n, hours=n % 24)
        last = max(at for at in walked if at <= moment)
        assert states(story.clear(moment)) == states(story.clear(last))


@given(
    stories(cards=1),
    st.integers(0, 60),
    st.sampled_from(
        (
            "InsurancePlan",
            "OrganizationAffiliation",
            "Contract",
            "PlanDefinition",
            "ClaimResponse",
            "Coverage",
            "Organization",
        )
    ),
)
@settings(max_examples=100, deadline=None)
def test_losing_a_whole_kind_of_evidence_never_makes_a_gate_met(story, day, kind):
    on = T + timedelta(days=day)
    left = story.without(*(key for key in story.resources if key.startswith(f"{kind}/")))
    before, after = states(story.clear(on=on)), states(left.clear(on=on))
    for gate in DATED:
        if gate == "information" and kind in (
            "PlanDefinition",
            "Coverage",
            "InsurancePlan",
            "Organization",
            "ClaimResponse",
        ):
            continue  # with the rule or the decision goes the wish for papers: nothing was proved, nothing is asked
        if before[gate] not in ("met", "not-needed"):
            assert after[gate] not in ("met", "not-needed"), gate


@given(stories(cards=1), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_losing_what_a_met_gate_rests_on_never_makes_another_met(story, day):
    on = T + timedelta(days=day)
    found = story.clear(on=on)
    before = states(found)
    rests = {each.reference for gate in found.gates[:3] if not gate.unmet for each in gate.evidence}
    for reference in rests & story.resources.keys():
        after = states(story.without(reference).clear(on=on))
        for gate in DATED[:3]:
            if before[gate] not in ("met", "not-needed"):
                assert after[gate] not in ("met", "not-needed"), (reference, gate)


JUNK = (
    None,
    [],
    {},
    "",
    "x",
    5,
    -1.5,
    True,
    "2026-13-45",
    "9999-12-31",
    "0001-01-01",
    [None],
    [[]],
    [{}],
    {"a": 1},
    "A/b",
    ["x"],
)


@given(stories(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_malformed_resource_never_stops_the_rules(story, chance: random.Random):
    """An EHR sync stores what the judge flags: the rules read what they can and call the rest absent."""
    resources = copy.deepcopy(story.resources)
    for _ in range(chance.randint(1, 4)):
        key = chance.choice([key for key in resources if key != "ServiceRequest/sr"] + ["ServiceRequest/sr"])
        spoil(resources[key], chance)
    resources["ServiceRequest/sr"] |= {"resourceType": "ServiceRequest", "id": "sr"}
    case = Story(resources).case()
    found = clear(case, NOW, POLICY)
    assert len(found.gates) == 6
    assert row(case, found, told_to_payer(case, found, POLICY), POLICY)["stage"]


def spoil(element, chance: random.Random) -> None:
    """Replace something inside by junk."""
    while True:
        names = (
            [n for n in element if n not in ("resourceType", "id")]
            if isinstance(element, dict)
            else list(range(len(element)))
        )
        if not names:
            return
        name = chance.choice(names)
        inside = element[name]
        if isinstance(inside, (dict, list)) and inside and chance.random() < 0.7:
            element = inside
            continue
        element[name] = chance.choice(JUNK)
        return


def test_a_window_says_where_the_answer_changes():
    story = plain().without("Appointment/visit").with_(contract(end=39, evergreen=True, notice=-12))
    found = story.clear()
    gate = found.gate("agreement")
    assert gate.state == "met"
    assert [(span.state, span.first, span.last) for span in gate.spans] == [
        ("met", T, T + timedelta(days=39)),
        ("blocked", T + timedelta(days=40), T + timedelta(days=90)),
    ]
    assert found.changes == (T + timedelta(days=40),)
    assert any("1 Jan 2027" in words for words in found.warnings)


def test_a_day_that_is_asked_about_is_judged_for_itself():
    story = plain().with_(contract(end=39, evergreen=True, notice=-12))
    assert story.clear().cleared
    assert not story.clear(on=T + timedelta(days=40)).cleared
    assert story.clear(on=T + timedelta(days=40)).gate("appointment").state == "met", "the booking stands as it is"


def test_gates_that_are_each_met_on_some_day_but_on_no_common_one_leave_nothing_to_book():
    story = plain().without("Appointment/visit").with_(coverage(end=10), affiliation(start=20))
    found = story.clear()
    assert found.gate("coverage").state == found.gate("agreement").state == "met"
    assert found.gate("appointment").rule == "appointment.shut" or not found.cleared


def test_a_closed_case_asks_for_nothing():
    story = plain().without("Appointment/visit").with_(order(status="revoked"))
    found = story.clear()
    assert (found.closed, found.headline_gate, found.action, found.due) == (True, None, None, None)


@pytest.mark.parametrize("n", [0, 12])
def test_what_a_booked_visit_needs_is_due_before_it(n):
    gate = plain().with_(book(rule()), appointment(n + 5)).clear().gate("authorization")
    assert gate.due < NOW + timedelta(days=n + 5)
