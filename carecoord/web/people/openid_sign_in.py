"""Signing in at an organization's own OpenID provider: the way there, the way back, the buttons on the sign-in page.

The way there is a GET, for a form's redirect to another host is stopped by our form-action policy. On the way back the
browser must show the cookie that it left with: the state alone may have been planted by somebody else.
"""

import secrets
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.people import openid_sign_in
from carecoord.actions.people.openid_sign_in import ProviderCallback
from carecoord.errors import Problem
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.world import World

COOKIE: Final = "cc-openid"


def blueprint(world: World) -> Blueprint:
    """`/sign-in/with/<provider>` and `/sign-in/callback/<provider>`; the template of the sign-in page gets `providers`,
    pairs of id and name."""
    pages = Blueprint("entering", __name__)
    known = openid_sign_in.new_caches(world)
    secure = world.settings.secure_cookies
    name = f"__Host-{COOKIE}" if secure else COOKIE

    @pages.get("/sign-in/with/<provider>")
    def go(provider: str) -> Response:
        went = request.cookies.get(name) or secrets.token_urlsafe(32)
        target = sign_in.safe_next(request.args.get("next"))
        try:
            answer = redirect(openid_sign_in.begin(world, known, provider, target, went), 303)
        except Problem as problem:
            return _not_in(world, provider, problem, target)
        answer.set_cookie(name, went, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    @pages.get("/sign-in/callback/<provider>")
    def arrive(provider: str) -> Response:
        visit = ProviderCallback(request.args, request.cookies.get(name, ""), sign_in.browser(world))
        try:
            entered, target = openid_sign_in.finish(world, known, provider, visit)
        except Problem as problem:
            return _not_in(world, provider, problem)
        answer = sign_in.set_session(world, entered, target)
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    @pages.app_context_processor
    def buttons() -> dict[str, object]:
        shown = request.path.startswith(("/sign-in", "/invitation/"))  # wherever the sign-in page is what is answered
        return {"providers": openid_sign_in.buttons(world)} if shown else {}

    return pages


def _not_in(world: World, provider: str, problem: Problem, target: str = "/") -> Response:
    """Why somebody is not signed in, and the ways on."""
    way = next(((id, name) for id, name in openid_sign_in.buttons(world) if id == provider), None)
    page = render_template("not_entered.html", problem=problem.text, way=way, next=target, request_id=request_id())
    return make_response(page, problem.status)
