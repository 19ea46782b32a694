"""The worklist as its page shows it: rows grouped by urgency, tabs and figures with their counts, filters, words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from carecoord.actions.worklist.worklist import Found
from carecoord.domain.access import verbs
from carecoord.domain.access.payer_view import FACETS, PayerRow
from carecoord.domain.measures.names import MEASURES
from carecoord.errors import Invalid
from carecoord.fhir.instants import FOREVER
from carecoord.store.worklist.query import MANY, CountedIn
from carecoord.web.page import labels as page_labels
from carecoord.web.page.labels import Chip, authorized, chip, contracted
from carecoord.web.page.times import Clock, Times, age, span
from carecoord.web.worklist.address import COUNTED, Address
from carecoord.web.worklist.filters import Facet, facet
from carecoord.web.worklist.notices import Empty, Sync, empty, sync
from carecoord.web.worklist.queues import (
    CLINICIAN_TABS,
    FIGURES,
    GROUPS,
    PAYER_FIGURES,
    RECEIVING_TABS,
    tabs_of,
)  # fmt: skip
from carecoord.words.catalogue import in_words, spoken
from carecoord.words.sentence import Sentence, dumps, sentence

BY_NEED = ("nobody", "returned", "conflict", "snoozed")  # tabs that are there while they hold anything
PAYER_GROUPED = ("payer", "late", "decide")
UNGROUPED = ("closed", COUNTED)
ELSEWHERE = ("coverage", "information", "appointment")  # gates without a column of their own
SHORT = {  # what is due, as it fits into the column of the clock
    dumps(sentence("due.submit-authorization")): dumps(sentence("due.submit-authorization.short")),
}
SEX = {"female": "F", "male": "M", "other": "X", "unknown": "?"}


@dataclass(frozen=True)
class Line:
    """One row of the list."""

    id: str
    href: str
    open: bool
    spoken: str
    name: str
    about: str
    clock: Clock | None
    due_label: str
    priority: Chip | None
    specialty: str
    reason: str
    performer: str
    referral: Chip | None
    gate: str
    urging: bool
    headline: str
    authorization: Chip
    authorization_note: str
    contract: Chip
    contract_note: str
    owner: str | None
    next: str
    mover: str
    touch: str = ""
    conflict: bool = False


@dataclass(frozen=True)
class Group:
    name: str
    label: str
    count: str
    rows: Sequence[Line]


@dataclass(frozen=True)
class Counted:
    """A tab or a figure: a link to the list whose length it shows."""

    name: str
    label: str
    count: str
    current: bool
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    href: str = ""
    sorted: str = ""


@dataclass(frozen=True)
class Listing:
    title: str
    tabs: Sequence[Counted]
    figures: Sequence[Counted]
    facets: Sequence[Facet]
    filtered: bool
    total: str
    total_word: str
    groups: Sequence[Group]
    columns: Sequence[Column]
    before: str
    after: str
    download: str
    workbook: str
    empty: Empty
    sync: Sync
    behind: bool
    full: bool
    search_hint: str
    counted: Sentence | str = ""


def listing(found: Found, address: Address, zone: ZoneInfo) -> Listing:
    """Everything the page needs, already in words."""
    times, asked = Times(found.now, zone), address.asked
    figures = FIGURES if found.full else PAYER_FIGURES
    known = dict(tabs_of(found.full, found.roles))
    if asked.tab not in RECEIVING_TABS and not any(found.tally.get(name) for name in RECEIVING_TABS):
        known = {name: said for name, said in known.items() if name not in RECEIVING_TABS}
    known |= {**CLINICIAN_TABS, **RECEIVING_TABS, **known} if found.full and asked.tab not in known else {}
    known |= {COUNTED: spoken("measures.rows-tab")} if asked.tab == COUNTED else {}
    named = {name: said for name, said in known.items() if name in found.tally}
    if asked.tab not in found.tally:
        raise Invalid(spoken("worklist.there-no-list-for-your", tab=f"{asked.tab!r}"), "http.tab")
    label = named.get(asked.tab) or figures[asked.tab][0]
    total = found.tally[asked.tab]
    return Listing(
        title=spoken("worklist.title", label=label, total=counted(total))
        if total != 1
        else spoken("worklist.title.one", label=label),
        tabs=[
            Counted(name, said, counted(found.tally[name]), asked.tab == name)
            for name, said in named.items()
            if name not in BY_NEED or found.tally[name] or asked.tab == name
        ],
        figures=list(_figures(found, figures, address, times)),
        facets=[facet(name, found.choices, address) for name in page_labels.FACETS if found.full or name in FACETS],
        filtered=bool(asked.facets or asked.words),
        total=counted(total),
        total_word=_total_word(asked.tab),
        groups=list(_groups(found, address, times)),
        columns=_columns(address, found.full),
        before=address.to_row(found.ends[0]).href() if found.more_before and found.ends else "",
        after=address.from_row(found.ends[1]).href() if found.more_after and found.ends else "",
        download=address.show(None).start().href("/worklist.csv"),
        workbook=address.show(None).start().href("/worklist.xlsx"),
        empty=empty(address, bool(found.tally["open"]), found.roles, found.belongs),
        sync=sync(found.syncs, times, found.full),
        behind=found.behind,
        full=found.full,
        search_hint=spoken("worklist.patient-mrn-clinic-or-reason")
        if found.full
        else spoken("worklist.patient-member-clinic-or-number"),
        counted=_counted(asked.counted) if asked.counted else "",
    )


def _total_word(tab: str) -> str:
    if tab == COUNTED:
        return ""
    return spoken("worklist.total.closed") if tab == "closed" else spoken("worklist.total.open")


def _counted(figure: CountedIn) -> Sentence:
    """Behind which figure these rows are."""
    name = next(said[0] for measure, said in MEASURES.items() if measure == figure.measure)
    return sentence("measures.rows", name=name, days=sentence("measures.days", first=figure.first, last=figure.last))


def counted(n: int) -> str:
    """A count as it is shown; counting stops at MANY."""
    return f"{MANY - 1}+" if n >= MANY else str(n)


def _figures(found: Found, figures: Mapping[str, tuple[str, str]], address: Address, times: Times) -> Iterator[Counted]:
    tally = found.tally
    decision = found.next_decision
    today = spoken("worklist.until-midnight", date=times.date(found.now.astimezone(times.zone).date()))
    opened = counted(tally["open"])
    notes = {
        "overdue": spoken("worklist.time-up") if tally.get("overdue") else spoken("worklist.nothing-late"),
        "late": spoken("worklist.time-up") if tally.get("late") else spoken("worklist.nothing-late"),
        "today": today,
        "decide": today,
        "payer": spoken("worklist.no-decision-awaited") if decision is None else _decision(decision, found),
        "risk": spoken("worklist.within-7-days-not-cleared"),
        "cleared": spoken("worklist.open", opened=opened),
    }
    for name, (label, tone) in figures.items():
        yield Counted(
            name, label, counted(tally[name]), address.asked.tab == name, notes[name], tone if tally[name] else ""
        )


def _decision(at: int, found: Found) -> str:
    left = at - found.at.now
    length = span(timedelta(microseconds=abs(left)))
    return (
        spoken("worklist.next-decision-in", n=length) if left >= 0 else spoken("worklist.next-decision-late", n=length)
    )


def _groups(found: Found, address: Address, times: Times) -> Iterator[Group]:
    lines = [(row, _line(row, address, times, found)) for row in found.rows]
    if not lines:
        return
    ungrouped = address.asked.tab in UNGROUPED or (not found.full and address.asked.tab not in PAYER_GROUPED)
    if address.asked.sort.lstrip("-") != "due" or ungrouped:
        yield Group("all", "", "", [line for _, line in lines])
        return
    ends = {"overdue": found.at.now, "today": found.at.today, "soon": found.at.soon}
    for name in GROUPS if address.asked.sort == "due" else reversed(tuple(GROUPS)):
        mine = [line for row, line in lines if next((g for g, end in ends.items() if _due(row) < end), "later") == name]
        if mine:
            yield Group(name, GROUPS[name], counted(found.groups[name]), mine)


def _due(row: Any) -> int:
    """When a row is due; far off where nothing is. A payer's knows of no clock but the payer's."""
    return FOREVER if row.due_at is None else int(row.due_at)


def _line(row: Any, address: Address, times: Times, found: Found) -> Line:
    if isinstance(row, PayerRow):
        return _payers_line(row, address, times, found)
    authorization, note = authorized(row)
    return Line(
        id=row.id,
        href=address.show(row.id).href(),
        open=row.id == address.shown,
        spoken=f"{row.patient_name}, {row.number}",
        name=row.patient_name,
        about=_about(row, row.mrn, times),
        clock=times.clock(row.due_at, row.clock_start, found.at.today) if row.open else None,
        due_label=in_words(SHORT.get(row.due_label, row.due_label)),
        priority=None if row.priority == "routine" else chip(page_labels.PRIORITY, row.priority),
        specialty=row.specialty,
        reason=row.reason,
        performer=_other(row, found),
        referral=chip(page_labels.REFERRAL, row.stage),
        gate=_gate(row, times),
        urging=row.headline_gate in ELSEWHERE,
        headline=in_words(row.headline),
        authorization=authorization,
        authorization_note=note,
        contract=contracted(row),
        contract_note=in_words(row.agreement_note),
        owner=row.owner_name or "",
        next=in_words(row.action_label or row.due_label) if row.open else "",
        mover=chip(page_labels.MOVE, row.role).label if row.open and row.role else "",
        touch=_touch(row, times, found) if row.open else "",
        conflict=row.conflict,
    )


def _other(row: Row[Any], found: Found) -> str:
    """Who is on the other side: for a clinic that is referred to who sends the patient."""
    if verbs.sides(row.placer, row.performer, found.ours) == {"performer"}:
        return (
            spoken("worklist.referred-by.2", placer_name=row.placer_name)
            if row.placer_name
            else spoken("worklist.referred-by-office-that-not")
        )
    return row.performer_name or spoken("worklist.no-clinic-yet")


def _touch(row: Row[Any], times: Times, found: Found) -> str:
    """What the office has planned, and how often somebody was called already."""
    rests = spoken("worklist.rests-until", wakes_at=times.day(row.wakes_at)) if row.wakes_at > found.at.now else ""
    touch = spoken("worklist.touch", touch_at=times.day(row.touch_at)) if row.touch_at and not rests else ""
    called = spoken("worklist.contacts", n=row.contacts) if row.contacts else ""
    return " · ".join(part for part in (rests, touch, called) if part)


def _payers_line(row: PayerRow, address: Address, times: Times, found: Found) -> Line:
    """A row as its payer sees it: what it was not told stands in no cell."""
    authorization, note = authorized(row)
    return Line(
        id=row.id, href=address.show(row.id).href(), open=row.id == address.shown,
        spoken=f"{row.patient_name}, {row.number}", name=row.patient_name, about=_about(row, row.member_id, times),
        clock=times.clock(row.due_at, row.clock_start, found.at.today) if row.moves else None,
        due_label=in_words(row.due_label),
        priority=None if row.priority == "routine" else chip(page_labels.PRIORITY, row.priority),
        specialty=row.specialty, reason="", performer=row.performer_name or spoken("worklist.no-clinic-yet"),
        referral=None, gate="", urging=False, headline="", authorization=authorization, authorization_note=note,
        contract=contracted(row),
        contract_note=in_words(row.agreement_note), owner=None, next="", mover="",
    )  # fmt: skip


def _about(row: Any, number: str | None, times: Times) -> str:
    years = age(row.birth_date, times.now.astimezone(times.zone).date()).removesuffix(" y")
    return " · ".join(part for part in (f"{SEX.get(row.gender or '', '')} {years}".strip(), number) if part)


def _gate(row: Row[Any], times: Times) -> str:
    """The unmet gate that has no column of its own; else the visit, when there is one."""
    if row.open and row.headline_gate in ELSEWHERE:
        return page_labels.lacking(row.headline_gate, row._mapping[f"{row.headline_gate}_gate"])
    return spoken("worklist.visit", appointment_at=times.exact(row.appointment_at)) if row.appointment_at else ""


def _columns(address: Address, full: bool) -> list[Column]:
    sort = address.asked.sort
    sortable = {"clock": "due", "patient": "patient", "to": "specialty"}
    columns = []
    labels = {
        "clock": spoken("worklist.clock"),
        "patient": spoken("worklist.patient"),
        "to": spoken("worklist.referred"),
        "next": spoken("worklist.next-step"),
        "referral": spoken("worklist.referral"),
    }
    for name, label in {
        **labels,
        "authorization": spoken("worklist.authorization"),
        "contract": spoken("worklist.contract"),
    }.items():
        if not full and name in ("next", "referral"):
            continue
        by = sortable.get(name, "")
        ways = {by: "ascending", f"-{by}": "descending"} if by else {}
        columns.append(Column(name, label, address.sort(by).href() if by else "", ways.get(sort, "")))
    return columns
