"""The pages of links for those without an account, all under /guest/TOKEN. A page that is asked for without having come
in asks for the code and says and changes nothing, for mail scanners follow every address."""

from flask import Blueprint
from werkzeug.wrappers import Response

from carecoord.actions.guests import entry
from carecoord.actions.guests.entry import Guest
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.guests import shell
from carecoord.web.guests.clinic_pages import Clinic
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`/guest/TOKEN`: the page; `/code` and `/new` under it: the way in; each form by its verb."""
    pages = Blueprint("guest", __name__)

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    shell.install(pages, world)
    clinic = Clinic(world)

    def inside(token: str) -> Guest:
        who = shell.guest(world, token)
        if who is None:
            raise NotFound("Come in by the link first.", "http.link")
        return who

    @pages.get("/guest/<token>")
    def show(token: str) -> Response:
        who = shell.guest(world, token)
        if who is None:
            link = entry.at(world, token)
            return shell.ask(world, 200, link.audience, link.language)
        return clinic.page(who, token)

    @pages.get("/guest/<token>/papers/<id>/<int:n>")
    def paper(token: str, id: str, n: int) -> Response:
        return clinic.paper(inside(token), id, n)

    @pages.get("/guest/<token>/done/<act>")
    def done(token: str, act: str) -> Response:
        return clinic.receipt(inside(token), token, act)

    @pages.post("/guest/<token>/<verb>")
    def act(token: str, verb: str) -> Response:
        return clinic.act(inside(token), token, verb)

    return pages
