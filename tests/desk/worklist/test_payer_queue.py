"""The payer's queue: what lies with the payer stays in its list until it has decided, in the order of its own clock,
whoever else has to move first."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, insert

from carecoord.domain.worklist.judgement import judged
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.database import tables
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.words.catalogue import in_words
from tests.desk.rows import DAY, NOW, PAYER, row
from tests.desk.worklist.test_query import AT
from tests.domain import stories
from tests.domain.stories import (
    POLICY,
    Json,
    Story,
    answer,
    appointment,
    book,
    claim,
    encounter,
    order,
    period,
    plain,
    ref,
    report,
    rule,
    task,
    wish,
)

CLERK = CaseScope((("payer_key", PAYER),))


def columns(story: Story) -> dict:
    return judged("sr", story.case(), stories.NOW, POLICY).row


class TestRow:
    def test_asking_for_a_paper_does_not_stop_the_payers_clock(self) -> None:
        pended = (
            plain()
            .without("Appointment/visit")
            .with_(book(rule()), claim(sent=-2), answer("A4", decided=-1), wish(by=2))
        )
        found = columns(pended)
        assert (found["headline_gate"], found["role"]) == ("information", "coordinator")
        assert (found["payer_moves"], in_words(found["payer_due_label"])) == (True, "Payer decision")
        decision = datetime(2026, 11, 27, 15, tzinfo=UTC)  # 7 days after it was sent
        assert found["payer_due"] == found["payer_sort"] == micros(decision)
        assert found["payer_clock_start"] == micros(datetime(2026, 11, 20, 15, tzinfo=UTC))

    @pytest.mark.parametrize("action", ["A1", "A3"])
    def test_what_is_decided_lies_with_the_payer_no_more(self, action: str) -> None:
        found = columns(plain().with_(book(rule()), claim(), answer(action, start=-5, end=60), appointment(12)))
        assert (found["payer_moves"], found["payer_due"], found["payer_sort"]) == (False, None, FOREVER)

    def test_what_the_clinics_do_moves_neither_tab_nor_order_of_the_payers_list(self) -> None:
        """Its columns are made of what it was told: no visit, no report, no end of the referral is among that."""
        asked = (
            plain()
            .without("Appointment/visit")
            .with_(book(rule()), claim(sent=-2), answer("A4", decided=-1), wish(by=2))
        )
        done = (encounter(-1, "seen"), report(), task(status="completed", stage="closed"), order(status="completed"))
        own = payers_own(asked)
        assert own["payer_open"] is True
        for more in (
            [appointment(1)],
            [appointment(40)],
            [encounter(-1, "seen")],
            list(done),
            [order(occurrencePeriod=period(-90, -60))],
            [order(status="revoked")],
        ):
            assert payers_own(asked.with_(*more)) == own, more

    @pytest.mark.parametrize(
        ("told", "is_open"),
        [
            ([claim(sent=-2)], True),
            ([claim(sent=-2), answer("A4", decided=-1)], True),
            ([claim(sent=-2), answer("CT", decided=-1)], True),
            ([claim(), answer("A1", start=-5, end=60)], True),
            ([claim(), answer("A1", start=-9, end=0)], True),  # the last day counts
            ([claim(), answer("A1", start=-9, end=-1)], False),
            ([claim(), answer("A2", start=-9, end=-1)], False),
            ([claim(), answer("A3", decided=-9)], True),  # an appeal may come: 65 days
            ([claim(sent=-80), answer("A3", decided=-64)], True),
            ([claim(sent=-80), answer("A3", decided=-66)], False),
            ([claim(), answer("NA")], False),
            ([claim(), answer("C")], False),
            ([claim(status="cancelled")], False),
            ([claim(sent=-80), answer("A3", decided=-66), claim("again", sent=-1)], True),
        ],
    )
    def test_a_request_is_closed_when_nothing_more_can_come_of_it(self, told: list[Json], is_open: bool) -> None:
        found = columns(plain().with_(book(rule()), *told))
        assert found["payer_authorization"] is not None
        assert found["payer_open"] is is_open

    def test_the_row_is_judged_anew_when_a_denial_can_be_appealed_no_more(self) -> None:
        found = columns(plain().with_(book(rule()), claim(sent=-80), answer("A3", decided=-64)))
        assert found["changes_at"] <= micros(datetime(2026, 11, 23, 15, tzinfo=UTC))

    def test_an_order_is_the_payers_to_read_where_its_request_names_it(self) -> None:
        named = plain().with_(book(rule()), claim(), answer("A1", start=-5, end=60))
        assert columns(named)["payer_order"] is True
        only_an_answer = named.with_(
            {name: value for name, value in claim().items() if name != "referral"},
            order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")]),
        )
        assert columns(only_an_answer)["payer_authorization"] == "approved"
        assert columns(only_an_answer)["payer_order"] is False
        assert columns(plain())["payer_order"] is False


def payers_own(story: Story) -> dict:
    """All that orders a payer's list, or says in which of its tabs a row stands."""
    found = columns(story)
    return {name: value for name, value in found.items() if name.startswith("payer_") and name != "payer_searched"}


class TestList:
    @pytest.fixture
    def worklist(self, engine: Engine) -> Engine:
        pended = {"payer_moves": True, "payer_due": NOW + DAY // 4, "payer_sort": NOW + DAY // 4, "role": "coordinator"}
        late = {"payer_moves": True, "payer_due": NOW - DAY, "payer_sort": NOW - DAY, "role": "payer"}
        with writing(engine) as conn:
            given = [
                row(1, role="coordinator", due_at=NOW - 9 * DAY),
                row(2, **pended, due_at=NOW - 5 * DAY),
                row(3, **late, due_at=NOW + 20 * DAY),
            ]
            conn.execute(insert(tables.case), given)
        return engine

    def listed(self, engine: Engine, tab: str) -> list[str]:
        with reading(engine) as conn:
            return [each.id for each in Worklist(conn, CLERK, AT).every(WorklistQuery(tab))]

    def test_it_is_ordered_by_the_payers_clock(self, worklist: Engine) -> None:
        assert self.listed(worklist, "open") == ["case-3", "case-2", "case-1"]
        assert self.listed(worklist, "payer") == ["case-3", "case-2"]

    def test_late_and_today_are_the_payers_own(self, worklist: Engine) -> None:
        assert self.listed(worklist, "late") == ["case-3"]
        assert self.listed(worklist, "decide") == ["case-2"]

    def test_the_next_decision_is_the_payers(self, worklist: Engine) -> None:
        with reading(worklist) as conn:
            assert Worklist(conn, CLERK, AT).first_due(WorklistQuery("payer")) == NOW - DAY
