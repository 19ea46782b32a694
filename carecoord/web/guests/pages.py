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
from carecoord.web.guests.patient_pages import Patient
from carecoord.words.sentence import sentence
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`/guest/TOKEN`: the page; `/code` and `/new` under it: the way in; each form by its verb."""
    pages = Blueprint("guest", __name__)

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    shell.install(pages, world)
    clinic, patient = Clinic(world), Patient(world)

    def inside(token: str) -> Guest:
        who = shell.guest(world, token)
        if who is None:
            raise NotFound(sentence("refusals.link.outside"), "http.link")
        return who

    @pages.get("/guest/<token>")
    def show(token: str) -> Response:
        who = shell.guest(world, token)
        if who is None:
            link = entry.at(world, token)
            return shell.ask(world, 200, link.audience, link.language)
        return clinic.page(who, token) if who.link.audience == "clinic" else patient.page(who, token)

    @pages.get("/guest/<token>/papers/<id>/<int:n>")
    def paper(token: str, id: str, n: int) -> Response:
        return clinic.paper(_clinics(inside(token)), id, n)

    @pages.get("/guest/<token>/done/<act>")
    def done(token: str, act: str) -> Response:
        return clinic.receipt(_clinics(inside(token)), token, act)

    @pages.get("/guest/<token>/forms/<task>")
    def form(token: str, task: str) -> Response:
        return patient.form(_patients(inside(token)), token, task)

    @pages.post("/guest/<token>/forms/<task>")
    def send_form(token: str, task: str) -> Response:
        return patient.send_form(_patients(inside(token)), token, task)

    @pages.post("/guest/<token>/<verb>")
    def act(token: str, verb: str) -> Response:
        who = inside(token)
        return clinic.act(who, token, verb) if who.link.audience == "clinic" else patient.act(who, token, verb)

    return pages


def _patients(who: Guest) -> Guest:
    """A patient's own link: a form is theirs to fill in, and nobody else's. Raises NotFound for any other."""
    if who.link.audience != "patient":
        raise NotFound(sentence("refusals.link.no-page"), "http.link")
    return who


def _clinics(who: Guest) -> Guest:
    """A clinic's guest: what only a clinic is shown, no patient's link leads to. Raises NotFound for a patient."""
    if who.link.audience != "clinic":
        raise NotFound(sentence("refusals.link.no-page"), "http.link")
    return who
