"""The sign-in page, the session cookie, and the guard that every page of the desk stands behind.

pages = Blueprint("desk", ...)
signin.guard(pages, world)         # every request of the blueprint needs a session; every write a CSRF token
signin.session()                   # inside it: who is signed in
"""

import hmac
import secrets
from typing import Final
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, abort, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.errors import BadSignIn, Locked
from auth.signin import Session, is_csrf
from carecoord import errors
from carecoord.actions import signing_in
from carecoord.web.exchange import request_id
from carecoord.world import World

SAFE: Final = ("GET", "HEAD", "OPTIONS")


def blueprint(world: World) -> Blueprint:
    """`/sign-in`, `/sign-out` and `/sign-out-everywhere`."""
    pages = Blueprint("signin", __name__)

    @pages.get("/sign-in")
    def show() -> Response:
        if current(world) and not request.args.get("again"):
            return redirect(local(request.args.get("next")), 303)
        return _page(world, 200)

    @pages.post("/sign-in")
    def enter() -> Response:
        if not _own_form(world):
            return _page(world, 403, "The form had expired. Please sign in again.")
        login, password = request.form.get("login", ""), request.form.get("password", "")
        agent = str(request.user_agent)
        try:
            cookie = signing_in.sign_in(world, login, password, agent, request_id(), _cookie(world))
        except Locked as locked:
            return _page(world, 429, locked.text, locked.seconds)
        except BadSignIn as refused:
            return _page(world, 401, refused.text)
        answer = redirect(local(request.form.get("next")), 303)
        _set(world, answer, "cc", cookie)
        return answer

    @pages.post("/sign-out")
    def leave() -> Response:
        _demand_own_request(_signed_in(world))
        signing_in.sign_out(world, _cookie(world))
        return _gone(world)

    @pages.post("/sign-out-everywhere")
    def leave_everywhere() -> Response:
        session = _signed_in(world)
        _demand_own_request(session)
        signing_in.sign_out_everywhere(world, session)
        return _gone(world)

    return pages


def guard(pages: Blueprint, world: World) -> None:
    """Let nobody into `pages` without a session, and no write without its CSRF token. Templates get `csrf` and `me`."""

    @pages.before_request
    def demand() -> Response | None:
        g.session = current(world)
        if g.session is None:
            return _to_sign_in()
        if request.method not in SAFE:
            _demand_own_request(g.session)
        return None

    @pages.context_processor
    def about_me() -> dict[str, object]:
        found: Session | None = g.get("session")
        return {"csrf": found.csrf, "me": found.user} if found else {}


def current(world: World) -> Session | None:
    """Who is signed in, if anybody, on a page that is open to all."""
    return signing_in.who(world, _cookie(world))


def session() -> Session:
    """Who is signed in; only inside a guarded blueprint."""
    found: Session = g.session
    return found


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
    found = current(world)
    if found is None:
        abort(_to_sign_in())
    return found


def _demand_own_request(found: Session) -> None:
    sent = request.form.get("csrf") or request.headers.get("X-CSRF-Token")
    if _from_elsewhere() or not is_csrf(found.csrf, sent):
        raise errors.Forbidden("This form is not from this session. Reload the page and try again.", "http.csrf")


def _own_form(world: World) -> bool:
    """The sign-in form has no session to carry a token of: its token must equal a cookie that only we can set."""
    cookie = request.cookies.get(_name(world, "cc-form"), "")
    return (
        not _from_elsewhere()
        and bool(cookie)
        and hmac.compare_digest(cookie.encode(), request.form.get("csrf", "").encode())
    )


def _from_elsewhere() -> bool:
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _page(world: World, status: int, problem: str = "", wait: int = 0) -> Response:
    token = request.cookies.get(_name(world, "cc-form")) or secrets.token_urlsafe(32)
    page = render_template(
        "sign_in.html",
        problem=problem,
        login=request.form.get("login", ""),
        next=local(request.values.get("next")),
        csrf=token,
    )
    answer = make_response(page, status)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    _set(world, answer, "cc-form", token)
    return answer


def _gone(world: World) -> Response:
    answer = redirect("/sign-in", 303)
    answer.delete_cookie(_name(world, "cc"), path="/", secure=world.settings.secure_cookies, httponly=True)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _cookie(world: World) -> str | None:
    return request.cookies.get(_name(world, "cc"))


def _name(world: World, name: str) -> str:
    """With TLS in front the name says so, and no other host of the domain can set it."""
    return f"__Host-{name}" if world.settings.secure_cookies else name


def _set(world: World, answer: Response, name: str, value: str) -> None:
    secure = world.settings.secure_cookies
    answer.set_cookie(_name(world, name), value, path="/", secure=secure, httponly=True, samesite="Lax")
