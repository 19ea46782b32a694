"""A question about a member's card as the payer that is asked sees it: whom and which day it is about, and who asks. It
discloses nothing else: no referral, no visit, no number of the clinic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.domain.coverage.same_coverage import member_number
from carecoord.domain.resource.codes import HL7, has
from carecoord.domain.resource.elements import Json, item, items, text, words
from carecoord.domain.resource.patient import birth_date, name


@dataclass(frozen=True, slots=True)
class PayerCard:
    """A member's card with this payer. id: of the Coverage; ends: its last day, as it is stored."""

    id: str
    patient_name: str
    birth_date: str
    gender: str
    member_id: str
    plan_name: str
    ends: str


@dataclass(frozen=True, slots=True)
class PayerQuestion:
    """A question. id: of the CoverageEligibilityRequest; day: that it is about, as it is stored; due: when an answer is
    due; answered: when it came."""

    id: str
    card: PayerCard
    day: str
    service: str
    code: str
    provider: str
    asked: datetime
    due: datetime
    answered: datetime | None


def payer_card(card: Json, person: Json) -> PayerCard:
    """What a payer sees of a card, and of whose it is."""
    classes = items(card, "class")
    plan = next((each for each in classes if has(item(each, "type"), f"{HL7}/coverage-class", "plan")), {})
    return PayerCard(
        str(card["id"]), name(person), birth_date(person), text(person, "gender"), member_number(card),
        text(plan, "name") or text(plan, "value"), text(item(card, "period"), "end"),
    )  # fmt: skip


def payer_question(
    question: Json, card: PayerCard, provider: str, times: Sequence[datetime], answered: datetime | None
) -> PayerQuestion:
    """What of a question its payer sees. times: when it was asked, and when an answer is due."""
    service = item(next(iter(items(question, "item")), {}), "productOrService")
    code = next((text(each, "code") for each in items(service, "coding")), "")
    day = text(question, "servicedDate") or text(item(question, "servicedPeriod"), "start")
    return PayerQuestion(str(question["id"]), card, day, words(service), code, provider, times[0], times[1], answered)
