"""What a payer states of a card, by itself: without a page or a database."""

from datetime import date

import pytest

from carecoord.domain.coverage import answers
from carecoord.domain.coverage.answers import Statement
from tests.domain.stories import NOW, coverage


@pytest.mark.parametrize(("last", "turns"), [(date(2026, 11, 30), "2026-12-01"), (date.max, "9999-12-31")])
def test_what_ends_is_not_in_force_from_the_day_after_as_far_as_the_calendar_goes(last: date, turns: str) -> None:
    insurer = {"reference": "Organization/payer-1"}
    made = answers.stated("said", coverage(), insurer, Statement("ended", last), NOW)
    assert (made["servicedPeriod"], made["insurance"][0]["inforce"]) == ({"start": turns}, False)
