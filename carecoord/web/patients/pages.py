"""Patients at the desk: `/patients`, who is found by what is known of them, and `/patients/ID`, the page of one."""

from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.referrals import patients
from carecoord.web.page.times import Times
from carecoord.web.patients.screen import Screen
from carecoord.web.people import sign_in
from carecoord.web.referrals import patient_view
from carecoord.web.server.exchange import request_id
from carecoord.world import World

_LONGEST: Final = 200


def blueprint(world: World) -> Blueprint:
    """The pages, behind the sign-in."""
    pages = Blueprint("patients", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/patients")
    def search() -> str:
        said, grant = request.args.get("q", "")[:_LONGEST].strip(), sign_in.session().grant()
        patients.demand(grant)
        found = patients.find(world, grant, said, request_id()) if said else None
        shown = patient_view.cards(found, Times(world.clock(), zone)) if found else None
        return render_template("patients.html", rail="Patients", said=said, found=shown)

    @pages.get("/patients/<id>")
    def one(id: str) -> Response:
        return Screen(world, zone).one(sign_in.session().grant(), id)

    return pages
