"""A payer's questions about its members' cards, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.actions.coverage.questions import Desk
from carecoord.domain.access.payer_question import PayerCard, PayerQuestion
from carecoord.fhir.instants import micros
from carecoord.web.page.times import Clock, Times, stored_day
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STANDINGS: Final[Mapping[str, str]] = Glossary({
    "in-force": sentence("cards.standing.in-force"),
    "not-in-force": sentence("cards.standing.not-in-force"),
    "unclear": sentence("cards.standing.unclear"),
})  # fmt: skip
NEEDED: Final[Mapping[str, str]] = Glossary({
    "yes": sentence("cards.needed.yes"),
    "no": sentence("cards.needed.no"),
    "not-said": sentence("cards.needed.not-said"),
})  # fmt: skip
CHANGES: Final[Mapping[str, str]] = Glossary({
    "ended": sentence("cards.change.ended"),
    "in-force": sentence("cards.change.in-force"),
})  # fmt: skip


@dataclass(frozen=True)
class CardLine:
    """A member's card. about: birth date, number and plan."""

    id: str
    name: str
    about: str
    ends: str


@dataclass(frozen=True)
class QuestionLine:
    """A question. day: which it is about; came: when it was answered, empty while it waits."""

    id: str
    card: CardLine
    day: str
    service: str
    provider: str
    asked: str
    clock: Clock | None
    came: str


@dataclass(frozen=True)
class Sheet:
    """The page of all: what waits, how many beyond, what was answered last."""

    waiting: list[QuestionLine]
    more: int
    answered: list[QuestionLine]


def sheet(found: Desk, times: Times) -> Sheet:
    """All of a payer's."""
    waiting = [question(each, times) for each in found.waiting]
    answered = [question(each, times) for each in found.answered]
    return Sheet(waiting, max(0, found.total - len(waiting)), answered)


def question(found: PayerQuestion, times: Times) -> QuestionLine:
    """One of them."""
    waits = found.answered is None
    clock = times.clock(micros(found.due), micros(found.asked), times.midnight(0)) if waits else None
    service = " · ".join(filter(None, (found.service, found.code)))
    return QuestionLine(
        found.id, card(found.card, times), _day(found.day, times), service, found.provider,
        times.exact(micros(found.asked)), clock, times.exact(micros(found.answered)) if found.answered else "",
    )  # fmt: skip


def card(found: PayerCard, times: Times) -> CardLine:
    """A card."""
    about = " · ".join(filter(None, (times.born(found.birth_date), found.member_id, found.plan_name)))
    ends = _day(found.ends, times)
    return CardLine(found.id, found.patient_name, about, spoken("cards.ends", day=ends) if ends else "")


def _day(said: str, times: Times) -> str:
    read = stored_day(said)
    return times.date(read) if read else said
