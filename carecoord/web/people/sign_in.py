"""The sign-in page, the session cookie, and the guard that every page of the desk stands behind. Whoever is sent to
sign in comes back to where they were, and is told why.

pages = Blueprint("desk", ...)
signin.guard(pages, world)         # every request of the blueprint needs a session; every write a CSRF token
signin.session()                   # inside it: who is signed in
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, abort, g, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.errors import BadSignIn, Locked
from auth.people import passkeys
from auth.people.sessions import IDLE, Session, is_csrf
from carecoord import errors
from carecoord.actions.people import drafts
from carecoord.actions.people import sign_in as people_sign_in
from carecoord.actions.people.refusals import why
from carecoord.actions.people.sign_in import Browser, SecondStepNeeded, SignedIn
from carecoord.domain.resource import addresses
from carecoord.web.page.language import read_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

SAFE: Final = ("GET", "HEAD", "OPTIONS")
SET_UP: Final = "/account/second-factor"
SECOND_STEP: Final = "/sign-in/second-step"
LEFT: Final[Mapping[str, str]] = Glossary(
    {"here": sentence("people.left.here"), "everywhere": sentence("people.left.everywhere")}
)
ENDED: Final = sentence("people.ended", n=IDLE // 60)
UNSENT: Final = sentence("people.unsent")
_FORM: Final = "cc-form"
_HALF: Final = "cc-half"


def blueprint(world: World) -> Blueprint:
    """`/sign-in`, `/sign-out`, `/sign-out-everywhere` and `/session`."""
    pages = Blueprint("signin", __name__)

    @pages.get("/sign-in")
    def show() -> Response:
        if not request.args.get("again"):
            if current(world):
                return redirect(safe_next(request.args.get("next")), 303)
            if current(world, "enrol"):
                return redirect(SET_UP, 303)
        if "unsent" in request.args:
            return page(world, 200, say(UNSENT))
        left = LEFT.get(request.args.get("left", ""))
        ended = say(ENDED) if _cookie(world, "cc") and "again" not in request.args else ""
        return page(world, 200, said=left or ended)

    @pages.post("/sign-in")
    def enter() -> Response:
        if not own_form(world):
            return page(world, 403, spoken("people.form-had-expired-please-sign"))
        login, password = request.form.get("login", ""), request.form.get("password", "")
        try:
            done = people_sign_in.sign_in(world, login, password, browser(world))
        except Locked as locked:
            return page(world, 429, why(locked), locked.seconds)
        except BadSignIn as refused:
            return page(world, 401, why(refused))
        if isinstance(done, SecondStepNeeded):
            answer = redirect(f"{SECOND_STEP}?{urlencode({'next': safe_next(request.form.get('next'))})}", 303)
            _set(world, answer, _HALF, done.cookie)
            return answer
        return set_session(world, done, request.form.get("next"))

    _sessions(pages, world)
    return pages


def _sessions(pages: Blueprint, world: World) -> None:
    @pages.post("/sign-out")
    def leave() -> Response:
        session = _signed_in(world)
        demand_own_request(session)
        people_sign_in.sign_out(world, session, request_id())
        return signed_out(world)

    @pages.post("/sign-out-everywhere")
    def leave_everywhere() -> Response:
        session = _signed_in(world)
        demand_own_request(session)
        people_sign_in.sign_out_everywhere(world, session, request_id())
        return signed_out(world, "everywhere")

    @pages.get("/session")
    def alive() -> Response:
        """Who is signed in, and the token of their forms, for a page of ours that is about to send one: it may have
        stood open for longer than its session, or through a new one. Only a page of ours can read it."""
        found = current(world)
        if found is None or from_elsewhere():
            return jsonify(login="", csrf="")
        return jsonify(login=found.user.login, csrf=found.csrf)


def guard(pages: Blueprint, world: World, *, also: str = "desk") -> None:
    """Let nobody into `pages` without a session, and no write without its CSRF token. Templates get `csrf` and `me`.
    `also`: a further kind of session that is good here."""

    @pages.before_request
    def demand() -> Response | None:
        g.session = current(world) or (current(world, also) if also != "desk" else None)
        if g.session is None:
            return _to_sign_in()
        read_in(g.session.user.language)
        if request.method not in SAFE:
            demand_own_request(g.session)
        return None

    _tell(pages)


def guard_forms(pages: Blueprint, world: World, lost: Callable[[str | None], Response]) -> None:
    """As `guard`, for forms whose text must not be lost: `lost` answers a form that comes without a session, given what
    fetches its text after the next sign-in; one that carries another session's token goes through, and the handler asks
    `own_session`."""

    @pages.before_request
    def demand() -> Response | None:
        if request.method not in SAFE and from_elsewhere():
            raise errors.Forbidden(spoken("people.this-form-does-not-come"), "http.csrf")
        g.session = current(world)
        if g.session is None:
            return lost(drafts.keep(world, _cookie(world, "cc"), request.form.get("csrf", ""), request.form))
        read_in(g.session.user.language)
        return None

    _tell(pages)


def own_session(found: Session) -> bool:
    """Whether the form was shown in this session, and not in one before it."""
    return is_csrf(found.csrf, request.form.get("csrf") or request.headers.get("X-CSRF-Token"))


def _tell(pages: Blueprint) -> None:
    @pages.context_processor
    def about_me() -> dict[str, object]:
        found: Session | None = g.get("session")
        return {"csrf": found.csrf, "me": found.user} if found else {}


def current(world: World, kind: str = "desk") -> Session | None:
    """Who is signed in, if anybody, on a page that is open to all."""
    return people_sign_in.find_session(world, _cookie(world, "cc"), kind, used="X-Refresh" not in request.headers)


def session() -> Session:
    """Who is signed in; only inside a guarded blueprint."""
    found: Session = g.session
    return found


def browser(world: World) -> Browser:
    """Who asks; the session that the browser had until now ends when it signs in anew."""
    return Browser(str(request.user_agent), request_id(), _cookie(world, "cc"))


def pending_sign_in(world: World) -> str | None:
    """What fetches the half-made sign-in of this browser."""
    return _cookie(world, _HALF)


def set_session(world: World, entered: SignedIn, target: str | None) -> Response:
    """Hand the browser its new session and send it on; by way of the page that asks for a second factor, where one is
    advised."""
    to = safe_next(target)
    answer = redirect(f"{SET_UP}?{urlencode({'next': to})}" if entered.advised else to, 303)
    _set(world, answer, "cc", entered.cookie)
    _drop(world, answer, _HALF)
    return answer


def safe_next(target: str | None) -> str:
    """A place on this server to go on to; anything else, another host above all, becomes the front page."""
    target = target or "/"
    parts = addresses.parts(target)
    plain = not any(c in target for c in "\\\t\r\n\0") and target.isprintable()
    own = target.startswith("/") and not target.startswith("//") and not parts.scheme and not parts.netloc
    return target if own and plain and not target.startswith("/sign-") else "/"


def _to_sign_in() -> Response:
    """A page goes to the sign-in form and comes back after; a fragment asks its page to do so. What was sent to be done
    is lost, and the way back leads to the page that it was typed on."""
    reads = request.method in SAFE
    back = safe_next(request.full_path.rstrip("?") if reads else _typed_on())
    given = {"next": back} if back != "/" else {}
    to = f"/sign-in?{urlencode(given if reads else {**given, 'unsent': '1'})}".rstrip("?")
    if request.headers.get("HX-Request"):
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = to
        return answer
    return redirect(to, 303)


def _typed_on() -> str:
    """The page that a form was sent from, when it is one of ours."""
    parts = addresses.parts(request.headers.get("Referer", ""))
    return f"{parts.path}?{parts.query}".rstrip("?") if parts.netloc == request.host else "/"


def _signed_in(world: World) -> Session:
    found = current(world) or current(world, "enrol")
    if found is None:
        abort(_to_sign_in())
    return found


def demand_own_request(found: Session) -> None:
    """Raise Forbidden unless the request carries its session's CSRF token and comes from a page of ours."""
    sent = request.form.get("csrf") or request.headers.get("X-CSRF-Token")
    if from_elsewhere() or not is_csrf(found.csrf, sent):
        raise errors.Forbidden(spoken("people.this-form-not-from-this"), "http.csrf")


def own_form(world: World) -> bool:
    """A form without a session has none to carry a token of: its token must equal a cookie that only we can set."""
    cookie = form_token(world)
    return (
        not from_elsewhere()
        and bool(cookie)
        and hmac.compare_digest(cookie.encode(), request.form.get("csrf", "").encode("utf-8", "surrogatepass"))
    )


def form_token(world: World) -> str:
    """The token of this browser's forms before it has a session; empty: it was shown none."""
    return _cookie(world, _FORM) or ""


def form_page(world: World, status: int, template: str, wait: int = 0, **about: Any) -> Response:
    """A page with a form for somebody who has no session."""
    token = form_token(world) or secrets.token_urlsafe(32)
    answer = make_response(render_template(template, csrf=token, **about), status)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    _set(world, answer, _FORM, token)
    return answer


def page(world: World, status: int, problem: str = "", wait: int = 0, said: str = "") -> Response:
    """The sign-in page. problem: what went wrong. said: what went well before."""
    keys = passkeys.site(world.settings.url) is not None
    return form_page(
        world, status, "sign_in.html", wait, problem=problem, said=said, login=request.form.get("login", ""),
        next=safe_next(request.values.get("next")), passkeys=keys,
    )  # fmt: skip


def signed_out(world: World, left: str = "here") -> Response:
    """Signed out: nothing of the session stays in the browser. left: which of LEFT to say."""
    answer = redirect(f"/sign-in?left={left}", 303)
    _drop(world, answer, "cc")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def from_elsewhere() -> bool:
    """Whether another site's page sends this."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _cookie(world: World, name: str) -> str | None:
    return request.cookies.get(_name(world, name))


def _name(world: World, name: str) -> str:
    """With TLS in front the name says so, and no other host of the domain can set it."""
    return f"__Host-{name}" if world.settings.secure_cookies else name


def _set(world: World, answer: Response, name: str, value: str) -> None:
    secure = world.settings.secure_cookies
    answer.set_cookie(_name(world, name), value, path="/", secure=secure, httponly=True, samesite="Lax")


def _drop(world: World, answer: Response, name: str) -> None:
    answer.delete_cookie(_name(world, name), path="/", secure=world.settings.secure_cookies, httponly=True)
