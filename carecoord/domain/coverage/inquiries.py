"""Asking a payer whether a card is good on a day: the question as a resource, and on which days before a visit it is
put by itself. Pure.

Clauses: FHIR R4 coverageeligibilityrequest.html (purpose, servicedDate, insurance.focal); prior-auth.md 5 (eligibility
is run again 14 and 3 days before, and on the turn of a month: plans change then)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from carecoord.domain.coverage.gate import Card
from carecoord.domain.resource.elements import Json, item, target, text

BEFORE: Final = (14, 3)  # days before the visit

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
        "purpose": request["purpose"],
        "patient": request["patient"],
        "created": now.isoformat(timespec="seconds"),
        "request": {"reference": f"CoverageEligibilityRequest/{request['id']}"},
        "outcome": "queued",
        "insurer": request["insurer"],
    }


def days(today: date) -> list[tuple[date, date]]:
    """The visits of which the payer is asked by itself today, as spans of days, the end not in them: those of 14 and of
    3 days ahead; on the first of a month all that it has."""
    spans = [(day, day + timedelta(days=1)) for day in (today + timedelta(days=n) for n in BEFORE)]
    if today.day == 1:
        spans.append((today, (today + timedelta(days=31)).replace(day=1)))
    return spans


def was_asked(inquiries: Iterable[Json], day: date, today: date) -> bool:
    """Whether the question about a day was put today already."""
    on = (day.isoformat(), today.isoformat())
    return any((text(each, "servicedDate"), text(each, "created")[:10]) == on for each in inquiries)
