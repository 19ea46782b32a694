"""What every form of an act goes through when it is sent, whatever it is about: it is read, done once, and what can not
be done comes back with all that was typed; one that comes without a session is kept until the next sign-in."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import redirect, request
from markupsafe import escape
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Overtaken
from carecoord.actions.terms import choices
from carecoord.domain.resource import addresses
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict, Problem, Stale, Unprocessable
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Changed, Fault, Reader, State, submission, typed
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import sentence
from carecoord.world import World

ANEW: Final = sentence("acts.anew")
UNKNOWN: Final = sentence("acts.unknown")
_BESIDE: Final = 1_000_000  # bytes of a form beside its file
Telling = Callable[[str, Mapping[str, str], Overtaken, Times], Changed]  # verb, what was typed, what came first


@dataclass(frozen=True)
class Again:
    """A form that is to be shown anew, with why it was not done. `refused`: the same, where there is no page left on
    which the form could stand."""

    state: State
    status: int
    refused: Problem | None = None


def make_room(world: World) -> None:
    """A form with a file may be larger than other requests. One that is too large is read as well, up to twice that:
    what was typed beside it is given back."""
    if request.mimetype == "multipart/form-data":
        request.max_content_length = 2 * world.settings.max_document + _BESIDE


@dataclass(frozen=True)
class Sender:
    """Who sends a form. `own`: whether it was shown to them, and not to somebody before them."""

    grant: Grant
    own: bool


def signed_in() -> Sender:
    session = sign_in.session()
    return Sender(session.grant(), sign_in.own_session(session))


def send(
    world: World, command: Command, about: str, verb: str, tell: Telling, *, who: Callable[[], Sender] = signed_in
) -> Done | Again:
    """Do what the form of this request asks for. about: what it is about, as an act names it. who: finds out who sends
    it, once it could be read."""
    zone, most = ZoneInfo(world.settings.timezone), world.settings.max_document
    try:
        values = typed(request.form, request.files)
    except RequestEntityTooLarge:
        return _too_large(world, verb)
    reader = Reader(values, local(world.clock(), zone), zone, request.files, most, partial(choices.read, world))
    given, sender = command.read(reader), who()
    if not sender.own:
        return Again(State(verb, values, notice=say(ANEW)), 403)
    if reader.faults:
        return Again(State(verb, values, tuple(reader.faults), offers=reader.offers), 422)
    try:
        return command.do(world, sender.grant, request_id(), submission(about, request.form), given)
    except Stale as stale:
        overtaken = stale if isinstance(stale, Overtaken) else Overtaken(stale.text)
        told = tell(verb, values, overtaken, Times(world.clock(), zone))
        return Again(State(verb, values, changed=told), 412, overtaken)
    except (Unprocessable, Conflict) as refused:
        return Again(State(verb, values, (Fault(_field(refused, values), refused.text),)), refused.status, refused)


def signed_out(draft: str | None, verbs: Collection[str]) -> Response:
    """Sign in, and come back to the form of one of these verbs with what was typed."""
    path, query = back()
    verb = request.path.rpartition("/")[2]
    query += [("act", verb), ("draft", draft)] if draft and verb in verbs else []
    to = f"/sign-in?{urlencode({'next': f'{path}?{urlencode(query)}', 'unsent': '1'})}"
    if not request.headers.get("HX-Request"):
        return redirect(to, 303)
    if not draft:
        return Response(f'<p class="alert">{escape(say(UNKNOWN))}</p>', 401, content_type="text/html; charset=utf-8")
    return Response(status=401, headers={"HX-Redirect": to})


def back() -> tuple[str, list[tuple[str, str]]]:
    """The page that the form stood on: its path, and what its address says."""
    parts = urlsplit(sign_in.safe_next(came_from()))
    within = parts.path.startswith(("/referrals/", "/contracts/", "/patients/", "/decisions/", "/authorizations/"))
    own = within or parts.path in ("/chosen", "/waiting", "/quality", "/authorizations")
    return (parts.path if own else "/"), parse_qsl(parts.query)


def came_from() -> str | None:
    """The page that the form stood on; of a form that could not be read, the page that sent it."""
    try:
        return request.form.get("back")
    except RequestEntityTooLarge:
        sent = addresses.parts(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
        return f"{sent.path}?{sent.query}".rstrip("?") if sent.netloc == request.host else "/"


def _too_large(world: World, verb: str) -> Again:
    """The form anew: of a body that goes far beyond what is taken nothing is read, so that nothing is kept."""
    most = world.settings.max_document // 1_000_000
    words = spoken("acts.file-far-larger-than-mb", most=most)
    return Again(State(verb, {}, (Fault("file", words),)), 413)


def _field(refused: Problem, values: Mapping[str, str]) -> str:
    return refused.where if refused.where and refused.where in values else ""
