"""Attaching a document to a case and sending documents to its other side: the resources as they are to be. Pure.

Clauses: FHIR R4 documentreference.html (attachment.hash: SHA-1 in base64; creation: of the document itself),
binary.html (securityContext), communication.html (payload.contentReference)."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from carecoord.domain.documents import audience, kinds
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import DOCUMENTS_SENT
from carecoord.domain.resource.elements import Json, item, items, key, target, text, words

_ENDINGS: Final = {
    "application/pdf": (".pdf",), "image/png": (".png",), "image/jpeg": (".jpg", ".jpeg"),
    "image/tiff": (".tif", ".tiff"), "text/plain": (".txt",),
}  # fmt: skip
_LONGEST: Final = 100  # characters of a file's name


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as somebody attaches it. `type`: what its bytes are; `kind`: of kinds.KINDS; `day`: its own date."""

    name: str
    type: str
    data: bytes
    kind: str
    day: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Offices:
    """Whose hands a document is in, by ids of Organizations: `own`: who attaches it; `sent`: to whom it goes at once;
    `held`: the side of the referral that has it alone, empty where both do."""

    own: str
    sent: tuple[str, ...] = ()
    held: str = ""


def title(name: str, type: str) -> str:
    """The name of a file without what leads elsewhere or can not be read, ending as what it is."""
    last = re.split(r"[/\\]", name)[-1]
    plain = " ".join("".join(each if each.isprintable() else " " for each in last).split()).lstrip(". ")
    endings = _ENDINGS[type.partition(";")[0]]
    stem = plain if not plain.casefold().endswith(endings) else plain[: plain.rfind(".")]
    return (stem[:_LONGEST].strip() or "document") + endings[0]


def attached(
    case: Case, task: Json, id: str, author: Json, paper: Paper, offices: Offices, now: datetime
) -> list[Json]:
    """The file, and the document that points to it, about the order and its Task. `id`: of both."""
    binary, document = kept(id, author, offices.own, paper, now)
    subject = {"subject": {"reference": target(item(case.order, "subject"))}}
    related = [{"reference": key(each)} for each in (case.order, task) if each]
    document |= {**subject, "context": {"related": related}}
    return [binary, audience.listed(document, (offices.own, *offices.sent), offices.held)]


def about(order: Json, id: str, author: Json, paper: Paper, offices: Offices, now: datetime) -> Json:
    """A document whose file is here already, about an order and its patient, for whoever has it in hands."""
    _, document = kept(id, author, offices.own, paper, now)
    subject = {"subject": {"reference": target(item(order, "subject"))}}
    return document | subject | {"context": {"related": [{"reference": key(order)}]}}


def filed(about: str, id: str, author: Json, own: str, paper: Paper, now: datetime) -> list[Json]:
    """The file, and the document that points to it, about a Contract (`about`, its key) and nobody's record. Only the
    office that attached it sees it: the other party's desk may use the same database."""
    binary, document = kept(id, author, own, paper, now)
    return [binary, audience.listed(document | {"context": {"related": [{"reference": about}]}}, (own,))]


def kept(id: str, author: Json, own: str, paper: Paper, now: datetime) -> tuple[Json, Json]:
    """The file as it is kept, and a document that points to it, of which nobody says yet what it is about."""
    binary: Json = {
        "resourceType": "Binary",
        "id": id,
        "contentType": paper.type,
        "securityContext": {"reference": f"DocumentReference/{id}"},
        "data": base64.b64encode(paper.data).decode(),
    }
    digest = hashlib.sha1(paper.data, usedforsecurity=False).digest()
    attachment: Json = {
        "contentType": paper.type,
        "url": f"Binary/{id}",
        "size": len(paper.data),
        "hash": base64.b64encode(digest).decode(),
        "title": title(paper.name, paper.type),
        **({"creation": paper.day.isoformat()} if paper.day else {}),
    }
    document: Json = {
        "resourceType": "DocumentReference",
        "id": id,
        "status": "current",
        "docStatus": "final",
        "type": kinds.concept(paper.kind),
        "date": now.isoformat(timespec="seconds"),
        "author": [author],
        "custodian": {"reference": f"Organization/{own}"},
        **({"description": paper.note} if paper.note else {}),
        "content": [{"attachment": attachment}],
    }
    return binary, document


def message(
    case: Case, id: str, sender: Json, recipient: Json, documents: Sequence[Json], said: str,
    now: datetime,
) -> Json:  # fmt: skip
    """The message with which documents go to the other side. `recipient`: a Reference."""
    payload: list[Json] = [{"contentString": said}] if said else []
    payload += [{"contentReference": reference(each)} for each in documents]
    return {
        "resourceType": "Communication",
        "id": id,
        "status": "completed",
        "category": [{"coding": [{"system": DOCUMENTS_SENT[0], "code": DOCUMENTS_SENT[1]}], "text": "Documents"}],
        "subject": {"reference": target(item(case.order, "subject"))},
        "basedOn": [{"reference": key(case.order)}],
        "about": [{"reference": key(each)} for each in documents],
        "sent": now.isoformat(timespec="seconds"),
        "sender": sender,
        "recipient": [recipient],
        "payload": payload,
    }


def handed(task: Json, documents: Sequence[Json]) -> Json:
    """The Task with documents that it was given besides: COW and BSeR name them among its input."""
    added = [{"type": {"text": called(each)}, "valueReference": reference(each)} for each in documents]
    return task | {"input": [*items(task, "input"), *added]}


def reference(document: Json) -> Json:
    """A Reference to a document, by what it is called."""
    return {"reference": key(document), "display": called(document)}


def called(document: Json) -> str:
    """What kind of document it is."""
    return words(item(document, "type")) or text(document, "description") or "Document"
