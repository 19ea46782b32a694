"""What waits for somebody, across all that they see: the list, its tabs and its number, made of one reading."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.inbox.seat import seat, watches
from carecoord.actions.worklist import project
from carecoord.actions.worklist.current import current
from carecoord.actions.worklist.worklist import as_read_by, moments, whole
from carecoord.domain.access import payer_view, verbs
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.inbox.duties import Why, duties
from carecoord.domain.inbox.kinds import Kind, kind, performers_kind
from carecoord.domain.referrals.case import order_named
from carecoord.domain.worklist.work import work_id
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.audit.events import told
from carecoord.store.inbox import waits as inbox_waits
from carecoord.store.inbox.waits import Wait
from carecoord.store.resources import read
from carecoord.store.worklist.query import MANY
from carecoord.store.worklist.tabs import DueBounds
from carecoord.world import World

PAGE = 50


@dataclass(frozen=True)
class Asked:
    """Which part of the list: of one kind, or "all", or "snoozed"; after a row, by (its clock, its number)."""

    tab: str = "all"
    after: tuple[int, int] | None = None


@dataclass(frozen=True)
class Item:
    """One thing that waits. `verbs`: the acts that are the asker's on it; `version`: of the Task that says whose it is,
    0 where there is none yet; `task`: its id."""

    wait: Wait
    kind: Kind
    why: Why
    row: Row[Any] | PayerRow
    verbs: tuple[Verb, ...]
    task: str
    version: int


@dataclass(frozen=True)
class Inbox:
    """`tally`: of each tab; `groups`: of each urgency group of the tab; `after`: where the next page goes on."""

    now: datetime
    at: DueBounds
    items: Sequence[Item]
    tally: Mapping[str, int]
    groups: Mapping[str, int]
    after: tuple[int, int] | None
    next_due: int | None  # of what does not wait yet: none where the list is not empty


def has_duties_of(roles: Iterable[str]) -> bool:
    """Whether anything could wait for somebody with these roles."""
    return bool(duties(roles))


def number(world: World, grant: Grant) -> int:
    """How many things are overdue or due today, no more than 100. It shows nobody, so no audit tells of it."""
    with looking(world, grant, "") as turn:
        at = moments(turn.now, ZoneInfo(world.settings.timezone))
        return len(_found(turn, 100, until=at.today)[:100])


def inbox(turn: Turn, asked: Asked) -> Inbox:
    """The page of the list that was asked for."""
    at = moments(turn.now, ZoneInfo(turn.world.settings.timezone))
    awake, resting = _found(turn, MANY), _found(turn, MANY, resting=True)
    tally = Counter[str](each for _, each, _ in awake)
    tally.update(all=len(awake), snoozed=len(resting))
    chosen = resting if asked.tab == "snoozed" else [each for each in awake if asked.tab in ("all", each[1])]
    groups = Counter(_group(wait.due, at) for wait, _, _ in chosen)
    rest = [each for each in chosen if asked.after is None or (each[0].due, each[0].rid) > asked.after]
    page = rest[:PAGE]
    items = _items(turn, page)
    last = page[-1][0] if len(rest) > PAGE else None
    patient, patients = told(each.wait.patient for each in items)
    seen = event(
        turn.now, turn.request, "search", by=turn.grant, type="ServiceRequest", query=f"waiting={asked.tab}",
        patient=patient, patients=patients,
    )  # fmt: skip
    turn.world.journal.append(seen)
    return Inbox(
        turn.now, at, items, tally, groups, (last.due, last.rid) if last else None,
        None if chosen else _next(turn, at),
    )  # fmt: skip


def _group(due: int, at: DueBounds) -> str:
    ends = {"overdue": at.now, "today": at.today, "soon": at.soon}
    return next((name for name, end in ends.items() if due < end), "later")


def _found(turn: Turn, most: int, *, until: int | None = None, resting: bool = False) -> list[tuple[Wait, Kind, Why]]:
    """All that waits, by its clock: what, of which kind, why."""
    looked = watches(seat(turn), turn.grant.roles, resting)
    withheld = turn.cases_seen().besides
    found = inbox_waits.waits(
        turn.conn, [watch for watch, _, _ in looked], micros(turn.now), most, until, withheld
    )  # fmt: skip
    return [(each, _kind(each, looked[each.watch][1].scope), looked[each.watch][2]) for each in found]


def _kind(wait: Wait, scope: str) -> Kind:
    if scope == "payer_key":
        return "authorization"
    return performers_kind(wait.stage) if scope == "performer" else kind(wait.headline_gate, wait.action)


def _items(turn: Turn, page: Iterable[tuple[Wait, Kind, Why]]) -> list[Item]:
    page = list(page)
    found = inbox_waits.rows(turn.conn, [wait.rid for wait, _, _ in page])
    found = as_read_by(turn, current(turn.conn, found, turn.now, project.policy(turn.world.settings)))
    rows = {row.rid: row for row in found}
    full, ours = whole(turn.grant), turn.office().organizations
    tasks = {wait.rid: work_id("/".join(order_named(wait.id))) for wait, _, _ in page}
    held = {each.id: each.version for each in read.many(turn.conn, [("Task", id) for id in tasks.values()])}
    made = []
    for wait, of, why in page:
        row = rows[wait.rid]
        own = verbs.acts(turn.grant.roles, verbs.sides(row.placer, row.performer, ours))
        shown = row if full else payer_view.payer_row(dict(row._mapping))
        task = tasks[wait.rid]
        made.append(Item(wait, of, why, shown, own, task, held.get(task, 0)))
    return made


def _next(turn: Turn, at: DueBounds) -> int | None:
    """When the next thing comes back by itself, of what rests."""
    resting = _found(turn, MANY, resting=True)
    return min((each.wakes for each, _, _ in resting if each.wakes < FOREVER), default=None)
