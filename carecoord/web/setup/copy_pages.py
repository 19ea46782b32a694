"""`/setup/copies`, for admins: organizations that are here twice, made one and taken apart."""

from typing import Any, Final

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.setup import copies, stock
from carecoord.domain.resource.elements import Json, items, source, text
from carecoord.domain.resource.parties import name
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World

COPIES: Final = "/setup/copies"


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("copies_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        stock.demand(sign_in.session().grant())

    @pages.get(COPIES)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{COPIES}/one")
    def one() -> Response:
        try:
            made = copies.make_one(world, sign_in.session().user, request_id(), *_named())
        except (errors.Conflict, errors.Stale) as changed:
            return _page(world, 409, problem=changed.text)
        return _page(world, done=spoken("setup.copies.is-one", name=name(made)))

    @pages.post(f"{COPIES}/apart")
    def apart() -> Response:
        try:
            made = copies.take_apart(world, sign_in.session().user, request_id(), *_named())
        except errors.Stale as changed:
            return _page(world, 409, problem=changed.text)
        return _page(world, done=spoken("setup.copies.is-two", name=name(made)))

    return pages


def _named() -> tuple[str, str]:
    return request.form.get("ours", ""), request.form.get("other", "")


def _page(world: World, status: int = 200, **about: Any) -> Response:
    found = copies.look(world, sign_in.session().user, request_id())
    page = render_template(
        "setup_copies.html", alike=[(_told(one), _told(other)) for one, other in found.alike], more=found.more,
        joined=[(_told(one), _told(other) if other else None, to) for one, to, other in found.joined], **about,
    )  # fmt: skip
    return make_response(page, status)


def _told(organization: Json) -> dict[str, str]:
    """An organization as the page shows it."""
    numbers = ", ".join(text(each, "value") for each in items(organization, "identifier") if text(each, "value"))
    city = next((text(each, "city") for each in items(organization, "address")), "")
    whose = source(organization) or spoken("setup.copies.ours")
    return {
        "id": text(organization, "id"), "name": name(organization), "of": whose,
        "numbers": numbers or spoken("setup.copies.no-number"), "city": city,
    }  # fmt: skip
