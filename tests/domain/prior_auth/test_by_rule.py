"""What a rule may approve by itself is counted in what it counts: visits and units, and nothing else."""

from datetime import UTC, date
from typing import Any

import pytest

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.desk import automatic
from carecoord.domain.prior_auth.desk.automatic import Asked
from carecoord.domain.prior_auth.desk.guides import Automatic, Guide
from tests.domain.prior_auth.test_matching_table import at_place, of, ranged, team
from tests.domain.stories import HCPCS, claim, coded, coverage, plain, ref

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


def test_a_rule_approves_no_range_of_services() -> None:
    asked = Asked(ranged("G0400", "G0499"), "in-network", fresh=True, again=False, documents=())
    assert automatic.choices(asked, {1: GUIDE}, date(2026, 11, 29), UTC) is None


OTHER = [{"sequence": 1, "focal": True, "coverage": ref("Coverage/card-other")}]


@pytest.mark.parametrize(
    ("asked", "mine"),
    [
        (claim(units=2), True),
        (team("group-1"), True),
        (team("group-2", "group-1"), True),
        (team("group-2"), False),
        (team("group-1", "group-2", mine=[2]), False),
        (claim(units=2, insurance=OTHER), False),
        (claim(id="unknown", patient=ref("Patient/somebody-else")), False),
    ],
)
def test_a_rule_approves_for_the_card_and_the_performer_alone_by_which_it_was_found(
    asked: dict[str, Any], mine: bool
) -> None:
    story = plain().with_(asked, coverage(id="card-other", subscriberId="OTHER-77", **{"class": []}),
                          coverage(subscriberId="M-1"))  # fmt: skip
    assert automatic.is_of(asked, story.case(), story.clear()) is mine
    asked = Asked(asked, "in-network", fresh=True, again=False, documents=(), fits=mine)
    assert (automatic.choices(asked, {1: GUIDE}, date(2026, 11, 29), UTC) is not None) is mine


def test_a_line_is_asked_about_by_its_own_modifier_and_place_and_else_by_those_of_its_order() -> None:
    case = question.Known(modifiers=frozenset({"LT"}), places=frozenset({"11"}), sex="female")
    (own,) = of(modifier=[coded(HCPCS, "RT")], locationCodeableConcept=at_place("22"))["item"]
    told = question.of_line(own, case)
    assert (told.modifiers, told.places, told.sex) == ({"RT"}, {"22"}, "female")
    (bare,) = of()["item"]
    told = question.of_line(bare, case)
    assert (told.modifiers, told.places) == ({"LT"}, {"11"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("G0463", ""), ("G0463", ""), True),
        (("G0463", ""), ("G0464", ""), False),
        (("G0463", ""), ("G0400", "G0499"), True),
        (("G0400", "G0499"), ("G0463", ""), True),
        (("G0400", "G0463"), ("G0463", "G0499"), True),
        (("G0400", "G0462"), ("G0463", "G0499"), False),
        (("", ""), ("", ""), False),
    ],
)
def test_a_service_is_asked_for_twice_where_the_ranges_of_two_requests_meet(
    one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    def asked(first: str, last: str) -> frozenset[tuple[str, str]]:
        return automatic.services(ranged(first, last) if last else of(productOrService=coded(HCPCS, first)))

    assert automatic.meet(asked(*one), asked(*other)) is same
