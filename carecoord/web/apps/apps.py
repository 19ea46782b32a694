"""`/apps`, for admins: apps that wait for an answer, those that are let in, and adding one by hand."""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord import errors
from carecoord.actions.apps import registration
from carecoord.actions.apps.registration import App, NewApp
from carecoord.domain.access import verbs
from carecoord.domain.apps import scopes_in_words
from carecoord.domain.apps.scopes_in_words import Line
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import capitalized
from carecoord.world import World

APPS: Final = "/apps"
SCOPE: Final = "launch launch/patient openid fhirUser offline_access patient/*.rs"
METHODS: Final = {
    "none": "No secret: it runs in a browser or on a telephone",
    "client_secret_basic": "A secret, which is shown once",
    "private_key_jwt": "Its own keys, published at its JWKS URL",
}
ABOUT_USERS: Final = {  # what a consent page says to the person, said to the admin
    "openid": "Recognise its users",
    "fhirUser": "Know who its users are",
    "profile": "Know its users' names",
    "offline_access": "Stay connected while its user is away, for up to 90 days",
    "online_access": "Stay connected while its user works, for up to 12 hours",
}
WHOSE: Final = {
    "patient": "of the patient who is open",
    "user": "of everybody whose record its user may see",
    "system": "of everybody, with no person there",
}


def blueprint(world: World, *, by_themselves: bool) -> Blueprint:
    """The page and what its forms do. `by_themselves`: apps may register themselves here."""
    pages = Blueprint("apps_page", __name__)
    sign_in.guard(pages, world)
    page = _Page(world, by_themselves)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-apps"):
            raise errors.Forbidden("Apps are looked after by admins. Ask one of yours.")

    @pages.get(APPS)
    def show() -> Response:
        return page.show()

    _decide(pages, world, page)
    _change(pages, world, page)
    return pages


def _decide(pages: Blueprint, world: World, page: "_Page") -> None:
    @pages.post(f"{APPS}/approve")
    def approve() -> Response:
        grant, id = _asked()
        kept = scopes_in_words.silent(registration.app(world, grant, id).scopes)
        try:
            scope = " ".join([*kept, *request.form.getlist("scope")])
            found = registration.approve(world, grant, id, scope, request=request_id())
        except errors.Invalid as refused:
            return page.show(422, problem=refused.text)
        return page.show(done=f"{found.name} is approved.")

    @pages.post(f"{APPS}/refuse")
    def refuse() -> Response:
        found = registration.refuse(world, *_asked(), request=request_id())
        return page.show(done=f"{found.name} is turned away.")

    @pages.post(f"{APPS}/add")
    def add() -> Response:
        form = request.form
        new = NewApp(
            form.get("name", ""), tuple(form.get("redirect_uris", "").split()), form.get("scope", ""),
            form.get("method", "none"), form.get("launch_url") or None, form.get("jwks_url") or None,
        )  # fmt: skip
        try:
            made, secret = registration.add(world, sign_in.session().grant(), new, request=request_id())
        except errors.Invalid as refused:
            return page.show(422, wrong=refused.text)
        return page.show(done=f"{made.name} is added.", client_id=made.id, secret=secret)


def _change(pages: Blueprint, world: World, page: "_Page") -> None:
    @pages.post(f"{APPS}/disable")
    def disable() -> Response:
        registration.disable(world, *_asked(), request=request_id())
        return page.show(done="The app is disabled; its access tokens are worth nothing from now on.")

    @pages.post(f"{APPS}/enable")
    def enable() -> Response:
        registration.enable(world, *_asked(), request=request_id())
        return page.show(done="The app is enabled again.")

    @pages.post(f"{APPS}/secret")
    def secret() -> Response:
        grant, id = _asked()
        made = registration.new_secret(world, grant, id, request=request_id())
        return page.show(done="The old secret is worth nothing any more.", client_id=id, secret=made)

    @pages.post(f"{APPS}/redirect")
    def redirect() -> Response:
        grant, id = _asked()
        uris = tuple(request.form.get("redirect_uris", "").split())
        try:
            registration.change_redirect_uris(world, grant, id, uris, request=request_id())
        except errors.Invalid as refused:
            return page.show(422, problem=refused.text)
        return page.show(done="The app takes its codes there from now on.")


class _Page:
    """The page, with what just happened on it."""

    def __init__(self, world: World, by_themselves: bool) -> None:
        self._world, self._by_themselves = world, by_themselves
        self._zone = ZoneInfo(world.settings.timezone)

    def show(self, status: int = 200, **about: Any) -> Response:
        """The page as it is now. A secret on it is shown this once."""
        found = registration.apps(self._world, sign_in.session().grant())
        page = render_template(
            "apps_admin.html", waiting=[one for one in found if one.client.pending],
            apps=[one for one in found if not one.client.pending], methods=METHODS, scope=SCOPE, form=request.form,
            by_themselves=self._by_themselves, day=self._day, says=_says, whose=_whose, proof=_proof, **about,
        )  # fmt: skip
        return make_response(page, status)

    def _day(self, seconds: int) -> str:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone(self._zone):%d %b %Y, %H:%M}"


def _asked() -> tuple[Grant, str]:
    return sign_in.session().grant(), request.form.get("id", "")


def _says(line: Line) -> str:
    return ABOUT_USERS.get(line.value) or capitalized(line.says)


def _whose(value: str) -> str:
    """Whose record a scope speaks of."""
    return WHOSE.get(value.partition("/")[0], "") if "/" in value else ""


def _proof(app: App) -> str:
    """How the app proves that it is itself."""
    if app.client.method == "none":
        return "nothing: it is a public app"
    if app.client.method == "private_key_jwt":
        return f"its keys at {app.client.jwks_url}" if app.client.jwks_url else "keys that it gave when it registered"
    return "a secret"
