"""A new referral on one page: `/referrals/new`."""

from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.referrals import patients
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.referrals import patient_view
from carecoord.web.server.exchange import request_id
from carecoord.world import World

_LONGEST = 200  # characters of what is looked for


def blueprint(world: World) -> Blueprint:
    """`/referrals/new`, and of it the patients who are found while somebody types."""
    pages = Blueprint("referral_new", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    def found(typed: str) -> patient_view.Cards:
        told = patients.find(world, sign_in.session().grant(), typed, request_id())
        return patient_view.cards(told, Times(world.clock(), zone))

    @pages.get("/referrals/new")
    def new() -> str:
        patients.demand(sign_in.session().grant())
        typed = request.args.get("q", "")[:_LONGEST]
        return render_template("referral_new.html", rail="New referral", typed=typed, found=found(typed))

    @pages.get("/referrals/new/patients")
    def hits() -> Response:
        typed = request.args.get("q", "")[:_LONGEST]
        return Response(render_template("referral_patients.html", typed=typed, found=found(typed)))

    return pages
