"""`/quality`: what of the data wants a person, and the same as a file."""

from flask import Blueprint
from werkzeug.wrappers import Response

from carecoord.actions.quality import quality
from carecoord.web.page import downloads
from carecoord.web.people import sign_in
from carecoord.web.quality import acts
from carecoord.web.quality.screen import Screen, parts
from carecoord.web.server.exchange import request_id
from carecoord.words.sentence import spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The page and its acts, behind the sign-in."""
    both = Blueprint("quality", __name__, template_folder="../templates")
    both.register_blueprint(_pages(world))
    both.register_blueprint(acts.blueprint(world))
    return both


def _pages(world: World) -> Blueprint:
    pages = Blueprint("pages", __name__)
    sign_in.guard(pages, world)
    screen = Screen(world)

    @pages.get("/quality")
    def look() -> Response:
        return screen.shown()

    @pages.get("/quality.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        found = quality.look(world, sign_in.session().grant(), request_id())
        header = [spoken("downloads.list"), spoken("downloads.what"), spoken("downloads.about")]
        rows = ([part.title, line.what, line.about] for part in parts(found) for line in part.lines)
        return downloads.table("quality", header, rows, form, marked=True)

    return pages
