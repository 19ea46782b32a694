"""The acts as forms are sent: `POST /referrals/ID/VERB`. A swap gets its page at once, a plain form is sent back to it;
what can not be done comes back with all that was typed."""

from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from carecoord.actions.acts import undo
from carecoord.actions.acts.act import Done, Overtaken
from carecoord.actions.worklist import worklist as cases
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict, NotFound, Problem, Stale, Unprocessable
from carecoord.web.acts import days
from carecoord.web.acts.batch_pages import ANEW, Batches
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

_BESIDE: Final = 1_000_000  # bytes of a form beside its file
UNKNOWN: Final = "Not sent: you were signed out. What you typed is kept in this page; sign in again in a new tab."


def blueprint(world: World) -> Blueprint:
    """`POST /referrals/ID/VERB`, `POST /chosen/VERB`, `POST /acts/ID/undo`, and `GET /acts/day`, which says what a
    written day means."""
    pages = Blueprint("acts", __name__)

    @pages.before_request
    def room() -> None:
        """A form with a file may be larger than other requests. One that is too large is read as well, up to twice
        that: what was typed beside it is given back."""
        if request.mimetype == "multipart/form-data":
            request.max_content_length = 2 * world.settings.max_document + _BESIDE

    sign_in.guard_forms(pages, world, _signed_out)
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
        said, past = request.args.get("said", ""), "past" in request.args
        return Response(desk.said(said, past), content_type="text/plain; charset=utf-8")

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
    parts = urlsplit(sign_in.safe_next(_came_from()))
    own = parts.path.startswith("/referrals/") or parts.path == "/chosen"
    return (parts.path if own else "/"), parse_qsl(parts.query)


def _came_from() -> str | None:
    """The page that the form stood on; of a form that could not be read, the page that sent it."""
    try:
        return request.form.get("back")
    except RequestEntityTooLarge:
        sent = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
        return f"{sent.path}?{sent.query}".rstrip("?") if sent.netloc == request.host else "/"


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
        try:
            session, values = sign_in.session(), typed(request.form, request.files)
        except RequestEntityTooLarge:
            return self._too_large(id, verb)
        today, most = local(self.world.clock(), self.zone), self.world.settings.max_document
        reader = Reader(values, today, self.zone, request.files, most)
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

    def said(self, written: str, past: bool) -> str:
        """What a written day means, or why it means none."""
        if not written.strip():
            return ""
        try:
            read = days.read_past if past else days.read
            return read(written, local(self.world.clock(), self.zone)).echo
        except ValueError as unread:
            return str(unread)

    def _done(self, id: str, done: Done) -> Response:
        path, _ = _back()
        if path != "/" and done.act.verb != "decline":  # which takes it out of one's sight
            return redirect(f"{path}?{urlencode({'done': done.act.id})}", 303)
        address = self._address(id).told(done.act.id)
        if request.headers.get("HX-Request-Type") != "partial":
            return redirect(address.href(), 303)
        answer = self.screen.desk(sign_in.session().grant(), address, done=done)
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

    def _too_large(self, id: str, verb: str) -> Response:
        """The form anew: of a body that goes far beyond what is taken nothing is read, so that nothing is kept."""
        most = self.world.settings.max_document // 1_000_000
        words = f"The file is far larger than the {most} MB that can be kept. Scan it in grey or with fewer dots."
        return self._again(id, State(verb, {}, (Fault("file", words),)), 413)

    def _address(self, id: str) -> Address:
        """Where the form stood; on the list as it opens, where that can not be read any more."""
        home = worklist_view.home(cases.whole(sign_in.session().grant()))
        query = urlsplit(sign_in.safe_next(_came_from())).query
        try:
            address = parse(parse_qs(query), home)
        except Problem:
            address = parse({}, home)
        return address if address.shown else address.show(id)


def _field(refused: Problem, values: dict[str, str]) -> str:
    return refused.where if refused.where in values else ""
