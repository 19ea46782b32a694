"""`POST /worklist/views`: keep the view that one looks at; `POST /worklist/views/ID/remove`: let it go."""

from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.worklist import saved_views
from carecoord.actions.worklist import worklist as cases
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import queues
from carecoord.web.worklist.address import Address, parse
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The two forms; each leads back to the list on which it stood."""
    pages = Blueprint("saved_views", __name__)
    sign_in.guard(pages, world)

    @pages.post("/worklist/views")
    def save() -> Response:
        sign_in.demand_own_request(sign_in.session())
        form, grant, address = request.form, sign_in.session().grant(), _address()
        name, shared = " ".join(form.get("name", "").split()), form.get("shared", "")
        saved_views.save(world, grant, request_id(), name, urlsplit(address.href()).query, shared)
        return redirect(address.href(), 303)

    @pages.post("/worklist/views/<id>/remove")
    def remove(id: str) -> Response:
        sign_in.demand_own_request(sign_in.session())
        saved_views.remove(world, sign_in.session().grant(), request_id(), id)
        return redirect(_address().href(), 303)

    return pages


def _address() -> Address:
    """The list on which the form stood, from its first row and without a panel."""
    query = parse_qs(urlsplit(sign_in.safe_next(request.form.get("back"))).query)
    return parse(query, queues.home(cases.whole(sign_in.session().grant()))).show(None).start()
