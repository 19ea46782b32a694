"""What somebody at the clinic's desk does with a request that is with a payer by PAS: have the payer asked now. Nothing
of the request changes by it, so it is no act on the request: what the payer answers is."""

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import changing
from carecoord.actions.prior_auth import requests
from carecoord.actions.prior_auth.pas_client import due
from carecoord.domain.access import verbs
from carecoord.domain.resource.elements import key
from carecoord.errors import Conflict, Forbidden
from carecoord.store.prior_auth import sendings
from carecoord.words.sentence import sentence
from carecoord.world import World


def ask(world: World, grant: Grant, request: str, claim: str) -> None:
    """Have the payer asked how a request (the id of its first Claim) stands. Raises NotFound, Forbidden, Conflict where
    it did not go by PAS."""
    with changing(world, grant, request) as turn, noted(turn, "inquire", "Claim", claim):
        if not verbs.may(turn.grant.roles, "call-payer"):
            raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")
        found = requests.opened(turn, claim)
        sent = sendings.submitted(turn.conn, key(found.claim))
        if sent is None or sent.body is None:
            raise Conflict(sentence("refusals.not-sent-by-pas"), "http.act")
        due.ask(turn.conn, key(found.claim), turn.now)
