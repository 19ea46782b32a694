"""The User-access Brands Bundle, for anybody: where the people of the organizations here can connect their apps.

Clause: SMART App Launch 2.2 brands.html (public, CORS on GET, an ETag and If-None-Match).
"""

from typing import Final

from flask import Blueprint, Response, request

from auth.server.issuer import BRANDS_PATH
from carecoord.actions.apps import brands
from carecoord.web.server.negotiation import ANSWER
from carecoord.world import World

AGE: Final = 300  # seconds that anybody may keep the Bundle without asking


def blueprint(world: World) -> Blueprint:
    """The Bundle at its one address."""
    routes = Blueprint("brands", __name__)

    @routes.get(BRANDS_PATH)
    def bundle() -> Response:
        found = brands.published(world)
        known = request.if_none_match.contains_weak(found.etag[3:-1])
        answer = Response(status=304) if known else Response(found.body, content_type=ANSWER)
        answer.headers["ETag"] = found.etag
        answer.headers["Cache-Control"] = f"public, max-age={AGE}"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Expose-Headers"] = "ETag"
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    return routes
