"""What a payer does with a request, as forms are sent: decided, agreed to by a second person, given back."""

from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.prior_auth import decide, queue
from carecoord.actions.prior_auth.letters import letter as letters
from carecoord.domain.resource.days import local
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.acts.forms import Reader, State, typed
from carecoord.web.authorizations import view
from carecoord.web.authorizations.commands import COMMANDS
from carecoord.web.authorizations.screen import Screen
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`POST /decisions/ID/VERB`."""
    pages = Blueprint("decision_acts", __name__)
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))
    screen = Screen(world)

    @pages.post("/decisions/<id>/hold")
    def hold(id: str) -> Response:
        sign_in.demand_own_request(sign_in.session())
        queue.take(world, sign_in.session().grant(), request_id(), id)
        return Response(status=204)

    @pages.post("/decisions/<id>/leave")
    def leave(id: str) -> Response:
        sign_in.demand_own_request(sign_in.session())
        queue.let_go(world, sign_in.session().grant(), request_id(), id)
        return redirect("/decisions", 303)

    @pages.post("/decisions/<id>/letter")
    def letter(id: str) -> Response:
        sign_in.demand_own_request(sign_in.session())
        values, zone = typed(request.form, {}), ZoneInfo(world.settings.timezone)
        reader = Reader(values, local(world.clock(), zone), zone)
        given = COMMANDS["decide"].read(reader)
        if reader.faults:
            return screen.one(id, State("decide", values, tuple(reader.faults)), 422)
        data = letters.preview(world, sign_in.session().grant(), request_id(), id, given)
        return Response(data, mimetype="application/pdf", headers={"Cache-Control": "no-store"})

    @pages.post("/decisions/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound(spoken("acts.there-no-such-act"))
        sent = submissions.send(world, command, decide.about(id), verb, view.changed)
        if isinstance(sent, Done):
            return redirect(f"/decisions/{quote(id)}?{urlencode({'done': sent.act.id})}", 303)
        return screen.one(id, sent.state, sent.status)

    return pages
