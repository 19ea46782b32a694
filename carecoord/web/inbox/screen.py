"""The page of what waits, put together: the list with a panel; as a whole page, or as the part that a swap asks for."""

from dataclasses import replace
from typing import Any

from flask import make_response, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts.act import Done
from carecoord.actions.inbox import inbox
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import State
from carecoord.web.inbox import view as inbox_view
from carecoord.web.inbox.address import InboxAddress
from carecoord.web.page.times import Times
from carecoord.web.referrals import view as referrals_view
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist.screen import Screen


class InboxScreen(Screen):
    """Makes the page."""

    def inbox(
        self, grant: Grant, address: InboxAddress, state: State | None = None, status: int = 200,
        done: Done | None = None,
    ) -> Response:  # fmt: skip
        """What waits. All of the page is read in one transaction: list and panel tell of the same moment."""
        with looking(self.world, grant, request_id()) as turn:
            found = inbox.inbox(turn, address.asked)
            done = done or self._done(turn, address.done)
            panel = self._panel(turn, address.shown, done)
        address = address if panel or not address.shown else replace(address, shown=None)
        state = state or self._state(grant, address.act, address.draft)
        back = address.doing(None)
        view: dict[str, Any] = {
            "address": address,
            "listing": inbox_view.shown(found, address, self.zone, grant.subject),
            "panel": referrals_view.sheet(panel, self.zone) if panel else None,
            "acts": self._acts(panel, grant, state, back.href(), lambda verb: back.doing(verb).href()),
            "done": self._told(done),
            "once": State("").id,
            "as_of": Times(found.now, self.zone).stamp(),
            "updated": f"{found.now.astimezone(self.zone):%H:%M}",
            "now": micros(found.now) // 1000,
        }
        if request.headers.get("HX-Request-Type") == "partial":
            return make_response(render_block("inbox.html", "desk", partial=True, **view), status)
        return make_response(render_template("inbox.html", **view), status)
