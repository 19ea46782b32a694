"""The states of a CarePlan and of a Goal, for every road. What has ended never goes on: a plan that is taken up again
is a new one, so that on any day it can be shown what was planned then.

Clauses: FHIR R4 request.html#statemachine (RequestStatus), goal.html (GoalLifecycleStatus). How far a goal is reached,
and how an activity stands, are no states of these tables: they are read from what was measured and done."""

from collections.abc import Iterable
from typing import Final

from carecoord.domain.resource import moves
from carecoord.domain.resource.elements import Json, text
from carecoord.domain.resource.moves import BOTH, Move, Table

_Row = tuple[str, tuple[str, ...], str]  # verb, from where, where to

PLAN_STATES: Final = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown")
GOAL_STATES: Final = (
    "proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "entered-in-error", "rejected",
)  # fmt: skip
_PLAN_ROWS: Final[tuple[_Row, ...]] = (
    ("draft", ("new",), "draft"),
    ("start", ("new", "draft", "unknown"), "active"),
    ("hold", ("active",), "on-hold"),
    ("resume", ("on-hold",), "active"),
    ("complete", ("active", "on-hold", "unknown"), "completed"),
    ("revoke", ("draft", "active", "on-hold", "unknown"), "revoked"),
    ("void", PLAN_STATES[:5] + PLAN_STATES[6:], "entered-in-error"),
)
_GOAL_ROWS: Final[tuple[_Row, ...]] = (
    ("propose", ("new",), "proposed"),
    ("plan", ("new", "proposed", "accepted"), "planned"),
    ("accept", ("new", "proposed", "planned"), "accepted"),
    ("start", ("new", "proposed", "planned", "accepted"), "active"),
    ("reject", ("proposed", "planned", "accepted"), "rejected"),
    ("hold", ("active",), "on-hold"),
    ("resume", ("on-hold",), "active"),
    ("complete", ("active", "on-hold"), "completed"),
    ("cancel", ("proposed", "planned", "accepted", "active", "on-hold"), "cancelled"),
    ("void", tuple(each for each in GOAL_STATES if each != "entered-in-error"), "entered-in-error"),
)


def _table(rows: Iterable[_Row], states: Iterable[str]) -> dict[tuple[str, str], tuple[Move, ...]]:
    kept: dict[tuple[str, str], tuple[Move, ...]] = {(state, "keep"): (Move(state, BOTH),) for state in states}
    return {(start, verb): (Move(to, BOTH),) for verb, starts, to in rows for start in starts} | kept


PLAN: Final = _table(_PLAN_ROWS, PLAN_STATES)
GOAL: Final = _table(_GOAL_ROWS, GOAL_STATES)


def judge_plan(before: Json, after: Json, side: moves.Side) -> None:
    """Refuse a change of a CarePlan that the table does not have (`before` empty: a new one).

    Raises Conflict (409) naming the legal verbs; Forbidden (403) for a patient, who writes no plan.
    """
    _judge(PLAN, text(before, "status"), text(after, "status"), side, "CarePlan.status")


def judge_goal(before: Json, after: Json, side: moves.Side) -> None:
    """Refuse a change of a Goal that the table does not have (`before` empty: a new one). Raises as `judge_plan`."""
    _judge(GOAL, text(before, "lifecycleStatus"), text(after, "lifecycleStatus"), side, "Goal.lifecycleStatus")


def _judge(table: Table, before: str, after: str, side: moves.Side, where: str) -> None:
    start = before or "new"
    verb = "keep" if start == after else moves.between(table, start, after) or "void"
    moves.advance(table, start, verb, side, where=where)
