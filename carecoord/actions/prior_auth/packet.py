"""The packet of a request as one PDF: a cover that says what is asked, then the payer's forms as they were filled in
and the pages of the documents that go with it, all numbered; its payer's also with what it decided, and its letters. A
part goes in whole or not at all; what can not be made into pages is named on the cover.

Who asks says what stands in it, from what they may see; a worker makes the pages, and they alone are given it. It is
made of exactly that: what changes one word or one file of it makes another packet, and the one of before is given to
nobody any more."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid5

import msgspec
from markupsafe import Markup, escape
from pypdf import PdfReader
from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.documents import open, pdf_pages
from carecoord.actions.documents.open import File
from carecoord.actions.prior_auth.letters import sheet
from carecoord.actions.prior_auth.queue import Opened
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.resource.elements import Json, item, items, key, text
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.search.values import refers
from carecoord.store.database import outbox
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.prior_auth import packets
from carecoord.store.resources import read
from carecoord.words.sentence import Sentence, dumps, loads, say, sentence
from carecoord.world import World

JOB: Final = "request-packet"  # in the outbox; its key: the id of the packet
ENDS_JOB: Final = "packet-ends"  # in the outbox; its key: the same
KEPT: Final = timedelta(days=1)
MOST: Final = 60_000_000  # bytes of all pages
STAMP: Final = "<!--stamp-->"  # where the cover says when it was asked for
CONTENTS: Final = "<!--contents-->"  # where it says what stands behind it, and on which pages
_FAILED: Final = sentence("requests.packet.failed-here")
_CHANGED: Final = sentence("requests.packet.changed")
_PACKETS: Final = UUID("c0f5a3de-61f4-5a59-8c8e-4f3c8d1f7b60")

State = packets.State | Literal["none", "stale"]
Side = Literal["clinic", "payer"]  # on whose desk it is looked at: who works on both has two packets of a request


@dataclass(frozen=True)
class Contents:
    """What a packet is made of. root: of the row of its request, `Claim/id`; held: the documents and forms of which
    its parts are."""

    side: Side
    root: str
    patient: str
    held: Sequence[Json]


class Part(msgspec.Struct, frozen=True):
    """What stands behind the cover. source: `DocumentReference/id` or `QuestionnaireResponse/id`; title: what the cover
    calls it; sheet: HTML to be printed, empty of a document, whose files are made into pages."""

    source: str
    title: str
    sheet: str = ""


class Sheets(msgspec.Struct, frozen=True):
    """The words of a packet. cover: HTML with STAMP and CONTENTS in it; language: in which it is written."""

    cover: str
    parts: Sequence[Part]
    language: str


class _Order(msgspec.Struct, frozen=True):
    """What a worker is to make. versions: of each part and of its files, by `Type/id`."""

    sheets: Sheets
    versions: dict[str, int]
    stamp: str = ""


@dataclass(frozen=True)
class Standing:
    """How the packet of a request stands with who asks. state: `stale` is one of before, of which something has changed
    since. asked, made: microseconds; left: documents that could not be made into pages; why: it was not made."""

    state: State
    asked: int = 0
    made: int | None = None
    pages: int = 0
    left: int = 0
    why: str = ""


@dataclass(frozen=True)
class _Pages:
    """A part as pages."""

    n: int
    data: Sequence[bytes]


def of_clinic(found: Dossier) -> Contents:
    """What the clinic's is made of: what its office has of the case."""
    return Contents("clinic", found.row.root, found.row.patient, [*found.papers, *(form for _, form in found.forms)])


def of_payer(found: Opened) -> Contents:
    """What the payer's is made of: what came with the request, as far as it was not taken back, and its own letters."""
    forms = (form for _, form in found.forms)
    came = [*forms, *found.told.documents, *found.letters]
    good = [each for each in came if text(each, "status") != "entered-in-error"]
    return Contents("payer", found.row.root, found.row.patient, list({key(each): each for each in good}.values()))


def standing(world: World, grant: Grant, contents: Contents, sheets: Sheets) -> Standing:
    """How the packet of a request stands that would say this."""
    with reading(world.engine) as conn:
        row = packets.one(conn, _id(grant, contents.side, contents.root), _since(world))
        if row is None:
            return Standing("none")
        if row.digest != _digest(_order(world, conn, contents, sheets)):
            return Standing("none" if row.state == "failed" else "stale", row.asked, row.made)
    why = say(loads(row.why)) if row.why else ""
    return Standing(row.state, row.asked, row.made, row.pages, row.left, why)


def waits(world: World, grant: Grant, side: Side, claim: str) -> bool:
    """Whether the packet of a request, by the id of its first Claim, is still being made for who asks."""
    with reading(world.engine) as conn:
        row = packets.one(conn, _id(grant, side, f"Claim/{claim}"), _since(world))
    return row is not None and row.state == "waiting"


def ask(world: World, grant: Grant, contents: Contents, sheets: Sheets, stamp: str) -> None:
    """Have the packet of a request made that says this, unless that one is there or being made. stamp: when, in
    words."""
    id, now = _id(grant, contents.side, contents.root), world.clock()
    with writing(world.engine) as conn:
        alone(conn, f"packet {id}")
        order = _order(world, conn, contents, sheets, stamp)
        row, digest = packets.one(conn, id, _since(world)), _digest(order)
        if row is not None and row.digest == digest and row.state != "failed":
            return
        packets.ask(conn, id, digest, msgspec.json.encode(order), micros(now))
        outbox.add(conn, JOB, id, b"", now)
        outbox.add(conn, ENDS_JOB, id, b"", now + KEPT)


def file(world: World, grant: Grant, request: str, contents: Contents, sheets: Sheets) -> bytes:
    """The PDF of the packet that says this; empty where it is not made."""
    with reading(world.engine) as conn:
        digest = _digest(_order(world, conn, contents, sheets))
        made = packets.body(conn, _id(grant, contents.side, contents.root), digest, _since(world))
    for type, _, id in (each.source.partition("/") for each in sheets.parts if made):
        about: dict[str, Any] = {"type": type, "resource": id, "patient": contents.patient}
        world.journal.append(event(world.clock(), request, "read", by=grant, **about))
    return made


def make(world: World, id: str) -> None:
    """Make a packet that waits. Raises whatever the printer of its sheets stumbles over."""
    with reading(world.engine) as conn:
        row, order = packets.one(conn, id, _since(world)), packets.sheets(conn, id)
        if row is None or row.state != "waiting":
            return
        wanted = msgspec.json.decode(order, type=_Order)
        files = {each.source: _files(world, conn, each, wanted.versions) for each in wanted.sheets.parts}
    if any(held is None for held in files.values()):
        return _fail(world, id, row.digest, _CHANGED)
    made, size = dict[str, _Pages](), 0
    for part in wanted.sheets.parts:
        pages = _pages(part, files[part.source] or ())
        size += sum(map(len, pages.data)) if pages else 0
        if pages and size <= MOST:
            made[part.source] = pages
    whole, inside = _bound(wanted, made)
    n, left = len(PdfReader(io.BytesIO(whole)).pages), len(wanted.sheets.parts) - len(inside)
    with writing(world.engine) as conn:
        packets.made(conn, id, row.digest, whole, pages=n, left=left, at=micros(world.clock()))


def give_up(world: World, id: str) -> None:
    """Say of a packet that waits that it could not be made."""
    with reading(world.engine) as conn:
        row = packets.one(conn, id, _since(world))
    if row is not None:
        _fail(world, id, row.digest, _FAILED)


def let_go(world: World, id: str) -> None:
    """Let go of a packet whose day is over, unless it was asked for anew meanwhile."""
    with writing(world.engine) as conn:
        packets.remove(conn, id, _since(world))


def _since(world: World) -> int:
    """When the packets were asked for that are of no use any more, and those before them (microseconds)."""
    return micros(world.clock() - KEPT)


def _fail(world: World, id: str, digest: str, why: Sentence) -> None:
    with writing(world.engine) as conn:
        packets.failed(conn, id, digest, dumps(why))


def _id(grant: Grant, side: Side, root: str) -> str:
    return str(uuid5(_PACKETS, f"{root}|{grant.subject}" if side == "clinic" else f"{root}|{side}|{grant.subject}"))


def _order(world: World, conn: Connection, contents: Contents, sheets: Sheets, stamp: str = "") -> _Order:
    held = {key(each): each for each in contents.held}
    names = {name for each in sheets.parts for name in _names(world, held[each.source])}
    return _Order(sheets, {f"{type}/{id}": n for type, id, n in read.versions(conn, names)}, stamp)


def _digest(order: _Order) -> str:
    """By which a packet is known that says the same, of the same versions."""
    said = msgspec.json.encode((order.sheets, order.versions), order="sorted")
    return hashlib.sha256(said).hexdigest()


def _names(world: World, resource: Json) -> Iterator[tuple[str, str]]:
    """A part, and the files of it that are kept by themselves."""
    yield text(resource, "resourceType"), text(resource, "id")
    for each in items(resource, "content"):
        if (url := text(item(each, "attachment"), "url")) and (to := refers(url, world.settings.fhir_url)):
            yield to


def _files(world: World, conn: Connection, part: Part, versions: dict[str, int]) -> list[File] | None:
    """The files of a part; none where one of them is not here. None where it is another version by now."""
    if part.sheet:
        return []
    type, id = part.source.split("/", 1)
    row = read.get(conn, type, id)
    document = json.loads(row.body) if row is not None and not row.deleted else None
    if document is None:
        return None
    if any(versions.get(f"{kind}/{one}") != n for kind, one, n in read.versions(conn, _names(world, document))):
        return None
    try:
        return [open.kept(world, conn, document, n) for n in range(1, len(items(document, "content")) + 1)]
    except NotFound:
        return []


def _pages(part: Part, files: Sequence[File]) -> _Pages | None:
    """A part as pages, whole; None of what can not be made into any."""
    if part.sheet:
        printed = sheet.pdf(part.sheet, numbered=False)
        return _Pages(len(PdfReader(io.BytesIO(printed)).pages), [printed])
    made = [pdf_pages.pages(each) for each in files]
    whole = [each for each in made if each is not None]
    if not files or len(whole) < len(files):
        return None
    return _Pages(sum(n for n, _ in whole), [data for _, data in whole])


def _bound(order: _Order, made: dict[str, _Pages]) -> tuple[bytes, dict[str, _Pages]]:
    """The whole as one PDF, and the parts in it. Where they do not go together after all, the cover goes alone, and
    says so."""
    for inside in (made, {}):
        cover = _cover(order, inside, 2)
        if (n := len(PdfReader(io.BytesIO(cover)).pages)) > 1:
            cover = _cover(order, inside, n + 1)
        whole = pdf_pages.bound([cover, *(data for each in inside.values() for data in each.data)])
        if whole is not None:
            return whole, inside
    return cover, {}


def _cover(order: _Order, inside: dict[str, _Pages], first: int) -> bytes:
    """The cover's sheets, what is not in the file named last. first: the number of the page behind them."""
    tongue, lines, left, n = order.sheets.language, list[Markup](), list[Markup](), first
    for part in order.sheets.parts:
        pages = inside.get(part.source)
        if pages is None:
            where = sentence("requests.packet.left")
        elif pages.n > 1:
            where = sentence("requests.packet.pages", first=n, last=n + pages.n - 1)
        else:
            where = sentence("requests.packet.page", n=n)
        line = Markup("<li>{}: {}</li>").format(part.title, say(where, tongue))
        (lines if pages else left).append(line)
        n += pages.n if pages else 0
    told = order.sheets.cover.replace(CONTENTS, Markup().join((*lines, *left)))
    return sheet.pdf(told.replace(STAMP, escape(order.stamp)), numbered=False)
