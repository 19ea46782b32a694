"""A person's own account: who they are, the password, second factors, passkeys, and where they are signed in."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import segno
from flask import Blueprint, jsonify, make_response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from auth.errors import BadRegistration, BadSignIn, Locked, Refused
from auth.people.sessions import SHORTEST_PASSWORD
from carecoord import errors
from carecoord.actions.people import account
from carecoord.actions.people.account import ReauthenticationNeeded
from carecoord.actions.people.refusals import why
from carecoord.web.page import language
from carecoord.web.page.devices import device
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.people.second_step import told
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

ACCOUNT = "/account"
PROOF = "/account/proof"
APP = "/account/authenticator"
SECOND = 1_000_000  # microseconds
WAYS: Mapping[str, str] = Glossary(
    {
        "pwd": sentence("people.ways.pwd"),
        "pwd otp": sentence("people.ways.pwd-otp"),
        "pwd hwk": sentence("people.ways.pwd-hwk"),
        "hwk": sentence("people.ways.hwk"),
    }
)


def blueprint(world: World) -> Blueprint:
    """`/account` and what is under it. A session that is only good for setting up a second factor gets no further."""
    pages = Blueprint("account", __name__)
    sign_in.guard(pages, world, also="enrol")
    zone = ZoneInfo(world.settings.timezone)

    @pages.before_request
    def only_set_up() -> Response | None:
        enrols = request.path in (sign_in.SET_UP, PROOF, "/account/passkeys") or request.path.startswith(
            (APP, f"{PROOF}/", "/account/passkeys/options")
        )
        return None if sign_in.session().kind == "desk" or enrols else redirect(sign_in.SET_UP, 303)

    @pages.app_template_filter("said")
    def said(seconds: int) -> str:
        return Times(world.clock(), zone).exact(seconds * SECOND)

    @pages.errorhandler(ReauthenticationNeeded)
    def unproved(error: ReauthenticationNeeded) -> Response:
        if request.path.endswith("/options"):
            return told(spoken("people.too-long-ago-reload-page"), 403)
        return redirect(f"{PROOF}?{urlencode({'next': _back()})}", 303)

    _own(pages, world)
    _proofs(pages, world)
    _authenticator(pages, world)
    _keys(pages, world)
    return pages


def _own(pages: Blueprint, world: World) -> None:
    @pages.get(ACCOUNT)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{ACCOUNT}/password")
    def password() -> Response:
        current, one, two = (request.form.get(name, "") for name in ("current", "password", "again"))
        if one != two:
            return _page(world, 422, ("password", spoken("people.two-new-passwords-not-same")))
        try:
            account.change_password(world, sign_in.session(), current, one, request_id())
        except (BadSignIn, Locked) as refused:
            return _page(world, refused.status if refused.status != 401 else 422, ("password", why(refused)))
        except BadRegistration as refused:
            return _page(world, 422, ("password", why(refused)))
        return redirect(f"{ACCOUNT}?done=password", 303)

    @pages.post(f"{ACCOUNT}/organization")
    def organization() -> Response:
        account.work_for(world, sign_in.session(), request.form.get("organization", ""), request_id())
        return redirect(f"{ACCOUNT}?done=organization", 303)

    @pages.post(f"{ACCOUNT}/language")
    def read_in() -> Response:
        chosen = request.form.get("language", "")
        account.read_in(world, sign_in.session(), chosen, request_id())
        return language.keep(redirect(f"{ACCOUNT}?done=language", 303), chosen, secure=world.settings.secure_cookies)

    @pages.get(sign_in.SET_UP)
    def second_factor() -> str:
        about = account.overview(world, sign_in.session())
        bound = sign_in.session().kind != "desk"
        target = sign_in.safe_next(request.args.get("next"))
        return render_template("account_second_factor.html", account=about, bound=bound, next=target)

    @pages.post(f"{ACCOUNT}/sessions/<hash>/end")
    def end(hash: str) -> Response:
        account.end_session(world, sign_in.session(), _bytes(hash), request_id())
        return redirect(f"{ACCOUNT}?done=session#sessions", 303)


def _proofs(pages: Blueprint, world: World) -> None:
    @pages.get(PROOF)
    def proof() -> Response:
        return _proof(world, 200)

    @pages.post(PROOF)
    def prove() -> Response:
        password, code = request.form.get("password", ""), request.form.get("code", "")
        try:
            account.reauthenticate(world, sign_in.session(), request_id(), password=password, code=code)
        except Refused as refused:
            return _proof(world, 422 if refused.status == 401 else refused.status, why(refused))
        return redirect(sign_in.safe_next(request.form.get("next")), 303)

    @pages.post(f"{PROOF}/options")
    def options() -> Response:
        return _options(lambda: account.reauthentication_options(world, sign_in.session()))

    @pages.post(f"{PROOF}/passkey")
    def by_passkey() -> Response:
        try:
            account.reauthenticate_by_passkey(
                world, sign_in.session(), request.form.get("credential", ""), request_id()
            )
        except Refused as refused:
            return _proof(world, 422, why(refused))
        return redirect(sign_in.safe_next(request.form.get("next")), 303)


def _authenticator(pages: Blueprint, world: World) -> None:
    @pages.post(APP)
    def offer() -> Response:
        account.offer_authenticator(world, sign_in.session())
        return redirect(APP, 303)

    @pages.get(APP)
    def scan() -> Response:
        return _scan(world, 200)

    @pages.post(f"{APP}/confirm")
    def confirm() -> Response:
        try:
            codes = account.confirm_authenticator(
                world, sign_in.session(), request.form.get("code", ""), request_id()
            )  # fmt: skip
        except BadSignIn as refused:
            return _scan(world, 422, why(refused))
        return _codes(codes, "app")

    @pages.post(f"{APP}/remove")
    def remove() -> Response:
        account.remove_authenticator(world, sign_in.session(), request_id())
        return redirect(f"{ACCOUNT}?done=app-removed#factors", 303)

    @pages.post(f"{ACCOUNT}/recovery")
    def recovery() -> Response:
        return _codes(account.renew_codes(world, sign_in.session(), request_id()), "codes")


def _keys(pages: Blueprint, world: World) -> None:
    @pages.post(f"{ACCOUNT}/passkeys/options")
    def key_options() -> Response:
        return _options(lambda: account.offer_passkey(world, sign_in.session()))

    @pages.post(f"{ACCOUNT}/passkeys")
    def add_key() -> Response:
        sent, name = request.form.get("credential", ""), request.form.get("name", "")
        try:
            codes = account.add_passkey(
                world, sign_in.session(), sent, name or device(str(request.user_agent)), request_id()
            )  # fmt: skip
        except Refused as refused:
            return _page(world, 422, ("passkey", why(refused)))
        return _codes(codes, "passkey")

    @pages.post(f"{ACCOUNT}/passkeys/<id>/remove")
    def remove_key(id: str) -> Response:
        account.remove_passkey(world, sign_in.session(), _bytes(id), request_id())
        return redirect(f"{ACCOUNT}?done=passkey-removed#factors", 303)


DONE: Mapping[str, str] = Glossary(
    {
        "password": sentence("people.done.password"),
        "session": sentence("people.done.session"),
        "organization": sentence("people.done.organization"),
        "language": sentence("people.done.language"),
        "app": sentence("people.done.app"),
        "app-removed": sentence("people.done.app-removed"),
        "passkey": sentence("people.done.passkey"),
        "passkey-removed": sentence("people.done.passkey-removed"),
        "codes": sentence("people.done.codes"),
    }
)


def _page(world: World, status: int = 200, problem: tuple[str, str] = ("", "")) -> Response:
    """The account; `problem`: the form that was refused, and why."""
    mine = sign_in.session()
    about = account.overview(world, mine)
    done = DONE.get(request.args.get("done", ""))
    fresh = mine.fresh(int(world.clock().timestamp()))
    page = render_template(
        "account.html", account=about, mine=mine, done=done, fresh=fresh, device=device, ways=WAYS,
        shortest=SHORTEST_PASSWORD, here=device(str(request.user_agent)), wrong=problem[0], problem=problem[1],
        release=version("carecoord"),
    )  # fmt: skip
    return make_response(page, status)


def _codes(codes: list[str], what: str) -> Response:
    """The recovery codes, shown this once; or back to the account when there are none to show."""
    if not codes:
        return redirect(f"{ACCOUNT}?done={what}#factors", 303)
    return make_response(render_template("account_codes.html", codes=codes, done=DONE[what]))


def _scan(world: World, status: int, problem: str = "") -> Response:
    found = account.offered_secret(world, sign_in.session())
    if found is None:
        return redirect(f"{ACCOUNT}#factors", 303)
    drawn = segno.make(found.address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass="qr")
    grouped = " ".join(found.secret[i : i + 4] for i in range(0, len(found.secret), 4))
    page = render_template("account_authenticator.html", qr=Markup(drawn), secret=grouped, problem=problem)  # noqa: S704
    return make_response(page, status)


def _proof(world: World, status: int, problem: str = "") -> Response:
    about = account.overview(world, sign_in.session())
    target = sign_in.safe_next(request.values.get("next") or ACCOUNT)
    return make_response(render_template("account_proof.html", account=about, problem=problem, next=target), status)


def _options(ask: Any) -> Response:
    try:
        return jsonify(ask())
    except errors.Conflict as refused:
        return told(refused.text, refused.status)


def _back() -> str:
    """Where to go on after a proof: a page that can be shown again."""
    return request.path if request.method in sign_in.SAFE else ACCOUNT


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise errors.NotFound(spoken("people.there-nothing-that-name")) from None
