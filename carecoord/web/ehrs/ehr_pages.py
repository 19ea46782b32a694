"""`/ehrs`, for admins: how fresh what we hold of each EHR is, what it was told, what is in dispute; pausing, reading
on, telling it once more."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.ehrs import upkeep
from carecoord.domain.access import verbs
from carecoord.fhir.instants import micros
from carecoord.web.ehrs.ehr_view import block
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World

EHRS: Final = "/ehrs"


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("ehrs_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-ehrs"):
            raise errors.Forbidden(spoken("ehrs.ehrs-looked-after-by-admins"))

    @pages.get(EHRS)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{EHRS}/pause")
    def pause() -> Response:
        name = request.form.get("ehr", "")
        upkeep.pause(world, name, request_id(), sign_in.session().user)
        return _page(world, done=spoken("ehrs.paused-what-was-read-stays", name=name))

    @pages.post(f"{EHRS}/resume")
    def resume() -> Response:
        name = request.form.get("ehr", "")
        upkeep.resume(world, name, request_id(), sign_in.session().user)
        return _page(world, done=spoken("ehrs.read-within-second-while-worker", name=name))

    @pages.post(f"{EHRS}/retry")
    def retry() -> Response:
        name, type, id = (request.form.get(field, "") for field in ("ehr", "type", "id"))
        only = (type, id) if type or id else None
        count = upkeep.retry(world, name, only, request_id(), sign_in.session().user)
        return _page(world, done=spoken("ehrs.told-once-more", name=name, count=count))

    return pages


def _page(world: World, **about: Any) -> Response:
    now, found = upkeep.look(world, sign_in.session().grant(), request_id())
    times = Times(now, ZoneInfo(world.settings.timezone))
    blocks = [block(each, times) for each in found]
    still = sum(each.health.state != "good" for each in found)
    page = render_template("ehrs.html", ehrs=blocks, still=still, as_of=times.exact(micros(now)), **about)
    return make_response(page)
