"""`/measures`: what an office's referrals come to, charts or table; the same numbers as CSV and XLSX."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response

from carecoord.actions.measures import board, drill
from carecoord.actions.measures.board import Board
from carecoord.domain.access import verbs
from carecoord.domain.measures.definitions import MEASURES
from carecoord.domain.measures.names import MEASURES as NAMES
from carecoord.domain.measures.names import UNITS
from carecoord.web.measures import view
from carecoord.web.measures.address import PATH, Address, parse
from carecoord.web.page import downloads
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.sentence import Value, say, sentence
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The page and its two files."""
    pages = Blueprint("measures", __name__)
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get(PATH)
    def show() -> Response:
        return _page(world, zone, parse(request.args.to_dict(flat=False)))

    @pages.get(f"{PATH}.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        address = parse(request.args.to_dict(flat=False))
        found = _board(world, address)
        months = [view.month_of(first) for first, _ in next(iter(found.measures.values())).months]
        header: list[Value] = [
            sentence("measures.column.measure"), sentence("measures.column.now"), sentence("measures.column.numerator"),
            sentence("measures.column.denominator"), sentence("measures.column.goal"), *months,
            sentence("measures.column.how"), sentence("measures.column.excluded"), sentence("measures.column.version"),
        ]  # fmt: skip
        return downloads.table("measures", [say(each) for each in header], _rows(found), form)

    return pages


def _board(world: World, address: Address) -> Board:
    grant, asked = sign_in.session().grant(), board.asked(world, address.span, address.choices)
    return board.board(world, grant, asked, request_id())


def _page(world: World, zone: ZoneInfo, address: Address) -> Response:
    grant = sign_in.session().grant()
    found = _board(world, address)
    inside = drill.drill(world, grant, MEASURES[address.shown], found.asked, request_id()) if address.shown else None
    shown = {
        "page": view.page(found, inside, address, zone), "address": address,
        "as_of": Times(found.now, zone).stamp(), "supervises": verbs.may(grant.roles, "supervise"),
    }  # fmt: skip
    if request.headers.get("HX-Request-Type") == "partial":
        return make_response(render_block("measures.html", "desk", **shown))
    return make_response(render_template("measures.html", **shown))


def _rows(found: Board) -> Iterator[list[str]]:
    for name, one in found.measures.items():
        label, how, excluded = NAMES[name]
        what, figure = one.definition, one.figure
        values = [figure.value, *(each.value for _, each in one.months)]
        now, *months = ["" if value is None else str(value) for value in values]
        goal = "" if what.goal is None else str(what.goal)
        yield [
            f"{say(label)} ({say(UNITS[what.unit])})", now, str(figure.hits), str(figure.n), goal, *months, say(how),
            say(excluded), str(what.version),
        ]  # fmt: skip
