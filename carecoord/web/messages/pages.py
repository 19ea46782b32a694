"""The thread of messages of one referral on a page of its own, for those who have no panel of it:
`/referrals/ID/messages`. Who works on a referral writes where it stands, as every act of theirs (web/acts)."""

from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.messages import messages
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import COMMANDS
from carecoord.web.acts.forms import State
from carecoord.web.messages.view import talk
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The thread, and `POST` a message."""
    pages = Blueprint("messages", __name__)
    sign_in.guard(pages, world)
    desk = _Messages(world)

    @pages.get("/referrals/<id>/messages")
    def show(id: str) -> Response:
        return desk.page(id, None, 200)

    @pages.post("/referrals/<id>/messages")
    def write(id: str) -> Response:
        return desk.write(id)

    return pages


class _Messages:
    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def page(self, id: str, state: State | None, status: int) -> Response:
        """The thread, with the form as it was sent, or filled by the template that was asked for."""
        found = messages.open_thread(self.world, sign_in.session().grant(), request_id(), id)
        back, times = f"/referrals/{quote(id)}", Times(self.world.clock(), self.zone)

        def href(to: str, template: str) -> str:
            return f"{back}/messages?{urlencode({'to': to} | ({'template': template} if template else {}))}"

        shown, form = talk(found, state or State("message"), request.args, times, href=href)
        page = render_template("messages.html", talk=found, shown=shown, state=form, back=back)
        return make_response(page, status)

    def write(self, id: str) -> Response:
        """Send one."""
        sent = submissions.send(self.world, COMMANDS["message"], id, "message", changed)
        if not isinstance(sent, Done):
            return self.page(id, sent.state, sent.status)
        return redirect(f"/referrals/{quote(id)}/messages", 303)
