"""The page of a clinic's link: the referral with its papers, the answer, the note after the visit, the receipt; and
each form under it, `POST /guest/TOKEN/VERB`."""

from zoneinfo import ZoneInfo

from flask import Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from carecoord.actions.acts.act import Done
from carecoord.actions.guests import clinic, entry
from carecoord.actions.guests.entry import Guest
from carecoord.errors import NotFound
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.forms import State
from carecoord.web.acts.submissions import Sender
from carecoord.web.documents import pages as documents_pages
from carecoord.web.guests import shell
from carecoord.web.guests.clinic_view import receipt, sheet
from carecoord.web.guests.commands import CLINIC, signature
from carecoord.web.page.times import Times
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World


class Clinic:
    """Makes the pages of clinics' links."""

    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def page(self, who: Guest, token: str, state: State | None = None, status: int = 200) -> Answer:
        """The referral, with the form that was sent or is asked for."""
        found = clinic.request(self.world, who.grant(), request_id())
        asked = request.args.get("do", "")
        first = next((verb for verb in ("accept", "report") if verb in found.verbs), "")
        open = state or State(asked if asked in found.verbs else first, {"name": who.name, "phone": who.phone})
        times = Times(found.now, self.zone)
        page = render_template(
            "guest_clinic.html", sheet=sheet(found, shell.home(token), who.link.expires, times), state=open,
            csrf=who.csrf, home=shell.home(token), most=self.world.settings.max_document, cover=who.link.cover,
        )  # fmt: skip
        return make_response(page, status)

    def act(self, who: Guest, token: str, verb: str) -> Answer:
        """Do what a form asks for, signed by name."""
        command = CLINIC.get(verb)
        if command is None:
            raise NotFound(spoken("guest.there-no-such-act"))
        sent = submissions.send(self.world, command, who.link.case, verb, changed, who=lambda: self._sender(who))
        if not isinstance(sent, Done):
            return self.page(who, token, sent.state, sent.status)
        name, phone = signature(request.form)
        kept = entry.sign(self.world, who, name, phone, request_id())
        return shell.keep(self.world, redirect(f"{shell.home(token)}/done/{sent.act.id}", 303), token, kept)

    def receipt(self, who: Guest, token: str, act: str) -> Answer:
        """What was done by this link."""
        done = clinic.receipt(self.world, who.grant(), act, request_id())
        said, at = receipt(done, Times(self.world.clock(), self.zone))
        page = render_template("guest_done.html", said=said, at=at, name=done.act.name, home=shell.home(token))
        return make_response(page)

    def paper(self, who: Guest, id: str, n: int) -> Response:
        """A file of the request."""
        return documents_pages.answer(clinic.paper(self.world, who.grant(), id, n, request_id()))

    def _sender(self, who: Guest) -> Sender:
        shell.demand_own_form(who)
        name, phone = signature(request.form)
        return Sender(who.grant(f"{name} ({phone})" if phone else name), own=True)
