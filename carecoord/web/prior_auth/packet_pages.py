"""The packet of a request: a page to look at and to print, the PDF that a worker makes of it, and asking for that. The
clinic's and its payer's differ in what they say, and in nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import redirect, render_template
from werkzeug.wrappers import Response

from carecoord.actions.prior_auth import packet, requests
from carecoord.actions.prior_auth.packet import Contents, Sheets, Side
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.prior_auth import packet_view, view
from carecoord.web.server.exchange import request_id
from carecoord.world import World

_NAMED: Final = {"Content-Disposition": 'inline; filename="packet.pdf"', "Cache-Control": "no-store"}


@dataclass(frozen=True)
class Said:
    """What the packet of a request says to who asks now. told: what its page shows beside how the PDF stands."""

    contents: Contents
    sheets: Sheets
    told: Mapping[str, Any]
    times: Times


@dataclass(frozen=True)
class Packets:
    """Puts the pages of one desk together. path: of its requests; said: of the request of this id, as who asks may see
    it; raises NotFound."""

    world: World
    side: Side
    path: str
    template: str
    said: Callable[[str], Said]

    def page(self, id: str) -> str:
        """The packet, to be printed, and how its PDF stands."""
        found = self.said(id)
        stands = packet.standing(self.world, sign_in.session().grant(), found.contents, found.sheets)
        return render_template(
            self.template, id=id, path=f"{self.path}/{quote(id)}", packet=packet_view.packet(stands, found.times),
            as_of=found.times.stamp(), **found.told,
        )  # fmt: skip

    def waits(self, id: str) -> Response:
        """For a page that follows its PDF: nothing while that is being made, then the page."""
        waits = packet.waits(self.world, sign_in.session().grant(), self.side, id)
        return Response(status=204) if waits else self._to(id)

    def file(self, id: str) -> Response:
        """The PDF; where there is none that says what is so now, the page that says why."""
        found = self.said(id)
        made = packet.file(self.world, sign_in.session().grant(), request_id(), found.contents, found.sheets)
        return Response(made, mimetype="application/pdf", headers=_NAMED) if made else self._to(id)

    def ask(self, id: str) -> Response:
        """Have the PDF made."""
        session = sign_in.session()
        if sign_in.own_session(session):
            found = self.said(id)
            packet.ask(self.world, session.grant(), found.contents, found.sheets, found.times.stamp())
        return self._to(id)

    def _to(self, id: str) -> Response:
        return redirect(f"{self.path}/{quote(id)}/packet", 303)


def of_clinic(world: World) -> Packets:
    """Those of the clinic's desk."""
    zone = ZoneInfo(world.settings.timezone)

    def said(id: str) -> Said:
        found = requests.one(world, sign_in.session().grant(), request_id(), id)
        times = Times(found.now, zone)
        page = view.sheet(found, times, None, f"/authorizations/{quote(id)}")
        told = {"page": page, "forms": found.forms}
        return Said(packet.of_clinic(found), packet_view.sheets(page, found, times), told, times)

    return Packets(world, "clinic", "/authorizations", "request_packet.html", said)
