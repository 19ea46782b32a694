"""What an office knows of a payer's ways: how often a denial was taken back, how near a gold card is, and which other
requests ask for the same; by hand, at the very marks."""

from dataclasses import dataclass

import pytest

from carecoord.domain.prior_auth.clinic import checks, track_record
from carecoord.domain.prior_auth.clinic.track_record import Odds, Standing

MET, OTHER = "not-shown", "out-of-network"


def said(code: str, reason: str, n: int, back: int) -> list[tuple[str, str, bool]]:
    return [(code, reason, each < back) for each in range(n)]


@pytest.mark.parametrize(
    ("heard", "wanted", "rate"),
    [
        # the same code and reason, as soon as ten stand behind it
        (said("C8928", MET, 10, 8) + said("C8928", OTHER, 30, 0), Odds("reason", 10, 8), 80),
        # of nine the same code counts, whatever the reason
        (said("C8928", MET, 9, 9) + said("C8928", OTHER, 11, 3), Odds("code", 20, 12), 60),
        # where those are too few, the payer as a whole
        (said("C8928", MET, 9, 9) + said("G6015", OTHER, 11, 0), Odds("payer", 20, 9), 45),
        # and of fewer than ten in all there is no rate
        (said("C8928", MET, 9, 9), Odds("payer", 9, 9), None),
        ([], Odds("payer", 0, 0), None),
    ],
)
def test_the_odds_of_an_appeal_are_of_the_narrowest_ten_and_of_fewer_no_rate(
    heard: list[tuple[str, str, bool]], wanted: Odds, rate: int | None
) -> None:
    found = track_record.odds(heard, "C8928", MET)
    assert (found, found.rate) == (wanted, rate)


@dataclass(frozen=True)
class Row:
    """A decided request, as the rows tell it."""

    payer_key: str | None = "s|BH"
    payer_name: str | None = "Blue Horizon"
    code: str = "C8928"
    service: str = "Echo"
    provider: str | None = "Riverside"
    state: str = "approved"


@pytest.mark.parametrize(
    ("n", "approved", "state", "percent", "lacking"),
    [
        (4, 4, "few", 100, 1),  # five requests at least
        (5, 5, "gold", 100, 0),
        (10, 9, "gold", 90, 0),
        (19, 17, "near", 89, 1),  # 89.47 % is not 90: 18 of 20 would be
        (10, 8, "near", 80, 10),
        (10, 7, "below", 70, 20),
    ],
)
def test_a_gold_card_is_near_by_whole_percents_and_by_how_many_more_would_do(
    n: int, approved: int, state: str, percent: int, lacking: int
) -> None:
    states = ["approved"] * approved + ["denied"] * (n - approved)
    (found,) = track_record.standings(Row(state=each) for each in states)
    assert (found.state, found.percent, found.lacking) == (state, percent, lacking)


def test_what_was_cut_or_changed_is_no_approval_and_what_is_not_decided_or_nobodys_does_not_count() -> None:
    rows = [Row(), Row(state="modified"), Row(state="partly"), Row(state="pended"), Row(state="cancelled"),
            Row(provider=None), Row(payer_key=None), Row(code="")]  # fmt: skip
    assert track_record.standings(rows) == [Standing("Blue Horizon", "Echo", "C8928", "Riverside", 3, 1)]


def test_those_nearest_to_the_mark_stand_first() -> None:
    rows = [*(Row(provider="A", state="denied") for _ in range(5)), *(Row(provider="B") for _ in range(5)), Row()]
    assert [each.provider for each in track_record.standings(rows)] == ["B", "A", "Riverside"]


@dataclass(frozen=True)
class Open:
    """Another open request of the patient; its days as (begin, end), the end not in."""

    name: str
    payer_key: str = "s|BH"
    code: str = "C8928"
    starts: int | None = 100
    ends: int | None = 200


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Open("same days"), True),
        (Open("meets on the last day", starts=149, ends=300), True),
        (Open("begins when it is over", starts=150, ends=300), False),
        (Open("is over when it begins", starts=0, ends=50), False),
        (Open("is over on its first day", starts=0, ends=51), True),
        (Open("nobody says from when", starts=None, ends=40), False),
        (Open("nobody says any day", starts=None, ends=None), True),
        (Open("another payer", payer_key="s|GC"), False),
        (Open("another code", code="G6015"), False),
    ],
)
def test_another_request_asks_for_the_same_where_payer_and_code_are_and_the_days_meet(other: Open, same: bool) -> None:
    assert checks.alike(Open("this"), [other], (50, 150)) == ([other] if same else [])


def test_without_days_of_its_own_every_other_of_the_kind_asks_for_the_same() -> None:
    other = Open("far away", starts=10_000, ends=20_000)
    assert checks.alike(Open("this"), [other], (None, None)) == [other]
