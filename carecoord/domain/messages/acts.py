"""Messages about one referral, each a Communication: between the office that refers, the clinic, the payer, the patient
and those whom the patient lets know. Pure.

Clause: FHIR R4 communication.html: basedOn the order, inResponseTo the message that it answers, `received` when its
recipient read it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import MESSAGES
from carecoord.domain.resource.elements import Json, item, key, target

Kind = Literal["message", "link", "link-locked", "link-wanted", "messages-stopped"]
CALLED: Final[dict[Kind, str]] = {
    "message": "Message",
    "link": "Link",
    "link-locked": "Link locked",
    "link-wanted": "New link wanted",
    "messages-stopped": "Messages stopped",
}


def message(
    case: Case, id: str, sender: Json, recipients: Sequence[Json], words: str, now: datetime, kind: Kind = "message"
) -> Json:
    """A message as it is to be. `recipients`: References."""
    return {
        "resourceType": "Communication",
        "id": id,
        "status": "completed",
        "category": [{"coding": [{"system": MESSAGES, "code": kind}], "text": CALLED[kind]}],
        "subject": {"reference": target(item(case.order, "subject"))},
        "basedOn": [{"reference": key(case.order)}],
        "sent": now.isoformat(timespec="seconds"),
        "sender": sender,
        "recipient": list(recipients),
        "payload": [{"contentString": words}],
    }


def office(judged: Clearance) -> list[Json]:
    """The office that refers, as a recipient; nobody where it is not known."""
    placer = judged.facts.referral.placer
    return [{"reference": placer.reference, "display": placer.name}] if placer else []
