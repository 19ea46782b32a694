"""`/decisions/letters`: the letters of a payer that wait to be sent, put together in batches to print, each marked once
it is in the post."""

from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth.letters import batches
from carecoord.errors import Conflict
from carecoord.web.acts.forms import State
from carecoord.web.authorizations import letter_view as view
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World

PATH: Final = "/decisions/letters"


def blueprint(world: World) -> Blueprint:
    """The page, its files and what its forms do."""
    pages = Blueprint("decision_letters", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get(PATH)
    def show() -> Response:
        return _page(world, zone)

    @pages.post(f"{PATH}/batch")
    def make() -> Response:
        channel, once = request.form.get("channel", ""), request.form.get("once", "")[:60]
        try:
            id = batches.make(world, sign_in.session().grant(), request_id(), once, channel)
        except Conflict as refused:
            return _page(world, zone, refused.text, 409)
        return redirect(f"{PATH}#batch-{quote(id)}", 303)

    @pages.get(f"{PATH}/<id>.pdf")
    def file(id: str) -> Response:
        data = batches.sheets(world, sign_in.session().grant(), request_id(), id)
        named = {"Content-Disposition": 'inline; filename="letters.pdf"', "Cache-Control": "no-store"}
        return Response(data, mimetype="application/pdf", headers=named)

    @pages.post(f"{PATH}/<id>/sent")
    def sent(id: str) -> Response:
        batches.mark_sent(world, sign_in.session().grant(), request_id(), id)
        return redirect(f"{PATH}#batch-{quote(id)}", 303)

    return pages


def _page(world: World, zone: ZoneInfo, trouble: str = "", status: int = 200) -> Response:
    found = batches.post(world, sign_in.session().grant(), request_id())
    times = Times(found.now, zone)
    ways = [(way, view.CHANNELS[way], [view.waiting(each, times) for each in found.waiting if each.channel == way])
            for way in batches.ON_PAPER]  # fmt: skip
    page = render_template(
        "decision_letters.html", ways=ways, batches=[view.batch(each, times) for each in found.batches],
        trouble=trouble, once=State("").id,
    )  # fmt: skip
    return make_response(page, status)
