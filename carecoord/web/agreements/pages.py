"""The contract desk: `/contracts`, the register with its tabs and its search, as a page and as a file."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from sqlalchemy import Row
from werkzeug.wrappers import Response as Answer

from auth.grant import Grant
from carecoord.actions.agreements import desk, dossier
from carecoord.actions.agreements.desk import Line
from carecoord.actions.ehrs import sync_health
from carecoord.actions.imports import exporter
from carecoord.domain.access import verbs
from carecoord.errors import NotFound
from carecoord.store.agreements.roll import BUCKETS, TABS
from carecoord.web.agreements import register_view as view
from carecoord.web.agreements.screen import Screen
from carecoord.web.agreements.term_axis import shared
from carecoord.web.page import calendars, downloads
from carecoord.web.page.calendars import Entry
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import notices
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import sentence
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`/contracts` and `/contracts.csv`, `/contracts.xlsx`: the list that is shown, whole."""
    pages = Blueprint("agreements", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = Screen(world, ZoneInfo(world.settings.timezone))

    @pages.get("/contracts")
    def contracts() -> str:
        return register(world, sign_in.session().grant())

    @pages.get("/contracts.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Answer:
        address = view.address(request.args)
        _, found = desk.every(world, sign_in.session().grant(), request_id(), address.asked)
        return downloads.table("contracts", _headings(), _rows(found), form, marked=True)

    @pages.get("/contracts/new")
    def new() -> Answer:
        return screen.new(sign_in.session().grant(), request.args.get("kind", ""))

    @pages.get("/contracts/<id>")
    def one(id: str) -> Answer:
        return screen.one(sign_in.session().grant(), id)

    @pages.get("/contracts/<id>/redline.docx")
    def redline(id: str) -> Answer:
        return screen.redlined(sign_in.session().grant(), id)

    @pages.get("/contracts/<id>/calendar.ics")
    def dates(id: str) -> Answer:
        found = dossier.dossier(world, sign_in.session().grant(), request_id(), id)
        zone = ZoneInfo(world.settings.timezone)
        entries = list(_dates(found.row, id, zone))
        if not entries:
            raise NotFound(sentence("refusals.agreement.no-end"), "http.id")
        return calendars.file(found.row.number, entries, world.settings.url, found.now)

    @pages.get("/contracts/<id>/rates.<any(csv, xlsx):form>")
    def rates(id: str, form: downloads.Form) -> Answer:
        number, data = exporter.rates_of(world, sign_in.session().grant(), request_id(), id, form)
        return downloads.whole(f"{number}-rates", data, form)

    return pages


def _dates(row: Row[Any], id: str, zone: ZoneInfo) -> Iterator[Entry]:
    """The last day of an agreement, and the last one on which notice can be given."""
    href = f"/contracts/{quote(id)}"
    for name, what, day in (
        ("ends", sentence("calendar.ends", number=row.number), view.iso(row.ends - 1)),
        ("notice", sentence("calendar.notice", number=row.number), view.iso(row.notice_by)),
    ):
        if day:
            yield Entry(f"{row.contract}-{name}", what, date.fromisoformat(day), zone, href=href)


def register(world: World, grant: Grant) -> str:
    """The page of the register. For somebody whose organization nobody has said, a word of whom to ask."""
    zone = ZoneInfo(world.settings.timezone)
    times = Times(world.clock(), zone)
    sync = notices.sync(sync_health.now(world), times, inside=not verbs.may(grant.roles, "see-as-payer"))
    if not grant.organization and verbs.may(grant.roles, "see-agreements"):
        return render_template("agreements.html", rail=spoken("agreements.contracts"), belongs=False, sync=sync)
    address = view.address(request.args)
    found = desk.listed(world, grant, request_id(), address.asked)
    last = found.lines[-1].row if found.lines else None
    total = found.counts[address.asked.bucket or address.asked.tab]
    return render_template(
        "agreements.html",
        rail=spoken("agreements.contracts"),
        belongs=True,
        sync=sync,
        address=address,
        rows=view.lines(found, times),
        tabs=[(name, view.LABELS[name], view.counted(found.counts[name])) for name in TABS],
        figures=[(name, view.FIGURES[name], view.counted(found.counts[name])) for name in BUCKETS],
        kinds=view.KINDS,
        about=view.ABOUT.get(address.asked.tab, ""),
        following=address.href(after=(last.due, last.n)) if found.more and last else "",
        nowhere=found.nowhere,
        one=total == 1,
        total=view.counted(total),
        files=address.href().removeprefix("/contracts"),
        axis=shared(found.day),
    )


def _rows(found: Sequence[Line]) -> Iterator[list[str]]:
    """The lines of a file: days as ISO, each the last one."""
    for each in found:
        row = each.row
        yield [
            row.number, row.title, row.kind, "; ".join(view.signatories(each.parties)), row.state,
            row.version, view.iso(row.starts), view.iso(row.ends - 1), view.iso(row.notice_by), row.amount,
        ]  # fmt: skip


def _headings() -> list[str]:
    """Of the register as a file."""
    return [
        spoken("agreements.agreement-number"),
        spoken("agreements.title"),
        spoken("agreements.kind"),
        spoken("agreements.parties"),
        spoken("agreements.state"),
        spoken("agreements.version"),
        spoken("agreements.starts"),
        spoken("agreements.ends"),
        spoken("agreements.notice-by"),
        spoken("agreements.limit-heading"),
    ]
