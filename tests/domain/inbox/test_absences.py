"""Who stands in for whom, by kind, also where a substitute is away too."""

from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.inbox.absences import ALL, Absence, stood_in_for
from carecoord.domain.inbox.kinds import KINDS

EVERY = frozenset(KINDS)


def away(account: str, all: str, begins: int = 0, ends: int = 10, **kinds: str) -> Absence:
    return Absence(account, begins, ends, {ALL: all, **kinds})


def test_who_stands_in_has_all_kinds_but_those_that_another_has() -> None:
    said = [away("tran", "reyes", authorization="patel")]
    assert stood_in_for(said, "reyes", 5) == {"tran": EVERY - {"authorization"}}
    assert stood_in_for(said, "patel", 5) == {"tran": frozenset({"authorization"})}
    assert stood_in_for(said, "tran", 5) == {}


def test_an_absence_holds_from_its_first_instant_until_its_end_which_is_not_in_it() -> None:
    said = [away("tran", "reyes", 3, 7)]
    assert [bool(stood_in_for(said, "reyes", now)) for now in (2, 3, 6, 7)] == [False, True, True, False]


def test_a_substitute_who_is_away_hands_on_and_a_round_of_absent_people_has_nobody() -> None:
    said = [away("tran", "reyes"), away("reyes", "patel", visit="tran")]
    assert stood_in_for(said, "patel", 5) == {"reyes": EVERY - {"visit"}, "tran": EVERY - {"visit"}}
    assert stood_in_for(said, "reyes", 5) == stood_in_for(said, "tran", 5) == {}


@given(
    st.lists(st.tuples(*[st.sampled_from("abcd")] * 2), max_size=4, unique_by=lambda pair: pair[0]),
    st.sampled_from(sorted(KINDS)),
)
def test_each_kind_of_an_absent_person_has_one_substitute_at_most_and_never_an_absent_one(
    pairs: list[tuple[str, str]], kind: str
) -> None:
    said = [away(one, other) for one, other in pairs]
    gone = {one for one, _ in pairs}
    for one in gone:
        holders = [each for each in "abcd" if kind in stood_in_for(said, each, 5).get(one, ())]
        assert len(holders) <= 1
        assert not gone & set(holders)
