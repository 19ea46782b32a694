"""A clinician of the provider and one of the payer have talked a decision over: what was said, and whether the payer
will decide anew. It is a Communication to whom asked; what it leads to is another answer, never this note.

Clauses: prior-auth.md 5 (peer to peer); FHIR R4 Communication."""

from datetime import datetime
from typing import Final, Literal, get_args

from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text

Result = Literal["upheld", "overturned"]
RESULTS: Final[tuple[Result, ...]] = get_args(Result)
CODE: Final = (f"{CANONICAL}/CodeSystem/authorization-step", "peer-to-peer")
_RESULT: Final = f"{EXTENSION}/peer-result"


def held(id: str, claim: Json, result: Result, words: str, now: datetime, office: Json) -> Json:
    """The Communication about a talk over a Claim. words: with whom, and what was said; office: of the payer, a
    Reference."""
    at = now.isoformat(timespec="seconds")
    return {
        "resourceType": "Communication",
        "id": id,
        "extension": [{"url": _RESULT, "valueCode": result}],
        "status": "completed",
        "category": [{"coding": [{"system": CODE[0], "code": CODE[1]}]}],
        "medium": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode",
                                "code": "PHONE"}]}],
        "subject": item(claim, "patient"),
        "about": [{"reference": key(claim)}],
        "sent": at,
        "sender": office,
        "recipient": [item(claim, "provider")],
        "payload": [{"contentString": words}],
    }  # fmt: skip


def about(talk: Json, claims: frozenset[str]) -> bool:
    """Whether a Communication is a talk over one of these requests, `Claim/id`."""
    coded = {(text(coding, "system"), text(coding, "code"))
             for each in items(talk, "category") for coding in items(each, "coding")}  # fmt: skip
    return CODE in coded and any(target(each) in claims for each in items(talk, "about"))


def result(talk: Json) -> Result:
    """What came of a talk."""
    said = text(extension(talk, _RESULT), "valueCode")
    return next((each for each in RESULTS if each == said), "upheld")


def words(talk: Json) -> str:
    """What was said."""
    return next((text(each, "contentString") for each in items(talk, "payload")), "")
