"""What a rule may approve by itself is counted in what it counts: visits and units, and nothing else."""

from datetime import UTC, date
from typing import Any

import pytest

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.desk import automatic
from carecoord.domain.prior_auth.desk.automatic import Asked
from carecoord.domain.prior_auth.desk.guides import Automatic, Guide

GUIDE = Guide("Graft", Evidence("PlanDefinition/book", "1", "action[0]"), automatic=Automatic(10, 90, 0))


@pytest.mark.parametrize(
    ("quantity", "approved"),
    [
        (None, True),
        ({"value": 10}, True),
        ({"value": 10, "unit": "visits"}, True),
        ({"value": 10, "unit": "units"}, True),
        ({"value": 11}, False),
        ({"value": 0}, False),
        ({"value": -1}, False),
        ({"value": 10, "unit": "months"}, False),
        ({"value": 10, "unit": "days"}, False),
        ({"value": 5, "comparator": ">"}, False),
        ({"value": 5, "comparator": ">", "unit": "units"}, False),
        ({"unit": "visits"}, False),
    ],
)
def test_a_rule_of_ten_units_approves_up_to_ten_visits_or_units_alone(
    quantity: dict[str, Any] | None, approved: bool
) -> None:
    line: dict[str, Any] = {"sequence": 1} | ({"quantity": quantity} if quantity is not None else {})
    asked = Asked({"item": [line]}, "in-network", fresh=True, again=False, documents=())
    assert (automatic.choices(asked, {1: GUIDE}, date(2026, 11, 29), UTC) is not None) is approved
