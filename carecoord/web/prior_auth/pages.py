"""`/authorizations`: the clinic's list of its requests for authorization, also as a file; `/authorizations/ID`: one of
them."""

from flask import Blueprint
from werkzeug.wrappers import Response

from carecoord.web.page import downloads
from carecoord.web.people import sign_in
from carecoord.web.prior_auth import packet_pages
from carecoord.web.prior_auth.screen import Screen
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The pages, behind the sign-in."""
    pages = Blueprint("authorizations", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen, packets = Screen(world), packet_pages.of_clinic(world)

    @pages.get("/authorizations")
    def listed() -> Response:
        return screen.listed()

    @pages.get("/authorizations.<any(csv, xlsx):form>")
    def file(form: downloads.Form) -> Response:
        return screen.file(form)

    @pages.get("/authorizations/chosen")
    def chosen() -> Response:
        return screen.chosen()

    @pages.get("/authorizations/standing")
    def standing() -> str:
        return screen.standing()

    @pages.get("/authorizations/<id>")
    def one(id: str) -> Response:
        return screen.one(id)

    @pages.get("/authorizations/<id>/evidence")
    def evidence(id: str) -> str:
        return screen.evidence(id)

    @pages.get("/authorizations/<id>/packet")
    def packet(id: str) -> str:
        return packets.page(id)

    @pages.get("/authorizations/<id>/packet/waits")
    def packet_waits(id: str) -> Response:
        return packets.waits(id)

    @pages.get("/authorizations/<id>/packet.pdf")
    def packet_file(id: str) -> Response:
        return packets.file(id)

    return pages
