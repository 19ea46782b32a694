"""Until which day an approval, an agreement and a card hold: the last day that they name is inside, by the clock of the
office, wherever that stands and however long that day is (decisions 24 and 106)."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.gates.policy import Policy
from carecoord.domain.resource.days import Days, after, days, first, possible, sure
from tests.domain.stories import (
    NOW,
    PAS,
    Story,
    affiliation,
    answer,
    appointment,
    book,
    claim,
    contract,
    coverage,
    encounter,
    plain,
    plan,
    rule,
)

Json = dict[str, Any]
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
# Days of 23, 24 and 25 hours somewhere: the clocks of the United States, Europe and Australia are put forward or back.
LAST = [(2026, 11, 30), (2027, 3, 14), (2027, 3, 28), (2027, 4, 4), (2027, 11, 7)]
ZONES: list[tzinfo] = [timezone(timedelta(hours=n)) for n in range(-12, 15)]
ZONES += [NEW_YORK, BERLIN, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns")]


def approved(period: Json, whole: bool = False) -> list[Json]:
    """A rule that wants an approval, and one for these days."""
    said = answer("A1")
    if whole:
        said["preAuthPeriod"] = period
    else:
        said["item"][0]["extension"] = [{"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": period}]
    return [book(rule()), claim(), said]


def ending(what: str, period: Json) -> tuple[Story, str]:
    """The plain story in which one thing is for these days alone, and the gate that speaks of it."""
    story = plain().without(*(key for key in plain().resources if key.startswith("CoverageEligibilityResponse")))
    given: dict[str, tuple[list[Json], str]] = {
        "approval": (approved(period), "authorization"),
        "approval of the whole": (approved(period, whole=True), "authorization"),
        "card": ([coverage(period=period)], "coverage"),
        "agreement": ([contract() | {"applies": period}], "agreement"),
        "row of the directory": ([affiliation(period=period)], "agreement"),
        "plan": ([plan() | {"period": period}], "agreement"),
    }
    changed, gate = given[what]
    return story.with_(contract(), *changed), gate


WHAT = ("approval", "approval of the whole", "card", "agreement", "row of the directory", "plan")


def at(day: tuple[int, int, int], clock: time, zone: tzinfo, later: int = 0) -> str:
    """A time of day in a zone, as an instant of UTC: it tells nobody's zone."""
    local = datetime.combine(date(*day) + timedelta(days=later), clock, zone)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@given(st.sampled_from(ZONES), st.sampled_from(LAST), st.sampled_from(WHAT))
def test_the_last_day_is_inside_to_its_last_minute_and_the_next_is_not(
    zone: tzinfo, last: tuple[int, int, int], what: str
) -> None:
    story, gate = ending(what, {"start": "2026-01-01", "end": "{:04}-{:02}-{:02}".format(*last)})
    policy = Policy(zone)
    for clock in (time(0, 1), time(12), time(23, 59)):
        inside = story.with_(appointment(0, start=at(last, clock, zone), end=at(last, time(23, 59, 59), zone)))
        assert inside.clear(policy=policy).gate(gate).state == "met", clock
        next_ = at(last, clock, zone, later=1)
        beyond = story.with_(appointment(0, start=next_, end=next_))
        assert beyond.clear(policy=policy).gate(gate).state != "met", clock


UTC_MIDNIGHT = {"start": "2026-12-04T00:00:00Z", "end": "2026-12-20T00:00:00.000+00:00"}


@pytest.mark.parametrize(
    ("day", "rule_"),
    [
        (10, "authorization.dates"),
        (11, "authorization.dates-unclear"),  # 3 December: seven in the evening, by the letter, and none as it is meant
        (12, "authorization.approved"),
        (27, "authorization.approved"),
        (28, "authorization.dates-unclear"),  # 20 December
        (29, "authorization.dates"),
    ],
)
def test_days_of_an_approval_written_as_midnight_utc_are_not_known_to_the_day(day: int, rule_: str) -> None:
    for whole in (False, True):
        story = plain().with_(*approved(UTC_MIDNIGHT, whole), appointment(day))
        found = story.clear(NOW)
        assert found.gate("authorization").rule == rule_
        assert found.cleared == (rule_ == "authorization.approved")


@pytest.mark.parametrize(
    ("start", "done", "rule_"),
    [
        ("2026-12-03", 11, "authorization.units"),
        ("2026-12-04", 11, "authorization.approved"),
        ("2026-12-04T00:00:00Z", 10, "authorization.approved"),
        ("2026-12-04T00:00:00Z", 11, "authorization.units"),  # the payer may have counted the visit of that evening
    ],
)
def test_a_visit_on_a_day_that_only_one_reading_has_leaves_nothing_for_another(
    start: str, done: int, rule_: str
) -> None:
    rules, asked, said = approved({"start": start, "end": "2026-12-31"})
    detail = [{"url": "quantity", "valueQuantity": {"value": 1}}]
    said["item"][0]["extension"] += [{"url": f"{PAS}/extension-itemAuthorizedDetail", "extension": detail}]
    story = plain().with_(rules, asked, said, encounter(done, "done"), appointment(15))
    found = story.clear(NOW + timedelta(days=12))
    assert found.gate("authorization").rule == rule_
    assert found.cleared == (rule_ == "authorization.approved")


@pytest.mark.parametrize(
    ("zone", "surely", "perhaps"),
    [
        (NEW_YORK, ("2026-12-04", "2026-12-20"), ("2026-12-03", "2026-12-21")),
        (UTC, ("2026-12-04", "2026-12-20"), ("2026-12-04", "2026-12-21")),
        (BERLIN, ("2026-12-04", "2026-12-21"), ("2026-12-04", "2026-12-21")),
        (timezone(timedelta(hours=14)), ("2026-12-04", "2026-12-21"), ("2026-12-04", "2026-12-21")),
        (timezone(timedelta(hours=-12)), ("2026-12-04", "2026-12-20"), ("2026-12-03", "2026-12-21")),
    ],
)
def test_what_permits_is_read_narrowly_and_what_forbids_widely(
    zone: tzinfo, surely: tuple[str, str], perhaps: tuple[str, str]
) -> None:
    """Days from the first to the one behind the last."""
    assert sure(UTC_MIDNIGHT, zone) == Days(*(first(each, zone) for each in surely))
    assert possible(UTC_MIDNIGHT, zone) == Days(*(first(each, zone) for each in perhaps))


@pytest.mark.parametrize("period", [None, {}, {"start": "2026-12-04"}, {"end": "2026-12"}, {"end": "soon"}, "always"])
def test_of_days_that_leave_no_doubt_there_is_one_reading(period: Any) -> None:
    assert sure(period, NEW_YORK) == possible(period, NEW_YORK) == days(period, NEW_YORK)


@pytest.mark.parametrize(
    ("what", "day", "state"),
    [
        ("agreement", 11, "blocked"), ("agreement", 12, "met"), ("row of the directory", 11, "blocked"),
        ("row of the directory", 12, "met"), ("plan", 11, "unknown"), ("plan", 12, "met"),
    ],
)  # fmt: skip
def test_nobody_takes_part_by_the_evening_before_the_first_day(what: str, day: int, state: str) -> None:
    story, gate = ending(what, {"start": "2026-12-04T00:00:00Z"})
    assert story.with_(appointment(day)).clear().gate(gate).state == state


def test_an_end_in_the_middle_of_a_day_holds_that_day() -> None:
    assert after("2026-12-20T12:00:00Z", NEW_YORK) == first("2026-12-21", NEW_YORK)
