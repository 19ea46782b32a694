"""`/apps`, for admins: apps that wait for an answer, those that are let in, and adding one by hand."""

from collections.abc import Mapping
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
from carecoord.words.catalogue import capitalized, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

APPS: Final = "/apps"
SCOPE: Final = "launch launch/patient openid fhirUser offline_access patient/*.rs"
METHODS: Final[Mapping[str, str]] = Glossary(
    {
        "none": sentence("people.methods.none"),
        "client_secret_basic": sentence("people.methods.client-secret-basic"),
        "private_key_jwt": sentence("people.methods.private-key-jwt"),
    }
)
ABOUT_USERS: Final[Mapping[str, str]] = Glossary(
    {  # what a consent page says to the person, said to the admin
        "openid": sentence("people.about-users.openid"),
        "fhirUser": sentence("people.about-users.fhirUser"),
        "profile": sentence("people.about-users.profile"),
        "offline_access": sentence("people.about-users.offline-access"),
        "online_access": sentence("people.about-users.online-access"),
    }
)
WHOSE: Final[Mapping[str, str]] = Glossary(
    {
        "patient": sentence("people.whose.patient"),
        "user": sentence("people.whose.user"),
        "system": sentence("people.whose.system"),
    }
)


def blueprint(world: World, *, by_themselves: bool) -> Blueprint:
    """The page and what its forms do. `by_themselves`: apps may register themselves here."""
    pages = Blueprint("apps_page", __name__)
    sign_in.guard(pages, world)
    page = _Page(world, by_themselves)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-apps"):
            raise errors.Forbidden(spoken("people.apps-looked-after-by-admins"))

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
        return page.show(done=spoken("people.approved", name=found.name))

    @pages.post(f"{APPS}/refuse")
    def refuse() -> Response:
        found = registration.refuse(world, *_asked(), request=request_id())
        return page.show(done=spoken("people.turned-away", name=found.name))

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
        return page.show(done=spoken("people.added", name=made.name), client_id=made.id, secret=secret)


def _change(pages: Blueprint, world: World, page: "_Page") -> None:
    @pages.post(f"{APPS}/disable")
    def disable() -> Response:
        registration.disable(world, *_asked(), request=request_id())
        return page.show(done=spoken("people.app-disabled-its-access-tokens"))

    @pages.post(f"{APPS}/enable")
    def enable() -> Response:
        registration.enable(world, *_asked(), request=request_id())
        return page.show(done=spoken("people.app-enabled-again"))

    @pages.post(f"{APPS}/secret")
    def secret() -> Response:
        grant, id = _asked()
        made = registration.new_secret(world, grant, id, request=request_id())
        return page.show(done=spoken("people.old-secret-worth-nothing-any"), client_id=id, secret=made)

    @pages.post(f"{APPS}/redirect")
    def redirect() -> Response:
        grant, id = _asked()
        uris = tuple(request.form.get("redirect_uris", "").split())
        try:
            registration.change_redirect_uris(world, grant, id, uris, request=request_id())
        except errors.Invalid as refused:
            return page.show(422, problem=refused.text)
        return page.show(done=spoken("people.app-takes-its-codes-there"))


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
        at = datetime.fromtimestamp(seconds, UTC).astimezone(self._zone)
        return f"{say(at.date())}, {at:%H:%M}"


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
        return spoken("people.nothing-it-public-app")
    if app.client.method == "private_key_jwt":
        return (
            spoken("people.its-keys-at", jwks_url=app.client.jwks_url)
            if app.client.jwks_url
            else spoken("people.keys-that-it-gave-when")
        )
    return "a secret"
