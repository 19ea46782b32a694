"""The clinic's list of requests for authorization in words: tabs and figures with their counts, rows by how soon
something is due at the office, units as bars, its file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from carecoord.actions.prior_auth.requests import FIGURES, TABS, Listed
from carecoord.fhir.instants import micros, moment
from carecoord.store.prior_auth.authorizations import Sort
from carecoord.store.prior_auth.lists import MANY
from carecoord.web.page.times import Times
from carecoord.web.prior_auth.address import RequestsAddress
from carecoord.web.prior_auth.rows import CLOCKS, STATES, Line, line, over, state
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

NAMES: Final[Mapping[str, str]] = Glossary({
    "open": sentence("requests.tab.open"),
    "due": sentence("requests.tab.due"),
    "drafts": sentence("requests.tab.drafts"),
    "info": sentence("requests.tab.info"),
    "expiring": sentence("requests.tab.expiring"),
    "limit": sentence("requests.tab.limit"),
    "outside": sentence("requests.tab.outside"),
    "denied": sentence("requests.tab.denied"),
    "all": sentence("requests.tab.all"),
    "past": sentence("requests.tab.past"),
    "today": sentence("requests.tab.today"),
    "late": sentence("requests.tab.late"),
})  # fmt: skip
EMPTY: Final[Mapping[str, str]] = Glossary({
    "outside": sentence("requests.empty.outside"),
    "expiring": sentence("requests.empty.expiring"),
    "info": sentence("requests.empty.info"),
    "denied": sentence("requests.empty.denied"),
})  # fmt: skip
GROUPS: Final[Mapping[str, str]] = Glossary({
    "overdue": sentence("requests.group.overdue"),
    "today": sentence("requests.group.today"),
    "soon": sentence("requests.group.soon"),
    "later": sentence("requests.group.later"),
    "none": sentence("requests.group.none"),
})  # fmt: skip
COLUMNS: Final[tuple[tuple[str, Sort | None], ...]] = (
    ("clock", "due"), ("patient", "patient"), ("to", None), ("insurer", "payer"), ("authorization", None),
    ("units", None), ("valid", "ends"), ("touch", None),
)  # fmt: skip
HEADS: Final[Mapping[str, str]] = Glossary({
    "clock": sentence("requests.column.clock"),
    "patient": sentence("requests.column.patient"),
    "to": sentence("requests.column.service"),
    "insurer": sentence("requests.column.payer"),
    "authorization": sentence("requests.column.state"),
    "units": sentence("requests.column.units"),
    "valid": sentence("requests.column.valid"),
    "touch": sentence("requests.column.touch"),
})  # fmt: skip
CELLS: Final = (
    "patient_name", "birth_date", "mrn", "member_id", "service", "code", "payer_name", "plan_name", "number", "state",
    "expedited", "received", "due", "office_clock", "office_due", "authorized", "used", "booked", "left", "unit",
    "starts", "ends", "appeal_by", "peer_by", "outside", "provider", "touch", "owner_name",
)  # fmt: skip
_TIMES: Final = ("received", "due", "office_due", "starts", "ends", "appeal_by", "peer_by", "touch")
_SOON: Final = 3  # days


@dataclass(frozen=True)
class Counted:
    """A tab or a figure with its count, and the link to its list."""

    name: str
    label: str
    count: str
    href: str
    current: bool
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Group:
    name: str
    label: str
    rows: Sequence[Line]


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    href: str
    sorted: str


@dataclass(frozen=True)
class Choice:
    """A menu of the filter bar: (value, label, link, whether it is chosen) of each of its choices."""

    name: str
    label: str
    said: str
    options: Sequence[tuple[str, str, str, bool]]
    off: str


@dataclass(frozen=True)
class Listing:
    title: str
    tabs: Sequence[Counted]
    figures: Sequence[Counted]
    menus: Sequence[Choice]
    groups: Sequence[Group]
    columns: Sequence[Column]
    total: str
    empty: str
    follows: str
    filtered: bool


def listing(found: Listed, address: RequestsAddress, times: Times) -> Listing:
    """Everything that the page needs, already in words."""
    counts = found.counts
    tones = {"past": "red", "today": "amber", "outside": "red", "late": ""}
    notes = {"past": spoken("requests.figure.past"), "today": spoken("requests.figure.today"),
             "outside": spoken("requests.figure.outside"), "late": spoken("requests.figure.late")}  # fmt: skip
    return Listing(
        spoken("requests.titled", label=NAMES[address.tab], total=_counted(counts[address.tab])),
        [_tab(name, counts[name], address) for name in TABS],
        [_tab(name, counts[name], address, tones[name] if counts[name] else "green", notes[name]) for name in FIGURES],
        _menus(found, address), _groups(found, address, times), _columns(address), _counted(counts[address.tab]),
        EMPTY.get(address.tab) or spoken("requests.empty"),
        address.from_row(found.after).href() if found.after else "",
        bool(address.words or address.payer or address.owner or address.state),
    )  # fmt: skip


def _tab(name: str, n: int, address: RequestsAddress, tone: str = "", note: str = "") -> Counted:
    href = address.to_tab(name).href()
    return Counted(name, NAMES[name], _counted(n), href, name == address.tab, tone, note)


def _counted(n: int) -> str:
    return f"{n}" if n < MANY else f"{MANY - 1}+"


def _menus(found: Listed, address: RequestsAddress) -> list[Choice]:
    states = [(name, each.label) for name, each in STATES.items()]
    menus = (("payer", spoken("requests.menu.payer"), found.choices["payer"]),
             ("state", spoken("requests.menu.state"), states),
             ("owner", spoken("requests.menu.owner"), found.choices["owner"]))  # fmt: skip
    return [_menu(name, label, options, address) for name, label, options in menus]


def _menu(name: str, label: str, options: Iterable[tuple[str, str]], address: RequestsAddress) -> Choice:
    now, known = str(getattr(address, name)), list(options)
    said = next((words for value, words in known if value == now), "")
    made = [(value, words, address.chosen(name, value).href(), value == now) for value, words in known]
    return Choice(name, label, said, made, address.chosen(name, now).href() if now else "")


def _columns(address: RequestsAddress) -> list[Column]:
    return [
        Column(
            name, HEADS[name], address.sorted(by).href() if by else "",
            "" if by != address.sort else "descending" if address.down else "ascending",
        )
        for name, by in COLUMNS
    ]  # fmt: skip


def _groups(found: Listed, address: RequestsAddress, times: Times) -> list[Group]:
    """In the order of what is due, by how soon it is; in another, all in one."""
    lines = [(each, line(each, address, times)) for each in found.rows]
    if address.sort != "due" or address.down:
        return [Group("", "", [each for _, each in lines])] if lines else []
    ends = {"today": times.midnight(0), "soon": times.midnight(_SOON)}
    named: dict[str, list[Line]] = {}
    for row, each in lines:
        due = None if over(row, times) else row.office_due
        named.setdefault(_group(due, micros(found.now), ends), []).append(each)
    return [Group(name, GROUPS[name], named[name]) for name in GROUPS if name in named]


def _group(due: int | None, now: int, ends: Mapping[str, int]) -> str:
    if due is None:
        return "none"
    return "overdue" if due <= now else next((name for name, end in ends.items() if due < end), "later")


def lines(rows: Iterable[Row[Any]], times: Times) -> Iterator[list[str]]:
    """The rows of a file: the cells of CELLS as people read them."""
    for row in rows:
        yield [_cell(name, getattr(row, name), row, times) for name in CELLS]


def _cell(name: str, value: Any, row: Row[Any], times: Times) -> str:
    if name == "state":
        return state(row, times).label
    if name == "office_clock":
        return CLOCKS.get(value or "") or ""
    if name == "expedited":
        return say(sentence("decide.expedited")) if value else say(sentence("decide.standard"))
    if name == "unit":
        return in_words(value)
    if name in _TIMES:
        return moment(value).astimezone(times.zone).isoformat(timespec="minutes") if value else ""
    return "" if value is None else str(value)
