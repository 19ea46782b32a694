"""The acts as forms are sent: `POST /referrals/ID/VERB`. A swap gets its page at once, a plain form is sent back to it;
what can not be done comes back with all that was typed."""

from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts import undo
from carecoord.actions.acts.act import Done
from carecoord.actions.worklist import worklist as cases
from carecoord.domain.resource.days import local
from carecoord.errors import NotFound, Problem
from carecoord.web.acts import days, submissions
from carecoord.web.acts.batch_pages import Batches
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import COMMANDS
from carecoord.web.acts.forms import State
from carecoord.web.inbox import address as inbox_address
from carecoord.web.inbox.address import InboxAddress
from carecoord.web.inbox.screen import InboxScreen
from carecoord.web.people import sign_in
from carecoord.web.referrals.case_address import CaseAddress
from carecoord.web.referrals.case_address import parse as parse_case
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import queues
from carecoord.web.worklist.address import Address, parse
from carecoord.words.catalogue import spoken
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """`POST /referrals/ID/VERB`, `POST /chosen/VERB`, `POST /acts/ID/undo`, and `GET /acts/day`, which says what a
    written day means."""
    pages = Blueprint("acts", __name__)

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, COMMANDS))
    desk, batches = _Desk(world), Batches(world)

    @pages.post("/referrals/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        return desk.act(id, verb)

    @pages.post("/chosen/<verb>")
    def for_each(verb: str) -> Response:
        return batches.act(verb)

    @pages.post("/acts/<id>/undo")
    def take_back(id: str) -> Response:
        return desk.undo(id)

    @pages.get("/acts/day")
    def day() -> Response:
        which = next((each for each in ("past", "any") if each in request.args), "")
        return Response(desk.said(request.args.get("said", ""), which), content_type="text/plain; charset=utf-8")

    return pages


class _Desk:
    """Reads forms, does their acts, and answers with the page that they stood on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)
        self.screen = InboxScreen(world, self.zone)

    def act(self, id: str, verb: str) -> Response:
        """Do what the form asks for."""
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound(spoken("acts.there-no-such-act"))
        sent = submissions.send(self.world, command, id, verb, changed)
        if isinstance(sent, Done):
            return self._done(id, sent)
        try:
            return self._again(id, sent.state, sent.status)
        except NotFound as gone:  # a colleague or another clinic was first, and it is nobody's here to see any more
            raise sent.refused or gone from None

    def undo(self, id: str) -> Response:
        """Take an act back."""
        sign_in.demand_own_request(sign_in.session())
        done = undo.undo(self.world, sign_in.session().grant(), request_id(), id)
        return self._done(done.act.case, done)

    def said(self, written: str, which: str) -> str:
        """What a written day means, or why it means none. which: "past" or "any" day is meant, else one to come."""
        if not written.strip():
            return ""
        try:
            read = {"past": days.read_past, "any": days.read_any}.get(which, days.read)
            return read(written, local(self.world.clock(), self.zone)).echo
        except ValueError as unread:
            return str(unread)

    def _done(self, id: str, done: Done) -> Response:
        path, _ = submissions.back()
        if path == inbox_address.PATH:
            return self._waiting(self._waits().told(done.act.id), done=done)
        now = _in_its_place(done)
        if path != "/" and done.act.verb != "decline":  # which takes it out of one's sight
            return self._on_its_page(done, now)
        address = self._address(id)
        address = (address.show(now) if now else address).told(done.act.id)
        if request.headers.get("HX-Request-Type") != "partial":
            return redirect(address.href(), 303)
        answer = self.screen.desk(sign_in.session().grant(), address, done=done)
        answer.headers["HX-Replace-Url"] = address.href()
        return answer

    def _on_its_page(self, done: Done, now: str) -> Response:
        """The page that the form stood on, with what was done; of the case that took its place (now), where one did."""
        path, query = submissions.back()
        if not path.startswith("/referrals/"):
            return redirect(f"{path}?{urlencode({'done': done.act.id})}", 303)
        address = _case_address(path, query)
        address = (CaseAddress(now) if now else address).told(done.act.id)
        if request.headers.get("HX-Request-Type") != "partial":
            return redirect(address.href(), 303)
        answer = self.screen.one(sign_in.session().grant(), address, done=done)
        answer.headers["HX-Replace-Url"] = address.href()
        return answer

    def _again(self, id: str, state: State, status: int) -> Response:
        """The form as it was sent, with why it was not done."""
        path, query = submissions.back()
        grant = sign_in.session().grant()
        if path == inbox_address.PATH:
            return self._waiting(self._waits().at(id).doing(state.verb), state, status)
        if path != "/":
            address = _case_address(path, query) if path.startswith("/referrals/") else CaseAddress(id)
            answer = self.screen.one(grant, replace(address, id=id).doing(state.verb), state, status)
            answer.headers["HX-Push-Url"] = "false"
            return answer
        answer = self.screen.desk(grant, self._address(id).doing(state.verb), state, status)
        answer.headers["HX-Push-Url"] = "false"
        return answer

    def _waiting(
        self, address: InboxAddress, state: State | None = None, status: int = 200, done: Done | None = None
    ) -> Response:
        """The list of what waits: after an act without its case, and with the form where it could not be done."""
        if done and request.headers.get("HX-Request-Type") != "partial":
            return redirect(address.href(), 303)
        answer = self.screen.inbox(sign_in.session().grant(), address, state, status, done)
        name, value = ("HX-Replace-Url", address.href()) if done else ("HX-Push-Url", "false")
        answer.headers[name] = value
        return answer

    def _waits(self) -> InboxAddress:
        """Where in the list of what waits the form stood; on the list as it opens, where that can not be read."""
        query = urlsplit(sign_in.safe_next(submissions.came_from())).query
        try:
            return inbox_address.parse(parse_qs(query))
        except Problem:
            return InboxAddress()

    def _address(self, id: str) -> Address:
        """Where the form stood; on the list as it opens, where that can not be read any more."""
        home = queues.home(cases.whole(sign_in.session().grant()))
        query = urlsplit(sign_in.safe_next(submissions.came_from())).query
        try:
            address = parse(parse_qs(query), home)
        except Problem:
            address = parse({}, home)
        return address if address.shown else address.show(id)


def _in_its_place(done: Done) -> str:
    """The case that took the place of the one that was acted on, by its new order; empty where none did."""
    if done.act.verb != "replace":
        return ""
    return next((each.id for each in done.act.made if each.type == "ServiceRequest" and each.number == 1), "")


def _case_address(path: str, query: list[tuple[str, str]]) -> CaseAddress:
    """The address of a referral's own page, as a form of it says where it stood."""
    named: dict[str, list[str]] = {}
    for name, value in query:
        named.setdefault(name, []).append(value)
    return parse_case(unquote(path.removeprefix("/referrals/")), named)
