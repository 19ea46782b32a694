"""What waits for somebody, across all that they see: the list, its tabs and its number, made of one reading."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements.desk import Line
from carecoord.actions.inbox import absences, agreements
from carecoord.actions.inbox.absences import Away
from carecoord.actions.inbox.seat import Owner, Seat, looked, seat
from carecoord.actions.worklist import project
from carecoord.actions.worklist.bounds import moments
from carecoord.actions.worklist.current import current
from carecoord.actions.worklist.worklist import as_read_by, whole
from carecoord.domain.access import payer_view, verbs
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.inbox.duties import duties, keeps_agreements
from carecoord.domain.inbox.kinds import Kind, kind, performers_kind
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import items, text
from carecoord.domain.worklist.work import work_id
from carecoord.fhir import text as json
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.audit.events import told
from carecoord.store.inbox import mentions
from carecoord.store.inbox import waits as inbox_waits
from carecoord.store.inbox.waits import Wait
from carecoord.store.resources import read
from carecoord.store.worklist.query import MANY
from carecoord.store.worklist.tabs import DueBounds
from carecoord.world import World

PAGE: Final = 50
ANSWER: Final = 86_400_000_000  # microseconds in which somebody who is named takes a note up


@dataclass(frozen=True)
class Asked:
    """Which part of the list: of one kind, or "all", or "snoozed"; after a row, by (its clock, its number)."""

    tab: str = "all"
    after: tuple[int, int] | None = None


@dataclass(frozen=True)
class Mention:
    """A note in which somebody is named. `id`: of the Communication; `at`: microseconds."""

    id: str
    by: str
    at: int


@dataclass(frozen=True)
class Pending:
    """Something that waits: on which case, of which kind, by whose having it; the note, of a name in one. Of an
    agreement its line of the register: `wait` then names it in the place of a case."""

    wait: Wait
    kind: Kind
    owner: Owner
    mention: Mention | None = None
    agreement: Line | None = None


@dataclass(frozen=True)
class Item:
    """The same, to be shown. `verbs`: the acts that are the asker's on it; `task`, `version`: of the Task that says
    whose it is, 0 where there is none yet; `words`: of the note."""

    pending: Pending
    row: Row[Any] | PayerRow
    verbs: tuple[Verb, ...]
    task: str
    version: int
    words: str = ""


@dataclass(frozen=True)
class Inbox:
    """`tally`: of each tab; `groups`: of each urgency group of the tab; `after`: where the next page goes on; `away`:
    colleagues of the asker's office, now or soon; `mine`: the asker's own."""

    now: datetime
    at: DueBounds
    items: Sequence[Item]
    tally: Mapping[str, int]
    groups: Mapping[str, int]
    after: tuple[int, int] | None
    next_due: int | None  # when something comes back, where the list is empty
    away: Sequence[Away]
    mine: Away | None


def has_duties_of(roles: Iterable[str]) -> bool:
    """Whether anything could wait for somebody with these roles."""
    return bool(duties(roles)) or keeps_agreements(roles)


def number(world: World, grant: Grant) -> int:
    """How many things are overdue or due today, no more than 100. It shows nobody, so no audit tells of it."""
    with looking(world, grant, "") as turn:
        at = moments(turn.now, ZoneInfo(world.settings.timezone))
        return len(_pending(turn, seat(turn), 100, until=at.today)[:100])


def groups(turn: Turn) -> Counter[str]:
    """How much waits for somebody in each urgency group. It shows nobody, so no audit tells of it."""
    at = moments(turn.now, ZoneInfo(turn.world.settings.timezone))
    return Counter(_group(each.wait.due, at) for each in _pending(turn, seat(turn), MANY))


def inbox(turn: Turn, asked: Asked) -> Inbox:
    """The page of the list that was asked for."""
    at, here = moments(turn.now, ZoneInfo(turn.world.settings.timezone)), seat(turn)
    awake, resting = _pending(turn, here, MANY), _pending(turn, here, MANY, resting=True)
    tally = Counter[str](each.kind for each in awake)
    tally.update(all=len(awake), snoozed=len(resting))
    chosen = resting if asked.tab == "snoozed" else [each for each in awake if asked.tab in ("all", each.kind)]
    by_group = Counter(_group(each.wait.due, at) for each in chosen)
    rest = [each for each in chosen if asked.after is None or (each.wait.due, each.wait.rid) > asked.after]
    page = rest[:PAGE]
    items = _items(turn, page)
    last = page[-1].wait if len(rest) > PAGE else None
    patient, patients = told(each.wait.patient or None for each in page)
    seen = event(
        turn.now, turn.request, "search", by=turn.grant, type="ServiceRequest", query=f"waiting={asked.tab}",
        patient=patient, patients=patients,
    )  # fmt: skip
    turn.world.journal.append(seen)
    away = _away(turn)
    return Inbox(
        turn.now, at, items, tally, by_group, (last.due, last.rid) if last else None,
        min((each.wait.wakes for each in resting if each.wait.wakes < FOREVER), default=None),
        [each for each in away if each.account != turn.grant.subject],
        next((each for each in away if each.account == turn.grant.subject), None),
    )  # fmt: skip


def _away(turn: Turn) -> list[Away]:
    if not whole(turn.grant):
        return []
    said = absences.present(turn.conn, micros(turn.now))
    return absences.named(said, absences.colleagues(turn.conn, turn.grant)) if said else []


def _group(due: int, at: DueBounds) -> str:
    ends = {"overdue": at.now, "today": at.today, "soon": at.soon}
    return next((name for name, end in ends.items() if due < end), "later")


def _pending(
    turn: Turn, here: Seat, most: int, *, until: int | None = None, resting: bool = False
) -> list[Pending]:  # fmt: skip
    """All that waits, by its clock: cases, and names in notes."""
    lists = looked(here, turn.grant.roles, resting)
    watches, withheld = [each.watch for each in lists], turn.cases_seen().besides
    found = []
    for wait in inbox_waits.waits(turn.conn, watches, micros(turn.now), most, until, withheld):
        of = lists[wait.watch]
        what = _kind(wait, of.duty.scope)
        if what in of.owner.kinds:
            found.append(Pending(wait, what, of.owner))
    if not resting and keeps_agreements(turn.grant.roles):
        found += [each for each in _agreements(turn, most) if until is None or each.wait.due < until]
        found.sort(key=lambda each: (each.wait.due, each.wait.rid))
    if resting or not whole(turn.grant):
        return found
    named = (each for each in _mentions(turn, here, most) if until is None or each.wait.due < until)
    return sorted([*found, *named], key=lambda each: (each.wait.due, each.wait.rid))


def _kind(wait: Wait, scope: str) -> Kind:
    if scope == "payer_key":
        return "authorization"
    return performers_kind(wait.stage) if scope == "performer" else kind(wait.headline_gate, wait.action)


def _mentions(turn: Turn, here: Seat, most: int) -> Iterable[Pending]:
    """The notes that name the asker, their team or whom they stand in for, on cases that they see; each once."""
    owners = {each.id: each for each in reversed(here.owners)}
    found = {each.rid: each for each in reversed(mentions.of(turn.conn, here.named(), most))}
    rows = inbox_waits.named(turn.conn, [each.case_id for each in found.values()])
    ours, withheld = turn.office().organizations, {*turn.cases_seen().besides, *turn.denied().talks()}
    for each in found.values():
        row = rows.get(each.case_id)
        if row is None or row.patient in withheld or not verbs.sides(row.placer, row.performer, ours):
            continue
        wait = Wait(
            each.rid, row.id, row.patient, each.at + ANSWER, 0, -1, row.headline_gate, row.action, row.stage, row.role,
            row.owner, row.owner_name,
        )  # fmt: skip
        yield Pending(wait, "mention", owners[each.person], Mention(each.id, each.by, each.at))


def _agreements(turn: Turn, most: int) -> Iterable[Pending]:
    """The agreements on which something is to be done, numbered below zero: no case has such a number."""
    for line, due in agreements.waiting(turn, most):
        wait = Wait(-line.row.n, line.row.contract, "", due, 0, -1, None, None, "", None, None, None)
        yield Pending(wait, "agreement", Owner(None, "desk"), agreement=line)


def _items(turn: Turn, page: Sequence[Pending]) -> list[Item]:
    named = dict.fromkeys(each.wait.id for each in page if each.agreement is None)
    found = list(inbox_waits.named(turn.conn, list(named)).values())
    found = as_read_by(turn, current(turn.conn, found, turn.now, project.policy(turn.world.settings)))
    rows = {row.id: row for row in found}
    full, ours = whole(turn.grant), turn.office().organizations
    tasks = {id: work_id("/".join(order_named(id))) for id in rows}
    talks = [("Communication", each.mention.id) for each in page if each.mention]
    held = read.many(turn.conn, [*(("Task", id) for id in tasks.values()), *talks])
    versions = {row.id: row.version for row in held if row.type == "Task"}
    words = {row.id: _words(row.body) for row in turn.seen([row for row in held if row.type == "Communication"], "r")}
    made = []
    for each in page:
        if each.agreement is not None:
            made.append(Item(each, each.agreement.row, (), "", 0))
            continue
        row, task = rows[each.wait.id], tasks[each.wait.id]
        own = verbs.acts(turn.grant.roles, verbs.sides(row.placer, row.performer, ours))
        shown = row if full else payer_view.payer_row(dict(row._mapping))
        said = words.get(each.mention.id, "") if each.mention else ""
        made.append(Item(each, shown, own, task, versions.get(task, 0), said))
    return made


def _words(talk: bytes) -> str:
    return next((said for each in items(json.loads(talk), "payload") if (said := text(each, "contentString"))), "")
