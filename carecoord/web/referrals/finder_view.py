"""The candidates of a new referral as cards: when, on what terms, how far, in which language, how they did before, and
why each stands where it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from carecoord.actions.referrals.finder import Finder
from carecoord.domain.referrals.candidates import KILOMETRES_OF_A_MILE, Candidate, Order, behind, merits, shut_by
from carecoord.domain.scheduling import holds
from carecoord.fhir.instants import micros
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

BY: Final[Mapping[Order, str]] = Glossary(
    {
        "cleared": sentence("case.by.cleared"),
        "nearest": sentence("case.by.nearest"),
        "quickest": sentence("case.by.quickest"),
        "language": sentence("case.by.language"),
    }
)
_ASKED: Final[Mapping[str, str]] = Glossary(
    {
        "missing": sentence("case.asked.missing"),
        "not-required": sentence("case.asked.not-required"),
        "unknown": sentence("case.asked.unknown"),
    }
)
_NETWORK: Final = {
    "blocked": Chip(sentence("case.network.blocked"), "red", icon="ban"),
    "pending": Chip(sentence("case.network.pending"), "amber", icon="hourglass"),
    "open": Chip(sentence("case.network.open"), "grey", icon="circle-question-mark"),
    "unknown": Chip(sentence("case.network.unknown"), "grey", icon="circle-question-mark"),
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
class Holding:
    """A free time of the chosen clinic that can be held while it is asked. `value`: as the form sends it."""

    value: str
    label: str


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
    holding: Holding | None  # None where nobody is chosen, or no free time of theirs is known


def offers(found: Finder, by: Order, far: bool, another: str, chosen: str, times: Times) -> Offers:
    """The finder as it is shown. chosen: `Organization/id`, or nothing: it stays chosen if it is still there."""
    first = found.offered[0] if found.offered else None
    cards = [_card(each, n, first, by, found, times) for n, each in enumerate(found.offered, 1)]
    shut = [Shut(each.party.reference, each.party.name, say(shut_by(each))) for each in found.shut]
    mine = next((each for each in (*found.offered, *found.shut) if chosen and chosen in each.party.keys), None)
    return Offers(
        found.ready, by, far, another, mine.party.reference if mine else "", cards, shut, _told(found, far),
        _answers(mine) if mine else "", _holding(mine, times) if mine else None,
    )  # fmt: skip


def _card(each: Candidate, n: int, first: Candidate | None, by: Order, found: Finder, times: Times) -> Card:
    rest = [other for other in found.offered if other is not each]
    why = [say(one) for one in merits(each, rest, found.window)] if n == 1 else []
    last = say(behind(each, first, by, found.window)) if first and n > 1 else ""
    place = each.site.name if each.site and each.site.name != each.party.name else ""
    slot = times.weekday_exact(micros(each.slot)) if each.slot else spoken("case.no-free-slot-known")
    label = (
        spoken("case.first-cleared-slot")
        if each.cleared
        else spoken("case.first-free-slot")
        if each.slot
        else spoken("case.ask-them")
    )
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
        return Chip(spoken("case.no-network-needed"), "quiet", icon="circle-dashed"), say(gate.reason)
    number = f"{told.number}, " if told.number else ""
    if told.until is None:
        return Chip(spoken("case.in-network"), "green", icon="check"), number + spoken("case.no-end")
    until = times.date(told.until.fromordinal(told.until.toordinal() - 1))
    payer = each.judged.card.insurer if each.judged.card else None
    soon = each.judged.facts.policy.expires(told.until, payer) <= times.now
    if soon:
        return Chip(spoken("case.only", until=until), "amber", icon="triangle-alert"), told.number
    return Chip(spoken("case.in-network"), "green", icon="check"), number + spoken("case.to", until=until)


def _authorization(each: Candidate) -> Chip:
    """Whether the payer wants to be asked first."""
    chip = labels.chip(labels.AUTHORIZATION, each.judged.ruling.chip)
    return replace(chip, called=_ASKED.get(each.judged.ruling.chip, _authorization_is(chip.label.lower())))


def _authorization_is(state: str) -> str:
    return spoken("case.authorization.2", state=state)


def _facts(each: Candidate) -> list[tuple[str, str]]:
    record = each.record
    miles = None if each.kilometres is None else each.kilometres / KILOMETRES_OF_A_MILE
    away = spoken("case.not-known.2") if miles is None else f"{miles:.1f} mi" if miles < 100 else f"{miles:.0f} mi"
    language = spoken("case.yes") if each.speaks else spoken("case.not-known.2")
    accepted = spoken("case.none-yet") if record.acceptance is None else f"{record.acceptance}%"
    wait = spoken("case.none-yet") if record.wait_days is None else f"{record.wait_days:.0f} d"
    return [
        (away, spoken("case.distance") if miles is None else spoken("case.away")),
        (language, spoken("case.their-language")),
        (accepted, spoken("case.accepted-n", answered=record.answered)),
        (wait, spoken("case.median-visit-n", seen=record.seen)),
    ]


def _holding(each: Candidate, times: Times) -> Holding | None:
    """Its first free time, to be held until it answers."""
    if each.slot is None:
        return None
    until = holds.end(each.judged.facts.policy, times.now, each.slot)
    when, last = times.weekday_exact(micros(each.slot)), times.weekday_exact(micros(until))
    label = spoken("case.hold-until-answer", when=when, name=each.party.name)
    if until < each.slot:
        label = spoken("case.hold-until-answer.at-most", when=when, name=each.party.name, until=last)
    return Holding(f"{each.party.reference} {each.slot.isoformat()}", label)


def _answers(each: Candidate) -> str:
    days, n = each.record.answer_days, each.record.answered
    if days is None:
        return spoken("case.nothing-known-yet-how-soon", name=each.party.name)
    days = round(days)
    return spoken("case.answers-in-d-median", name=each.party.name, days=days, n=n)


def _told(found: Finder, far: bool) -> str:
    if not found.ready or found.offered:
        return ""
    return spoken("case.nobody-in-network-for-this") if far else spoken("case.nobody-in-network-within-30")
