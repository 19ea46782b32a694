"""What a clinic does with its request, as forms are sent: `POST /authorizations/ID/VERB`."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done, Overtaken
from carecoord.actions.prior_auth import request_acts
from carecoord.actions.prior_auth.dtr import fetch
from carecoord.actions.prior_auth.pas_client import request_acts as pas_request_acts
from carecoord.domain.resource.elements import text
from carecoord.errors import NotFound
from carecoord.web.acts import changes, submissions
from carecoord.web.acts.forms import Changed
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth import address as addresses
from carecoord.web.prior_auth import packet_pages
from carecoord.web.prior_auth.address import RequestsAddress
from carecoord.web.prior_auth.commands import COMMANDS
from carecoord.web.prior_auth.screen import Screen
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The acts. Done, one comes back to the page of the request, or to the list from which it was pressed."""
    pages = Blueprint("authorization_acts", __name__)
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))
    screen, packets = Screen(world), packet_pages.of_clinic(world)

    @pages.post("/authorizations/<id>/ask")
    def ask(id: str) -> Response:
        session = sign_in.session()
        if not sign_in.own_session(session):
            return redirect(f"/authorizations/{quote(id)}", 303)
        pas_request_acts.ask(world, session.grant(), request_id(), id)
        return redirect(f"/authorizations/{quote(id)}#delivery", 303)

    @pages.post("/authorizations/<id>/forms")
    def forms(id: str) -> Response:
        session = sign_in.session()
        if not sign_in.own_session(session):
            return redirect(f"/authorizations/{quote(id)}", 303)
        fetch.ask(world, session.grant(), request_id(), id)
        return redirect(f"/authorizations/{quote(id)}#payer-forms", 303)

    @pages.post("/authorizations/<id>/packet")
    def packet(id: str) -> Response:
        return packets.ask(id)

    @pages.post("/authorizations/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound(spoken("acts.there-no-such-act"))
        sent = submissions.send(world, command, request_acts.about(id), verb, changed)
        within = _list(id, verb)
        if isinstance(sent, Done):
            if within:
                return redirect(replace(within, done=sent.act.id).href(), 303)
            page = f"/authorizations/{quote(sent.act.id)}" if verb == "renew-request" else _back(id)  # the new draft's
            return redirect(f"{page}?{urlencode({'done': sent.act.id})}", 303)
        return screen.listed(within, sent.state, sent.status) if within else screen.one(id, sent.state, sent.status)

    return pages


def _list(id: str, verb: str) -> RequestsAddress | None:
    """The list in whose panel the form of a call stood; None for any other form."""
    path, query = submissions.back()
    address = addresses.parse(dict(query))
    return address if verb == addresses.CALL and path == addresses.PATH and address.shown == id else None


def _back(id: str) -> str:
    path, _ = submissions.back()
    return path if request.form.get("back") and path.startswith("/authorizations/") else f"/authorizations/{quote(id)}"


def changed(_: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who was first and when, beside what was typed."""
    created = text(stale.now or {}, "created")
    who, when = changes.first(stale, times, spoken("agreements.somebody-over-api-or-by"), created)
    return Changed(who, when, "", spoken("requests.changed"), values.get("note", ""))
