"""What machines look for at fixed places: whom to tell of a hole (RFC 9116), where a password is changed (W3C, a
well-known URL for changing passwords), and that nothing here is for search engines (RFC 9309)."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, abort, redirect
from werkzeug.wrappers import Response as AnyResponse

from carecoord.world import World

PLAIN: Final = "text/plain; charset=utf-8"
_HOLDS: Final = timedelta(days=180)  # less than a year, as RFC 9116 2.5.5 advises


def blueprint(world: World) -> Blueprint:
    """The three addresses."""
    routes = Blueprint("well_known", __name__)

    @routes.get("/.well-known/security.txt")
    def security() -> Response:
        contact = world.settings.security_contact
        if not contact:
            abort(404)
        until = (world.clock() + _HOLDS).strftime("%Y-%m-%dT00:00:00Z")
        here = f"{world.settings.url}/.well-known/security.txt"
        lines = (f"Contact: {contact}", f"Expires: {until}", "Preferred-Languages: en, es", f"Canonical: {here}")
        return Response("".join(f"{line}\n" for line in lines), content_type=PLAIN)

    @routes.get("/.well-known/change-password")
    def change_password() -> AnyResponse:
        return redirect("/account", 302)

    @routes.get("/robots.txt")
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /\n", content_type=PLAIN)

    return routes
