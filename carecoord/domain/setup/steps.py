"""The steps of a first run, each judged from what the data holds: nobody ticks one off, and none stays ticked off when
what it stood for is gone."""

from dataclasses import dataclass
from typing import Final, Literal

Name = Literal[
    "organization", "sites", "people", "payers", "plans", "rules", "agreements", "sources", "calendar", "letters"
]  # fmt: skip
State = Literal["done", "part", "open"]
FAILING: Final = frozenset({"failed", "late", "never"})  # of an EHR: what we hold of it is not what stands there


@dataclass(frozen=True, slots=True)
class Office:
    """An organization of our own. numbered: it has an NPI whose digit is right, by which a referral finds it."""

    name: str
    numbered: bool
    sites: int


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who works on the cases of an office of ours. invited: a link of theirs is still good."""

    name: str
    signed_in: bool
    invited: bool


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays. numbered: it has a number or an NPI, by which a card finds it. without_network: the names of its plans
    that have no network. agreed: an agreement of its is in force, with whomever we send patients to."""

    name: str
    numbered: bool
    plans: int
    without_network: tuple[str, ...]
    rules: bool
    agreed: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where referrals come from. state: of an EHR how its reading goes (good, late, failed, never); of an app that may
    send referrals, whether one has come: sent, admitted."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is. calendar: somebody has said when an office of ours, or everybody, works; letters: an office of
    ours has words of its own for some of them, be it the shipped ones that it took."""

    offices: tuple[Office, ...] = ()
    workers: tuple[Worker, ...] = ()
    payers: tuple[Payer, ...] = ()
    sources: tuple[Source, ...] = ()
    calendar: bool = False
    letters: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step and how far it is. lacking: the names of those that lack what the step brings."""

    name: Name
    state: State
    lacking: tuple[str, ...] = ()


def steps(stock: Stock) -> tuple[Step, ...]:
    """Every step in the order in which one rests on another."""
    offices, payers = stock.offices, stock.payers
    return (
        _each("organization", len(offices), [each.name for each in offices if not each.numbered]),
        _each("sites", sum(each.sites > 0 for each in offices), [each.name for each in offices if not each.sites]),
        _each("people", len(stock.workers), [each.name for each in stock.workers if not each.signed_in]),
        _each("payers", len(payers), [each.name for each in payers if not each.numbered]),
        _each("plans", sum(each.plans > 0 for each in payers), _without_plan(payers)),
        _each("rules", sum(each.rules for each in payers), [each.name for each in payers if not each.rules]),
        _each("agreements", sum(each.agreed for each in payers), [each.name for each in payers if not each.agreed]),
        _sources(stock.sources),
        Step("calendar", "done" if stock.calendar else "open"),
        Step("letters", "done" if stock.letters else "open"),
    )


def _each(name: Name, there: int, lacking: list[str]) -> Step:
    """A step that is open while nothing is there, and done once nothing lacks."""
    return Step(name, "open" if not there else "part" if lacking else "done", tuple(lacking))


def _without_plan(payers: tuple[Payer, ...]) -> list[str]:
    bare = [each.name for each in payers if not each.plans]
    return bare + [plan for each in payers for plan in each.without_network]


def _sources(sources: tuple[Source, ...]) -> Step:
    """Done once referrals come in from anywhere, and no EHR is read in vain."""
    failing = [each.name for each in sources if each.state in FAILING]
    come = any(each.state in ("good", "sent") for each in sources)
    lacking = failing if come else [each.name for each in sources]
    return _each("sources", len(sources), lacking)
