"""The pages of an agreement's papers: read by later work when a file comes, each page's words kept for whoever looks
for them. Who may find a document by its words is who may read it."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from carecoord.actions.documents import open, sheets
from carecoord.domain.agreements.clauses import contracts
from carecoord.domain.agreements.overview import words
from carecoord.domain.documents import audience
from carecoord.domain.resource.elements import Json, item, items, target, targets, text
from carecoord.errors import NotFound
from carecoord.store.agreements import papers, register
from carecoord.store.database import marks, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read as resources
from carecoord.store.resources.write import Touched
from carecoord.world import World

JOB: Final = "paper"  # key: the id of the DocumentReference
_MARK: Final = "papers of agreements"
_FORM: Final = b"1"  # of what is kept of them
_CONTRACT: Final = b'"Contract/'
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """Keep true which documents are about agreements and who may find them, and see to it that a new file is read."""
    last = {each.id: each for each in touched if each.type == "DocumentReference"}
    for id, each in last.items():
        if _CONTRACT in each.before or _CONTRACT in each.after:
            _note(conn, id, each.after, now)


def renew(world: World) -> None:
    """Note what was there before papers were read."""
    with marks.anew(world.engine, _MARK, _FORM) as conn:
        if conn is None:
            return
        for bodies in register.present(conn, ("DocumentReference",)):
            for _, body in bodies:
                if _CONTRACT in body:
                    _note(conn, str(_decode(body)["id"]), body, world.clock())


def _note(conn: Connection, id: str, body: bytes, now: datetime) -> None:
    document = _decode(body) if body else {}
    readers = list(_readers(document))
    if not readers:
        papers.remove(conn, id)
    elif papers.put(conn, id, _file(document), readers):
        outbox.add(conn, JOB, id, b"", now)


def read(world: World, id: str) -> None:
    """Read the pages of a document's first file. What can not be read counts as read, without a page: the page of the
    agreement says so."""
    with reading(world.engine) as conn:
        row = resources.get(conn, "DocumentReference", id)
        known = papers.papers(conn, [id]).get(id)
        if row is None or row.deleted or known is None:
            return
        try:
            found = sheets.pages(open.kept(world, conn, _decode(row.body), 1))
        except NotFound:
            found = []
    kept = [(page.replace("\0", ""), " ".join(words(page))) for page in found]
    with writing(world.engine) as conn:
        papers.fill(conn, id, known.file, kept)


def _readers(document: Json) -> Iterator[tuple[str, str]]:
    """(id of the Contract, id of the Organization whose contract staff see it): those who wrote it or keep it and are
    not left out of who sees it; nobody of what is about a patient (`roles.PARTY_TO`, `audience.ways`)."""
    if item(document, "subject") or text(document, "status") == "entered-in-error":
        return
    keys = dict.fromkeys([*targets(document, "author"), target(item(document, "custodian"))])
    offices = [id for kind, _, id in (key.partition("/") for key in keys) if kind == "Organization"]
    for contract in contracts(document):
        for office in offices:
            if audience.is_seen(document, [office]):
                yield contract.partition("/")[2], office


def _file(document: Json) -> str:
    """What tells one first file from another."""
    held = next((item(each, "attachment") for each in items(document, "content")), {})
    said = (text(held, name) for name in ("url", "hash", "contentType", "data"))
    return hashlib.blake2b("\n".join(said).encode(errors="surrogatepass"), digest_size=16).hexdigest()

