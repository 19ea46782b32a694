"""The worklist reads what was asked for, counts what it reads, and shows nobody more than they may see."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from carecoord.domain.inbox.kinds import Kind, signs
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import marks
from carecoord.store.worklist import query as worklist_query
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.query import FACETS, MANY, NONE, SORTS, CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.tabs import DueBounds, Own, of_kinds, tabs
from tests.desk import rows
from tests.desk.rows import DAY, NOW, OTHER, OURS, PAYER, THEIRS

AT = DueBounds(NOW, NOW + DAY // 2, NOW + 4 * DAY, NOW + 7 * DAY, behind=True)
SIDES = CaseScope((("placer", OURS), ("performer", OURS)))
LISTS = sorted(tabs(AT))
VALUES: dict[str, tuple[str, ...]] = {
    "referral": rows.STAGES, "authorization": rows.AUTHORIZATIONS, "contract": rows.CONTRACTS,
    "payer": (PAYER, OTHER, NONE), "priority": ("routine", "urgent", "stat"), "owner": ("reyes", "tran", NONE),
    "move": ("coordinator", "payer", NONE), "gate": (*rows.GATES, NONE),
}  # fmt: skip
chosen = st.dictionaries(st.sampled_from(sorted(FACETS)), st.just(None), max_size=4).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3, unique=True) for name in names}
    )
)
asks = st.builds(
    lambda tab, facets, words, sort, only: WorklistQuery(
        tab, tuple((n, tuple(v)) for n, v in facets.items()), words, sort, only=only
    ),
    st.sampled_from(LISTS),
    chosen,
    st.sampled_from(("", "oka", "nunez", "R-000", "4410-0", "heart okafor", "zzz", "delgado-r")),
    st.sampled_from([*SORTS, *(f"-{name}" for name in SORTS)]),
    st.sampled_from(((), (), (), ("case-7",), tuple(f"case-{n}" for n in range(0, 900, 3)))),  # a column without a copy
)
seen = st.sampled_from(
    [SIDES, CaseScope((("placer", THEIRS),)), CaseScope((("payer_key", PAYER),)), CaseScope(()), CaseScope(None),
     CaseScope((("placer", OURS), ("placer", THEIRS), ("performer", THEIRS)))]
)  # fmt: skip
VISITS, PAPERS = of_kinds(*signs(("visit",))), of_kinds(*signs(("document", "referral")))
owns = st.sampled_from(
    (Own(), Own(("reyes",)), Own(("reyes",), (("tran", None),)), Own(("ann",), (("tran", VISITS), ("reyes", PAPERS))))
)
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def three_hundred(engine: Engine) -> Engine:
    with writing(engine) as conn:
        worklist_rows.save(conn, rows.many(300))
        marks.mark(conn, list(range(0, 300, 7)))
    return engine


def keep(engine: Engine, *made: dict[str, Any]) -> None:
    with writing(engine) as conn:
        worklist_rows.save(conn, made)


def listed(engine: Engine, asked: WorklistQuery, whose: CaseScope = SIDES) -> list[str]:
    with reading(engine) as conn:
        return [row.id for row in Worklist(conn, whose, AT).every(asked)]


def may(row: dict[str, Any], whose: CaseScope) -> bool:
    """The narrowing in plain words."""
    if whose.any_of is None:
        return True
    return any(
        row[column] == value and (column != "payer_key" or row["payer_authorization"] is not None)
        for column, value in whose.any_of
    )


@quick
@given(asked=asks, whose=seen, own=owns)
def test_a_count_is_the_length_of_its_list(
    three_hundred: Engine, asked: WorklistQuery, whose: CaseScope, own: Own
) -> None:  # fmt: skip
    with reading(three_hundred) as conn:
        worklist = Worklist(conn, whose, AT, own)
        found = list(worklist.every(asked))
        tally, groups = worklist.tally(asked, LISTS)
        assert worklist.count(asked) == tally[asked.tab] == sum(groups.values()) == len(found)
        assert len({row.rid for row in found}) == len(found)
        assert tally == {tab: worklist.count(replace(asked, tab=tab)) for tab in LISTS}
    with writing(three_hundred) as conn:  # where there is no copy of the rows at hand, lists are walked
        walked = Worklist(conn, whose, AT, own)
        assert walked.tally(asked, LISTS) == (tally, groups)
        assert [row.rid for row in walked.every(asked)] == [row.rid for row in found]


def test_a_case_that_a_change_has_overtaken_is_not_among_the_cleared_until_it_is_judged(engine: Engine) -> None:
    keep(engine, *(rows.row(n, cleared=True) for n in (1, 2, 3)))
    cleared = WorklistQuery("cleared")
    assert len(listed(engine, cleared)) == 3
    with writing(engine) as conn:
        marks.mark(conn, [2])
        assert [each.rid for each in Worklist(conn, SIDES, AT).every(cleared)] == [1, 3], "walked"
    with reading(engine) as conn:
        worklist = Worklist(conn, SIDES, AT)
        assert [each.rid for each in worklist.every(cleared)] == [1, 3]
        assert worklist.tally(cleared, ["cleared", "open"])[0] == {"cleared": 2, "open": 3}
    with writing(engine) as conn:
        marks.settle(conn, marks.of_patients(conn, [row.patient for row in worklist_rows.of_rids(conn, [2])]))
    assert len(listed(engine, cleared)) == 3


@quick
@given(asked=asks, whose=seen)
def test_fewer_filters_never_hide_a_case(three_hundred: Engine, asked: WorklistQuery, whose: CaseScope) -> None:
    found = set(listed(three_hundred, asked, whose))
    for n in range(len(asked.facets)):
        wider = replace(asked, facets=asked.facets[:n] + asked.facets[n + 1 :])
        assert found <= set(listed(three_hundred, wider, whose))
    assert found <= set(listed(three_hundred, replace(asked, words=""), whose))
    if asked.tab not in ("closed", "snoozed", "conflict", "counted"):  # the last two hold what rests too
        assert found <= set(listed(three_hundred, replace(asked, tab="open"), whose))


@quick
@given(asked=asks, whose=seen)
def test_nobody_sees_a_case_that_is_not_theirs_and_everybody_sees_all_of_theirs(
    three_hundred: Engine, asked: WorklistQuery, whose: CaseScope
) -> None:
    theirs = {row["id"] for row in rows.many(300) if may(row, whose)}
    assert set(listed(three_hundred, asked, whose)) <= theirs
    lists = [listed(three_hundred, WorklistQuery(tab), whose) for tab in ("open", "snoozed", "closed")]
    assert sorted(id for found in lists for id in found) == sorted(theirs)


def test_a_case_that_rests_is_away_from_its_offices_lists_until_its_day_and_from_nobody_elses(engine: Engine) -> None:
    keep(
        engine, rows.row(1), rows.row(2, wakes_at=NOW + DAY), rows.row(3, wakes_at=NOW),
        rows.row(4, wakes_at=NOW + DAY, placer=THEIRS, performer=OURS),
    )  # fmt: skip
    payer = CaseScope((("payer_key", PAYER),))
    assert listed(engine, WorklistQuery("open")) == ["case-1", "case-3", "case-4"]
    assert listed(engine, WorklistQuery("snoozed")) == ["case-2"]
    assert listed(engine, WorklistQuery("open"), payer) == ["case-1", "case-2", "case-3", "case-4"]
    assert listed(engine, WorklistQuery("snoozed"), payer) == []
    assert listed(engine, WorklistQuery("open", only=("case-2",))) == ["case-2"]
    with reading(engine) as conn:
        tally, _ = Worklist(conn, SIDES, AT).tally(WorklistQuery("open"), ["open", "snoozed", "closed"])
    assert tally == {"open": 3, "snoozed": 1, "closed": 0}


def test_ones_own_are_also_those_of_whom_one_stands_in_for_as_far_as_one_does(engine: Engine) -> None:
    gates = {"book": "appointment", "chase-report": "loop", "confirm-visit": "loop", None: "coverage"}
    names = ((None, "ann"), *((action, "tran") for action in gates))
    keep(engine, *(
        rows.row(n, owner=owner, action=action, headline_gate=gates[action], role="coordinator")
        for n, (action, owner) in enumerate(names)
    ))  # fmt: skip

    def mine(kinds: tuple[Kind, ...] | None) -> tuple[list[str], int]:
        own = Own(("ann",), (("tran", of_kinds(*signs(kinds)) if kinds else None),))
        with reading(engine) as conn:
            worklist = Worklist(conn, SIDES, AT, own)
            found = sorted(row.id for row in worklist.every(WorklistQuery("mine")))
            return found, worklist.count(WorklistQuery("mine"))

    assert mine(None) == ([f"case-{n}" for n in range(5)], 5)
    assert mine(("visit",)) == (["case-0", "case-1", "case-3"], 3)
    assert mine(("coverage", "referral")) == (["case-0", "case-2", "case-4"], 3)
    assert mine(("mention",)) == (["case-0"], 1)


def test_a_case_in_conflict_is_found_also_while_it_rests(engine: Engine) -> None:
    keep(
        engine, rows.row(1), rows.row(2, conflict=True), rows.row(3, conflict=True, wakes_at=NOW + DAY),
        rows.row(4, conflict=True, placer=THEIRS, performer=OURS),
    )  # fmt: skip
    assert listed(engine, WorklistQuery("conflict")) == ["case-2", "case-3", "case-4"]
    with reading(engine) as conn:
        tally, _ = Worklist(conn, SIDES, AT).tally(WorklistQuery("open"), ["open", "conflict", "snoozed"])
    assert tally == {"open": 3, "conflict": 3, "snoozed": 1}


@quick
@given(asked=asks, size=st.integers(1, 40))
def test_pages_never_repeat_or_skip_a_row_in_either_direction(
    three_hundred: Engine, asked: WorklistQuery, size: int
) -> None:
    with reading(three_hundred) as conn:
        worklist = Worklist(conn, SIDES, AT)
        whole = [row.id for row in worklist.every(asked)]
        forth, back, here = [], [], asked
        while True:
            page, more, _ = worklist.page(here, size)
            forth += [row.id for row in page]
            if not more:
                break
            here = replace(asked, after=worklist_query.place(page[-1], asked.sort))
        assert forth == whole
        while page:
            back = [row.id for row in page] + back
            before = replace(asked, before=worklist_query.place(page[0], asked.sort))
            page, _, _ = worklist.page(before, size)
        assert back == whole


def test_every_stage_appears_in_a_list(three_hundred: Engine) -> None:
    with reading(three_hundred) as conn:
        stages = {
            row.stage
            for tab in ("open", "closed")
            for row in Worklist(conn, CaseScope(None), AT).every(WorklistQuery(tab))
        }
    assert stages == set(rows.STAGES)


def test_it_orders_by_what_is_due_first_and_puts_what_is_never_due_last(engine: Engine) -> None:
    keep(engine, rows.row(1, due_at=None), rows.row(2, due_at=NOW + DAY), rows.row(3, due_at=NOW - DAY))
    assert listed(engine, WorklistQuery()) == ["case-3", "case-2", "case-1"]
    assert listed(engine, WorklistQuery(sort="-due")) == ["case-1", "case-2", "case-3"]


@pytest.mark.parametrize(
    "words", ["okafor", "OKAF", "ngozi okafor", "4410-007", "4410007", "r-00007", "00007", "riverside heart", "lbbb"]
)
def test_it_finds_a_case_by_the_beginnings_of_its_words(engine: Engine, words: str) -> None:
    keep(engine, rows.row(7), rows.row(8, patient_name="Lindqvist, Tomas", reason="Hip", performer_name="Summit Spine"))
    assert listed(engine, WorklistQuery(words=words)) == ["case-7"]


def test_it_finds_an_accented_name_by_its_plain_letters(engine: Engine) -> None:
    keep(engine, rows.row(1, patient_name="Núñez, José"))
    assert listed(engine, WorklistQuery(words="nunez jose")) == ["case-1"]


def test_a_payer_finds_a_case_by_name_and_number_but_not_by_a_clinical_word(engine: Engine) -> None:
    keep(engine, rows.row(1, reason="Depression, recurrent"))
    payer = CaseScope((("payer_key", PAYER),))
    for words in ("okafor", "R-00001", "riverside"):
        assert listed(engine, WorklistQuery(words=words), payer) == ["case-1"]
    assert listed(engine, WorklistQuery(words="depression")) == ["case-1"]
    for words in ("depression", "~depression", "\uff5edepression"):
        assert listed(engine, WorklistQuery(words=words), payer) == []


def test_it_forgets_the_words_of_a_row_that_is_renamed_or_removed(engine: Engine) -> None:
    keep(engine, rows.row(1), rows.row(2))
    keep(engine, rows.row(1, patient_name="Petrov, Irina"))
    assert listed(engine, WorklistQuery(words="okafor")) == ["case-2"]
    with writing(engine) as conn:
        worklist_rows.remove(conn, [2])
    assert listed(engine, WorklistQuery(words="okafor")) == []
    assert listed(engine, WorklistQuery()) == ["case-1"]


def test_counting_stops_at_the_most_that_is_shown(engine: Engine) -> None:
    keep(engine, *(rows.row(n) for n in range(1, MANY + 50)))
    with reading(engine) as conn:
        worklist = Worklist(conn, SIDES, AT)
        tally, groups = worklist.tally(WorklistQuery(), LISTS)
        assert tally["open"] == worklist.count(WorklistQuery()) == MANY
        assert tally["overdue"] == 0
        assert groups["soon"] == MANY
        narrow = WorklistQuery(facets=(("payer", (PAYER,)),))
        assert worklist.tally(narrow, ["open"])[0] == {"open": MANY}


def test_choices_are_the_values_that_the_askers_open_cases_have(engine: Engine) -> None:
    keep(
        engine, rows.row(1), rows.row(2, owner="tran", owner_name="Tran, J."), rows.row(3, owner=None, owner_name=None),
        rows.row(4, owner="else", owner_name="Else", placer=THEIRS), rows.row(5, owner="gone", open=False),
    )  # fmt: skip
    with reading(engine) as conn:
        found = Worklist(conn, SIDES, AT).choices("owner", "owner_name")
    assert found == [("reyes", "Reyes, Marisol"), ("tran", "Tran, J.")]


def test_the_options_of_a_filter_tell_how_many_rows_each_would_give(engine: Engine) -> None:
    keep(
        engine, rows.row(1), rows.row(2, stage="sent"), rows.row(3, stage="sent", priority="stat"),
        rows.row(4, stage="sent", open=False), rows.row(5, stage="sent", placer=THEIRS),
        rows.row(6, stage="declined", owner=None, owner_name=None),
    )  # fmt: skip
    with reading(engine) as conn:
        cases = Worklist(conn, SIDES, AT)
        stages = ("sent", "accepted", "declined", "closed")
        assert cases.options(WorklistQuery(), "referral", stages) == {
            "sent": 2, "accepted": 1, "declined": 1, "closed": 0,
        }  # fmt: skip
        urgent = WorklistQuery(facets=(("priority", ("stat",)), ("referral", ("accepted",))))
        assert cases.options(urgent, "referral", stages) == {"sent": 1, "accepted": 0, "declined": 0, "closed": 0}
        assert cases.options(WorklistQuery("closed"), "referral", ("sent",)) == {"sent": 1}
        assert cases.options(WorklistQuery(), "owner", (NONE, "reyes")) == {NONE: 1, "reyes": 3}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=asks, whose=seen, name=st.sampled_from(sorted(FACETS)))
def test_each_option_counts_the_rows_of_the_list_that_it_gives(
    three_hundred: Engine, asked: WorklistQuery, whose: CaseScope, name: str
) -> None:
    others = tuple(pair for pair in asked.facets if pair[0] != name)
    with reading(three_hundred) as conn:
        found = Worklist(conn, whose, AT).options(asked, name, VALUES[name])
    for value, length in found.items():
        assert length == len(listed(three_hundred, replace(asked, facets=(*others, (name, (value,)))), whose))


def test_one_case_is_found_open_or_closed_but_only_by_those_who_may_see_it(engine: Engine) -> None:
    drafted = rows.row(4, authorization_state="draft")
    keep(engine, rows.row(1), rows.row(2, open=False), rows.row(3, placer=THEIRS), drafted)

    def sees(id: str, whose: CaseScope) -> bool:
        with reading(engine) as conn:
            return Worklist(conn, whose, AT).one(id) is not None

    assert [sees(f"case-{n}", SIDES) for n in (1, 2, 3, 4, 5)] == [True, True, False, True, False]
    payer = CaseScope((("payer_key", PAYER),))
    assert [sees(f"case-{n}", payer) for n in (1, 4)] == [True, False]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL plans by its own statistics
@pytest.mark.parametrize("whose", [SIDES, CaseScope((("payer_key", PAYER),)), CaseScope(None)])
def test_a_page_walks_an_index_instead_of_sorting_the_table(
    three_hundred: Engine, whose: CaseScope, explain: Callable[[Engine, Callable[[], Any]], str]
) -> None:
    with writing(three_hundred) as conn:  # where there is no copy of the rows at hand
        plan = explain(three_hundred, lambda: Worklist(conn, whose, AT).page(WorklistQuery(), 25))
    assert "case_row" in plan
    assert "SCAN case_row" not in plan.replace("SCAN case_row USING INDEX", "")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_rests_is_found_without_looking_at_what_does_not(
    three_hundred: Engine, explain: Callable[[Engine, Callable[[], Any]], str]
) -> None:
    with writing(three_hundred) as conn:
        cases = Worklist(conn, SIDES, AT)
        for look in (lambda: cases.count(WorklistQuery("snoozed")), lambda: cases.page(WorklistQuery("snoozed"), 25)):
            plan = explain(three_hundred, look)  # type: ignore[arg-type]
            assert "USING INDEX case_row_resting (placer=? AND wakes_at>?)" in plan
            assert plan.count("case_row ") - plan.count("SEARCH case_row USING INTEGER PRIMARY KEY") == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_search_reads_the_rows_that_have_its_word_once_for_each_side_not_for_each_office(
    three_hundred: Engine, explain: Callable[[Engine, Callable[[], Any]], str]
) -> None:
    offices = (("placer", OURS), ("performer", OURS), ("placer", THEIRS), ("performer", THEIRS))
    with writing(three_hundred) as conn:
        cases = Worklist(conn, CaseScope(offices), AT)
        plan = explain(three_hundred, lambda: cases.tally(WorklistQuery(words="oka"), ("overdue", "payer")))
    walked = plan.count("SEARCH case_row USING INTEGER PRIMARY KEY (rowid=?)")
    assert walked == 2, plan
