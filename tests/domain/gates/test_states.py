"""The closed sets of the gates: what is told apart by the type checker has its place in every table."""

from typing import get_args

from carecoord.domain.agreements.gate import STATE
from carecoord.domain.agreements.participation import Cause, Result
from carecoord.domain.clearance.conflicts import BECAME
from carecoord.domain.gates.gate import NAMES, RANK, GateName, GateState, Mover
from carecoord.domain.gates.rules import RULES
from carecoord.domain.prior_auth.ruling import NETWORK, AuthorizationState
from carecoord.domain.referrals import states
from carecoord.domain.referrals.stages import BAD_NEWS, BSER_STAGES, BY_STATUS, WRITTEN, Stage, stage
from carecoord.domain.referrals.visits import KIND, BookingKind
from carecoord.domain.resource.codes import STAGE
from carecoord.domain.worklist.row import CONTRACT, LOST, AgreementState
from carecoord.web.page import labels


def test_every_state_of_a_gate_has_its_rank_and_unknown_is_never_as_good_as_met() -> None:
    assert set(get_args(GateState)) == {"met", "not-needed", "pending", "open", "unknown", "blocked"} == set(RANK)
    assert RANK["met"] == RANK["not-needed"] < RANK["pending"] < RANK["open"] < RANK["unknown"] < RANK["blocked"]


def test_every_answer_of_the_directory_has_its_state_and_only_in_network_is_met() -> None:
    assert set(get_args(Result)) == set(STATE)
    assert [said for said, state in STATE.items() if state == "met"] == ["in"]


def test_every_gate_has_its_rules_and_its_words() -> None:
    assert NAMES == get_args(GateName) == tuple(RULES) == tuple(labels.GATES)
    assert set(get_args(GateState)) == set(labels.GATE)
    assert set(get_args(Mover)) == set(labels.MOVE)


def test_every_state_that_a_row_may_keep_has_its_words() -> None:
    assert set(get_args(AuthorizationState)) == set(labels.AUTHORIZATION)
    assert set(get_args(AgreementState)) == set(labels.CONTRACT)
    assert {chip for chip, _ in CONTRACT.values()} <= set(get_args(AgreementState))
    assert set(NETWORK) == set(get_args(Result))


def test_each_cause_of_taking_part_or_not_is_a_rule_of_its_gate() -> None:
    assert tuple(f"agreement.{cause}" for cause in get_args(Cause)) == RULES["agreement"]


def test_what_an_appointment_means_is_one_closed_set() -> None:
    assert set(KIND.values()) == set(get_args(BookingKind)) >= {*LOST, *BECAME}


def test_the_stages_of_a_referral_are_one_set_wherever_they_are_spoken_of() -> None:
    every = set(get_args(Stage))
    assert every == set(states.STAGES) == set(WRITTEN) == set(labels.REFERRAL)
    assert every >= {*BY_STATUS.values(), *BSER_STAGES.values(), *BAD_NEWS}


def test_a_code_of_ours_that_is_no_stage_leaves_the_status_to_speak() -> None:
    business = {"coding": [{"system": STAGE, "code": "no-such-stage"}]}
    assert stage({"resourceType": "Task", "status": "accepted", "businessStatus": business}) == "accepted"
