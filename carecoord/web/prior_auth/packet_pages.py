"""The packet of a request: a page to look at and to print, the PDF that a worker makes of it, and asking for that."""

from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import redirect, render_template
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth import packet, requests
from carecoord.actions.prior_auth.packet import Sheets
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth import packet_view, view
from carecoord.web.prior_auth.view import Sheet
from carecoord.web.server.exchange import request_id
from carecoord.world import World

_NAMED: Final = {"Content-Disposition": 'inline; filename="packet.pdf"', "Cache-Control": "no-store"}


class Packets:
    """Puts them together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def page(self, id: str) -> str:
        """The packet, to be printed, and how its PDF stands."""
        found, page, sheets, times = self._said(id)
        stands = packet.standing(self.world, sign_in.session().grant(), found, sheets)
        return render_template(
            "request_packet.html", page=page, id=id, packet=packet_view.packet(stands, times), forms=found.forms,
            as_of=times.stamp(),
        )  # fmt: skip

    def waits(self, id: str) -> Response:
        """For a page that follows its PDF: nothing while that is being made, then the page."""
        return Response(status=204) if packet.waits(self.world, sign_in.session().grant(), id) else _to(id)

    def file(self, id: str) -> Response:
        """The PDF; where there is none that says what is so now, the page that says why."""
        found, _, sheets, _ = self._said(id)
        made = packet.file(self.world, sign_in.session().grant(), request_id(), found, sheets)
        return Response(made, mimetype="application/pdf", headers=_NAMED) if made else _to(id)

    def ask(self, id: str) -> Response:
        """Have the PDF made."""
        session = sign_in.session()
        if sign_in.own_session(session):
            found, _, sheets, times = self._said(id)
            packet.ask(self.world, session.grant(), found, sheets, times.stamp())
        return _to(id)

    def _said(self, id: str) -> tuple[Dossier, Sheet, Sheets, Times]:
        found = requests.one(self.world, sign_in.session().grant(), request_id(), id)
        times = Times(found.now, self.zone)
        page = view.sheet(found, times, None, f"/authorizations/{quote(id)}")
        return found, page, packet_view.sheets(page, found, times), times


def _to(id: str) -> Response:
    return redirect(f"/authorizations/{quote(id)}/packet", 303)
