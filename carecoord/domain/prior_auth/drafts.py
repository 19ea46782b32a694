"""A request for authorization begun for an order, for whoever submits it: a draft Claim of what the order says. Pure.

Clause: FHIR R4 claim.html (use preauthorization), Da Vinci PAS (requestedService on the line)."""

from datetime import datetime
from typing import Final

from carecoord.domain.coverage.gate import Card
from carecoord.domain.resource.codes import HL7, IDENTIFIER, PAS
from carecoord.domain.resource.elements import Json, item, key, target, text

_FAST: Final = frozenset({"stat", "asap"})  # priorities of orders whose request is expedited


def begun(id: str, order: Json, card: Card, office: Json, performer: Json, now: datetime) -> Json:
    """The Claim: for the patient, under the card, of the order's service for the days that it wants. office: who asks,
    performer: who is to do it, as References."""
    about = {"reference": key(order)}
    period = item(order, "occurrencePeriod")
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
        "provider": office,
        "priority": {"coding": [{"system": f"{HL7}/processpriority", "code": _priority(order)}]},
        "referral": about,
        "careTeam": [{"sequence": 1, "provider": performer}],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": card.key}}],
        "item": [{
            "extension": [{"url": f"{PAS}/extension-requestedService", "valueReference": about}],
            "sequence": 1,
            "careTeamSequence": [1],
            "productOrService": item(order, "code"),
            **({"servicedPeriod": period} if period else {}),
            "quantity": {"value": 1},
        }],
    }  # fmt: skip


def _insurer(card: Card) -> Json:
    payer = card.payer
    if payer is None:
        return {}
    return {"reference": payer.reference, **({"display": payer.name} if payer.name else {})} if payer.reference else {
        "display": payer.name
    }


def _priority(order: Json) -> str:
    return "stat" if text(order, "priority") in _FAST else "normal"
