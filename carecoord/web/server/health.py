"""`/healthz`: this process answers; where it does not, restarting it may help. `/readyz`: it can do its work now, else
503 and what is lacking; where it can not, others should be asked. Open to all, they say nothing else.

A server whose database is away must not be restarted for it, so `/healthz` looks at nothing.
"""

from flask import Blueprint, Response

from carecoord.actions.server import health
from carecoord.world import World

PLAIN = "text/plain; charset=utf-8"


def blueprint(world: World) -> Blueprint:
    """The two addresses."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type=PLAIN)

    @routes.get("/readyz")
    def readyz() -> Response:
        lacking = health.lacking(world)
        if not lacking:
            return Response("ready\n", content_type=PLAIN)
        told = "".join(f"{name}: {wrong}\n" for name, wrong in lacking.items())
        return Response(told, 503, {"Retry-After": "5"}, content_type=PLAIN)

    return routes
