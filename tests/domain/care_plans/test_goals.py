"""Goals: how far each is by what was measured, in whatever unit, against a table that was written by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.care_plans.goals import Target, progress, targets
from carecoord.domain.care_plans.readings import Reading, readings
from carecoord.domain.care_plans.units import converted

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
SYSTOLIC = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}


def quantity(value: float, code: str, **more: str) -> Json:
    return {"value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code} | more


def goal(*, low: Json | None = None, high: Json | None = None, due: str = "2027-01-06", start: str = "2026-10-01",
         told: str = "") -> Json:  # fmt: skip
    bounds = {name: each for name, each in (("low", low), ("high", high)) if each}
    coding = {"system": "http://terminology.hl7.org/CodeSystem/goal-achievement", "code": told}
    return {
        "resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "startDate": start,
        "target": [{"measure": WEIGHT, "dueDate": due, "detailRange": bounds}],
        "achievementStatus": {"coding": [coding]} if told else {},
    }  # fmt: skip


def seen(day: str, value: Json, code: Json = WEIGHT, status: str = "final") -> Json:
    at = f"{day}T10:00:00Z"
    return {"resourceType": "Observation", "id": day, "status": status, "code": code, "effectiveDateTime": at,
            "valueQuantity": value}  # fmt: skip


def told(a_goal: Json, *observations: Json) -> Any:
    (target,) = targets(a_goal)
    return progress(a_goal, target, readings(observations, target.measure, target.unit, UTC), TODAY, UTC)


KILOS = goal(low=quantity(60, "kg"), high=quantity(72, "kg"))


@pytest.mark.parametrize(
    ("values", "achievement"),
    [
        ([("2026-10-03", 77.0), ("2026-11-18", 71.5)], "achieved"),
        ([("2026-11-11", 71.0), ("2026-11-18", 71.5)], "sustaining"),
        ([("2026-10-03", 77.0), ("2026-11-18", 74.0)], "improving"),
        ([("2026-10-03", 74.0), ("2026-11-18", 77.0)], "worsening"),
        ([("2026-10-03", 77.0), ("2026-11-18", 77.0)], "no-change"),
        ([("2026-10-03", 77.0), ("2026-11-18", 55.0)], "no-change"),  # five above became five below
        ([("2026-11-18", 77.0)], "in-progress"),
        ([("2026-11-18", 72.0)], "achieved"),  # the bound itself is in
        ([("2026-09-30", 70.0)], "unmeasured"),  # before it began
        ([("2026-09-30", 70.0), ("2026-11-18", 71.0)], "achieved"),  # one reading since: nothing was kept up yet
        ([], "unmeasured"),
    ],
)
def test_a_goal_is_as_far_as_the_last_reading_says(values: list[tuple[str, float]], achievement: str) -> None:
    assert told(KILOS, *(seen(day, quantity(value, "kg")) for day, value in values)).achievement == achievement


def test_a_goal_whose_day_is_over_without_it_is_not_achieved() -> None:
    over = goal(low=quantity(60, "kg"), high=quantity(72, "kg"), due="2026-11-21")
    assert told(over, seen("2026-11-18", quantity(77, "kg"))).achievement == "not-achieved"
    assert told(over, seen("2026-11-18", quantity(70, "kg"))).achievement == "achieved"


def test_what_the_goal_itself_says_is_told_beside_where_it_is_something_else() -> None:
    stale = goal(high=quantity(72, "kg"), told="in-progress")
    found = told(stale, seen("2026-11-18", quantity(71, "kg")))
    assert (found.achievement, found.told) == ("achieved", "in-progress")
    assert told(goal(high=quantity(72, "kg"), told="achieved"), seen("2026-11-18", quantity(71, "kg"))).told == ""


def test_a_weight_in_pounds_is_held_against_kilograms() -> None:
    found = told(KILOS, seen("2026-11-18", quantity(154.3, "[lb_av]")))
    assert found.achievement == "achieved"
    assert round(found.last.value, 2) == 69.99
    assert found.last.said == "154.3 lb"


def test_what_can_not_be_compared_never_reaches_a_goal_and_is_counted() -> None:
    stones = seen("2026-11-18", {"value": 11, "unit": "stone"})
    bound = seen("2026-11-19", quantity(70, "kg", comparator="<"))
    found = told(KILOS, stones, bound)
    assert (found.achievement, found.unlike, found.last) == ("unmeasured", 2, None)


@pytest.mark.parametrize("status", ["preliminary", "registered", "cancelled", "entered-in-error", "unknown"])
def test_a_reading_that_is_not_final_counts_for_nothing(status: str) -> None:
    assert told(KILOS, seen("2026-11-18", quantity(70, "kg"), status=status)).achievement == "unmeasured"


def test_a_component_is_a_reading() -> None:
    panel = {"resourceType": "Observation", "id": "bp", "status": "final", "effectiveDateTime": "2026-11-18",
             "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
             "component": [{"code": SYSTOLIC, "valueQuantity": quantity(128, "mm[Hg]")}]}  # fmt: skip
    assert [each.value for each in readings([panel], SYSTOLIC, "mm[Hg]", UTC)] == [128]


@pytest.mark.parametrize(
    ("detail", "low", "high"),
    [
        ({"detailQuantity": quantity(130, "mm[Hg]", comparator="<")}, None, 130),
        ({"detailQuantity": quantity(58, "kg", comparator=">=")}, 58, None),
        ({"detailQuantity": quantity(7, "%")}, 7, 7),
        ({"detailInteger": 3}, 3, 3),
    ],
)
def test_a_target_has_bounds(detail: Json, low: float | None, high: float | None) -> None:
    (found,) = targets({"target": [{"measure": WEIGHT, **detail}]})
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize("detail", [{"detailString": "walk"}, {"detailRange": {}}, {},
                                    {"detailRange": {"low": quantity(1, "kg"), "high": quantity(3, "g")}}])  # fmt: skip
def test_a_target_that_nothing_measures_is_for_people(detail: Json) -> None:
    assert targets({"target": [{"measure": WEIGHT, **detail}]}) == []


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (154.3, "[lb_av]", "kg", 69.9893027),
        (98.6, "[degF]", "Cel", 37.0),
        (1.5, "g/dL", "g/L", 15.0),
        (7.0, "%", "%", 7.0),
        (120.0, "{beats}/min", "/min", 120.0),
        (100.0, "mg/dL", "mmol/L", None),  # whose molar mass?
        (5.0, "m[IU]/L", "/L", None),  # an arbitrary unit is no number
        (5.0, "[IU]/L", "m[IU]/L", 5000.0),
        (7.0, "{score}", "%", None),
        (7.0, "kg", "cm", None),
        (7.0, "no unit", "kg", None),
    ],
)
def test_a_value_is_told_in_another_unit_or_not_at_all(
    value: float, unit: str, to: str, expected: float | None
) -> None:
    assert converted(value, unit, to) == expected


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(-500, 500)), min_size=2, max_size=12),
       st.floats(-5, 5), st.floats(0, 100))  # fmt: skip
def test_a_trend_is_the_slope_of_what_was_measured_and_no_reading_outside_reaches_a_goal(
    spread: list[tuple[int, float]], slope: float, low: float
) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    line = [Reading(began + timedelta(days=day), 80 + slope * day, "", str(day)) for day, _ in sorted(spread)]
    target = Target(WEIGHT, low, low + 10, "kg", "kg")
    found = progress({}, target, line, TODAY, UTC)
    if line[-1].at > line[0].at:
        assert found.rate == pytest.approx(7 * slope, abs=1e-6)
    assert (found.achievement in ("achieved", "sustaining")) == (low <= (line[-1].value or 0) <= low + 10)
