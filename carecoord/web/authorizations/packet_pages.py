"""`/decisions/ID/packet`: a request as its payer holds it, on paper: what came with it, what was answered, the letters.
What its own people only propose, ask each other or have not sent yet stands on none of it."""

from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth import packet, queue
from carecoord.actions.prior_auth.packet import Contents, Part, Sheets
from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.resource.elements import item, items, key, text
from carecoord.domain.resource.parties import party
from carecoord.web.authorizations import view
from carecoord.web.authorizations.view import Page
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth.packet_pages import Packets, Said
from carecoord.web.prior_auth.packet_view import Head, form_part, named
from carecoord.web.server.exchange import request_id
from carecoord.words.reader import reads
from carecoord.world import World

_NOBODY: Final = ("", "")  # the sheets say nothing of who proposes or decides


def blueprint(world: World) -> Blueprint:
    """The page, its file, and the form that has that made."""
    pages = Blueprint("decision_packets", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)
    packets = Packets(world, "payer", "/decisions", "decision_packet.html", lambda id: _said(world, zone, id))

    @pages.get("/decisions/<id>/packet")
    def show(id: str) -> str:
        return packets.page(id)

    @pages.post("/decisions/<id>/packet")
    def ask(id: str) -> Response:
        return packets.ask(id)

    @pages.get("/decisions/<id>/packet/waits")
    def waits(id: str) -> Response:
        return packets.waits(id)

    @pages.get("/decisions/<id>/packet.pdf")
    def file(id: str) -> Response:
        return packets.file(id)

    return pages


def _said(world: World, zone: ZoneInfo, id: str) -> Said:
    found = queue.one(world, sign_in.session().grant(), request_id(), id)
    times = Times(found.now, zone)
    page = view.page(found, None, _NOBODY, _NOBODY, "", times)
    contents = packet.of_payer(found)
    insurer = party(item(found.claim, "insurer"), found.told.known)
    numbers = [text(each, "value") for each in items(found.claim, "identifier")][:1]
    head = Head(
        insurer.name if insurer else page.head.row.plan_name or "",
        " · ".join(dict.fromkeys(filter(None, (*numbers, page.head.row.number)))),
        page.head.row.patient_name, page.born, page.head.row.member_id or "",
    )  # fmt: skip
    parts = _parts(found, page, contents, head, times)
    told = {"head": head, "page": page, "parts": parts, "course": view.course(found)}
    return Said(contents, Sheets(render_template("decision_packet_sheet.html", **told), parts, reads()), told, times)


def _parts(found: Opened, page: Page, contents: Contents, head: Head, times: Times) -> list[Part]:
    """The forms, the documents and the letters, each once and as the page calls them."""
    held = {key(each) for each in contents.held}
    parts = [form_part(head, title, form, times) for title, form in found.forms]
    parts += [Part(key(each), named(name, day))
              for each, (name, day, _) in zip(found.told.documents, page.papers, strict=True)]  # fmt: skip
    parts += [Part(key(each), named(name, at))
              for each, (name, at, *_) in zip(found.letters, page.letters, strict=True)]  # fmt: skip
    return list({each.source: each for each in parts if each.source in held}.values())
