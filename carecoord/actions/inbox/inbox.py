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
from carecoord.actions.referrals import intake
from carecoord.actions.worklist import project
from carecoord.actions.worklist.bounds import moments
from carecoord.actions.worklist.current import current
from carecoord.actions.worklist.worklist import as_read_by, whole
from carecoord.domain.access import payer_view, verbs
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.contacts.attempts import is_message
from carecoord.domain.inbox.duties import duties, keeps_agreements
from carecoord.domain.inbox.kinds import TABS, Kind, Tab
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, items, text
from carecoord.domain.worklist.work import work_id
from carecoord.fhir import text as json
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.audit.events import told
from carecoord.store.inbox import mentions
from carecoord.store.inbox import waits as inbox_waits
from carecoord.store.inbox.waits import Wait, Waits
from carecoord.store.resources import read
from carecoord.store.worklist.query import MANY
from carecoord.store.worklist.tabs import DueBounds
from carecoord.store.worklist.walks import Span
from carecoord.world import World

PAGE: Final = 50
_PAPERS: Final = -(2**50)
ANSWER: Final = 86_400_000_000  # microseconds in which somebody who is named takes a note up


@dataclass(frozen=True)
class Asked:
    """Which part of the list: of one kind, or "all", or "snoozed"; after a row, by (its clock, its number)."""

    tab: str = "all"
    after: tuple[int, int] | None = None


@dataclass(frozen=True)
class Mention:
    """A note in which somebody is named, or a message that was written to them. `id`: of the Communication; `at`:
    microseconds."""

    id: str
    by: str
    at: int
    message: bool


@dataclass(frozen=True)
class Pending:
    """Something that waits: on which case, of which kind, by whose having it; the note, of a name in one. Of an
    agreement its line of the register, and of a document that came in that: `wait` then names it in the place of a
    case."""

    wait: Wait
    kind: Kind
    owner: Owner
    mention: Mention | None = None
    agreement: Line | None = None
    paper: intake.Waiting | None = None

    @property
    def tab(self) -> Tab:
        """Under which tab it is listed."""
        return "message" if self.mention and self.mention.message else self.kind


@dataclass(frozen=True)
class Item:
    """The same, to be shown. `verbs`: the acts that are the asker's on it; `task`, `version`: of the Task that says
    whose it is, 0 where there is none yet; `words`: of the note or the message; `row`: None of a document that came
    in."""

    pending: Pending
    row: Row[Any] | PayerRow | None
    verbs: tuple[Verb, ...]
    task: str
    version: int
    words: str = ""

    @property
    def message(self) -> bool:
        """Whether it was written to them, and is no note."""
        return self.pending.tab == "message"


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
        waiting = _Waiting(turn, seat(turn), 100, until=at.today)
        return min(100, waiting.counts({"due": waiting.parts(None)})["due"])


def groups(turn: Turn) -> Counter[str]:
    """How much waits for somebody in each urgency group. It shows nobody, so no audit tells of it."""
    at = moments(turn.now, ZoneInfo(turn.world.settings.timezone))
    waiting = _Waiting(turn, seat(turn), MANY)
    return Counter(waiting.counts(_by_group(waiting, None, at)))


def inbox(turn: Turn, asked: Asked) -> Inbox:
    """The page of the list that was asked for."""
    at, here = moments(turn.now, ZoneInfo(turn.world.settings.timezone)), seat(turn)
    awake, resting = _Waiting(turn, here, MANY), _Waiting(turn, here, MANY, resting=True)
    tabs: dict[str, _Part] = {tab: awake.parts(tab) for tab in TABS}
    tally = awake.counts(tabs | {"all": awake.parts(None)}) | resting.counts({"snoozed": resting.parts(None)})
    chosen = resting if asked.tab == "snoozed" else awake
    tab = next((each for each in TABS if each == asked.tab), None)
    by_group = chosen.counts(_by_group(chosen, tab, at))
    rest = chosen.page(tab, PAGE + 1, asked.after)
    page = rest[:PAGE]
    items = _items(turn, page)
    last = page[-1].wait if len(rest) > PAGE else None
    patient, patients = told(each.wait.patient or None for each in page)
    seen = event(
        turn.now, turn.request, "search", by=turn.grant, type="ServiceRequest", query=f"waiting={asked.tab}",
        patient=patient, patients=patients,
    )  # fmt: skip
    turn.world.journal.append(seen)
    away, wakes = _away(turn), None if page else resting.cases.wakes()
    return Inbox(
        turn.now, at, items, tally, by_group, (last.due, last.rid) if last else None,
        None if wakes is None or wakes >= FOREVER else wakes,
        [each for each in away if each.account != turn.grant.subject],
        next((each for each in away if each.account == turn.grant.subject), None),
    )  # fmt: skip


def _away(turn: Turn) -> list[Away]:
    if not whole(turn.grant):
        return []
    said = absences.present(turn.conn, micros(turn.now))
    return absences.named(said, absences.colleagues(turn.conn, turn.grant)) if said else []


class _Waiting:
    """All that waits for somebody: cases, names in notes, agreements. until: only what is due before; resting: what the
    office lets rest, of what would wait."""

    def __init__(
        self, turn: Turn, here: Seat, most: int, *, until: int | None = None, resting: bool = False
    ) -> None:  # fmt: skip
        self._lists = looked(here, turn.grant.roles, resting)
        watches, withheld = [each.watch for each in self._lists], turn.cases_seen().besides
        self.cases = Waits(turn.conn, watches, micros(turn.now), most, until, withheld)
        others: list[Pending] = []
        if not resting and keeps_agreements(turn.grant.roles):
            others += _agreements(turn, most)
        if not resting and whole(turn.grant):
            others += _mentions(turn, here, most)
        if not resting and turn.grant.organization and verbs.may(turn.grant.roles, "refer"):
            others += _papers(turn)
        self._others = [each for each in others if until is None or each.wait.due < until]

    def parts(self, tab: Tab | None, low: int | None = None, high: int | None = None) -> "_Part":
        """What stands under a tab, None for all, and is due between two instants."""
        due = [Span(each.watch.clock, low, high) for each in self._lists if (low, high) != (None, None)]
        found = [each.part(tab) for each in self._lists]
        cases = [of if of is None or not due else (*of, due[n]) for n, of in enumerate(found)]
        others = [
            each
            for each in self._others
            if tab in (None, each.tab)
            and (low is None or each.wait.due >= low)
            and (high is None or each.wait.due < high)
        ]
        return _Part(tuple(cases), others)

    def counts(self, parts: "Mapping[str, _Part]") -> dict[str, int]:
        """How much each of these has, at most MANY."""
        found = self.cases.counts({name: part.cases for name, part in parts.items()})
        return {name: min(MANY, found[name] + len(part.others)) for name, part in parts.items()}

    def page(self, tab: Tab | None, size: int, after: tuple[int, int] | None) -> list[Pending]:
        """The first under a tab, None for all, by their clock and number, after that place."""
        part = self.parts(tab)
        cases = self.cases.page(part.cases, size, after)
        found = [Pending(wait, (of := self._lists[wait.watch]).kind(wait), of.owner) for wait in cases]
        found += [each for each in part.others if after is None or (each.wait.due, each.wait.rid) > after]
        return sorted(found, key=lambda each: (each.wait.due, each.wait.rid))[:size]


@dataclass(frozen=True)
class _Part:
    cases: inbox_waits.Part
    others: Sequence[Pending]


def _by_group(waiting: _Waiting, tab: Tab | None, at: DueBounds) -> "dict[str, _Part]":
    ends = (
        ("overdue", None, at.now),
        ("today", at.now, at.today),
        ("soon", at.today, at.soon),
        ("later", at.soon, None),
    )
    return {name: waiting.parts(tab, low, high) for name, low, high in ends}


def _mentions(turn: Turn, here: Seat, most: int) -> Iterable[Pending]:
    """The notes that name the asker, their team or whom they stand in for, and the messages to these, on cases that
    they see; each once."""
    owners = {each.id: each for each in reversed(here.owners)}
    found = {each.rid: each for each in reversed(mentions.of(turn.conn, here.named(), most))}
    rows = inbox_waits.named(turn.conn, [each.case_id for each in found.values()])
    talks = {row.id: row for row in read.many(turn.conn, [("Communication", each.id) for each in found.values()])}
    ours, withheld = turn.office().organizations, {*turn.cases_seen().besides, *turn.denied().talks()}
    for each in found.values():
        row = rows.get(each.case_id)
        if row is None or row.patient in withheld or not verbs.sides(row.placer, row.performer, ours):
            continue
        wait = Wait(
            each.rid, row.id, row.patient, each.at + ANSWER, 0, -1, row.headline_gate, row.action, row.stage, row.role,
            row.owner, row.owner_name,
        )  # fmt: skip
        message = each.id in talks and is_message(json.loads(talks[each.id].body))
        yield Pending(wait, "mention", owners[each.person], Mention(each.id, each.by, each.at, message))


def _agreements(turn: Turn, most: int) -> Iterable[Pending]:
    """The agreements on which something is to be done, numbered below zero: no case has such a number."""
    for line, due in agreements.waiting(turn, most):
        wait = Wait(-line.row.n, line.row.contract, "", due, 0, -1, None, None, "", None, None, None)
        yield Pending(wait, "agreement", Owner(None, "desk"), agreement=line)


def _papers(turn: Turn) -> Iterable[Pending]:
    """The documents that came in and of which nobody has said whom they are about, numbered below all agreements."""
    for each in intake.waiting(turn):
        due = micros(each.came) + ANSWER if each.came else FOREVER
        wait = Wait(_PAPERS - each.n, each.id, "", due, 0, -1, None, None, "", None, None, None)
        yield Pending(wait, "document", Owner(None, "index"), paper=each)


def _items(turn: Turn, page: Sequence[Pending]) -> list[Item]:
    named = dict.fromkeys(each.wait.id for each in page if each.agreement is None and each.paper is None)
    found = list(inbox_waits.named(turn.conn, list(named)).values())
    rules = project.policy(turn.world.settings)
    found = as_read_by(turn, current(turn.conn, found, turn.now, rules, behind=True))
    rows = {row.id: row for row in found}
    full, ours = whole(turn.grant), turn.office().organizations
    tasks = {id: work_id("/".join(order_named(id))) for id in rows}
    talks = [("Communication", each.mention.id) for each in page if each.mention]
    held = read.many(turn.conn, [*(("Task", id) for id in tasks.values()), *talks])
    versions = {row.id: row.version for row in held if row.type == "Task"}
    seen = turn.seen([row for row in held if row.type == "Communication"], "r")
    said = {row.id: json.loads(row.body) for row in seen}
    made = []
    for each in page:
        if each.agreement is not None:
            made.append(Item(each, each.agreement.row, (), "", 0))
            continue
        if each.paper is not None:
            made.append(Item(each, None, (), "", 0))
            continue
        row, task = rows[each.wait.id], tasks[each.wait.id]
        own = verbs.acts(turn.grant.roles, verbs.sides(row.placer, row.performer, ours))
        shown = row if full else payer_view.payer_row(dict(row._mapping))
        talk = said.get(each.mention.id, {}) if each.mention else {}
        made.append(Item(each, shown, own, task, versions.get(task, 0), _words(talk)))
    return made


def _words(talk: Json) -> str:
    return next((said for each in items(talk, "payload") if (said := text(each, "contentString"))), "")
