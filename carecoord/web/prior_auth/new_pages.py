"""`/authorizations/new`: a request for authorization begun from the list: the patient is found, an order of theirs
chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth import new_requests, request_acts
from carecoord.actions.prior_auth.new_requests import Choice
from carecoord.actions.referrals import patients
from carecoord.errors import Conflict
from carecoord.web.acts.forms import State, submission
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.referrals import patient_view
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import sentence
from carecoord.world import World

_LONGEST = 200  # characters of what is looked for
_NEEDS = {
    True: sentence("requests.new.need.yes"), False: sentence("requests.new.need.no"),
    None: sentence("requests.new.need.unknown"),
}  # fmt: skip


@dataclass(frozen=True)
class OrderRow:
    """An order in words. need: whether an authorization is needed, with the reason; may: whether a request can be
    begun; open, finish: where to go on instead."""

    id: str
    service: str
    about: str
    need: str
    may: bool
    open: str
    finish: str


def blueprint(world: World) -> Blueprint:
    """The page and what its form does."""
    pages = Blueprint("authorizations_new", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/authorizations/new")
    def show() -> Response:
        return _page(world, zone, request.args.get("patient", "")[:64])

    @pages.post("/authorizations/new/begin")
    def begin() -> Response:
        sent = submission(request.form.get("order", "")[:200], request.form)
        try:
            done = request_acts.begin(world, sign_in.session().grant(), request_id(), sent, None)
        except Conflict as refused:
            return _page(world, zone, request.form.get("patient", "")[:64], refused.text, 409)
        return redirect(f"/authorizations/{quote(done.act.id)}?{urlencode({'done': done.act.id})}", 303)

    return pages


def _page(world: World, zone: ZoneInfo, patient: str, trouble: str = "", status: int = 200) -> Response:
    grant, times = sign_in.session().grant(), Times(world.clock(), zone)
    new_requests.demand(grant)
    typed = request.args.get("q", "")[:_LONGEST]
    told: dict[str, Any] = {"typed": typed, "trouble": trouble, "once": State("begin-request").id, "patient": None}
    if patient:
        found = new_requests.orders(world, grant, request_id(), patient)
        rows: Sequence[OrderRow] = [_row(each) for each in found.choices]
        told |= {"patient": patient_view.card(found.patient, (), times), "orders": rows}
    elif typed:
        told["found"] = patient_view.cards(patients.find(world, grant, typed, request_id()), times)
    return make_response(render_template("request_new.html", **told), status)


def _row(choice: Choice) -> OrderRow:
    need = choice.judged.ruling.need
    said = say(_NEEDS[need.needed if need else None])
    return OrderRow(
        choice.id, choice.service, spoken("requests.new.to", who=choice.performer) if choice.performer else "",
        f"{said}: {say(need.reason)}." if need else f"{said}.", choice.may,
        f"/authorizations/{quote(choice.asked.root.partition('/')[2])}" if choice.asked else "",
        f"/referrals/new?{urlencode({'order': choice.id})}" if choice.draft else "",
    )  # fmt: skip
