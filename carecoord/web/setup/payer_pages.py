"""`/setup/pas`, for admins: payers that take our requests by PAS, what each answers, and a form to tell of one."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord import errors
from carecoord.actions.prior_auth.pas_client import payers
from carecoord.actions.server import keys
from carecoord.actions.setup import payer_endpoints, stock
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.domain.resource.elements import text
from carecoord.domain.resource.parties import name
from carecoord.store.prior_auth.payer_endpoints import Endpoint
from carecoord.web.acts.forms import Fault
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth.delivery_view import TROUBLES
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

PAS: Final = "/setup/pas"
OPERATIONS: Final[Mapping[str, str]] = Glossary({
    "submit": sentence("setup.pas.op.submit"), "inquire": sentence("setup.pas.op.inquire"),
    "submit-attachment": sentence("setup.pas.op.attach"),
    "questionnaire-package": sentence("setup.pas.op.forms"),
})  # fmt: skip
WELL: Final = Chip(sentence("setup.pas.answers"), "green", icon="circle-check")
AWAY: Final = Chip(sentence("setup.pas.silent"), "red", icon="circle-alert")
NEW: Final = Chip(sentence("setup.pas.unasked"), "grey", icon="circle-dashed")


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("payers_by_pas", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        stock.demand(sign_in.session().grant())

    @pages.get(PAS)
    def show() -> Response:
        return _page(world)

    @pages.post(PAS)
    def add() -> Response:
        typed = {each: request.form.get(each, "").strip() for each in ("payer", "address", "office", "client", "pas")}
        faults = [Fault(field, words) for field, words in (
            ("payer", spoken("setup.pas.write.payer")), ("address", spoken("setup.pas.write.address")),
            ("office", spoken("setup.pas.write.office"))) if not typed[field]]  # fmt: skip
        if not faults:
            one = Endpoint(typed["payer"], typed["address"], typed["office"], typed["pas"], typed["client"])
            try:
                payer_endpoints.add(world, one, request_id(), sign_in.session().user)
            except (errors.Invalid, errors.NotFound) as refused:
                field = "pas" if refused.where == "version" else refused.where or "address"
                faults = [Fault(field if field in typed else "address", refused.text)]
        if faults:
            return _page(world, 422, typed=typed, faults=faults)
        return redirect(PAS, 303)

    @pages.post(f"{PAS}/examine")
    def examine() -> Response:
        try:
            payer_endpoints.examine(world, request.form.get("payer", ""), request_id(), sign_in.session().user)
        except errors.Unavailable as silent:
            return _page(world, silent=(request.form.get("payer", ""), silent.text))
        return redirect(PAS, 303)

    @pages.post(f"{PAS}/remove")
    def remove() -> Response:
        payer_endpoints.remove(world, request.form.get("payer", ""), request_id(), sign_in.session().user)
        return redirect(PAS, 303)

    return pages


def _page(world: World, status: int = 200, **about: Any) -> Response:
    ready = stock.look(world, sign_in.session().grant(), request_id())
    times = Times(world.clock(), ZoneInfo(world.settings.timezone))
    found = payers.every(world)
    shown = [
        {
            "id": each.endpoint.payer, "name": called, "url": each.endpoint.url, "version": each.endpoint.version,
            "chip": AWAY if each.trouble else WELL if each.told else NEW,
            "trouble": (TROUBLES.get(each.trouble) or "") if each.trouble else "", "words": each.words,
            "since": times.exact(each.failed) if each.failed else "", "waits": waits, "tells": each.state == "active",
            "heard": times.exact(each.heard) if each.heard else "", "told": each.told,
            "answers": [OPERATIONS[op] for op in (each.told or {}).get("operations", ())],
        }
        for called, each, waits in found
    ]  # fmt: skip
    faults = about.pop("faults", [])
    page = render_template(
        "setup_pas.html", shown=shown, faults=faults, wrong={each.field: each.text for each in faults},
        typed=about.get("typed", {}), silent=about.get("silent"), versions=[(each, each) for each in GUIDES],
        jwks=keys.address(world),
        payers=[(text(each, "id"), name(each)) for each in ready.payers],
        offices=[(text(each, "id"), name(each)) for each in ready.offices],
    )  # fmt: skip
    return make_response(page, status)
