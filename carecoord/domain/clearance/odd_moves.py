"""What an EHR sent that no table of states has: it is stored as it came, and told on the case."""

from collections.abc import Callable, Mapping
from typing import Final

from carecoord.domain.agreements import states as agreement_states
from carecoord.domain.care_plans import states as plan_states
from carecoord.domain.prior_auth import states as authorization_states
from carecoord.domain.referrals import order_states
from carecoord.domain.referrals import states as task_states
from carecoord.domain.resource.elements import Json
from carecoord.domain.scheduling import states as visit_states
from carecoord.errors import Issue, Problem
from carecoord.fhir.types import TYPES

_ODD: Final = "business-rule"  # the issue-type of a flag that a table of states gave
_JUDGES: Final[Mapping[str, Callable[[Json, Json], None]]] = {
    "task": lambda before, after: task_states.judge(before, after, "either", abort=True),
    "order": lambda before, after: order_states.judge_order(before, after, "either"),
    "appointment": lambda before, after: visit_states.judge(before, after, "either"),
    "slot": lambda before, after: visit_states.judge_slot(before, after, "either"),
    "authorization": authorization_states.judge,
    "agreement": agreement_states.judge,
    "plan": lambda before, after: plan_states.judge_plan(before, after, "either"),
    "goal": lambda before, after: plan_states.judge_goal(before, after, "either"),
}


def odd_move(type: str, before: Json, after: Json) -> Issue | None:
    """The flag for a change that a table does not have; None for one that it has, and for what came as new: its history
    lies elsewhere."""
    judge = _JUDGES.get(TYPES[type].rule if type in TYPES else "")
    if judge is None or not before or not after:
        return None
    try:
        judge(before, after)
    except Problem as problem:
        return Issue("warning", _ODD, problem.text, problem.where)
    return None
