"""The verdict in one line: never green beside a gate that is not met, and the same as the row says."""

from itertools import product
from typing import get_args

import pytest

from carecoord.domain.gates.gate import GateState
from carecoord.web.referrals.verdict import verdict
from tests.desk.rows import row

BEARING = ("coverage", "authorization", "agreement", "information", "appointment")


def said(**given) -> str:
    return verdict(row(1, **given)).label


@pytest.mark.parametrize("state", ["pending", "open", "unknown", "blocked"])
@pytest.mark.parametrize("gate", BEARING)
def test_no_unmet_gate_stands_beside_cleared(gate, state):
    chip = verdict(row(1, cleared=True, action="chase-performer", **{f"{gate}_gate": state}))
    assert chip.label.startswith("Not cleared: ")
    assert chip.tone == ("red" if state == "blocked" else "amber")


def test_green_is_the_word_of_the_row_alone():
    for states in product(get_args(GateState), repeat=2):
        gates = {"coverage_gate": states[0], "appointment_gate": states[1]}
        assert verdict(row(1, cleared=False, **gates)).tone != "green"
    assert verdict(row(1, cleared=True)).label == "Cleared: can be seen and paid for"


def test_a_visit_whose_time_has_passed_is_not_one_that_can_be_made():
    assert said(cleared=False) == "The time of the visit has passed"


def test_what_is_missing_last_is_named_as_it_is():
    assert said(appointment_gate="open", action="book") == "Cleared once a visit is booked"
    assert said(appointment_gate="pending", action="confirm-slot") == "Cleared once the visit is confirmed"
    assert said(appointment_gate="pending", action="chase-performer") == "Not cleared: appointment"
    assert said(appointment_gate="unknown", action="settle-conflict") == "Not cleared: appointment"
    assert said(coverage_gate="unknown", agreement_gate="open") == "Not cleared: coverage and contract"


def test_a_closed_case_is_closed():
    assert said(open=False, cleared=False) == "Closed"
