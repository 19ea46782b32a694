"""A document that came in and of which nobody has said yet whom it is about: the file, and the Task to index it. Once
somebody has, it is a document of the patient's record, with the order that it asks for. Pure.

Clause: spec/referrals.md 1.11 ("index this document"); FHIR R4 binary.html: a file that no document names, and whose
securityContext is its Task, is nobody's to read by itself."""

import base64
from datetime import datetime

from carecoord.domain.documents import acts, audience
from carecoord.domain.documents.acts import Offices, Paper
from carecoord.domain.resource.codes import INDEX_PAPER
from carecoord.domain.resource.elements import Json, item, items, target, text

KIND = "57133-1"  # what a document is taken for that asks for a referral


def bytes_of(binary: Json) -> bytes:
    """The file itself."""
    return base64.b64decode(text(binary, "data"))


def received(id: str, paper: Paper, office: Json, now: datetime) -> list[Json]:
    """The file, and the Task of the office to say whose it is. The file's name is not kept: it may name somebody."""
    system, code = INDEX_PAPER
    binary: Json = {
        "resourceType": "Binary", "id": id, "contentType": paper.type,
        "securityContext": {"reference": f"Task/{id}"}, "data": base64.b64encode(paper.data).decode(),
    }  # fmt: skip
    task: Json = {
        "resourceType": "Task", "id": id, "status": "requested", "intent": "order",
        "code": {"coding": [{"system": system, "code": code}], "text": "Index this document"},
        "requester": office, "owner": office,
        "authoredOn": now.isoformat(timespec="seconds"), "lastModified": now.isoformat(timespec="seconds"),
        "input": [{"type": {"text": "Document"}, "valueReference": {"reference": f"Binary/{id}"}}],
    }  # fmt: skip
    return [binary, task]


def file_of(task: Json) -> str:
    """The id of the Binary that a Task asks to index; empty of another Task."""
    named = (target(item(each, "valueReference")) for each in items(task, "input"))
    return next((to.removeprefix("Binary/") for to in named if to.startswith("Binary/")), "")


def indexed(task: Json, binary: Json, order: Json, author: Json, own: str, now: datetime) -> list[Json]:
    """The document about the order's patient, and the Task done. `own`: the id of the office, which alone has it."""
    id, type = text(binary, "id"), text(binary, "contentType")
    paper = Paper("document", type, bytes_of(binary), KIND)
    document = acts.about(order, id, author, paper, Offices(own, (), "requester"), now)
    output = {"type": {"text": "Document"}, "valueReference": {"reference": f"DocumentReference/{id}"}}
    done = task | {"status": "completed", "lastModified": now.isoformat(timespec="seconds"), "output": [output]}
    secured = binary | {"securityContext": {"reference": f"DocumentReference/{id}"}}
    return [secured, audience.listed(document, (own,), "requester"), done]
