"""`/claims`: the claims of an office for its insurance staff, also as a file; `/claims/files`: what payers sent by X12;
`/authorizations/ID/x12/278` and `270`: what goes out so; `/authorizations/ID/x12/NUMBER`: what was written before."""

from flask import Blueprint
from werkzeug.wrappers import Response

from carecoord.web.claims.screen import Screen
from carecoord.web.page import downloads
from carecoord.web.people import sign_in
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The pages, behind the sign-in."""
    pages = Blueprint("claims", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = Screen(world)

    @pages.get("/claims")
    def listed() -> Response:
        return screen.listed()

    @pages.get("/claims.<any(csv, xlsx):form>")
    def file(form: downloads.Form) -> Response:
        return screen.file(form)

    @pages.get("/claims/files")
    def files() -> Response:
        return screen.files()

    @pages.post("/claims/files")
    def bring() -> Response:
        return screen.bring()

    @pages.get("/claims/files/<id>")
    def one_file(id: str) -> Response:
        return screen.one_file(id)

    @pages.get("/claims/files/<id>/original")
    def original(id: str) -> Response:
        return screen.original(id)

    @pages.get("/claims/<id>")
    def one(id: str) -> Response:
        return screen.one(id)

    @pages.post("/claims/<id>/match")
    def match(id: str) -> Response:
        return screen.match(id)

    @pages.post("/claims/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        return screen.act(id, verb)

    _of_requests(pages, screen)
    return pages


def _of_requests(pages: Blueprint, screen: Screen) -> None:
    @pages.post("/authorizations/<id>/x12/<any('278', '270'):kind>")
    def outgoing(id: str, kind: str) -> Response:
        return screen.outgoing(id, kind)

    @pages.get("/authorizations/<id>/x12/<int:number>")
    def kept(id: str, number: int) -> Response:
        return screen.kept(id, number)
