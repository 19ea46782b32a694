"""How long a decision can be appealed, by the level of the appeal that it answers: policy data of the payer."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.policies.lines import Line
from carecoord.domain.prior_auth.requests import appeal_until
from carecoord.domain.resource.parties import Party

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)  # a Monday, 10:00 in New York
PAYER = Payer(Party("Organization/p", "P", frozenset({"s|P"})))
SECOND, THIRD = Line("s|P", "", "appeal.second", "30 days"), Line("s|P", "", "appeal.third", "10 business days")


@pytest.mark.parametrize(
    ("lines", "level", "last"),
    [
        ((), 0, "2026-05-06"),  # 65 days, 42 CFR 422.582
        ((), 1, "2026-05-06"),  # nobody says: as the first
        ((SECOND,), 0, "2026-05-06"),
        ((SECOND,), 1, "2026-04-01"),
        ((SECOND,), 2, "2026-04-01"),  # as the level before it
        ((SECOND, THIRD), 2, "2026-03-16"),
        ((SECOND, THIRD), 5, "2026-03-16"),
        ((replace(SECOND, organization="s|other"),), 1, "2026-05-06"),
    ],
)
def test_each_level_has_the_window_that_its_payer_says(lines: tuple[Line, ...], level: int, last: str) -> None:
    until = appeal_until(Policy(lines=lines), AT, level, PAYER)
    assert until is not None
    assert until.astimezone(ZoneInfo("America/New_York")).date().isoformat() == last


def test_what_is_not_answered_has_none() -> None:
    assert appeal_until(Policy(), None, 0, PAYER) is None
