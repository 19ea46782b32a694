"""How long a clinic's time is held, by whose word, and what is a hold that can lapse."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import Line
from carecoord.domain.resource.days import Days
from carecoord.domain.scheduling import holds

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 20, 16, 0, tzinfo=ZONE)  # a Friday
OURS = "https://carecoord.example/id|us"


def said(value: str) -> Policy:
    line = Line(OURS, "", "hold", value, Days(date(2026, 1, 1)))
    return Policy(ZONE, lines=(line,), office=frozenset({OURS}))


@pytest.mark.parametrize(
    ("policy", "starts", "end"),
    [
        (Policy(ZONE), timedelta(days=9), timedelta(days=3)),  # as shipped
        (Policy(ZONE), timedelta(hours=20), timedelta(hours=20)),  # never beyond the time that is held
        (said("4 hours"), timedelta(days=9), timedelta(hours=4)),
        (said("1 business day"), timedelta(days=9), timedelta(days=3, hours=1)),  # Monday, at the end of work
    ],
)
def test_a_time_is_held_as_long_as_the_office_says_and_not_longer_than_it_lies_ahead(
    policy: Policy, starts: timedelta, end: timedelta
) -> None:
    assert holds.end(policy, NOW, NOW + starts) == NOW + end


ORDER = {"resourceType": "ServiceRequest", "id": "s", "subject": {"reference": "Patient/p"}}
TASK = {"resourceType": "Task", "id": "t", "owner": {"reference": "Organization/c", "display": "Heart Group"}}
SLOT = {"resourceType": "Slot", "id": "slot", "start": "2026-11-24T10:00:00-05:00", "end": "2026-11-24T10:30:00-05:00"}


def test_a_hold_names_its_slot_its_end_and_for_whose_answer_it_waits_until_it_is_booked_or_given_back() -> None:
    until = NOW + timedelta(days=3)
    held = holds.held(ORDER, TASK, "a", SLOT, until, NOW)
    assert (held["status"], held["start"], held["slot"]) == ("pending", SLOT["start"], [{"reference": "Slot/slot"}])
    assert held["participant"][1]["actor"] == {"display": "Heart Group"}
    assert holds.until(held) == until
    assert holds.tasks(held) == ["t"]
    assert holds.until(held | {"status": "booked"}) is None
    assert holds.until({name: value for name, value in held.items() if name != "extension"}) is None
    assert holds.lapsed(held)["status"] == "cancelled"
