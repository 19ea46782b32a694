"""`/healthz`: whether this process answers and reaches its database. Open to all, says nothing else."""

from flask import Blueprint, Response
from sqlalchemy import text

from carecoord.store.engine import reading
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The one address."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        with reading(world.engine) as conn:
            conn.execute(text("SELECT 1"))
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    return routes
