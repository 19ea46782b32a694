"""Two versions against each other: words, who stands beside each other, and what is paid."""

from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

import pytest

from carecoord.domain.agreements.comparison import Change, changes, unchanged
from carecoord.domain.agreements.desk.redline import PAYS, SERVICE, Paid, Piece, among, differing, pieces
from carecoord.domain.agreements.rates import RateLine
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json

EXTENSION = "https://carecoord.example/fhir/StructureDefinition"


def shown(found: list[Piece]) -> str:
    marks = {"same": "{}", "gone": "[-{}-]", "new": "[+{}+]"}
    return "".join(marks[each.how].format(each.text) for each in found)


@pytest.mark.parametrize(
    ("before", "after", "redline"),
    [
        ("within thirty (30) days of receipt.", "within forty (40) days of receipt.",
         "within [-thirty (30)-][+forty (40)+] days of receipt."),
        ("without consent.", "without consent, save to an affiliate.", "without consent[+, save to an affiliate+]."),
        ("Records are kept six years.", "Records are kept ten years.", "Records are kept [-six-][+ten+] years."),
        ("", "Audits twice a year", "[+Audits twice a year+]"),
        ("The same", "The same", "The same"),
        ("pays 108.5% of it", "pays 104% of it", "pays [-108.5%-][+104%+] of it"),
        ("ninety (90) days", "Auf Anfrage", "[-ninety (90) days-][+Auf Anfrage+]"),
    ],
)  # fmt: skip
def test_words_that_are_gone_and_new_stand_in_the_text_that_stays(before: str, after: str, redline: str) -> None:
    found = pieces(before, after)
    assert shown(found) == redline
    assert "".join(each.text for each in found if each.how != "new") == before
    assert "".join(each.text for each in found if each.how != "gone") == after


def test_a_text_too_long_to_compare_word_by_word_stands_there_as_a_whole() -> None:
    long = "word " * 3000
    assert [each.how for each in pieces(long, f"{long}more")] == ["gone", "new"]


def test_of_several_that_stand_beside_each_other_each_is_gone_new_or_stays() -> None:
    assert among(["Elm", "Oak"], ["Oak", "Ash"]) == [Piece("same", "Oak"), Piece("gone", "Elm"), Piece("new", "Ash")]


def paying(code: str, amount: str = "", start: str = "2026-01-01", **more: Any) -> RateLine:
    given: dict[str, Any] = {"method": "negotiated", "amount": Decimal(amount) if amount else None} | more
    return RateLine(code=code, days=Days(date.fromisoformat(start), more.pop("end", None)), **given)


def rates(before: list[RateLine], after: list[RateLine]) -> tuple[list[Paid], int]:
    found, same = differing(
        before, after, service=attrgetter(*SERVICE), pays=attrgetter(*PAYS, "days.end"),
        start=lambda line: line.days.start.toordinal() if line.days.start else 0,
    )  # fmt: skip
    return [Paid(*pair) for pair in found], same


def told(found: list[Paid]) -> list[tuple[str, str, str]]:
    return [
        ((each.after or each.before).code, str(each.more), str(each.share))  # type: ignore[union-attr]
        for each in found
    ]


def test_rates_that_pay_otherwise_are_told_with_by_how_much_and_the_others_are_counted() -> None:
    before = [paying("C8928", "612.00"), paying("G0422", "118.40"), paying("97110", "40"), paying("99213", "90")]
    after = [
        paying("C8928", "636.48", "2026-07-01"), paying("G0422", "118.4", "2026-07-01"),
        paying("97110", percent=Decimal(85), method="percentage"), paying("97112", "41"),
    ]  # fmt: skip
    found, same = rates(before, after)
    assert same == 1  # G0422, from another day on: every version has days of its own
    assert told(found) == [
        ("C8928", "24.48", "4.0"), ("97110", "None", "None"), ("99213", "None", "None"), ("97112", "None", "None"),
    ]  # fmt: skip
    assert [(each.before is None, each.after is None) for each in found] == [
        (False, False), (False, False), (False, True), (True, False),
    ]  # fmt: skip


def test_lines_of_one_service_are_paired_in_the_order_of_their_days_and_an_earlier_end_is_a_change() -> None:
    steps = [paying("97110", "40"), paying("97110", "42", "2027-01-01")]
    later = [paying("97110", "41"), paying("97110", "42", "2027-01-01")]
    assert [(each.more, each.share) for each in rates(steps, later)[0]] == [(Decimal(1), Decimal("2.5"))]
    ended = [RateLine(method="negotiated", amount=Decimal(40), code="97110", days=Days(None, date(2026, 7, 1)))]
    assert rates([paying("97110", "40")], ended)[1] == 0
    assert rates(steps, [*reversed(steps)]) == ([], 2)


def version(n: str, amends: str = "", kind: str = "", **elements: Any) -> Json:
    marks: list[Json] = [{"url": f"{EXTENSION}/amends", "valueReference": {"reference": amends}}] if amends else []
    marks += [{"url": f"{EXTENSION}/amendment-type", "valueCode": kind}] if kind else []
    marks += [{"url": f"{EXTENSION}/{name}", "valueInteger": value} for name, value in elements.items()]
    return {"resourceType": "Contract", "id": f"v{n}", "version": n, "status": "executed", "extension": marks}


def with_term(contract: Json, code: str, words: str) -> Json:
    term = {"type": {"coding": [{"code": code}]}, "text": words}
    return contract | {"term": [*contract.get("term", []), term]}


def test_an_amendment_says_again_all_that_it_is_silent_of_and_its_changes_stay_in_the_next_one() -> None:
    first = with_term(with_term(version("1", **{"notice-days": 90}), "audit", "Six years."), "assignment", "Never.")
    second = with_term(version("2", "Contract/v1", "modify"), "audit", "Ten years.")
    third = version("3", "Contract/v2", "modify", **{"notice-days": 45})
    assert changes([first], [second, first]) == [Change("term:audit", "Six years.", "Ten years.")]
    assert changes([second, first], [third, second, first]) == [Change("notice-days", "90", "45")]
    assert unchanged([second, first], [third, second, first]) == {
        "term:audit": "Ten years.", "term:assignment": "Never.",
    }  # fmt: skip
    anew = with_term(version("4", "Contract/v3", "restate"), "audit", "Ten years.")
    assert changes([third, second, first], [anew]) == [
        Change("notice-days", "45", ""), Change("term:assignment", "Never.", ""),
    ]  # fmt: skip
