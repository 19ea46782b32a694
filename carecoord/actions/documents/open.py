"""Opening what a referral rests on: a file of a document, and any resource in the version that a statement names.

Access and audit are those of a FHIR read: whoever may not read the resource gets nothing of it here either.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.fhir import read as fhir_read
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.search.values import refers
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True)
class File:
    """The bytes of an attachment as they were sent, what they are said to be, and a title."""

    data: bytes
    content_type: str
    title: str


def file(world: World, grant: Grant, id: str, n: int, request: str) -> File:
    """The n-th file (from 1) of a DocumentReference. Raises Forbidden, Gone, and NotFound, also where the file lies on
    another server: we fetch nothing for anybody."""
    with looking(world, grant, request) as turn:
        return opened(turn, id, n)


def opened(turn: Turn, id: str, n: int) -> File:
    """The same in a transaction that shows more than the file."""
    document = json.loads(fhir_read.present(turn, "DocumentReference", id).body)
    return _file(turn.world, document, n, lambda type, id: fhir_read.present(turn, type, id).body)


def of_document(turn: Turn, document: Json, n: int) -> File:
    """The same of a document that the asker was found to see in a case of theirs: its file is as open as it is."""

    return kept(turn.world, turn.conn, document, n)


def kept(world: World, conn: Connection, document: Json, n: int) -> File:
    """The same for later work, which nobody asks for."""

    def held(type: str, id: str) -> bytes:
        row = read.get(conn, type, id)
        if row is None or row.deleted:
            raise NotFound(sentence("refusals.document-has-no-such-file"))
        return row.body

    return _file(world, document, n, held)


def _file(world: World, document: Json, n: int, held: Callable[[str, str], bytes]) -> File:
    files = [item(each, "attachment") for each in items(document, "content")]
    if not 0 < n <= len(files):
        raise NotFound(sentence("refusals.document-has-no-such-file"))
    attachment = files[n - 1]
    title = text(attachment, "title") or "document"
    if not attachment.get("data") and (url := text(attachment, "url")):
        to = refers(url, world.settings.fhir_url)
        if to is None or to[0] != "Binary":
            raise NotFound(sentence("refusals.file-not-kept-here-but", url=url[:200]))
        binary = json.loads(held(*to))
        return File(_bytes(binary), text(binary, "contentType") or text(attachment, "contentType"), title)
    return File(_bytes(attachment), text(attachment, "contentType"), title)


def resource(world: World, grant: Grant, type: str, id: str, version: str, request: str) -> Row:
    """A resource, in that version or, without one, as it is now. Raises Forbidden, NotFound, Gone."""
    with looking(world, grant, request) as turn:
        return fhir_read.past(turn, type, id, version) if version else fhir_read.present(turn, type, id)


def _bytes(holder: Json) -> bytes:
    try:
        data = base64.b64decode("".join(text(holder, "data").split()), validate=True)
    except binascii.Error as e:
        raise NotFound(sentence("refusals.file-can-not-be-read")) from e
    if not data:
        raise NotFound(sentence("refusals.file-empty-ask-for-it"))
    return data
