"""`/filing`: what came by fax under a cover sheet of ours is dropped here, and files itself by its bar code."""

from urllib.parse import quote, urlencode

from flask import Blueprint, make_response, redirect, render_template
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.guests import cover_sheets
from carecoord.domain.access import verbs
from carecoord.errors import Forbidden
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader, State
from carecoord.web.people import sign_in
from carecoord.words.catalogue import spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The form, and the file that is sent by it."""
    pages = Blueprint("filing", __name__)

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    sign_in.guard(pages, world)

    @pages.before_request
    def demand_role() -> None:
        if not verbs.may(sign_in.session().grant().roles, "link"):
            raise Forbidden(spoken("case.only-coordinators-file-what-came"), "http.act")

    @pages.get("/filing")
    def show() -> Response:
        return _page(world, State("report"), 200)

    @pages.post("/filing")
    def file() -> Response:
        sent = submissions.send(world, Command(_read, cover_sheets.file_it), "", "report", changed)
        if not isinstance(sent, Done):
            return _page(world, sent.state, sent.status)
        return redirect(f"/referrals/{quote(sent.act.case)}?{urlencode({'done': sent.act.id})}", 303)

    return pages


def _read(reader: Reader) -> object:
    file, number = upload(reader), reader.text("number", most=40)
    if file is None and not reader.faults:
        reader.fault("file", spoken("case.choose-file-that-came"))
    return file, number


def _page(world: World, state: State, status: int) -> Response:
    return make_response(render_template("filing.html", state=state, most=world.settings.max_document), status)
