"""The pages of a clinic's requests for authorization, put together: the list with a panel, one request by itself, the
evidence of its payer's clock."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import msgspec
from flask import make_response, redirect, render_template, request
from jinja2_fragments.flask import render_block
from sqlalchemy import Row
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.acts.act import Done
from carecoord.actions.people import drafts as kept
from carecoord.actions.prior_auth import requests
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth.authorizations import Asked
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.buttons import BUTTONS
from carecoord.web.acts.forms import State
from carecoord.web.page import downloads
from carecoord.web.page.columns import headings
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth import address as addresses
from carecoord.web.prior_auth import labels, list_view, proofs, view
from carecoord.web.prior_auth.address import RequestsAddress
from carecoord.web.server.exchange import request_id
from carecoord.world import World

AT_HAND: Final[tuple[Verb, ...]] = ("assign", "snooze")  # acts for the rows that were chosen
MOST: Final = 500  # rows that are chosen


class Screen:
    """Puts the pages together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def listed(self, address: RequestsAddress | None = None, state: State | None = None, status: int = 200) -> Response:
        """The list, with the panel of the request that is open. address: None for that of the page; state: of the form
        of a call that could not be done."""
        grant, address = sign_in.session().grant(), address or addresses.parse(request.args)
        found = requests.listed(self.world, grant, request_id(), self._asked(address))
        times = Times(found.now, self.zone)
        panel = self._panel(grant, address, times, state or self._state(grant)) if address.shown else None
        address = address if panel else replace(address, shown="")
        batch = [(verb, BUTTONS[verb]) for verb in AT_HAND if verbs.may(found.roles, verb)]
        told = {
            "batch": batch,
            "listing": list_view.listing(found, address, times), "address": address, "panel": panel,
            "as_of": times.stamp(), "done": self._done(grant, address.done), "back": replace(address, done="").href(),
            "file": replace(address, shown="", done="", after=None).href("")[1:],
        }  # fmt: skip
        if request.headers.get("HX-Request-Type") == "partial":
            return make_response(render_block("requests.html", "desk", partial=True, **told), status)
        return make_response(render_template("requests.html", **told), status)

    def file(self, form: downloads.Form) -> Response:
        """The list as a file: every row of its tab, under the same words and choices; of what was chosen, that."""
        rows = self._rows()
        times = Times(self.world.clock(), self.zone)
        return downloads.table("authorizations", headings(list_view.CELLS), list_view.lines(rows, times), form)

    def chosen(self) -> Response:
        """On to the act for the referrals of the requests that were chosen, as far as their orders are here."""
        cases = dict.fromkeys(str(id) for each in self._rows() for id in msgspec.json.decode(each.orders))
        pairs = [(name, request.args.get(name, "")) for name in ("act", "back")]
        return redirect(f"/chosen?{urlencode([*pairs, *(('id', id) for id in cases)])}", 303)

    def _rows(self) -> Sequence[Row[Any]]:
        """What the address asks for: the requests that it names by `id`, else all of its tab."""
        ids = request.args.getlist("id")[:MOST]
        address = replace(addresses.parse({} if ids else request.args), after=None)
        asked = self._asked(address)
        if ids:
            order = addresses.parse(request.args)
            roots = tuple(f"Claim/{id[:64]}" for id in ids)
            asked = replace(asked, tab="all", roots=roots, sort=order.sort, down=order.down)
        return requests.download(self.world, sign_in.session().grant(), request_id(), asked)

    def one(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One request; state: of a form that could not be done."""
        grant, here = sign_in.session().grant(), f"/authorizations/{quote(id)}"
        found = requests.one(self.world, grant, request_id(), id)
        times = Times(found.now, self.zone)
        state = state or self._state(grant)
        page = view.sheet(found, times, state, here)
        return make_response(
            render_template(
                "request.html", page=page, id=id, back=here, done=self._done(grant, request.args.get("done", "")),
                as_of=times.stamp(), results=labels.RESULTS, speeds=labels.SPEEDS,
            ),
            status,
        )  # fmt: skip

    def evidence(self, id: str) -> str:
        """The evidence of the payer's clock, to be printed."""
        found = requests.one(self.world, sign_in.session().grant(), request_id(), id)
        times = Times(found.now, self.zone)
        page = view.sheet(found, times, None, f"/authorizations/{quote(id)}")
        return render_template("request_evidence.html", page=page, proof=proofs.evidence(found, times), id=id,
                               as_of=times.stamp())  # fmt: skip

    def standing(self) -> str:
        """Who is near to being spared requests by a payer."""
        now, rows = requests.standings(self.world, sign_in.session().grant(), request_id())
        return render_template("request_standing.html", rows=rows, as_of=Times(now, self.zone).stamp())

    def _asked(self, address: RequestsAddress) -> Asked:
        return address.asked(micros(self.world.clock()), requests.day_ends(self.world))

    def _panel(
        self, grant: Grant, address: RequestsAddress, times: Times, state: State | None
    ) -> view.Sheet | None:
        try:
            found = requests.one(self.world, grant, request_id(), address.shown)
        except NotFound:
            return None
        form = state if state and state.verb == addresses.CALL else None
        return view.sheet(found, times, form, f"/authorizations/{quote(address.shown)}")

    def _state(self, grant: Grant) -> State | None:
        """The form of an act, with what was typed into it before a session was over."""
        verb, draft = request.args.get("act", ""), request.args.get("draft")
        if not verb or request.method != "GET":
            return None
        typed = kept.fetch(self.world, grant, draft) if draft else {}
        return State(verb, typed)

    def _done(self, grant: Grant, act: str) -> acts_view.Undo | None:
        if not act:
            return None
        with looking(self.world, grant, request_id()) as turn:
            done: Done | None = acts_act.find(turn, act)
        return replace(acts_view.undo(done, Times(self.world.clock(), self.zone)), back="") if done else None
