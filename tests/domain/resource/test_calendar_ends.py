"""The ends of the calendar: any date and any number that FHIR allows has an answer, and no rule stops on it."""

from datetime import UTC, date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.domain.worklist.judgement import judged
from tests.domain.stories import (
    NOW,
    POLICY,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    contract,
    coverage,
    eligibility,
    encounter,
    order,
    ours,
    plain,
    plan,
    question,
    report,
    rule,
    task,
    versions,
    wish,
)

EDGES = ("0001-01-01", "0001-01-02", "0999-12-31", "2026-12-04", "2999-12-31", "8999-12-31", "9998-12-31", "9999-12-31")
DAY = st.sampled_from(EDGES) | st.dates(date.min, date.max).map(date.isoformat)
CLOCK = st.sampled_from(("", "T00:00:00Z", "T23:59:59.999Z", "T00:00:00-05:00", "T12:00:00+14:00", "T23:59:59-12:00"))
TIME = st.builds(lambda day, clock: day + clock, DAY, CLOCK)
INTEGER = st.integers() | st.sampled_from((0, 1, -1, 2**31 - 1, -(2**31), 999_999_999))
INSTANT = st.datetimes(timezones=st.just(UTC)) | st.just(NOW)


def span(draw):
    return {name: draw(TIME) for name in ("start", "end") if draw(st.booleans())} or {"start": draw(TIME)}


@st.composite
def far_off(draw):
    """A referral whose every date and number may be any that FHIR allows."""
    marks = [
        ours("notice-days", valueInteger=draw(INTEGER)),
        ours("renewal-months", valueInteger=draw(INTEGER)),
        ours("notice-given", valueDate=draw(DAY)),
        ours("evergreen", valueBoolean=draw(st.booleans())),
        ours("effective-from", valueDate=draw(DAY)),
    ]
    when = draw(TIME)
    approval = answer(start=0, end=1, created=draw(TIME))
    approval["item"][0]["extension"][0]["valuePeriod"] = span(draw)
    return plain().with_(
        order(authoredOn=draw(TIME), occurrencePeriod=span(draw)),
        task(authoredOn=draw(TIME), lastModified=draw(TIME), restriction={"period": {"end": draw(TIME)}}),
        coverage(period=span(draw), order=draw(INTEGER)),
        eligibility(created=draw(TIME), servicedPeriod=span(draw)),
        question(created=draw(TIME), servicedDate=draw(DAY)),
        plan() | {"period": span(draw)},
        affiliation(period=span(draw)),
        contract(marks=marks) | {"applies": span(draw)},
        book(rule()) | {"effectivePeriod": span(draw)},
        claim(created=draw(TIME)),
        approval,
        wish() | {"restriction": {"period": {"end": draw(TIME)}}},
        appointment(0, start=when, end=when),
        *([encounter(0, "seen", period={"start": draw(TIME)})] if draw(st.booleans()) else []),
        *([report() | {"issued": draw(TIME)}] if draw(st.booleans()) else []),
    )


@given(far_off(), INSTANT, st.none() | st.dates(date.min, date.max))
@settings(max_examples=150, deadline=None)
def test_no_date_and_no_number_stops_the_rules(story, now, on):
    found = story.clear(now, on)
    assert len(found.gates) == 6
    assert judged("sr", story.case(), now, POLICY).row["stage"]


@pytest.mark.parametrize("on", [date.min, date.max])
def test_the_first_and_the_last_day_of_the_calendar_can_be_asked_about(on):
    assert not plain().clear(on=on).cleared


def terms(start: str, end: str, notice: str, days: int, months: int = 12):
    marks = [
        ours("notice-days", valueInteger=days),
        ours("renewal-months", valueInteger=months),
        ours("evergreen", valueBoolean=True),
        ours("notice-given", valueDate=notice),
    ]
    return contract(marks=marks) | {"applies": {"start": start, "end": end}}


@pytest.mark.parametrize(
    ("end", "notice", "days", "months", "last"),
    [
        ("2024-02-28", "2026-06-01", 60, 12, "2027-02-28"),
        ("2024-02-29", "2026-06-01", 60, 12, "2027-02-28"),
        ("2025-02-28", "2027-06-01", 60, 12, "2028-02-29"),  # to the end of a month: the renewed term, too
        ("2026-01-30", "2026-02-10", 0, 1, "2026-02-28"),
        ("2026-06-30", "2026-07-10", 0, 6, "2026-12-31"),
        ("2026-03-15", "2026-03-15", 0, 12, "2026-03-15"),
        ("2026-03-15", "2026-03-17", 0, 12, "2027-03-15"),  # too late for the first end
    ],
)
def test_a_renewed_term_ends_on_its_day_of_the_month(end, notice, days, months, last):
    found = versions(*[terms("2023-03-01", end, notice, days, months)])[0]
    assert str(found.run.last) == last


@pytest.mark.parametrize("days", [999_999_999, 2**31 - 1, 3_000_000])
def test_a_notice_in_time_for_no_end_of_the_calendar_ends_nothing(days):
    found = versions(*[terms("2025-04-01", "2027-03-02", "2026-11-27", days)])[0]
    assert found.run.end is None
