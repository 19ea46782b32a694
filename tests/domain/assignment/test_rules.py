"""The first rule in force that fits decides, whatever it asks of a referral."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.assignment.rules import Arrival, AssignmentRule, deciding, least, read_letters

OKAFOR = Arrival(
    "R-1",
    {"specialty": "cardiology", "payer": "p|blue", "performer": "heart", "priority": "urgent", "language": "es"},
    "okafor",
)


def rule(id: str, **asked: str) -> AssignmentRule:
    return AssignmentRule(id, id, "ann", wanted={trait: frozenset(said.split()) for trait, said in asked.items()})  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"specialty": "cardiology"}, True),
        ({"specialty": "nephrology cardiology"}, True),
        ({"specialty": "nephrology"}, False),
        ({"payer": "p|blue", "performer": "heart"}, True),
        ({"payer": "p|blue", "performer": "kidney"}, False),
        ({"priority": "stat urgent"}, True),
        ({"priority": "routine"}, False),
        ({"language": "es"}, True),
        ({"language": "vi"}, False),
    ],
)
def test_a_rule_fits_where_all_that_it_asks_holds_and_of_one_list_any(asked: dict[str, str], fits: bool) -> None:
    assert rule("one", **asked).fits(OKAFOR) is fits


@pytest.mark.parametrize(
    ("said", "names", "others"),
    [
        ("A-M", ["adams", "mbeki", "mzz"], ["nilsson", "zu", "", "Ñ"]),
        ("N\N{EN DASH}Z", ["nilsson", "zu"], ["adams"]),
        ("q", ["quist"], ["pratt", "reyes"]),
        ("Mb-Sm", ["mbeki", "reyes", "smith"], ["maas", "snow"]),
        ("Á-é", ["adams", "eco"], ["farrow"]),
    ],
)
def test_a_span_of_letters_is_of_the_family_name_without_its_accents(
    said: str, names: list[str], others: list[str]
) -> None:
    spanned = AssignmentRule("one", "One", "ann", letters=read_letters(said))
    assert [name for name in [*names, *others] if spanned.fits(Arrival("R", {}, name))] == names


@pytest.mark.parametrize("said", ["M-A", "1-5", "A-", "-", "A-F-K", "a b", "?"])
def test_what_is_no_span_of_letters_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_letters(said)
    assert read_letters("  ") is None


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6))
def test_spans_that_meet_leave_no_name_out_and_take_none_twice(family: str) -> None:
    spans = [AssignmentRule(said, said, "ann", letters=read_letters(said)) for said in ("A-F", "G-Mb", "Mc-Z")]
    assert sum(each.fits(Arrival("R", {}, family)) for each in spans) == 1


def test_the_first_in_force_decides_and_what_fits_none_stays_nobodys() -> None:
    off = AssignmentRule("off", "Off", "ann", active=False)
    rules = [off, rule("kidney", specialty="nephrology"), rule("blue", payer="p|blue"), rule("rest")]
    decided = deciding(rules, OKAFOR)
    assert decided
    assert decided.id == "blue"
    assert deciding(rules[:2], OKAFOR) is None


def test_who_has_the_least_gets_the_next_and_of_equals_the_first() -> None:
    assert least({"ann": 3, "ben": 1, "cleo": 1}, ["ann", "ben", "cleo"]) == "ben"
    assert least({"ann": 3}, ["ann", "dan"]) == "dan"
    assert least({}, []) is None
