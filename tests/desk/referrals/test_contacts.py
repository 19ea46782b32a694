"""Whom the desk offers to call: right values written by hand."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.resource.present import Present
from carecoord.web.referrals.contacts import telephones

LATE = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)  # 22 November, 23:30, in New York
OFFICE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("period", "zone", "first"),
    [
        ({"end": "2026-11-22"}, OFFICE, "+1 555 0101"),
        ({"end": "2026-11-22"}, UTC, "+1 555 0102"),
        ({"start": "2026-11-23"}, OFFICE, "+1 555 0102"),
        ({"start": "2026-11-23"}, UTC, "+1 555 0101"),
    ],
)
def test_the_days_of_a_telephone_number_are_the_office_s(period: dict[str, Any], zone: tzinfo, first: str) -> None:
    calls = [
        {"system": "phone", "value": "+1 555 0101", "rank": 1, "period": period},
        {"system": "phone", "value": "+1 555 0102"},
    ]
    assert telephones(calls, Present(LATE, zone))[0].number == first
