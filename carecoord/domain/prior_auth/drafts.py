"""A request for authorization begun for an order, for whoever submits it: a draft Claim of what the order says, to who
pays for the days that are wanted. Pure.

Clause: FHIR R4 claim.html (use preauthorization), Da Vinci PAS (requestedService on the line)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from carecoord.domain.coverage.gate import Card
from carecoord.domain.referrals.case import orders
from carecoord.domain.resource.codes import HL7, IDENTIFIER, PAS
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, text

_FAST: Final = frozenset({"stat", "asap"})  # priorities of orders whose request is expedited


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom a request is about and between: the card, who asks, who is to do it (References; None: nobody is named), and
    the day of the visit, None where none is booked; how much is asked for, empty for one."""

    card: Card
    office: Json
    performer: Json | None
    day: date | None = None
    quantity: Json = field(default_factory=dict)


def as_before(order: Json, claims: Iterable[Json]) -> Json:
    """How much was asked for last of an order's service, a Quantity; empty where it was never asked for but in error.
    claims: the requests of the patient."""
    wanted = codes(item(order, "code"))
    meant = (each for each in claims if key(order) in orders(each) and text(each, "status") != "entered-in-error")
    latest = sorted(meant, key=lambda each: text(each, "created"))
    lines = [line for each in reversed(latest) for line in items(each, "item")]
    return next((found for line in lines if codes(item(line, "productOrService")) & wanted
                 and (found := item(line, "quantity"))), {})  # fmt: skip


def begun(id: str, order: Json, who: Parties, now: datetime) -> Json:
    """The Claim: for the patient, under the card, of the order's service for the days that it wants and the card
    holds, the visit's among them."""
    about, card, performer = {"reference": key(order)}, who.card, who.performer
    period = _days(item(order, "occurrencePeriod"), who)
    return {
        "resourceType": "Claim",
        "id": id,
        "identifier": [{"system": f"{IDENTIFIER}/authorization", "value": f"Q-{id.replace('-', '')[:8].upper()}"}],
        "status": "draft",
        "type": {"coding": [{"system": f"{HL7}/claim-type", "code": "professional"}]},
        "use": "preauthorization",
        "patient": {"reference": target(item(order, "subject"))},
        "created": now.isoformat(timespec="seconds"),
        **({"insurer": _insurer(card)} if card.payer else {}),
        "provider": who.office,
        "priority": {"coding": [{"system": f"{HL7}/processpriority", "code": _priority(order)}]},
        "referral": about,
        **({"careTeam": [{"sequence": 1, "provider": performer}]} if performer else {}),
        "insurance": insured(card),
        "item": [{
            "extension": [{"url": f"{PAS}/extension-requestedService", "valueReference": about}],
            "sequence": 1,
            **({"careTeamSequence": [1]} if performer else {}),
            "productOrService": item(order, "code"),
            **({"servicedPeriod": period} if period else {}),
            "quantity": who.quantity or {"value": 1},
        }],
    }  # fmt: skip


def _days(period: Json, who: Parties) -> Json:
    """The days that are asked for, as a Period; empty where nothing says which."""
    day = who.day.isoformat() if who.day else ""
    start, end = text(period, "start") or day, text(period, "end") or day
    first = who.card.days.start.isoformat() if who.card.days.start else ""
    start, end = max(start, first) if start else "", max(end, day) if end else ""
    return {name: each for name, each in (("start", start), ("end", end)) if each}


def insured(card: Card) -> list[Json]:
    """The card as the one insurance of a request."""
    return [{"sequence": 1, "focal": True, "coverage": {"reference": card.key}}]


def anew(draft: Json, card: Card | None, performer: Json | None) -> Json:
    """What is different in a draft like an old request: who pays, where a payer is known, and who is to do each line
    of it."""
    cards = {target(item(each, "coverage")) for each in items(draft, "insurance")}
    team = {target(item(each, "provider")) for each in items(draft, "careTeam")}
    named = target(performer) if performer else ""
    found: Json = {}
    if card and card.payer and card.key not in cards:
        found |= {"insurer": _insurer(card), "insurance": insured(card)}
    if named and named not in team:
        lines = [each | {"careTeamSequence": [1]} for each in items(draft, "item")]
        found |= {"careTeam": [{"sequence": 1, "provider": performer}], "item": lines}
    return found


def _insurer(card: Card) -> Json:
    payer = card.payer
    if payer is None:
        return {}
    return {"reference": payer.reference, **({"display": payer.name} if payer.name else {})} if payer.reference else {
        "display": payer.name
    }


def _priority(order: Json) -> str:
    return "stat" if text(order, "priority") in _FAST else "normal"
