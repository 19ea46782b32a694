"""What every page of a link has: how the browser that came in is known, and the page of a link that is good no longer.

Nothing here needs a script, and none is loaded; no page asks another server for anything."""

import hashlib
import hmac
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.guests import entry
from carecoord.actions.guests.entry import Guest
from carecoord.errors import Forbidden, NotFound
from carecoord.web.page.language import read_in
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.reader import reads
from carecoord.world import World

LIFE: Final = 4 * 3600  # seconds that a browser keeps its cookie, as long as it is good


def home(token: str) -> str:
    """The page of a link."""
    return f"/guest/{token}"


def guest(world: World, token: str) -> Guest | None:
    """Who has come in by this link in this browser."""
    return entry.guest(world, token, request.cookies.get(_name(world, token)))


def keep(world: World, answer: Response, token: str, cookie: str) -> Response:
    """Let the browser keep what shows that it came in. A cookie for each link: a clinic has several open at once."""
    secure = world.settings.secure_cookies
    answer.set_cookie(_name(world, token), cookie, path="/", max_age=LIFE, secure=secure, httponly=True, samesite="Lax")
    return answer


def demand_own_form(who: Guest) -> None:
    """Raise Forbidden unless the form was shown to this guest by a page of ours."""
    sent = request.form.get("csrf", "").encode("utf-8", "surrogatepass")
    if sign_in.from_elsewhere() or not hmac.compare_digest(sent, who.csrf.encode()):
        raise Forbidden(spoken("guest.this-form-does-not-come"), "http.csrf")


def speak(otherwise: str = "") -> str:
    """Have the page read in the language that its reader chose, else in that of the link, else the browser's; which it
    is."""
    read_in(otherwise)
    read_in(request.values.get("lang", ""))
    return reads()


def over(world: World, status: int = 404) -> Response:
    """The page of a link that is good no longer, or never was: the same for both."""
    speak()
    return sign_in.form_page(world, status, "guest_over.html", asked=False)


def install(pages: Blueprint, world: World) -> None:
    """The way in, for every kind of link: the code, and the wish for a new link."""
    @pages.errorhandler(NotFound)
    def gone(_: NotFound) -> Response:
        return over(world)

    @pages.post("/guest/<token>/code")
    def enter(token: str) -> Response:
        link = entry.at(world, token)
        if not sign_in.own_form(world):
            return ask(world, 403, link.audience, link.language, "expired")
        cookie = entry.enter(world, token, request.form.get("code", "")[:100], request_id())
        if cookie is None:
            return ask(world, 401, link.audience, link.language, "wrong")
        return keep(world, redirect(home(token), 303), token, cookie)

    @pages.post("/guest/<token>/new")
    def want(token: str) -> Response:
        if not sign_in.own_form(world):
            return over(world, 403)
        entry.ask_anew(world, token, request_id())
        speak()
        return make_response(render_template("guest_over.html", asked=True))


def ask(world: World, status: int, audience: str, of_link: str, fault: str = "") -> Response:
    """The page that asks for the code, or the date of birth: all that is said before is that it is a link."""
    speak(of_link)
    return sign_in.form_page(world, status, "guest_code.html", audience=audience, fault=fault)


def _name(world: World, token: str) -> str:
    own = f"cc-guest-{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return f"__Host-{own}" if world.settings.secure_cookies else own
