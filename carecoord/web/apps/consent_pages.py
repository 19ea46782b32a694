"""The pages on which a person lets an app in: pick a patient, pick an encounter, consent. Then what they have let in,
and starting an app from a referral.

Clause: SMART App Launch 2.2 app-launch.html. Nothing is kept between the pages: each form carries the app's request
as it came, and it is validated again every time.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from auth.people.sessions import Session
from auth.server.authorize import AuthorizationRequest
from auth.server.issuer import AUTHORIZE_PATH, MANAGE_PATH, Issuer
from carecoord import errors
from carecoord.actions.apps import authorize as apps_authorize
from carecoord.actions.apps.authorize import Choice, Params
from carecoord.domain.apps import scopes_in_words
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.web.server.headers import CONTENT_SECURITY_POLICY
from carecoord.words.catalogue import capitalized, spoken
from carecoord.world import World

CONSENT_PATH = "/oauth/consent"


@dataclass(frozen=True)
class AuthorizationForm:
    """One person in front of one app's request, with what they have picked so far (`patient`, `encounter`: ids)."""

    world: World
    issuer: Issuer
    params: Params
    who: Session
    wanted: AuthorizationRequest
    picked: dict[str, str]

    @property
    def patient(self) -> str | None:
        found: str | None = self.wanted.context.get("patient") or self.picked.get("patient")
        return found


def blueprint(world: World, issuer: Issuer) -> Blueprint:
    """`/oauth/authorize` for anybody; `/oauth/consent`, `/account/apps` and the launching of apps behind sign-in."""
    pages = Blueprint("authorize", __name__)

    @pages.route(AUTHORIZE_PATH, methods=["GET", "POST"])
    def begin() -> Response:
        if request.method == "POST":  # an app's own form: the browser sends our cookie only when it comes by GET
            return redirect(f"{AUTHORIZE_PATH}?{urlencode(list(request.form.items(multi=True)))}", 303)
        return _begin(world, issuer, MultiDict(request.args))

    people = Blueprint("people", __name__)
    people.add_app_template_filter(capitalized)
    sign_in.guard(people, world)
    _consent(people, world, issuer)
    _manage(people, world)
    _launch(people, world, issuer)
    pages.register_blueprint(people)
    return pages


def _consent(pages: Blueprint, world: World, issuer: Issuer) -> None:
    @pages.post(CONSENT_PATH)
    def go_on() -> Response:
        params: Params = MultiDict(parse_qsl(request.form.get("request", ""), keep_blank_values=True))
        picked = {name: value for name in ("patient", "encounter") if (value := request.form.get(name))}
        who = sign_in.session()
        try:
            form = AuthorizationForm(
                world, issuer, params, who, apps_authorize.read_request(world, issuer, params, who), picked
            )
            return _decided(form) or _next(form)
        except OAuth2Error as error:
            return _failed(world, issuer, error)


def _manage(pages: Blueprint, world: World) -> None:
    @pages.get(MANAGE_PATH)
    def mine() -> str:
        given = [
            (each, scopes_in_words.named(each.scope))
            for each in apps_authorize.own_authorizations(world, sign_in.session())
        ]
        return render_template("apps_given.html", given=given)

    @pages.post(f"{MANAGE_PATH}/<id>/revoke")
    def take_back(id: str) -> Response:
        apps_authorize.revoke(world, sign_in.session(), id, request_id())
        return redirect(MANAGE_PATH, 303)


def _launch(pages: Blueprint, world: World, issuer: Issuer) -> None:
    @pages.get("/referrals/<id>/apps")
    def apps(id: str) -> str:
        return render_template("apps.html", apps=apps_authorize.launchable_apps(world), referral=id)

    @pages.get("/referrals/<id>/apps/<client>")
    def start(id: str, client: str) -> Response:
        return redirect(apps_authorize.start_app(world, issuer, sign_in.session(), client, id, request_id()), 303)


def _begin(world: World, issuer: Issuer, params: Params) -> Response:
    who = sign_in.current(world)
    try:
        wanted = apps_authorize.read_request(world, issuer, params, who)
    except OAuth2Error as error:
        return _failed(world, issuer, error)
    now = int(world.clock().timestamp())
    if who is None or wanted.needs_sign_in(who.started, now):
        back = f"{AUTHORIZE_PATH}?{urlencode(list(params.items(multi=True)))}"
        return redirect(f"/sign-in?{urlencode({'next': back, 'again': '1'})}", 303)
    if wanted.launched_by not in (None, who.user.id):
        raise errors.Forbidden(spoken("people.somebody-else-started-this-app"))
    if "none" in wanted.prompt:
        return redirect(apps_authorize.refuse(world, issuer, params, who, "consent_required"), 303)
    return _next(AuthorizationForm(world, issuer, params, who, wanted, {}))


def _next(form: AuthorizationForm) -> Response:
    """The page that asks what is still open."""
    if form.wanted.needs_patient() and not form.patient:
        return _pick_patient(form)
    if form.wanted.needs_encounter() and form.patient and "encounter" not in form.picked:
        return _pick_encounter(form)
    return _ask(form)


def _decided(form: AuthorizationForm) -> Response | None:
    """The redirect to the app, once the person has said yes or no."""
    decision = request.form.get("decision")
    if decision == "deny":
        to = apps_authorize.refuse(form.world, form.issuer, form.params, form.who, "access_denied", request_id())
    elif decision == "allow":
        scope = " ".join([*scopes_in_words.silent(form.wanted.scopes), *request.form.getlist("scope")])
        to = apps_authorize.allow(
            form.world, form.issuer, form.params, form.who, scope, form.picked, request_id()
        )  # fmt: skip
    else:
        return None
    return redirect(to, 303)


def _pick_patient(form: AuthorizationForm) -> Response:
    said = request.form.get("words", "").strip()[:100]
    found = apps_authorize.patients(form.world, form.who.grant(), said, request_id())
    return _page(form, "pick_patient.html", found=found, words=said)


def _pick_encounter(form: AuthorizationForm) -> Response:
    found = apps_authorize.encounters(form.world, form.who.grant(), str(form.patient), request_id())
    return _page(form, "pick_encounter.html", found=found, patient=_of(form))


def _ask(form: AuthorizationForm) -> Response:
    lines = scopes_in_words.lines(form.wanted.scopes)
    return _page(form, "consent.html", lines=lines, patient=_of(form), days=apps_authorize.DAYS)


def _of(form: AuthorizationForm) -> Choice | None:
    grant = form.who.grant()
    return apps_authorize.patient(form.world, grant, form.patient, request_id()) if form.patient else None


def _about(times: Times, pick: Choice) -> str:
    """What tells a patient, or an encounter, from another."""
    said = (times.stored(pick.at), pick.code.replace("-", " "), spoken("people.mrn", mrn=pick.mrn) if pick.mrn else "")
    return " · ".join(part for part in said if part)


def _page(form: AuthorizationForm, template: str, **more: Any) -> Response:
    """A page whose form may end at the app: browsers hold form-action against the redirect too."""
    carried = {"request": urlencode(list(form.params.items(multi=True))), **form.picked}
    times = Times(form.world.clock(), ZoneInfo(form.world.settings.timezone))
    page = render_template(
        template, about=partial(_about, times), app=form.wanted.client, carried=carried,
        host=urlsplit(form.wanted.redirect_uri).hostname,
        action=CONSENT_PATH, csrf=form.who.csrf, me=form.who.user, **more,
    )  # fmt: skip
    answer = make_response(page)
    own = f"form-action 'self' {_origin(form.wanted.redirect_uri)}"
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace("form-action 'self'", own)
    return answer


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"


def _failed(world: World, issuer: Issuer, error: OAuth2Error) -> Response:
    """To the app where we know that the address is its own; else only to the person (RFC 6749 section 4.1.2.1)."""
    if error.redirect_uri:
        return redirect(apps_authorize.error_redirect(world, issuer, error), 303)
    raise errors.Invalid(spoken("people.app-asked-in-way-that", get_error_description=error.get_error_description()))
