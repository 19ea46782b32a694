"""What waits as its page shows it: rows by urgency, tabs with their counts, why each waits and the one act for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from carecoord.actions.inbox.inbox import Inbox, Item
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.inbox.duties import Why
from carecoord.domain.inbox.kinds import KINDS, Kind
from carecoord.fhir.instants import micros
from carecoord.web.acts.buttons import PRESSED
from carecoord.web.acts.view import NEXT
from carecoord.web.inbox.address import InboxAddress
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, authorized, chip
from carecoord.web.page.times import Clock, Times
from carecoord.web.worklist.view import GROUPS, Counted, counted
from carecoord.words.catalogue import in_words

KIND_WORDS: Final[dict[Kind, tuple[str, str, str, str]]] = {  # kind -> its tab, its word, tone and icon
    "referral": ("Referrals", "Referral", "grey", "repeat"),
    "coverage": ("Coverage", "Coverage", "blue", "id-card"),
    "authorization": ("Authorizations", "Authorization", "amber", "shield-check"),
    "visit": ("Visits", "Visit", "green", "calendar-days"),
    "document": ("Documents", "Document", "violet", "file-text"),
    "agreement": ("Contracts", "Contract", "violet", "file-pen-line"),
    "mention": ("Mentions", "Mention", "blue", "message-square"),
}
WHY: Final[dict[Why, str]] = {
    "yours": "Yours",
    "late": "Clock ran out",
    "team": "Your team's",
    "nobody": "Nobody has it",
    "stand-in": "You stand in",
    "office": "For a clinician of your office",
    "clinic": "Your clinic was asked",
    "payer": "You decide",
    "named": "You are named",
}
SHORT: Final[dict[Verb, tuple[str, str]]] = {  # an act as a row's button says it, with its icon
    "contact": ("Call", "phone"),
    "book": ("Book", "calendar-days"),
    "move": ("Move", "calendar-check"),
    "cancel": ("Call off", "calendar-x"),
    "reopen": ("Send on", "repeat"),
    "attach": ("Attach", "paperclip"),
    "share": ("Send", "send"),
    "send": ("Send", "send"),
    "answer": ("Answer", "message-square"),
    "accept": ("Answer", "message-square"),
    "confirm-cancel": ("Answer", "message-square"),
    "report": ("Report", "file-check"),
    "acknowledge": ("Read", "file-check"),
    "tell": ("Tell", "phone"),
    "arrive": ("Confirm", "calendar-check"),
}
OPEN: Final = ("Open", "arrow-right")
ANSWERS: Final[dict[str, tuple[Verb, ...]]] = {  # stage -> by what a side that was asked something answers
    "sent": ("accept",),
    "in-triage": ("accept",),
    "awaiting-information": ("answer",),
    "cancel-requested": ("confirm-cancel",),
}


@dataclass(frozen=True)
class Act:
    """The one act of a row: a page with its form or, where `take` is given, a form of its own that is sent by pressing.
    `take`: the versions that it was shown with."""

    label: str
    icon: str
    href: str
    take: str = ""


@dataclass(frozen=True)
class Line:
    """One row."""

    id: str
    href: str
    open: bool
    spoken: str
    name: str
    number: str
    clock: Clock | None
    due_label: str
    kind: Chip
    priority: Chip | None
    what: str
    more: str
    why: str
    act: Act
    next: str


@dataclass(frozen=True)
class Group:
    name: str
    label: str
    count: str
    rows: Sequence[Line]


@dataclass(frozen=True)
class Shown:
    title: str
    tabs: Sequence[Counted]
    groups: Sequence[Group]
    after: str
    next: str  # what there will be, where nothing waits


def shown(found: Inbox, address: InboxAddress, zone: ZoneInfo) -> Shown:
    """Everything the page needs, already in words."""
    times, tab = Times(found.now, zone), address.asked.tab
    names: dict[str, str] = {"all": "All", **{kind: KIND_WORDS[kind][0] for kind in KINDS}, "snoozed": "Resting"}
    tabs = [
        Counted(name, label, counted(found.tally.get(name, 0)), name == tab)
        for name, label in names.items()
        if name in ("all", tab) or found.tally.get(name)
    ]
    total = counted(found.tally.get(tab, 0))
    word = "rests" if tab == "snoozed" else "waits for you"
    return Shown(
        f"{names[tab]}: {total} {word}", tabs, list(_groups(found, address, times)),
        address.page(found.after).href() if found.after else "",
        times.exact(found.next_due) if found.next_due else "",
    )  # fmt: skip


def _groups(found: Inbox, address: InboxAddress, times: Times) -> Iterator[Group]:
    ids = [item.row.id for item in found.items]
    after = {id: ids[n + 1] if n + 1 < len(ids) else ids[n - 1] if n else "" for n, id in enumerate(ids)}
    lines = [(item.wait.due, _line(item, after[item.row.id], address, times, found)) for item in found.items]
    ends = {"overdue": found.at.now, "today": found.at.today, "soon": found.at.soon}
    for name, label in GROUPS.items():
        rows = [line for due, line in lines if next((each for each, end in ends.items() if due < end), "later") == name]
        if rows:
            yield Group(name, label, counted(found.groups[name]), rows)


def _line(item: Item, next: str, address: InboxAddress, times: Times, found: Inbox) -> Line:
    row = item.row
    _, word, tone, icon = KIND_WORDS[item.kind]
    href = address.show(row.id, next).href()
    what, more = _payers_words(row) if isinstance(row, PayerRow) else _words(item, row, times)
    due = row.due_at if not isinstance(row, PayerRow) or row.moves else None
    return Line(
        id=row.id, href=href, open=row.id == address.shown, spoken=f"{row.patient_name}, {row.number}",
        name=row.patient_name, number=row.number, clock=times.clock(due, row.clock_start, found.at.today),
        due_label=in_words(row.due_label), kind=Chip(word, tone, icon),
        priority=None if row.priority == "routine" else chip(labels.PRIORITY, row.priority),
        what=what, more=more, why=_why(item), act=_act(item, address, next), next=next,
    )  # fmt: skip


def _words(item: Item, row: Row[Any], times: Times) -> tuple[str, str]:
    """What waits, and beneath it what to do and with whom, or until when it rests. A clinic that was asked is told of
    its own step, and who asked."""
    if row.wakes_at > micros(times.now) and item.why != "clinic":
        return in_words(row.headline), f"Rests until {times.day(row.wakes_at)}"
    step = in_words(row.action_label or row.due_label)
    if item.why == "clinic":
        return step, f"{row.specialty} · Referred by {row.placer_name or 'an office that is not known here'}"
    return in_words(row.headline), " · ".join(part for part in (step, row.performer_name or "No clinic yet") if part)


def _payers_words(row: PayerRow) -> tuple[str, str]:
    state, note = authorized(row)
    return f"{row.specialty}: {state.label}", " · ".join(part for part in (note, row.placer_name or "") if part)


def _why(item: Item) -> str:
    if item.why == "team" and item.wait.owner_name:
        return f"{WHY['team']}: {item.wait.owner_name}"
    return WHY[item.why]


def _act(item: Item, address: InboxAddress, next: str) -> Act:
    """Nobody's case is taken first; else the act by which its next step is taken, where it is the asker's."""
    row, opened = item.row, address.show(item.row.id, next)
    if isinstance(row, PayerRow):
        return Act(*OPEN, opened.href())
    if item.why == "nobody" and "assign" in item.verbs:
        return Act("Take", "user-round-plus", opened.href(), f"Task/{item.task}:{item.version}")
    calls: tuple[Verb, ...] = ("contact",) if row.action == "chase-report" and item.why != "clinic" else ()
    wanted = (*ANSWERS.get(row.stage, ()), *calls, *NEXT.get(row.action or "", ()))
    wanted = (*wanted, "contact") if item.why == "late" else wanted
    verb = next_of(wanted, item.verbs)
    if verb is None:
        return Act(*OPEN, opened.href())
    href = opened.href() if verb in PRESSED or verb == "accept" else opened.doing(verb).href()
    return Act(*SHORT.get(verb, OPEN), href)


def next_of(wanted: Sequence[Verb], held: Sequence[Verb]) -> Verb | None:
    """The first of these acts that is the asker's."""
    return next((verb for verb in wanted if verb in held), None)
