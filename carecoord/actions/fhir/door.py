"""The door that every write of ours goes through: single requests, Bundles, loads and the desk's acts. What the tables
of states do not have is refused here. What an EHR sends does not come this way: it is stored, and flagged.

`Type.rule` names the table of a type. A person begins a referral as a draft or sends it; a service may record one in
any state that it truly reached elsewhere, and from then on the table holds for it too.

Clauses: FHIR R4 http.html#2.21.0.4 (409 and 422); IHE ITI Scheduling (one of two who want the last slot gets it)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from carecoord.actions.access import sides
from carecoord.actions.access.turn import Turn
from carecoord.actions.agreements.office import steps
from carecoord.actions.policies import office_policy
from carecoord.actions.prior_auth import chains
from carecoord.actions.prior_auth.pas import notices
from carecoord.domain.access.roles import keeps_rules
from carecoord.domain.agreements import states as agreement_states
from carecoord.domain.care_plans import states as plan_states
from carecoord.domain.prior_auth import states as authorization_states
from carecoord.domain.prior_auth.rule_book import payer_of
from carecoord.domain.referrals import order_states, stages
from carecoord.domain.referrals import states as task_states
from carecoord.domain.resource.elements import item, target, text
from carecoord.domain.scheduling import states as visit_states
from carecoord.errors import Conflict, Forbidden, Problem
from carecoord.fhir import text as json
from carecoord.fhir.etag import Expected, holds
from carecoord.fhir.search import params
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.write import Change

Json = dict[str, Any]


class Aim(Protocol):
    """A resource to be stored under a type and an id; None: to be deleted. already, twin: nothing is to be done."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def resource(self) -> Json | None: ...
    @property
    def expected(self) -> Expected | None: ...
    @property
    def already(self) -> object: ...
    @property
    def twin(self) -> bool: ...


def admit(turn: Turn, changes: Sequence[Change], told: Collection[str] = ()) -> None:
    """Refuse the first of an act's changes that its table does not have; to be called before they are made. told: the
    Tasks (`Task/id`) of which the asker writes down what their performer said, and so moves them as the performer.

    Raises Conflict (409) naming the legal verbs, Forbidden (403) for the wrong side, Unprocessable (422).
    """
    aims = [_Act(each.type, each.id, each.resource, each.expected) for each in changes]
    for _, problem in refusals(turn, aims, told):
        raise problem


@dataclass(frozen=True)
class _Act:
    type: str
    id: str
    resource: Json | None
    expected: Expected | None
    already: None = None
    twin: bool = False


def refusals(
    turn: Turn, aims: Sequence[Aim], told: Collection[str] = (), standing: "Standing | None" = None
) -> Iterator[tuple[Aim, Problem]]:
    """Every write that its table does not have, and why: Conflict (409) naming the legal verbs, Forbidden (403) for the
    wrong side, Unprocessable (422). To be asked before anything is written; those that are refused count as not made. A
    write that is not at the version expected is not judged: putting it away will say so. standing: what `stands` said
    of these very aims, where it was asked before."""
    governed = _governed(aims)
    if not governed:
        return
    held, versions = standing or stands(turn, aims)
    door = _Door(turn, dict(held), told)
    for aim in governed:
        if aim.expected is not None and not holds(aim.expected, versions.get((aim.type, aim.id))):
            continue
        before, after = door.held.get((aim.type, aim.id)) or {}, aim.resource
        try:
            if after is None:
                _JUDGES_DELETION.get(_rule(aim.type), _free)(before)
            else:
                door.judge(aim.type, aim.id, before, after)
        except Problem as problem:
            yield aim, problem
            continue
        door.held[aim.type, aim.id] = after


def _rule(type: str) -> str:
    return TYPES[type].rule if type in TYPES else ""


Held = dict[tuple[str, str], Json | None]
Standing = tuple[Held, dict[tuple[str, str], int]]  # with the versions


def _governed(aims: Iterable[Aim]) -> list[Aim]:
    return [aim for aim in aims if _rule(aim.type) and aim.already is None and not aim.twin]


def stands(turn: Turn, aims: Iterable[Aim]) -> Standing:
    """What stands in the places of these aims that a table governs, and nobody else changes until this transaction
    ends."""
    wanted = {(aim.type, aim.id) for aim in _governed(aims)}
    there = wanted
    if len(wanted) > 1 and turn.conn.dialect.name == "postgresql":  # of many most are new, and locks take room
        there = {(row.type, row.id) for row in read.many(turn.conn, wanted)}
    _hold(turn.conn, there)
    found = read.many(turn.conn, wanted)  # as it is now that nobody else is before us
    while come := {(row.type, row.id) for row in found} - there:  # made while we looked what is there
        _hold(turn.conn, come)
        there |= come
        found = read.many(turn.conn, wanted)
    held: Held = {(row.type, row.id): json.loads(row.body) for row in found}
    return held, {(row.type, row.id): row.version for row in found}


def _hold(conn: Connection, places: Iterable[tuple[str, str]]) -> None:
    alone(conn, *(f"state {type}/{id}" for type, id in places))


@dataclass
class _Door:
    """The door in one go of writes. held: what stands there, and what the writes so far make of it."""

    turn: Turn
    held: Held
    told: Collection[str] = ()

    def judge(self, type: str, id: str, before: Json, after: Json) -> None:
        """Raise why a table does not have this change."""
        if type == notices.TYPE:
            notices.demand(self.turn, before, after)
            return
        if not before and sides.serves(self.turn):
            if type == "Appointment":
                self._demand_slots(id, before, after)
            if type == "ClaimResponse":
                authorization_states.demand_reasons(after)
            return
        judges: Mapping[str, Callable[[], None]] = {
            "task": lambda: self._task(id, before, after),
            "order": lambda: order_states.judge_order(before, after, sides.of_order(self.turn, before or after)),
            "appointment": lambda: self._appointment(id, before, after),
            "slot": lambda: visit_states.judge_slot(before, after, sides.of_everybody(self.turn)),
            "authorization": lambda: self._authorization(before, after),
            "agreement": lambda: self._agreement(before, after),
            "rulebook": lambda: self._rulebook(before, after),
            "plan": lambda: plan_states.judge_plan(before, after, sides.of_everybody(self.turn)),
            "goal": lambda: plan_states.judge_goal(before, after, sides.of_everybody(self.turn)),
        }
        judges[_rule(type)]()

    def _task(self, id: str, before: Json, after: Json) -> None:
        if not task_states.coordinated(before) and not task_states.coordinated(after):
            task_states.judge(before, after, "either")
            if not sides.serves(self.turn):
                chains.demand_step(self.turn, self.held, before, after)
            return
        # who takes over an open Task names itself; nobody else's words make them a side
        task = before | {"owner": after.get("owner")} if before and not before.get("owner") else before or after
        ends = text(after, "status") == "cancelled" != text(before, "status")
        abort = bool(before) and ends and self._is_to_be_aborted(id)
        side = sides.of_task(self.turn, task)
        heard = side == "requester" and f"Task/{id}" in self.told
        taken = task_states.takes(before, after) and self._is_taken(id, after)
        task_states.judge(before, after, "performer" if heard else side, abort=abort, taken=taken)

    def _is_taken(self, id: str, task: Json) -> bool:
        """Whether another clinic has said yes to the order of a Task. Of two who say it at once the second waits here,
        and then sees the first."""
        order = target(item(task, "focus"))
        alone(self.turn.conn, f"order {order}")
        kind, _, name = order.partition("/")
        rows = read.referring(self.turn.conn, params.key("Task", "focus"), kind, name)
        stored = {row.id: json.loads(row.body) for row in rows if not row.deleted}
        made = {key: each or {} for (type, key), each in self.held.items() if type == "Task"}
        others = [each for key, each in (stored | made).items() if key != id and target(item(each, "focus")) == order]
        return any(task_states.takes({}, each) and item(each, "owner") != item(task, "owner") for each in others)

    def _is_to_be_aborted(self, id: str) -> bool:
        """Whether a request to cancel, that was not turned down, lies on a Task (COW)."""
        rows = read.referring(self.turn.conn, params.key("Task", "focus"), "Task", id)
        asked = [json.loads(row.body) for row in rows if not row.deleted]
        return stages.cancelling({"resourceType": "Task", "id": id}, asked, {}) is not None

    def _authorization(self, before: Json, after: Json) -> None:
        authorization_states.judge(before, after)
        if not sides.serves(self.turn):
            chains.demand(self.turn, self.held, before, after)

    def _agreement(self, before: Json, after: Json) -> None:
        agreement_states.judge(before, after)
        if before:
            steps.demand(self.turn, before, after)

    def _rulebook(self, before: Json, after: Json) -> None:
        """What a service needs is the payer's word: another payer's office does not change it or speak in its name."""
        office = self.turn.office()
        if not all(keeps_rules(office, payer_of(book)) for book in (before, after)):
            raise Forbidden("These are the rules of another payer: your office can not change them.", "PlanDefinition")

    def _appointment(self, id: str, before: Json, after: Json) -> None:
        side = sides.of_everybody(self.turn)
        visit_states.judge(before, after, side)
        offered = text(before, "status") in ("proposed", "pending")  # a time that was never theirs lapses
        if side == "patient" and not offered and visit_states.move(before, after) == "cancel":
            self._demand_at_once(before or after)
        self._demand_slots(id, before, after)

    def _demand_at_once(self, visit: Json) -> None:
        """A patient calls a visit off by themselves, unless the office that refers wants to be asked first."""
        office = sides.placer(self.turn, visit)
        if office_policy.said(self.turn, office, "patient-cancels") == "ask-first":
            words = "This office is asked first: answer declined as the participant, and it calls the visit off."
            raise Conflict(words, "Appointment.status")

    def _demand_slots(self, id: str, before: Json, after: Json) -> None:
        """One visit for one slot: the second is refused, and so is one that somebody else filled."""
        for slot in visit_states.slots(after):
            if before and slot in visit_states.slots(before):
                continue
            alone(self.turn.conn, slot)
            others = [(was, now) for was, now in self._visits(slot) if id not in (was.get("id"), now.get("id"))]
            if any(slot in visit_states.slots(now) for _, now in others):
                raise _taken(slot, "taken by another visit")
            if any(slot in visit_states.slots(was) for was, _ in others):
                continue  # it is given up by the same go of writes
            held = read.many(self.turn.conn, [("Slot", slot.partition("/")[2])])
            status = text(json.loads(held[0].body), "status") if held else "free"
            if status != "free" and not sides.serves(self.turn):
                raise _taken(slot, status)

    def _visits(self, slot: str) -> Iterator[tuple[Json, Json]]:
        """The Appointments of a slot: each as it is stored, and as it will stand after the writes so far; empty: it is
        not there."""
        rows = read.referring(self.turn.conn, params.key("Appointment", "slot"), "Slot", slot.partition("/")[2])
        stored = {(row.type, row.id): json.loads(row.body) for row in rows if not row.deleted}
        made = {name: each or {} for name, each in self.held.items() if name[0] == "Appointment"}
        yield from ((stored.get(name, {}), made.get(name, stored.get(name, {}))) for name in stored | made)


def _taken(slot: str, why: str) -> Conflict:
    return Conflict(f"{slot} is {why}. Legal: another slot (Slot?status=free), or waitlist.", "Appointment.slot")


def _free(before: Json) -> None:
    """What no table keeps may be deleted by whoever may delete."""


_JUDGES_DELETION: Mapping[str, Callable[[Json], None]] = {
    "authorization": authorization_states.judge_deletion,
    "agreement": agreement_states.judge_deletion,
}
