"""`POST /conflicts/N`: one click settles what an EHR and we have changed differently, and tells the other side.
`POST /referrals/ID/ask-ehr`: the EHR is asked for all that has changed now, `ask-patient`: for this patient alone."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.ehrs import upkeep
from carecoord.actions.ehrs.settle import settle
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The buttons of the panel and of the EHRs' page; each leads back to where it stands."""
    pages = Blueprint("conflicts", __name__)
    sign_in.guard(pages, world)

    @pages.post("/conflicts/<int:n>")
    def choose(n: int) -> Response:
        case, choice = request.form.get("case", ""), request.form.get("choice", "")
        settle(world, sign_in.session().grant(), request_id(), case, n, choice)
        return redirect("/ehrs" if request.form.get("back") == "/ehrs" else f"/referrals/{case}", 303)

    @pages.post("/referrals/<id>/ask-ehr")
    def ask(id: str) -> Response:
        upkeep.ask(world, sign_in.session().grant(), request_id(), id)
        return redirect(f"/referrals/{id}", 303)

    @pages.post("/referrals/<id>/ask-patient")
    def ask_patient(id: str) -> Response:
        upkeep.ask_patient(world, sign_in.session().grant(), request_id(), id)
        return redirect(f"/referrals/{id}", 303)

    return pages
