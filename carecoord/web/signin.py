"""The sign-in page, the session cookie, and the guard that every page of the desk stands behind.

pages = Blueprint("desk", ...)
signin.guard(pages, world)         # every request of the blueprint needs a session; every write a CSRF token
signin.session()                   # inside it: who is signed in
"""

import hmac
import secrets
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, abort, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth import passkeys
from auth.errors import BadSignIn, Locked
from auth.signin import Session, is_csrf
from carecoord import errors
from carecoord.actions import signing_in
from carecoord.actions.signing_in import Browser, Entered, Halfway
from carecoord.web.exchange import request_id
from carecoord.world import World

SAFE: Final = ("GET", "HEAD", "OPTIONS")
SET_UP: Final = "/account/second-factor"
SECOND_STEP: Final = "/sign-in/second-step"
_FORM: Final = "cc-form"
_HALF: Final = "cc-half"


def blueprint(world: World) -> Blueprint:
    """`/sign-in`, `/sign-out` and `/sign-out-everywhere`."""
    pages = Blueprint("signin", __name__)

    @pages.get("/sign-in")
    def show() -> Response:
        if not request.args.get("again"):
            if current(world):
                return redirect(local(request.args.get("next")), 303)
            if current(world, "enrol"):
                return redirect(SET_UP, 303)
        return page(world, 200)

    @pages.post("/sign-in")
    def enter() -> Response:
        if not own_form(world):
            return page(world, 403, "The form had expired. Please sign in again.")
        login, password = request.form.get("login", ""), request.form.get("password", "")
        try:
            done = signing_in.sign_in(world, login, password, browser(world))
        except Locked as locked:
            return page(world, 429, locked.text, locked.seconds)
        except BadSignIn as refused:
            return page(world, 401, refused.text)
        if isinstance(done, Halfway):
            answer = redirect(f"{SECOND_STEP}?{urlencode({'next': local(request.form.get('next'))})}", 303)
            _set(world, answer, _HALF, done.cookie)
            return answer
        return let_in(world, done, request.form.get("next"))

    @pages.post("/sign-out")
    def leave() -> Response:
        session = _signed_in(world)
        demand_own_request(session)
        signing_in.sign_out(world, session, request_id())
        return gone(world)

    @pages.post("/sign-out-everywhere")
    def leave_everywhere() -> Response:
        session = _signed_in(world)
        demand_own_request(session)
        signing_in.sign_out_everywhere(world, session, request_id())
        return gone(world)

    return pages


def guard(pages: Blueprint, world: World, *, also: str = "desk") -> None:
    """Let nobody into `pages` without a session, and no write without its CSRF token. Templates get `csrf` and `me`.
    `also`: a further kind of session that is good here."""

    @pages.before_request
    def demand() -> Response | None:
        g.session = current(world) or (current(world, also) if also != "desk" else None)
        if g.session is None:
            return _to_sign_in()
        if request.method not in SAFE:
            demand_own_request(g.session)
        return None

    @pages.context_processor
    def about_me() -> dict[str, object]:
        found: Session | None = g.get("session")
        return {"csrf": found.csrf, "me": found.user} if found else {}


def current(world: World, kind: str = "desk") -> Session | None:
    """Who is signed in, if anybody, on a page that is open to all."""
    return signing_in.who(world, _cookie(world, "cc"), kind)


def session() -> Session:
    """Who is signed in; only inside a guarded blueprint."""
    found: Session = g.session
    return found


def browser(world: World) -> Browser:
    """Who asks; the session that the browser had until now ends when it signs in anew."""
    return Browser(str(request.user_agent), request_id(), _cookie(world, "cc"))


def half(world: World) -> str | None:
    """What fetches the half-made sign-in of this browser."""
    return _cookie(world, _HALF)


def let_in(world: World, entered: Entered, target: str | None) -> Response:
    """Hand the browser its new session and send it on; by way of the page that asks for a second factor, where one is
    advised."""
    to = local(target)
    answer = redirect(f"{SET_UP}?{urlencode({'next': to})}" if entered.advised else to, 303)
    _set(world, answer, "cc", entered.cookie)
    _drop(world, answer, _HALF)
    return answer


def local(target: str | None) -> str:
    """A place on this server to go on to; anything else, another host above all, becomes the front page."""
    target = target or "/"
    parts = urlsplit(target)
    plain = not any(c in target for c in "\\\t\r\n\0") and target.isprintable()
    own = target.startswith("/") and not target.startswith("//") and not parts.scheme and not parts.netloc
    return target if own and plain and not target.startswith("/sign-") else "/"


def _to_sign_in() -> Response:
    """A page goes to the sign-in form and comes back after; a fragment asks its page to do so."""
    if request.headers.get("HX-Request"):
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = "/sign-in"
        return answer
    back = request.full_path.rstrip("?") if request.method in SAFE else "/"
    return redirect(f"/sign-in?{urlencode({'next': back})}" if back != "/" else "/sign-in", 303)


def _signed_in(world: World) -> Session:
    found = current(world) or current(world, "enrol")
    if found is None:
        abort(_to_sign_in())
    return found


def demand_own_request(found: Session) -> None:
    """Raise Forbidden unless the request carries its session's CSRF token and comes from a page of ours."""
    sent = request.form.get("csrf") or request.headers.get("X-CSRF-Token")
    if _from_elsewhere() or not is_csrf(found.csrf, sent):
        raise errors.Forbidden("This form is not from this session. Reload the page and try again.", "http.csrf")


def own_form(world: World) -> bool:
    """A form without a session has none to carry a token of: its token must equal a cookie that only we can set."""
    cookie = form_token(world)
    return (
        not _from_elsewhere()
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
        next=local(request.values.get("next")), passkeys=keys,
    )  # fmt: skip


def gone(world: World) -> Response:
    """Signed out: nothing of the session stays in the browser."""
    answer = redirect("/sign-in", 303)
    _drop(world, answer, "cc")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _from_elsewhere() -> bool:
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
