"""Whether a request can go to its payer by the way that was chosen, before it is sent."""

from carecoord.actions.access.turn import Turn
from carecoord.actions.prior_auth.pas import packets
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas import outgoing
from carecoord.domain.prior_auth.pas import request as request_bundle
from carecoord.domain.resource.elements import Json, item, items, target
from carecoord.errors import Problem, Unprocessable
from carecoord.fhir.validation import validate
from carecoord.store.prior_auth import payer_endpoints
from carecoord.words.sentence import sentence


def demand(turn: Turn, claim: Json) -> None:
    """Raise Unprocessable for a request that goes by PAS and can not: its payer takes none, or the Bundle would be
    refused. claim: as it would be stored."""
    if channels.channel(claim) != "pas":
        return
    payer = target(item(claim, "insurer")).removeprefix("Organization/")
    if payer_endpoints.one(turn.conn, payer) is None:
        raise Unprocessable(sentence("refusals.payer-takes-no-pas"), "channel")
    bundle = packets.gathered(turn.world, turn.conn, claim, str(claim["id"]))
    if lacking := outgoing.lacks(bundle):
        raise Unprocessable(sentence("refusals.pas-lacks", what=tuple(lacking)), "channel")
    try:
        request_bundle.read(bundle, "Claim/$submit")
        for entry in items(bundle, "entry"):
            validate.judge(item(entry, "resource"))
    except Problem as wrong:
        words = "; ".join(dict.fromkeys(each.text for each in wrong.all_issues()))
        raise Unprocessable(sentence("refusals.pas-bundle", what=words[:400]), "channel") from wrong
