"""The contract desk: `/contracts`, the register with its tabs and its search, as a page and as a file."""

from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as Answer

from auth.grant import Grant
from carecoord.actions.agreements import desk
from carecoord.actions.agreements.desk import Line
from carecoord.actions.ehrs import sync_health
from carecoord.domain.access import verbs
from carecoord.errors import NotFound
from carecoord.store.agreements.roll import BUCKETS, TABS
from carecoord.web.agreements import register_view as view
from carecoord.web.agreements.screen import Screen
from carecoord.web.agreements.term_axis import shared
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import notices
from carecoord.words.csv_lines import csv_line
from carecoord.world import World

HEADINGS: Final = (
    "Agreement number", "Title", "Kind", "Parties", "State", "Version", "Starts", "Ends", "Notice by", "Not to exceed",
)  # fmt: skip
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def blueprint(world: World) -> Blueprint:
    """`/contracts` and `/contracts.csv`, `/contracts.xlsx`: the list that is shown, whole."""
    pages = Blueprint("agreements", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = Screen(world, ZoneInfo(world.settings.timezone))

    @pages.get("/contracts")
    def contracts() -> str:
        return register(world, sign_in.session().grant())

    @pages.get("/contracts.<form>")
    def download(form: str) -> Answer:
        if form not in ("csv", "xlsx"):
            raise NotFound("The register comes as .csv and as .xlsx.")
        address = view.address(request.args)
        _, found = desk.every(world, sign_in.session().grant(), request_id(), address.asked)
        rows, named = _rows(found), {"Content-Disposition": f'attachment; filename="contracts.{form}"'}
        if form == "xlsx":
            from carecoord.actions.imports import workbooks  # openpyxl is dear to load

            return Response(workbooks.written("Contracts", HEADINGS, rows), content_type=_XLSX, headers=named)
        lines = ["\ufeff", csv_line(HEADINGS), *map(csv_line, rows)]
        return Response("".join(lines), content_type="text/csv; charset=utf-8", headers=named)

    @pages.get("/contracts/new")
    def new() -> Answer:
        return screen.new(sign_in.session().grant(), request.args.get("kind", ""))

    @pages.get("/contracts/<id>")
    def one(id: str) -> Answer:
        return screen.one(sign_in.session().grant(), id)

    return pages


def register(world: World, grant: Grant) -> str:
    """The page of the register. For somebody whose organization nobody has said, a word of whom to ask."""
    zone = ZoneInfo(world.settings.timezone)
    times = Times(world.clock(), zone)
    sync = notices.sync(sync_health.now(world), times, inside=not verbs.may(grant.roles, "see-as-payer"))
    if not grant.organization and verbs.may(grant.roles, "see-agreements"):
        return render_template("agreements.html", rail="Contracts", belongs=False, sync=sync)
    address = view.address(request.args)
    found = desk.listed(world, grant, request_id(), address.asked)
    last = found.lines[-1].row if found.lines else None
    total = found.counts[address.asked.bucket or address.asked.tab]
    return render_template(
        "agreements.html", rail="Contracts", belongs=True, sync=sync, address=address, rows=view.lines(found, times),
        tabs=[(name, view.LABELS[name], view.counted(found.counts[name])) for name in TABS],
        figures=[(name, view.FIGURES[name], view.counted(found.counts[name])) for name in BUCKETS],
        kinds=view.KINDS, about=view.ABOUT.get(address.asked.tab, ""),
        following=address.href(after=(last.due, last.n)) if found.more and last else "", nowhere=found.nowhere,
        one=total == 1, total=view.counted(total),
        files=address.href().removeprefix("/contracts"), axis=shared(found.day),
    )  # fmt: skip


def _rows(found: Sequence[Line]) -> Iterator[list[str]]:
    """The lines of a file: days as ISO, each the last one."""
    for each in found:
        row = each.row
        yield [
            row.number, row.title, row.kind, "; ".join(view.signatories(each.parties)), row.state,
            row.version, view.iso(row.starts), view.iso(row.ends - 1), view.iso(row.notice_by), row.amount,
        ]  # fmt: skip
