"""What coverage requirements discovery calls satisfied: each row by which an approval is compared with an order has a
case in which only that row fails (issue 10, must-show 2; Da Vinci CRD 2.2.1, crd-ci-q3)."""

from typing import Any

import pytest

from carecoord.domain.clearance import parts
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.crd import satisfaction
from carecoord.domain.prior_auth.crd.satisfaction import Wanted
from carecoord.domain.prior_auth.decisions import lines
from carecoord.domain.prior_auth.pas.answer import numbers
from carecoord.domain.resource.elements import codes, item
from tests.domain.prior_auth.test_matching_table import (
    OFFICE,
    SPAN,
    at_place,
    in_months,
    narrowed,
    of,
    ranged,
    spans,
    team,
)
from tests.domain.stories import HCPCS, NPI, POLICY, REGISTRY, T, answer, claim, coded, day, order, ref

GROUP, SITE = f"{NPI}|9001", f"{NPI}|77a"
IN_12 = {"occurrencePeriod": None, "occurrenceDateTime": day(12)}
LEFT, IN_OFFICE = order(orderDetail=[coded(HCPCS, "LT")], **IN_12), OFFICE | IN_12
Case = dict[str, Any]


def ordered_for(first: int, last: int | None) -> dict[str, Any]:
    """The order for the days from one to another, counted from the story's; None: for no last day."""
    return order(occurrencePeriod={"start": day(first)} | ({} if last is None else {"end": day(last)}))


def judged(
    *, wish: dict[str, Any] | None = None, asked: dict[str, Any] | None = None, said: dict[str, Any] | None = None,
    left: tuple[str | None, ...] = ("2",), status: str = "active",
) -> str | None:  # fmt: skip
    """The number by which the order is satisfied, as discovery says it; None for not."""
    order_ = wish or order(**IN_12)
    head = (asked or claim(units=2)) | {"status": status}
    found = satisfaction.answer((head, (said or answer(**SPAN, units=2),)), POLICY.zone)
    if found is None:
        return None
    kinds = [tuple(each for each in REGISTRY if each["resourceType"] == name) for name in ("Organization", "Location")]
    known = parts.known(*kinds, ())
    told = question.ordered(order_, ())
    wanted = Wanted(
        known=question.Known(codes=codes(item(order_, "code")), modifiers=told.modifiers, places=told.places),
        days=satisfaction.span(order_, T, POLICY.zone), performers=frozenset({GROUP}), sites=frozenset({SITE}),
    )  # fmt: skip
    return satisfaction.number(lines(head, found, known, {}, POLICY), left, wanted)


MET: dict[str, Case] = {
    "the story": {},
    "no day is named": {"wish": order(occurrencePeriod=None)},
    "nobody counts what is left": {"left": (None,)},
    "a code of the range": {"asked": ranged("G0400", "G0499")},
    "what was granted in its place": {"asked": ranged("G0400", "G0499"), "said": narrowed("G0463")},
    "the modifier": {"wish": LEFT, "asked": of(modifier=[coded(HCPCS, "LT")])},
    "the place of service": {"wish": IN_OFFICE, "asked": of(locationCodeableConcept=at_place("11"))},
    "one of several providers": {"asked": team("group-2", "group-1")},
    "one of several spans": {"said": spans((-9, -5), (10, 14))},
    "the site": {"asked": of(locationReference=ref("Location/site-a"))},
    "its period to the last day": {"wish": ordered_for(10, 60)},
    "its period in two spans that meet": {"wish": ordered_for(10, 14), "said": spans((-9, 11), (12, 60))},
    "its period without a last day": {"wish": ordered_for(10, None)},
}
FAILS: dict[str, Case] = {
    "status": {"said": answer("A3", **SPAN)},
    "status of the request": {"status": "cancelled"},
    "request of another": {"said": answer(**SPAN, claim="other")},
    "code": {"asked": of(productOrService=coded(HCPCS, "G9999"))},
    "code beyond a range": {"asked": ranged("G0464", "G0499")},
    "code that was granted in its place": {"asked": ranged("G0400", "G0499"), "said": narrowed("G0401")},
    "modifier": {"wish": LEFT, "asked": of(modifier=[coded(HCPCS, "RT")])},
    "date that was granted": {"said": answer(start=-5, end=11, units=2)},
    "date before": {"said": answer(start=13, end=60, units=2)},
    "date between two spans": {"said": spans((-9, 11), (13, 60))},
    "date that was asked for": {"asked": of(servicedDate=day(11)), "said": answer(units=2)},
    "date that is over": {
        "wish": order(occurrencePeriod={"start": day(-9)}), "said": answer(start=-9, end=-1, units=2)},
    "its last day": {"wish": ordered_for(10, 61)},
    "its first day": {"wish": ordered_for(10, 60), "said": answer(start=11, end=60, units=2)},
    "a day between two spans": {"wish": ordered_for(10, 14), "said": spans((-9, 11), (13, 60))},
    "one of three months": {"wish": ordered_for(10, 100), "said": answer(start=-5, end=40, units=2)},
    "its period, which can not be read": {"wish": order(occurrencePeriod={"start": "soon"})},
    "units": {"left": ("0",)},
    "units that nobody tells": {"said": answer("A2", **SPAN), "left": (None,)},
    "provider": {"said": answer(**SPAN, units=2, provider="group-2")},
    "provider asked for": {"asked": team("group-2")},
    "site": {"asked": of(locationReference=ref("Location/site-b"))},
    "place of service": {"wish": IN_OFFICE, "asked": of(locationCodeableConcept=at_place("22"))},
}  # fmt: skip


@pytest.mark.parametrize("row", MET)
def test_an_order_is_satisfied_by_an_approval_that_covers_it(row: str) -> None:
    assert judged(**MET[row]) == "AUTH-1"


@pytest.mark.parametrize("row", FAILS)
def test_an_order_is_not_satisfied_where_only_this_row_fails(row: str) -> None:
    assert judged(**FAILS[row]) is None


def test_units_of_another_kind_are_left_to_whoever_counts_them() -> None:
    """Months are not used up by visits: the ledger says nothing of them, and the payer itself says that it granted."""
    assert judged(said=in_months(), left=(None,)) == "AUTH-1"


def test_a_line_without_a_number_is_not_called_by_that_of_another() -> None:
    head = claim(units=2)
    first, bare = head["item"][0], answer(**SPAN, units=2)
    own, other = bare["item"][0], answer(**SPAN, units=2)["item"][0] | {"itemSequence": 2}
    review = own["adjudication"][0]["extension"][0]
    review["extension"] = [each for each in review["extension"] if each["url"] != "number"]
    both = head | {"item": [first, first | {"sequence": 2, "productOrService": coded(HCPCS, "G9999")}]}
    found = bare | {"item": [own, other]}
    known = parts.known(*([tuple(each for each in REGISTRY if each["resourceType"] == name)
                           for name in ("Organization", "Location")]), ())  # fmt: skip
    several, one = (lines(each, found, known, {}, POLICY) for each in (both, head))
    assert judged(asked=both, said=found, left=("2", "2")) == ""
    assert satisfaction.only(several, numbers(found)) == ""
    assert satisfaction.only(one, numbers(found)) == "AUTH-1"
