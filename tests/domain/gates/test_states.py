"""The closed sets of the gates: what is told apart by the type checker has its place in every table."""

from typing import get_args

from carecoord.domain.agreements.gate import STATE
from carecoord.domain.agreements.participation import Result
from carecoord.domain.gates.gate import RANK, GateState


def test_every_state_of_a_gate_has_its_rank_and_unknown_is_never_as_good_as_met() -> None:
    assert set(get_args(GateState)) == {"met", "not-needed", "pending", "open", "unknown", "blocked"} == set(RANK)
    assert RANK["met"] == RANK["not-needed"] < RANK["pending"] < RANK["open"] < RANK["unknown"] < RANK["blocked"]


def test_every_answer_of_the_directory_has_its_state_and_only_in_network_is_met() -> None:
    assert set(get_args(Result)) == set(STATE)
    assert [said for said, state in STATE.items() if state == "met"] == ["in"]
