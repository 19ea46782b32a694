"""The tables of CarePlan and Goal, cell by cell, against tables written by hand."""

import pytest

from carecoord.domain.care_plans.states import GOAL, PLAN, judge_goal, judge_plan
from carecoord.domain.resource import moves
from carecoord.errors import Conflict, Forbidden

PLANS = {
    "new": "draft:draft start:active",
    "draft": "start:active revoke:revoked void:entered-in-error",
    "active": "hold:on-hold complete:completed revoke:revoked void:entered-in-error",
    "on-hold": "resume:active complete:completed revoke:revoked void:entered-in-error",
    "completed": "void:entered-in-error",
    "revoked": "void:entered-in-error",
    "unknown": "start:active complete:completed revoke:revoked void:entered-in-error",
    "entered-in-error": "",
}
GOALS = {
    "new": "propose:proposed plan:planned accept:accepted start:active",
    "proposed": "plan:planned accept:accepted start:active reject:rejected cancel:cancelled void:entered-in-error",
    "planned": "accept:accepted start:active reject:rejected cancel:cancelled void:entered-in-error",
    "accepted": "plan:planned start:active reject:rejected cancel:cancelled void:entered-in-error",
    "active": "hold:on-hold complete:completed cancel:cancelled void:entered-in-error",
    "on-hold": "resume:active complete:completed cancel:cancelled void:entered-in-error",
    "completed": "void:entered-in-error",
    "cancelled": "void:entered-in-error",
    "rejected": "void:entered-in-error",
    "entered-in-error": "",
}


@pytest.mark.parametrize(("table", "by_hand"), [(PLAN, PLANS), (GOAL, GOALS)], ids=["CarePlan", "Goal"])
def test_exactly_the_listed_moves_are_legal(table: moves.Table, by_hand: dict[str, str]) -> None:
    found = {state: " ".join(f"{verb}:{moves.advance(table, state, verb, 'either').to}"
             for verb in moves.legal(table, state, "either") if verb != "keep") for state in by_hand}  # fmt: skip
    assert found == by_hand
    assert {state for state, _ in table} == set(by_hand)


def test_a_plan_that_ended_never_goes_on_and_no_patient_writes_one() -> None:
    ended, active = {"status": "completed"}, {"status": "active"}
    with pytest.raises(Conflict, match=r"It is completed: there is no '\w+' from there\. Legal from completed: void\."):
        judge_plan(ended, active, "either")
    judge_plan(ended, ended | {"title": "x"}, "either")
    with pytest.raises(Forbidden):
        judge_plan({}, active, "patient")
    with pytest.raises(Conflict, match="It is cancelled"):
        judge_goal({"lifecycleStatus": "cancelled"}, {"lifecycleStatus": "active"}, "either")
