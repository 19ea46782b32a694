"""The acts on an agreement as forms are sent: `POST /contracts/ID/VERB`. What is done sends back to the page; what can
not be done comes back on it with all that was typed."""

from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.agreements import acts
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.acts.forms import State, typed
from carecoord.web.acts.submissions import Again
from carecoord.web.agreements.acts_view import changed
from carecoord.web.agreements.commands import COMMANDS, Unconfirmed
from carecoord.web.agreements.screen import Screen
from carecoord.web.people import sign_in
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

NETWORKS = sentence("agreements.choose-networks")


def blueprint(world: World) -> Blueprint:
    """`POST /contracts/ID/VERB`."""
    pages = Blueprint("agreement_acts", __name__)
    screen = Screen(world, ZoneInfo(world.settings.timezone))

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))

    @pages.post("/contracts/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound(sentence("acts.there-no-such-act"))
        try:
            sent: Done | Again = submissions.send(world, command, acts.about(id), verb, changed)
        except Unconfirmed:
            notice = say(NETWORKS) if verb == "draft" else ""
            sent = Again(State(verb, typed(request.form, request.files), notice=notice), 200)
        if verb == "draft" and isinstance(sent, Again):
            return screen.new(sign_in.session().grant(), "", sent.state, sent.status)
        if verb == "draft" and isinstance(sent, Done):
            return redirect(f"/contracts/{sent.act.id}?{urlencode({'done': sent.act.id})}", 303)
        if isinstance(sent, Again):
            return screen.one(sign_in.session().grant(), id, sent.state, sent.status)
        return redirect(f"/contracts/{id}?{urlencode({'done': sent.act.id})}", 303)

    return pages
