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
from carecoord.web.page import downloads
from carecoord.web.page.times import Times
from carecoord.web.referrals import view as referrals_view
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist.screen import Screen
from carecoord.words.sentence import spoken


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

    def file(self, grant: Grant, address: InboxAddress, form: downloads.Form) -> Response:
        """All that waits in a tab, page after page of one moment, as a file."""
        header = [
            spoken("downloads.due"), spoken("downloads.kind"), spoken("downloads.number"), spoken("downloads.patient"),
            spoken("downloads.waits"), spoken("downloads.about"), spoken("downloads.why"),
        ]  # fmt: skip
        rows: list[list[str]] = []
        after: tuple[int, int] | None = None
        with looking(self.world, grant, request_id()) as turn:
            while True:
                found = inbox.inbox(turn, replace(address.asked, after=after))
                told = inbox_view.shown(found, address, self.zone, grant.subject)
                rows += [
                    [line.clock.exact if line.clock else "", line.kind.label, line.number, line.name, line.what,
                     line.more, line.why]
                    for group in told.groups for line in group.rows
                ]  # fmt: skip
                after = found.after
                if after is None:
                    break
        return downloads.table("waiting", header, rows, form, marked=True)
