"""What is paid, worked out by hand: which line speaks, what it comes to, and when nobody can tell."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from carecoord.domain.agreements.prices import Candidate, Rate, Service, price
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.parties import Party

DAY = date(2027, 4, 15)
EXHIBIT = Schedule(contract="Contract/v1", name="Exhibit B")
MEDICARE = Schedule(contract="", name="Medicare 2027")
SITE_A = Party("Location/a", "A", frozenset({"Location/a", "urn:s|a"}))


def line(code: str = "99213", amount: str | None = "100", method: Any = "negotiated", **more: Any) -> RateLine:
    numbers = {name: Decimal(more.pop(name)) for name in ("percent", "factor", "least", "most") if name in more}
    sets = {name: frozenset(more.pop(name)) for name in ("modifiers", "places", "specialties") if name in more}
    return RateLine(
        method=method, code=code, amount=None if amount is None else Decimal(amount), **numbers, **sets, **more
    )


def asked(*lines: RateLine | Candidate, code: str = "99213", **more: Any) -> Rate:
    billed = {"billed": Decimal(more.pop("billed"))} if "billed" in more else {}
    sets = {name: frozenset(more.pop(name)) for name in ("modifiers", "places", "specialties") if name in more}
    found = [each if isinstance(each, Candidate) else Candidate(EXHIBIT, each) for each in lines]
    return price(Service(code=code, day=DAY, **billed, **sets, **more), found)


def paid(*lines: RateLine | Candidate, **more: Any) -> str | None:
    amount = asked(*lines, **more).amount
    return None if amount is None else f"{amount:f}"


DEFAULT = line("", None, "percentage", percent="60")
CATEGORY = line("99200", "50", code_end="99499", category="Evaluation")
RANGE = line("99210", "70", code_end="99219")
WIDER = line("99200", "65", code_end="99499")


def test_a_code_goes_before_a_range_that_before_a_category_and_that_before_the_rest() -> None:
    order = [line(), RANGE, WIDER, CATEGORY, DEFAULT]
    said = [paid(*order[n:], billed="200") for n in range(5)]
    assert said == ["100", "70", "65", "50", "120"]
    found = asked(*reversed(order), billed="200")
    assert {str(why) for _, why in found.rejected} == {"Exhibit B, 99213 is the more exact."}
    assert [str(step) for step in found.steps] == [
        "The line: Exhibit B, 99213.",
        "A line for the code goes before lines for ranges, categories and the rest.",
        "100.00 is agreed.",
    ]


@pytest.mark.parametrize(
    ("narrow", "given"),
    [
        ({"modifiers": ["26"]}, {"modifiers": ["26"]}),
        ({"places": ["11"]}, {"places": ["11"]}),
        ({"specialties": ["cardiology"]}, {"specialties": ["cardiology"]}),
        ({"site": "Location/a"}, {"site": SITE_A}),
        ({"setting": "inpatient"}, {"places": ["21"]}),
        ({"billing": "professional"}, {"billing": "professional"}),
    ],
)
def test_of_two_lines_for_a_code_the_narrower_speaks_where_it_fits(narrow: Any, given: Any) -> None:
    assert paid(line(), line(amount="80", **narrow), **given) == "80"
    other = {
        "modifiers": ["25"], "places": ["22"], "specialties": ["oncology"], "billing": "institutional",
        "site": Party("Location/b", "B", frozenset({"Location/b"})),
    }  # fmt: skip
    found = asked(line(), line(amount="80", **narrow), **{name: other[name] for name in given})
    assert (found.amount, len(found.rejected)) == (Decimal(100), 1)


@pytest.mark.parametrize(
    ("narrow", "part"),
    [
        ({"places": ["11"]}, "place"),
        ({"site": "Location/a"}, "site"),
        ({"specialties": ["cardiology"]}, "specialty"),
        ({"setting": "inpatient"}, "setting"),
        ({"billing": "professional"}, "billing"),
    ],
)
def test_what_is_not_told_makes_the_rate_unknown_only_where_it_changes_it(narrow: Any, part: str) -> None:
    found = asked(line(), line(amount="80", **narrow))
    assert (found.amount, found.wants) == (None, (part,))
    assert "depends on" in str(found.reason)
    assert paid(line(), line(amount="100.00", **narrow)) == "100", "both come to the same"
    assert paid(line(), line("99210", "70", code_end="99219", **narrow)) == "100", "a range does not matter to a code"


def test_two_lines_of_which_neither_is_the_more_exact_are_told_and_none_is_picked() -> None:
    found = asked(
        line(amount="80", places=["11"]), line(amount="90", modifiers=["25"]), places=["11"], modifiers=["25"]
    )
    assert (found.amount, str(found.reason)) == (
        None, "Two lines are equally exact and differ: Exhibit B, 99213; Exhibit B, 99213.",
    )  # fmt: skip
    assert asked(line(), line(amount="101")).amount is None
    shares = [line(amount=None, method="percentage", percent=each) for each in ("50", "60")]
    assert "equally exact" in str(asked(*shares).reason), "before it is told what is billed, too"
    assert paid(line(), line(amount="100.0")) == "100"
    systems = (line(system="https://a.example"), line(amount="5", system="https://b.example"))
    assert asked(*systems).amount is None
    assert paid(*systems, system="https://b.example") == "5"


def test_the_line_of_a_later_version_takes_the_place_of_the_same_line_before() -> None:
    later, before = Candidate(EXHIBIT, line(amount="110")), Candidate(EXHIBIT, line(), age=1)
    assert paid(before, later) == "110"
    assert paid(Candidate(EXHIBIT, line("99210", "1", code_end="99219")), before) == "100", "a code before a range"


def test_a_line_holds_from_its_first_day_to_before_its_end() -> None:
    old, new = Days(None, date(2027, 4, 15)), Days(date(2027, 4, 15), None)
    assert paid(line(amount="90", days=old), line(amount="95", days=new)) == "95"
    found = asked(line(amount="90", days=old))
    assert (found.amount, str(found.rejected[0][1])) == (None, "It does not hold on that day.")


def test_a_modifier_that_changes_what_is_paid_is_not_passed_over() -> None:
    found = asked(line(), modifiers=["26"])
    assert (found.amount, str(found.reason)) == (
        None, "Modifier 26 changes what is paid, and Exhibit B, 99213 does not say how.",
    )  # fmt: skip
    assert paid(line(), modifiers=["25"]) == "100", "one that only tells more"
    assert paid(line(), line(amount="40", modifiers=["26"]), modifiers=["26"]) == "40"
    assert paid(line(), line(amount="40", modifiers=["26"])) == "100", "none is billed"


@pytest.mark.parametrize(
    ("one", "billed", "amount"),
    [
        (line(amount="12.3456"), None, "12.3456"),  # an agreed price is what is agreed
        (line(amount=None, method="percentage", percent="33.335"), "100.01", "33.34"),  # 33.3383335
        (line(amount=None, method="percentage", percent="50"), "0.01", "0.01"),  # 0.005 goes up
        (line(amount="36.0391", method="rvu", factor="2.68"), None, "96.58"),  # 96.584788
        (line(amount="1500", method="per-diem"), None, "1500"),
        (line(amount="100", lesser_of=True), "80.50", "80.50"),
        (line(amount="100", lesser_of=True), "120", "100"),
        (line(amount=None, method="percentage", percent="10", least="25"), "100", "25"),
        (line(amount=None, method="percentage", percent="90", most="75"), "100", "75"),
        (line(amount="100", lesser_of=True, least="90"), "80", "90"),
        (line(amount="77.10", method="fee-schedule"), None, "77.10"),
    ],
)
def test_money_is_exact_and_computed_amounts_are_rounded_half_up_to_the_cent(
    one: RateLine, billed: str | None, amount: str
) -> None:
    assert paid(one, **({"billed": billed} if billed else {})) == amount


def test_rounding_is_said_step_by_step() -> None:
    found = asked(line(amount=None, method="percentage", percent="33.335"), billed="100.01")
    assert [str(step) for step in found.steps][1:] == [
        "33.335 % of 100.01 billed is 33.3383335.",
        "Rounded half up to the cent: 33.3383335 is 33.34.",
    ]


@pytest.mark.parametrize("one", [line(amount=None, method="percentage", percent="60"), line(lesser_of=True)])
def test_what_depends_on_what_is_billed_is_unknown_until_that_is_told(one: RateLine) -> None:
    found = asked(one)
    assert (found.amount, found.wants) == (None, ("billed",))


def test_a_share_of_a_fee_schedule_is_worked_out_of_its_line_for_the_service() -> None:
    share = line("", None, "fee-schedule", percent="120", reference="Medicare 2027")
    base = [Candidate(MEDICARE, line(amount="92.47")), Candidate(MEDICARE, line("", "1"))]
    found = asked(share, *base)
    assert (found.amount, found.unit) == (Decimal("110.96"), "")  # 110.964
    assert "120.00 % of 92.47 in Medicare 2027 is 110.964." in [str(step) for step in found.steps]
    alone = asked(share)
    assert (alone.amount, str(alone.reason)) == (
        None, "120.00 % of Medicare 2027, which is not here for this service.",
    )  # fmt: skip
    itself = line("", None, "fee-schedule", percent="120", reference="Exhibit B")
    assert asked(itself).amount is None


def test_a_rate_for_another_network_or_plan_is_not_this_ones() -> None:
    first = Candidate(Schedule(contract="Contract/v1", name="Select", network="Organization/n1"), line(amount="80"))
    second = Candidate(Schedule(contract="Contract/v1", name="Open", network="Organization/n2"), line(amount="95"))
    own = Candidate(Schedule(contract="Contract/v1", name="Own", plan="P1"), line(amount="60"))
    both = frozenset({"Organization/n1", "Organization/n2"})
    assert paid(first, second, networks=frozenset({"Organization/n2"})) == "95"
    assert asked(first, second, networks=both).amount is None, "the plan uses both, and they differ"
    assert paid(own, Candidate(EXHIBIT, line()), plan="P1") == "60"
    assert paid(own, Candidate(EXHIBIT, line()), plan="P2") == "100"


def test_without_any_line_nobody_can_tell() -> None:
    assert str(asked().reason) == "No line of the agreed rates is for 99213."
