"""Where payers tell us of answers to our requests: `POST /pas/notices/PAYER`, an address for each (Da Vinci PAS,
Subscription with the channel rest-hook)."""

from flask import Blueprint, Response, request

from carecoord.actions.prior_auth.pas_client import subscribe
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.fhir.outcome import outcome
from carecoord.world import World


def blueprint(world: World) -> Blueprint:
    """The address."""
    routes = Blueprint("pas_notices", __name__)

    @routes.post(f"{subscribe.PATH}/<payer>")
    def take(payer: str) -> Response:
        try:
            subscribe.take(world, payer, request.headers.get("Authorization", ""), request.get_data(cache=False))
        except Problem as problem:
            told = text.dumps(outcome(problem.all_issues()))
            return Response(told, problem.status, content_type="application/fhir+json")
        return Response(status=200)

    return routes
