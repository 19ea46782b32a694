"""The candidates of a new referral as cards: when, on what terms, how far, in which language, how they did before, and
why each stands where it does."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from carecoord.actions.referrals.finder import Finder
from carecoord.domain.referrals.candidates import KILOMETRES_OF_A_MILE, Candidate, Order, behind, merits, shut_by
from carecoord.fhir.instants import micros
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say

BY: Final[dict[Order, str]] = {
    "cleared": "Cleared first",
    "nearest": "Nearest",
    "quickest": "Quickest",
    "language": "Language",
}
_ASKED: Final = {
    "missing": "Authorization needed",
    "not-required": "No authorization needed",
    "unknown": "Authorization unknown",
}
_NETWORK: Final = {
    "blocked": Chip("Out of network", "red", icon="ban"),
    "pending": Chip("Not yet in network", "amber", icon="hourglass"),
    "open": Chip("Unknown", "grey", icon="circle-question-mark"),
    "unknown": Chip("Network unknown", "grey", icon="circle-question-mark"),
}


@dataclass(frozen=True)
class Card:
    """A clinic to choose. `slot`: its first free one that is known, `slot_label` what it is; `late`: it lies behind the
    window. `facts`: (value, what it is)."""

    id: str
    n: int
    name: str
    place: str
    slot: str
    slot_label: str
    late: bool
    network: Chip
    agreement: str
    authorization: Chip
    facts: Sequence[tuple[str, str]]
    why: Sequence[str] = field(default_factory=tuple)
    behind: str = ""


@dataclass(frozen=True)
class Shut:
    """A clinic that is not offered, and the one thing why."""

    id: str
    name: str
    why: str


@dataclass(frozen=True)
class Offers:
    """The finder. `told`: what to do where nobody is offered."""

    ready: bool
    by: Order
    far: bool
    another: str
    chosen: str
    cards: Sequence[Card]
    shut: Sequence[Shut]
    told: str
    answers: str  # how soon the chosen clinic says a word


def offers(found: Finder, by: Order, far: bool, another: str, chosen: str, times: Times) -> Offers:
    """The finder as it is shown. chosen: `Organization/id`, or nothing: it stays chosen if it is still there."""
    first = found.offered[0] if found.offered else None
    cards = [_card(each, n, first, by, found, times) for n, each in enumerate(found.offered, 1)]
    shut = [Shut(each.party.reference, each.party.name, say(shut_by(each))) for each in found.shut]
    mine = next((each for each in (*found.offered, *found.shut) if chosen and chosen in each.party.keys), None)
    return Offers(
        found.ready, by, far, another, mine.party.reference if mine else "", cards, shut, _told(found, far),
        _answers(mine) if mine else "",
    )  # fmt: skip


def _card(each: Candidate, n: int, first: Candidate | None, by: Order, found: Finder, times: Times) -> Card:
    rest = [other for other in found.offered if other is not each]
    why = [say(one) for one in merits(each, rest, found.window)] if n == 1 else []
    last = say(behind(each, first, by, found.window)) if first and n > 1 else ""
    place = each.site.name if each.site and each.site.name != each.party.name else ""
    weekday = f"{each.slot.astimezone(times.zone):%a} " if each.slot else ""
    slot = f"{weekday}{times.exact(micros(each.slot))}" if each.slot else "No free slot known"
    label = "first cleared slot" if each.cleared else "first free slot" if each.slot else "ask them"
    network, agreement = _network(each, times)
    return Card(
        each.party.reference, n, each.party.name, place, slot, label, each.late(found.window), network, agreement,
        _authorization(each), _facts(each), why, last,
    )  # fmt: skip


def _network(each: Candidate, times: Times) -> tuple[Chip, str]:
    """Whether in network, under which agreement and until when."""
    gate, told = each.judged.gate("agreement"), each.judged.participation
    if gate.unmet:
        return _NETWORK.get(gate.state, _NETWORK["unknown"]), say(gate.reason)
    if gate.state == "not-needed":
        return Chip("No network needed", "quiet", icon="circle-dashed"), say(gate.reason)
    number = f"{told.number}, " if told.number else ""
    if told.until is None:
        return Chip("In network", "green", icon="check"), f"{number}no end in sight"
    last = times.date(told.until.fromordinal(told.until.toordinal() - 1))
    soon = each.judged.facts.policy.expires(told.until) <= times.now
    if soon:
        return Chip(f"To {last} only", "amber", icon="triangle-alert"), told.number
    return Chip("In network", "green", icon="check"), f"{number}to {last}"


def _authorization(each: Candidate) -> Chip:
    """Whether the payer wants to be asked first."""
    chip = labels.chip(labels.AUTHORIZATION, each.judged.ruling.chip)
    return replace(chip, called=_ASKED.get(each.judged.ruling.chip, f"Authorization: {chip.label.lower()}"))


def _facts(each: Candidate) -> list[tuple[str, str]]:
    record = each.record
    miles = None if each.kilometres is None else each.kilometres / KILOMETRES_OF_A_MILE
    away = "Not known" if miles is None else f"{miles:.1f} mi" if miles < 100 else f"{miles:.0f} mi"
    spoken = "Yes" if each.speaks else "Not known"
    accepted = "None yet" if record.acceptance is None else f"{record.acceptance}%"
    wait = "None yet" if record.wait_days is None else f"{record.wait_days:.0f} d"
    return [
        (away, "distance" if miles is None else "away"), (spoken, "their language"),
        (accepted, f"accepted, n = {record.answered}"), (wait, f"median to visit, n = {record.seen}"),
    ]  # fmt: skip


def _answers(each: Candidate) -> str:
    days, n = each.record.answer_days, each.record.answered
    if days is None:
        return f"Nothing is known yet of how soon {each.party.name} answers."
    return f"{each.party.name} answers in {days:.0f} d, median of {n}."


def _told(found: Finder, far: bool) -> str:
    if not found.ready or found.offered:
        return ""
    return "Nobody in network for this is known." if far else "Nobody in network within 30 miles."
