"""What a provider sends to a request that waits for it: papers and filled forms. Pure.

Clause: Da Vinci CDex 2.1.0, OperationDefinition submit-attachment; Da Vinci PAS 2.2.1, specification.html (ainfo)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from carecoord.domain.resource.codes import FORM_WANTED, PAPER_WANTED, has
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, text
from carecoord.errors import Invalid, Unprocessable

KINDS: Final = ("DocumentReference", "QuestionnaireResponse")


@dataclass(frozen=True, slots=True)
class Piece:
    """One paper or form. code: what it is, as it was asked for, empty where nobody says."""

    content: Json
    code: Json


@dataclass(frozen=True, slots=True)
class Attachments:
    """What was sent. tracking: the value of the number that ties it to its request; member: the patient's number."""

    tracking: str
    member: str
    pieces: tuple[Piece, ...]
    final: bool


def read(parameters: Json) -> Attachments:
    """The Parameters of the operation. Raises Invalid (400), Unprocessable (422)."""
    if parameters.get("resourceType") != "Parameters":
        raise Invalid("$submit-attachment takes Parameters.", "resourceType")
    given = items(parameters, "parameter")
    attach = _value(given, "AttachTo")
    if attach != "preauthorization":
        raise Unprocessable("AttachTo must be preauthorization.", "Parameters.parameter.where(name='AttachTo')")
    tracking, member = _identified(given, "TrackingId"), _identified(given, "MemberId")
    for name, value in (("TrackingId", tracking), ("MemberId", member)):
        if not value:
            raise Unprocessable(f"{name} is missing.", f"Parameters.parameter.where(name='{name}')")
    pieces = tuple(_piece(each) for each in given if each.get("name") == "Attachment")
    if not pieces:
        raise Unprocessable("Nothing is attached.", "Parameters.parameter.where(name='Attachment')")
    return Attachments(tracking, member, pieces, _value(given, "Final") is not False)


def _value(parts: Sequence[Json], name: str) -> Any:
    found = next((each for each in parts if each.get("name") == name), {})
    return next((value for key_, value in found.items() if key_.startswith("value")), None)


def _identified(parts: Sequence[Json], name: str) -> str:
    value = _value(parts, name)
    return text(value, "value") if isinstance(value, dict) else value if isinstance(value, str) else ""


def _piece(attachment: Json) -> Piece:
    parts = items(attachment, "part")
    content = next((item(each, "resource") for each in parts if each.get("name") == "Content"), {})
    if content.get("resourceType") not in KINDS:
        where = "Parameters.parameter.where(name='Attachment').part"
        raise Unprocessable(f"The content of an attachment is one of {KINDS}.", where)
    code = _value(parts, "Code")
    return Piece(content, code if isinstance(code, dict) else {})


def kept(piece: Piece, id: str, claim: Json) -> Json:
    """A paper or form as it stands with its request: about its patient, and nothing that it refers to besides."""
    dropped = ("meta", "text", "context", "author")
    content = {name: value for name, value in piece.content.items() if name not in dropped}
    content |= {"id": id, "subject": item(claim, "patient")}
    if content["resourceType"] == "QuestionnaireResponse":
        return {name: value for name, value in content.items() if name not in ("basedOn", "encounter", "source")}
    content |= {"context": {"related": [{"reference": key(claim)}]}}
    return content | ({"type": piece.code} if piece.code and not item(content, "type") else {})


def settled(task: Json, came: Sequence[tuple[Piece, Json]], claim: str, final: bool, now: datetime) -> Json | None:
    """The Task by which the payer waits for a paper or form with a request (`Claim/id`), once it has come; None where
    it is another's, or still waits. came: what came, each as it is kept; final: nothing more will."""
    waits = has(item(task, "code"), *PAPER_WANTED) or has(item(task, "code"), *FORM_WANTED)
    if not waits or text(task, "status") != "requested" or target(item(task, "reasonReference")) != claim:
        return None
    wanted = [codes(item(each, "valueCodeableConcept")) for each in items(task, "input")]
    fits = [kept for piece, kept in came if any(codes(piece.code) & each for each in wanted)]
    fits = fits or ([kept for _, kept in came] if final else [])
    if not fits:
        return None
    output = [{"type": {"text": "attachment"}, "valueReference": {"reference": key(each)}} for each in fits]
    return task | {"status": "completed", "lastModified": now.isoformat(timespec="seconds"), "output": output}
