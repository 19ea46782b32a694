"""A payer's own word about a member's card: its answer to a question, and what it states without one. Pure.

Clauses: FHIR R4 coverageeligibilityresponse.html (request 1..1; serviced[x]; insurance.inforce, benefitPeriod,
item.authorizationRequired; disposition); X12 271 EB01 (1 active coverage, 6 inactive), EB11 (authorization needed)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, get_args

from carecoord.domain.coverage.gate import NEGATIVE
from carecoord.domain.coverage.inquiries import purposes
from carecoord.domain.resource.codes import IDENTIFIER
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import Unprocessable
from carecoord.words.sentence import sentence

Standing = Literal["in-force", "not-in-force", "unclear"]
Needed = Literal["yes", "no", "not-said"]
Change = Literal["ended", "in-force"]
STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
NEEDED: Final[tuple[Needed, ...]] = get_args(Needed)
CHANGES: Final[tuple[Change, ...]] = get_args(Change)
UNASKED: Final = f"{IDENTIFIER}/unasked"  # names the question that R4 demands, of a statement that answers none


@dataclass(frozen=True, slots=True)
class Answer:
    """What a payer says of the day that it was asked about. first, last: the days of the coverage, as far as they are
    said; needed: whether the service needs authorization; words: as the clinic reads them."""

    standing: Standing
    first: date | None = None
    last: date | None = None
    needed: Needed = "not-said"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What changes of a card. day: the last day of what ends, the first one of what is in force; last: of that, where
    it is known."""

    change: Change
    day: date
    last: date | None = None
    words: str = ""


def answered(id: str, question: Json, cards: Collection[str], said: Answer, now: datetime) -> Json:
    """The answer to a question, about those of its cards, `Coverage/id`, that are the payer's own. Raises Unprocessable
    where it says one thing by a mark and another in words or by its days, for then it would confirm nothing."""
    _demand_clear(said.standing == "in-force", said.words)
    day = text(question, "servicedDate")[:10]
    if said.standing == "in-force" and day and not _holds(said, day):
        raise Unprocessable(sentence("refusals.coverage-other-days"), "last" if said.last else "first")
    asked = {name: question[name] for name in ("servicedDate", "servicedPeriod") if name in question}
    named = next(iter(items(question, "item")), {})
    line = _line(item(named, "productOrService"), said.needed)
    of = [each for each in (item(one, "coverage") for one in items(question, "insurance")) if target(each) in cards]
    insurance = [
        {"coverage": each, **_standing(said), **({"item": [line]} if line else {})}
        for each in of or [{"reference": card} for card in sorted(cards)]
    ]
    provider = {"requestor": question["provider"]} if item(question, "provider") else {}
    made = _response(id, question, item(question, "insurer"), said.words, now) | asked | provider
    return made | {"request": {"reference": key(question)}, "insurance": insurance}


def stated(id: str, card: Json, insurer: Json, said: Statement, now: datetime) -> Json:
    """What a payer states of a card without having been asked: of all days from the one on which it turns."""
    _demand_clear(said.change == "in-force", said.words)
    if said.last and said.last < said.day:
        raise Unprocessable(sentence("refusals.coverage-ends-first"), "last")
    ends = said.change == "ended"
    first = shifted(said.day, 1) if ends else said.day
    days = {"start": first.isoformat(), **({"end": said.last.isoformat()} if said.last and not ends else {})}
    about = {"coverage": {"reference": key(card)}, "inforce": not ends} | ({} if ends else {"benefitPeriod": days})
    asked = {"purpose": ["validation"], "patient": {"reference": target(item(card, "beneficiary"))}}
    made = _response(id, asked, insurer, said.words, now)
    unasked = {"identifier": {"system": UNASKED, "value": id}}
    return made | {"servicedPeriod": days, "request": unasked, "insurance": [about]}


def _response(id: str, asked: Json, insurer: Json, words: str, now: datetime) -> Json:
    return {
        "resourceType": "CoverageEligibilityResponse",
        "id": id,
        "status": "active",
        "purpose": purposes(asked),
        "patient": item(asked, "patient"),
        "created": now.isoformat(timespec="seconds"),
        "outcome": "complete",
        "insurer": insurer,
        **({"disposition": words} if words else {}),
    }


def _demand_clear(in_force: bool, words: str) -> None:
    if in_force and NEGATIVE.search(words):
        raise Unprocessable(sentence("refusals.coverage-two-words"), "words")


def _holds(said: Answer, day: str) -> bool:
    return (not said.first or said.first.isoformat() <= day) and (not said.last or day <= said.last.isoformat())


def _standing(said: Answer) -> Json:
    if said.standing == "unclear":
        return {}
    days = {name: day.isoformat() for name, day in (("start", said.first), ("end", said.last)) if day}
    return {"inforce": said.standing == "in-force", **({"benefitPeriod": days} if days else {})}


def _line(service: Json, needed: Needed) -> Json:
    if not service or needed == "not-said":
        return {}
    return {"productOrService": service, "authorizationRequired": needed == "yes"}
