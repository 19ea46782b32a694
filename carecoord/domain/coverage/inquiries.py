"""Asking a payer whether a card is good on a day: the question as a resource, and on which days before a visit it is
put by itself. Pure.

Clauses: FHIR R4 coverageeligibilityrequest.html (purpose, servicedDate, insurance.focal); prior-auth.md 5 (eligibility
is run again 14 and 3 days before, and on the turn of a month: plans change then)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from carecoord.domain.coverage.gate import Card
from carecoord.domain.resource.days import local, moment
from carecoord.domain.resource.elements import Json, item, items, key, target, text

BEFORE: Final = (14, 3)  # days before the visit
_PURPOSE: Final = ("validation",)  # of a question that does not say what it is for: whether the card is good


def asked(id: str, order: Json, card: Card, office: Json, day: date, now: datetime) -> Json:
    """The question whether a card is good on a day for the service of an order. office: who asks, a Reference."""
    payer = card.payer
    named = {"display": payer.name} if payer and payer.name else {}
    insurer = {"reference": payer.reference, **named} if payer and payer.reference else named
    return {
        "resourceType": "CoverageEligibilityRequest",
        "id": id,
        "status": "active",
        "purpose": ["validation", "benefits", "auth-requirements"],
        "patient": {"reference": target(item(order, "subject"))},
        "servicedDate": day.isoformat(),
        "created": now.isoformat(timespec="seconds"),
        "provider": office,
        "insurer": insurer,
        "insurance": [{"focal": True, "coverage": {"reference": card.key}}],
        **({"item": [{"productOrService": item(order, "code")}]} if item(order, "code") else {}),
    }


def queued(id: str, request: Json, now: datetime) -> Json:
    """What is answered at once: the payer was asked, and has not said anything yet."""
    return {
        "resourceType": "CoverageEligibilityResponse",
        "id": id,
        "status": "active",
        "purpose": purposes(request),
        "patient": item(request, "patient"),
        "created": now.isoformat(timespec="seconds"),
        "request": {"reference": f"CoverageEligibilityRequest/{request['id']}"},
        "outcome": "queued",
        "insurer": item(request, "insurer"),
    }


def purposes(question: Json) -> list[str]:
    """What a question is for, which its answer repeats."""
    said = question.get("purpose")
    return [each for each in said if isinstance(each, str)] if isinstance(said, list) and said else list(_PURPOSE)


def cards(question: Json, own: Sequence[Json]) -> list[Json]:
    """The cards that a question is about; own: of the patient, with the payer that is asked. Where it names none, the
    only one is meant."""
    named = [target(item(each, "coverage")) for each in items(question, "insurance")]
    if not any(named):
        return list(own) if len(own) == 1 else []
    held = {key(each): each for each in own}
    return [held[each] for each in named if each in held]


def days(today: date) -> list[tuple[date, date]]:
    """The visits of which the payer is asked by itself today, as spans of days, the end not in them: those of 14 and of
    3 days ahead; on the first of a month all that it has."""
    spans = [(day, day + timedelta(days=1)) for day in (today + timedelta(days=n) for n in BEFORE)]
    if today.day == 1:
        spans.append((today, (today + timedelta(days=31)).replace(day=1)))
    return spans


def was_asked(inquiries: Iterable[Json], day: date, today: date, zone: tzinfo) -> bool:
    """Whether the question about a day was put today already, by the office's clock."""
    mine = (moment(text(each, "created"), zone) for each in inquiries if text(each, "servicedDate") == day.isoformat())
    return any(at is not None and local(at, zone) == today for at in mine)
