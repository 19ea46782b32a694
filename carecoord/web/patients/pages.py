"""Patients at the desk: `/patients`, who is found by what is known of them; `/patients/ID`, the page of one; and
`POST /patients/ID/VERB`, what is done with their care plan and said with them about their cases."""

from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.patients import page as patient_page
from carecoord.actions.referrals import patients
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.page import calendars, downloads
from carecoord.web.page.times import Times
from carecoord.web.patients import files
from carecoord.web.patients.screen import Screen
from carecoord.web.patients.submissions import COMMANDS, send
from carecoord.web.people import sign_in
from carecoord.web.referrals import patient_view
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import queues
from carecoord.words.sentence import sentence
from carecoord.world import World

_LONGEST: Final = 200


def blueprint(world: World) -> Blueprint:
    """The pages, behind the sign-in."""
    rooms = Blueprint("patients", __name__, template_folder="../templates")
    rooms.register_blueprint(_pages(world))
    rooms.register_blueprint(_acts(world))
    return rooms


def _pages(world: World) -> Blueprint:
    pages = Blueprint("pages", __name__)
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/patients")
    def search() -> str:
        said, grant = request.args.get("q", "")[:_LONGEST].strip(), sign_in.session().grant()
        patients.demand(grant)
        found = patients.find(world, grant, said, request_id()) if said else None
        shown = patient_view.cards(found, Times(world.clock(), zone)) if found else None
        return render_template("patients.html", rail="Patients", said=said, found=shown)

    @pages.get("/patients.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        said, grant = request.args.get("q", "")[:_LONGEST].strip(), sign_in.session().grant()
        found = patients.find(world, grant, said, request_id())
        shown = patient_view.cards(found, Times(world.clock(), zone))
        return downloads.table("patients", files.header(), files.rows(shown), form, marked=True)

    @pages.get("/patients/<id>/calendar.ics")
    def dates(id: str) -> Response:
        found = patient_page.opened(world, sign_in.session().grant(), id, queues.counts(True), request_id())
        entries = list(files.entries(found, Times(found.now, zone)))
        if not entries:
            raise NotFound(sentence("refusals.calendar.nothing"), "http.id")
        return calendars.file("visits", entries, world.settings.url, found.now)

    @pages.get("/patients/<id>")
    def one(id: str) -> Response:
        return Screen(world, zone).one(sign_in.session().grant(), id)

    return pages


def _acts(world: World) -> Blueprint:
    pages = Blueprint("acts", __name__)
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))
    screen = Screen(world, ZoneInfo(world.settings.timezone))

    @pages.post("/patients/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        sent = send(world, sign_in.session().grant(), id, verb)
        if not isinstance(sent, Done):
            return screen.one(sign_in.session().grant(), id, sent.state, sent.status)
        return redirect(f"/patients/{id}?{urlencode({'done': sent.act.id})}", 303)

    return pages
