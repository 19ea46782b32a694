"""The second step of a sign-in, the passkey that needs no first one, and the page behind an invitation's link: forms
for people who have no session yet."""

from urllib.parse import urlencode

from flask import Blueprint, jsonify, make_response, redirect, request
from werkzeug.wrappers import Response

from auth.errors import BadRegistration, Locked, Refused
from auth.people.sessions import SHORTEST_PASSWORD
from carecoord import errors
from carecoord.actions.people import people, sign_in
from carecoord.actions.people.refusals import why
from carecoord.web.people import sign_in as people_sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import sentence
from carecoord.world import World

LOST = sentence("people.lost")


def blueprint(world: World) -> Blueprint:
    """`/sign-in/second-step`, `/sign-in/code`, `/sign-in/passkey` and `/invitation/<secret>`."""
    pages = Blueprint("second_step", __name__)
    _codes(pages, world)
    _keys(pages, world)
    _invitations(pages, world)
    return pages


def _codes(pages: Blueprint, world: World) -> None:
    @pages.get(people_sign_in.SECOND_STEP)
    def show() -> Response:
        return _page(world, 200)

    @pages.post("/sign-in/code")
    def code() -> Response:
        if not people_sign_in.own_form(world):
            return _page(world, 403, spoken("people.form-had-expired-please-try"))
        typed = request.form.get("code", "")
        try:
            pending, browser = people_sign_in.pending_sign_in(world), people_sign_in.browser(world)
            entered = sign_in.verify_code(world, pending, typed, browser)
        except Locked as locked:
            return _page(world, 429, why(locked), locked.seconds)
        except Refused as refused:
            return _page(world, 401, why(refused))
        return people_sign_in.set_session(world, entered, request.form.get("next"))


def _keys(pages: Blueprint, world: World) -> None:
    @pages.post("/sign-in/passkey/options")
    def options() -> Response:
        if not people_sign_in.own_form(world):
            return told(spoken("people.form-had-expired-reload-page"), 403)
        try:
            return jsonify(sign_in.passkey_options(world, people_sign_in.form_token(world), _half(world)))
        except errors.Conflict as refused:
            return told(refused.text, refused.status)
        except Refused as refused:
            return told(why(refused), refused.status)

    @pages.post("/sign-in/passkey")
    def passkey() -> Response:
        back = _page if "second" in request.form else people_sign_in.page
        if not people_sign_in.own_form(world):
            return back(world, 403, spoken("people.form-had-expired-please-try"))
        sent, bound = request.form.get("credential", ""), people_sign_in.form_token(world)
        try:
            entered = sign_in.verify_passkey(world, sent, bound, people_sign_in.browser(world), _half(world))
        except Refused as refused:
            return back(world, 401, why(refused))
        return people_sign_in.set_session(world, entered, request.form.get("next"))


def _invitations(pages: Blueprint, world: World) -> None:
    @pages.get("/invitation/<secret>")
    def invited(secret: str) -> Response:
        return _invitation(world, secret, 200)

    @pages.post("/invitation/<secret>")
    def accept(secret: str) -> Response:
        if not people_sign_in.own_form(world):
            return _invitation(world, secret, 403, spoken("people.form-had-expired-please-try"))
        one, two = request.form.get("password", ""), request.form.get("again", "")
        if one != two:
            return _invitation(world, secret, 422, spoken("people.two-passwords-not-same-type"))
        try:
            people.accept(world, secret, one, request_id())
        except BadRegistration as refused:
            return _invitation(world, secret, 422, why(refused))
        except errors.Gone:
            return _invitation(world, secret, 410)
        return people_sign_in.page(world, 200, said=spoken("people.your-password-set-sign-in"))


def told(problem: str, status: int) -> Response:
    """Why a script of ours does not get what it asked for."""
    return make_response(jsonify(problem=problem), status)


def _page(world: World, status: int, problem: str = "", wait: int = 0) -> Response:
    """The second step, or back to the first one when nothing waits for a second."""
    target = people_sign_in.safe_next(request.values.get("next"))
    step = sign_in.second_step(world, people_sign_in.pending_sign_in(world))
    if step is None:
        if request.method == "POST":
            return people_sign_in.page(world, 401, problem or spoken("people.that-took-too-long-sign"))
        return redirect(f"/sign-in?{urlencode({'next': target})}", 303)
    return people_sign_in.form_page(
        world, status, "second_step.html", wait, problem=problem, next=target, kinds=step.kinds, who=step.who
    )


def _invitation(world: World, secret: str, status: int, problem: str = "") -> Response:
    found = people.find_invitation(world, secret)
    if found is None:
        return people_sign_in.form_page(world, 410, "invitation.html", problem=say(LOST), who=None)
    return people_sign_in.form_page(
        world, status, "invitation.html", problem=problem, who=found.who, shortest=SHORTEST_PASSWORD
    )


def _half(world: World) -> str | None:
    """The half-made sign-in that a passkey is to finish; None when it is to sign in alone."""
    return (people_sign_in.pending_sign_in(world) or "") if "second" in request.form else None
