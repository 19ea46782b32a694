"""`/decisions`: the payer's queue of requests for authorization; `/decisions/ID`: one of them."""

from flask import Blueprint
from werkzeug.wrappers import Response

from carecoord.web.authorizations.screen import Screen
from carecoord.web.page import downloads
from carecoord.web.people import sign_in
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The pages, behind the sign-in."""
    pages = Blueprint("decisions", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = Screen(world)

    @pages.get("/decisions")
    def listed() -> str:
        return screen.queue()

    @pages.get("/decisions.<any(csv, xlsx):form>")
    def file(form: downloads.Form) -> Response:
        return screen.file(form)

    @pages.get("/decisions/<id>")
    def one(id: str) -> Response:
        return screen.one(id)

    return pages
