"""By which of a member's cards a claim is paid: the one that holds on the day of the service, to its last day."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.actions.claims.matches import _holding

ZONE = ZoneInfo("America/New_York")


def card(id: str, **period: str) -> dict[str, Any]:
    return {"resourceType": "Coverage", "id": id, "period": period}


@pytest.mark.parametrize(
    ("ends", "begins", "served", "holds"),
    [
        ("2026-12-15", "2026-12-16", date(2026, 12, 15), "z-old"),
        ("2026-12-15", "2026-12-16", date(2026, 12, 16), "a-new"),
        ("2026-12", "2027-01", date(2026, 12, 31), "z-old"),  # to the end of the month
        ("2026", "2027", date(2026, 12, 31), "z-old"),
        ("2026", "2027", date(2027, 1, 1), "a-new"),
        ("2026-12-16T04:00:00Z", "2026-12-16", date(2026, 12, 15), "z-old"),  # eleven in the evening of the 15th
        ("2026-12-16T04:00:00Z", "2026-12-16", date(2026, 12, 16), "a-new"),
    ],
)
def test_the_card_of_a_claim_is_the_one_that_holds_on_its_day(
    ends: str, begins: str, served: date, holds: str
) -> None:
    cards = [card("z-old", start="2025-01-01", end=ends), card("a-new", start=begins)]
    assert _holding(cards, served, ZONE)["id"] == holds
