"""The ten worked cases of the specification, each as a small story, with the six gate states that it must show."""

from datetime import timedelta

import pytest

from tests.domain.stories import (
    Story,
    T,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    contract,
    coverage,
    eligibility,
    encounter,
    plain,
    plan,
    rule,
    states,
    task,
    wish,
)

GATES = ("coverage", "authorization", "agreement", "information", "appointment", "loop")


def visit_after_approval() -> Story:
    return plain().with_(book(rule()), claim(sent=-21), answer(start=-20, end=69), appointment(73))


def thirteenth_visit() -> Story:
    seen = [encounter(n, f"seen-{n}") for n in range(-95, -4, 11)]
    booked = [appointment(n, f"booked-{n}") for n in (3, 10, 17)]
    story = plain().without("Appointment/visit").with_(book(rule()), claim(sent=-101, units=12), *seen, *booked)
    return story.with_(answer(start=-100, end=60, decided=-100, units=12))


def notice_given() -> Story:
    others = [
        affiliation(2, number="AGR-2"),
        contract("AGR-2"),
        affiliation(3, number="AGR-3"),
        contract("AGR-3", end=200),
    ]
    story = plain().with_(contract(end=39, evergreen=True, notice=-12), appointment(45), *others)
    return story.with_(book(rule()), claim(sent=-6), answer(start=-5, end=100))


def site_b() -> Story:
    return plain().with_(affiliation(sites=("a",)), appointment(12, site="b"))


def new_payer() -> Story:
    second = [
        coverage(2, start=40),
        plan(2, network=2),
        affiliation(1, network=2, number="AGR-9", payer=2),
        contract("AGR-9"),
    ]
    story = plain().with_(coverage(1, end=39), *second, book(rule()), book(rule(), payer=2), appointment(50))
    return story.with_(claim(sent=-11), answer(start=-10, end=80))


def agreement_lapsed() -> Story:
    rules = book(rule(needed=False, network="in"), rule(needed=True, network="out"))
    return plain().with_(rules, contract(end=9, evergreen=False), appointment(30))


def document_asked() -> Story:
    story = (
        plain().without("Appointment/visit").with_(book(rule()), claim(sent=-2), answer("A4", decided=-1), wish(by=2))
    )
    return story.with_(task(stage="awaiting-authorization"))


def rate_only_amendment() -> Story:
    from tests.domain.stories import ours, ref

    marks = [
        ours("amends", valueReference=ref("Contract/agr-1-v1")),
        ours("amendment-type", valueCode="rate-only"),
        ours("effective-from", valueDate=(T - timedelta(days=20)).isoformat()),
    ]
    return plain().with_(contract(n=2, start=None, marks=marks), appointment(15))


def stale_eligibility() -> Story:
    return plain().without("CoverageEligibilityResponse/eligible-card-1-5").with_(eligibility(40), appointment(8))


def declined() -> Story:
    tasks = [task(1, "rejected", "declined", sent=-5), task(2, "requested", "sent", owner="group-2", sent=-1)]
    story = (
        plain()
        .without("Appointment/visit")
        .with_(*tasks, book(rule()), affiliation(2, number="AGR-2"), contract("AGR-2"))
    )
    return story.with_(claim(sent=-11), answer(start=-10, end=80, provider="group-1"))


TABLE = [  # the story, and the state of each gate in the order of GATES
    (visit_after_approval, "met open met not-needed open pending"),
    (thirteenth_visit, "met met met not-needed met pending"),
    (notice_given, "met met blocked not-needed open pending"),
    (site_b, "met not-needed blocked not-needed met pending"),
    (new_payer, "met open met not-needed met pending"),
    (agreement_lapsed, "met open blocked not-needed open pending"),
    (document_asked, "met pending met open open pending"),
    (rate_only_amendment, "met not-needed met not-needed met pending"),
    (stale_eligibility, "unknown not-needed met not-needed met pending"),
    (declined, "met open met not-needed pending pending"),
]


@pytest.mark.parametrize(("story", "wanted"), TABLE, ids=[story.__name__ for story, _ in TABLE])
def test_each_worked_case_shows_its_six_gate_states(story, wanted):
    assert states(story().clear()) == dict(zip(GATES, wanted.split(), strict=True))
