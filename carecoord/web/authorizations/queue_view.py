"""The payer's queue in words: its tabs and figures with their counts, its rows by how soon they are due, its file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from carecoord.actions.prior_auth.queue import FIGURES, TABS, Hold, Queue
from carecoord.domain.access.payer_authorization import PayerAuthorization
from carecoord.domain.access.payer_view import QUEUE_CELLS
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.resource.days import local, midnight
from carecoord.fhir.instants import micros, moment
from carecoord.store.prior_auth.lists import MANY
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Clock, Times
from carecoord.web.prior_auth.rows import STATES
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

NAMES: Final[Mapping[str, str]] = Glossary({
    "decide": sentence("decide.tab.decide"),
    "mine": sentence("decide.tab.mine"),
    "new": sentence("decide.tab.new"),
    "expedited": sentence("decide.tab.expedited"),
    "standard": sentence("decide.tab.standard"),
    "extended": sentence("decide.tab.extended"),
    "asked": sentence("decide.tab.asked"),
    "answered": sentence("decide.tab.answered"),
    "second": sentence("decide.tab.second"),
    "director": sentence("decide.tab.director"),
    "appeals": sentence("decide.tab.appeals"),
    "sample": sentence("decide.tab.sample"),
    "held": sentence("decide.tab.held"),
    "late": sentence("decide.tab.late"),
    "decided": sentence("decide.tab.decided"),
})  # fmt: skip
NOTES: Final[Mapping[str, str]] = Glossary({
    "late": sentence("decide.figure.late"),
    "standard": sentence("decide.figure.standard"),
    "asked": sentence("decide.figure.asked"),
    "extended": sentence("decide.figure.extended"),
    "sample": sentence("decide.figure.sample"),
})  # fmt: skip
EMPTY: Final[Mapping[str, str]] = Glossary({
    "decide": sentence("decide.empty.decide"),
    "mine": sentence("decide.empty.mine"),
    "second": sentence("decide.empty.second"),
    "director": sentence("decide.empty.director"),
    "held": sentence("decide.empty.held"),
    "sample": sentence("decide.empty.sample"),
})  # fmt: skip
GROUPS: Final[Mapping[str, str]] = Glossary({
    "overdue": sentence("decide.group.overdue"),
    "today": sentence("decide.group.today"),
    "soon": sentence("decide.group.soon"),
    "later": sentence("decide.group.later"),
    "none": sentence("decide.group.none"),
})  # fmt: skip
COLUMNS: Final[Mapping[str, str]] = Glossary({
    "clock": sentence("decide.column.clock"),
    "patient": sentence("decide.column.member"),
    "to": sentence("decide.column.request"),
    "contract": sentence("decide.column.provider"),
    "referral": sentence("decide.column.papers"),
    "authorization": sentence("decide.column.state"),
    "next": sentence("decide.column.with"),
})  # fmt: skip
_OUT: Final = ("network", "site", "later", "suspended")
_SOON: Final = 3  # days


@dataclass(frozen=True)
class Tab:
    """A list with its count. note: beside a figure."""

    name: str
    label: str
    count: str
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class QueueRow:
    """A request. kind: of its clock; papers: in and wanted; lacking: whether one is missing; held: who is on it;
    waits: whether it is still to be decided, by somebody."""

    row: PayerAuthorization
    id: str
    clock: Clock | None
    kind: str
    state: Chip
    about: str
    agreement: Chip
    papers: str
    lacking: bool
    held: str
    own: bool
    beside: str
    waits: bool


@dataclass(frozen=True)
class Group:
    name: str
    label: str
    rows: Sequence[QueueRow]


def tabs(counts: Mapping[str, int]) -> list[Tab]:
    """The tabs with how many stand under each."""
    return [Tab(name, NAMES[name], _counted(counts[name])) for name in TABS]


def figures(counts: Mapping[str, int]) -> list[Tab]:
    """What stands beside the tabs, counted by the same query."""
    tones = {"late": "red" if counts["late"] else "green", "asked": "amber" if counts["asked"] else ""}
    return [Tab(name, NAMES[name], _counted(counts[name]), tones.get(name, ""), NOTES[name]) for name in FIGURES]


def _counted(n: int) -> str:
    return f"{n}" if n < MANY else f"{MANY - 1}+"


def groups(found: Queue, times: Times) -> list[Group]:
    """The rows of a page by how soon they are due, in the order of their clock."""
    rows = queue(found, times)
    ends = {name: _end(found, times, days) for name, days in (("today", 1), ("soon", 1 + _SOON))}
    named: dict[str, list[QueueRow]] = {}
    for each in rows:
        named.setdefault(_group(each.row.due, micros(found.now), ends), []).append(each)
    return [Group(name, GROUPS[name], named[name]) for name in GROUPS if name in named]


def _group(due: int | None, now: int, ends: Mapping[str, int]) -> str:
    if due is None:
        return "none"
    return "overdue" if due < now else next((name for name, end in ends.items() if due < end), "later")


def _end(found: Queue, times: Times, days: int) -> int:
    return micros(midnight(local(found.now, times.zone) + timedelta(days=days), times.zone))


def queue(found: Queue, times: Times) -> list[QueueRow]:
    """The rows of a page of the queue."""
    today = _end(found, times, 1)
    return [_row(each, found, times, today) for each in found.rows]


def _row(row: PayerAuthorization, found: Queue, times: Times, today: int) -> QueueRow:
    hold, born = found.on_it.get(row.root), times.born(row.birth_date)
    lacking = row.attached < row.asked
    papers = say(sentence("decide.papers-in", attached=row.attached, n=row.asked)) if row.asked else ""
    return QueueRow(
        row, row.root.partition("/")[2], times.clock(row.due, row.received, today), kind(row), state(row),
        " · ".join(filter(None, (born, row.member_id))), agreement(row),
        papers or say(sentence("decide.papers", n=row.papers)), lacking, holder(hold, times),
        bool(hold and hold.own), beside(row, found.steps.get(row.claim, ())), row.state in lifecycle.UNDECIDED,
    )  # fmt: skip


def kind(row: PayerAuthorization) -> str:
    """Of which kind the clock is."""
    if row.extended:
        return say(sentence("decide.extended"))
    return say(sentence("decide.expedited")) if row.expedited else say(sentence("decide.standard"))


def state(row: PayerAuthorization) -> Chip:
    """How a request stands."""
    return chip(STATES, row.state) if row.state in STATES else chip(labels.AUTHORIZATION, "unknown")


def agreement(row: PayerAuthorization) -> Chip:
    """How the agreement with the clinic stands, by what the payer was told."""
    cause = row.payer_agreement or "unknown"
    return chip(
        labels.CONTRACT, cause if cause in labels.CONTRACT else "out-of-network" if cause in _OUT else "unknown"
    )


def holder(hold: Hold | None, times: Times) -> str:
    """Who is on it."""
    if hold is None:
        return ""
    until = f"{hold.until.astimezone(times.zone):%H:%M}"
    return spoken("decide.you-are-on-it", until=until) if hold.own else spoken("decide.is-on-it", who=hold.name)


def beside(row: PayerAuthorization, steps: Iterable[str]) -> str:
    """Where it stands beside its state."""
    said = [say(sentence("decide.waits-second"))] if row.proposed else []
    said += [NAMES[each] for each in ("director", "sample", "held") if each in steps]
    said += [spoken("decide.level", n=row.level)] if row.level else []
    return ", ".join(said)


def lines(rows: Iterable[PayerAuthorization], times: Times) -> Iterator[list[str]]:
    """The rows of a file: the cells of QUEUE_CELLS as people read them."""
    for row in rows:
        yield [_cell(name, getattr(row, name), row, times) for name in QUEUE_CELLS]


def _cell(name: str, value: Any, row: PayerAuthorization, times: Times) -> str:
    if name == "state":
        return state(row).label
    if name == "expedited":
        return kind(row)
    if name in ("received", "due", "decided"):
        return moment(value).astimezone(times.zone).isoformat(timespec="minutes") if value else ""
    return "" if value is None else str(value)
