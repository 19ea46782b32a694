"""What waits as its page shows it: rows by urgency, tabs with their counts, why each waits and the one act for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from carecoord.actions.agreements import desk
from carecoord.actions.inbox.absences import Away
from carecoord.actions.inbox.inbox import Inbox, Item
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.inbox.absences import ALL
from carecoord.domain.inbox.kinds import KINDS, TABS
from carecoord.domain.resource.days import local
from carecoord.fhir.instants import FOREVER, micros
from carecoord.web.acts.buttons import PRESSED
from carecoord.web.acts.view import NEXT
from carecoord.web.agreements import register_view
from carecoord.web.inbox.address import InboxAddress
from carecoord.web.inbox.vocabulary import KIND_WORDS, SHORT, WHY, tab_word
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, authorized, chip
from carecoord.web.page.times import Clock, Times
from carecoord.web.worklist.queues import GROUPS
from carecoord.web.worklist.view import Counted, counted
from carecoord.words.catalogue import in_words, spoken

ANSWERS: Final[dict[str, tuple[Verb, ...]]] = {  # stage -> by what a side that was asked something answers
    "sent": ("accept",),
    "in-triage": ("accept",),
    "awaiting-information": ("answer",),
    "cancel-requested": ("confirm-cancel",),
}


@dataclass(frozen=True)
class Act:
    """The one act of a row: a page with its form or, where `take` is given, a form of its own that is sent by pressing.
    `verb`: what is done by pressing, empty where it is a page; `to`, `seen`: what is sent with it."""

    label: str
    icon: str
    href: str = ""
    verb: str = ""
    to: str = ""
    seen: str = ""


@dataclass(frozen=True)
class Line:
    """One row."""

    key: str  # of the row
    id: str  # of the case
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
    elsewhere: bool = False  # it leads to another desk


@dataclass(frozen=True)
class Group:
    name: str
    label: str
    count: str
    rows: Sequence[Line]


@dataclass(frozen=True)
class Note:
    """Who is away, until when, and what follows from it for whoever looks. `mine`: it is they themselves."""

    name: str
    until: str
    said: str
    mine: bool


@dataclass(frozen=True)
class Shown:
    title: str
    tabs: Sequence[Counted]
    groups: Sequence[Group]
    after: str
    next: str  # what there will be, where nothing waits
    away: Sequence[Note]


def shown(found: Inbox, address: InboxAddress, zone: ZoneInfo, me: str) -> Shown:
    """Everything the page needs, already in words. me: the account of who looks."""
    times, tab = Times(found.now, zone), address.asked.tab
    names: dict[str, str] = {
        "all": spoken("inbox.all"),
        **{each: tab_word(each) for each in TABS},
        "snoozed": spoken("inbox.resting"),
    }
    tabs = [
        Counted(name, label, counted(found.tally.get(name, 0)), name == tab)
        for name, label in names.items()
        if name in ("all", tab) or found.tally.get(name)
    ]
    total = counted(found.tally.get(tab, 0))
    word = "rests" if tab == "snoozed" else spoken("inbox.waits-for-you")
    return Shown(
        f"{names[tab]}: {total} {word}",
        tabs,
        list(_groups(found, address, times)),
        address.page(found.after).href() if found.after else "",
        times.exact(found.next_due) if found.next_due else "",
        list(_away(found, me, times)),
    )


def _groups(found: Inbox, address: InboxAddress, times: Times) -> Iterator[Group]:
    keys = [_key(item) for item in found.items]
    after = {key: keys[n + 1] if n + 1 < len(keys) else keys[n - 1] if n else "" for n, key in enumerate(keys)}
    lines = [(item.pending.wait.due, _line(item, after[_key(item)], address, times, found)) for item in found.items]
    ends = {"overdue": found.at.now, "today": found.at.today, "soon": found.at.soon}
    for name, label in GROUPS.items():
        rows = [line for due, line in lines if next((each for each, end in ends.items() if due < end), "later") == name]
        if rows:
            yield Group(name, label, counted(found.groups[name]), rows)


def _away(found: Inbox, me: str, times: Times) -> Iterator[Note]:
    """Oneself, and those for whom one stands in."""
    now = micros(times.now)
    if found.mine:
        when = (
            spoken("inbox.until", ends=times.day(found.mine.ends))
            if found.mine.begins <= now
            else spoken("inbox.from", begins=times.day(found.mine.begins))
        )
        yield Note(spoken("inbox.you"), when, stands_in(found.mine), True)
    for each in found.away:
        kinds = [kind for kind, (to, _) in each.substitutes.items() if to == me]
        if each.begins <= now and kinds:
            yield Note(
                each.name,
                spoken("inbox.until", ends=times.day(each.ends)),
                spoken("inbox.you-stand-in-for", me=_kinds(each, me)),
                False,
            )


def _kinds(each: Away, who: str) -> str:
    """For which kinds somebody stands in."""
    own = [KIND_WORDS[kind][0].lower() for kind in KINDS if each.substitutes.get(kind, ("", ""))[0] == who]
    if each.substitutes[ALL][0] != who:
        return ", ".join(own)
    others = [KIND_WORDS[kind][0].lower() for kind in KINDS if each.substitutes.get(kind, (who, ""))[0] != who]
    but = ", ".join(others)
    return spoken("inbox.all-but", but=but) if but else spoken("inbox.everything")


def stands_in(each: Away) -> str:
    """Who stands in for what, in words."""
    people = dict(each.substitutes.values())
    return "; ".join(
        spoken("inbox.stands-in-for", name=name, account=_kinds(each, account)) for account, name in people.items()
    )


def _key(item: Item) -> str:
    """What a row goes by: its case, of a name in a note that note."""
    mention = item.pending.mention
    if item.pending.agreement is not None:
        return f"agreement-{item.pending.agreement.row.n}"
    if item.row is None:
        return f"document-{item.pending.wait.id}"
    return f"note-{mention.id}" if mention else item.row.id


def _line(item: Item, next: str, address: InboxAddress, times: Times, found: Inbox) -> Line:
    if item.pending.agreement is not None:
        return _agreement(item, item.pending.agreement, next, times, found)
    if (row := item.row) is None:
        return _paper(item, next, times, found)
    _, word, tone, icon = KIND_WORDS[item.pending.kind]
    word = spoken("inbox.kind-words.message") if item.message else word
    href = address.show(row.id, next).href()
    what, more = _payers_words(row) if isinstance(row, PayerRow) else _words(item, row, times)
    due = row.due_at if not isinstance(row, PayerRow) or row.moves else None
    start, label = row.clock_start, in_words(row.due_label)
    if mention := item.pending.mention:
        href, due, start, label = (
            _noted(address, item, row, next),
            item.pending.wait.due,
            mention.at,
            spoken("inbox.take-it-up"),
        )
    return Line(
        key=_key(item),
        id=row.id,
        href=href,
        open=row.id == address.shown and not item.pending.mention,
        spoken=f"{row.patient_name}, {row.number}",
        name=row.patient_name,
        number=row.number,
        clock=times.clock(due, start, found.at.today),
        due_label=label,
        kind=Chip(word, tone, icon),
        priority=None if row.priority == "routine" else chip(labels.PRIORITY, row.priority),
        what=what,
        more=more,
        why=_why(item),
        act=_act(item, row, address, next),
        next=next,
    )


def _agreement(item: Item, listed: desk.Line, next: str, times: Times, found: Inbox) -> Line:
    """An agreement as the register tells it, led to its page."""
    row, said = listed.row, register_view.line(listed, local(times.now, times.zone), times)
    _, word, tone, icon = KIND_WORDS["agreement"]
    due = None if item.pending.wait.due >= FOREVER else item.pending.wait.due
    what = spoken("inbox.draft-waits-for-its-signature") if due is None else said.term
    return Line(
        key=_key(item), id=row.contract, href=said.href, open=False, spoken=f"{said.title}, {said.number}",
        name=said.title, number=said.number, clock=times.clock(due, None, found.at.today),
        due_label=spoken("inbox.give-notice") if due else "", kind=Chip(word, tone, icon), priority=None,
        what=what, more=said.parties, why=WHY["desk"], act=Act(*_open(), said.href), next=next, elsewhere=True,
    )  # fmt: skip


def _paper(item: Item, next: str, times: Times, found: Inbox) -> Line:
    """A document that came in, led to where it is said whom it is about."""
    _, word, tone, icon = KIND_WORDS["document"]
    wait, paper = item.pending.wait, item.pending.paper
    href = f"/referrals/new?{urlencode({'document': wait.id})}"
    came = micros(paper.came) if paper and paper.came else None
    said = spoken("inbox.document-came-in", at=times.exact(came)) if came else spoken("inbox.document")
    return Line(
        key=_key(item), id=wait.id, href=href, open=False, spoken=said, name=spoken("inbox.document"), number="",
        clock=times.clock(None if wait.due >= FOREVER else wait.due, came, found.at.today),
        due_label=spoken("inbox.index-it"), kind=Chip(word, tone, icon), priority=None, what=said,
        more=spoken("inbox.say-whom-it-is-about"), why=WHY["index"],
        act=Act(spoken("inbox.index-it"), "file-text", href), next=next, elsewhere=True,
    )  # fmt: skip


def _words(item: Item, row: Row[Any], times: Times) -> tuple[str, str]:
    """What waits, and beneath it what to do and with whom, or until when it rests. A clinic that was asked is told of
    its own step, and who asked."""
    why, mention = item.pending.owner.why, item.pending.mention
    if mention:
        return f"{mention.by}: “{' '.join(item.words.split())}”", (
            spoken("inbox.message", at=times.exact(mention.at))
            if item.message
            else spoken("inbox.note", at=times.exact(mention.at))
        )
    if row.wakes_at > micros(times.now) and why != "clinic":
        return in_words(row.headline), spoken("inbox.rests-until", wakes_at=times.day(row.wakes_at))
    step = in_words(row.action_label or row.due_label)
    if why == "clinic":
        who = (
            spoken("inbox.referred-by", placer_name=row.placer_name)
            if row.placer_name
            else spoken("inbox.referred-by-office-that-not")
        )
        return step, f"{row.specialty} · {who}"
    return in_words(row.headline), " · ".join(
        part for part in (step, row.performer_name or spoken("inbox.no-clinic-yet")) if part
    )


def _payers_words(row: PayerRow) -> tuple[str, str]:
    state, note = authorized(row)
    return f"{row.specialty}: {state.label}", " · ".join(part for part in (note, row.placer_name or "") if part)


def _why(item: Item) -> str:
    owner, wait = item.pending.owner, item.pending.wait
    if item.pending.mention:
        why = WHY[owner.why]
        if item.message:
            return spoken("inbox.written-to-you") if owner.why == "yours" else spoken("inbox.written-to", why=why)
        return WHY["named"] if owner.why == "yours" else spoken("inbox.named-in-note", why=why)
    if owner.why == "stand-in":
        return spoken("inbox.you-stand-in-for.2", name=owner.name)
    if owner.why == "team" and wait.owner_name:
        return f"{WHY['team']}: {wait.owner_name}"
    if owner.why == "office-late":
        nobody = spoken("acts.nobody-has-it")
        return f"{WHY[owner.why]}: {wait.owner_name or nobody}"
    return WHY["late"] if owner.why == "yours" and wait.role != "coordinator" else WHY[owner.why]


def _act(item: Item, row: Row[Any] | PayerRow, address: InboxAddress, next: str) -> Act:
    """Nobody's case is taken first; else the act by which its next step is taken, where it is the asker's."""
    opened, why = address.show(row.id, next), item.pending.owner.why
    if isinstance(row, PayerRow):
        return Act(*_open(), opened.href())
    if item.message and "message" in item.verbs:
        return Act(spoken("inbox.short.answer"), "message-square", opened.doing("message").href())
    if item.pending.mention:
        return (
            Act(spoken("inbox.got-it"), "check", verb="receive")
            if "receive" in item.verbs
            else Act(*_open(), opened.href())
        )
    if why == "nobody" and "assign" in item.verbs:
        return Act(
            spoken("inbox.take"), "user-round-plus", verb="assign", to="me", seen=f"Task/{item.task}:{item.version}"
        )
    calls: tuple[Verb, ...] = ("contact",) if row.action == "chase-report" and why != "clinic" else ()
    wanted: tuple[str, ...] = (*ANSWERS.get(row.stage, ()), *calls, *NEXT.get(row.action or "", ()))
    wanted = (*wanted, "contact") if item.pending.wait.role != "coordinator" and why != "clinic" else wanted
    verb = next_of(wanted, item.verbs)
    if verb is None:
        return Act(*_open(), opened.href())
    href = opened.href() if verb in PRESSED or verb == "accept" else opened.doing(verb).href()
    return Act(*SHORT.get(verb) or _open(), href)


def _open() -> tuple[str, str]:
    return spoken("inbox.open"), "arrow-right"


def _noted(address: InboxAddress, item: Item, row: Row[Any] | PayerRow, next: str) -> str:
    """The case of a note, with the form that answers it."""
    return address.show(row.id, next).doing("note").href()


def next_of(wanted: Sequence[str], held: Sequence[Verb]) -> Verb | None:
    """The first of these acts that is the asker's."""
    return next((verb for each in wanted for verb in held if verb == each), None)
