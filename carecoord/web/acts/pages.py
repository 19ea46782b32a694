"""The acts as forms are sent: `POST /referrals/ID/VERB`. A swap gets its page at once, a plain form is sent back to it;
what can not be done comes back with all that was typed."""

from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions.acts import undo
from carecoord.actions.acts.act import Done, Overtaken
from carecoord.actions.worklist import worklist as cases
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict, NotFound, Problem, Stale, Unprocessable
from carecoord.web.acts import days
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import COMMANDS
from carecoord.web.acts.forms import Fault, Reader, State, submission, typed
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.worklist import view as worklist_view
from carecoord.web.worklist.address import Address, parse
from carecoord.web.worklist.screen import Screen
from carecoord.world import World

ANEW: Final = "You have signed in anew since this form was opened. Look it over, then send it again."
UNKNOWN: Final = "Not sent: you were signed out. What you typed is kept in this page; sign in again in a new tab."


def blueprint(world: World) -> Blueprint:
    """`POST /referrals/ID/VERB`, `POST /acts/ID/undo`, and `GET /acts/day`, which says what a written day means."""
    pages = Blueprint("acts", __name__)
    sign_in.guard_forms(pages, world, _signed_out)
    desk = _Desk(world)

    @pages.post("/referrals/<id>/<verb>")
    def act(id: str, verb: str) -> Response:
        return desk.act(id, verb)

    @pages.post("/acts/<id>/undo")
    def take_back(id: str) -> Response:
        return desk.undo(id)

    @pages.get("/acts/day")
    def day() -> Response:
        return Response(desk.said(request.args.get("said", "")), content_type="text/plain; charset=utf-8")

    return pages


def _signed_out(draft: str | None) -> Response:
    """Sign in, and come back to the form with what was typed."""
    path, query = _back()
    verb = request.path.rpartition("/")[2]
    query += [("act", verb), ("draft", draft)] if draft and verb in COMMANDS else []
    to = f"/sign-in?{urlencode({'next': f'{path}?{urlencode(query)}', 'unsent': '1'})}"
    if not request.headers.get("HX-Request"):
        return redirect(to, 303)
    if not draft:
        return Response(f'<p class="alert">{UNKNOWN}</p>', 401, content_type="text/html; charset=utf-8")
    return Response(status=401, headers={"HX-Redirect": to})


def _back() -> tuple[str, list[tuple[str, str]]]:
    """The page that the form stood on: its path, and what its address says."""
    parts = urlsplit(sign_in.safe_next(request.form.get("back")))
    return (parts.path if parts.path.startswith("/referrals/") else "/"), parse_qsl(parts.query)


class _Desk:
    """Reads forms, does their acts, and answers with the page that they stood on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)
        self.screen = Screen(world, self.zone)

    def act(self, id: str, verb: str) -> Response:
        """Do what the form asks for."""
        command = COMMANDS.get(verb)
        if command is None:
            raise NotFound("There is no such act.")
        session, values = sign_in.session(), typed(request.form)
        reader = Reader(values, local(self.world.clock(), self.zone), self.zone)
        given = command.read(reader)
        state = State(verb, values, tuple(reader.faults))
        if not sign_in.own_session(session):
            return self._again(id, State(verb, values, notice=ANEW), 403)
        if reader.faults:
            return self._again(id, state, 422)
        sent = submission(id, request.form)
        try:
            done = command.do(self.world, session.grant(), request_id(), sent, given)
        except Stale as stale:
            times = Times(self.world.clock(), self.zone)
            overtaken = stale if isinstance(stale, Overtaken) else Overtaken(stale.text)
            return self._again(id, State(verb, values, changed=changed(verb, values, overtaken, times)), 412)
        except (Unprocessable, Conflict) as refused:
            return self._again(id, State(verb, values, (Fault(_field(refused, values), refused.text),)), refused.status)
        return self._done(id, done)

    def undo(self, id: str) -> Response:
        """Take an act back."""
        sign_in.demand_own_request(sign_in.session())
        done = undo.undo(self.world, sign_in.session().grant(), request_id(), id)
        return self._done(done.act.case, done)

    def said(self, written: str) -> str:
        """What a written day means, or why it means none."""
        if not written.strip():
            return ""
        try:
            return days.read(written, local(self.world.clock(), self.zone)).echo
        except ValueError as unread:
            return str(unread)

    def _done(self, id: str, done: Done) -> Response:
        path, _ = _back()
        if path != "/" and done.act.verb != "decline":  # which takes it out of one's sight
            return redirect(f"{path}?{urlencode({'done': done.act.id})}", 303)
        address = self._address(id).told(done.act.id)
        if request.headers.get("HX-Request-Type") != "partial":
            return redirect(address.href(), 303)
        answer = self.screen.desk(sign_in.session().grant(), address)
        answer.headers["HX-Replace-Url"] = address.href()
        return answer

    def _again(self, id: str, state: State, status: int) -> Response:
        """The form as it was sent, with why it was not done."""
        path, _ = _back()
        grant = sign_in.session().grant()
        if path != "/":
            return self.screen.one(grant, id, state=state, status=status)
        answer = self.screen.desk(grant, self._address(id).doing(state.verb), state, status)
        answer.headers["HX-Push-Url"] = "false"
        return answer

    def _address(self, id: str) -> Address:
        """Where the form stood; on the list as it opens, where that can not be read any more."""
        home = worklist_view.home(cases.whole(sign_in.session().grant()))
        query = urlsplit(sign_in.safe_next(request.form.get("back"))).query
        try:
            address = parse(parse_qs(query), home)
        except Problem:
            address = parse({}, home)
        return address if address.shown else address.show(id)


def _field(refused: Problem, values: dict[str, str]) -> str:
    return refused.where if refused.where in values else ""
