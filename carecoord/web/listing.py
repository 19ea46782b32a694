"""The worklist as its page shows it: rows grouped by urgency, tabs and figures with their counts, filters, words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from carecoord.actions.cases import Found
from carecoord.errors import Invalid
from carecoord.store.cases import MANY, NONE, place
from carecoord.store.ehrs import Run
from carecoord.web import chips
from carecoord.web.asking import Address
from carecoord.web.chips import Chip, chip, judged
from carecoord.web.clocks import Clock, Times, age, span

TABS = {
    "open": "My team",
    "overdue": "Overdue",
    "payer": "With payer",
    "book": "Ready to book",
    "contract": "Contract risk",
    "after": "After the visit",
    "closed": "Closed",
}
FIGURES = {  # name -> (label, tone when it is not zero)
    "overdue": ("Past due", "red"),
    "today": ("Due today", "amber"),
    "payer": ("With payer", ""),
    "risk": ("Visit at risk", "red"),
    "cleared": ("Cleared", "green"),
}
# A payer's clerk knows the payer's own clock, not the clinics'.
PAYER_TABS = {"open": "All requests", "payer": "To decide", "late": "Late", "closed": "Closed"}
PAYER_FIGURES = {"late": ("Decision late", "red"), "decide": ("Decide today", "amber"), "payer": ("To decide", "")}
PAYER_GROUPED = ("payer", "late", "decide")
PAYER_FACETS = ("authorization", "contract", "priority")
GROUPS = {"overdue": "Overdue", "today": "Due today", "soon": "Next 3 days", "later": "Later"}
UNGROUPED = ("closed",)
ELSEWHERE = ("coverage", "information", "appointment")  # gates without a column of their own
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
    referral: Chip
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
class Choice:
    value: str
    label: str
    icon: str
    on: bool


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    said: str
    chosen: tuple[str, ...]
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    href: str = ""
    sorted: str = ""


@dataclass(frozen=True)
class Empty:
    icon: str
    title: str
    text: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True)
class Sync:
    """How the EHRs are doing. tone: good, late, bad or none."""

    tone: str
    text: str
    ago: str = ""


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
    empty: Empty
    sync: Sync
    full: bool
    search_hint: str


def counts(full: bool) -> tuple[str, ...]:
    """The names of everything that is counted for an asker who sees cases whole, or for a payer."""
    return tuple(dict.fromkeys((*TABS, *FIGURES) if full else (*PAYER_TABS, *PAYER_FIGURES)))


def listing(found: Found, address: Address, zone: ZoneInfo) -> Listing:
    """Everything the page needs, already in words."""
    times, asked = Times(found.now, zone), address.asked
    named, figures = (TABS, FIGURES) if found.full else (PAYER_TABS, PAYER_FIGURES)
    if asked.tab not in found.tally:
        raise Invalid(f"There is no list {asked.tab!r} for your role; choose one of the tabs.", "http.tab")
    label = named.get(asked.tab) or figures[asked.tab][0]
    total = found.tally[asked.tab]
    return Listing(
        title=f"{label}: {counted(total)} {'referral' if total == 1 else 'referrals'}",
        tabs=[Counted(name, said, counted(found.tally[name]), asked.tab == name) for name, said in named.items()],
        figures=list(_figures(found, figures, address, times)),
        facets=[_facet(name, found, address) for name in chips.FACETS if found.full or name in PAYER_FACETS],
        filtered=bool(asked.facets or asked.words),
        total=counted(total),
        total_word="closed" if asked.tab == "closed" else "open",
        groups=list(_groups(found, address, times)),
        columns=_columns(address, found.full),
        before=address.to_row(place(found.rows[0], asked.sort)).href() if found.more_before and found.rows else "",
        after=address.from_row(place(found.rows[-1], asked.sort)).href() if found.more_after and found.rows else "",
        download=address.show(None).start().href("/worklist.csv"),
        empty=_empty(found, address),
        sync=_sync(found.runs, times),
        full=found.full,
        search_hint="Patient, MRN, clinic or reason" if found.full else "Patient, MRN, clinic or number",
    )


def counted(n: int) -> str:
    """A count as it is shown; counting stops at MANY."""
    return f"{MANY - 1}+" if n >= MANY else str(n)


def _figures(found: Found, figures: Mapping[str, tuple[str, str]], address: Address, times: Times) -> Iterator[Counted]:
    tally = found.tally
    decision = found.next_decision
    today = f"Until midnight, {times.date(found.now.astimezone(times.zone).date())}"
    notes = {
        "overdue": "Time is up" if tally.get("overdue") else "Nothing is late",
        "late": "Time is up" if tally.get("late") else "Nothing is late",
        "today": today,
        "decide": today,
        "payer": "No decision awaited" if decision is None else f"Next decision {_until(decision, found)}",
        "risk": "Within 7 days, not cleared",
        "cleared": f"of {counted(tally['open'])} open",
    }
    for name, (label, tone) in figures.items():
        yield Counted(
            name, label, counted(tally[name]), address.asked.tab == name, notes[name], tone if tally[name] else ""
        )


def _until(at: int, found: Found) -> str:
    left = at - found.at.now
    length = span(timedelta(microseconds=abs(left)))
    return f"in {length}" if left >= 0 else f"{length} late"


def _groups(found: Found, address: Address, times: Times) -> Iterator[Group]:
    lines = [(row, _line(row, address, times, found)) for row in found.rows]
    if not lines:
        return
    ungrouped = address.asked.tab in UNGROUPED or (not found.full and address.asked.tab not in PAYER_GROUPED)
    if address.asked.sort.lstrip("-") != "due" or ungrouped:
        yield Group("all", "", "", [line for _, line in lines])
        return
    ends = {"overdue": found.at.now, "today": found.at.today, "soon": found.at.soon}
    for name in GROUPS if address.asked.sort == "due" else reversed(GROUPS):
        mine = [
            line for row, line in lines if next((g for g, end in ends.items() if row.sort_due < end), "later") == name
        ]
        if mine:
            yield Group(name, GROUPS[name], counted(found.groups[name]), mine)


def _line(row: Row[Any], address: Address, times: Times, found: Found) -> Line:
    sex = SEX.get(row.gender or "", "")
    years = age(row.birth_date, times.now.astimezone(times.zone).date())
    about = " · ".join(part for part in (f"{sex} {years.removesuffix(' y')}".strip(), row.mrn) if part)
    return Line(
        id=row.id,
        href=address.show(row.id).href(),
        open=row.id == address.shown,
        spoken=f"{row.patient_name}, {row.number}",
        name=row.patient_name,
        about=about,
        clock=times.clock(row.due_at, row.clock_start, found.at.today) if row.open and _told(row, found) else None,
        due_label=(row.due_label or "").replace("authorization", "auth"),
        priority=None if row.priority == "routine" else chip(chips.PRIORITY, row.priority),
        specialty=row.specialty,
        reason=row.reason if found.full else "",
        performer=row.performer_name or "No clinic yet",
        referral=chip(chips.REFERRAL, row.stage),
        gate=_gate(row, times) if found.full else "",
        urging=row.headline_gate in ELSEWHERE,
        headline=row.headline,
        authorization=judged(chip(chips.AUTHORIZATION, row.authorization_state), row.authorization_gate),
        authorization_note=row.authorization_note or "",
        contract=judged(chip(chips.CONTRACT, row.agreement_state), row.agreement_gate),
        contract_note=row.agreement_note or "",
        owner=(row.owner_name or "") if found.full else None,
        next=(row.action_label or row.due_label or "") if row.open else "",
        mover=chip(chips.MOVE, row.role).label if row.open and row.role else "",
    )


def _told(row: Row[Any], found: Found) -> bool:
    """Whether the asker may know what is due: a payer knows its own clock only."""
    return found.full or row.role == "payer"


def _gate(row: Row[Any], times: Times) -> str:
    """The unmet gate that has no column of its own; else the visit, when there is one."""
    if row.open and row.headline_gate in ELSEWHERE:
        state = chip(chips.GATE, row._mapping[f"{row.headline_gate}_gate"]).label.lower()
        return f"{chips.GATES[row.headline_gate].label}: {state}"
    return f"Visit {times.exact(row.appointment_at)}" if row.appointment_at else ""


def _facet(name: str, found: Found, address: Address) -> Facet:
    label, words = chips.FACETS[name]
    chosen = address.chosen(name)
    known: Mapping[str, Chip]
    if words is None:
        known = {value: Chip(said, "", "") for value, said in found.choices[name]}
        if name == "owner":
            known = {NONE: Chip("No owner", "", ""), **known}
    else:
        known = words if name != "gate" else {**words, NONE: Chip("All gates met", "", icon="circle-check")}
    shown = {**known, **{value: chip(dict(known), value) for value in chosen if value not in known}}
    choices = [Choice(value, said.label, said.icon, value in chosen) for value, said in shown.items()]
    said = shown[chosen[0]].label if len(chosen) == 1 else str(len(chosen)) if chosen else ""
    return Facet(name, label, said, chosen, choices)


def _columns(address: Address, full: bool) -> list[Column]:
    sort = address.asked.sort
    sortable = {"clock": "due", "patient": "patient", "to": "specialty"}
    columns = []
    labels = {"clock": "Clock", "patient": "Patient", "to": "Referred to", "next": "Next step", "referral": "Referral"}
    for name, label in {**labels, "authorization": "Authorization", "contract": "Contract"}.items():
        if not full and name in ("next", "referral"):
            continue
        by = sortable.get(name, "")
        ways = {by: "ascending", f"-{by}": "descending"} if by else {}
        columns.append(Column(name, label, address.sort(by).href() if by else "", ways.get(sort, "")))
    return columns


def _empty(found: Found, address: Address) -> Empty:
    asked = address.asked
    if asked.words:
        return Empty(
            "search",
            f"Nothing found for “{asked.words}”",
            "Look for the beginning of a name, an MRN, a referral "
            "number, a clinic or a reason. Only cases that your organization may see are searched.",
            address.searching("").href(),
            "Clear the search",
        )
    if asked.facets:
        return Empty(
            "list-filter",
            "No case passes all these filters",
            "Take a filter away to see more: fewer filters never hide a case.",
            address.plain().href(),
            "Clear all filters",
        )
    if asked.tab not in ("open", "closed") and found.tally["open"]:
        return Empty(
            "circle-check",
            "Nothing here",
            "No open case is in this list at the moment.",
            address.tab("open").href(),
            "Show all open cases",
        )
    return Empty(
        "inbox",
        "No cases yet",
        "Cases appear by themselves when referrals arrive: from an EHR "
        "(carecoord sync NAME), from files (carecoord load FILE) or through the FHIR API.",
    )


def _sync(runs: Sequence[tuple[str, Run | None]], times: Times) -> Sync:
    """The worst news first: an EHR that failed, one that is late, else all well."""
    if not runs:
        return Sync("none", "No EHR is connected")
    failed = [(name, run) for name, run in runs if run and run.error]
    if failed:
        name, run = failed[0]
        return Sync("bad", f"{name}: the last sync failed", times.ago(run.finished or run.started))
    going = [name for name, run in runs if run and run.finished is None]
    never = [name for name, run in runs if run is None]
    if going or never:
        return Sync("late", f"{going[0]} is syncing" if going else f"{never[0]} has not been synced yet")
    ends = [run.finished for _, run in runs if run and run.finished]
    names = " and ".join([", ".join(name for name, _ in runs[:-1]), runs[-1][0]] if runs[1:] else [runs[0][0]])
    return Sync("good", f"{names} in sync", times.ago(min(ends)))
