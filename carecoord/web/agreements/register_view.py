"""The register in words: tabs, figures, and a line for each agreement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from carecoord.actions.agreements.desk import Line, Listed
from carecoord.domain.agreements.overview import words
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.store.agreements.register import NO_END, NO_START
from carecoord.store.agreements.roll import BUCKETS, MANY, SOON, TABS, WITHIN, Asked
from carecoord.store.worklist.standings import Standing
from carecoord.web.agreements.term_axis import Bar, of_row
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import MINUS, Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import joined, sentence

KINDS: Final[Mapping[str, str]] = Glossary(
    {
        "payer-provider": sentence("agreements.kinds.payer-provider"),
        "vendor": sentence("agreements.kinds.vendor"),
        "employee-benefits": sentence("agreements.kinds.employee-benefits"),
        "health-social": sentence("agreements.kinds.health-social"),
        "engineering": sentence("agreements.kinds.engineering"),
        "construction": sentence("agreements.kinds.construction"),
        "baa": sentence("agreements.kinds.baa"),
    }
)
ROLES: Final[Mapping[str, str]] = Glossary(
    {
        "payer": sentence("agreements.roles.payer"),
        "provider-group": sentence("agreements.roles.provider-group"),
        "owner": sentence("agreements.roles.owner"),
        "vendor": sentence("agreements.roles.vendor"),
        "prime": sentence("agreements.roles.prime"),
        "covered-entity": sentence("agreements.roles.covered-entity"),
        "business-associate": sentence("agreements.roles.business-associate"),
        CUSTODIAN: sentence("agreements.roles.keeps-it"),
    }
)
LABELS: Final[Mapping[str, str]] = Glossary(
    {
        "current": sentence("agreements.labels.current"),
        "notice": sentence("agreements.labels.notice"),
        "ending": sentence("agreements.labels.ending"),
        "unsigned": sentence("agreements.labels.unsigned"),
        "ended": sentence("agreements.labels.ended"),
        "all": sentence("agreements.labels.all"),
    }
)
FIGURES: Final[Mapping[str, str]] = Glossary(
    {
        "6": sentence("agreements.figures.6"),
        "12": sentence("agreements.figures.12"),
        "18": sentence("agreements.figures.18"),
        "24": sentence("agreements.figures.24"),
        "later": sentence("agreements.figures.later"),
    }
)
STATES: Final = {
    "in-force": Chip(sentence("agreements.states.in-force"), "green", "circle-check"),
    "suspended": Chip(sentence("agreements.states.suspended"), "red", "ban"),
    "awaited": Chip(sentence("agreements.states.awaited"), "amber", "hourglass"),
    "later": Chip(sentence("agreements.states.later"), "quiet", "clock"),
    "ended": Chip(sentence("agreements.states.ended"), "grey", "calendar-x"),
    "unknown": Chip(sentence("agreements.states.unknown"), "grey", "ban"),
}
ABOUT: Final[Mapping[str, str]] = Glossary(
    {
        "notice": sentence("agreements.about.notice", soon=SOON),
        "ending": sentence("agreements.about.ending", within=WITHIN),
    }
)
_LONGEST: Final = 200  # characters of a search


def counted(n: int) -> str:
    """A count as it is shown; counting stops at MANY."""
    return f"{MANY - 1}+" if n >= MANY else str(n)


@dataclass(frozen=True)
class Address:
    """What the address says: `said` is the search as it was typed."""

    said: str
    asked: Asked

    def href(self, **other: Any) -> str:
        """The address with something else in it; of another page than the first only where `after` says so."""
        asked = replace(self.asked, **({"after": None} | other))
        pairs = {
            "tab": asked.tab if asked.tab != "current" else "", "q": self.said, "kind": asked.kind,
            "party": asked.party, "ends": asked.bucket,
            "after": "{}.{}".format(*asked.after) if asked.after else "",
        }  # fmt: skip
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"/contracts?{query}" if query else "/contracts"


@dataclass(frozen=True)
class Shown:
    """A line in words. `left`: how long until something is due, with its tone; `hangs`: how the agreement stands for
    its referrals, each with how many; `place`, `page`: where a paper says what was looked for, empty for nowhere."""

    href: str
    title: str
    number: str
    parties: str
    kind: str
    amount: str
    state: Chip
    left: str
    tone: str
    what: str
    term: str
    bars: Sequence[Bar]
    drafts: bool
    total: int
    waiting: int
    hangs: Sequence[tuple[Chip, int]]
    place: str = ""
    page: str = ""


def address(given: Mapping[str, str]) -> Address:
    """What an address asks for; what it does not know is as if it were not there."""
    said = given.get("q", "")[:_LONGEST]
    due, _, n = given.get("after", "").partition(".")
    after = (int(due), int(n)) if due.isdecimal() and n.isdecimal() and len(due + n) < 30 else None
    tab, kind, ends = given.get("tab", "current"), given.get("kind", ""), given.get("ends", "")
    return Address(said, Asked(
        0, (), tab if tab in TABS else "current", tuple(words(said)), kind if kind in KINDS else "",
        given.get("party", "")[:200], ends if ends in BUCKETS else "", after,
    ))  # fmt: skip


def lines(found: Listed, times: Times) -> list[Shown]:
    """Every line of a page in words."""
    return [line(each, found.day, times) for each in found.lines]


def line(each: Line, day: date, times: Times) -> Shown:
    """One agreement in words."""
    row = each.row
    what, due = due_of(row)
    days = None if due is None else (due - day).days
    tone = "calm" if days is None or days > 30 else "today" if days >= 0 else "late"
    return Shown(
        f"/contracts/{row.contract}",
        row.title or _between(each.parties) or row.number,
        row.number,
        _between(each.parties),
        KINDS.get(row.kind, row.kind) or spoken("agreements.no-kind-said"),
        money(row.amount),
        chip(STATES, row.state),
        "" if days is None or row.stage == "ended" else span(days),
        tone,
        what,
        term(row, times),
        of_row(row, day),
        row.drafts and row.stage == "current",
        sum(each.hangs.states.values()) if each.hangs else 0,
        each.hangs.waiting if each.hangs else 0,
        states(each.hangs),
        f"/documents/{each.place[0]}/1#page={each.place[1]}" if each.place else "",
        say(sentence("paper.found", page=each.place[1])) if each.place else "",
    )


def due_of(row: Any) -> tuple[str, date | None]:
    """What is due next of an agreement, and when: the last day for it."""
    if row.due >= NO_END:
        return spoken("agreements.no-end"), None
    if row.due == row.notice_by:
        return spoken("agreements.give-notice"), date.fromordinal(row.due)
    return (
        spoken("agreements.ended")
        if row.stage == "ended"
        else spoken("agreements.ends")
        if row.ends == row.due
        else spoken("agreements.rolls-on")
    ), _last(row.due)


def term(row: Any, times: Times) -> str:
    """The days that matter, in words: the day of notice first."""
    said = (
        [spoken("agreements.notice-by-day", notice_by=times.date(date.fromordinal(row.notice_by)))]
        if row.notice_by < NO_END
        else []
    )
    if row.ends < NO_END:
        last = times.date(_last(row.ends))
        ended = row.stage == "ended"
        said.append(spoken("agreements.ended-on", day=last) if ended else spoken("agreements.ends-on", day=last))
    elif row.term_ends < NO_END:
        said.append(spoken("agreements.rolls-on-after-day", term_ends=times.date(_last(row.term_ends))))
    if row.stage == "awaited" and row.starts > NO_START:
        said.insert(0, spoken("agreements.starts-on", starts=times.date(date.fromordinal(row.starts))))
    told = ", ".join(said) or spoken("agreements.without-end")
    return told[0].upper() + told[1:]


def iso(number: int) -> str:
    """A day of the register in a file, empty where a side is open."""
    return date.fromordinal(number).isoformat() if NO_START < number < NO_END - 1 else ""


def _last(number: int) -> date:
    """The last day before the one on which it is over."""
    return date.fromordinal(number - 1)


def span(days: int) -> str:
    """How long until something: `13d`, `4 mo`."""
    size = abs(days)
    far = spoken("agreements.months-off", n=size // 30) if size < 700 else spoken("agreements.years-off", n=size // 365)
    said = f"{size}d" if size < 90 else far
    return f"{MINUS}{said}" if days < 0 else said


def money(amount: str) -> str:
    """`250000 USD` as people read it."""
    value, _, currency = amount.partition(" ")
    whole, dot, cents = value.partition(".")
    if not whole.isdecimal():
        return amount
    said = f"{int(whole):,}{dot}{cents}"
    return f"${said}" if currency in ("", "USD") else f"{said} {currency}"


def states(hangs: Standing | None) -> list[tuple[Chip, int]]:
    """How an agreement stands for its open referrals, each with how many."""
    order = list(labels.CONTRACT)
    found = sorted(hangs.states.items() if hangs else (), key=lambda pair: (pair[0] not in order, *_at(order, pair[0])))
    return [(chip(labels.CONTRACT, state), n) for state, n in found]


def _at(order: list[str], state: str) -> tuple[int, str]:
    return (order.index(state) if state in order else len(order)), state


def _between(parties: Sequence[tuple[str, str, str]]) -> str:
    return say(joined(signatories(parties))) if parties else ""


def signatories(parties: Sequence[tuple[str, str, str]]) -> list[str]:
    """Between whom it is, each once: who only keeps it is none of them."""
    return list(dict.fromkeys(name for _, name, role in parties if role != CUSTODIAN))


def role(code: str) -> str:
    """What a party's role is called."""
    return ROLES.get(code, code.replace("-", " ").capitalize() if code else spoken("agreements.party"))
