"""`/waiting`: what waits for whoever looks, across all that they see; `/waiting/number`: how much of it is due."""

from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Answer

from auth.grant import Grant
from carecoord.actions.inbox import inbox
from carecoord.errors import Forbidden
from carecoord.web.inbox.address import parse
from carecoord.web.inbox.screen import InboxScreen
from carecoord.web.page import downloads
from carecoord.web.people import sign_in
from carecoord.words.catalogue import spoken
from carecoord.world import World

MANY = 99  # a number above it is shown as "99+"


def blueprint(world: World) -> Blueprint:
    """The pages, each behind the sign-in."""
    pages = Blueprint("inbox", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = InboxScreen(world, ZoneInfo(world.settings.timezone))
    pages.add_app_template_filter(inbox.has_duties_of, "has_duties")

    def demanded() -> Grant:
        grant = sign_in.session().grant()
        if not inbox.has_duties_of(grant.roles):
            raise Forbidden(spoken("inbox.nothing-waits-for-somebody-your"), "http.role")
        return grant

    @pages.get("/waiting")
    def listing() -> Answer:
        return screen.inbox(demanded(), parse(request.args.to_dict(flat=False)))

    @pages.get("/waiting.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Answer:
        return screen.file(demanded(), parse(request.args.to_dict(flat=False)), form)

    @pages.get("/waiting/number")
    def number() -> Response:
        """How much is overdue or due today, as the rail shows it: asked once a page, and every half minute."""
        n = inbox.number(world, sign_in.session().grant())
        shown = f"{MANY}+" if n > MANY else str(n or "")
        return Response(shown, content_type="text/plain; charset=utf-8")

    return pages
