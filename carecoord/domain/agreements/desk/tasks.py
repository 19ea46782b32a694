"""What is asked of a party about an agreement: the Task that approvals and obligations are kept as.

Clauses: FHIR R4 Task.focus, requester, owner; restriction.period.end: by when it is wanted."""

from datetime import datetime

from carecoord.domain.resource.elements import Json


def requested(
    id: str, contract: str, code: tuple[str, str], words: str, *, office: Json, owner: Json, now: datetime, until: str
) -> Json:
    """The Task about a Contract, `Contract/id`, that an office (a Reference) asks of an owner. code: (system, code);
    until: the day or the instant by which it is wanted, as FHIR writes it."""
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": code[0], "code": code[1]}]},
        "description": words,
        "focus": {"reference": contract},
        "authoredOn": now.isoformat(timespec="seconds"),
        "requester": office,
        "owner": owner,
        "restriction": {"period": {"end": until}},
    }
