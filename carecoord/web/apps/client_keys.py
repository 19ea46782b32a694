"""Our public keys as a client of EHRs and OpenID providers, at the address that they were given."""

from typing import Final

from flask import Blueprint, Response, jsonify

from auth.server.issuer import CLIENT_KEYS_PATH
from carecoord.actions.server import keys as server_keys
from carecoord.world import World

AGE: Final = 3_600  # seconds that others may keep the set: far less than a new key waits before it signs


def blueprint(world: World) -> Blueprint:
    """The key set, for anybody."""
    routes = Blueprint("client_keys", __name__)

    @routes.get(CLIENT_KEYS_PATH)
    def client_keys() -> Response:
        answer = jsonify(server_keys.published(world))
        answer.cache_control.public = True
        answer.cache_control.max_age = AGE
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    return routes
