"""Signing in at an organization's own OpenID provider: the way there, the way back, the buttons on the sign-in page.

The way there is a GET, for a form's redirect to another host is stopped by our form-action policy. On the way back the
browser must show the cookie that it left with: the state alone may have been planted by somebody else.
"""

import secrets
from typing import Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from carecoord.actions import entering
from carecoord.actions.entering import Visit
from carecoord.web import signin
from carecoord.world import World

WENT: Final = "cc-went"


def blueprint(world: World) -> Blueprint:
    """`/sign-in/with/<provider>` and `/sign-in/came/<provider>`; the template of the sign-in page gets `providers`,
    pairs of id and name."""
    pages = Blueprint("entering", __name__)
    known = entering.sources(world)
    secure = world.settings.secure_cookies
    name = f"__Host-{WENT}" if secure else WENT

    @pages.get("/sign-in/with/<provider>")
    def go(provider: str) -> Response:
        went = request.cookies.get(name) or secrets.token_urlsafe(32)
        answer = redirect(entering.go(world, known, provider, signin.local(request.args.get("next")), went), 303)
        answer.set_cookie(name, went, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    @pages.get("/sign-in/came/<provider>")
    def arrive(provider: str) -> Response:
        visit = Visit(request.args, request.cookies.get(name, ""), signin.browser(world))
        entered, target = entering.arrive(world, known, provider, visit)
        answer = signin.let_in(world, entered, target)
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    @pages.app_context_processor
    def buttons() -> dict[str, object]:
        shown = request.path.startswith(("/sign-in", "/invitation/"))  # wherever the sign-in page is what is answered
        return {"providers": entering.offered(world)} if shown else {}

    return pages
